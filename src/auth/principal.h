/*
 * principal.h - who a session acts for.
 *
 * Owns     its strings, SIDs and Unix credentials.
 * Threads  immutable after creation; counted.
 */
#pragma once

#include "base/cred.h"
#include "wire/sid.h"

enum principal_kind { PRINCIPAL_NAMED, PRINCIPAL_GUEST, PRINCIPAL_ANONYMOUS };

struct principal {
	uint32_t refs; /* A */
	enum principal_kind kind;
	char *user;   /* UTF-8, as in the user database; "" for anonymous */
	char *domain; /* as the client sent it */
	struct cred *cred;
	struct sid sid;         /* S-1-22-1-uid for a local account		*/
	struct sid *group_sids; /* well-known ones and S-1-22-2-gid each	*/
	size_t group_count;
};

/* Copies everything; takes a reference to cred. NULL without memory. Fills sid and group_sids from cred and kind. */
struct principal *principal_new(enum principal_kind kind, const char *user,
				const char *domain, struct cred *cred);
struct principal *principal_get(struct principal *p);
void principal_put(struct principal *p);
/* Same account: what re-authentication and binding compare. */
bool principal_same(const struct principal *a, const struct principal *b);
bool principal_has_sid(const struct principal *p, const struct sid *sid);
