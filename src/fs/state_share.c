/*
 * state_share.c - opens of a file and its streams: share modes and deletion.
 *
 *     entry   (RESERVE) --> reserved --COMMIT--> open --CLOSE--> gone
 *                              \__WITHDRAW__> gone
 */
#include "fs/state_impl.h"

#include "wire/smb2_proto.h"

/* Access that takes part in sharing; an open without any neither excludes nor is excluded. */
static const struct {
	uint32_t access, share;
} sharing[SHARING_COUNT] = {
	{FILE_READ_DATA | FILE_EXECUTE, FILE_SHARE_READ},
	{FILE_WRITE_DATA | FILE_APPEND_DATA, FILE_SHARE_WRITE},
	[SHARING_DELETE] = {DELETE, FILE_SHARE_DELETE},
};

struct entry *state_entry_find(struct state_node *n, const struct state_op *op)
{
	for (struct map_node *m = map_first(&n->by_open, op->open); m; m = map_next(m)) {
		struct entry *e = container_of(m, struct entry, by_open);

		if (state_is_owner(e->server, e->open, op))
			return e;
	}
	return NULL;
}

static bool takes_part(uint32_t access)
{
	for (size_t i = 0; i < SHARING_COUNT; i++)
		if (access & sharing[i].access)
			return true;
	return false;
}

/* Does e deny others that access, all of them but itself? */
static bool denies(const struct entry *e, size_t i)
{
	return takes_part(e->access) && !(e->share & sharing[i].share);
}

/* e comes (by 1) or goes (by -1). */
static void entry_count(struct state_node *n, const struct entry *e, size_t by)
{
	n->entry_count += by;
	n->base->file_entry_count += by;
	n->active[0] += caching_is_stat_open(e->access, false) ? 0 : by;
	n->active[1] += caching_is_stat_open(e->access, true) ? 0 : by;
	if (denies(e, SHARING_DELETE))
		n->base->file_denying_delete += by;
	for (size_t i = 0; i < SHARING_COUNT; i++) {
		n->having[i] += e->access & sharing[i].access ? by : 0;
		n->denying[i] += denies(e, i) ? by : 0;
	}
}

static void entry_add(struct state_node *n, struct entry *e)
{
	list_init(&e->locks);
	list_add_tail(&n->entries, &e->node);
	map_add(&n->by_open, &e->by_open, e->open);
	entry_count(n, e, 1);
}

static void entry_del(struct state_node *n, struct entry *e)
{
	list_del(&e->node);
	map_del(&n->by_open, &e->by_open);
	entry_count(n, e, (size_t)-1);
}

/* Deleting a file deletes its streams: DELETE on the file meets the opens of all of them. [MS-FSA] 2.1.5.1.2.1 */
static bool violates_across_streams(const struct state_node *n, const struct state_op *op)
{
	const struct state_node *file = n->base;

	if (!(op->share & FILE_SHARE_DELETE) && file->having[SHARING_DELETE])
		return true;
	return n == file && (op->access & DELETE) && file->file_denying_delete;
}

/* [MS-FSA] 2.1.5.1.2.2: one look at the counts does for all other opens. */
static nt_status share_check(const struct state_node *n, const struct state_op *op)
{
	if (!takes_part(op->access))
		return STATUS_SUCCESS;
	if (violates_across_streams(n, op))
		return STATUS_SHARING_VIOLATION;
	for (size_t i = 0; i < SHARING_COUNT; i++)
		if (((op->access & sharing[i].access) && n->denying[i]) ||
		    (!(op->share & sharing[i].share) && n->having[i]))
			return STATUS_SHARING_VIOLATION;
	return STATUS_SUCCESS;
}

static bool is_deleted(const struct state_node *n)
{
	return n->delete_pending || n->base->delete_pending;
}

/* In the order of [MS-FSA] 2.1.5.1.2. */
static nt_status reserve_check(struct state_node *n, const struct state_op *op,
			       struct state_work *k)
{
	nt_status st;

