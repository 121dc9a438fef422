#include "cmd/quota_request.h"

enum { GET_ALIGNMENT = 4, ALIGNMENT = 8 };

/* QuotaLimit and QuotaThreshold that are no number of bytes. */
#define QUOTA_WIRE_NONE   UINT64_MAX
#define QUOTA_WIRE_DELETE (UINT64_MAX - 1)

/* How many entries the NextEntryOffsets chain up; 0 if they do not. */
static size_t count_entries(struct span list, size_t alignment)
{
	for (size_t n = 1; n <= QUOTA_SIDS_MAX; n++) {
		struct rd r = rd_of(list);
		uint32_t next = rd_u32(&r);

		if (!rd_ok(&r) || next % alignment || next >= list.len)
			return 0;
		if (next == 0)
			return n;
		list = span_from(list, next);
	}
	return 0;
}

/* The bytes of one entry, NextEntryOffset passed, and the list behind it. */
static struct rd entry_of(struct span *list)
{
	struct rd r = rd_of(*list);
	uint32_t next = rd_u32(&r);

	if (next)
		r = rd_of(span_head(*list, next));
	rd_seek(&r, sizeof(next));
	*list = span_from(*list, next);
	return r;
}

/* Exactly `len` bytes of r. */
static struct sid rd_sid_of(struct rd *r, uint32_t len)
{
	struct rd bytes = rd_of(rd_bytes(r, len));
	struct sid sid = rd_sid(&bytes);

	if (!rd_ok(&bytes) || rd_left(&bytes))
		rd_fail(r);
	return sid;
}

static nt_status decode_sids(struct span list, struct arena *a, struct quota_query *q)
{
	q->sid_count = count_entries(list, GET_ALIGNMENT);
	if (q->sid_count == 0)
		return STATUS_INVALID_PARAMETER;
	q->sids = arena_array(a, q->sid_count, sizeof(*q->sids));
	if (!q->sids)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < q->sid_count; i++) {
		struct rd r = entry_of(&list);
		uint32_t len = rd_u32(&r);

		q->sids[i] = rd_sid_of(&r, len);
		if (!rd_ok(&r))
			return STATUS_INVALID_PARAMETER;
	}
	return STATUS_SUCCESS;
}

nt_status quota_query_decode(struct span input, struct arena *a,
			     struct quota_query *ret_query)
{
	struct rd r = rd_of(input), sids;
	struct quota_query q = {.single = rd_u8(&r) != 0};
	uint32_t list_len, start_len, start_off;
	nt_status st = STATUS_SUCCESS;

	q.restart = rd_u8(&r) != 0;
	rd_skip(&r, 2); /* Reserved */
	list_len = rd_u32(&r);
	start_len = rd_u32(&r);
	start_off = rd_u32(&r);
	sids = rd_of(rd_rest(&r)); /* SidBuffer */
	if (list_len) {
		struct span list = rd_bytes(&sids, list_len);

		if (rd_ok(&sids))
			st = decode_sids(list, a, &q);
	} else if (start_len) {
		rd_seek(&sids, start_off);
		q.starts = true;
		q.start = rd_sid_of(&sids, start_len);
	}
	if (!rd_ok(&r) || !rd_ok(&sids))
		return STATUS_INVALID_PARAMETER;
	if (nt_ok(st))
		*ret_query = q;
	return st;
}

static bool limit_is_valid(uint64_t limit)
{
	return limit <= VFS_QUOTA_MAX || limit == QUOTA_WIRE_NONE ||
	       limit == QUOTA_WIRE_DELETE;
}

static nt_status decode_change(struct rd *r, struct quota_change *c)
{
	uint32_t len = rd_u32(r);

	rd_skip(r, 8 + 8); /* ChangeTime, QuotaUsed: ignored */
	c->soft = rd_u64(r);
	c->hard = rd_u64(r);
	c->sid = rd_sid_of(r, len);
	if (!rd_ok(r) || !limit_is_valid(c->soft) || !limit_is_valid(c->hard))
		return STATUS_INVALID_PARAMETER;
	c->deletes = c->hard == QUOTA_WIRE_DELETE;
	if (c->deletes || c->hard == QUOTA_WIRE_NONE)
		c->hard = VFS_QUOTA_NONE;
	if (c->deletes || c->soft > VFS_QUOTA_MAX)
		c->soft = VFS_QUOTA_NONE;
	return STATUS_SUCCESS;
}

nt_status quota_changes_decode(struct span input, struct arena *a,
			       struct quota_change **ret_changes, size_t *ret_count)
{
	size_t count = count_entries(input, ALIGNMENT);
	struct quota_change *changes;

	if (count == 0)
		return STATUS_INVALID_PARAMETER;
	changes = arena_array(a, count, sizeof(*changes));
	if (!changes)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < count; i++) {
		struct rd r = entry_of(&input);
		nt_status st = decode_change(&r, &changes[i]);

		if (!nt_ok(st))
			return st;
	}
	*ret_changes = changes;
	*ret_count = count;
	return STATUS_SUCCESS;
}

size_t quota_entry_len(const struct sid *sid)
{
	return QUOTA_ENTRY_LEN + sid_len(sid);
}

static uint64_t wire_limit(uint64_t limit)
{
	return limit == VFS_QUOTA_NONE ? QUOTA_WIRE_NONE : limit;
}

void wr_quota_entry(struct wr *w, const struct sid *sid, const struct vfs_quota *q,
		    size_t *last)
{
	size_t start;

	if (*last != SIZE_MAX) { /* its alignment counts from the first */
		wr_zero(w, (ALIGNMENT - (wr_pos(w) - *last) % ALIGNMENT) % ALIGNMENT);
		wr_fill_u32(w, *last, (uint32_t)(wr_pos(w) - *last));
	}
	start = wr_hole_u32(w); /* NextEntryOffset */
	*last = start;
	wr_u32(w, (uint32_t)sid_len(sid));
	wr_u64(w, 0); /* ChangeTime: nobody keeps it */
	wr_u64(w, q ? q->used : 0);
	wr_u64(w, q ? wire_limit(q->soft) : 0);
	wr_u64(w, q ? wire_limit(q->hard) : 0);
	wr_sid(w, sid);
}
