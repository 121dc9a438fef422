/*
 * posix_piece.c - PIECE: bytes of a file go by reference into a pipe, and from there to the socket.
 *
 * The pipe is filled before anything is promised, so that what the answer says of its length is true whatever happens to
 * the file meanwhile. Pipes are made once and used again. There are only so many of them, the kernel allows each user only
 * so much in pipes, and each takes two descriptors: who gets none reads into memory like everybody else.
 *
 *     pipe: free -> part of a piece -> free	drained, and not too many are free
 *                                   -> closed	else: what the connection did not take goes with it
 *
 * splice() waits for what is not in memory, so that is done in the pool.
 */
#include "fs/posix_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	PIPE_LEN = 1 << 20,         /* of each, as much as a user may have by default */
	PIPES_MAX = 64,             /* a volume; so many of that length a user may have */
	PIPES_KEEP = 16,            /* free ones */
	PIPES_RETRY_NS = 1000000000 /* after the kernel gave none */
};

struct posix_pipe {
	struct seg_file seg;      /* of the first of a piece: the piece */
	struct posix_volume *vol; /* of the first of a piece: counted */
	struct posix_pipe *next;  /* of the piece, or of the free ones */
	int out, in;              /* read from out what was written to in */
	size_t len;               /* bytes in it */
};

struct posix_pipes {
	struct lock lock;        /* leaf */
	struct posix_pipe *free; /* L  empty */
	unsigned count;          /* L  of all there are */
	unsigned free_count;     /* L */
	uint64_t retry_ns;       /* L  none is made before */
};

/* ---- pipes -------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct posix_pipes *posix_pipes_new(void)
{
	struct posix_pipes *t = calloc(1, sizeof(*t));

	if (t)
		lock_init(&t->lock, LOCK_RANK_LEAF);
	return t;
}

static void pipe_close(struct posix_pipe *p)
{
	close(p->out);
	close(p->in);
	free(p);
}

void posix_pipes_free(struct posix_pipes *t)
{
	if (!t)
		return;
	while (t->free) {
		struct posix_pipe *p = t->free;

		t->free = p->next;
		pipe_close(p);
	}
	lock_fini(&t->lock);
	free(t);
}

static struct posix_pipe *pipe_make(void)
{
	struct posix_pipe *p = calloc(1, sizeof(*p));
	int ends[2];

	if (!p)
		return NULL;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	p->out = ends[0];
	p->in = ends[1];
	if (fcntl(p->in, F_SETPIPE_SZ, PIPE_LEN) >= PIPE_LEN)
		return p;
	pipe_close(p);
	return NULL;
}

/* A free one, or leave to make one. */
static bool pipe_find(struct posix_pipes *t, struct posix_pipe **ret_pipe)
{
	LOCK_SCOPE(&t->lock);
	*ret_pipe = t->free;
	if (t->free) {
		t->free = t->free->next;
		t->free_count--;
		return true;
	}
	if (t->count == PIPES_MAX || now_ns() < t->retry_ns)
		return false;
	t->count++;
	return true;
}

/* An empty one; NULL: there is none to be had. */
static struct posix_pipe *pipe_take(struct posix_pipes *t)
{
	struct posix_pipe *p;

	if (!pipe_find(t, &p))
		return NULL;
	if (!p)
		p = pipe_make();
	if (p) {
		p->next = NULL;
		return p;
	}
	LOCK_SCOPE(&t->lock);
	t->count--;
	t->retry_ns = now_ns() + PIPES_RETRY_NS;
	return NULL;
}

static bool pipe_keep(struct posix_pipes *t, struct posix_pipe *p)
{
	LOCK_SCOPE(&t->lock);
	if (p->len > 0 || t->free_count == PIPES_KEEP) {
		t->count--;
		return false;
	}
	p->next = t->free;
	t->free = p;
	t->free_count++;
	return true;
}

/* All pipes of a piece. */
static void pipes_give(struct posix_pipes *t, struct posix_pipe *p)
{
	while (p) {
		struct posix_pipe *next = p->next;

		if (!pipe_keep(t, p))
			pipe_close(p);
		p = next;
	}
}

/* ---- pieces ------------------------------------------------------------------------------------- */

static struct posix_pipe *pipe_of(struct seg_file *seg)
{
	return container_of(seg, struct posix_pipe, seg);
}

