/*
 * srvsvc_activity.c - the Server Service on sessions, connections to shares, and open files: listed, and ended.
 *
 * Spec: [MS-SRVS] 3.1.4.1 - 3.1.4.6, 2.2.4.1 - 2.2.4.21
 */
#include "rpc/srvsvc.h"

#include "rpc/admin.h"
#include "rpc/dcerpc.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <errno.h>

enum {
	FIELDS_MAX = 8,
	PAGE_MEMORY_MAX = 8 << 20,
	BESIDES_ENTRIES = 256, /* bytes of an answer that are not entries */
	FILTER_MAX = 1024,     /* characters, the NUL included: 3.1.4.5 */
};

/* User flags; the other one is about passwords sent in the clear, which are not taken. [MS-SRVS] 2.2.2.3 */
enum { SESS_GUEST = 1 };

enum field {
	FIELD_END = 0,
	FIELD_ID,
	FIELD_CLIENT,
	FIELD_USER,
	FIELD_OPENS,
	FIELD_TIME,
	FIELD_IDLE_TIME,
	FIELD_USER_FLAGS,
	FIELD_TEXT, /* client type, transport: nothing that could be said */
	FIELD_TYPE,
	FIELD_USERS,
	FIELD_NETNAME,
	FIELD_ACCESS,
	FIELD_LOCKS,
	FIELD_PATH,
};

struct level {
	uint32_t level;
	uint8_t fields[FIELDS_MAX + 1]; /* enum field, up to FIELD_END */
};

/* What an enumeration is about: its levels, and what its filters are. */
struct activity {
	enum rpc_activity_kind kind;
	size_t level_count;
	struct level levels[5];
};

/* clang-format off */
static const struct activity sessions = {RPC_SESSIONS, 5, {
	{0, {FIELD_CLIENT}},
	{1, {FIELD_CLIENT, FIELD_USER, FIELD_OPENS, FIELD_TIME, FIELD_IDLE_TIME, FIELD_USER_FLAGS}},
	{2, {FIELD_CLIENT, FIELD_USER, FIELD_OPENS, FIELD_TIME, FIELD_IDLE_TIME, FIELD_USER_FLAGS,
	     FIELD_TEXT}},
	{10, {FIELD_CLIENT, FIELD_USER, FIELD_TIME, FIELD_IDLE_TIME}},
	{502, {FIELD_CLIENT, FIELD_USER, FIELD_OPENS, FIELD_TIME, FIELD_IDLE_TIME, FIELD_USER_FLAGS,
	       FIELD_TEXT, FIELD_TEXT}},
}};

static const struct activity connections = {RPC_TREES, 2, {
	{0, {FIELD_ID}},
	{1, {FIELD_ID, FIELD_TYPE, FIELD_OPENS, FIELD_USERS, FIELD_TIME, FIELD_USER, FIELD_NETNAME}},
}};

static const struct activity files = {RPC_FILES, 2, {
	{2, {FIELD_ID}},
	{3, {FIELD_ID, FIELD_ACCESS, FIELD_LOCKS, FIELD_PATH, FIELD_USER}},
}};
/* clang-format on */

