#include "base/stock.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                     \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
static const bool keeps = false;
#else
static const bool keeps = true;
#endif

static void init(struct stock *s, size_t len, size_t max, bool shared)
{
	*s = (struct stock){
		.len = len > sizeof(void *) ? len : sizeof(void *),
		.max = keeps ? max : 0,
		.shared = shared,
	};
	lock_init(&s->lock, LOCK_RANK_LEAF);
}

void stock_init(struct stock *s, size_t len, size_t max)
{
	init(s, len, max, false);
}

void stock_init_shared(struct stock *s, size_t len, size_t max)
{
	init(s, len, max, true);
}

void stock_fini(struct stock *s)
{
	while (s->first) {
		void *p = s->first;

		memcpy(&s->first, p, sizeof(s->first));
		free(p);
	}
	s->count = 0;
	lock_fini(&s->lock);
}

static void enter(struct stock *s)
{
	if (s->shared)
		lock_take(&s->lock);
}

static void leave(struct stock *s)
{
	if (s->shared)
		lock_drop(&s->lock);
}

void *stock_take(struct stock *s)
{
	void *p;

	enter(s);
	p = s->first;
	if (p) {
		memcpy(&s->first, p, sizeof(s->first));
		s->count--;
	}
	leave(s);
	return p ? memset(p, 0, s->len) : calloc(1, s->len);
}

void stock_give(struct stock *s, void *p)
{
	bool kept;

	if (!p)
		return;
	enter(s);
	kept = s->count < s->max;
	if (kept) {
		memcpy(p, &s->first, sizeof(s->first));
		s->first = p;
		s->count++;
	}
	leave(s);
	if (!kept)
		free(p);
}
