#include "cmd/create_contexts.h"

#include "cmd/ea.h"
#include "wire/rd.h"
#include "wire/smb2_proto.h"

enum { CONTEXTS_MAX = 64, NAME_LEN = 4, QFID_LEN = 32, MXAC_LEN = 8 };

static nt_status decode_mxac(struct rd *r, struct arena *a, struct create_contexts *c)
{
	/* empty, or a Timestamp that only optimises: 2.2.13.2.5 */
	if (rd_left(r) != 0 && rd_left(r) != 8)
		return STATUS_INVALID_PARAMETER;
	c->maximal_access = true;
	return STATUS_SUCCESS;
}

static nt_status decode_qfid(struct rd *r, struct arena *a, struct create_contexts *c)
{
	if (rd_left(r) != 0)
		return STATUS_INVALID_PARAMETER;
	c->on_disk_id = true;
	return STATUS_SUCCESS;
}

/* All of r is one 64-bit number. */
static nt_status decode_u64(struct rd *r, uint64_t *ret)
{
	*ret = rd_u64(r);
	return rd_ok(r) && rd_left(r) == 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static nt_status decode_alsi(struct rd *r, struct arena *a, struct create_contexts *c)
{
	c->has_allocation = true;
	return decode_u64(r, &c->allocation);
}

static nt_status decode_secd(struct rd *r, struct arena *a, struct create_contexts *c)
{
	c->descriptor = arena_alloc(a, sizeof(*c->descriptor));
	if (!c->descriptor)
		return STATUS_INSUFFICIENT_RESOURCES;
	return sd_decode(a, rd_rest(r), c->descriptor);
}

static nt_status decode_exta(struct rd *r, struct arena *a, struct create_contexts *c)
{
	return ea_decode(rd_rest(r), a, &c->eas, &c->ea_count);
}

static nt_status decode_twrp(struct rd *r, struct arena *a, struct create_contexts *c)
{
	return decode_u64(r, &c->snapshot);
}

/* The two versions are told apart by their length. */
static nt_status decode_lease(struct rd *r, struct arena *a, struct create_contexts *c)
{
	struct create_lease l = {.version = 1};
	size_t len = rd_left(r);

	if (len != SMB2_LEASE_CONTEXT_LEN && len != SMB2_LEASE_CONTEXT_V2_LEN)
		return STATUS_INVALID_PARAMETER;
	rd_copy(r, l.key, sizeof(l.key));
	l.state = rd_u32(r);
	l.flags = rd_u32(r);
	rd_skip(r, 8); /* LeaseDuration: reserved */
	if (len == SMB2_LEASE_CONTEXT_V2_LEN) {
		l.version = 2;
		rd_copy(r, l.parent_key, sizeof(l.parent_key));
		l.epoch = rd_u16(r);
		rd_skip(r, 2); /* Reserved */
	}
	c->lease = l;
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static nt_status decode_dhnq(struct rd *r, struct arena *a, struct create_contexts *c)
{
	c->durable.ask_v1 = true; /* all of it is reserved */
	return rd_left(r) == SMB2_DURABLE_REQUEST_LEN ? STATUS_SUCCESS
						      : STATUS_INVALID_PARAMETER;
}

static nt_status decode_dhnc(struct rd *r, struct arena *a, struct create_contexts *c)
{
	c->durable.again_v1 = true;
	if (rd_left(r) != SMB2_DURABLE_RECONNECT_LEN)
		return STATUS_INVALID_PARAMETER;
	c->durable.persistent_id = rd_u64(r); /* the volatile id is no longer true */
	return STATUS_SUCCESS;
}

static nt_status decode_dh2q(struct rd *r, struct arena *a, struct create_contexts *c)
{
	struct create_durable *d = &c->durable;

	d->ask_v2 = true;
	if (rd_left(r) != SMB2_DURABLE_REQUEST_V2_LEN)
		return STATUS_INVALID_PARAMETER;
	d->timeout_ms = rd_u32(r);
	d->flags = rd_u32(r);
	rd_skip(r, 8); /* Reserved */
	d->create_guid = rd_guid(r);
	return STATUS_SUCCESS;
}

static nt_status decode_dh2c(struct rd *r, struct arena *a, struct create_contexts *c)
{
	struct create_durable *d = &c->durable;

	d->again_v2 = true;
	if (rd_left(r) != SMB2_DURABLE_RECONNECT_V2_LEN)
		return STATUS_INVALID_PARAMETER;
	d->persistent_id = rd_u64(r);
	rd_skip(r, 8); /* FileId.Volatile: no longer true */
	d->create_guid = rd_guid(r);
	d->flags = rd_u32(r);
	return STATUS_SUCCESS;
}

static nt_status decode_instance(struct rd *r, struct arena *a, struct create_contexts *c)
{
	if (rd_left(r) != SMB2_APP_INSTANCE_ID_LEN)
		return STATUS_INVALID_PARAMETER;
	rd_skip(r, 2 + 2); /* StructureSize, Reserved */
	c->instance.there = true;
	c->instance.id = rd_guid(r);
	return STATUS_SUCCESS;
}

static nt_status decode_version(struct rd *r, struct arena *a, struct create_contexts *c)
{
	struct instance_version *v = &c->instance.version;

	if (rd_left(r) != SMB2_APP_INSTANCE_VERSION_LEN)
		return STATUS_INVALID_PARAMETER;
	rd_skip(r, 2 + 2 + 4); /* StructureSize, Reserved, Padding */
	v->there = true;
	v->high = rd_u64(r);
	v->low = rd_u64(r);
	return STATUS_SUCCESS;
}

static const struct {
	const char *name; /* without a zero inside */
	nt_status (*decode)(struct rd *r, struct arena *a, struct create_contexts *c);
} decoders[] = {
	{SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST, decode_mxac},
	{SMB2_CREATE_QUERY_ON_DISK_ID, decode_qfid},
	{SMB2_CREATE_ALLOCATION_SIZE, decode_alsi},
	{SMB2_CREATE_SD_BUFFER, decode_secd},
	{SMB2_CREATE_EA_BUFFER, decode_exta},
	{SMB2_CREATE_TIMEWARP_TOKEN, decode_twrp},
	{SMB2_CREATE_REQUEST_LEASE, decode_lease},
	{SMB2_CREATE_DURABLE_HANDLE_REQUEST, decode_dhnq},
	{SMB2_CREATE_DURABLE_HANDLE_RECONNECT, decode_dhnc},
	{SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, decode_dh2q},
	{SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2, decode_dh2c},
	{SMB2_CREATE_APP_INSTANCE_ID, decode_instance},
	{SMB2_CREATE_APP_INSTANCE_VERSION, decode_version},
};

/* By its name, unless it is of a feature not offered. `seen`: which decoders have been used, a bit each. */
static nt_status decode_data(struct span name, struct rd *data, struct arena *a,
			     struct create_contexts *c, uint32_t *seen)
{
	for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
		if (!span_eq(name, span_of_str(decoders[i].name)))
			continue;
		if (*seen & 1u << i)
			return STATUS_INVALID_PARAMETER;
		*seen |= 1u << i;
		return decoders[i].decode(data, a, c);
	}
	return STATUS_SUCCESS;
}

/* One context within its own bytes: [MS-SMB2] 2.2.13.2 */
static nt_status decode_one(struct rd *r, struct arena *a, struct create_contexts *c,
			    uint32_t *seen)
{
	uint16_t name_off, name_len, data_off;
	uint32_t data_len;
	struct rd name, data;

	rd_seek(r, 4); /* behind Next */
	name_off = rd_u16(r);
	name_len = rd_u16(r);
	rd_skip(r, 2); /* Reserved */
	data_off = rd_u16(r);
	data_len = rd_u32(r);
	name = rd_at(r, name_off, name_len);
	data = rd_at(r, data_off, data_len);
	if (!rd_ok(r) || name_len < NAME_LEN || name_off < SMB2_CREATE_CONTEXT_HEADER_LEN)
		return STATUS_INVALID_PARAMETER;
	if (data_len && (data_off % 8 || data_off < SMB2_CREATE_CONTEXT_HEADER_LEN))
		return STATUS_INVALID_PARAMETER;
	return decode_data(rd_rest(&name), &data, a, c, seen);
}

nt_status create_contexts_decode(struct span list, struct arena *a,
				 struct create_contexts *ret_contexts)
{
	struct create_contexts c = {0};
	uint32_t seen = 0;

	for (size_t n = 0; list.len; n++) {
		struct rd r = rd_of(list);
		uint32_t next = rd_u32(&r);
		nt_status st;

		if (!rd_ok(&r) || n == CONTEXTS_MAX || next % 8 || next >= list.len ||
		    (next && next < SMB2_CREATE_CONTEXT_HEADER_LEN))
			return STATUS_INVALID_PARAMETER;
		r = rd_of(next ? span_head(list, next) : list);
		st = decode_one(&r, a, &c, &seen);
		if (!nt_ok(st))
			return st;
		if (!next)
			break;
		list = span_from(list, next);
	}
	*ret_contexts = c;
	return STATUS_SUCCESS;
}

/* Header and name of one answer; *last is where the one before begins, to be pointed here, or SIZE_MAX. */
static void wr_context(struct wr *w, const char *name, uint32_t len, size_t *last)
{
	size_t start;

	wr_align(w, 8);
	start = wr_pos(w);
	if (*last != SIZE_MAX)
		wr_fill_u32(w, *last, (uint32_t)(start - *last));
	*last = start;
	wr_u32(w, 0);                              /* Next: none so far */
	wr_u16(w, SMB2_CREATE_CONTEXT_HEADER_LEN); /* NameOffset */
	wr_u16(w, NAME_LEN);
	wr_u16(w, 0);                                  /* Reserved */
	wr_u16(w, SMB2_CREATE_CONTEXT_HEADER_LEN + 8); /* DataOffset */
	wr_u32(w, len);
	wr_bytes(w, span_of(name, NAME_LEN));
	wr_zero(w, 4);
}

/* [MS-SMB2] 2.2.14.2.10, 2.2.14.2.11 */
static void wr_lease(struct wr *w, const struct create_lease *l, size_t *last)
{
	bool v2 = l->version == 2;

	wr_context(w, SMB2_CREATE_REQUEST_LEASE,
		   v2 ? SMB2_LEASE_CONTEXT_V2_LEN : SMB2_LEASE_CONTEXT_LEN, last);
	wr_bytes(w, span_of(l->key, sizeof(l->key)));
	wr_u32(w, l->state);
	wr_u32(w, l->flags);
	wr_u64(w, 0); /* LeaseDuration */
	if (!v2)
		return;
	if (l->flags & SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET)
		wr_bytes(w, span_of(l->parent_key, sizeof(l->parent_key)));
	else
		wr_zero(w, sizeof(l->parent_key));
	wr_u16(w, l->epoch);
	wr_u16(w, 0); /* Reserved */
}

/* [MS-SMB2] 2.2.14.2.3, 2.2.14.2.12. No handle is persistent: Flags is 0. */
static void wr_durable(struct wr *w, const struct create_durable *d, size_t *last)
{
	if (d->granted == 1) {
		wr_context(w, SMB2_CREATE_DURABLE_HANDLE_REQUEST,
			   SMB2_DURABLE_RESPONSE_LEN, last);
		wr_u64(w, 0); /* Reserved */
		return;
	}
	wr_context(w, SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, SMB2_DURABLE_RESPONSE_V2_LEN,
		   last);
	wr_u32(w, d->timeout_ms);
	wr_u32(w, 0); /* Flags */
}

void create_contexts_encode(struct wr *w, const struct create_contexts *c,
			    uint32_t maximal_access, const struct node_key *key)
{
	size_t last = SIZE_MAX;

	if (c->maximal_access) {
		wr_context(w, SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST, MXAC_LEN, &last);
		wr_u32(w, 0); /* QueryStatus: STATUS_SUCCESS */
		wr_u32(w, maximal_access);
	}
	if (c->on_disk_id) {
		wr_context(w, SMB2_CREATE_QUERY_ON_DISK_ID, QFID_LEN, &last);
		wr_u64(w, key->inode);
		wr_u64(w, key->volume);
		wr_zero(w, 16); /* Reserved */
	}
	if (c->lease.version)
		wr_lease(w, &c->lease, &last);
	if (c->durable.granted)
		wr_durable(w, &c->durable, &last);
}