static const struct level *level_find(const struct activity *of, uint32_t number)
{
	for (size_t i = 0; i < of->level_count; i++)
		if (of->levels[i].level == number)
			return &of->levels[i];
	return NULL;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

/* NULL: it is a number. */
static const char *field_text(const struct rpc_activity *r, uint8_t field)
{
	switch (field) {
	case FIELD_CLIENT:
		return r->client;
	case FIELD_USER:
		return r->user;
	case FIELD_NETNAME:
		return r->share;
	case FIELD_PATH:
		return r->path;
	case FIELD_TEXT:
		return "";
	default:
		return NULL;
	}
}

/* fi3_permissions. [MS-SRVS] 2.2.4.7 */
static uint32_t access_shown(uint32_t access)
{
	static const struct {
		uint32_t granted, shown;
	} bits[] = {
		{FILE_READ_DATA, 0x01},   {FILE_WRITE_DATA, 0x02},
		{FILE_APPEND_DATA, 0x04}, {FILE_EXECUTE, 0x08},
		{DELETE, 0x10},           {FILE_WRITE_ATTRIBUTES, 0x20},
		{WRITE_DAC, 0x40},
	};
	uint32_t shown = 0;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (access & bits[i].granted)
			shown |= bits[i].shown;
	return shown;
}

static uint32_t field_number(const struct rpc_activity *r, uint8_t field)
{
	switch (field) {
	case FIELD_ID:
		return (uint32_t)r->id;
	case FIELD_OPENS:
		return r->opens;
	case FIELD_TIME:
		return r->active_s;
	case FIELD_IDLE_TIME:
		return r->idle_s;
	case FIELD_USER_FLAGS:
		return r->guest ? SESS_GUEST : 0;
	case FIELD_TYPE:
		return r->pipe ? STYPE_IPC : STYPE_DISKTREE;
	case FIELD_USERS:
		return 1;
	case FIELD_ACCESS:
		return access_shown(r->access);
	case FIELD_LOCKS:
		return r->locks;
	default:
		return 0;
	}
}

static void row_put_fixed(struct wr *w, const struct level *l,
			  const struct rpc_activity *r)
{
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++) {
		if (field_text(r, *f))
			ndr_put_ptr(w, true);
		else
			ndr_put_u32(w, field_number(r, *f));
	}
}

static void row_put_referents(struct wr *w, const struct level *l,
			      const struct rpc_activity *r)
{
	for (const uint8_t *f = l->fields; *f != FIELD_END; f++)
		if (field_text(r, *f))
			ndr_put_string(w, field_text(r, *f));
}

/* Bytes of both, padding counted in full. */
static size_t row_size(const struct level *l, const struct rpc_activity *r)
{
	size_t size = 0;

	for (const uint8_t *f = l->fields; *f != FIELD_END; f++) {
		const char *text = field_text(r, *f);
		int64_t len = text ? utf16_len(text) : 0;

		size += 4;
		if (text)
			size += 12 + (len > 0 ? (size_t)len : 0) + 2 + 2;
	}
	return size;
}

/* ---- who is asked for ------------------------------------------------------------------------------------------ */

/* NULL: anyone. */
struct filter {
	const char *client, *user, *share;
	const char *path; /* what paths begin with */
};

/* "\\\\192.0.2.1", as the list has it without the backslashes. False: it does not begin with them. */
static bool client_parse(const char *text, const char **ret_client)
{
	if (!text || text[0] == '\0')
		return true;
	if (text[0] != '\\' || text[1] != '\\')
		return false;
	*ret_client = text + 2;
	return true;
}

static const char *given(const char *text)
{
	return text && text[0] ? text : NULL;
}

static bool too_long(const char *text)
{
	return text && utf16_len(text) / 2 >= FILTER_MAX;
}

static bool is(const char *wanted, const char *found)
{
	return !wanted || utf8_eq_nocase(wanted, found);
}

/* Names of a Unix system differ by their case; who asks need not know it. */
static bool begins_with(const char *prefix, const char *text)
{
	char head[FILTER_MAX * 3];
	size_t len = prefix ? strlen(prefix) : 0;

	if (!prefix || len > strlen(text) || len >= sizeof(head))
		return !prefix;
	memcpy(head, text, len);
	head[len] = '\0';
	return utf8_eq_nocase(prefix, head);
}

