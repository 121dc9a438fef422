/*
 * SMB2 QUERY_DIRECTORY. One request fills its answer from the scan of its open: first "." and "..", then batches of
 * entries as the directory has them; what has no room stays with the scan. Requests on one open take turns.
 *
 * Spec     [MS-SMB2] 2.2.33, 2.2.34, 3.3.5.18; [MS-FSA] 2.1.5.6.3
 */
#include "cmd/cmd.h"
#include "cmd/dir_filter.h"
#include "cmd/dir_info.h"
#include "cmd/dir_scan.h"
#include "cmd/file_info.h"
#include "cmd/open_call.h"
#include "fs/name.h"
#include "fs/short_name.h"
#include "wire/utf16.h"

#include <errno.h>
#include <string.h>

enum {
	OFF_OUTPUT_LENGTH = SMB2_HEADER_LEN + 28, /* in the request */
	RESPONSE_FIXED_LEN = 8,
	DATA_OFFSET = SMB2_HEADER_LEN + RESPONSE_FIXED_LEN,
	ENTRY_ALIGNMENT = 8,
	BATCH = 256,            /* entries read at once: what a scan may keep */
	ROOM_FIRST = 32 * 1024, /* bytes of answer to begin with */
	PATTERN_UNITS_MAX = 255,
};

struct query_dir {
	uint8_t flags;
	const struct dir_info_class *class;
	struct file_id id;
	const char *pattern; /* NULL: none was sent */
	uint32_t limit;      /* bytes of entries the client has room for */

	struct dir_filter filter;
	const struct vfs_filter *only; /* of the call under way */
	struct turn_ref turn;
	bool first; /* nothing was asked for through this open before */
	size_t room;
	size_t count;      /* entries written */
	size_t last;       /* where the last of them begins in the response */
	bool cut;          /* the first one did not fit whole */
	const char *dot;   /* whose attributes are under way */
	struct vfile *own; /* counted: the handle it needs */
	union {
		struct vfs_readdir readdir;
		struct vfs_lookup lookup;
		struct vfs_statcall stat;
	} call;
};

uint32_t cmd_query_directory_payload(struct req *q)
{
	struct rd r = rd_of(q->message);

	rd_seek(&r, OFF_OUTPUT_LENGTH);
	return rd_u32(&r);
}

/* ---- decode, check ------------------------------------------------------------------------------- */

/* A name with wildcards, or "." or "..": [MS-FSA] 2.1.5.6.3 */
static nt_status decode_pattern(struct rd *name, struct arena *a,
				const char **ret_pattern)
{
	char *pattern;

	if (rd_left(name) == 0)
		return STATUS_SUCCESS;
	if (rd_left(name) > PATTERN_UNITS_MAX * sizeof(uint16_t) ||
	    utf16_to_utf8(a, rd_rest(name), &pattern) != 0)
		return STATUS_OBJECT_NAME_INVALID;
	for (const char *p = pattern; *p; p++)
		if ((unsigned char)*p < 0x20 || strchr("/\\:|", *p))
			return STATUS_OBJECT_NAME_INVALID;
	*ret_pattern = pattern;
	return STATUS_SUCCESS;
}

static nt_status decode(struct req *q, struct query_dir *d)
{
	struct rd *r = &q->body;
	uint16_t name_off, name_len;
	uint8_t class;
	struct rd name;

	rd_struct_size(r, 33);
	class = rd_u8(r);
	d->flags = rd_u8(r);
	rd_skip(r, 4); /* FileIndex: entries have no place that stays */
	d->id = rd_file_id(r);
	name_off = rd_u16(r);
	name_len = rd_u16(r);
	d->limit = rd_u32(r);
	name = rd_at(r, name_off, name_len);
	if (!rd_ok(r) || name_len % 2)
		return STATUS_INVALID_PARAMETER;
	d->class = dir_info_class(class);
	if (!d->class)
		return file_info_is_class(class) ? STATUS_NOT_SUPPORTED
						 : STATUS_INVALID_INFO_CLASS;
	return decode_pattern(&name, &q->arena, &d->pattern);
}

