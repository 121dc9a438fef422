/* posix_quota.c - QUOTA_LIST, QUOTA_SET; what a user's quota leaves of the free space. */
#include "fs/posix_impl.h"

#include "fs/quota.h"

#include <errno.h>
#include <time.h>

enum { ASK_AGAIN_S = 10 }; /* where there are none they may be switched on some day */

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec;
}

bool posix_quota_of(struct posix_volume *v, uid_t uid, struct vfs_quota *ret_quota)
{
	int err;

	if (now_s() < atomic_load_explicit(&v->no_quotas_until_s, memory_order_relaxed))
		return false;
	err = v->quotas->get(v->root->fd, uid, ret_quota);
	if (err == -EOPNOTSUPP)
		atomic_store_explicit(&v->no_quotas_until_s, now_s() + ASK_AGAIN_S,
				      memory_order_relaxed);
	return err == 0;
}

static int list_named(struct posix_volume *v, struct vfs_quota_list *l)
{
	for (; l->count < l->uid_count; l->count++) {
		int err = v->quotas->get(v->root->fd, l->uids[l->count],
					 &l->list[l->count]);

		if (err)
			return err;
	}
	return 0;
}

static int list_all(struct posix_volume *v, struct vfs_quota_list *l)
{
	uint64_t uid = l->from;

	for (; l->count < l->max && uid <= UINT32_MAX; l->count++) {
		struct vfs_quota *q = &l->list[l->count];
		int err = v->quotas->next(v->root->fd, (uint32_t)uid, q);

		if (err)
			return err == -ENOENT ? 0 : err;
		uid = (uint64_t)q->uid + 1;
	}
	return 0;
}

int posix_quota_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_quota_list *l = container_of(c, struct vfs_quota_list, call);

	l->count = 0;
	l->list = arena_array(c->arena, l->uids ? l->uid_count : l->max,
			      sizeof(*l->list));
	if (!l->list)
		return -ENOMEM;
	return l->uids ? list_named(v, l) : list_all(v, l);
}

int posix_quota_set(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_quota_set *s = container_of(c, struct vfs_quota_set, call);

	for (s->done = 0; s->done < s->count; s->done++) {
		int err = v->quotas->set(v->root->fd, &s->quotas[s->done]);

		if (err)
			return err;
	}
	return 0;
}
