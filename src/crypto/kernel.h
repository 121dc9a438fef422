/*
 * kernel.h - what functions of vector instructions have in common.
 */
#pragma once

/*
 * May use these instructions. Sanitizers keep out: they would put registers of 64 bytes into memory, which GCC 12 then aligns
 * to 32. What kernels read is touched before (touch.h).
 */
#define KERNEL(instructions)                                                             \
	__attribute__((target(instructions), no_sanitize("address", "undefined")))

/* A loop over lanes or rounds, straightened out, so that what it is over stays in registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define unrolled(i, from, to) UNROLL for (unsigned i = from; i < to; i++)
