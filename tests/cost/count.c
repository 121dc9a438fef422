/*
 * count.c - counts what a program takes from the heap and how many bytes it copies: a library to preload.
 *
 * The counters lie in the file that the environment names, TSMB_COUNTS, mapped into the program and into whoever looks
 * on (tests/cost/counts.h). Copies count from COUNTS_COPY_MIN bytes: shorter ones are the compiler's to place.
 */
#include "cost/counts.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, under the names that it keeps for such libraries. */
extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t count, size_t len);
extern void *__libc_realloc(void *p, size_t len);
extern void *__libc_memalign(size_t align, size_t len);
extern void __libc_free(void *p);

/* Nobody else declares them so. */
void *__memcpy_chk(void *to, const void *from, size_t len, size_t to_len);
void *__memmove_chk(void *to, const void *from, size_t len, size_t to_len);

typedef void *(*copy_fn)(void *to, const void *from, size_t len);

static struct counts unread;
static struct counts *counts = &unread;
static copy_fn real_copy;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("TSMB_COUNTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	real_copy = (copy_fn)dlsym(RTLD_NEXT, "memmove");
	if (fd >= 0) {
		p = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
		close(fd);
	}
	if (p != MAP_FAILED)
		counts = p;
}

static void one(atomic_ulong *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- the heap ------------------------------------------------------------------------------------ */

void *malloc(size_t len)
{
	one(&counts->allocations);
	return __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	one(&counts->allocations);
	return __libc_calloc(count, len);
}

void *realloc(void *p, size_t len)
{
	one(&counts->allocations);
	return __libc_realloc(p, len);
}

void *memalign(size_t align, size_t len)
{
	one(&counts->allocations);
	return __libc_memalign(align, len);
}

void *aligned_alloc(size_t align, size_t len)
{
	return memalign(align, len);
}

int posix_memalign(void **ret, size_t align, size_t len)
{
	void *p = memalign(align, len);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

void free(void *p)
{
	if (p)
		one(&counts->frees);
	__libc_free(p);
}

/* ---- copies -------------------------------------------------------------------------------------- */

static void *copy(void *to, const void *from, size_t len)
{
	if (len >= COUNTS_COPY_MIN)
		atomic_fetch_add_explicit(&counts->copied, len, memory_order_relaxed);
	if (real_copy)
		return real_copy(to, from, len);
	/* the loader and other constructors come before ours; they only copy what does not overlap */
	for (size_t i = 0; i < len; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	return copy(to, from, len);
}

void *memmove(void *to, const void *from, size_t len)
{
	return copy(to, from, len);
}

void *__memcpy_chk(void *to, const void *from, size_t len, size_t to_len)
{
	if (to_len < len)
		abort();
	return copy(to, from, len);
}

void *__memmove_chk(void *to, const void *from, size_t len, size_t to_len)
{
	if (to_len < len)
		abort();
	return copy(to, from, len);
}
