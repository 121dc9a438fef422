/*
 * unrolled.h - loops of kernels that must be straightened out, so that what they are over stays in registers.
 */
#pragma once

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define unrolled(i, from, to) UNROLL for (unsigned i = from; i < to; i++)
