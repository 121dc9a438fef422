/*
 * counts.h - what a preloaded library (count.c) counts of a running program.
 *
 * Threads  written by all threads of the program, read by another process.
 */
#pragma once

#include <stdatomic.h>

enum { COUNTS_COPY_MIN = 256 /* bytes */ };

struct counts {
	atomic_ulong allocations; /* malloc, calloc, realloc, memalign */
	atomic_ulong frees;       /* of anything but NULL */
	atomic_ulong copied;      /* bytes, by memcpy and memmove */
};
