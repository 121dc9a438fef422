/* srvsvc_share.c - the Server Service on shares.  Spec: [MS-SRVS] 3.1.4.8 - 3.1.4.10, 2.2.4.22 - 2.2.4.38 */
#include "rpc/srvsvc.h"

#include "rpc/dcerpc.h"
#include "wire/utf16.h"

enum share_field {
	FIELD_END = 0,
	FIELD_NETNAME,
	FIELD_TYPE,
	FIELD_REMARK,
	FIELD_PERMISSIONS,
	FIELD_MAX_USES,
	FIELD_CURRENT_USES,
	FIELD_PATH,
	FIELD_PASSWD,
	FIELD_SERVERNAME,
	FIELD_FLAGS,
	FIELD_SECURITY_DESCRIPTOR, /* reserved and security_descriptor: length and bytes */
	FIELDS_MAX,
};

/* An information level is a sequence of fields. */
struct share_level {
	uint32_t level;
	bool in_get;                /* NetrShareGetInfo knows it; else it is set only */
	bool in_enum;               /* NetrShareEnum, too			*/
	bool in_sticky;             /* NetrShareEnumSticky, too		*/
	bool administrator;         /* not for everyone			*/
	uint8_t fields[FIELDS_MAX]; /* enum share_field, up to FIELD_END */
};

/* clang-format off */
static const struct share_level share_levels[] = {
	{0, true, true, true, false, {FIELD_NETNAME}},
	{1, true, true, true, false, {FIELD_NETNAME, FIELD_TYPE, FIELD_REMARK}},
	{2, true, true, true, true,
	 {FIELD_NETNAME, FIELD_TYPE, FIELD_REMARK, FIELD_PERMISSIONS, FIELD_MAX_USES, FIELD_CURRENT_USES,
	  FIELD_PATH, FIELD_PASSWD}},
	{501, true, true, false, false, {FIELD_NETNAME, FIELD_TYPE, FIELD_REMARK, FIELD_FLAGS}},
	{502, true, true, true, true,
	 {FIELD_NETNAME, FIELD_TYPE, FIELD_REMARK, FIELD_PERMISSIONS, FIELD_MAX_USES, FIELD_CURRENT_USES,
	  FIELD_PATH, FIELD_PASSWD, FIELD_SECURITY_DESCRIPTOR}},
	{503, true, true, true, true,
	 {FIELD_NETNAME, FIELD_TYPE, FIELD_REMARK, FIELD_PERMISSIONS, FIELD_MAX_USES, FIELD_CURRENT_USES,
	  FIELD_PATH, FIELD_PASSWD, FIELD_SERVERNAME, FIELD_SECURITY_DESCRIPTOR}},
	{1004, false, false, false, true, {FIELD_REMARK}},
	{1005, true, false, false, false, {FIELD_FLAGS}},
	{1006, false, false, false, true, {FIELD_MAX_USES}},
	{1501, false, false, false, true, {FIELD_SECURITY_DESCRIPTOR}},
};
/* clang-format on */

static const struct share_level *share_level_find(uint32_t level)
{
	for (size_t i = 0; i < ARRAY_LEN(share_levels); i++) {
		if (share_levels[i].level == level)
			return &share_levels[i];
	}
	return NULL;
}

/* The text of a field, or NULL if it is not one. */
static const char *share_text(const struct rpc_share *s, uint8_t field)
{
	switch (field) {
	case FIELD_NETNAME:
		return s->netname;
	case FIELD_REMARK:
		return s->remark;
	case FIELD_PATH:
		return s->path;
	case FIELD_PASSWD:
		return ""; /* there are none */
	case FIELD_SERVERNAME:
		return "*"; /* no scoped shares: [MS-SRVS] 2.2.4.27 */
	default:
		return NULL;
	}
}

