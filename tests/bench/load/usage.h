/*
 * usage.h - what a server's processes have used: CPU time and memory of a process and all its descendants.
 *
 * A living process is read by its process clock (nanoseconds, threads that ended included); children that ended and were
 * waited for count as their parent's record says (in hundredths of a second), so samples are best taken while those that
 * worked are alive. The counter of a cgroup, where there is one, is beside it to check the sum with.
 *
 * Owns     nothing.
 * Threads  any.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct usage {
	double cpu_s;
	double cgroup_s;    /* negative: no cgroup was named */
	uint64_t processes; /* living ones */
	uint64_t rss, pss;  /* bytes; 0 unless asked for */
	uint64_t
		sockets; /* bytes of all TCP sockets of the machine; 0 unless asked for */
};

enum usage_of { USAGE_CPU, USAGE_MEMORY };

/*
 * root    the server's first process
 * cgroup  its folder, version 2 (cpu.stat), or NULL
 *
 * -ESRCH: there is no such process. -ENOENT: the cgroup has no counter.
 */
MUST_CHECK int usage_sample(pid_t root, const char *cgroup, enum usage_of what,
			    struct usage *ret);
