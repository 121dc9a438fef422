#include "wire/filetime.h"

enum { UNITS_PER_SEC = 10 * 1000 * 1000, NS_PER_UNIT = 100 };

/* From 1601-01-01 to 1970-01-01: 369 years, 89 of them leap years. */
static const int64_t epoch_sec = INT64_C(134774) * 86400;

uint64_t filetime_of(struct timespec ts)
{
	int64_t sec, units;

	if (__builtin_add_overflow(ts.tv_sec, epoch_sec, &sec) ||
	    __builtin_mul_overflow(sec, UNITS_PER_SEC, &units) ||
	    __builtin_add_overflow(units, ts.tv_nsec / NS_PER_UNIT, &units))
		return ts.tv_sec < 0 ? 1 : FILETIME_MAX;
	return units > 0 ? (uint64_t)units : 1;
}

struct timespec filetime_to(uint64_t ft)
{
	if (ft > FILETIME_MAX)
		ft = FILETIME_MAX;
	return (struct timespec){
		.tv_sec = (time_t)(ft / UNITS_PER_SEC) - epoch_sec,
		.tv_nsec = (long)(ft % UNITS_PER_SEC) * NS_PER_UNIT,
	};
}
