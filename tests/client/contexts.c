/* contexts.c - see contexts.h */
#include "client/contexts.h"

enum {
	NAME_LEN = 4, /* of those known here */
	DATA_OFF = SMB2_CREATE_CONTEXT_HEADER_LEN + 8,
	DISK_ID_LEN = 32,
};

/* Where the last context of the list begins; SIZE_MAX: there is none. */
static size_t last_context(struct span list)
{
	struct rd r = rd_of(list);
	uint32_t next;
	size_t at = 0;

	if (list.len == 0)
		return SIZE_MAX;
	while ((next = rd_u32(&r)) != 0 && rd_ok(&r)) {
		at += next;
		rd_seek(&r, at);
	}
	return at;
}

static void wr_context(struct wr *w, const char *name, size_t len)
{
	size_t last = last_context(wr_done(w));

	wr_align(w, 8);
	if (last != SIZE_MAX)
		wr_fill_u32(w, last, (uint32_t)(wr_pos(w) - last));
	wr_u32(w, 0);                              /* Next */
	wr_u16(w, SMB2_CREATE_CONTEXT_HEADER_LEN); /* NameOffset */
	wr_u16(w, NAME_LEN);
	wr_u16(w, 0); /* Reserved */
	wr_u16(w, len ? DATA_OFF : 0);
	wr_u32(w, (uint32_t)len);
	wr_bytes(w, span_of(name, NAME_LEN));
	if (len)
		wr_zero(w, 4);
}

void context_lease(struct wr *w, const struct client_lease *l)
{
	wr_context(w, SMB2_CREATE_REQUEST_LEASE,
		   l->v2 ? SMB2_LEASE_CONTEXT_V2_LEN : SMB2_LEASE_CONTEXT_LEN);
	wr_bytes(w, span_of(l->key, sizeof(l->key)));
	wr_u32(w, l->state);
	wr_u32(w, l->flags);
	wr_u64(w, 0); /* LeaseDuration */
	if (!l->v2)
		return;
	wr_bytes(w, span_of(l->parent_key, sizeof(l->parent_key)));
	wr_u16(w, l->epoch);
	wr_u16(w, 0); /* Reserved */
}

void context_disk_id(struct wr *w)
{
	wr_context(w, SMB2_CREATE_QUERY_ON_DISK_ID, 0);
}

void context_durable(struct wr *w, const struct guid *create_guid)
{
	wr_context(w, SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, SMB2_DURABLE_REQUEST_V2_LEN);
	wr_zero(w, 16); /* Timeout, Flags, Reserved */
	wr_bytes(w, span_of(create_guid->bytes, GUID_LEN));
}

/* Cut the context that `list` begins with off it. */
static bool context_take(struct span *list, struct span *ret_name, struct span *ret_data)
{
	struct rd r = rd_of(*list), name, data;
	uint32_t next = rd_u32(&r), data_len;
	uint16_t name_off, name_len, data_off;

	if (!rd_ok(&r) || next % 8 || next >= list->len)
		return false;
	r = rd_of(next ? span_head(*list, next) : *list);
	rd_skip(&r, 4); /* Next */
	name_off = rd_u16(&r);
	name_len = rd_u16(&r);
	rd_skip(&r, 2); /* Reserved */
	data_off = rd_u16(&r);
	data_len = rd_u32(&r);
	name = rd_at(&r, name_off, name_len);
	data = rd_at(&r, data_off, data_len);
	if (!rd_ok(&r) || name_len < NAME_LEN ||
	    name_off < SMB2_CREATE_CONTEXT_HEADER_LEN ||
	    (data_len && (data_off % 8 || data_off < name_off + name_len)))
		return false;
	*ret_name = rd_rest(&name);
	*ret_data = rd_rest(&data);
	*list = next ? span_from(*list, next) : span_of(NULL, 0);
	return true;
}

/* The one of that name; more than one count as none. */
static bool context_find(struct span list, const char *name, struct span *ret_data)
{
	struct span n, data;
	size_t found = 0;

	while (list.len && context_take(&list, &n, &data))
		if (span_eq(n, span_of(name, NAME_LEN))) {
			*ret_data = data;
			found++;
		}
	return found == 1 && list.len == 0;
}

bool answer_lease(const struct answer_create *a, struct client_lease *ret)
{
	struct client_lease l = {0};
	struct span data;
	struct rd r;

	if (!context_find(a->contexts, SMB2_CREATE_REQUEST_LEASE, &data))
		return false;
	l.v2 = data.len == SMB2_LEASE_CONTEXT_V2_LEN;
	if (!l.v2 && data.len != SMB2_LEASE_CONTEXT_LEN)
		return false;
	r = rd_of(data);
	rd_copy(&r, l.key, sizeof(l.key));
	l.state = rd_u32(&r);
	l.flags = rd_u32(&r);
	rd_skip(&r, 8); /* LeaseDuration */
	if (l.v2) {
		rd_copy(&r, l.parent_key, sizeof(l.parent_key));
		l.epoch = rd_u16(&r);
	}
	if (!rd_ok(&r) || l.state & ~SMB2_LEASE_ALL)
		return false;
	*ret = l;
	return true;
}

bool answer_disk_id(const struct answer_create *a, uint64_t *ret_file,
		    uint64_t *ret_volume)
{
	struct span data;
	struct rd r;

	if (!context_find(a->contexts, SMB2_CREATE_QUERY_ON_DISK_ID, &data) ||
	    data.len != DISK_ID_LEN)
		return false;
	r = rd_of(data);
	*ret_file = rd_u64(&r);
	*ret_volume = rd_u64(&r);
	return true;
}

static bool level_is_known(uint8_t level)
{
	return level == SMB2_OPLOCK_LEVEL_NONE || level == SMB2_OPLOCK_LEVEL_II ||
	       level == SMB2_OPLOCK_LEVEL_EXCLUSIVE || level == SMB2_OPLOCK_LEVEL_BATCH ||
	       level == SMB2_OPLOCK_LEVEL_LEASE;
}

const char *contexts_check(const struct answer_create *a)
{
	struct span list = a->contexts, name, data;
	struct client_lease lease;
	bool named = false;

	while (list.len) {
		if (!context_take(&list, &name, &data))
			return "malformed list of create contexts";
		if (span_eq(name, span_of(SMB2_CREATE_REQUEST_LEASE, NAME_LEN)))
			named = true;
	}
	if (!level_is_known(a->oplock))
		return "no such OplockLevel";
	if (!named && a->oplock == SMB2_OPLOCK_LEVEL_LEASE)
		return "OplockLevel says lease, and there is none";
	if (named && !answer_lease(a, &lease))
		return "malformed lease";
	return NULL;
}
