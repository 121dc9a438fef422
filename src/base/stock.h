/*
 * stock.h - objects of one size that come and go all the time: kept for the next user instead of given back to the heap.
 *
 * Under the address and thread sanitizers nothing is kept, so that each life of an object is one of the heap's.
 *
 * Owns     up to `max` objects that nobody uses.
 * Threads  stock_init(): one thread. stock_init_shared(): any; a leaf lock inside, held for a few instructions.
 * Errors   NULL without memory.
 */
#pragma once

#include "base/lock.h"
#include "base/span.h"

struct stock {
	size_t len; /* of an object */
	size_t count, max;
	bool shared;
	struct lock lock; /* leaf */
	void *first;      /* an unused object begins with a pointer to the next */
};

void stock_init(struct stock *s, size_t len, size_t max);
void stock_init_shared(struct stock *s, size_t len, size_t max);
/* What was taken and not given back is not the stock's. */
void stock_fini(struct stock *s);

/* Zeroed. */
MUST_CHECK void *stock_take(struct stock *s);
/* NULL is fine. p may be from malloc() if it has the length. */
void stock_give(struct stock *s, void *p);