static uint32_t share_number(const struct rpc_share *s, uint8_t field)
{
	switch (field) {
	case FIELD_TYPE:
		return s->administrative ? s->type | STYPE_SPECIAL : s->type;
	case FIELD_MAX_USES:
		return s->max_uses;
	case FIELD_CURRENT_USES:
		return s->current_uses;
	case FIELD_FLAGS:
		return s->flags;
	case FIELD_SECURITY_DESCRIPTOR:
		return (uint32_t)s->security_descriptor.len;
	default: /* FIELD_PERMISSIONS, unused */
		return 0;
	}
}

static void share_put_fixed(struct wr *w, const struct share_level *l,
			    const struct rpc_share *s)
{
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++) {
		if (share_text(s, *f)) {
			ndr_put_ptr(w, true);
			continue;
		}
		ndr_put_u32(w, share_number(s, *f));
		if (*f == FIELD_SECURITY_DESCRIPTOR)
			ndr_put_ptr(w, s->security_descriptor.len > 0);
	}
}

static void share_put_referents(struct wr *w, const struct share_level *l,
				const struct rpc_share *s)
{
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++) {
		if (share_text(s, *f)) {
			ndr_put_string(w, share_text(s, *f));
		} else if (*f == FIELD_SECURITY_DESCRIPTOR &&
			   s->security_descriptor.len > 0) {
			ndr_put_u32(w, (uint32_t)s->security_descriptor.len);
			wr_bytes(w, s->security_descriptor);
		}
	}
}

/* Bytes that both parts take, padding counted in full. */
static size_t share_size(const struct share_level *l, const struct rpc_share *s)
{
	size_t size = 0;

	for (const uint8_t *f = l->fields; *f != FIELD_END; f++) {
		const char *text = share_text(s, *f);

		size += 4;
		if (text) {
			int64_t len = utf16_len(text);

			size += 12 + (len > 0 ? (size_t)len : 0) + 2 + 2;
		} else if (*f == FIELD_SECURITY_DESCRIPTOR) {
			size += 4 + 4 + s->security_descriptor.len + 3;
		}
	}
	return size;
}

struct share_list {
	struct rpc_share *shares; /* in the call's arena */
	size_t count;
};

static bool level_has(const struct share_level *l, uint8_t field)
{
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++)
		if (*f == field)
			return true;
	return false;
}

/* The i-th as it is shown. False without memory. */
static bool share_complete(struct rpc_call *c, size_t i, bool with_sd,
			   struct rpc_share *s)
{
	const struct rpc_info *info = c->info;

	s->path = s->path[0] ? srvsvc_path_shown(c->arena, s->path, "") : "";
	return s->path && (!with_sd || info->share_sd(info->ctx, c->arena, i,
						      &s->security_descriptor) == 0);
}

static bool share_list_grow(struct rpc_call *c, struct share_list *l)
{
	struct rpc_share *more;

	if (l->count & (l->count - 1)) /* room for the next power of two */
		return true;
	more = arena_array(c->arena, l->count ? 2 * l->count : 1, sizeof(*more));
	if (!more)
		return false;
	if (l->count)
		memcpy(more, l->shares, l->count * sizeof(*more));
	l->shares = more;
	return true;
}

/*
 * The shares that the caller may know of. Sticky: those that a restart brings back, which is all but IPC$.
 * False without memory.
 */
static bool share_list_collect(struct rpc_call *c, const struct share_level *level,
			       bool sticky, struct share_list *ret_list)
{
	const struct rpc_info *info = c->info;
	bool with_sd = level_has(level, FIELD_SECURITY_DESCRIPTOR);
	struct share_list l = {0};
	struct rpc_share s;

	for (size_t i = 0; info->share_at(info->ctx, i, &s); i++) {
		if (!s.visible || (sticky && s.type == STYPE_IPC))
			continue;
		if (!share_list_grow(c, &l) || !share_complete(c, i, with_sd, &s))
			return false;
		l.shares[l.count++] = s;
	}
	*ret_list = l;
	return true;
}

