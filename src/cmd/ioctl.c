/* SMB2 IOCTL: a table of controls.  Spec: [MS-SMB2] 2.2.31, 2.2.32, 3.3.5.15 */
#include "cmd/ioctl.h"

#include "cmd/compression.h"
#include "cmd/copy_chunk.h"
#include "cmd/duplicate_extents.h"
#include "cmd/network_interfaces.h"
#include "cmd/pipe_io.h"
#include "cmd/reparse_point.h"
#include "cmd/sparse.h"
#include "rpc/pipe.h"
#include "wire/utf16.h"

enum {
	OFF_COUNTS = SMB2_HEADER_LEN + 28, /* InputCount in the request */
	RESPONSE_FIXED_LEN = 48,
	VALIDATE_INFO_LEN = 24,
	OBJECT_ID_LEN = 64,
};

uint32_t cmd_ioctl_payload(struct req *q)
{
	struct rd r = rd_of(q->message);
	uint64_t in, out;

	rd_seek(&r, OFF_COUNTS);
	in = rd_u32(&r);
	out = rd_u32(&r); /* MaxInputResponse */
	rd_skip(&r, 4);
	in += rd_u32(&r); /* OutputCount */
	out += rd_u32(&r);
	in = in > out ? in : out;
	return in > UINT32_MAX ? UINT32_MAX : (uint32_t)in;
}

