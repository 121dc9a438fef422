#include "fs/state_dump.h"

#include "fs/state_impl.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MAGIC = 0x544d5354,
	VERSION = 1,
	HEAD_LEN = 4 + 4 + 4,
	NODE_LEN = 4 * 8 + 1 + 4 * 4,
	HOLDER_LEN = 5 + 2 + 2 * 16 + 4 + 8 + 8,
	ENTRY_LEN = 4 + 8 + 4 + 4 + 1 + 1 + 4,
	LOCK_LEN = 4 + 8 + 8 + 8 + 8 + 1,
};

static size_t list_count(const struct list_node *head)
{
	size_t count = 0;

	list_for_each (it, head)
		count++;
	return count;
}

/* Others are there because somebody looks at them. */
static bool is_known(const struct state_node *n)
{
	return n->kept || n->delete_pending;
}

static size_t node_size(const struct state_node *n)
{
	return NODE_LEN + list_count(&n->holders) * HOLDER_LEN +
	       list_count(&n->entries) * ENTRY_LEN +
	       (list_count(&n->locks) + list_count(&n->waiting)) * LOCK_LEN;
}

size_t state_size(struct state *s)
{
	struct map_walk pos;
	size_t size = HEAD_LEN;

	for (struct map_node *m = map_walk_first(&s->nodes, &pos); m;
	     m = map_walk_next(&s->nodes, &pos)) {
		const struct state_node *n = container_of(m, struct state_node, by_key);

		size += is_known(n) ? node_size(n) : 0;
	}
	return size;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static int key_cmp(const struct node_key *a, const struct node_key *b)
{
	const uint64_t x[] = {a->volume, a->inode, a->generation, a->stream};
	const uint64_t y[] = {b->volume, b->inode, b->generation, b->stream};

	for (size_t i = 0; i < ARRAY_LEN(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int node_cmp(const void *a, const void *b)
{
	return key_cmp(&(*(struct state_node *const *)a)->key,
		       &(*(struct state_node *const *)b)->key);
}

/* Sorted, from malloc; *ret_count of them. NULL without memory. */
static struct state_node **nodes_sorted(struct state *s, size_t *ret_count)
{
	struct state_node **all =
		malloc((s->nodes.count + 1) * sizeof(struct state_node *));
	struct map_walk pos;
	size_t count = 0;

	if (!all)
		return NULL;
	for (struct map_node *m = map_walk_first(&s->nodes, &pos); m;
	     m = map_walk_next(&s->nodes, &pos)) {
		struct state_node *n = container_of(m, struct state_node, by_key);

		if (is_known(n))
			all[count++] = n;
	}
	qsort(all, count, sizeof(struct state_node *), node_cmp);
	*ret_count = count;
	return all;
}

static void wr_holder(struct wr *w, const struct holder *h)
{
	const struct caching *c = &h->caching;

	wr_u8(w, h->lease_version);
	wr_u8(w, c->held);
	wr_u8(w, c->breaking ? c->told : 0);
	wr_u8(w, c->breaking ? c->target : 0);
	wr_u8(w, c->breaking);
	wr_u16(w, h->epoch);
	wr_bytes(w, span_of(h->lease.client, sizeof(h->lease.client)));
	wr_bytes(w, span_of(h->lease.key, sizeof(h->lease.key)));
	wr_u32(w, h->server);
	wr_u64(w, h->open);
	wr_u64(w, c->breaking ? h->broken_ms : 0);
}

/* Counted from 1. */
static uint32_t holder_index(const struct state_node *n, const struct holder *wanted)
{
	uint32_t index = 0;

	if (!wanted)
		return 0;
	list_for_each (it, &n->holders) {
		index++;
		if (container_of(it, struct holder, node) == wanted)
			break;
	}
	return index;
}

static void wr_entry(struct wr *w, const struct state_node *n, const struct entry *e)
{
	wr_u32(w, e->server);
	wr_u64(w, e->open);
	wr_u32(w, e->access);
	wr_u32(w, e->share);
	wr_u8(w, e->delete_on_close);
	wr_u8(w, e->directory);
	wr_u32(w, holder_index(n, e->holder));
}

static void wr_lock(struct wr *w, const struct held_lock *l)
{
	wr_u32(w, l->server);
	wr_u64(w, l->open);
	wr_u64(w, l->wait_id);
	wr_u64(w, l->range.offset);
	wr_u64(w, l->range.length);
	wr_u8(w, l->range.exclusive);
}

static void wr_node(struct wr *w, const struct state_node *n)
{
	wr_u64(w, n->key.volume);
	wr_u64(w, n->key.inode);
	wr_u64(w, n->key.generation);
	wr_u64(w, n->key.stream);
	wr_u8(w, n->delete_pending);
	wr_u32(w, (uint32_t)list_count(&n->holders));
	list_for_each (it, &n->holders)
		wr_holder(w, container_of(it, struct holder, node));
	wr_u32(w, (uint32_t)n->entry_count);
	list_for_each (it, &n->entries)
		wr_entry(w, n, container_of(it, struct entry, node));
	wr_u32(w, (uint32_t)list_count(&n->locks));
	list_for_each (it, &n->locks)
		wr_lock(w, container_of(it, struct held_lock, node));
	wr_u32(w, (uint32_t)list_count(&n->waiting));
	list_for_each (it, &n->waiting)
		wr_lock(w, container_of(it, struct waiting_lock, node)->lock);
}

int state_write(struct state *s, struct wr *w)
{
	size_t count;
	struct state_node **all = nodes_sorted(s, &count);

	if (!all)
		return -ENOMEM;
	wr_u32(w, MAGIC);
	wr_u32(w, VERSION);
	wr_u32(w, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		wr_node(w, all[i]);
	free(all);
	return wr_ok(w) ? 0 : -ENOBUFS;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* A truth: 0 or 1. */
static bool rd_bool(struct rd *r)
{
	uint8_t b = rd_u8(r);

	if (b > 1)
		rd_fail(r);
	return b;
}

/* What can be held: WRITE and HANDLE only with READ; an oplock has fewer combinations. */
static bool can_be_held(bool lease, uint8_t c)
{
	return !(c & ~CACHING_ALL) && (!c || (c & CACHING_READ)) &&
	       (lease || caching_of_level(caching_level(c)) == c);
}

static bool holder_valid(const struct holder *h)
{
	static const struct lease_id none;
	const struct caching *c = &h->caching;
	bool lease = h->lease_version != 0;

	if (h->lease_version > 2 || !can_be_held(lease, c->held) ||
	    !can_be_held(lease, c->told) || !can_be_held(lease, c->target))
		return false;
	if (lease ? h->open != 0 : !lease_id_eq(&h->lease, &none))
		return false;
	if (!c->breaking)
		return !c->told && !c->target && !h->broken_ms;
	/* losing READ alone is not waited for */
	return (c->held & (CACHING_WRITE | CACHING_HANDLE)) && c->told != c->held &&
	       !(c->told & ~c->held) && !(c->target & ~c->told);
}

static int read_holder(struct state_node *n, struct rd *r)
{
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->of = n;
	h->lease_version = rd_u8(r);
	h->caching.lease = h->lease_version != 0;
	h->caching.held = rd_u8(r);
	h->caching.told = rd_u8(r);
	h->caching.target = rd_u8(r);
	h->caching.breaking = rd_bool(r);
	h->epoch = rd_u16(r);
	rd_copy(r, h->lease.client, sizeof(h->lease.client));
	rd_copy(r, h->lease.key, sizeof(h->lease.key));
	h->server = rd_u32(r);
	h->open = rd_u64(r);
	h->broken_ms = rd_u64(r);
	if (rd_ok(r) && holder_valid(h) && state_holder_restore(n, h))
		return 0;
	free(h);
	return -EBADMSG;
}

static struct holder *holder_at(const struct state_node *n, uint32_t index)
{
	list_for_each (it, &n->holders)
		if (--index == 0)
			return container_of(it, struct holder, node);
	return NULL;
}

/* An oplock is of one open. */
static bool fits(const struct holder *h, const struct entry *e)
{
	return h->caching.lease ||
	       (h->opens == 0 && h->server == e->server && h->open == e->open);
}

static int read_entry(struct state_node *n, struct rd *r)
{
	struct entry *e = calloc(1, sizeof(*e));
	uint32_t holder;

	if (!e)
		return -ENOMEM;
	e->server = rd_u32(r);
	e->open = rd_u64(r);
	e->access = rd_u32(r);
	e->share = rd_u32(r);
	e->delete_on_close = rd_bool(r);
	e->directory = rd_bool(r);
	holder = rd_u32(r);
	e->holder = holder ? holder_at(n, holder) : NULL;
	if (!rd_ok(r) || !e->holder != !holder || (e->holder && !fits(e->holder, e)) ||
	    !state_entry_restore(n, e)) {
		free(e);
		return -EBADMSG;
	}
	if (e->holder) {
		e->holder->opens++;
		e->holder->active += !caching_is_stat_open(e->access,
							   e->holder->caching.lease);
	}
	return 0;
}

static int read_lock(struct state_node *n, struct rd *r, bool waiting)
{
	struct held_lock *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->server = rd_u32(r);
	l->open = rd_u64(r);
	l->wait_id = rd_u64(r);
	l->range.offset = rd_u64(r);
	l->range.length = rd_u64(r);
	l->range.exclusive = rd_bool(r);
	err = rd_ok(r) ? state_lock_restore(n, l, waiting) : -EBADMSG;
	if (err)
		free(l);
	return err;
}

static int read_held(struct state_node *n, struct rd *r)
{
	return read_lock(n, r, false);
}

static int read_waiting(struct state_node *n, struct rd *r)
{
	return read_lock(n, r, true);
}

static const struct {
	int (*read)(struct state_node *n, struct rd *r);
	size_t len;
} parts[] = {
	{read_holder, HOLDER_LEN},
	{read_entry, ENTRY_LEN},
	{read_held, LOCK_LEN},
	{read_waiting, LOCK_LEN},
};

static int read_parts(struct state_node *n, struct rd *r)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t count = rd_u32(r);
		int err = 0;

		for (count = rd_fit(r, count, parts[i].len); !err && count; count--)
			err = parts[i].read(n, r);
		if (err)
			return err;
	}
	if (!rd_ok(r) || (!n->entry_count && !n->delete_pending))
		return -EBADMSG;
	list_for_each (it, &n->holders)
		if (!container_of(it, struct holder, node)->opens)
			return -EBADMSG;
	return 0;
}

/* *ret_node is counted: what is pending may be known of it before an open of one of its streams keeps it. */
static int read_node(struct state *s, struct rd *r, const struct node_key *last,
		     struct state_node **ret_node)
{
	struct node_key key;
	struct state_node *n;
	bool pending;
	int err;

	key.volume = rd_u64(r);
	key.inode = rd_u64(r);
	key.generation = rd_u64(r);
	key.stream = rd_u64(r);
	pending = rd_bool(r);
	if (!rd_ok(r) || (last && key_cmp(last, &key) >= 0))
		return -EBADMSG;
	n = state_node_get(s, &key);
	if (!n)
		return -ENOMEM;
	n->delete_pending = pending;
	err = read_parts(n, r);
	n->kept = n->entry_count > 0;
	n->refs += n->kept;
	*ret_node = n;
	return err;
}

/* Deletion of a file is pending while somebody has the file or a stream of it open: another that is read later. */
static bool pending_is_held(struct state *s)
{
	struct map_walk pos;

	for (struct map_node *m = map_walk_first(&s->nodes, &pos); m;
	     m = map_walk_next(&s->nodes, &pos)) {
		const struct state_node *n = container_of(m, struct state_node, by_key);

		if (n->delete_pending &&
		    !(n == n->base ? n->file_entry_count : n->entry_count))
			return false;
	}
	return true;
}

static int read_nodes(struct state *s, struct rd *r, size_t count,
		      struct state_node **all)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = read_node(s, r, i ? &all[i - 1]->key : NULL, &all[i]);
	if (!err && (!rd_ok(r) || rd_left(r) || !pending_is_held(s)))
		err = -EBADMSG;
	for (size_t i = 0; !err && i < count; i++)
		state_node_put(all[i]); /* else state_free() finds what it has got */
	return err;
}

int state_read(struct state *s, struct rd *r)
{
	struct state_node **all;
	uint32_t magic = rd_u32(r), version = rd_u32(r);
	size_t count = rd_u32(r);
	int err;

	if (magic != MAGIC || version != VERSION || s->nodes.count)
		return -EBADMSG;
	count = rd_fit(r, count, NODE_LEN);
	all = calloc(count + 1, sizeof(struct state_node *));
	if (!all)
		return -ENOMEM;
	err = read_nodes(s, r, count, all);
	free(all);
	return err;
}
