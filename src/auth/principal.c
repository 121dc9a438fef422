/* principal.c - see principal.h */
#include "auth/principal.h"

#include "wire/utf16.h"

#include <stdlib.h>

enum { WELL_KNOWN_MAX = 5 };

static size_t well_known(enum principal_kind kind, const struct cred *cred,
			 struct sid *ret_sids)
{
	size_t n = 0;

	ret_sids[n++] = sid_network;
	if (kind == PRINCIPAL_ANONYMOUS)
		return n;
	ret_sids[n++] = sid_everyone;
	if (kind == PRINCIPAL_GUEST) {
		ret_sids[n++] = sid_guests;
		return n;
	}
	ret_sids[n++] = sid_authenticated_users;
	ret_sids[n++] = sid_users;
	if (cred->uid == 0)
		ret_sids[n++] = sid_administrators;
	return n;
}

/* False without memory. */
static bool groups_fill(struct principal *p)
{
	struct sid known[WELL_KNOWN_MAX];
	size_t n = well_known(p->kind, p->cred, known);
	size_t unix_count = p->kind == PRINCIPAL_ANONYMOUS
				    ? 0
				    : 1 + (size_t)p->cred->group_count;

	p->group_sids = calloc(n + unix_count, sizeof(*p->group_sids));
	if (!p->group_sids)
		return false;
	memcpy(p->group_sids, known, n * sizeof(*known));
	if (unix_count > 0)
		p->group_sids[n++] = sid_of_gid(p->cred->gid);
	for (size_t i = 1; i < unix_count; i++)
		p->group_sids[n++] = sid_of_gid(p->cred->groups[i - 1]);
	p->group_count = n;
	return true;
}

struct principal *principal_new(enum principal_kind kind, const char *user,
				const char *domain, struct cred *cred)
{
	CLEANUP(principal_putp) struct principal *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	atomic_init(&p->refs, 1);
	p->kind = kind;
	p->user = strdup(user);
	p->domain = strdup(domain);
	p->cred = cred_get(cred);
	p->sid = kind == PRINCIPAL_ANONYMOUS ? sid_anonymous : sid_of_uid(cred->uid);
	if (!p->user || !p->domain || !groups_fill(p))
		return NULL;
	return TAKE(p);
}

struct principal *principal_get(struct principal *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void principal_put(struct principal *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p->user);
	free(p->domain);
	cred_put(p->cred);
	free(p->group_sids);
	free(p);
}

bool principal_same(const struct principal *a, const struct principal *b)
{
	return a->kind == b->kind && sid_eq(&a->sid, &b->sid) &&
	       utf8_eq_nocase(a->user, b->user);
}

bool principal_has_sid(const struct principal *p, const struct sid *sid)
{
	if (sid_eq(&p->sid, sid))
		return true;
	for (size_t i = 0; i < p->group_count; i++) {
		if (sid_eq(&p->group_sids[i], sid))
			return true;
	}
	return false;
}
