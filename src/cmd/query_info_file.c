/* QUERY_INFO, SMB2_0_INFO_FILE.  Spec: [MS-SMB2] 3.3.5.20.1, [MS-FSA] 2.1.5.12 */
#include "cmd/ea.h"
#include "cmd/file_info.h"
#include "cmd/open_call.h"
#include "cmd/query_info.h"
#include "fs/short_name.h"
#include "rpc/pipe.h"

#include <string.h>

struct query_file {
	const struct query_info *asked;
	const struct file_info_class *class;
	unsigned needs; /* of class->needs, what is not there yet */
	struct file_info info;
	union {
		struct vfs_statcall stat;
		struct vfs_ea_list eas;
		struct vfs_lookup lookup;
		struct vfs_stream_list streams;
	} call; /* the one under way */
	struct turn_ref pipe_ref;
	/* the path as it is on disk: walked name by name */
	char *left;       /* of the path as it was opened */
	char *path, *end; /* so far */
	size_t path_cap;
	struct vfile *dir; /* counted; NULL: the root */
};

static nt_status gather(struct req *q);

/* [MS-SMB2] 3.3.5.20.1: which dialects know the class. */
static bool dialect_knows(const struct conn *c, uint8_t class)
{
	if (class == FileIdInformation)
		return c->dialect >= SMB2_DIALECT_300;
	if (class == FileNormalizedNameInformation)
		return c->dialect >= SMB2_DIALECT_311;
	return true;
}

