/* memfs.c - the volume: inodes, handles, permissions, and where each call runs. */
#include "sim/memfs_impl.h"

#include "wire/fscc_proto.h"
#include "wire/reparse.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, ROOT_MODE = 0775 };

void *memfs_alloc(size_t len)
{
	void *p = calloc(1, len);

	if (!p)
		abort();
	return p;
}

uint64_t memfs_now(const struct memfs *fs)
{
	return env_filetime(fs->world->env);
}

/* ---- inodes and handles ------------------------------------------------------------------------------- */

struct memfs_inode *memfs_inode_new(struct memfs *fs, enum vfs_type type, uint32_t mode,
				    uint32_t uid, uint32_t gid)
{
	struct memfs_inode *n = memfs_alloc(sizeof(*n));

	n->refs = 1;
	n->fs = fs;
	n->number = fs->next_number++;
	n->type = type;
	n->mode = mode;
	n->uid = uid;
	n->gid = gid;
	n->nlink = 1;
	n->create_time = n->access_time = n->write_time = n->change_time = memfs_now(fs);
	list_init(&n->eas);
	list_init(&n->streams);
	list_init(&n->names);
	n->next_cookie = 3; /* behind "." and ".." */
	fs->inodes++;
	return n;
}

static void names_free(struct memfs_inode *n)
{
	for (struct list_node *it; (it = list_pop(&n->names)) != NULL;) {
		struct memfs_name *name = container_of(it, struct memfs_name, node);

		memfs_inode_put(name->inode);
		free(name->name);
		free(name);
	}
}

void memfs_inode_put(struct memfs_inode *n)
{
	if (--n->refs)
		return;
	names_free(n);
	memfs_eas_free(n);
	free(n->sd);
	free(n->reparse);
	memfs_streams_free(n);
	n->fs->used -= n->len;
	n->fs->inodes--;
	free(n->data);
	free(n->stream);
	free(n);
}

struct vfile *memfs_handle_new(struct memfs_inode *n, bool data, bool read, bool write)
{
	struct memfs_handle *h = memfs_alloc(sizeof(*h));

	h->file.ops = n->fs->vfs.ops;
	h->file.refs = 1;
	h->inode = n;
	h->data = data;
	h->read = read;
	h->write = write;
	n->refs++;
	if (n->base)
		n->base->refs++;
	n->fs->handles++;
	vfs_get(&n->fs->vfs);
	return &h->file;
}

static void handle_close(struct vfile *f)
{
	struct memfs_handle *h = memfs_handle_of(f);
	struct memfs_inode *base = h->inode->base;
	struct memfs *fs = h->inode->fs;

	fs->handles--;
	memfs_inode_put(h->inode);
	if (base)
		memfs_inode_put(base);
	free(h);
	vfs_put(&fs->vfs);
}

unsigned memfs_may(const struct memfs_inode *n, const struct cred *c)
{
	unsigned shift = 0;

	if (n->base)
		n = n->base;
	if (!c || c->uid == 0)
		return VFS_MAY_READ | VFS_MAY_WRITE | VFS_MAY_EXEC;
	if (c->uid == n->uid)
		shift = 6;
	else if (cred_in_group(c, n->gid))
		shift = 3;
	return n->mode >> shift & 7;
}

int memfs_sd_get(const struct memfs_inode *n, struct arena *a, struct span *ret_sd)
{
	void *copy = n->sd_len ? arena_dup(a, span_of(n->sd, n->sd_len)) : NULL;

	if (n->sd_len && !copy)
		return -ENOMEM;
	*ret_sd = span_of(copy, n->sd_len);
	return 0;
}

void memfs_sd_set(struct memfs_inode *n, struct span sd)
{
	free(n->sd);
	n->sd = memfs_alloc(sd.len);
	memcpy(n->sd, sd.p, sd.len);
	n->sd_len = sd.len;
}

int memfs_reparse_get(const struct memfs_inode *n, struct arena *a, struct span *ret)
{
	void *copy = arena_dup(a, span_of(n->reparse, n->reparse_len));

	if (!copy)
		return -ENOMEM;
	*ret = span_of(copy, n->reparse_len);
	return 0;
}

void memfs_reparse_set(struct memfs_inode *n, struct span buffer)
{
	free(n->reparse);
	n->reparse = buffer.len ? memfs_alloc(buffer.len) : NULL;
	n->reparse_len = buffer.len;
	if (buffer.len)
		memcpy(n->reparse, buffer.p, buffer.len);
}

