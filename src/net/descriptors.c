#include "net/descriptors.h"

#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

enum { EACH_OPEN = 2, PART_OF_CONNECTIONS = 4, PART_OF_CLIENTS = 4 };

size_t descriptors_raise(void)
{
	struct rlimit l, hard;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return SIZE_MAX;
	hard = (struct rlimit){.rlim_cur = l.rlim_max, .rlim_max = l.rlim_max};
	if (l.rlim_cur == l.rlim_max || setrlimit(RLIMIT_NOFILE, &hard) == 0)
		return l.rlim_max == RLIM_INFINITY ? SIZE_MAX : l.rlim_max;
	log_warn("limit of descriptors stays at %zu: %s", (size_t)l.rlim_cur,
		 strerror(errno));
	return l.rlim_cur;
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

static size_t at_least(size_t n, size_t min)
{
	return n > min ? n : min;
}

/* No sum or product here can overflow, as each is of parts of the limit. */
struct descriptors_plan descriptors_plan(size_t limit, size_t shares,
					 unsigned connections, size_t opens)
{
	size_t all = limit > 2 * DESCRIPTORS_KEPT ? limit - DESCRIPTORS_KEPT : limit / 2;
	size_t for_shares = all - all / PART_OF_CLIENTS;
	size_t left = all - DESCRIPTORS_OF_SHARE *
				    at_most(for_shares / DESCRIPTORS_OF_SHARE, shares);
	size_t unwanted = left - EACH_OPEN * at_most(left / EACH_OPEN, opens);
	size_t wanted = connections ? connections : UINT_MAX;
	struct descriptors_plan p;

	p.connections = (unsigned)at_most(wanted,
					  at_least(unwanted, left / PART_OF_CONNECTIONS));
	p.connections += p.connections == 0;
	p.opens = at_most(opens, (left - at_most(left, p.connections)) / EACH_OPEN);
	p.opens += p.opens == 0;
	return p;
}