static nt_status query_check(struct req *q, const struct query_info *a,
			     const struct file_info_class *c)
{
	unsigned kind = q->open->node ? FILE_INFO_OF_FILE : FILE_INFO_OF_PIPE;

	if (!c)
		return file_info_is_class(a->class) ? STATUS_NOT_SUPPORTED
						    : STATUS_INVALID_INFO_CLASS;
	if (!dialect_knows(q->conn, a->class))
		return STATUS_NOT_SUPPORTED;
	if (!(c->needs & kind)) /* [MS-FSCC] 2.4: not of this file system */
		return STATUS_INVALID_PARAMETER;
	if (a->output_len < c->fixed_len)
		return query_too_short(q);
	if (c->access && !open_may(q->open, c->access))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

static void query_file_cleanup(struct req *q)
{
	struct query_file *f = q->state;

	turn_give(&f->pipe_ref);
	vfile_put(TAKE(f->dir));
}

/* What the open itself knows. */
static void fill_from_open(struct open *o, struct file_info *i)
{
	i->access = o->granted;
	if (o->node)
		i->delete_pending = state_delete_pending(o->node->state);
	i->mode = atomic_load(&o->mode);
	i->position = atomic_load(&o->position);
}

/* Those that are made up can be looked up only where names are compared anyway: fs/posix_lookup.c */
static bool has_short_name(const struct open *o, const char *name)
{
	return name[0] && (open_vfs(o)->case_insensitive || short_name_fits(name));
}

static nt_status answer(struct req *q)
{
	struct query_file *f = q->state;
	struct wr *w;

	if ((f->class->needs & FILE_INFO_SHORT_NAME) &&
	    !has_short_name(q->open, file_info_leaf(f->info.path)))
		return STATUS_OBJECT_NAME_NOT_FOUND; /* [MS-FSA] 2.1.5.12.4 */
	w = query_begin(q, FILE_INFO_LEN_MAX + file_streams_len(&f->info) +
				   (f->info.path ? 2 * strlen(f->info.path) : 0) +
				   (f->info.stream ? 2 * strlen(f->info.stream) : 0));
	f->class->encode(w, &f->info);
	return query_end(q, f->asked, STATUS_SUCCESS);
}

static nt_status stat_done(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;

	if (err)
		return nt_from_errno(err);
	f->info.stat = f->call.stat.stat;
	open_show(q, q->open->node, &f->info.stat);
	if (!f->call.stat.has_eas)
		f->needs &= ~(unsigned)FILE_INFO_EAS;
	return gather(q);
}

static nt_status streams_done(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;

	if (err)
		return nt_from_errno(err);
	f->info.streams = f->call.streams.streams;
	f->info.stream_count = f->call.streams.count;
	return gather(q);
}

/* The unnamed stream's sizes are the file's, also when it is asked for through a named one. */
static nt_status list_streams(struct req *q)
{
	struct query_file *f = q->state;

	f->call.streams.file = node_base(q->open->node)->file;
	return open_call(q, &f->call.streams.call, VFS_STREAM_LIST, streams_done);
}

static nt_status streams_stat_done(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;

	if (err)
		return nt_from_errno(err);
	f->info.stat = f->call.stat.stat;
	memset(&f->call, 0, sizeof(f->call));
	return q->open->tree->share->conf->named_streams ? list_streams(q) : gather(q);
}

static nt_status eas_done(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;

	if (err)
		return nt_from_errno(err);
	f->info.ea_len = (uint32_t)ea_len(f->call.eas.eas, f->call.eas.count);
	return gather(q);
}

/* ---- the name as it is on disk, whatever case the client opened it by ---------------------------- */

static nt_status walk_next(struct req *q);

static nt_status walk_done(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;
	struct vfs_lookup *l = &f->call.lookup;
	size_t len;

	if (err)
		return nt_from_errno(err);
	vfile_put(f->dir);
	f->dir = l->file;
	len = strlen(l->name);
	if (len + 1 >= f->path_cap - (size_t)(f->end - f->path))
		return STATUS_INSUFFICIENT_RESOURCES;
	if (f->end != f->path)
		*f->end++ = '\\';
	memcpy(f->end, l->name, len + 1);
	f->end += len;
	return walk_next(q);
}

static nt_status walk_next(struct req *q)
{
	struct query_file *f = q->state;
	struct vfs_lookup *l = &f->call.lookup;
	const char **name = arena_alloc(&q->arena, sizeof(*name));

	if (!name)
		return STATUS_INSUFFICIENT_RESOURCES;
	*name = strsep(&f->left, "\\");
	if (!*name) {
		f->info.path = f->path;
		return gather(q);
	}
	memset(l, 0, sizeof(*l));
	l->dir = f->dir ? f->dir : q->open->tree->root->file;
	l->names = name;
	l->count = 1;
	return open_call(q, &l->call, VFS_LOOKUP, walk_done);
}

static nt_status walk(struct req *q)
{
	struct query_file *f = q->state;
	struct node *no_parent;

	f->left = open_path(q->open, &q->arena);
	if (!f->left)
		return STATUS_INSUFFICIENT_RESOURCES;
	/* a letter may take more bytes in the other case, up to three for one */
	f->path_cap = 3 * strlen(f->left) + 2;
	f->path = f->end = arena_alloc(&q->arena, f->path_cap);
	if (!f->path)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (f->left[0] == '\0')
		f->left = NULL;
	if (q->open->node->base &&
	    node_name(q->open->node, &q->arena, &no_parent, &f->info.stream) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	return walk_next(q);
}

/* ---- gathering ----------------------------------------------------------------------------------- */

static bool needs(struct query_file *f, unsigned what)
{
	bool yes = f->needs & what;

	f->needs &= ~what;
	return yes;
}

/* Ask for one part after another, then answer. */
static nt_status gather(struct req *q)
{
	struct query_file *f = q->state;

	memset(&f->call, 0, sizeof(f->call));
	if (needs(f, FILE_INFO_STAT)) {
		f->call.stat.file = q->open->node->file;
		f->call.stat.with_eas = f->needs & FILE_INFO_EAS;
		return open_call(q, &f->call.stat.call, VFS_STAT, stat_done);
	}
	if (needs(f, FILE_INFO_STREAMS)) {
		f->call.stat.file = node_base(q->open->node)->file;
		return open_call(q, &f->call.stat.call, VFS_STAT, streams_stat_done);
	}
	if (needs(f, FILE_INFO_EAS)) {
		f->call.eas.file = q->open->node->file;
		return open_call(q, &f->call.eas.call, VFS_EA_LIST, eas_done);
	}
	if (needs(f, FILE_INFO_OPENED_PATH)) {
		f->info.path = open_path(q->open, &q->arena);
		if (!f->info.path)
			return STATUS_INSUFFICIENT_RESOURCES;
	}
	if (needs(f, FILE_INFO_PATH))
		return walk(q);
	return answer(q);
}

/* The pipe's turn is ours. */
static nt_status pipe_held(struct req *q, int err, struct wr *w)
{
	struct query_file *f = q->state;

	f->info.pipe_waiting = (uint32_t)pipe_waiting(q->open->pipe);
	turn_give(&f->pipe_ref);
	return answer(q);
}

static nt_status gather_pipe(struct req *q)
{
	struct query_file *f = q->state;

	f->info.delete_pending = true; /* as Windows says of any pipe */
	f->info.stat = (struct vfs_stat){
		.dos_attributes = FILE_ATTRIBUTE_NORMAL,
		.allocated = 4096,
		.nlink = 1,
	};
	turn_take(&q->open->pipe_turn, &f->pipe_ref, req_wait(q, pipe_held));
	return STATUS_PENDING;
}

nt_status query_file(struct req *q, const struct query_info *a)
{
	const struct file_info_class *c = file_info_class(a->class);
	struct query_file *f;
	nt_status st;

	if (a->class == FileFullEaInformation)
		return query_ea(q, a);
	st = query_check(q, a, c);
	if (!nt_ok(st))
		return st;
	f = arena_alloc(&q->arena, sizeof(*f));
	if (!f)
		return STATUS_INSUFFICIENT_RESOURCES;
	f->asked = a;
	f->class = c;
	f->needs = c->needs;
	fill_from_open(q->open, &f->info);
	q->state = f;
	q->cleanup = query_file_cleanup;
	return q->open->node ? gather(q) : gather_pipe(q);
}