static nt_status ioctl_decode(struct rd *r, struct ioctl *c)
{
	uint32_t off, len, flags;
	struct rd input;

	rd_struct_size(r, 57);
	rd_skip(r, 2); /* Reserved */
	c->code = rd_u32(r);
	c->id = rd_file_id(r);
	off = rd_u32(r);
	len = rd_u32(r);
	rd_skip(r, 4 + 4 + 4); /* MaxInputResponse, OutputOffset, OutputCount */
	c->max_output = rd_u32(r);
	flags = rd_u32(r);
	rd_skip(r, 4); /* Reserved2 */
	input = rd_at(r, off, len);
	c->input = rd_rest(&input);
	if (!rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	return flags == SMB2_0_IOCTL_IS_FSCTL ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

nt_status ioctl_file(struct req *q, const struct ioctl *c, size_t len)
{
	nt_status st = req_open_get(q, c->id);

	if (!nt_ok(st))
		return st;
	if (!q->open->node)
		return STATUS_INVALID_DEVICE_REQUEST;
	return c->max_output < len ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

struct mspan ioctl_room(struct req *q, size_t len)
{
	struct wr *w = req_reply(q, RESPONSE_FIXED_LEN + len);

	if (!wr_ok(w))
		return (struct mspan){0};
	return mspan_of(w->p + SMB2_HEADER_LEN + RESPONSE_FIXED_LEN, len);
}

void ioctl_encode(struct req *q, const struct ioctl *c, size_t len)
{
	struct wr *w = &q->w;
	uint32_t off = SMB2_HEADER_LEN + RESPONSE_FIXED_LEN;

	wr_u16(w, 49); /* StructureSize */
	wr_u16(w, 0);  /* Reserved */
	wr_u32(w, c->code);
	wr_file_id(w, c->id);
	wr_u32(w, off); /* InputOffset */
	wr_u32(w, 0);   /* InputCount */
	wr_u32(w, off); /* OutputOffset */
	wr_u32(w, (uint32_t)len);
	wr_u32(w, 0); /* Flags */
	wr_u32(w, 0); /* Reserved2 */
	(void)!wr_room(w, len);
}

nt_status ioctl_answer_nothing(struct req *q, const struct ioctl *c)
{
	(void)ioctl_room(q, 0);
	ioctl_encode(q, c, 0);
	return STATUS_SUCCESS;
}

static bool is_none(struct file_id id)
{
	return id.persistent_id == UINT64_MAX && id.volatile_id == UINT64_MAX;
}

static nt_status ioctl_dfs(struct req *q, const struct ioctl *c)
{
	return STATUS_FS_DRIVER_REQUIRED; /* no DFS here: 3.3.5.15.2 */
}

/* Is what the client says of its NEGOTIATE what we received? Nothing else may be answered. */
static bool validate_matches(const struct conn *c, struct rd r)
{
	uint32_t capabilities = rd_u32(&r);
	struct span guid = rd_bytes(&r, sizeof(c->client_guid));
	uint16_t security_mode = rd_u16(&r);
	uint16_t count = rd_u16(&r);

	if (rd_fit(&r, count, 2) != c->client_dialect_count || !rd_ok(&r))
		return false;
	for (size_t i = 0; i < c->client_dialect_count; i++)
		if (rd_u16(&r) != c->client_dialects[i])
			return false;
	return capabilities == c->client_capabilities &&
	       security_mode == c->client_security_mode &&
	       span_eq(guid, span_of(c->client_guid, sizeof(c->client_guid)));
}

/* [MS-SMB2] 3.3.5.15.12: a downgrade ends the connection, and so does asking on 3.1.1, which needs none of this. */
static nt_status ioctl_validate_negotiate(struct req *q, const struct ioctl *c)
{
	struct conn *conn = q->conn;
	struct wr w;
	struct mspan out;

	if (!is_none(c->id))
		return STATUS_INVALID_PARAMETER;
	if (conn->dialect == SMB2_DIALECT_311 || c->max_output < VALIDATE_INFO_LEN ||
	    !validate_matches(conn, rd_of(c->input))) {
		refuse_other(q, REFUSED_NEGOTIATE, STATUS_CONNECTION_DISCONNECTED);
		conn_disconnect(
			conn, "VALIDATE_NEGOTIATE_INFO does not fit what was negotiated");
		return STATUS_CONNECTION_DISCONNECTED;
	}
	out = ioctl_room(q, VALIDATE_INFO_LEN);
	w = wr_of(out);
	wr_u32(&w, conn->server_capabilities);
	wr_bytes(&w, span_of(conn->server->guid, sizeof(conn->server->guid)));
	wr_u16(&w, conn->server_security_mode);
	wr_u16(&w, conn->dialect);
	ioctl_encode(q, c, VALIDATE_INFO_LEN);
	return STATUS_SUCCESS;
}

/* Every pipe there is can be opened at once. [MS-FSCC] 2.3.49 */
static nt_status ioctl_pipe_wait(struct req *q, const struct ioctl *c)
{
	struct rd r = rd_of(c->input);
	struct pipe *pipe;
	uint32_t len;
	struct span name;
	char *text;
	nt_status st;

	rd_skip(&r, 8); /* Timeout */
	len = rd_u32(&r);
	rd_skip(&r, 1 + 1); /* TimeoutSpecified, Padding */
	name = rd_bytes(&r, len);
	if (!rd_ok(&r) || !is_none(c->id) || q->tree->share->kind != SHARE_PIPE)
		return STATUS_INVALID_PARAMETER;
	if (utf16_to_utf8(&q->arena, name, &text) != 0)
		return STATUS_OBJECT_NAME_INVALID;
	st = pipe_open(text, &pipe);
	if (!nt_ok(st))
		return st;
	pipe_free(pipe);
	return ioctl_answer_nothing(q, c);
}

static nt_status ioctl_pipe_transceive(struct req *q, const struct ioctl *c)
{
	nt_status st = req_open_get(q, c->id);

	if (!nt_ok(st))
		return st;
	return q->open->node ? STATUS_INVALID_DEVICE_REQUEST : pipe_cmd_transceive(q, c);
}

static void wr_object_id(struct wr *w, const struct node_key *key)
{
	wr_u64(w, key->inode);
	wr_u64(w, key->volume);
}

/*
 * Every file has an object id from the start: what tells it from the others of its volume. So it has been nowhere else
 * before, and none is ever made. [MS-FSA] 2.1.5.10.1, 2.1.5.10.11; [MS-FSCC] 2.1.3.1
 */
static nt_status ioctl_object_id(struct req *q, const struct ioctl *c)
{
	nt_status st = ioctl_file(q, c, OBJECT_ID_LEN);
	struct wr w;

	if (!nt_ok(st))
		return st;
	w = wr_of(ioctl_room(q, OBJECT_ID_LEN));
	wr_object_id(&w, &q->open->node->key); /* ObjectId */
	wr_u64(&w, q->open->node->key.volume); /* BirthVolumeId */
	wr_u64(&w, 0);
	wr_object_id(&w, &q->open->node->key); /* BirthObjectId */
	wr_zero(&w, 16);                       /* DomainId */
	ioctl_encode(q, c, OBJECT_ID_LEN);
	return STATUS_SUCCESS;
}

static const struct {
	uint32_t code;
	nt_status (*run)(struct req *q, const struct ioctl *c);
} controls[] = {
	{FSCTL_VALIDATE_NEGOTIATE_INFO, ioctl_validate_negotiate},
	{FSCTL_QUERY_NETWORK_INTERFACE_INFO, cmd_network_interfaces},
	{FSCTL_CREATE_OR_GET_OBJECT_ID, ioctl_object_id},
	{FSCTL_GET_OBJECT_ID, ioctl_object_id},
	{FSCTL_GET_COMPRESSION, ioctl_get_compression},
	{FSCTL_SET_COMPRESSION, ioctl_set_compression},
	{FSCTL_SET_SPARSE, ioctl_set_sparse},
	{FSCTL_SET_ZERO_DATA, ioctl_set_zero_data},
	{FSCTL_QUERY_ALLOCATED_RANGES, ioctl_allocated_ranges},
	{FSCTL_FILE_LEVEL_TRIM, ioctl_trim},
	{FSCTL_DUPLICATE_EXTENTS_TO_FILE, ioctl_duplicate_extents},
	{FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX, ioctl_duplicate_extents},
	{FSCTL_GET_REPARSE_POINT, ioctl_get_reparse_point},
	{FSCTL_SET_REPARSE_POINT, ioctl_set_reparse_point},
	{FSCTL_DELETE_REPARSE_POINT, ioctl_delete_reparse_point},
	{FSCTL_SRV_REQUEST_RESUME_KEY, ioctl_resume_key},
	{FSCTL_SRV_COPYCHUNK, ioctl_copy_chunk},
	{FSCTL_SRV_COPYCHUNK_WRITE, ioctl_copy_chunk},
	{FSCTL_PIPE_TRANSCEIVE, ioctl_pipe_transceive},
	{FSCTL_PIPE_WAIT, ioctl_pipe_wait},
	{FSCTL_DFS_GET_REFERRALS, ioctl_dfs},
	{FSCTL_DFS_GET_REFERRALS_EX, ioctl_dfs},
};

nt_status cmd_ioctl(struct req *q)
{
	struct ioctl *c = arena_alloc(&q->arena, sizeof(*c));
	nt_status st;

	if (!c)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = ioctl_decode(&q->body, c);
	if (!nt_ok(st))
		return st;
	if (c->input.len > q->conn->max_transact || c->max_output > q->conn->max_transact)
		return STATUS_INVALID_PARAMETER;
	for (size_t i = 0; i < ARRAY_LEN(controls); i++)
		if (controls[i].code == c->code)
			return controls[i].run(q, c);
	/* not ours; but a file that is named must be there */
	st = is_none(c->id) && !q->related ? STATUS_SUCCESS : req_open_get(q, c->id);
	return nt_ok(st) ? STATUS_INVALID_DEVICE_REQUEST : st;
}