static bool filter_passes(const struct filter *f, const struct rpc_activity *r)
{
	return is(f->client, r->client) && is(f->user, r->user) &&
	       (!f->share || is(f->share, r->share)) &&
	       (!f->path || begins_with(f->path, r->path));
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static bool row_path(struct arena *a, struct rpc_activity *r)
{
	if (r->root)
		r->path = srvsvc_path_shown(a, r->root, r->path);
	return !r->root || r->path;
}

/* Call fn for each that passes, until it returns false. A row, whose path is whole, is gone after the call. */
static int each(struct rpc_call *c, enum rpc_activity_kind kind, const struct filter *f,
		bool (*fn)(struct rpc_call *c, const struct rpc_activity *r, void *arg),
		void *arg)
{
	const struct rpc_info *info = c->info;
	CLEANUP(arena_fini) struct arena page;
	uint64_t cursor = 0;
	int err = 0;

	arena_init(&page, PAGE_MEMORY_MAX);
	for (bool more = true; more && !err;) {
		struct rpc_activity *rows;
		size_t count = 0;

		arena_reset(&page);
		err = info->admin->list(info->ctx, kind, &page, &cursor, &rows, &count);
		more = !err && count > 0;
		for (size_t i = 0; more && i < count; i++) {
			if (!row_path(&page, &rows[i]))
				return -ENOMEM;
			more = !filter_passes(f, &rows[i]) || fn(c, &rows[i], arg);
		}
	}
	return err;
}

struct rows {
	const struct level *level;
	struct rpc_activity *list; /* in the call's arena, with their text */
	size_t count, room;
	size_t seen;       /* that pass */
	size_t first;      /* of those, the first that is wanted */
	size_t bytes_left; /* of the answer */
	bool full, failed;
};

static bool rows_grow(struct rpc_call *c, struct rows *rows)
{
	struct rpc_activity *more;

	if (rows->count < rows->room)
		return true;
	rows->room = rows->room ? 2 * rows->room : 16;
	more = arena_array(c->arena, rows->room, sizeof(*more));
	if (!more)
		return false;
	if (rows->count)
		memcpy(more, rows->list, rows->count * sizeof(*more));
	rows->list = more;
	return true;
}

static bool row_keep(struct rpc_call *c, struct rows *rows, const struct rpc_activity *r)
{
	const char *const *texts[] = {&r->user, &r->client, &r->share, &r->path};
	const char *copies[ARRAY_LEN(texts)];
	struct rpc_activity *to;

	if (!rows_grow(c, rows))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		copies[i] = arena_strdup(c->arena, *texts[i] ? *texts[i] : "");
		if (!copies[i])
			return false;
	}
	to = &rows->list[rows->count++];
	*to = *r;
	to->user = copies[0];
	to->client = copies[1];
	to->share = copies[2];
	to->path = copies[3];
	return true;
}

/* Goes on to the end, to count them all. */
static bool rows_add(struct rpc_call *c, const struct rpc_activity *r, void *arg)
{
	struct rows *rows = arg;
	size_t size = row_size(rows->level, r);

	if (rows->seen++ < rows->first || rows->full)
		return true;
	if (size > rows->bytes_left) {
		rows->full = true;
		return true;
	}
	rows->bytes_left -= size;
	rows->failed = !row_keep(c, rows, r);
	return !rows->failed;
}

static void rows_put(struct wr *w, const struct rows *rows)
{
	ndr_put_u32(w, rows->level->level);
	ndr_put_u32(w, rows->level->level);
	ndr_put_ptr(w, true);
	ndr_put_u32(w, (uint32_t)rows->count);
	ndr_put_ptr(w, rows->count > 0);
	if (rows->count == 0)
		return;
	ndr_put_u32(w, (uint32_t)rows->count);
	for (size_t i = 0; i < rows->count; i++)
		row_put_fixed(w, rows->level, &rows->list[i]);
	for (size_t i = 0; i < rows->count; i++)
		row_put_referents(w, rows->level, &rows->list[i]);
}

/* The resume handle is how many were listed so far: 3.1.4.5. none: what it is if nobody passes. */
static enum rpc_fault rows_answer(struct rpc_call *c, struct enum_req *q,
				  const struct rows *rows, uint32_t none)
{
	size_t total = rows->seen > rows->first ? rows->seen - rows->first : 0;
	uint32_t error = rows->seen ? NERR_SUCCESS : none;

	rows_put(&c->out, rows);
	if (rows->full) {
		error = rows->count ? ERROR_MORE_DATA : NERR_BUF_TOO_SMALL;
		q->resume = (uint32_t)(rows->first + rows->count);
	}
	return enum_finish(c, q, (uint32_t)total, error);
}

