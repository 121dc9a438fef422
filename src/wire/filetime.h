/*
 * filetime.h - FILETIME: 100 ns units since 1601-01-01 UTC, as 64 bits.
 *
 * Valid times are 1 to INT64_MAX. When attributes are set, three other values are orders, not times.
 *
 * Spec     [MS-DTYP] 2.3.3, [MS-FSCC] 2.1.1, 2.4.7
 */
#pragma once

#include "base/attr.h"

#include <time.h>

#define FILETIME_KEEP UINT64_C(0) /* set: leave as it is. Answer: not known */
#define FILETIME_FREEZE                                                                  \
	UINT64_MAX /* set: -1, this handle's operations no longer change it */
#define FILETIME_THAW (UINT64_MAX - 1) /* set: -2, they do again */
#define FILETIME_MAX  UINT64_C(0x7FFFFFFFFFFFFFFF)

/* A time, none of the three orders. */
static inline bool filetime_is_time(uint64_t ft)
{
	return ft > 0 && ft <= FILETIME_MAX;
}

/* May stand in a SET_INFO request: a time or one of the three orders. */
static inline bool filetime_is_valid(uint64_t ft)
{
	return ft <= FILETIME_MAX || ft >= FILETIME_THAW;
}

/* Exact to 100 ns, rounded down. Before 1601: 1. Beyond the last FILETIME: FILETIME_MAX. Never an order. */
uint64_t filetime_of(struct timespec ts);

/* Exact; tv_nsec in 0 .. 999999900. What lies beyond FILETIME_MAX is taken as FILETIME_MAX. */
struct timespec filetime_to(uint64_t ft);
