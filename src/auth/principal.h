/*
 * principal.h - who a session acts for.
 *
 * What its token holds, as access checks see it:
 *
 *     named      S-1-22-1-uid; Everyone, Authenticated Users, Network, Users, S-1-22-2-gid of
 *                each group; Administrators as well for uid 0
 *     guest      the same of the account `nobody`, with Guests in place of Authenticated Users
 *                and Users
 *     anonymous  S-1-5-7; Network. Not Everyone, as in Windows: what the anonymous may do is
 *                granted to them by name
 *
 * Owns     its strings, SIDs and Unix credentials.
 * Threads  immutable after creation; counted.
 */
#pragma once

#include "base/cred.h"
#include "wire/sid.h"

#include <stdatomic.h>

enum principal_kind { PRINCIPAL_NAMED, PRINCIPAL_GUEST, PRINCIPAL_ANONYMOUS };

struct principal {
	atomic_uint refs; /* A */
	enum principal_kind kind;
	char *user;   /* UTF-8, as in the user database; "" for anonymous */
	char *domain; /* as the client sent it */
	struct cred *cred;
	struct sid sid;         /* S-1-22-1-uid for a local account		*/
	struct sid *group_sids; /* well-known ones and S-1-22-2-gid each	*/
	size_t group_count;
};

/* Copies everything; takes a reference to cred. NULL without memory. Fills sid and group_sids
 * from cred and kind. */
struct principal *principal_new(enum principal_kind kind, const char *user,
				const char *domain, struct cred *cred);
struct principal *principal_get(struct principal *p);
void principal_put(struct principal *p); /* NULL is fine */
static inline void principal_putp(struct principal **p)
{
	principal_put(*p);
}

/* Same account: what re-authentication and binding compare. The domain does not count, as the
 * text database accepts any; groups do not, as re-authentication reads them anew. */
bool principal_same(const struct principal *a, const struct principal *b);
/* Its own SID or one of its groups'. */
bool principal_has_sid(const struct principal *p, const struct sid *sid);
