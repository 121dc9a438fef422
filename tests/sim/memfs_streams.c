/* memfs_streams.c - named streams: inodes of their own, listed by their file, which has all but their contents. */
#include "sim/memfs_impl.h"

#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool may_write(const struct memfs_inode *n, const struct vfs_call *c)
{
	return memfs_may(n, c->cred) & VFS_MAY_WRITE;
}

static struct memfs_inode *find(struct memfs_inode *file, const char *name)
{
	list_for_each (it, &file->streams) {
		struct memfs_inode *s = container_of(it, struct memfs_inode, in_base);

		if (utf8_eq_nocase(s->stream, name))
			return s;
	}
	return NULL;
}

static char *copy(const char *name)
{
	char *s = strdup(name);

	if (!s)
		abort();
	return s;
}

static struct memfs_inode *make(struct memfs_inode *file, const char *name)
{
	struct memfs_inode *s = memfs_inode_new(file->fs, VFS_FILE, 0, 0, 0);

	s->base = file;
	s->stream = copy(name);
	list_add_tail(&file->streams, &s->in_base);
	s->listed = true;
	memfs_touched(file, FILE_NOTIFY_CHANGE_ATTRIBUTES);
	return s;
}

/* Handles keep what it holds. */
static void take_off(struct memfs_inode *s)
{
	list_del(&s->in_base);
	s->listed = false;
	memfs_inode_put(s);
}

void memfs_streams_free(struct memfs_inode *file)
{
	while (!list_empty(&file->streams))
		take_off(container_of(file->streams.next, struct memfs_inode, in_base));
}

int memfs_stream_open(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_stream_open *o = container_of(c, struct vfs_stream_open, call);
	struct memfs_inode *file = memfs_base(memfs_inode_of(o->file));
	struct memfs_inode *s = find(file, o->name);

	if (file->type != VFS_FILE && file->type != VFS_DIR)
		return -EOPNOTSUPP;
	if (!s && !o->create)
		return -ENOENT;
	o->created = !s;
	if (!s && !may_write(file, c))
		return -EACCES;
	if (!s)
		s = make(file, o->name);
	o->stored_name = arena_strdup(c->arena, s->stream);
	if (!o->stored_name)
		return -ENOMEM;
	o->stream = memfs_handle_new(s, false, false, false);
	memfs_stat_of(s, &o->stat);
	return 0;
}

int memfs_stream_remove(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_stream_remove *r = container_of(c, struct vfs_stream_remove, call);
	struct memfs_inode *s = memfs_inode_of(r->file);

	if (!s->base)
		return -EINVAL;
	if (!may_write(s, c))
		return -EACCES;
	if (!s->listed)
		return -ESTALE;
	take_off(s); /* the handle we were given keeps it */
	memfs_touched(s->base, FILE_NOTIFY_CHANGE_ATTRIBUTES);
	return 0;
}

int memfs_stream_clear(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_stream_remove *r = container_of(c, struct vfs_stream_remove, call);
	struct memfs_inode *file = memfs_inode_of(r->file);

	if (!may_write(file, c))
		return list_empty(&file->streams) ? 0 : -EACCES;
	list_for_each (it, &file->streams) {
		struct memfs_inode *s = container_of(it, struct memfs_inode, in_base);

		if (s->refs == 1)
			take_off(s);
		else
			(void)memfs_resize(s, 0); /* shorter always fits */
	}
	return 0;
}

int memfs_stream_rename(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_stream_rename *r = container_of(c, struct vfs_stream_rename, call);
	struct memfs_inode *s = memfs_inode_of(r->stream), *other;

	if (!s->base)
		return -EINVAL;
	if (!may_write(s, c))
		return -EACCES;
	if (!s->listed)
		return -ESTALE;
	other = find(s->base, r->name);
	if (other && other != s) {
		if (!r->replace || other->refs > 1)
			return -EEXIST;
		if (other->len)
			return -ENOTEMPTY;
		take_off(other);
	}
	free(s->stream);
	s->stream = copy(r->name);
	return 0;
}

int memfs_stream_list(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_stream_list *l = container_of(c, struct vfs_stream_list, call);
	struct memfs_inode *file = memfs_base(memfs_inode_of(l->file));
	size_t count = 0;

	list_for_each (it, &file->streams)
		count++;
	l->count = 0;
	l->streams = arena_array(c->arena, count, sizeof(*l->streams));
	if (!l->streams)
		return -ENOMEM;
	list_for_each (it, &file->streams) {
		struct memfs_inode *s = container_of(it, struct memfs_inode, in_base);
		struct vfs_stat st;

		memfs_stat_of(s, &st);
		l->streams[l->count] = (struct vfs_stream){
			.name = arena_strdup(c->arena, s->stream),
			.size = st.size,
			.allocated = st.allocated,
		};
		if (!l->streams[l->count++].name)
			return -ENOMEM;
	}
	return 0;
}

uint64_t memfs_stream_number(struct vfs *v, uint64_t file, const char *name)
{
	struct memfs_inode *n = memfs_inode_of_number(v, file);
	struct memfs_inode *s = n ? find(n, name) : NULL;

	return s ? s->number : 0;
}
