/*
 * posix_map.c - READ from mapped page cache: who can do something with the bytes where they lie gets them without a copy.
 *
 * Files are mapped in windows, each when it is read from for the second time, and stay so until they are closed or others
 * need the room: filling page tables takes half of what is gained, so a mapping pays when it is kept. Windows overlap by the longest
 * READ, so that each READ lies in one. There may be so many a volume, and in all; who gets none reads into memory like everybody else,
 * and nobody takes away what was used within a second, as mapping anew each time would cost more than the copy.
 *
 *     window: made -> in use <-> kept -> gone	file closed, or the longest unused of a full volume
 *
 * What is not in memory is not touched: a page fault would hold the worker up. What others cut off meanwhile raises SIGBUS,
 * which the one who reads survives (base/fault.h); in the page where the file then ends there are zeros instead, and it may
 * have grown again before anybody looks. So afterwards the file is asked for its length and its change time, which who cuts
 * moves before he lets another write; where either is another one, the bytes do not count, and the file is read into memory
 * for a while. (Linux before 6.13 counts change times in ticks of the clock: there, what happens within one is not seen.)
 * One byte is read as well, for the access time.
 */
#include "fs/posix_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	OVERLAP = 8 << 20,             /* as long as a READ may be */
	WINDOW_HOLD_NS = 1000000000,   /* kept for at least so long */
	WINDOWS_RETRY_NS = 1000000000, /* after the kernel gave none */
	CHANGED_HOLD_NS = 1000000000,  /* after a file was changed while it was read */
	QUICK_LEN = 16 << 20,          /* unmapped in half a millisecond */
};

struct posix_window {
	struct list_node by_use;   /* L  of the volume, the longest unused first */
	struct posix_window *next; /* L  of the file */
	struct posix_file *file;   /* I */
	uint64_t index;            /* I  it begins at index * POSIX_WINDOW_LEN */
	uint8_t *p;                /* I */
	unsigned users;            /* L  under way */
	uint64_t used_ns;          /* L */
	size_t lent; /* L  bytes in all, up to its length: no more has to be unmapped */
};

/* A READ's, in its arena. */
struct lent {
	struct posix_window *window;
	struct timespec changed; /* the file, before it was looked at */
};

