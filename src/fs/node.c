/*
 *     (node_find_or_new) --> in the table, counted --last node_put--> out of the table, handle and parent released
 */
#include "fs/node.h"

#include "auth/principal.h"
#include "base/stock.h"
#include "fs/local_watch.h"
#include "fs/state.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_ROOM = 256, /* names are shorter, as a rule */
	STOCK_MAX = 256,
};

struct node_table {
	struct state *state;
	struct local_watch *watch;
	uint8_t hash_key[16];
	struct lock lock;                    /* rank TABLE */
	struct map nodes;                    /* L  node.by_key */
	struct map names;                    /* L  name_turn.by_hash */
	struct stock node_stock, turn_stock; /* struct node, struct name_turn */
};

struct node_table *node_table_new(struct state *state, const uint8_t *hash_key)
{
	struct node_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->state = state;
	memcpy(t->hash_key, hash_key, sizeof(t->hash_key));
	lock_init(&t->lock, LOCK_RANK_TABLE);
	stock_init_shared(&t->node_stock, sizeof(struct node), STOCK_MAX);
	stock_init_shared(&t->turn_stock, sizeof(struct name_turn), STOCK_MAX);
	if (map_init(&t->nodes) == 0 && map_init(&t->names) == 0)
		return t;
	node_table_free(t);
	return NULL;
}

void node_table_free(struct node_table *t)
{
	if (!t)
		return;
	map_fini(&t->nodes);
	map_fini(&t->names);
	stock_fini(&t->node_stock);
	stock_fini(&t->turn_stock);
	lock_fini(&t->lock);
	free(t);
}

void node_table_watch(struct node_table *t, struct local_watch *w)
{
	t->watch = w;
}

size_t node_table_count(struct node_table *t)
{
	LOCK_SCOPE(&t->lock);

	return t->nodes.count;
}

static uint64_t key_hash(const struct node_table *t, const struct node_key *key)
{
	return map_hash(t->hash_key, span_of(key, sizeof(*key)));
}

/* Under the table's lock. hash: key_hash() of the key. */
static struct node *find_locked(struct node_table *t, uint64_t hash,
				const struct node_key *key)
{
	for (struct map_node *m = map_first(&t->nodes, hash); m; m = map_next(m)) {
		struct node *n = container_of(m, struct node, by_key);

		if (node_key_eq(&n->key, key))
			return node_get(n);
	}
	return NULL;
}

static struct node *find(struct node_table *t, uint64_t hash, const struct node_key *key)
{
	LOCK_SCOPE(&t->lock);

	return find_locked(t, hash, key);
}

struct node *node_find(struct node_table *t, const struct node_key *key)
{
	return find(t, key_hash(t, key), key);
}

/* In `room` if it fits there. NULL without memory. */
static char *name_keep(char room[NODE_NAME_ROOM], const char *name)
{
	size_t len = strlen(name) + 1;

	return len <= NODE_NAME_ROOM ? memcpy(room, name, len) : strdup(name);
}

static void name_drop(const char room[NODE_NAME_ROOM], char *name)
{
	if (name != room)
		free(name);
}

/* Returns its parent, whose reference is now the caller's to give: a tree may be deeper than the stack. */
static struct node *node_free(struct node *n)
{
	struct node *parent = n->parent;

	if (n->base) { /* has no base of its own: no deeper than this */
		atomic_fetch_sub(&n->base->streams, 1);
		node_put(n->base);
	}
	if (n->watched)
		local_watch_set(n->table->watch, n->file, &n->key, 0);
	state_node_put(n->state);
	vfile_put(n->file);
	remover_put(&n->remover);
	turn_fini(&n->turn);
	lock_fini(&n->lock);
	name_drop(n->short_name, n->name);
	stock_give(&n->table->node_stock, n);
	return parent;
}

/* Where a node is to be. */
struct place {
	struct node *parent, *base; /* borrowed; either may be NULL */
	const char *name;
};

static struct node *node_new(struct node_table *t, const struct vfs_stat *stat,
			     struct vfile *file, const struct place *at)
{
	struct node *n = stock_take(&t->node_stock);