/* How many of the shares from `first` on fit in what the client prefers and in what we send at most. */
static size_t share_list_fit(const struct share_list *l, size_t first,
			     const struct share_level *level, uint32_t preferred_len)
{
	enum { BESIDES_ENTRIES = 256 };
	size_t left = DCERPC_STUB_OUT_MAX - BESIDES_ENTRIES;
	size_t i, size;

	if (preferred_len < left)
		left = preferred_len;
	for (i = first; i < l->count; i++) {
		size = share_size(level, &l->shares[i]);
		if (size > left)
			break;
		left -= size;
	}
	return i - first;
}

static void share_list_put(struct wr *w, const struct share_level *level,
			   const struct share_list *l, size_t first, size_t count)
{
	ndr_put_u32(w, level->level);
	ndr_put_u32(w, level->level);
	ndr_put_ptr(w, true);
	ndr_put_u32(w, (uint32_t)count);
	ndr_put_ptr(w, count > 0);
	if (count == 0)
		return;
	ndr_put_u32(w, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		share_put_fixed(w, level, &l->shares[first + i]);
	for (size_t i = 0; i < count; i++)
		share_put_referents(w, level, &l->shares[first + i]);
}

/*
 * The resume handle is how many shares were enumerated so far. Deviation: MAX_PREFERRED_LENGTH asks for everything; beyond
 * DCERPC_STUB_OUT_MAX the client gets ERROR_MORE_DATA all the same.
 */
static enum rpc_fault share_enum_from(struct rpc_call *c, struct enum_req *q,
				      const struct share_level *level, bool sticky)
{
	struct share_list l;
	size_t first, count, total;

	if (!share_list_collect(c, level, sticky, &l))
		return enum_refuse(c, q, true, ERROR_NOT_ENOUGH_MEMORY);
	first = q->resume < l.count ? q->resume : l.count;
	total = l.count - first;
	count = share_list_fit(&l, first, level, q->preferred_len);
	share_list_put(&c->out, level, &l, first, count);
	if (count == total)
		return enum_finish(c, q, (uint32_t)total, NERR_SUCCESS);
	if (count == 0)
		return enum_finish(c, q, (uint32_t)total, NERR_BUF_TOO_SMALL);
	q->resume = (uint32_t)(first + count);
	return enum_finish(c, q, (uint32_t)total, ERROR_MORE_DATA);
}

static enum rpc_fault share_enum_any(struct rpc_call *c, bool sticky)
{
	struct enum_req q = enum_decode(c, 0);
	const struct share_level *level = share_level_find(q.level);

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!level || !level->in_enum)
		return enum_refuse(c, &q, false, ERROR_INVALID_LEVEL);
	if (sticky && !level->in_sticky)
		return enum_refuse(c, &q, true, ERROR_INVALID_LEVEL);
	if (level->administrator && !c->info->administrator)
		return enum_refuse(c, &q, true, ERROR_ACCESS_DENIED);
	return share_enum_from(c, &q, level, sticky);
}

enum rpc_fault share_enum(struct rpc_call *c)
{
	return share_enum_any(c, false);
}

enum rpc_fault share_enum_sticky(struct rpc_call *c)
{
	return share_enum_any(c, true);
}

/* A share that is not visible to the caller is not found, as if it were not there. */
static bool share_find(const struct rpc_info *info, const char *netname,
		       size_t *ret_index, struct rpc_share *ret_share)
{
	struct rpc_share s;

	for (size_t i = 0; info->share_at(info->ctx, i, &s); i++) {
		if (s.visible && utf8_eq_nocase(s.netname, netname)) {
			*ret_index = i;
			*ret_share = s;
			return true;
		}
	}
	return false;
}

bool share_exists(const struct rpc_info *info, const char *netname)
{
	struct rpc_share s;
	size_t i;

	return share_find(info, netname, &i, &s);
}

bool share_find_whole(struct rpc_call *c, const char *netname, bool with_sd,
		      struct rpc_share *ret_share)
{
	size_t i;

	return share_find(c->info, netname, &i, ret_share) &&
	       share_complete(c, i, with_sd, ret_share);
}