static ssize_t piece_send(struct seg_file *seg, int sock, size_t len, bool more)
{
	struct posix_pipe *p = pipe_of(seg);
	unsigned flags = SPLICE_F_NONBLOCK;
	ssize_t n;

	while (p && p->len == 0)
		p = p->next;
	if (!p)
		return 0;
	if (more || len > p->len)
		flags |= SPLICE_F_MORE;
	if (len > p->len)
		len = p->len;
	do {
		n = splice(p->out, NULL, sock, NULL, len, flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	p->len -= (size_t)n;
	return n;
}

static void piece_free(struct seg_file *seg)
{
	struct posix_volume *v = pipe_of(seg)->vol;

	pipes_give(v->pipes, pipe_of(seg));
	vfs_put(&v->vfs);
}

static const struct seg_file_ops piece_ops = {
	.send = piece_send,
	.free = piece_free,
};

/* From off on, until there are len bytes or the file ends. A full pipe is followed by another one. */
static int fill(struct posix_pipes *t, struct posix_pipe *p, int fd, struct vfs_piece *c)
{
	off_t off = (off_t)c->off;

	while (c->done < c->len) {
		ssize_t n = splice(fd, &off, p->in, NULL, c->len - c->done,
				   SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && p->len > 0) {
			p->next = pipe_take(t);
			p = p->next;
			if (!p)
				return -EOPNOTSUPP;
			continue;
		}
		if (n < 0)
			return errno == EINVAL || errno == EAGAIN ? -EOPNOTSUPP : -errno;
		if (n == 0)
			break;
		p->len += (size_t)n;
		c->done += (size_t)n;
	}
	return 0;
}

int posix_quick_fd(const struct posix_file *f)
{
	bool file = f->stream || (f->data && f->type == VFS_FILE);

	return file && f->fs->local ? posix_contents_fd(f) : -1;
}

static int splice_fd(const struct posix_file *f)
{
	return atomic_load_explicit(&f->no_splice, memory_order_relaxed)
		       ? -1
		       : posix_quick_fd(f);
}

/* Linux 6.5; <sys/syscall.h> of older systems lacks it. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Pages of a range that are in memory, or a negative errno: -ENOSYS, -EPERM where it is not ours to ask. */
static int64_t pages_cached(int fd, uint64_t off, size_t len)
{
	struct {
		uint64_t off, len;
	} range = {off, len};
	struct {
		uint64_t cached, dirty, writeback, evicted, recently_evicted;
	} stat;

	if (syscall(SYS_cachestat, fd, &range, &stat, 0) < 0)
		return -errno;
	return (int64_t)stat.cached;
}

static bool byte_cached(int fd, uint64_t off)
{
	uint8_t byte;
	struct iovec iov = {&byte, 1};

	return preadv2(fd, &iov, 1, (off_t)off, RWF_NOWAIT) == 1;
}

/*
 * Where the kernel cannot say for all pages, both ends stand for what is between: read-ahead brings whole ranges. It
 * counts none where the pages are another file's, as on overlayfs.
 */
bool posix_range_cached(int fd, uint64_t off, size_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t pages = (off + len - 1) / page - off / page + 1;
	int64_t cached = pages_cached(fd, off, len);

	if (cached > 0)
		return (uint64_t)cached >= pages;
	return byte_cached(fd, off) && byte_cached(fd, off + len - 1);
}

/* Cut c->len at the end of the file. Then: may it be taken on a worker? */
static int piece_look(const struct posix_file *f, int fd, struct vfs_piece *c,
		      enum posix_where where)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (c->off >= (uint64_t)st.st_size)
		c->len = 0;
	else if (c->len > (uint64_t)st.st_size - c->off)
		c->len = (size_t)((uint64_t)st.st_size - c->off);
	if (c->len == 0 || where == POSIX_POOL || f->fs->memory)
		return 0;
	return posix_range_cached(fd, c->off, c->len) ? 0 : -EAGAIN;
}

int posix_piece(struct posix_volume *v, struct vfs_call *call, enum posix_where where)
{
	struct vfs_piece *c = container_of(call, struct vfs_piece, call);
	struct posix_file *f = posix_file_of(c->data);
	struct posix_pipe *p;
	int fd = splice_fd(f);
	int err;

	c->piece = NULL;
	c->done = 0;
	if (c->off > INT64_MAX || c->len > INT64_MAX - c->off)
		return -EINVAL;
	if (fd < 0)
		return -EOPNOTSUPP;
	err = piece_look(f, fd, c, where);
	if (err || c->len == 0)
		return err;
	p = pipe_take(v->pipes);
	if (!p)
		return -EOPNOTSUPP;
	err = fill(v->pipes, p, fd, c);
	if (err || c->done == 0) {
		pipes_give(v->pipes, p);
		if (err == -EOPNOTSUPP && c->done == 0)
			atomic_store_explicit(&f->no_splice, true, memory_order_relaxed);
		return err;
	}
	p->seg.ops = &piece_ops;
	atomic_init(&p->seg.refs, 1);
	p->vol = posix_volume_of(vfs_get(&v->vfs));
	c->piece = &p->seg;
	return 0;
}