static enum rpc_fault rows_list(struct rpc_call *c, struct enum_req *q,
				const struct activity *of, const struct filter *f,
				uint32_t none)
{
	struct rows rows = {
		.level = level_find(of, q->level),
		.first = q->resume,
		.bytes_left = DCERPC_STUB_OUT_MAX - BESIDES_ENTRIES,
	};

	if (q->preferred_len < rows.bytes_left)
		rows.bytes_left = q->preferred_len;
	if (each(c, of->kind, f, rows_add, &rows) != 0 || rows.failed)
		return enum_refuse(c, q, true, ERROR_NOT_ENOUGH_MEMORY);
	return rows_answer(c, q, &rows, none);
}

/* NERR_SUCCESS: go on. */
static uint32_t enum_check(const struct rpc_call *c, const struct enum_req *q,
			   const struct activity *of)
{
	if (!level_find(of, q->level))
		return ERROR_INVALID_LEVEL;
	if (!c->info->administrator)
		return ERROR_ACCESS_DENIED;
	if (too_long(q->filters[0]) || too_long(q->filters[1]))
		return ERROR_INVALID_PARAMETER;
	return NERR_SUCCESS;
}

/* Qualifier: a share, or "\\\\client". Spec: [MS-SRVS] 3.1.4.1 */
enum rpc_fault connection_enum(struct rpc_call *c)
{
	struct enum_req q = enum_decode(c, 1);
	const char *qualifier = given(q.filters[0]);
	struct filter f = {0};
	uint32_t error = enum_check(c, &q, &connections);

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (error == NERR_SUCCESS && !qualifier)
		error = ERROR_INVALID_PARAMETER;
	if (error)
		return enum_refuse(c, &q, error != ERROR_INVALID_LEVEL, error);
	if (!client_parse(qualifier, &f.client)) {
		f.share = qualifier;
		if (!share_exists(c->info, qualifier))
			return enum_refuse(c, &q, true, NERR_NET_NAME_NOT_FOUND);
	}
	return rows_list(c, &q, &connections, &f,
			 f.client ? NERR_CLIENT_NAME_NOT_FOUND : NERR_SUCCESS);
}

/*
 * BasePath, UserName. Spec: [MS-SRVS] 3.1.4.2
 * Deviation: named pipes are not listed.
 */
enum rpc_fault file_enum(struct rpc_call *c)
{
	struct enum_req q = enum_decode(c, 2);
	struct filter f = {.path = given(q.filters[0]), .user = given(q.filters[1])};
	uint32_t error = enum_check(c, &q, &files);

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (error)
		return enum_refuse(c, &q, error != ERROR_INVALID_LEVEL, error);
	return rows_list(c, &q, &files, &f, NERR_SUCCESS);
}

/* ClientName, UserName. Spec: [MS-SRVS] 3.1.4.5 */
enum rpc_fault session_enum(struct rpc_call *c)
{
	struct enum_req q = enum_decode(c, 2);
	struct filter f = {.user = given(q.filters[1])};
	uint32_t error = enum_check(c, &q, &sessions);

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (error)
		return enum_refuse(c, &q, error != ERROR_INVALID_LEVEL, error);
	if (!client_parse(q.filters[0], &f.client))
		return enum_refuse(c, &q, true, NERR_CLIENT_NAME_NOT_FOUND);
	return rows_list(c, &q, &sessions, &f,
			 f.client ? NERR_CLIENT_NAME_NOT_FOUND
			 : f.user ? NERR_USER_NOT_FOUND
				  : NERR_SUCCESS);
}

/* ---- one of them ----------------------------------------------------------------------------------------------- */