static uint32_t share_get(struct rpc_call *c, const char *netname,
			  const struct share_level *level, struct rpc_share *ret_share)
{
	size_t i;

	if (netname[0] == '\0')
		return ERROR_INVALID_PARAMETER;
	if (!level || !level->in_get)
		return ERROR_INVALID_LEVEL;
	if (level->administrator && !c->info->administrator)
		return ERROR_ACCESS_DENIED;
	if (!share_find(c->info, netname, &i, ret_share))
		return NERR_NET_NAME_NOT_FOUND;
	return share_complete(c, i, level_has(level, FIELD_SECURITY_DESCRIPTOR),
			      ret_share)
		       ? NERR_SUCCESS
		       : ERROR_NOT_ENOUGH_MEMORY;
}

enum rpc_fault share_get_info(struct rpc_call *c)
{
	const struct share_level *level;
	const char *netname;
	struct rpc_share s;
	uint32_t number, error;

	ndr_string_ptr(&c->in, c->arena); /* ServerName: there are no scoped shares */
	netname = ndr_string(&c->in, c->arena);
	number = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;

	level = share_level_find(number);
	error = share_get(c, netname, level, &s);
	ndr_put_u32(&c->out, number);
	if (level) /* the arm of others is empty: not even a pointer */
		ndr_put_ptr(&c->out, error == NERR_SUCCESS);
	if (error == NERR_SUCCESS) {
		share_put_fixed(&c->out, level, &s);
		share_put_referents(&c->out, level, &s);
	}
	return rpc_return(c, error);
}

/* ---- as clients hand it in ------------------------------------------------------------------------------------- */

/* Which fields have a string behind their pointer. */
static bool field_is_text(uint8_t field)
{
	static const struct rpc_share any = {.netname = "", .remark = "", .path = ""};

	return share_text(&any, field) != NULL;
}

/* The fixed part of one field: its pointer, or its value. */
static bool given_fixed(struct rd *r, uint8_t field, struct share_given *g,
			uint32_t *ret_sd_len)
{
	uint32_t v;

	if (field_is_text(field))
		return ndr_ptr(r);
	v = ndr_u32(r);
	switch (field) {
	case FIELD_TYPE:
		g->type = v;
		return false;
	case FIELD_MAX_USES:
		g->max_uses = v;
		g->has_max_uses = true;
		return false;
	case FIELD_FLAGS:
		g->flags = v;
		g->has_flags = true;
		return false;
	case FIELD_SECURITY_DESCRIPTOR:
		*ret_sd_len = v;
		return ndr_ptr(r);
	default: /* permissions, current uses: ignored on receipt */
		return false;
	}
}

static void given_referent(struct rpc_call *c, uint8_t field, uint32_t sd_len,
			   struct share_given *g)
{
	const char *text;

	if (field == FIELD_SECURITY_DESCRIPTOR) {
		if (ndr_u32(&c->in) != sd_len)
			rd_fail(&c->in);
		g->sd = rd_bytes(&c->in, rd_fit(&c->in, sd_len, 1));
		return;
	}
	text = ndr_string(&c->in, c->arena);
	switch (field) {
	case FIELD_NETNAME:
		g->netname = text;
		break;
	case FIELD_REMARK:
		g->remark = text;
		break;
	case FIELD_PATH:
		g->path = text;
		break;
	default: /* a password or server name: there are none */
		break;
	}
}

static void given_decode(struct rpc_call *c, const struct share_level *l,
			 struct share_given *g)
{
	bool present[FIELDS_MAX] = {0};
	uint32_t sd_len = 0;
	size_t i = 0;

	for (const uint8_t *f = l->fields; *f != FIELD_END; f++)
		present[i++] = given_fixed(&c->in, *f, g, &sd_len);
	i = 0;
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++)
		if (present[i++])
			given_referent(c, *f, sd_len, g);
}

struct share_given share_given_decode(struct rpc_call *c)
{
	struct share_given g = {.level = ndr_u32(&c->in)};
	const struct share_level *l = share_level_find(g.level);

	if (ndr_u32(&c->in) != g.level) /* what chooses the arm */
		rd_fail(&c->in);
	if (!l || !ndr_ptr(&c->in))
		return g;
	g.has_level = true;
	given_decode(c, l, &g);
	return g;
}