	if (!n)
		return NULL;
	n->refs = 1;
	n->table = t;
	n->key = stat->key;
	n->directory = stat->type == VFS_DIR;
	n->file = vfile_get(file);
	n->parent = at->parent ? node_get(at->parent) : NULL;
	n->base = at->base ? node_get(at->base) : NULL;
	if (n->base)
		atomic_fetch_add(&n->base->streams, 1);
	n->name = name_keep(n->short_name, at->name);
	n->state = state_node_get(t->state, &stat->key);
	turn_init(&n->turn);
	lock_init(&n->lock, LOCK_RANK_NODE);
	if (n->name && n->state)
		return n;
	node_put(node_free(n));
	return NULL;
}

static struct node *find_or_new(struct node_table *t, const struct vfs_stat *stat,
				struct vfile *file, const struct place *at)
{
	uint64_t hash = key_hash(t, &stat->key);
	struct node *fresh = find(t, hash, &stat->key);
	struct node *found;

	if (fresh)
		return fresh;
	fresh = node_new(t, stat, file, at);
	if (!fresh)
		return NULL;
	{
		LOCK_SCOPE(&t->lock);
		found = find_locked(t, hash, &stat->key);
		if (!found)
			map_add(&t->nodes, &fresh->by_key, hash);
	}
	if (!found)
		return fresh;
	node_put(node_free(fresh)); /* another was quicker */
	return found;
}

struct node *node_find_or_new(struct node_table *t, const struct vfs_stat *stat,
			      struct vfile *file, struct node *parent, const char *name)
{
	const struct place at = {.parent = parent, .name = name};

	return find_or_new(t, stat, file, &at);
}

struct node *node_find_or_new_stream(struct node_table *t, const struct vfs_stat *stat,
				     struct vfile *file, struct node *base,
				     const char *name)
{
	const struct place at = {.base = base, .name = name};

	return find_or_new(t, stat, file, &at);
}

struct node *node_get(struct node *n)
{
	atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
	return n;
}

/* Was it the last reference? That one goes under the table's lock, so that no look-up revives the node meanwhile. */
static bool node_drop(struct node *n)
{
	unsigned refs = atomic_load_explicit(&n->refs, memory_order_relaxed);

	while (refs > 1)
		if (atomic_compare_exchange_weak_explicit(&n->refs, &refs, refs - 1,
							  memory_order_release,
							  memory_order_relaxed))
			return false;
	LOCK_SCOPE(&n->table->lock);
	if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
		return false;
	map_del(&n->table->nodes, &n->by_key);
	return true;
}

void node_put(struct node *n)
{
	while (n && node_drop(n))
		n = node_free(n);
}

int node_name(struct node *n, struct arena *a, struct node **ret_parent,
	      const char **ret_name)
{
	size_t room = NAME_ROOM; /* nothing is allocated under the lock */

	for (;;) {
		char *copy = arena_alloc(a, room);
		size_t len;

		if (!copy)
			return -ENOMEM;
		LOCK_SCOPE(&n->lock);
		len = strlen(n->name) + 1;
		if (len <= room) {
			memcpy(copy, n->name, len);
			*ret_name = copy;
			*ret_parent = n->parent ? node_get(n->parent) : NULL;
			return 0;
		}
		room = len;
	}
}

int node_moved(struct node *n, struct node *parent, const char *name)
{
	char *fresh = strdup(name);
	char *old_name;
	struct node *old_parent;

	if (!fresh)
		return -ENOMEM;
	if (parent)
		node_get(parent);
	{
		LOCK_SCOPE(&n->lock);
		old_name = n->name;
		old_parent = n->parent;
		n->name = fresh;
		n->parent = parent;
	}
	name_drop(n->short_name, old_name);
	if (old_parent)
		node_put(old_parent);
	return 0;
}

static struct remover remover_get(const struct remover *r)
{
	if (r->who)
		principal_get(r->who);
	if (r->cred)
		cred_get(r->cred);
	return *r;
}