static uint32_t tag_of(const struct memfs_inode *n)
{
	struct reparse r;

	if (!n->reparse_len) /* most: what is decoded counts in tests/cost */
		return 0;
	return nt_ok(reparse_decode(span_of(n->reparse, n->reparse_len), &r)) ? r.tag : 0;
}

void memfs_stat_of(const struct memfs_inode *n, struct vfs_stat *ret)
{
	uint64_t blocks = ((uint64_t)n->len + BLOCK - 1) / BLOCK;
	uint64_t allocated = blocks * BLOCK > n->reserved ? blocks * BLOCK : n->reserved;

	if (n->base) {
		memfs_stat_of(n->base, ret);
		ret->key.stream = n->number;
		ret->type = VFS_FILE;
		ret->size = n->len;
		ret->allocated = allocated;
		ret->dos_attributes &= ~(uint32_t)FILE_ATTRIBUTE_DIRECTORY;
		if (!ret->dos_attributes)
			ret->dos_attributes = FILE_ATTRIBUTE_NORMAL;
		return;
	}
	*ret = (struct vfs_stat){
		.key = {.volume = n->fs->vfs.volume, .inode = n->number},
		.type = n->type,
		.mode = n->mode,
		.uid = n->uid,
		.gid = n->gid,
		.nlink = n->nlink,
		.dos_attributes = n->dos_attributes,
		.size = n->len,
		.allocated = allocated,
		.create_time = n->create_time,
		.access_time = n->access_time,
		.write_time = n->write_time,
		.change_time = n->change_time,
		.reparse_tag = tag_of(n),
	};
	if (ret->reparse_tag)
		ret->dos_attributes |= FILE_ATTRIBUTE_REPARSE_POINT;
	if (n->type == VFS_DIR)
		ret->dos_attributes |= FILE_ATTRIBUTE_DIRECTORY;
	if (!ret->dos_attributes)
		ret->dos_attributes = FILE_ATTRIBUTE_NORMAL;
}

int memfs_resize(struct memfs_inode *n, uint64_t len)
{
	uint64_t used = n->fs->used - n->len + len;

	if (len > MEMFS_FILE_MAX)
		return -EFBIG;
	if (len > n->len && used > MEMFS_VOLUME_MAX)
		return -ENOSPC;
	if (len > n->cap) {
		n->cap = (size_t)len * 2;
		n->data = realloc(n->data, n->cap);
		if (!n->data)
			abort();
	}
	if (len > n->len)
		memset(n->data + n->len, 0, (size_t)len - n->len);
	n->len = (size_t)len;
	n->fs->used = used;
	return 0;
}

/* ---- who hears of changes ----------------------------------------------------------------------------- */

void memfs_tell(struct memfs_inode *dir, const char *name, uint32_t action,
		uint32_t filter)
{
	const struct memfs_world *w = dir->fs->world;
	struct memfs_change c = {
		.dir = dir, .name = name, .action = action, .filter = filter};

	w->changed(w->arg, &c);
}

static void tell_below(struct memfs_inode *dir, struct memfs_inode *n, uint32_t filter)
{
	list_for_each (it, &dir->names) {
		struct memfs_name *name = container_of(it, struct memfs_name, node);

		if (name->inode == n)
			memfs_tell(dir, name->name, FILE_ACTION_MODIFIED, filter);
		else if (name->inode->type == VFS_DIR)
			tell_below(name->inode, n, filter);
	}
}

/* By a walk over the whole tree: it is small, and inodes need not know their names. */
void memfs_touched(struct memfs_inode *n, uint32_t filter)
{
	n = memfs_base(n);
	n->change_time = memfs_now(n->fs);
	tell_below(n->fs->root, n, filter);
}

static const char *name_in_parent(const struct memfs_inode *dir)
{
	list_for_each (it, &dir->parent->names) {
		const struct memfs_name *name = container_of(it, struct memfs_name, node);

		if (name->inode == dir)
			return name->name;
	}
	return NULL;
}

