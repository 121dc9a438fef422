/*
 * fenced.h - memory between two pages that cannot be touched: for code that sanitizers cannot see into.
 */
#pragma once

#include "test.h"

#include <sys/mman.h>
#include <unistd.h>

struct fenced {
	uint8_t *all;
	size_t all_len;
	uint8_t *p; /* the first byte there is */
	size_t len;
};

/* len: whole pages. */
static inline struct fenced fenced_new(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct fenced f = {.all_len = len + 2 * page, .len = len};

	f.all = mmap(NULL, f.all_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(f.all != MAP_FAILED);
	f.p = f.all + page;
	CHECK_EQ(mprotect(f.p, len, PROT_READ | PROT_WRITE), 0);
	return f;
}

static inline void fenced_free(struct fenced *f)
{
	munmap(f->all, f->all_len);
}

/* n bytes that begin with the first byte there is, or end with the last. */
static inline uint8_t *fenced_at(const struct fenced *f, size_t n, bool at_end)
{
	return at_end ? f->p + f->len - n : f->p;
}