static nt_status check(const struct req *q, const struct query_dir *d)
{
	if (!q->open->directory || d->limit > q->conn->max_transact)
		return STATUS_INVALID_PARAMETER;
	if (!open_may(q->open, FILE_LIST_DIRECTORY))
		return STATUS_ACCESS_DENIED;
	return d->limit < d->class->fixed_len ? STATUS_INFO_LENGTH_MISMATCH
					      : STATUS_SUCCESS;
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static nt_status finish(struct req *q)
{
	struct query_dir *d = q->state;
	struct dir_scan *s = q->open->scan;
	struct wr *w = &q->w;

	if (!dir_scan_peek(s))
		dir_scan_drop(s); /* an idle scan keeps nothing it does not need */
	turn_give(&d->turn);
	if (!d->count)
		return d->first ? STATUS_NO_SUCH_FILE : STATUS_NO_MORE_FILES;
	if (!wr_ok(w))
		return STATUS_INSUFFICIENT_RESOURCES;
	wr_fill_u32(w, DATA_OFFSET - sizeof(uint32_t),
		    (uint32_t)(wr_pos(w) - DATA_OFFSET));
	return d->cut ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* Room in the response for entries up to `len` bytes; it grows towards the client's limit. */
static struct wr *room_for(struct req *q, size_t len)
{
	struct query_dir *d = q->state;
	bool fresh = d->room == 0;
	struct wr *w;

	if (len <= d->room)
		return &q->w;
	d->room = d->room ? 4 * d->room : ROOM_FIRST;
	if (d->room > d->limit)
		d->room = d->limit;
	if (d->room < len)
		d->room = len;
	w = req_reply(q, RESPONSE_FIXED_LEN + d->room);
	if (!fresh)
		return w;
	wr_u16(w, 9); /* StructureSize */
	wr_u16(w, DATA_OFFSET);
	wr_u32(w, 0); /* OutputBufferLength: finish() */
	return w;
}

/* Of a file that is open, what its opens are told. */
static void show_as_opened(struct req *q, struct vfs_stat *stat)
{
	struct node *n = node_find(q->conn->server->nodes, &stat->key);

	if (!n)
		return;
	open_show(q, n, stat);
	node_put(n);
}

/*
 * Deviation: [MS-FSA] 2.1.5.1.1 gives a name that fits as its own short name, too; as Windows, listings do not repeat it.
 */
static const char *short_name(const struct req *q, const char *name,
			      char made[SHORT_NAME_LEN + 1])
{
	const struct query_dir *d = q->state;

	made[0] = '\0';
	if (d->class->with_short && open_vfs(q->open)->case_insensitive &&
	    short_name_is_given(name))
		short_name_of(name, made);
	return made;
}

/* False: no room left, the entry is for the next answer. */
static bool emit(struct req *q, const char *name, struct vfs_stat *stat)
{
	struct query_dir *d = q->state;
	int64_t name_len = utf16_len(name);
	size_t used = d->count ? wr_pos(&q->w) - DATA_OFFSET : 0;
	size_t start = (used + ENTRY_ALIGNMENT - 1) & ~(size_t)(ENTRY_ALIGNMENT - 1);
	size_t end = start + d->class->fixed_len + (size_t)name_len;
	char made[SHORT_NAME_LEN + 1];
	struct wr *w;

	if (name_len < 0)
		return true; /* cannot be: names are UTF-8 */
	if (end > d->limit && d->count)
		return false;
	w = room_for(q, end);
	wr_zero(w, start - used);
	if (d->count)
		wr_fill_u32(w, d->last, (uint32_t)(wr_pos(w) - d->last));
	d->last = wr_pos(w);
	if (d->class->with_stat)
		show_as_opened(q, stat);
	dir_info_encode(d->class, w, name, short_name(q, name, made), stat);
	d->count++;
	if (end > d->limit &&
	    wr_ok(w)) { /* the first: with as much of its name as fits */
		wr_rewind(w, DATA_OFFSET + (d->limit & ~(uint32_t)1));
		d->cut = true;
	}
	return true;
}

/* No more entries are wanted. */
static bool full(const struct query_dir *d)
{
	return d->cut || (d->count && (d->flags & SMB2_RETURN_SINGLE_ENTRY));
}

/* ---- one name ------------------------------------------------------------------------------------ */

static bool is_shown(struct req *q)
{
	const struct query_dir *d = q->state;
	const struct vfs_lookup *l = &d->call.lookup;
	const struct vfs_looked e = {.stat = &l->stat, .may = l->may, .sd = l->sd};

	if (d->only && !d->only->shows(d->only, &e, &q->arena))
		return false;
	return name_showable(l->name);
}

static nt_status looked(struct req *q, int err, struct wr *w)
{
	struct query_dir *d = q->state;
	struct vfs_lookup *l = &d->call.lookup;

	q->open->scan->end = true;
	if (err && err != -ENOENT)
		return nt_from_errno(err);
	if (!err) {
		d->own = l->file;
		if (is_shown(q))
			(void)emit(q, l->name, &l->stat);
	}
	return finish(q);
}

static nt_status look_up(struct req *q)
{
	struct query_dir *d = q->state;
	struct vfs_lookup *l = &d->call.lookup;
	const char **name = arena_alloc(&q->arena, sizeof(*name));

	if (!name)
		return STATUS_INSUFFICIENT_RESOURCES;
	*name = q->open->scan->pattern;
	if (name_reserved(*name))
		return finish(q);
	memset(l, 0, sizeof(*l));
	l->dir = q->open->node->file;
	l->names = name;
	l->count = 1;
	d->only = dir_filter_for(q->open, &d->filter);
	l->with_sd = d->only && d->only->with_sd;
	return open_call(q, &l->call, VFS_LOOKUP, looked);
}

/* ---- "." and ".." -------------------------------------------------------------------------------- */

static nt_status fill(struct req *q);

static nt_status dot_done(struct req *q, int err, struct wr *w)
{
	struct query_dir *d = q->state;

	vfile_put(TAKE(d->own));
	if (err)
		return nt_from_errno(err);
	if (!emit(q, d->dot, &d->call.stat.stat))
		return finish(q);
	q->open->scan->dots++;
	return fill(q);
}

/* The directory itself, or the one it was opened in; above the root of a share is the root. */
static struct vfile *dot_file(struct open *o, bool parent)
{
	LOCK_SCOPE(&o->lock);

	return vfile_get(parent && o->parent ? o->parent->file : o->node->file);
}

static nt_status dot(struct req *q, const char *name)
{
	struct query_dir *d = q->state;

	d->dot = name;
	d->own = dot_file(q->open, strcmp(name, "..") == 0);
	memset(&d->call, 0, sizeof(d->call));
	d->call.stat.file = d->own;
	return open_call(q, &d->call.stat.call, VFS_STAT, dot_done);
}

/* ---- all others ---------------------------------------------------------------------------------- */

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* From the batch. False: the answer is complete. */
static bool fill_from_batch(struct req *q)
{
	const struct query_dir *d = q->state;
	struct dir_scan *s = q->open->scan;
	struct vfs_dirent *e;

	while ((e = dir_scan_peek(s)) != NULL) {
		if (full(d))
			return false;
		if (!is_dots(e->name) && name_showable(e->name) &&
		    name_pattern_match(&s->matcher, e->name) &&
		    !emit(q, e->name, &e->stat))
			return false;
		dir_scan_take(s);
	}
	return !full(d);
}

static nt_status listed(struct req *q, int err, struct wr *w)
{
	struct query_dir *d = q->state;
	struct dir_scan *s = q->open->scan;
	const struct vfs_readdir *l = &d->call.readdir;

	if (err) /* what there is already is an answer */
		return d->count ? finish(q) : nt_from_errno(err);
	if (q->conn->state == CONN_CLOSED) /* nobody wants the rest of a long search */
		return STATUS_CONNECTION_DISCONNECTED;
	s->entries = l->entries;
	s->count = l->count;
	s->next = 0;
	s->with_stat = l->with_stat;
	s->end = l->end;
	return fill(q);
}

static nt_status list(struct req *q)
{
	struct query_dir *d = q->state;
	struct open *o = q->open;
	struct vfs_readdir *l = &d->call.readdir;

	dir_scan_drop(o->scan);
	memset(l, 0, sizeof(*l));
	l->data = o->data;
	l->file = o->node->file;
	l->cookie = o->scan->cookie;
	l->max = BATCH;
	l->with_stat = d->class->with_stat;
	l->filter = d->only = dir_filter_for(o, &d->filter);
	l->call.raised = share_raises(o->tree->share);
	vfs_run(open_vfs(o), &l->call, VFS_READDIR, q->lane->lane,
		tree_cred(o->tree, o->who), &o->scan->arena, req_wait(q, listed));
	return STATUS_PENDING;
}

/* Go on with the answer where it stands. */
static nt_status fill(struct req *q)
{
	static const char *const dots[] = {".", ".."};
	struct query_dir *d = q->state;
	struct dir_scan *s = q->open->scan;

	for (; s->dots < ARRAY_LEN(dots); s->dots++) {
		if (full(d))
			return finish(q);
		if (name_pattern_match(&s->matcher, dots[s->dots]))
			return dot(q, dots[s->dots]);
	}
	if (!fill_from_batch(q) || s->end || is_dots(s->pattern))
		return finish(q);
	return s->wildcards ? list(q) : look_up(q);
}

/* ---- from the start ------------------------------------------------------------------------------ */

static nt_status turn_held(struct req *q, int err, struct wr *w)
{
	struct query_dir *d = q->state;
	struct open *o = q->open;
	bool restart = d->flags & (SMB2_RESTART_SCANS | SMB2_REOPEN);
	nt_status st;

	d->first = !o->scan || (d->flags & SMB2_REOPEN);
	if (!o->scan) {
		o->scan = dir_scan_new();
		o->scan_free = dir_scan_free;
	}
	if (!o->scan)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (restart)
		dir_scan_rewind(o->scan);
	if (d->pattern && (d->first || restart)) {
		st = dir_scan_set_pattern(o->scan, d->pattern,
					  open_vfs(o)->case_insensitive);
		if (!nt_ok(st))
			return st;
	}
	if (dir_scan_peek(o->scan) && d->class->with_stat && !o->scan->with_stat) {
		dir_scan_drop(o->scan); /* names are not enough any more */
		o->scan->end = false;
	}
	return fill(q);
}

static void cleanup(struct req *q)
{
	struct query_dir *d = q->state;

	turn_give(&d->turn);
	vfile_put(TAKE(d->own));
}

nt_status cmd_query_directory(struct req *q)
{
	struct query_dir *d = arena_alloc(&q->arena, sizeof(*d));
	nt_status st;

	if (!d)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = decode(q, d);
	if (nt_ok(st))
		st = req_open_get(q, d->id);
	if (nt_ok(st))
		st = check(q, d);
	if (!nt_ok(st))
		return st;
	q->state = d;
	q->cleanup = cleanup;
	turn_take(&q->open->scan_turn, &d->turn, req_wait(q, turn_held));
	return STATUS_PENDING;
}