bool memfs_below(struct vfile *watch, const struct memfs_change *c, bool tree, char *ret,
		 size_t ret_len)
{
	const struct memfs_inode *top = memfs_inode_of(watch);
	char path[1024];

	snprintf(ret, ret_len, "%s", c->name);
	for (const struct memfs_inode *d = c->dir; d != top; d = d->parent) {
		const char *name = d->parent && tree ? name_in_parent(d) : NULL;

		if (!name)
			return false;
		snprintf(path, sizeof(path), "%s\\%s", name, ret);
		snprintf(ret, ret_len, "%s", path);
	}
	return true;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

static int (*const operations[VFS_OP_COUNT])(struct memfs *fs, struct vfs_call *c) = {
	[VFS_LOOKUP] = memfs_lookup,
	[VFS_CREATE] = memfs_create,
	[VFS_OPEN] = memfs_open,
	[VFS_STAT] = memfs_stat,
	[VFS_SETATTR] = memfs_setattr,
	[VFS_UNLINK] = memfs_unlink,
	[VFS_RENAME] = memfs_rename,
	[VFS_LINK] = memfs_link,
	[VFS_READ] = memfs_read,
	[VFS_PIECE] = memfs_piece,
	[VFS_WRITE] = memfs_write,
	[VFS_SYNC] = memfs_sync,
	[VFS_COPY] = memfs_copy,
	[VFS_CLONE] = memfs_no_clones,
	[VFS_ZERO] = memfs_zero,
	[VFS_RANGES] = memfs_ranges,
	[VFS_READDIR] = memfs_readdir,
	[VFS_STATFS] = memfs_statfs,
	[VFS_QUOTA_LIST] = memfs_no_quotas,
	[VFS_QUOTA_SET] = memfs_no_quotas,
	[VFS_EA_LIST] = memfs_ea_list,
	[VFS_EA_SET] = memfs_ea_set,
	[VFS_STREAM_OPEN] = memfs_stream_open,
	[VFS_STREAM_REMOVE] = memfs_stream_remove,
	[VFS_STREAM_RENAME] = memfs_stream_rename,
	[VFS_STREAM_LIST] = memfs_stream_list,
	[VFS_STREAM_CLEAR] = memfs_stream_clear,
};

static int call_run(struct vfs_call *c)
{
	struct memfs *fs = memfs_of(c->vfs);
	int err = fs->world->fault(fs->world->arg, c->op);

	return err ? err : operations[c->op](fs, c);
}

/* Another WRITE of a handle is left to the pool (1), or one has been run (-1). */
static void count_writing(struct vfs_call *c, int n)
{
	if (c->op == VFS_WRITE)
		memfs_handle_of(container_of(c, struct vfs_io, call)->data)->writing +=
			(unsigned)n;
}

static int job_run(struct job *j)
{
	struct vfs_call *c = container_of(j, struct vfs_call, job);
	int err = call_run(c);

	count_writing(c, -1);
	return err;
}

static void volume_run(struct vfs *v, struct vfs_call *c, struct wait *w)
{
	const struct memfs_world *world = memfs_of(v)->world;

	if (!world->defer(world->arg, c->op)) {
		wait_now(w, call_run(c));
		return;
	}
	count_writing(c, 1);
	c->job.run = job_run;
	c->job.wait = w;
	exec_run(c->lane->exec, EXEC_IO, &c->job);
}

static struct vfile *volume_root(struct vfs *v)
{
	return memfs_handle_new(memfs_of(v)->root, false, false, false);
}

static void volume_free(struct vfs *v)
{
	struct memfs *fs = memfs_of(v);

	assert(fs->handles == 0);
	memfs_inode_put(fs->root);
	assert(fs->inodes == 0);
	free(fs);
}

static const struct vfs_ops volume_ops = {
	.run = volume_run,
	.root = volume_root,
	.settle = memfs_settle,
	.close = handle_close,
	.free = volume_free,
};

struct vfs *memfs_new(const struct memfs_world *world, bool case_insensitive, uid_t uid,
		      gid_t gid)
{
	struct memfs *fs = memfs_alloc(sizeof(*fs));

	fs->vfs = (struct vfs){
		.ops = &volume_ops,
		.refs = 1,
		.case_insensitive = case_insensitive,
		.volume = 0x5349,
		.piece_min = 1,
		.lend_min = 1,
	};
	fs->world = world;
	fs->next_number = 2;
	fs->root = memfs_inode_new(fs, VFS_DIR, ROOT_MODE, uid, gid);
	return &fs->vfs;
}

size_t memfs_handles(const struct vfs *v)
{
	return container_of(v, const struct memfs, vfs)->handles;
}

size_t memfs_inodes(const struct vfs *v)
{
	return container_of(v, const struct memfs, vfs)->inodes;
}
