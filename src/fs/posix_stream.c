/*
 * posix_stream.c - the content of streams that have handles.
 *
 *     (none) --get--> not loaded --load--> in memory, written through --no room--> in a file --last put--> (none)
 *                                             \--------- remove ---------> removed, in memory only --/
 *
 * A record is read only after its image is in the table: whoever had the stream open before has written it by then.
 */
#include "fs/posix_stream.h"

#include "wire/fscc_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

struct posix_streams {
	struct lock lock; /* leaf */
	struct map by_id; /* L */
};

/* ---- the table ---------------------------------------------------------------------------------- */

struct posix_streams *posix_streams_new(void)
{
	struct posix_streams *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (map_init(&t->by_id) != 0) {
		free(t);
		return NULL;
	}
	lock_init(&t->lock, LOCK_RANK_LEAF);
	return t;
}

void posix_streams_free(struct posix_streams *t)
{
	if (!t)
		return;
	map_fini(&t->by_id);
	lock_fini(&t->lock);
	free(t);
}

static struct posix_stream *find_locked(struct posix_streams *t,
					const struct posix_base *base,
					const uint8_t id[STREAM_ID_LEN])
{
	for (struct map_node *m = map_first(&t->by_id, stream_id_key(id)); m;
	     m = map_next(m)) {
		struct posix_stream *s = container_of(m, struct posix_stream, by_id);

		if (s->base.dev != base->dev || s->base.inode != base->inode ||
		    memcmp(s->id, id, STREAM_ID_LEN) != 0)
			continue;
		s->refs++;
		return s;
	}
	return NULL;
}

static void stream_free(struct posix_stream *s)
{
	int fd = posix_stream_fd(s);

	posix_closep(&fd);
	lock_fini(&s->lock);
	free(s);
}

struct posix_stream *posix_stream_get(struct posix_streams *t,
				      const struct posix_base *base,
				      const uint8_t id[STREAM_ID_LEN], bool make)
{
	struct posix_stream *fresh = NULL, *found;

	if (make) {
		fresh = calloc(1, sizeof(*fresh));
		if (!fresh)
			return NULL;
		fresh->refs = 1;
		fresh->base = *base;
		memcpy(fresh->id, id, STREAM_ID_LEN);
		lock_init(&fresh->lock, LOCK_RANK_LEAF);
		atomic_init(&fresh->fd, -1);
	}
	{
		LOCK_SCOPE(&t->lock);
		found = find_locked(t, base, id);
		if (!found && fresh)
			map_add(&t->by_id, &fresh->by_id, stream_id_key(id));
	}
	if (!found)
		return fresh;
	if (fresh)
		stream_free(fresh);
	return found;
}

void posix_stream_put(struct posix_streams *t, struct posix_stream *s)
{
	if (!s)
		return;
	{
		LOCK_SCOPE(&t->lock);
		if (--s->refs)
			return;
		map_del(&t->by_id, &s->by_id);
	}
	stream_free(s);
}

bool posix_stream_is_shared(struct posix_streams *t, const struct posix_stream *s)
{
	LOCK_SCOPE(&t->lock);

	return s->refs > 1;
}

/* ---- loading ------------------------------------------------------------------------------------ */

static int load_record(struct posix_volume *v, struct posix_stream *s,
		       const struct stream_record *r)
{
	int fd;

	memcpy(s->name, r->name.p, r->name.len);
	s->name[r->name.len] = '\0';
	if (!r->in_file) {
		if (r->content.len)
			memcpy(s->bytes, r->content.p, r->content.len);
		atomic_store(&s->len, r->content.len);
		return 0;
	}
	fd = posix_content_open(v, &s->base, s->id, false);
	if (fd < 0)
		return fd;
	atomic_store_explicit(&s->fd, fd, memory_order_release);
	return 0;
}

int posix_stream_load(struct posix_volume *v, struct posix_stream *s, int fd,
		      const struct stream_xattr *xattr)
{
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;
	int err;

	LOCK_SCOPE(&s->lock);
	if (s->removed)
		return -ENOENT;
	if (s->loaded)
		return strcmp(s->xattr.name, xattr->name) == 0 ? 0 : -ENOENT;
	err = posix_record_read(v, fd, xattr->name, buf, &r);
	if (!err && memcmp(r.id, s->id, sizeof(s->id)) != 0)
		err = -ENOENT;
	if (!err)
		err = load_record(v, s, &r);
	if (err)
		return err == -ENODATA ? -ENOENT : err;
	s->xattr = *xattr;
	s->loaded = true;
	return 0;
}

/* ---- changing: all under s's lock ---------------------------------------------------------------- */

static struct stream_record record_of(const struct posix_stream *s, struct span content)
{
	struct stream_record r = {
		.in_file = content.p == NULL,
		.name = span_of_str(s->name),
		.content = content,
	};

	memcpy(r.id, s->id, sizeof(r.id));
	return r;
}

static int write_at_start(int fd, struct span bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = span_from(bytes, (size_t)n);
	}
	return 0;
}