	if (is_deleted(n))
		return STATUS_DELETE_PENDING;
	st = state_lease_check(n, op);
	if (nt_ok(st))
		st = state_cache_before_sharing(n, op, k);
	if (!nt_ok(st))
		return st;
	st = share_check(n, op);
	if (!nt_ok(st))
		return nt_is(state_cache_in_conflict(n, op, k), STATUS_PENDING)
			       ? STATUS_PENDING
			       : st;
	return state_cache_opened(n, op, k);
}

nt_status state_reserve(struct state_node *n, const struct state_op *op,
			struct state_work *k, struct state_result *ret)
{
	struct entry *e = k->entry;
	nt_status st = reserve_check(n, op, k);

	if (!nt_is(st, STATUS_SUCCESS))
		return st;
	*e = (struct entry){
		.server = op->server,
		.open = op->open,
		.access = op->access,
		.share = op->share,
		.delete_on_close = op->delete_on_close,
		.directory = op->directory,
	};
	k->entry = NULL;
	entry_add(n, e);
	state_lease_join(n, e, op, k);
	return STATUS_SUCCESS;
}

bool state_entry_restore(struct state_node *n, struct entry *e)
{
	const struct state_op op = {
		.server = e->server,
		.open = e->open,
		.access = e->access,
		.share = e->share,
	};

	if (state_entry_find(n, &op) || !nt_ok(share_check(n, &op)))
		return false;
	entry_add(n, e);
	return true;
}

/* What becomes of the name is now its remover's matter: a directory may turn out not to be empty. */
static bool take_pending(struct state_node *n)
{
	bool was = n->delete_pending;

	n->delete_pending = false;
	return was;
}

/* [MS-FSA] 2.1.5.5 */
static nt_status leave(struct state_node *n, const struct state_op *op,
		       struct state_work *k, struct state_result *ret, bool opened)
{
	struct entry *e = state_entry_find(n, op);

	if (!e)
		return STATUS_FILE_CLOSED;
	state_cache_leave(n, e, k);
	entry_del(n, e);
	k->entry = e;
	if (opened && e->delete_on_close)
		n->delete_pending = true;
	state_locks_drop(n, e, op, k);
	if (n != n->base && n->entry_count == 0)
		ret->remove_stream = take_pending(n);
	if (n->base->file_entry_count == 0)
		ret->remove_name = take_pending(n->base);
	return STATUS_SUCCESS;
}

nt_status state_withdraw(struct state_node *n, const struct state_op *op,
			 struct state_work *k, struct state_result *ret)
{
	return leave(n, op, k, ret, false);
}

nt_status state_close(struct state_node *n, const struct state_op *op,
		      struct state_work *k, struct state_result *ret)
{
	return leave(n, op, k, ret, true);
}

nt_status state_set_delete(struct state_node *n, const struct state_op *op,
			   struct state_work *k, struct state_result *ret)
{
	if (!state_entry_find(n, op))
		return STATUS_FILE_CLOSED;
	n->delete_pending = op->delete_pending;
	return STATUS_SUCCESS;
}

nt_status state_check(struct state_node *n, const struct state_op *op,
		      struct state_work *k, struct state_result *ret)
{
	return is_deleted(n) ? STATUS_DELETE_PENDING : share_check(n, op);
}

bool state_delete_pending(struct state_node *n)
{
	LOCK_SCOPE(state_node_lock(n));

	return is_deleted(n);
}

size_t state_open_count(struct state_node *n)
{
	LOCK_SCOPE(state_node_lock(n));

	return n->entry_count;
}

bool state_open_look(struct state_node *n, uint32_t server, uint64_t open,
		     struct state_open *ret)
{
	const struct state_op who = {.server = server, .open = open};
	const struct entry *e;
	LOCK_SCOPE(state_node_lock(n));

	e = state_entry_find(n, &who);
	if (e)
		*ret = (struct state_open){
			.access = e->access,
			.share = e->share,
			.lock_count = e->lock_count,
			.delete_pending = n->delete_pending || n->base->delete_pending,
		};
	return e != NULL;
}
