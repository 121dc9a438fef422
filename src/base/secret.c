/*
 * The region is reserved once, inaccessible, and made of runs of SECRET_RUN_LEN bytes with inaccessible pages
 * before, between and behind them. A run is opened when needed and then serves one slot size; when its last slot
 * is freed and another run of the size has room, it is closed again: pages given back, free for any size.
 * Bookkeeping lies outside, so that nothing that happens in a slot can lead the allocator astray.
 */
#include "base/secret.h"

#include "base/ct.h"
#include "base/list.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	SECRET_SLOT_MIN = 64,
	SECRET_CLASSES = 7, /* 64 .. 4096 */
	SECRET_RUN_LEN = 64 * 1024,
	SECRET_GUARD_LEN = 64 * 1024, /* a multiple of every page size Linux has */
	SECRET_RUN_STRIDE = SECRET_RUN_LEN + SECRET_GUARD_LEN,
	SECRET_RUNS = 4096, /* 256 MiB of keys */
	WORD_BITS = 64,
	RUN_WORDS = SECRET_RUN_LEN / SECRET_SLOT_MIN / WORD_BITS,
};

static_assert(SECRET_SLOT_MIN << (SECRET_CLASSES - 1) == SECRET_LEN_MAX, "classes");

struct run {
	struct list_node
		node; /* with_room[class] while some slot is free; closed while it has no class */
	unsigned slot_len; /* 0: closed */
	unsigned used;
	uint64_t taken[RUN_WORDS];
};

/* Process-wide by nature: there is one key region, and keys are freed where no context is at hand. */
static struct {
	pthread_mutex_t lock;
	uint8_t *base;      /* first run; NULL before the first use */
	unsigned run_count; /* ever opened */
	size_t count;       /* slots in use */
	bool unlocked;      /* some mlock() failed */
	struct list_node with_room[SECRET_CLASSES];
	struct list_node closed;
	struct run runs[SECRET_RUNS];
} region = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool region_reserve(void)
{
	size_t len = SECRET_GUARD_LEN + (size_t)SECRET_RUNS * SECRET_RUN_STRIDE;
	uint8_t *p;

	if (region.base)
		return true;
	p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		 0);
	if (p == MAP_FAILED)
		return false;
	/* Not to be had without these: a key in a core file is a lost key. */
	if (madvise(p, len, MADV_DONTDUMP) || madvise(p, len, MADV_WIPEONFORK)) {
		munmap(p, len);
		return false;
	}
	for (unsigned class = 0; class < SECRET_CLASSES; class ++)
		list_init(&region.with_room[class]);
	list_init(&region.closed);
	region.base = p + SECRET_GUARD_LEN;
	return true;
}

static uint8_t *run_data(const struct run *r)
{
	return region.base + (size_t)(r - region.runs) * SECRET_RUN_STRIDE;
}

static unsigned class_of(size_t len)
{
	unsigned class = 0;

	while ((size_t)SECRET_SLOT_MIN << class < len)
		class ++;
	return class;
}

static struct run *run_open(unsigned class)
{
	struct list_node *n = list_pop(&region.closed);
	struct run *r;

	if (n)
		r = container_of(n, struct run, node);
	else if (region.run_count < SECRET_RUNS)
		r = &region.runs[region.run_count++];
	else
		return NULL;
	if (mprotect(run_data(r), SECRET_RUN_LEN, PROT_READ | PROT_WRITE)) {
		list_add_head(&region.closed, &r->node);
		return NULL;
	}
	if (mlock(run_data(r), SECRET_RUN_LEN))
		region.unlocked =
			true; /* better an unlocked key than no logon: secret_is_locked() */
	r->slot_len = (unsigned)SECRET_SLOT_MIN << class;
	list_add_head(&region.with_room[class], &r->node);
	return r;
}

static void run_close(struct run *r)
{
	munlock(run_data(r), SECRET_RUN_LEN);
	madvise(run_data(r), SECRET_RUN_LEN, MADV_DONTNEED);
	mprotect(run_data(r), SECRET_RUN_LEN, PROT_NONE);
	r->slot_len = 0;
	list_del(&r->node);
	list_add_head(&region.closed, &r->node);
}

static void *run_take(struct run *r)
{
	unsigned slots = SECRET_RUN_LEN / r->slot_len;
	unsigned word = 0, slot;

	while (r->taken[word] == UINT64_MAX)
		word++;
	slot = word * WORD_BITS + (unsigned)__builtin_ctzll(~r->taken[word]);
	assert(slot < slots);
	r->taken[word] |= UINT64_C(1) << slot % WORD_BITS;
	if (++r->used == slots)
		list_del(&r->node);
	return run_data(r) + (size_t)slot * r->slot_len;
}

static void *region_take(size_t len)
{
	unsigned class = class_of(len);
	struct list_node *first;
	struct run *r;

	if (!region_reserve())
		return NULL;
	first = region.with_room[class].next;
	if (first != &region.with_room[class])
		r = container_of(first, struct run, node);
	else
		r = run_open(class);
	if (!r)
		return NULL;
	region.count++;
	return run_take(r);
}

void *secret_alloc(size_t len)
{
	void *p;

	if (len > SECRET_LEN_MAX)
		return NULL;
	pthread_mutex_lock(&region.lock);
	p = region_take(len);
	pthread_mutex_unlock(&region.lock);
	return p;
}

/* The run and slot p is the start of; the process ends if there is no such slot in use. */
static struct run *run_of(const uint8_t *p, unsigned *ret_slot)
{
	size_t off = (size_t)((uintptr_t)p - (uintptr_t)region.base);
	size_t index = off / SECRET_RUN_STRIDE, in_run = off % SECRET_RUN_STRIDE;
	struct run *r;
	unsigned slot;

	if (!region.base || index >= region.run_count)
		abort();
	r = &region.runs[index];
	if (!r->slot_len || in_run >= SECRET_RUN_LEN || in_run % r->slot_len)
		abort();
	slot = (unsigned)in_run / r->slot_len;
	if (!(r->taken[slot / WORD_BITS] >> slot % WORD_BITS & 1))
		abort();
	*ret_slot = slot;
	return r;
}

void secret_free(void *p)
{
	struct list_node *with_room;
	struct run *r;
	unsigned slot;

	if (!p)
		return;
	pthread_mutex_lock(&region.lock);
	r = run_of(p, &slot);
	wipe(p, r->slot_len);
	r->taken[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
	region.count--;
	with_room = &region.with_room[class_of(r->slot_len)];
	if (!list_linked(&r->node))
		list_add_head(with_room, &r->node);
	if (--r->used == 0 && (with_room->next != &r->node || r->node.next != with_room))
		run_close(r);
	pthread_mutex_unlock(&region.lock);
}

bool secret_is_locked(void)
{
	bool locked;

	pthread_mutex_lock(&region.lock);
	locked = !region.unlocked;
	pthread_mutex_unlock(&region.lock);
	return locked;
}

size_t secret_count(void)
{
	size_t count;

	pthread_mutex_lock(&region.lock);
	count = region.count;
	pthread_mutex_unlock(&region.lock);
	return count;
}
