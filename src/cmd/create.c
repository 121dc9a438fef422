/* SMB2 CREATE: decode, checks, the ends.  Spec: [MS-SMB2] 2.2.13, 2.2.14, 3.3.5.9; the way between: create.h */
#include "cmd/create.h"
#include "cmd/open_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bits that mean nothing: [MS-SMB2] 2.2.13, [MS-FSA] 2.1.5.1 */
enum {
	ACCESS_VALID = 0x031FFFFF | GENERIC_ALL | GENERIC_EXECUTE | GENERIC_WRITE,
	OPTIONS_VALID = 0x00FFFFFF,
	OPTIONS_UNSUPPORTED = FILE_CREATE_TREE_CONNECTION | FILE_OPEN_BY_FILE_ID |
			      FILE_RESERVE_OPFILTER,
	SHARE_VALID = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	ATTRIBUTES_VALID =
		0x00007FB7, /* all of NTFS that a client may ask for: [MS-FSCC] 2.6 */
	RESPONSE_SIZE = 89,
	RESPONSE_FIXED_LEN = 88,
};

static nt_status create_decode(struct req *q, struct create *c)
{
	struct rd *r = &q->body;
	uint16_t name_off, name_len;
	uint32_t contexts_off, contexts_len;
	struct rd name, contexts;
	nt_status st;

	rd_struct_size(r, 57);
	rd_skip(r, 1); /* SecurityFlags */
	c->oplock_level = rd_u8(r);
	c->impersonation = rd_u32(r);
	rd_skip(r, 8 + 8); /* SmbCreateFlags, Reserved */
	c->desired_access = rd_u32(r);
	c->file_attributes = rd_u32(r);
	c->share_access = rd_u32(r);
	c->disposition = rd_u32(r);
	c->options = rd_u32(r);
	name_off = rd_u16(r);
	name_len = rd_u16(r);
	contexts_off = rd_u32(r);
	contexts_len = rd_u32(r);
	name = rd_at(r, name_off, name_len);
	contexts = rd_at(r, contexts_off, contexts_len);
	if (!rd_ok(r) || name_len % 2)
		return STATUS_INVALID_PARAMETER;
	st = create_contexts_decode(rd_rest(&contexts), &q->arena, &c->contexts);
	if (!nt_ok(st))
		return st;
	c->asked = rd_rest(&name);
	c->quota_index = name_is_quota_index(c->asked);
	if (c->quota_index)
		return STATUS_SUCCESS;
	return name_parse(c->asked, &q->arena, &c->path);
}

/* Directories are made and opened, never emptied. */
static nt_status directory_check(const struct create *c)
{
	switch (c->disposition) {
	case FILE_SUPERSEDE:
	case FILE_OVERWRITE:
	case FILE_OVERWRITE_IF:
		return STATUS_INVALID_PARAMETER;
	default:
		return STATUS_SUCCESS;
	}
}

