/*
 * posix_stream.h - named streams of the posix back end; for fs/posix*.c only.
 *
 *     posix_stream.c        images: what all handles of one stream share; reading, writing, sizes
 *     posix_stream_store.c  records in extended attributes, content files in .tsmb/streams
 *     posix_stream_ops.c    VFS_STREAM_*, and what the other operations do with a stream
 *
 * A stream of up to STREAM_INLINE_MAX bytes is its record (stream_record.h). What outgrows that, or what the file system
 * has no room for beside the file, moves to a file of its own and stays there:
 *
 *     .tsmb/streams/INODE-BIRTH-ID beneath the root of the volume, all in hexadecimal
 *
 * The name says whose it is, so a record that was copied or restored to another inode leads nowhere. The folder is the
 * server's alone (mode 0700); the files have the owner and mode of the file they belong to, whose quota they use. Rights
 * are those of that file, checked by the kernel against it when a stream is opened, made, renamed or removed; after
 * that the server acts by its own.
 *
 * Order     content before record when a stream moves, record before content when it goes: what fails in between leaves
 *           a file that nothing leads to, never a record that leads to nothing or to half of it.
 * Coherent  between all handles of one volume. Local processes that change records of open streams are not noticed, nor
 *           are other volumes whose root lies above or below.
 */
#pragma once

#include "base/map.h"
#include "fs/posix_impl.h"
#include "fs/stream_record.h"

/* The file that streams belong to, as a record's owner. */
struct posix_base {
	dev_t dev;
	uint64_t inode, birth_ns;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* One stream that has handles. */
struct posix_stream {
	struct map_node by_id;     /* the table's lock */
	unsigned refs;             /* the table's lock */
	struct posix_base base;    /* I */
	uint8_t id[STREAM_ID_LEN]; /* I */
	struct lock
		lock; /* leaf; held across system calls, so only pool threads take it */
	bool loaded;  /* L */
	bool removed; /* L  has no record any more */
	struct stream_xattr xattr;        /* L  where its record is */
	char name[STREAM_NAME_MAX + 1];   /* L */
	uint8_t bytes[STREAM_INLINE_MAX]; /* L  the content, while fd is -1 */
	_Atomic size_t len;               /* of it; written under the lock */
	atomic_int
		fd; /* of the content file; -1: none. Once set it stays until the end */
};

/* ---- posix_stream_store.c ----------------------------------------------------------------------- */

MUST_CHECK int posix_base_of(int fd, struct posix_base *ret_base);

/* A record of what fd stands for; it points into buf. 0, -ENODATA, -EBADMSG, ...  Acts as the server. */
MUST_CHECK int posix_record_read(struct posix_volume *v, int fd, const char *xattr,
				 uint8_t buf[STREAM_RECORD_MAX],
				 struct stream_record *ret_record);
/* flags as for setxattr(). -ENOSPC: no room, or not for so much. Acts as the server. */
MUST_CHECK int posix_record_write(struct posix_volume *v, int fd, const char *xattr,
				  const struct stream_record *record, int flags);
/* Acts as the server. */
MUST_CHECK int posix_record_remove(struct posix_volume *v, int fd, const char *xattr);

/* The names of fd's records, each ending in NUL, one behind the other; *ret_len 0 if there are none. Takes no rights. */
MUST_CHECK int posix_record_names(int fd, struct arena *a, char **ret_names,
				  size_t *ret_len);

/* A content file: a descriptor, or negative errno. make: it must not be there. Acts as the server. */
MUST_CHECK int posix_content_open(struct posix_volume *v, const struct posix_base *base,
				  const uint8_t id[STREAM_ID_LEN], bool make);
/* Give the file behind fd the owner and mode of the file it belongs to. Acts as the server already. */
MUST_CHECK int posix_content_own(struct posix_volume *v, const struct posix_base *base,
				 int fd);
/* Bytes and bytes on disk. Acts as the server. */
MUST_CHECK int posix_content_size(struct posix_volume *v, const struct posix_base *base,
				  const uint8_t id[STREAM_ID_LEN], uint64_t *ret_size,
				  uint64_t *ret_allocated);
/* Not being there is fine; acts as the server. */
void posix_content_remove(struct posix_volume *v, const struct posix_base *base,
			  const uint8_t id[STREAM_ID_LEN]);

/* ---- posix_stream.c ----------------------------------------------------------------------------- */

struct posix_streams *posix_streams_new(void); /* NULL without memory */
void posix_streams_free(struct posix_streams *t);

/* The image of a stream, made if need be, counted; not loaded yet. NULL without memory, or (make false) if there is none. */
struct posix_stream *posix_stream_get(struct posix_streams *t,
				      const struct posix_base *base,
				      const uint8_t id[STREAM_ID_LEN], bool make);
void posix_stream_put(struct posix_streams *t, struct posix_stream *s);
/* Does anybody but the caller refer to it? */
bool posix_stream_is_shared(struct posix_streams *t, const struct posix_stream *s);

/* What the record says, unless that is known; fd: of the file. -ENOENT if the record means another stream by now. */
MUST_CHECK int posix_stream_load(struct posix_volume *v, struct posix_stream *s, int fd,
				 const struct stream_xattr *xattr);

static inline int posix_stream_fd(const struct posix_stream *s)
{
	return atomic_load_explicit(&s->fd, memory_order_acquire);
}

/* Where the contents of a data handle are; -1 for a stream until they lie in a file. */
static inline int posix_contents_fd(const struct posix_file *f)
{
	return f->stream ? posix_stream_fd(f->stream) : f->fd;
}

/* Of content in memory. *ret_done false: it lies in a file, nothing was done. */
MUST_CHECK int posix_stream_read(struct posix_stream *s, struct vfs_io *io,
				 bool *ret_done);
MUST_CHECK int posix_stream_write(struct posix_file *f, struct vfs_io *io,
				  bool *ret_done);
MUST_CHECK int posix_stream_resize(struct posix_file *f, uint64_t size);
MUST_CHECK int posix_stream_sync(struct posix_file *f);
/* Sizes, and that it is a stream. */
void posix_stream_stat(const struct posix_stream *s, struct vfs_stat *stat);

/* ---- posix_stream_ops.c ------------------------------------------------------------------------- */

int posix_stream_open(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_stream_remove(struct posix_volume *v, struct vfs_call *c,
			enum posix_where where);
int posix_stream_rename(struct posix_volume *v, struct vfs_call *c,
			enum posix_where where);
int posix_stream_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_stream_clear(struct posix_volume *v, struct vfs_call *c,
		       enum posix_where where);

/* VFS_OPEN of a stream. */
int posix_stream_open_data(struct vfs_open *o, enum posix_where where);

/* The file has another owner: so have the contents of its streams. Acts as the server. */
void posix_streams_follow(struct posix_file *f, struct arena *a);

/* A name is about to go: if it was a file's last one, the content files of its streams go with it. */
struct posix_doomed {
	struct posix_volume *vol;
	struct arena *arena;
	int fd; /* -1: nothing to do */
};

/* Inline -EAGAIN if there are any streams. */
MUST_CHECK int posix_doom_begin(struct posix_doomed *d, struct posix_volume *v,
				struct vfs_call *c, int dirfd, const char *name,
				enum posix_where where);
/* The name has gone. Acts as the server. */
void posix_doom_carry_out(struct posix_doomed *d);
void posix_doom_end(struct posix_doomed *d);
