/*
 * cred.h - a Unix identity as plain data. fs/cred.c is the only code that acts on it.
 *
 * Owns     its group list (counted).
 * Threads  immutable after creation.
 */
#pragma once

#include "base/attr.h"

#include <sys/types.h>

struct cred {
	uint32_t refs; /* A */
	uid_t uid;
	gid_t gid;
	uint32_t group_count;
	gid_t groups[]; /* supplementary, sorted, without gid */
};

/* Copies the groups; NULL without memory. */
struct cred *cred_new(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count);
struct cred *cred_get(struct cred *c);
void cred_put(struct cred *c);
bool cred_in_group(const struct cred *c, gid_t gid);