void remover_put(struct remover *r)
{
	principal_put(r->who);
	cred_put(r->cred);
	*r = (struct remover){0};
}

void node_doom(struct node *n, const struct remover *r)
{
	struct remover before;

	{
		LOCK_SCOPE(&n->lock);
		before = n->remover;
		n->remover = remover_get(r);
	}
	remover_put(&before);
}

struct remover node_remover(struct node *n)
{
	LOCK_SCOPE(&n->lock);

	return remover_get(&n->remover);
}

void node_watch(struct node *n)
{
	uint8_t cached = state_cached(n->state);
	unsigned what = 0;

	if (cached & CACHING_WRITE)
		what = WATCH_OPENS; /* our own writes, which are many, are not told then */
	else if (cached)
		what = n->directory ? WATCH_NAMES : WATCH_CHANGES;
	if (what == n->watched || !n->table->watch || n->base)
		return; /* of a stream: local processes do not know that it is there */
	n->watched = what;
	local_watch_set(n->table->watch, n->file, &n->key, what);
}

static uint64_t name_hash(const struct node_table *t, const struct node *parent,
			  const char *name)
{
	uint64_t parts[2] = {key_hash(t, &parent->key),
			     utf8_hash_nocase(t->hash_key, name)};

	return map_hash(t->hash_key, span_of(parts, sizeof(parts)));
}

/* No file in a directory can be called so. */
const char *node_stream_turn_name(const char *stream, struct arena *a)
{
	size_t len = strlen(stream);
	char *name = arena_alloc(a, len + 2);

	if (!name)
		return NULL;
	name[0] = ':';
	memcpy(name + 1, stream, len + 1);
	return name;
}

static struct name_turn *name_turn_new(struct node *parent, const char *name)
{
	struct name_turn *nt = stock_take(&parent->table->turn_stock);

	if (!nt)
		return NULL;
	nt->name = name_keep(nt->short_name, name);
	if (!nt->name) {
		stock_give(&parent->table->turn_stock, nt);
		return NULL;
	}
	nt->refs = 1;
	nt->parent = node_get(parent);
	turn_init(&nt->turn);
	return nt;
}

static void name_turn_free(struct name_turn *nt)
{
	struct node_table *t = nt->parent->table;

	node_put(nt->parent);
	turn_fini(&nt->turn);
	name_drop(nt->short_name, nt->name);
	stock_give(&t->turn_stock, nt);
}

/* Under the table's lock. */
static struct name_turn *name_find_locked(struct node_table *t, uint64_t hash,
					  struct node *parent, const char *name)
{
	for (struct map_node *m = map_first(&t->names, hash); m; m = map_next(m)) {
		struct name_turn *nt = container_of(m, struct name_turn, by_hash);

		if (nt->parent == parent && utf8_eq_nocase(nt->name, name))
			return nt;
	}
	return NULL;
}

struct name_turn *name_turn_take(struct node *parent, const char *name,
				 struct turn_ref *r, struct wait *w)
{
	struct node_table *t = parent->table;
	uint64_t hash = name_hash(t, parent, name);
	struct name_turn *fresh = name_turn_new(parent, name);
	struct name_turn *nt;

	if (!fresh) {
		wait_now(w, -ENOMEM);
		return NULL;
	}
	{
		LOCK_SCOPE(&t->lock);
		nt = name_find_locked(t, hash, parent, name);
		if (nt) {
			nt->refs++;
		} else {
			nt = fresh;
			map_add(&t->names, &nt->by_hash, hash);
		}
	}
	if (nt != fresh)
		name_turn_free(fresh);
	turn_take(&nt->turn, r, w);
	return nt;
}

void name_turn_give(struct name_turn *nt, struct turn_ref *r)
{
	bool last;

	turn_give(r);
	{
		LOCK_SCOPE(&nt->parent->table->lock);
		last = --nt->refs == 0;
		if (last)
			map_del(&nt->parent->table->names, &nt->by_hash);
	}
	if (last)
		name_turn_free(nt);
}
