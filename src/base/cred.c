#include "base/cred.h"

#include <stdlib.h>

static int gid_cmp(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

struct cred *cred_new(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
	struct cred *c;
	size_t len;

	if (group_count > UINT32_MAX || !size_mul(group_count, sizeof(gid_t), &len) ||
	    !size_add(len, sizeof(*c), &len))
		return NULL;
	c = malloc(len);
	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	c->uid = uid;
	c->gid = gid;
	c->group_count = 0;
	for (size_t i = 0; i < group_count; i++) {
		if (groups[i] != gid)
			c->groups[c->group_count++] = groups[i];
	}
	if (c->group_count == 0)
		return c;

	qsort(c->groups, c->group_count, sizeof(gid_t), gid_cmp);
	uint32_t kept = 1;
	for (uint32_t i = 1; i < c->group_count; i++) {
		if (c->groups[i] != c->groups[kept - 1])
			c->groups[kept++] = c->groups[i];
	}
	c->group_count = kept;
	return c;
}

struct cred *cred_get(struct cred *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void cred_put(struct cred *c)
{
	if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		free(c);
}

bool cred_in_group(const struct cred *c, gid_t gid)
{
	return gid == c->gid ||
	       (c->group_count &&
		bsearch(&gid, c->groups, c->group_count, sizeof(gid_t), gid_cmp));
}
