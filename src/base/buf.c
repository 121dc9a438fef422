#include "base/buf.h"

#include "base/ct.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	PAGE_LEN = 4096,
	PAGE_BITS = 12,
	TOP_BITS =
		23, /* 8 MiB, the largest READ or WRITE; what is larger is not cached */
	CLASSES = 2 * (TOP_BITS - PAGE_BITS + 1),
};

/* Apart from the clean ones, so that what a stream of encrypted requests left behind meets the next of them. */
struct shelf {
	struct buf *clean;
	struct buf *stale; /* still secret */
};

struct bufs {
	struct buf_budget *budget; /* I */
	size_t out;                /* handed out and not yet taken back from `returned` */
	size_t cached;             /* bytes in `free` */
	struct shelf free[CLASSES];
	_Atomic(struct buf *)
		returned; /* A  pushed by any thread, taken as a whole by the owner */
};

/* Class 2k holds 2^(k+12) bytes, class 2k+1 a page more. */
static size_t class_cap(unsigned class)
{
	return ((size_t)PAGE_LEN << class / 2) + (class & 1) * PAGE_LEN;
}

/* The smallest class that holds len; CLASSES if none does. */
static unsigned class_of(size_t len)
{
	unsigned class = 0;

	if (len > class_cap(CLASSES - 1))
		return CLASSES;
	if (len > PAGE_LEN)
		class = 2 * (unsigned)(63 - __builtin_clzll(len - 1) - PAGE_BITS);
	while (class_cap(class) < len)
		class ++;
	return class;
}

static bool budget_take(struct buf_budget *g, size_t len)
{
	size_t max = atomic_load_explicit(&g->max, memory_order_relaxed);
	size_t used = atomic_fetch_add_explicit(&g->used, len, memory_order_relaxed);

	if (len <= max && used <= max - len)
		return true;
	atomic_fetch_sub_explicit(&g->used, len, memory_order_relaxed);
	return false;
}

/* When little is left nobody hoards: another worker may need it. */
static bool budget_is_tight(struct buf_budget *g)
{
	size_t max = atomic_load_explicit(&g->max, memory_order_relaxed);

	return atomic_load_explicit(&g->used, memory_order_relaxed) > max - max / 4;
}

static struct buf *heap_take(struct bufs *bs, unsigned class, size_t cap)
{
	struct buf *b;
	void *data;

	if (!budget_take(bs->budget, cap))
		return NULL;
	b = malloc(sizeof(*b));
	data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (!b || data == MAP_FAILED) {
		free(b);
		if (data != MAP_FAILED)
			munmap(data, cap);
		atomic_fetch_sub_explicit(&bs->budget->used, cap, memory_order_relaxed);
		return NULL;
	}
	*b = (struct buf){.home = bs, .cap = cap, .class = class, .data = data};
	return b;
}

static void heap_give(struct bufs *bs, struct buf *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->data, b->cap);
	munmap(b->data, b->cap);
	atomic_fetch_sub_explicit(&bs->budget->used, b->cap, memory_order_relaxed);
	free(b);
}

static void cache_push(struct bufs *bs, struct buf *b)
{
	struct buf **list;

	if (b->class == CLASSES || budget_is_tight(bs->budget)) {
		heap_give(bs, b);
		return;
	}
	ASAN_POISON_MEMORY_REGION(b->data, b->cap);
	list = b->secret ? &bs->free[b->class].stale : &bs->free[b->class].clean;
	b->next_free = *list;
	*list = b;
	bs->cached += b->cap;
}

static struct buf *list_pop(struct bufs *bs, struct buf **list)
{
	struct buf *b = *list;

	if (!b)
		return NULL;
	*list = b->next_free;
	bs->cached -= b->cap;
	ASAN_UNPOISON_MEMORY_REGION(b->data, b->cap);
	return b;
}

static struct buf *cache_pop(struct bufs *bs, unsigned class, bool stale_first)
{
	struct shelf *f = &bs->free[class];
	struct buf *b = list_pop(bs, stale_first ? &f->stale : &f->clean);

	return b ? b : list_pop(bs, stale_first ? &f->clean : &f->stale);
}

static void clean(struct buf *b)
{
	if (b->secret)
		wipe(b->data, b->cap);
	b->secret = false;
}

/* Taking the whole stack at once is what makes it free of the ABA problem. */
static void returned_drain(struct bufs *bs)
{
	struct buf *b;

	if (!atomic_load_explicit(&bs->returned, memory_order_relaxed))
		return;
	b = atomic_exchange_explicit(&bs->returned, NULL, memory_order_acquire);
	while (b) {
		struct buf *next = b->next_free;

		bs->out--;
		cache_push(bs, b);
		b = next;
	}
}

struct bufs *bufs_new(struct buf_budget *budget)
{
	struct bufs *bs = calloc(1, sizeof(*bs));

	if (bs)
		bs->budget = budget;
	return bs;
}

size_t bufs_free(struct bufs *bs)
{
	size_t out;

	bufs_trim(bs, 0);
	out = bs->out;
	if (out == 0)
		free(bs);
	return out;
}

static struct buf *take(struct bufs *bs, size_t len, bool stale_first)
{
	unsigned class = class_of(len);
	size_t cap;
	struct buf *b;

	if (!size_add(len, PAGE_LEN - 1, &cap))
		return NULL;
	cap = class < CLASSES ? class_cap(class) : cap & ~(size_t)(PAGE_LEN - 1);

	returned_drain(bs);
	b = class < CLASSES ? cache_pop(bs, class, stale_first) : NULL;
	if (!b)
		b = heap_take(bs, class, cap);
	if (!b && bs->cached) {
		bufs_trim(bs,
			  0); /* our own cache of other sizes may be what is missing */
		b = heap_take(bs, class, cap);
	}
	if (!b)
		return NULL;
	atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
	bs->out++;
	return b;
}

struct buf *buf_new(struct bufs *bs, size_t len)
{
	struct buf *b = take(bs, len, false);

	if (b)
		clean(b);
	return b;
}

struct buf *buf_new_for_frame(struct bufs *bs, size_t len)
{
	struct buf *b = take(bs, len, true);

	if (b && b->secret)
		wipe(b->data + len, b->cap - len);
	return b;
}

void buf_put(struct buf *b)
{
	struct bufs *bs = b->home;
	struct buf *top;

	/* A sole owner needs no read-modify-write: nobody else can take a reference. */
	if (atomic_load_explicit(&b->refs, memory_order_acquire) != 1 &&
	    atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;

	top = atomic_load_explicit(&bs->returned, memory_order_relaxed);
	do
		b->next_free = top;
	while (!atomic_compare_exchange_weak_explicit(
		&bs->returned, &top, b, memory_order_release, memory_order_relaxed));
}

/* A stale buffer of a class becomes a clean one. */
static bool clean_one(struct bufs *bs, unsigned class)
{
	struct buf *b = list_pop(bs, &bs->free[class].stale);

	if (!b)
		return false;
	clean(b);
	cache_push(bs, b);
	return true;
}

void bufs_trim(struct bufs *bs, size_t keep)
{
	returned_drain(bs);
	for (unsigned class = CLASSES; class -- > 0;) {
		struct buf *b;

		while (bs->cached > keep && (b = cache_pop(bs, class, true)))
			heap_give(bs, b);
		while (clean_one(bs, class))
			;
	}
}