/* An id on the wire has 32 bits, ours 64: where two are alike, neither is meant. */
struct wanted_file {
	uint32_t id;
	unsigned found;
	struct rows rows;
	uint64_t whole_id;
};

static bool file_match(struct rpc_call *c, const struct rpc_activity *r, void *arg)
{
	struct wanted_file *w = arg;

	if ((uint32_t)r->id != w->id)
		return true;
	w->found++;
	w->whole_id = r->id;
	w->rows.failed |= !row_keep(c, &w->rows, r);
	return true;
}

static uint32_t file_find(struct rpc_call *c, struct wanted_file *w)
{
	static const struct filter anyone;

	if (!c->info->administrator)
		return ERROR_ACCESS_DENIED;
	if (each(c, RPC_FILES, &anyone, file_match, w) != 0 || w->rows.failed)
		return ERROR_NOT_ENOUGH_MEMORY;
	return w->found == 1 ? NERR_SUCCESS : NERR_FILE_ID_NOT_FOUND;
}

/* Spec: [MS-SRVS] 3.1.4.3 */
enum rpc_fault file_get_info(struct rpc_call *c)
{
	struct wanted_file w = {0};
	const struct level *level;
	uint32_t number, error;

	ndr_string_ptr(&c->in, c->arena); /* ServerName */
	w.id = ndr_u32(&c->in);
	number = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	level = level_find(&files, number);
	error = level ? file_find(c, &w) : ERROR_INVALID_LEVEL;
	ndr_put_u32(&c->out, number);
	if (level)
		ndr_put_ptr(&c->out, error == NERR_SUCCESS);
	if (error == NERR_SUCCESS) {
		row_put_fixed(&c->out, level, &w.rows.list[0]);
		row_put_referents(&c->out, level, &w.rows.list[0]);
	}
	return rpc_return(c, error);
}

static uint32_t activity_end(struct rpc_call *c, enum rpc_activity_kind kind, uint64_t id)
{
	return c->info->admin->end(c->info->ctx, kind, id) == 0 ? NERR_SUCCESS
								: ERROR_NOT_ENOUGH_MEMORY;
}

/* Spec: [MS-SRVS] 3.1.4.4 */
enum rpc_fault file_close(struct rpc_call *c)
{
	struct wanted_file w = {0};
	uint32_t error;

	ndr_string_ptr(&c->in, c->arena);
	w.id = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	error = file_find(c, &w);
	if (error == NERR_SUCCESS)
		error = activity_end(c, RPC_FILES, w.whole_id);
	return rpc_return(c, error);
}

struct ended {
	size_t count;
	uint32_t error;
};

static bool session_end(struct rpc_call *c, const struct rpc_activity *r, void *arg)
{
	struct ended *e = arg;

	e->count++;
	e->error = activity_end(c, RPC_SESSIONS, r->id);
	return e->error == NERR_SUCCESS;
}

static uint32_t sessions_end(struct rpc_call *c, const char *client, const char *user)
{
	struct filter f = {.user = given(user)};
	struct ended e = {0};

	if (!c->info->administrator)
		return ERROR_ACCESS_DENIED;
	if (too_long(client) || too_long(user) || (!given(client) && !f.user))
		return ERROR_INVALID_PARAMETER;
	if (!client_parse(client, &f.client))
		return NERR_CLIENT_NAME_NOT_FOUND;
	if (each(c, RPC_SESSIONS, &f, session_end, &e) != 0)
		return ERROR_NOT_ENOUGH_MEMORY;
	return e.count ? e.error : NERR_CLIENT_NAME_NOT_FOUND;
}

/* Spec: [MS-SRVS] 3.1.4.6 */
enum rpc_fault session_del(struct rpc_call *c)
{
	const char *client, *user;

	ndr_string_ptr(&c->in, c->arena);
	client = ndr_string_ptr(&c->in, c->arena);
	user = ndr_string_ptr(&c->in, c->arena);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	return rpc_return(c, sessions_end(c, client, user));
}
