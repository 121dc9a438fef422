/*
 * cred.h - a Unix identity as plain data. fs/cred.c is the only code that acts on it.
 *
 * Owns     its group list (counted).
 * Threads  immutable after creation.
 */
#pragma once

#include "base/attr.h"

#include <stdatomic.h>
#include <sys/types.h>

struct cred {
	atomic_uint refs; /* A; everything else I */
	uid_t uid;
	gid_t gid;
	uint32_t group_count;
	gid_t groups[]; /* supplementary, sorted, without gid */
};

/* One reference. Copies the groups, sorted, gid and doubles left out; NULL without memory. */
MUST_CHECK struct cred *cred_new(uid_t uid, gid_t gid, const gid_t *groups,
				 size_t group_count);
struct cred *cred_get(struct cred *c);
/* NULL is fine. */
void cred_put(struct cred *c);
static inline void cred_putp(struct cred **c)
{
	cred_put(*c);
}

/* The primary or a supplementary group. */
bool cred_in_group(const struct cred *c, gid_t gid);