/* The content first, then the record that leads to it; whatever fails, the old record stands. */
static int move_to_file(struct posix_file *f, struct posix_stream *s)
{
	struct stream_record r = record_of(s, (struct span){0});
	struct posix_base base;
	int fd, err;

	if (s->removed)
		return -ESTALE;
	err = posix_base_of(f->fd, &base);
	if (err)
		return err;
	fd = posix_content_open(f->vol, &base, s->id, true);
	if (fd < 0)
		return fd;
	err = write_at_start(fd, span_of(s->bytes, atomic_load(&s->len)));
	if (!err)
		err = posix_record_write(f->vol, f->fd, s->xattr.name, &r, XATTR_REPLACE);
	if (err) {
		posix_content_remove(f->vol, &base, s->id);
		close(fd);
		return err;
	}
	atomic_store_explicit(&s->fd, fd, memory_order_release);
	return 0;
}

/* The first len of `bytes` are the content from now on. -ENOSPC: not beside the file. */
static int keep_inline(struct posix_file *f, struct posix_stream *s, const uint8_t *bytes,
		       size_t len)
{
	struct stream_record r = record_of(s, span_of(bytes, len));
	int err = 0;

	if (!s->removed)
		err = posix_record_write(f->vol, f->fd, s->xattr.name, &r, XATTR_REPLACE);
	if (err)
		return err;
	memcpy(s->bytes, bytes, len);
	atomic_store(&s->len, len);
	return 0;
}

/* ---- calls -------------------------------------------------------------------------------------- */

int posix_stream_read(struct posix_stream *s, struct vfs_io *io, bool *ret_done)
{
	LOCK_SCOPE(&s->lock);
	size_t len = atomic_load(&s->len);

	*ret_done = posix_stream_fd(s) < 0;
	io->done = 0;
	if (!*ret_done || io->off >= len || io->bytes.len == 0)
		return 0;
	io->done = len - (size_t)io->off;
	if (io->done > io->bytes.len)
		io->done = io->bytes.len;
	memcpy(io->bytes.p, s->bytes + io->off, io->done);
	return 0;
}

/* bytes behind the old end are zero in `ret`. */
static size_t content_with(const struct posix_stream *s, const struct vfs_io *io,
			   uint8_t ret[STREAM_INLINE_MAX])
{
	size_t len = atomic_load(&s->len), end = (size_t)io->off + io->bytes.len;

	memset(ret, 0, STREAM_INLINE_MAX);
	memcpy(ret, s->bytes, len);
	memcpy(ret + io->off, io->bytes.p, io->bytes.len);
	return end > len ? end : len;
}

int posix_stream_write(struct posix_file *f, struct vfs_io *io, bool *ret_done)
{
	struct posix_stream *s = f->stream;
	uint8_t bytes[STREAM_INLINE_MAX];
	int err = -ENOSPC;

	LOCK_SCOPE(&s->lock);
	io->done = 0;
	*ret_done = false;
	if (posix_stream_fd(s) >= 0)
		return 0;
	if (io->off <= STREAM_INLINE_MAX && io->bytes.len <= STREAM_INLINE_MAX - io->off)
		err = keep_inline(f, s, bytes, content_with(s, io, bytes));
	if (err == -ENOSPC)
		return move_to_file(f, s);
	if (err)
		return err;
	io->done = io->bytes.len;
	*ret_done = true;
	return 0;
}

int posix_stream_resize(struct posix_file *f, uint64_t size)
{
	struct posix_stream *s = f->stream;
	uint8_t bytes[STREAM_INLINE_MAX] = {0};
	size_t len;
	int err = -ENOSPC;

	if (size > INT64_MAX)
		return -EFBIG;
	LOCK_SCOPE(&s->lock);
	if (posix_stream_fd(s) < 0 && size <= STREAM_INLINE_MAX) {
		len = atomic_load(&s->len);
		memcpy(bytes, s->bytes, len < size ? len : (size_t)size);
		err = keep_inline(f, s, bytes, (size_t)size);
		if (err != -ENOSPC)
			return err;
	}
	if (posix_stream_fd(s) < 0)
		err = move_to_file(f, s);
	else
		err = 0;
	if (err)
		return err;
	return ftruncate(posix_stream_fd(s), (off_t)size) < 0 ? -errno : 0;
}

int posix_stream_sync(struct posix_file *f)
{
	CLEANUP(posix_closep) int file = -1;
	int fd = posix_stream_fd(f->stream);

	if (fd >= 0 && fsync(fd) < 0)
		return -errno;
	posix_act_as(f->vol,
		     NULL); /* the record goes with the file, which need not be open */
	file = posix_reopen(f->vol, f->fd, O_RDONLY);
	if (file < 0)
		return file;
	return fsync(file) < 0 ? -errno : 0;
}

void posix_stream_stat(const struct posix_stream *s, struct vfs_stat *stat)
{
	enum { UNIT = 8 }; /* as Windows counts what lies in a file's record */
	int fd = posix_stream_fd(s);
	struct stat st;

	stat->key.stream = stream_id_key(s->id);
	stat->type = VFS_FILE;
	stat->dos_attributes &= ~(uint32_t)FILE_ATTRIBUTE_DIRECTORY;
	if (!stat->dos_attributes)
		stat->dos_attributes = FILE_ATTRIBUTE_NORMAL;
	stat->size = atomic_load(&s->len);
	stat->allocated = (stat->size + UNIT - 1) / UNIT * UNIT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	stat->size = (uint64_t)st.st_size;
	stat->allocated = st.st_size ? (uint64_t)st.st_blocks * 512 : 0;
}
