/* memfs_names.c - calls that look names up, make, move and remove them, and list them. */
#include "sim/memfs_impl.h"

#include "wire/fscc_proto.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAY_CHANGE = VFS_MAY_WRITE | VFS_MAY_EXEC };

static uint32_t name_filter(const struct memfs_inode *n)
{
	return n->type == VFS_DIR ? FILE_NOTIFY_CHANGE_DIR_NAME
				  : FILE_NOTIFY_CHANGE_FILE_NAME;
}

static struct memfs_name *find_exact(struct memfs_inode *dir, const char *name)
{
	list_for_each (it, &dir->names) {
		struct memfs_name *n = container_of(it, struct memfs_name, node);

		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

static struct memfs_name *find(struct memfs_inode *dir, const char *name)
{
	struct memfs_name *exact = find_exact(dir, name);

	if (exact || !dir->fs->vfs.case_insensitive)
		return exact;
	list_for_each (it, &dir->names) {
		struct memfs_name *n = container_of(it, struct memfs_name, node);

		if (utf8_eq_nocase(n->name, name))
			return n;
	}
	return NULL;
}

static bool may(const struct memfs_inode *n, const struct cred *c, unsigned what)
{
	return (memfs_may(n, c) & what) == what;
}

static bool is_removed(const struct memfs_inode *dir)
{
	return dir->nlink == 0;
}

/* The name of a new link to n. */
static void name_add(struct memfs_inode *dir, const char *name, struct memfs_inode *n)
{
	struct memfs_name *fresh = memfs_alloc(sizeof(*fresh));

	fresh->name = strdup(name);
	if (!fresh->name)
		abort();
	fresh->cookie = dir->next_cookie++;
	fresh->inode = n;
	n->refs++;
	if (n->type == VFS_DIR)
		n->parent = dir;
	list_add_tail(&dir->names, &fresh->node);
	dir->write_time = dir->change_time = memfs_now(dir->fs);
}

static void name_remove(struct memfs_inode *dir, struct memfs_name *name)
{
	struct memfs_inode *n = name->inode;

	list_del(&name->node);
	dir->write_time = dir->change_time = memfs_now(dir->fs);
	if (n->type == VFS_DIR && n->parent == dir)
		n->parent = NULL;
	free(name->name);
	free(name);
	memfs_inode_put(n);
}

void memfs_make(struct vfs *v, const char *path, bool directory, uid_t uid, gid_t gid)
{
	struct memfs *fs = memfs_of(v);
	struct memfs_inode *dir = fs->root, *n;
	const char *sep;

	while ((sep = strchr(path, '\\')) != NULL) {
		char *name = strndup(path, (size_t)(sep - path));
		struct memfs_name *found = name ? find(dir, name) : NULL;

		if (!found)
			abort();
		dir = found->inode;
		free(name);
		path = sep + 1;
	}
	n = memfs_inode_new(fs, directory ? VFS_DIR : VFS_FILE, directory ? 0755 : 0644,
			    uid, gid);
	name_add(dir, path, n);
	memfs_inode_put(n);
}

/* The walk ended early, with err, at n: if that is a reparse point, it is for the client to follow. */
static int lookup_stopped(struct vfs_lookup *l, const struct memfs_inode *n, int err)
{
	if (l->resolved == 0 || !n->reparse_len || (err != -ENOENT && err != -ENOTDIR))
		return err;
	if (memfs_reparse_get(n, l->call.arena, &l->reparse) != 0)
		return -ENOMEM;
	l->resolved--;
	return -ELOOP;
}

int memfs_lookup(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_lookup *l = container_of(c, struct vfs_lookup, call);
	struct memfs_inode *n = memfs_inode_of(l->dir);
	const char *name = "";

	l->sd = l->reparse = (struct span){0};
	l->may = 0;
	for (l->resolved = 0; l->resolved < l->count; l->resolved++) {
		struct memfs_name *found;

		if (n->type != VFS_DIR)
			return lookup_stopped(l, n, -ENOTDIR);
		if (!may(n, memfs_rights(c), VFS_MAY_EXEC))
			return -EACCES;
		found = find(n, l->names[l->resolved]);
		if (!found)
			return lookup_stopped(l, n, -ENOENT);
		n = found->inode;
		name = found->name;
	}
	l->name = arena_strdup(c->arena, name);
	if (!l->name)
		return -ENOMEM;
	if (l->with_sd && memfs_sd_get(n, c->arena, &l->sd) != 0)
		return -ENOMEM;
	if (n->reparse_len && !l->no_follow && l->count &&
	    memfs_reparse_get(n, c->arena, &l->reparse) != 0)
		return -ENOMEM;
	memfs_stat_of(n, &l->stat);
	if (l->sd.len == 0)
		l->may = memfs_may(n, c->cred);
	l->file = memfs_handle_new(n, false, false, false);
	return 0;
}

/* May c->cred put `name` into dir? */
static int check_free(struct memfs_inode *dir, const char *name, const struct vfs_call *c)
{
	if (dir->type != VFS_DIR)
		return -ENOTDIR;
	if (!may(dir, memfs_rights(c), MAY_CHANGE))
		return -EACCES;
	if (is_removed(dir))
		return -ENOENT;
	return find(dir, name) ? -EEXIST : 0;
}

int memfs_create(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_create *o = container_of(c, struct vfs_create, call);
	struct memfs_inode *dir = memfs_inode_of(o->dir);
	struct memfs_inode *n;
	int err = check_free(dir, o->name, c);

	if (err)
		return err;
	n = memfs_inode_new(fs, o->directory ? VFS_DIR : VFS_FILE, o->mode,
			    c->cred ? c->cred->uid : 0, c->cred ? c->cred->gid : 0);
	n->dos_attributes = o->dos_attributes &
			    (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
			     FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE);
	if (!o->directory)
		n->dos_attributes |= FILE_ATTRIBUTE_ARCHIVE;
	if (o->sd.len)
		memfs_sd_set(n, o->sd);
	name_add(dir, o->name, n);
	memfs_tell(dir, o->name, FILE_ACTION_ADDED, name_filter(n));
	o->file = memfs_handle_new(n, false, false, false);
	if (!o->directory)
		o->data = memfs_handle_new(n, true, true, true);
	memfs_stat_of(n, &o->stat);
	o->may = memfs_may(n, c->cred);
	memfs_inode_put(n);
	return 0;
}

int memfs_unlink(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_unlink *u = container_of(c, struct vfs_unlink, call);
	struct memfs_inode *dir = memfs_inode_of(u->dir);
	struct memfs_name *name = find_exact(dir, u->name);
	struct memfs_inode *n;

	if (!may(dir, memfs_rights(c), MAY_CHANGE))
		return -EACCES;
	if (!name)
		return -ENOENT;
	n = name->inode;
	if (n->number != u->key.inode)
		return -ESTALE;
	if (u->directory != (n->type == VFS_DIR))
		return u->directory ? -ENOTDIR : -EISDIR;
	if (!list_empty(&n->names))
		return -ENOTEMPTY;
	n->nlink--;
	memfs_tell(dir, u->name, FILE_ACTION_REMOVED, name_filter(n));
	name_remove(dir, name);
	return 0;
}

static bool is_above(const struct memfs_inode *n, const struct memfs_inode *dir)
{
	for (; dir; dir = dir->parent)
		if (dir == n)
			return true;
	return false;
}

/* May n take the place of `there`? */
static int check_replace(const struct memfs_inode *n, const struct memfs_name *there,
			 bool replace)
{
	if (!there || there->inode == n)
		return 0;
	if (!replace)
		return -EEXIST;
	if (there->inode->type == VFS_DIR)
		return n->type != VFS_DIR                  ? -EISDIR
		       : !list_empty(&there->inode->names) ? -ENOTEMPTY
							   : 0;
	return n->type == VFS_DIR ? -ENOTDIR : 0;
}

static void displace(struct memfs_inode *dir, struct memfs_name *there)
{
	there->inode->nlink--;
	memfs_tell(dir, there->name, FILE_ACTION_REMOVED, name_filter(there->inode));
	name_remove(dir, there);
}

int memfs_rename(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_rename *r = container_of(c, struct vfs_rename, call);
	struct memfs_inode *from = memfs_inode_of(r->src_dir);
	struct memfs_inode *to = memfs_inode_of(r->dst_dir);
	struct memfs_name *name = find_exact(from, r->src_name);
	struct memfs_name *there = find(to, r->dst_name);
	struct memfs_inode *n;
	int err;

	if (!may(from, memfs_rights(c), MAY_CHANGE) ||
	    !may(to, memfs_rights(c), MAY_CHANGE))
		return -EACCES;
	if (!name || is_removed(to))
		return -ENOENT;
	n = name->inode;
	if (n->number != r->key.inode)
		return -ESTALE;
	if (n->type == VFS_DIR && is_above(n, to))
		return -EINVAL;
	err = check_replace(n, there, r->replace);
	if (err)
		return err;
	n->refs++;
	if (there && there != name)
		displace(to, there);
	memfs_tell(from, name->name, FILE_ACTION_RENAMED_OLD_NAME, name_filter(n));
	name_remove(from, name);
	name_add(to, r->dst_name, n);
	memfs_tell(to, r->dst_name, FILE_ACTION_RENAMED_NEW_NAME, name_filter(n));
	memfs_inode_put(n);
	return 0;
}

int memfs_link(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_link *l = container_of(c, struct vfs_link, call);
	struct memfs_inode *n = memfs_inode_of(l->file);
	struct memfs_inode *to = memfs_inode_of(l->dst_dir);
	struct memfs_name *there = find(to, l->dst_name);
	int err;

	if (n->type == VFS_DIR)
		return -EPERM;
	if (!may(to, memfs_rights(c), MAY_CHANGE))
		return -EACCES;
	if (is_removed(to) || n->nlink == 0)
		return -ENOENT;
	err = check_replace(n, there, l->replace);
	if (err || (there && there->inode == n))
		return err;
	if (there)
		displace(to, there);
	n->nlink++;
	name_add(to, l->dst_name, n);
	memfs_tell(to, l->dst_name, FILE_ACTION_ADDED, name_filter(n));
	return 0;
}

/* ---- listing ------------------------------------------------------------------------------------------ */

static int entry_add(struct vfs_readdir *r, const char *name, uint64_t cookie,
		     const struct memfs_inode *n)
{
	struct vfs_dirent *e = &r->entries[r->count];

	e->name = arena_strdup(r->call.arena, name);
	if (!e->name)
		return -ENOMEM;
	e->cookie = cookie;
	memfs_stat_of(n, &e->stat);
	if (!r->with_stat)
		e->stat = (struct vfs_stat){.key = e->stat.key, .type = e->stat.type};
	r->count++;
	return 0;
}

static bool passes_filter(const struct vfs_readdir *r, const char *name,
			  const struct memfs_inode *n)
{
	struct vfs_stat stat;
	struct vfs_looked e = {.stat = &stat, .may = memfs_may(n, r->call.cred)};

	if (!r->filter || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	memfs_stat_of(n, &stat);
	if (r->filter->with_sd && memfs_sd_get(n, r->call.arena, &e.sd) != 0)
		return false;
	return r->filter->shows(r->filter, &e, r->call.arena);
}

static int entry_offer(struct vfs_readdir *r, const char *name, uint64_t cookie,
		       const struct memfs_inode *n)
{
	if (cookie <= r->cookie || !passes_filter(r, name, n))
		return 0;
	if (r->count == r->max) {
		r->end = false;
		return 0;
	}
	return entry_add(r, name, cookie, n);
}

int memfs_readdir(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_readdir *r = container_of(c, struct vfs_readdir, call);
	struct memfs_handle *h = memfs_handle_of(r->data);
	struct memfs_inode *dir = h->inode;
	int err;

	if (!h->data || !h->read)
		return -EBADF;
	if (dir->type != VFS_DIR)
		return -ENOTDIR;
	r->entries = arena_array(c->arena, r->max, sizeof(*r->entries));
	if (!r->entries)
		return -ENOMEM;
	r->count = 0;
	r->end = true;
	err = entry_offer(r, ".", 1, dir);
	if (!err)
		err = entry_offer(r, "..", 2,
				  r->parent ? memfs_inode_of(r->parent) : dir);
	list_for_each (it, &dir->names) {
		const struct memfs_name *n = container_of(it, struct memfs_name, node);

		if (!err)
			err = entry_offer(r, n->name, n->cookie, n->inode);
	}
	return err;
}