/* What the name says of the kind of file, among the options. [MS-FSA] 2.1.5.1, phases 1 and 7 */
static nt_status create_kind(struct create *c)
{
	if (c->path.slash && (c->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_OBJECT_NAME_INVALID;
	if (c->path.stream && (c->options & FILE_DIRECTORY_FILE))
		return STATUS_NOT_A_DIRECTORY;
	switch (c->path.type) {
	case NAME_ANY:
		break;
	case NAME_DATA:
		if (c->options & FILE_DIRECTORY_FILE)
			return STATUS_NOT_A_DIRECTORY;
		c->options |= FILE_NON_DIRECTORY_FILE;
		break;
	case NAME_DIRECTORY:
		c->options &= ~(uint32_t)FILE_NON_DIRECTORY_FILE;
		c->options |= FILE_DIRECTORY_FILE;
		return directory_check(c);
	}
	return STATUS_SUCCESS;
}

/*
 * Deviation: the index of quotas is no file here. Whoever opens it gets the root of the share, which is good enough to ask for quotas
 * and to set them, and takes the same rights as the root.
 */
static nt_status quota_index_check(const struct create *c)
{
	bool opens = c->disposition == FILE_OPEN || c->disposition == FILE_OPEN_IF;

	return c->quota_index && !opens ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

/* Checks that need no file. [MS-FSA] 2.1.5.1, phase 1 */
static nt_status create_check(const struct create *c)
{
	bool directory = c->options & FILE_DIRECTORY_FILE;

	if (c->impersonation > SMB2_IMPERSONATION_DELEGATE)
		return STATUS_BAD_IMPERSONATION_LEVEL;
	if (c->desired_access == 0 ||
	    (c->desired_access & ~(uint32_t)ACCESS_VALID & ~GENERIC_READ))
		return STATUS_ACCESS_DENIED;
	if (c->disposition > FILE_OVERWRITE_IF || (c->share_access & ~SHARE_VALID) ||
	    (c->options & ~OPTIONS_VALID) || (c->file_attributes & ~ATTRIBUTES_VALID))
		return STATUS_INVALID_PARAMETER;
	if (c->options & OPTIONS_UNSUPPORTED)
		return STATUS_NOT_SUPPORTED;
	if (directory && (c->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_INVALID_PARAMETER;
	if (directory && !nt_ok(directory_check(c)))
		return STATUS_INVALID_PARAMETER;
	if ((c->options & FILE_DELETE_ON_CLOSE) &&
	    !(c->desired_access & (DELETE | GENERIC_ALL | MAXIMUM_ALLOWED)))
		return STATUS_INVALID_PARAMETER;
	if (c->contexts.snapshot) /* no previous versions are kept: [MS-SMB2] 3.3.5.9.6 */
		return STATUS_OBJECT_NAME_NOT_FOUND;
	for (size_t i = 0; i < c->path.count; i++)
		if (name_reserved(c->path.names[i]))
			return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

static void create_cleanup(struct req *q)
{
	struct create *c = q->state;

	if (c->under_way.listed)
		replay_end(q->conn->server, &c->under_way);
	turn_give(&c->node_ref);
	if (c->stream_name)
		name_turn_give(TAKE(c->stream_name), &c->stream_ref);
	if (c->base)
		node_put(TAKE(c->base));
	if (c->name)
		name_turn_give(TAKE(c->name), &c->name_ref);
	if (c->node)
		node_put(TAKE(c->node));
	if (c->parent)
		node_put(TAKE(c->parent));
	vfile_put(TAKE(c->file));
	vfile_put(TAKE(c->data));
	if (c->lost)
		open_put(TAKE(c->lost));
	if (c->quota)
		open_quota_give(q->sess);
	c->quota = false;
}

/* Most opens ask for nothing that they could give. */
static void create_privileges(struct req *q)
{
	const uint32_t by_privilege = WRITE_OWNER | ACCESS_SYSTEM_SECURITY;
	struct create *c = q->state;
	const struct sd *given = c->contexts.descriptor;
	bool intent = c->options & FILE_OPEN_FOR_BACKUP_INTENT;
	bool reads = c->disposition == FILE_OPEN || c->disposition == FILE_OPEN_IF ||
		     c->disposition == FILE_OVERWRITE_IF;

	if (!intent && !given && !(access_map_generic(c->desired_access) & by_privilege))
		return;
	c->privileges = file_privileges(q, req_who(q));
	c->privileged = access_privileged(c->privileges, c->desired_access,
					  intent && reads, intent) &
			tree_limit(q->tree);
}

nt_status cmd_create(struct req *q)
{
	struct create *c = arena_alloc(&q->arena, sizeof(*c));
	nt_status st;

	if (!c)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = create_decode(q, c);
	if (!nt_ok(st))
		return st;
	if (q->tree->share->kind == SHARE_PIPE)
		return create_pipe(q, c);
	st = durable_way(&c->contexts.durable, q->conn->dialect, &c->durable);
	if (!nt_ok(st))
		return st;
	q->state = c;
	q->cleanup = create_cleanup;
	if (c->durable == DURABLE_AGAIN_V1 || c->durable == DURABLE_AGAIN_V2)
		return create_reconnect(q);
	st = create_replay(q);
	if (!nt_is(st, STATUS_SUCCESS))
		return st;
	st = create_check(c);
	if (nt_ok(st))
		st = quota_index_check(c);
	if (nt_ok(st) && c->path.stream && !q->tree->share->conf->named_streams)
		st = STATUS_OBJECT_NAME_INVALID;
	if (nt_ok(st))
		st = create_kind(c);
	if (!nt_ok(st))
		return st;
	st = open_quota_take(q->sess, q->snap->conf);
	if (!nt_ok(st))
		return st;
	c->quota = true;
	c->state_id = open_state_id(q->conn->server);
	create_privileges(q);
	create_cache_ask(q);
	return create_walk(q);
}

/*
 * What is removed on close needs the right to, also with MAXIMUM_ALLOWED: the share may not give it. Whoever asks for
 * everything gets no right to change a read-only file: [MS-FSA] 2.1.5.1.2.1.
 */
nt_status create_grant(struct create *c)
{
	const uint32_t changes = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD;
	bool keep = (c->desired_access & MAXIMUM_ALLOWED) &&
		    (c->stat.dos_attributes & FILE_ATTRIBUTE_READONLY);
	nt_status st = access_grant(c->desired_access, c->maximal & ~(keep ? changes : 0),
				    &c->granted);

	if (nt_ok(st) && (c->options & FILE_DELETE_ON_CLOSE) && !(c->granted & DELETE))
		return STATUS_ACCESS_DENIED;
	return st;
}

char *create_path(struct req *q)
{
	const struct create *c = q->state;
	size_t len = strlen(c->leaf) + 1;
	char *path;
	struct wr w;

	for (size_t i = 0; i + 1 < c->path.count; i++)
		len += strlen(c->path.names[i]) + 1;
	path = open_path_new(q->conn->server, len);
	if (!path)
		return NULL;
	w = wr_of(mspan_of(path, len));
	for (size_t i = 0; i + 1 < c->path.count; i++) {
		wr_bytes(&w, span_of_str(c->path.names[i]));
		wr_u8(&w, '\\');
	}
	wr_bytes(&w, span_of_str(c->leaf));
	wr_u8(&w, 0);
	return path;
}

/* What is new, or empty anew, has the space that was asked for. [MS-FSA] 2.1.5.1.1, 2.1.5.1.2 */
static void create_show(struct req *q, struct node *n)
{
	struct create *c = q->state;

	if (c->action != FILE_OPENED) {
		shown_catch_up(&node_base(n)->shown);
		shown_reserve(&n->shown, c->contexts.allocation);
	}
	open_show(q, n, &c->stat);
	if (c->quota_index) /* as Windows says of it: it never changes */
		c->stat = (struct vfs_stat){
			.key = c->stat.key,
			.type = c->stat.type,
			.dos_attributes = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
					  FILE_ATTRIBUTE_DIRECTORY |
					  FILE_ATTRIBUTE_ARCHIVE,
		};
}

/* As it was asked for. NULL without memory. */
static const char *asked_path(struct req *q)
{
	const struct create *c = q->state;
	size_t len = 1;
	char *path;
	struct wr w;

	for (size_t i = 0; i < c->path.count; i++)
		len += strlen(c->path.names[i]) + 1;
	path = arena_alloc(&q->arena, len);
	if (!path)
		return NULL;
	w = wr_of(mspan_of(path, len));
	for (size_t i = 0; i < c->path.count; i++) {
		if (i)
			wr_u8(&w, '\\');
		wr_bytes(&w, span_of_str(c->path.names[i]));
	}
	wr_u8(&w, 0);
	return trail_path(&q->arena, path, c->path.stream);
}

static void create_noted(struct req *q, const char *path)
{
	const struct create *c = q->state;
	const uint32_t writes = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA |
				FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | DELETE |
				WRITE_DAC | WRITE_OWNER;
	struct trail_event e = {.kind = TRAIL_OPEN, .access = c->granted};
	enum conf_audit_level level = c->granted & writes ? CONF_AUDIT_WRITERS
							  : CONF_AUDIT_OPENS;

	if (c->action != FILE_OPENED) {
		level = CONF_AUDIT_CHANGES;
		e.kind = c->action == FILE_CREATED ? TRAIL_CREATE : TRAIL_OVERWRITE;
	}
	if (!trail_wants(q, level))
		return;
	e.path = trail_path(&q->arena, path, c->path.stream);
	e.directory = c->stat.type == VFS_DIR;
	trail_note(q, &e);
}

static void create_refused(struct req *q, nt_status st)
{
	const struct create *c = q->state;
	struct trail_event e = {
		.kind = TRAIL_OPEN_REFUSED,
		.status = st,
		.access = access_map_generic(c->desired_access),
	};

	if (!nt_is(st, STATUS_ACCESS_DENIED) || !trail_wants(q, CONF_AUDIT_WRITERS))
		return;
	e.path = asked_path(q);
	trail_note(q, &e);
}

nt_status create_succeed(struct req *q)
{
	struct create *c = q->state;
	struct open_new in = {
		.channel_sequence = smb2_channel_sequence(&q->header),
		.tree = q->tree,
		.who = req_who(q),
		.node = c->node,
		.parent = c->parent,
		.path = create_path(q),
		.data = c->data,
		.granted = c->granted,
		.maximal = c->maximal,
		.create_options = c->options,
		.create_action = c->action,
		.state_id = c->state_id,
		.directory = c->stat.type == VFS_DIR,
		.delete_on_close = c->options & FILE_DELETE_ON_CLOSE,
	};
	struct open *o;
	nt_status st;

	create_cache_open_new(q, &in);
	create_durable_open_new(q, &in);
	create_instance_open_new(q, &in);
	if (!in.path)
		return create_fail(q, STATUS_INSUFFICIENT_RESOURCES);
	st = open_new(&in, &o);
	if (!nt_ok(st)) {
		open_path_free(q->conn->server, in.path);
		return create_fail(q, st);
	}
	create_noted(q, in.path);
	principal_get(in.who); /* the open's own */
	c->node = c->parent = NULL;
	c->data = NULL;
	c->quota = false;
	turn_give(
		&c->node_ref); /* the node may go with the open, even before this request ends */
	q->file_id = o->id;
	q->has_file_id = true;
	create_show(q, o->node);
	create_cache_opened(q, o);
	create_encode(q, c, o);
	open_put(o);
	return STATUS_SUCCESS;
}

static nt_status create_undone(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	return c->failure;
}

/* Of a file that stays. */
static nt_status remove_stream(struct req *q)
{
	struct create *c = q->state;
	struct vfs_stream_remove *r = &c->call.streams;

	memset(r, 0, sizeof(*r));
	r->file = c->file;
	r->call.raised = share_raises(q->tree->share);
	vfs_run(q->tree->share->vfs, &r->call, VFS_STREAM_REMOVE, q->lane->lane,
		req_cred(q), &q->arena, req_wait(q, create_undone));
	return STATUS_PENDING;
}

static nt_status create_withdrawn(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_unlink *u = &c->call.unlink;

	if (!c->made)
		return c->stream_made ? remove_stream(q) : c->failure;
	memset(u, 0, sizeof(*u));
	u->dir = c->parent->file;
	u->name = c->leaf;
	u->directory = c->stat.type == VFS_DIR;
	u->key = node_key_base(&c->stat.key);
	u->call.raised = share_raises(q->tree->share);
	vfs_run(q->tree->share->vfs, &u->call, VFS_UNLINK, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, create_undone));
	return STATUS_PENDING;
}

nt_status create_fail(struct req *q, nt_status st)
{
	struct create *c = q->state;

	create_refused(q, st);
	c->failure = st;
	if (!c->reserved)
		return create_withdrawn(q, 0, NULL);
	c->op.code = STATE_WITHDRAW;
	state_apply(q->conn->server->state, q->lane->lane, &c->op, &c->result,
		    req_wait(q, create_withdrawn));
	return STATUS_PENDING;
}

nt_status create_fail_errno(struct req *q, int err)
{
	if (err == -EOPNOTSUPP ||
	    err == -ENXIO) /* devices, pipes and sockets have no data handle */
		return create_fail(q, STATUS_ACCESS_DENIED);
	return create_fail(q, nt_from_errno(err));
}

/* [MS-SMB2] 3.3.5.9: "Response Construction" */
static uint8_t create_flags(const struct req *q, const struct create *c)
{
	bool told = c->stat.reparse_tag && q->conn->dialect >= SMB2_DIALECT_300;

	return told ? SMB2_CREATE_FLAG_REPARSEPOINT : 0;
}

void create_encode(struct req *q, const struct create *c, const struct open *o)
{
	struct wr *w = req_reply(q, RESPONSE_FIXED_LEN + CREATE_CONTEXTS_LEN_MAX);
	size_t off, len, start;

	wr_u16(w, RESPONSE_SIZE);
	wr_u8(w, c->oplock_level);
	wr_u8(w, create_flags(q, c));
	wr_u32(w, c->action);
	wr_u64(w, c->stat.create_time);
	wr_u64(w, c->stat.access_time);
	wr_u64(w, c->stat.write_time);
	wr_u64(w, c->stat.change_time);
	wr_u64(w, c->stat.allocated);
	wr_u64(w, c->stat.size);
	wr_u32(w, c->stat.dos_attributes);
	wr_u32(w, 0); /* Reserved2 */
	wr_file_id(w, o->id);
	off = wr_hole_u32(w);
	len = wr_hole_u32(w);
	start = wr_pos(w);
	create_contexts_encode(w, &c->contexts, c->maximal, &c->stat.key);
	wr_fill_u32(w, off, wr_pos(w) > start ? (uint32_t)start : 0);
	wr_fill_u32(w, len, (uint32_t)(wr_pos(w) - start));
}
