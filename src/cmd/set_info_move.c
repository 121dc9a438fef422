/*
 * SET_INFO, FileRenameInformation and FileLinkInformation. One chain of steps:
 *
 *     parent_found   the directory of the new name
 *     take_turns     the turns of the names, in the order of fs/turn.h; then the node's
 *     turns_held     may this file be renamed, and into this directory?
 *     target_looked  what bears the new name, and may it be replaced?
 *     moved          the node and its opens get the new name
 *
 * Spec     [MS-FSA] 2.1.5.15.7, 2.1.5.15.12; [MS-SMB2] 3.3.5.21.1
 */
#include "cmd/break_wait.h"
#include "cmd/file_access.h"
#include "cmd/file_info.h"
#include "cmd/moved_opens.h"
#include "cmd/set_info.h"
#include "wire/utf16.h"

#include <errno.h>
#include <string.h>

struct wanted {
	struct node *parent;
	const char *name;
};

struct set_move {
	bool link;     /* a further name instead of another */
	bool replaced; /* another file bore the new name */
	struct file_target to;
	const char *to_name;
	const char *to_path;   /* with backslashes */
	const char *from_path; /* likewise, for the audit log; or NULL */
	struct node *to_parent;
	struct file_facts to_parent_facts;
	struct node *parent; /* of the name it was opened by */
	const char *name;

