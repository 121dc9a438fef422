/*
 * touch.h - sanitizers are blind in assembly and half blind in vector instructions: what these get is touched before, where
 *           a sanitizer sees it. Nothing in other builds.
 */
#pragma once

#include "base/span.h"

#if defined(__SANITIZE_ADDRESS__)
#define TOUCH_ADDRESS 1
#elif defined(__SANITIZE_THREAD__)
#define TOUCH_THREAD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOUCH_ADDRESS 1
#elif __has_feature(thread_sanitizer)
#define TOUCH_THREAD 1
#endif
#endif

#ifdef TOUCH_ADDRESS
#include <sanitizer/asan_interface.h>
#endif

/* s is about to be read. */
static inline void touch(struct span s)
{
#if defined(TOUCH_ADDRESS) || defined(TOUCH_THREAD)
	const volatile uint8_t *p = s.p;

	if (!s.len)
		return;
#ifdef TOUCH_ADDRESS
	p = __asan_region_is_poisoned((void *)s.p, s.len); /* the first such byte */
	if (p)
		(void)*p; /* reports it, and ends the process */
	p = s.p;
#endif
	(void)p[0];
	(void)p[s.len - 1];
#else
	(void)s;
#endif
}
