/*
 *     (tree_new) --> OPEN --tree_close (TREE_DISCONNECT), sess_close--> closed, opens going --> last reference
 */
#include "smb/tree.h"

#include "smb/stats.h"

#include <stdlib.h>

static void tree_counted(struct tree *t, int more)
{
	if (t->share->stats)
		atomic_fetch_add(&t->share->stats->trees, (unsigned long long)more);
}

nt_status tree_new(struct sess *s, struct share *share, struct node *root,
		   uint32_t maximal_access, struct tree **ret_tree)
{
	struct tree *t = calloc(1, sizeof(*t));
	nt_status st = STATUS_INSUFFICIENT_RESOURCES;

	if (!t)
		return st;
	t->refs = 2; /* the table's and the caller's */
	t->created = env_filetime(s->server->env);
	t->maximal_access = maximal_access;
	t->sess = sess_get(s);
	t->share = share_get(share);
	t->encrypt_data = share->encrypt_data;
	t->audit_level = share->conf ? share->conf->audit_level : CONF_AUDIT_NONE;
	t->hides_unreadable = share->conf && share->conf->access_based_enumeration;
	t->root = root;
	{
		LOCK_SCOPE(&s->lock);
		if (atomic_load(&s->state) == SESS_CLOSED) {
			st = STATUS_USER_SESSION_DELETED;
		} else if (s->trees.count < SESS_TREES_MAX) {
			do {
				t->id = s->next_tree_id++;
			} while (t->id == 0 || t->id == UINT32_MAX ||
				 map_first(&s->trees, t->id));
			map_add(&s->trees, &t->by_id, t->id);
			st = STATUS_SUCCESS;
		}
	}
	if (!nt_ok(st)) {
		t->root = NULL; /* stays the caller's */
		t->refs = 1;
		tree_put(t);
		return st;
	}
	tree_counted(t, 1);
	*ret_tree = t;
	return STATUS_SUCCESS;
}

struct tree *tree_find(struct sess *s, uint32_t id)
{
	LOCK_SCOPE(&s->lock);
	struct map_node *n = map_first(&s->trees, id);

	return n ? tree_get(container_of(n, struct tree, by_id)) : NULL;
}

struct tree *tree_get(struct tree *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void tree_put(struct tree *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (t->root)
		node_put(t->root);
	share_put(t->share);
	sess_put(t->sess);
	free(t);
}

bool tree_follow(struct tree *t, const struct share *now, const struct principal *who)
{
	uint32_t access = share_access(now, who);

	if (now->encrypt_data)
		atomic_store(&t->encrypt_data, true);
	atomic_store(&t->maximal_access, access);
	atomic_store(&t->audit_level,
		     now->conf ? now->conf->audit_level : CONF_AUDIT_NONE);
	atomic_store(&t->hides_unreadable,
		     now->conf && now->conf->access_based_enumeration);
	return access != 0;
}

bool tree_shut(struct tree *t)
{
	{
		LOCK_SCOPE(&t->sess->lock);
		if (atomic_exchange(&t->closed, true))
			return false;
		map_del(&t->sess->trees, &t->by_id);
	}
	tree_counted(t, -1);
	tree_put(t); /* the table's */
	return true;
}

void tree_close(struct tree *t, struct lane *lane, struct wait *w)
{
	if (!tree_shut(t)) {
		if (w)
			wait_now(w, 0);
		return;
	}
	trail_disconnect(t, lane);
	teardown_run(&t->teardown, lane, t->sess, t, false, w);
}

struct cred *tree_cred(const struct tree *t, const struct principal *who)
{
	return share_cred(t->share, who);
}

const struct principal *tree_who(const struct tree *t, const struct principal *who)
{
	return t->share->force_who ? t->share->force_who : who;
}