	/* places held: given back by move_cleanup() */
	struct name_turn *names[2];
	struct turn_ref name_refs[2];
	struct wanted wanted[2]; /* whose turns they are or will be */
	size_t wanted_count, taken;
	struct turn_ref turn;
	struct moved_opens opens;
	struct vfile *target; /* path handle of what bears the new name */
	struct node *
		beneath; /* counted: a file in the directory, to be given up by who caches it */
	int err;         /* of what comes after the name is changed */
	union {
		struct vfs_lookup lookup;
		struct vfs_rename rename;
		struct vfs_link link;
	} call;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

static nt_status parent_found(struct req *q, int err, struct wr *w);
static nt_status name_held(struct req *q, int err, struct wr *w);
static nt_status turns_held(struct req *q, int err, struct wr *w);
static nt_status parent_checked(struct req *q, int err, struct wr *w);
static nt_status target_looked(struct req *q, int err, struct wr *w);
static nt_status moved(struct req *q, int err, struct wr *w);

/* Turns and names. */
static void give_back(struct set_move *m)
{
	turn_give(&m->turn);
	for (size_t i = 0; i < ARRAY_LEN(m->names); i++)
		if (m->names[i])
			name_turn_give(TAKE(m->names[i]), &m->name_refs[i]);
	m->taken = 0;
	if (m->parent)
		node_put(TAKE(m->parent));
	if (m->to_parent)
		node_put(TAKE(m->to_parent));
}

static void move_cleanup(struct req *q)
{
	struct set_move *m = q->state;

	give_back(m);
	moved_opens_free(&m->opens);
	node_put(TAKE(m->beneath));
	vfile_put(TAKE(m->target));
}

/* ---- the directory of the new name --------------------------------------------------------------- */

static nt_status look_up(struct req *q, struct vfile *dir, const char **names,
			 size_t count, req_done then)
{
	struct set_move *m = q->state;
	struct vfs_lookup *l = &m->call.lookup;

	memset(l, 0, sizeof(*l));
	l->dir = dir;
	l->names = names;
	l->count = count;
	file_lookup_prepare(q, l);
	return open_call(q, &l->call, VFS_LOOKUP, then);
}

static char *join(const struct name_path *p, struct arena *a)
{
	size_t len = 1;
	char *path, *end;

	for (size_t i = 0; i < p->count; i++)
		len += strlen(p->names[i]) + 1;
	path = end = arena_alloc(a, len);
	if (!path)
		return NULL;
	for (size_t i = 0; i < p->count; i++) {
		if (i)
			*end++ = '\\';
		len = strlen(p->names[i]);
		memcpy(end, p->names[i], len + 1);
		end += len;
	}
	return path;
}

/* Deviation: 3.3.5.21.1 refuses names with a separator, and in the next sentence wants full paths; Windows takes them. */
static nt_status move_decode(struct req *q, struct set_info *a, struct set_move *m)
{
	nt_status st = file_target_decode(&a->data, &q->arena, &m->to);

	if (!nt_ok(st))
		return st;
	if (m->to.path.stream || m->to.path.count == 0 || q->open->node->base)
		return STATUS_SUCCESS; /* of streams: move() */
	for (size_t i = 0; i < m->to.path.count; i++)
		if (name_reserved(m->to.path.names[i]))
			return STATUS_ACCESS_DENIED;
	m->to_name = m->to.path.names[m->to.path.count - 1];
	m->to_path = join(&m->to.path, &q->arena);
	return m->to_path ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static nt_status find_parent(struct req *q)
{
	struct set_move *m = q->state;

	if (open_name(q->open, &q->arena, &m->parent, &m->name) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!m->parent) /* the root of a share stays */
		return STATUS_ACCESS_DENIED;
	return look_up(q, q->tree->root->file, m->to.path.names, m->to.path.count - 1,
		       parent_found);
}

/* Nobody keeps it open only because it is cached. */
static nt_status uncached(struct req *q, int err, struct wr *w)
{
	return find_parent(q);
}

/*
 * Deviation: [MS-FSA] 2.1.5.15.7 lets anybody link to what he could open. Kernels refuse that for files of others
 * (fs.protected_hardlinks), but not to raised calls; and CreateHardLink() of Windows asks for the first of these anyway.
 */
static bool may_link(const struct open *o)
{
	return !share_raises(o->tree->share) ||
	       open_may(o, FILE_WRITE_ATTRIBUTES | FILE_WRITE_DATA);
}

static nt_status move(struct req *q, struct set_info *a, bool link)
{
	struct set_move *m = arena_alloc(&q->arena, sizeof(*m));
	uint32_t adds = q->open->directory ? FILE_ADD_SUBDIRECTORY : FILE_ADD_FILE;
	nt_status st;

	if (!m)
		return STATUS_INSUFFICIENT_RESOURCES;
	m->link = link;
	q->state = m;
	q->cleanup = move_cleanup;
	st = move_decode(q, a, m);
	if (!nt_ok(st))
		return st;
	if (!link && (m->to.path.stream || m->to.path.count == 0))
		return set_stream_rename(q, &m->to);
	if (m->to.path.stream || m->to.path.count == 0 || q->open->node->base)
		return STATUS_INVALID_PARAMETER;
	if (link && q->open->directory)
		return STATUS_FILE_IS_A_DIRECTORY;
	if (link && !may_link(q->open))
		return STATUS_ACCESS_DENIED;
	if (!(q->tree->maximal_access & adds))
		return STATUS_ACCESS_DENIED;
	return cache_use(q, CACHING_USE_NAME, uncached);
}

nt_status set_rename(struct req *q, struct set_info *a)
{
	return move(q, a, false);
}

nt_status set_link(struct req *q, struct set_info *a)
{
	return move(q, a, true);
}

/* ---- turns --------------------------------------------------------------------------------------- */

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const struct node_key *a, const struct node_key *b)
{
	int c = compare_u64(a->volume, b->volume);

	if (!c)
		c = compare_u64(a->inode, b->inode);
	return c ? c : compare_u64(a->generation, b->generation);
}

/* Which turns of names, in the order of fs/turn.h: ascending by parent, then folded name. Two that differ in case only
 * are one; a link leaves the name it was opened by alone. */
static int order_names(struct req *q)
{
	struct set_move *m = q->state;
	const struct wanted from = {m->parent, m->name}, to = {m->to_parent, m->to_name};
	char *folded, *to_folded;
	int order;

	if (utf8_upper(&q->arena, m->name, &folded) != 0 ||
	    utf8_upper(&q->arena, m->to_name, &to_folded) != 0)
		return -ENOMEM;
	order = compare_keys(&m->parent->key, &m->to_parent->key);
	if (!order)
		order = strcmp(folded, to_folded);
	m->wanted_count = order && !m->link ? 2 : 1;
	m->wanted[0] = order > 0 || m->link ? to : from;
	m->wanted[1] = order > 0 ? from : to;
	return 0;
}

/* One turn after another; the node's is last. */
static nt_status take_turns(struct req *q)
{
	struct set_move *m = q->state;
	size_t i = m->taken;

	if (i == m->wanted_count) {
		turn_take(&q->open->node->turn, &m->turn, req_wait(q, turns_held));
		return STATUS_PENDING;
	}
	m->taken++;
	m->names[i] = name_turn_take(m->wanted[i].parent, m->wanted[i].name,
				     &m->name_refs[i], req_wait(q, name_held));
	return STATUS_PENDING;
}

static nt_status name_held(struct req *q, int err, struct wr *w)
{
	return err ? STATUS_INSUFFICIENT_RESOURCES : take_turns(q);
}

/* Whoever opened the file must be allowed to add the name. [MS-FSA] 2.1.5.15.12, 2.1.5.15.7 */
static nt_status parent_found(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;
	struct vfs_lookup *l = &m->call.lookup;
	uint32_t adds = q->open->directory ? FILE_ADD_SUBDIRECTORY : FILE_ADD_FILE;
	nt_status st;

	/* nothing is put behind what the client would have to follow: as for what lies further ahead, -ELOOP */
	if (err == -ENOENT || err == -ENOTDIR ||
	    (!err && (l->stat.type != VFS_DIR || l->reparse.len))) {
		if (!err)
			vfile_put(l->file);
		return STATUS_OBJECT_PATH_NOT_FOUND;
	}
	if (err)
		return nt_from_errno(err);
	m->to_parent = node_find_or_new(q->open->server->nodes, &l->stat, l->file, NULL,
					"");
	vfile_put(l->file);
	st = file_facts_take(q, l, &m->to_parent_facts);
	if (!nt_ok(st))
		return st;
	if (!(file_rights(q, q->open->who, &m->to_parent_facts) & adds))
		return STATUS_ACCESS_DENIED;
	if (!m->to_parent || order_names(q) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	return take_turns(q);
}

/* ---- may it be? ---------------------------------------------------------------------------------- */

/* Does the session have the directory open with the right to delete it? */
static bool may_delete_parent(struct sess *s, const struct node *dir)
{
	struct map_walk pos;

	/* as a rule; and the session may have many others */
	if (!state_open_count(dir->state))
		return false;
	LOCK_SCOPE(&s->lock);
	for (struct map_node *n = map_walk_first(&s->opens, &pos); n;
	     n = map_walk_next(&s->opens, &pos)) {
		const struct open *o = container_of(n, struct open, by_id);

		if (o->node == dir && (o->granted & DELETE))
			return true;
	}
	return false;
}

/*
 * As if the directory were opened to add a name, by someone who shares all: [MS-FSA] 2.1.5.15.7, 2.1.5.15.12. Deviation:
 * who has it open with DELETE is in the way, as in Windows (smb2.rename, smb2.oplock.batch20); but of a directory's new name
 * only in the same session (smb2.notify-inotify.inotify-rename).
 */
static nt_status check_parent(struct req *q)
{
	struct set_move *m = q->state;
	struct open *o = q->open;

	if (may_delete_parent(q->sess, m->to_parent))
		return STATUS_SHARING_VIOLATION;

	m->op = (struct state_op){
		.code = STATE_CHECK,
		.node = m->to_parent->key,
		.server = o->server->server_id,
		.open = o->state_id,
		.access = o->directory ? FILE_ADD_SUBDIRECTORY : FILE_ADD_FILE,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE |
			 (o->directory ? FILE_SHARE_DELETE : 0),
	};
	state_apply(o->server->state, q->lane->lane, &m->op, &m->result,
		    req_wait(q, parent_checked));
	return STATUS_PENDING;
}

/* Is the name still what we hold the turn of? */
static bool name_holds(struct req *q)
{
	const struct set_move *m = q->state;
	struct node *parent;
	const char *name;
	bool same;

	if (open_name(q->open, &q->arena, &parent, &name) != 0)
		return false;
	same = parent == m->parent && strcmp(name, m->name) == 0;
	if (parent)
		node_put(parent);
	return same;
}

static nt_status beneath_uncached(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;

	node_put(TAKE(m->beneath));
	return find_parent(q);
}

/* Files beneath a directory hold it, unless they are open only because that is cached. [MS-FSA] 2.1.4.2 */
static nt_status beneath_uncache(struct req *q)
{
	struct set_move *m = q->state;

	if (!m->beneath)
		return STATUS_ACCESS_DENIED;
	give_back(m);
	return cache_use_of(q, m->beneath, CACHING_USE_NAME, beneath_uncached);
}

static nt_status turns_held(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;
	struct open *o = q->open;
	const char *path;

	if (!m->link && !name_holds(q)) { /* another rename was quicker: again */
		give_back(m);
		return find_parent(q);
	}
	if (state_delete_pending(o->node->state))
		return STATUS_ACCESS_DENIED;
	if (!m->link && m->parent == m->to_parent && strcmp(m->name, m->to_name) == 0)
		return set_succeed(q);
	if (o->directory) {
		path = open_path(o, &q->arena);
		if (!path)
			return STATUS_INSUFFICIENT_RESOURCES;
		if (opens_beneath(o, path, &m->beneath))
			return beneath_uncache(q);
	}
	return check_parent(q);
}

static nt_status parent_checked(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;

	if (err)
		return nt_from_errno(err);
	if (!nt_ok(m->result.status))
		return m->result.status;
	return look_up(q, m->to_parent->file, &m->to_name, 1, target_looked);
}

/* ---- what bears the new name --------------------------------------------------------------------- */

/* What is replaced is deleted: by who may delete it, or anything in its directory. */
static nt_status check_target(struct req *q, const struct vfs_lookup *l)
{
	const struct set_move *m = q->state;
	const struct vfs_stat *target = &l->stat;
	struct file_facts facts;
	struct node *n;
	nt_status st = STATUS_SUCCESS;

	if (!m->to.replace)
		return STATUS_OBJECT_NAME_COLLISION;
	st = file_facts_take(q, l, &facts);
	if (!nt_ok(st))
		return st;
	if (!(file_maximal(q, q->open->who, &facts, &m->to_parent_facts) & DELETE))
		return STATUS_ACCESS_DENIED;
	if (target->type == VFS_DIR || (target->dos_attributes & FILE_ATTRIBUTE_READONLY))
		return STATUS_ACCESS_DENIED;
	n = node_find(q->open->server->nodes, &target->key);
	if (!n)
		return STATUS_SUCCESS;
	if (state_delete_pending(n->state))
		st = STATUS_DELETE_PENDING;
	else if (state_open_count(n->state) > 0 || atomic_load(&n->streams) > 0)
		st = STATUS_ACCESS_DENIED;
	node_put(n);
	return st;
}

/* Who caches the entries of `dir` hears of it. */
static nt_status entries_changed(struct req *q, struct node *dir, req_done then)
{
	const struct state_op who = open_state_op(q->open, STATE_USE);

	return cache_entries(q, dir, &who, open_parent_lease(q->open), then);
}

static void move_noted(struct req *q)
{
	const struct set_move *m = q->state;
	struct trail_event e = {
		.kind = m->link ? TRAIL_LINK : TRAIL_RENAME,
		.path = m->from_path,
		.to = m->to_path,
		.reason = m->replaced ? "in place of another" : NULL,
		.directory = q->open->directory,
	};

	if (trail_wants(q, CONF_AUDIT_CHANGES))
		trail_note(q, &e);
}

static nt_status entered(struct req *q, int err, struct wr *w)
{
	const struct set_move *m = q->state;

	return set_done_note(q, err ? err : m->err, w);
}

static nt_status left(struct req *q, int err, struct wr *w)
{
	const struct set_move *m = q->state;

	return m->to_parent == m->parent ? entered(q, err, w)
					 : entries_changed(q, m->to_parent, entered);
}

static nt_status linked(struct req *q, int err, struct wr *w)
{
	const struct set_move *m = q->state;

	if (err)
		return nt_from_errno(err);
	move_noted(q);
	return entries_changed(q, m->to_parent, entered);
}

static nt_status rename_it(struct req *q, bool replace)
{
	struct set_move *m = q->state;
	struct vfs_rename *r = &m->call.rename;

	if (moved_opens_prepare(&m->opens, q->open, m->to_path, m->to_parent,
				&q->arena) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	memset(r, 0, sizeof(*r));
	r->src_dir = m->parent->file;
	r->src_name = m->name;
	r->dst_dir = m->to_parent->file;
	r->dst_name = m->to_name;
	r->replace = replace;
	r->key = q->open->node->key;
	return open_call(q, &r->call, VFS_RENAME, moved);
}

static nt_status link_it(struct req *q, bool replace)
{
	struct set_move *m = q->state;
	struct vfs_link *l = &m->call.link;

	memset(l, 0, sizeof(*l));
	l->file = q->open->node->file;
	l->dst_dir = m->to_parent->file;
	l->dst_name = m->to_name;
	l->replace = replace;
	return open_call(q, &l->call, VFS_LINK, linked);
}

static nt_status target_looked(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;
	struct vfs_lookup *l = &m->call.lookup;
	bool replace = false;
	nt_status st;

	if (err && err != -ENOENT)
		return nt_from_errno(err);
	if (!err) {
		m->target = l->file;
		/* another case of its own name, or another link to it */
		replace = node_key_eq(&l->stat.key, &q->open->node->key);
		if (!replace || m->link) {
			st = check_target(q, l);
			if (!nt_ok(st))
				return st;
			replace = m->replaced = true;
		}
	}
	if (trail_wants(q, CONF_AUDIT_CHANGES))
		m->from_path = open_path(q->open, &q->arena);
	return m->link ? link_it(q, replace) : rename_it(q, replace);
}

static nt_status moved(struct req *q, int err, struct wr *w)
{
	struct set_move *m = q->state;

	if (err == -ESTALE) /* a local process was quicker */
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (err)
		return nt_from_errno(err);
	move_noted(q);
	moved_opens_apply(&m->opens, m->parent, m->name);
	/* without memory the node keeps its old name: nothing is deleted by a name that is not the file's */
	m->err = node_moved(q->open->node, m->to_parent, m->to_name);
	return entries_changed(q, m->parent, left);
}
