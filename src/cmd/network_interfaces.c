#include "cmd/network_interfaces.h"

enum { ADDRESSES_MAX = 256 };

struct query {
	struct job job;
	const struct ioctl *ioctl;
	const struct conf *conf; /* of the request's snapshot */
	size_t (*list)(const struct conf *conf, struct net_address *ret, size_t max);
	size_t count;
	struct net_address addresses[ADDRESSES_MAX];
};

/* [MS-SMB2] 2.2.32.5.1: Port, and what only IPv6 has, are reserved. */
static void wr_sockaddr(struct wr *w, const struct net_address *a)
{
	size_t end = wr_pos(w) + SMB2_SOCKADDR_STORAGE_LEN;

	wr_u16(w, a->ipv6 ? SMB2_SOCKADDR_INTERNETWORK_V6 : SMB2_SOCKADDR_INTERNETWORK);
	wr_u16(w, 0); /* Port */
	if (a->ipv6)
		wr_u32(w, 0); /* FlowInfo */
	wr_bytes(w, span_of(a->address, a->ipv6 ? 16 : 4));
	wr_zero(w, end - wr_pos(w));
}

void network_interfaces_encode(struct wr *w, const struct net_address *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		wr_u32(w, i + 1 < count ? NETWORK_INTERFACE_INFO_LEN : 0); /* Next */
		wr_u32(w, list[i].if_index);
		wr_u32(w, list[i].rss ? RSS_CAPABLE : 0);
		wr_u32(w, 0); /* Reserved */
		wr_u64(w, list[i].link_speed);
		wr_sockaddr(w, &list[i]);
	}
}

/* In the pool: the system is asked. */
static int query_run(struct job *j)
{
	struct query *y = container_of(j, struct query, job);

	y->count = y->list(y->conf, y->addresses, ADDRESSES_MAX);
	return 0;
}

static nt_status query_done(struct req *q, int err, struct wr *w)
{
	const struct query *y = q->state;
	size_t len = y->count * NETWORK_INTERFACE_INFO_LEN;
	struct mspan room;
	struct wr out;

	if (len > y->ioctl->max_output)
		return STATUS_BUFFER_TOO_SMALL;
	room = ioctl_room(q, len);
	if (!room.p)
		return STATUS_INSUFFICIENT_RESOURCES;
	out = wr_of(room);
	network_interfaces_encode(&out, y->addresses, y->count);
	ioctl_encode(q, y->ioctl, len);
	return STATUS_SUCCESS;
}

nt_status cmd_network_interfaces(struct req *q, const struct ioctl *c)
{
	struct smb_server *server = q->conn->server;
	struct query *y;

	if (!(q->conn->server_capabilities & SMB2_GLOBAL_CAP_MULTI_CHANNEL) ||
	    !server->net_addresses)
		return STATUS_NOT_SUPPORTED;
	if (c->id.persistent_id != UINT64_MAX || c->id.volatile_id != UINT64_MAX)
		return STATUS_INVALID_PARAMETER;
	y = arena_alloc(&q->arena, sizeof(*y));
	if (!y)
		return STATUS_INSUFFICIENT_RESOURCES;
	y->ioctl = c;
	y->conf = q->snap->conf;
	y->list = server->net_addresses;
	y->job.run = query_run;
	y->job.wait = req_wait(q, query_done);
	q->state = y;
	exec_run(q->lane->lane->exec, EXEC_IO, &y->job);
	return STATUS_PENDING;
}