struct posix_windows {
	struct lock lock;        /* leaf; also of posix_file.windows */
	struct list_node by_use; /* L */
	unsigned count;          /* L  of all there are, and are being made */
	atomic_int *left;        /* I  of all volumes; or NULL */
	uint64_t retry_ns;       /* L  none is made before */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct posix_windows *posix_windows_new(atomic_int *left)
{
	struct posix_windows *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	lock_init(&t->lock, LOCK_RANK_LEAF);
	list_init(&t->by_use);
	t->left = left;
	return t;
}

void posix_windows_free(struct posix_windows *t)
{
	if (!t)
		return;
	lock_fini(&t->lock);
	free(t);
}

static void window_free(struct posix_window *w)
{
	munmap(w->p, POSIX_WINDOW_LEN + OVERLAP);
	free(w);
}

/* ---- which there are; under the lock ------------------------------------------------------------ */

static void window_use(struct posix_windows *t, struct posix_window *w, size_t len)
{
	w->users++;
	if (w->lent < POSIX_WINDOW_LEN)
		w->lent += len;
	w->used_ns = now_ns();
	if (list_linked(&w->by_use))
		list_del(&w->by_use);
	list_add_tail(&t->by_use, &w->by_use);
}

static void window_unlink(struct posix_window *w)
{
	struct posix_window **at = &w->file->windows;

	list_del(&w->by_use);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

/* The longest unused, if that is long enough. */
static struct posix_window *window_oldest(struct posix_windows *t)
{
	uint64_t now = now_ns();

	list_for_each (n, &t->by_use) {
		struct posix_window *w = container_of(n, struct posix_window, by_use);

		if (now - w->used_ns < WINDOW_HOLD_NS)
			return NULL;
		if (!w->users)
			return w;
	}
	return NULL;
}

/* Room for one more, or false. The kernel gives a process no more than some ten thousand mappings in all, which buffers need. */
static bool room_take(struct posix_windows *t)
{
	if (t->count == POSIX_WINDOWS_MAX)
		return false;
	if (t->left && atomic_fetch_sub(t->left, 1) <= 0) {
		atomic_fetch_add(t->left, 1);
		return false;
	}
	t->count++;
	return true;
}

static void room_give(struct posix_windows *t)
{
	t->count--;
	if (t->left)
		atomic_fetch_add(t->left, 1);
}

/* The file's, in use; or NULL, and leave to make one, in place of *ret_old if there is that. */
static struct posix_window *window_find(struct posix_windows *t, struct posix_file *f,
					uint64_t index, size_t len, bool *ret_make,
					struct posix_window **ret_old)
{
	LOCK_SCOPE(&t->lock);
	for (struct posix_window *w = f->windows; w; w = w->next)
		if (w->index == index) {
			window_use(t, w, len);
			return w;
		}
	if (now_ns() < t->retry_ns)
		return NULL;
	if (!room_take(t)) {
		*ret_old = window_oldest(t);
		if (!*ret_old)
			return NULL;
		window_unlink(*ret_old);
	}
	*ret_make = true;
	return NULL;
}

/* ---- making, using ------------------------------------------------------------------------------ */

static struct posix_window *window_make(struct posix_file *f, int fd, uint64_t index)
{
	struct posix_window *w = calloc(1, sizeof(*w));
	void *p;

	if (!w)
		return NULL;
	p = mmap(NULL, POSIX_WINDOW_LEN + OVERLAP, PROT_READ, MAP_SHARED, fd,
		 (off_t)(index * POSIX_WINDOW_LEN));
	if (p == MAP_FAILED) {
		if (errno != ENOMEM && errno != EAGAIN) /* it cannot be */
			atomic_store_explicit(&f->no_map, true, memory_order_relaxed);
		free(w);
		return NULL;
	}
	w->file = f;
	w->index = index;
	w->p = p;
	return w;
}

static struct posix_window *window_take(struct posix_windows *t, struct posix_file *f,
					int fd, uint64_t index, size_t len)
{
	struct posix_window *old = NULL, *w;
	bool make = false;

	w = window_find(t, f, index, len, &make, &old);
	if (old)
		window_free(old);
	if (!make)
		return w;
	w = window_make(f, fd, index);

	LOCK_SCOPE(&t->lock);
	if (!w) {
		room_give(t);
		if (!atomic_load_explicit(&f->no_map, memory_order_relaxed))
			t->retry_ns = now_ns() + WINDOWS_RETRY_NS;
		return NULL;
	}
	w->next = f->windows; /* a second one of that index does no harm */
	f->windows = w;
	window_use(t, w, len);
	return w;
}

static void window_give(struct posix_windows *t, struct posix_window *w)
{
	LOCK_SCOPE(&t->lock);
	w->users--;
}

/* Most files have none. Another one that needs the room may take those there are, until they are gone from the list. */
static bool has_windows(const struct posix_file *f)
{
	return atomic_load_explicit(&f->read_before, memory_order_relaxed);
}

bool posix_windows_are_large(struct posix_windows *t, const struct posix_file *f)
{
	size_t lent = 0;

	if (!has_windows(f))
		return false;
	LOCK_SCOPE(&t->lock);
	for (const struct posix_window *w = f->windows; w; w = w->next)
		lent += w->lent;
	return lent > QUICK_LEN;
}

static struct posix_window *windows_unlink(struct posix_windows *t, struct posix_file *f)
{
	struct posix_window *all;

	LOCK_SCOPE(&t->lock);
	all = TAKE(f->windows);
	for (struct posix_window *w = all; w; w = w->next) {
		list_del(&w->by_use);
		room_give(t);
	}
	return all;
}

void posix_windows_drop(struct posix_windows *t, struct posix_file *f)
{
	struct posix_window *next;

	if (!has_windows(f))
		return;
	for (struct posix_window *w = windows_unlink(t, f); w; w = next) {
		next = w->next;
		window_free(w);
	}
}

/* ---- READ --------------------------------------------------------------------------------------- */

/* How many of the bytes there are, and since when as they are; 0: it is not worth it, or they are not in memory. */
static size_t readable(int fd, const struct vfs_io *io, struct timespec *ret_changed)
{
	struct stat st;
	size_t len = io->bytes.len;

	if (fstat(fd, &st) < 0 || io->off >= (uint64_t)st.st_size)
		return 0;
	if (len > (uint64_t)st.st_size - io->off)
		len = (size_t)((uint64_t)st.st_size - io->off);
	*ret_changed = st.st_ctim;
	return len >= POSIX_MAP_MIN && len <= OVERLAP &&
			       posix_range_cached(fd, io->off, len)
		       ? len
		       : 0;
}

/* The first READ goes the other way: who reads once has no use for a mapping. */
static bool worth_mapping(struct posix_file *f, const struct vfs_io *io)
{
	return io->lend && io->bytes.len >= POSIX_MAP_MIN &&
	       !atomic_load_explicit(&f->no_map, memory_order_relaxed) &&
	       now_ns() >= atomic_load_explicit(&f->map_again_ns, memory_order_relaxed) &&
	       atomic_exchange_explicit(&f->read_before, true, memory_order_relaxed);
}

bool posix_map_lend(struct posix_volume *v, struct posix_file *f, struct vfs_io *io)
{
	struct posix_window *w;
	struct lent *l;
	size_t len;
	int fd;

	if (!worth_mapping(f, io))
		return false;
	fd = posix_quick_fd(f);
	l = arena_alloc(io->call.arena, sizeof(*l));
	len = fd < 0 || !l ? 0 : readable(fd, io, &l->changed);
	if (!len)
		return false;
	w = window_take(v->windows, f, fd, io->off / POSIX_WINDOW_LEN, len);
	if (!w)
		return false;
	l->window = w;
	io->lender = l;
	io->lent = span_of(w->p + io->off % POSIX_WINDOW_LEN, len);
	io->done = len;
	return true;
}

static bool is_unchanged(int fd, const struct lent *l, uint64_t end)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_size >= end &&
	       st.st_ctim.tv_sec == l->changed.tv_sec &&
	       st.st_ctim.tv_nsec == l->changed.tv_nsec;
}

bool posix_map_settle(struct vfs *vfs, struct vfs_io *io)
{
	struct posix_file *f = posix_file_of(io->data);
	const struct lent *l = TAKE(io->lender);
	uint64_t end = io->off + io->done;
	int fd = posix_quick_fd(f);
	uint8_t byte;

	window_give(posix_volume_of(vfs)->windows, l->window);
	(void)!pread(fd, &byte, 1, (off_t)end - 1); /* it has just been in memory */
	if (is_unchanged(fd, l, end))
		return true;
	atomic_store_explicit(&f->map_again_ns, now_ns() + CHANGED_HOLD_NS,
			      memory_order_relaxed);
	return false;
}
