/* actor.c - what a client does: requests, drawn from the seed. */
#include "soak/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PLACES = 256,    /* locks are taken and bytes moved among so many */
	LENGTH_MAX = 48, /* of each */
	REFUSED = 50,    /* of a thousand: without the access it takes */
	SHARES_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
};

static struct rng *rng_of(const struct actor *a)
{
	return &world_of(a)->rng;
}

/* ---- what is under way ------------------------------------------------------------------------------------ */

void op_free(struct op *op)
{
	op->actor->op_count--;
	model_put(&world_of(op->actor)->model, op->open);
	free(op);
}

void actor_begin(struct actor *a)
{
	client_of(a)->session = a->session;
	client_begin(client_of(a));
}

/* A connection that is lost shows when it is read. */
static void send_frame(struct actor *a)
{
	(void)!sock_put(a->conn->sock);
}

struct op *actor_put(struct actor *a, enum op_kind kind, uint64_t message_id,
		     struct model_open *o)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		abort();
	op->kind = kind;
	op->actor = a;
	op->message_id = message_id;
	op->sent = ++world_of(a)->model.tick;
	op->open = o ? model_get(o) : NULL;
	list_add_tail(&a->conn->ops, &op->node);
	a->op_count++;
	world_of(a)->requests++;
	send_frame(a);
	return op;
}

/* ---- opens ------------------------------------------------------------------------------------------------ */

static void name_of(char name[NAME_MAX_LEN], uint64_t file)
{
	snprintf(name, NAME_MAX_LEN, "f%02u", (unsigned)file % FILES);
}

static uint32_t any_access(struct rng *r)
{
	static const uint32_t accesses[] = {
		FILE_READ_DATA,
		FILE_READ_DATA | FILE_WRITE_DATA,
		FILE_READ_DATA | FILE_WRITE_DATA | DELETE,
		FILE_READ_DATA | DELETE,
		FILE_WRITE_DATA,
		FILE_APPEND_DATA,
		DELETE,
		FILE_READ_ATTRIBUTES,
	};

	return accesses[rng_below(r, ARRAY_LEN(accesses))] | FILE_READ_ATTRIBUTES;
}

static uint8_t any_oplock(struct rng *r)
{
	static const uint8_t levels[] = {
		SMB2_OPLOCK_LEVEL_NONE,      SMB2_OPLOCK_LEVEL_II,
		SMB2_OPLOCK_LEVEL_EXCLUSIVE, SMB2_OPLOCK_LEVEL_BATCH,
		SMB2_OPLOCK_LEVEL_BATCH,     SMB2_OPLOCK_LEVEL_LEASE,
		SMB2_OPLOCK_LEVEL_LEASE,     SMB2_OPLOCK_LEVEL_LEASE,
	};

	return levels[rng_below(r, ARRAY_LEN(levels))];
}

/* Two keys a file for each connection: both its clients use them, so leases are shared and extended. */
static struct client_lease any_lease(struct actor *a, uint64_t file)
{
	static const uint32_t states[] = {
		SMB2_LEASE_READ_CACHING,
		SMB2_LEASE_READ_CACHING | SMB2_LEASE_HANDLE_CACHING,
		SMB2_LEASE_READ_CACHING | SMB2_LEASE_WRITE_CACHING,
		SMB2_LEASE_ALL,
		SMB2_LEASE_ALL,
	};
	struct rng *r = rng_of(a);
	struct client_lease l = {
		.key = {'k', 'e', 'y', (uint8_t)file, (uint8_t)rng_below(r, 2)},
		.state = states[rng_below(r, ARRAY_LEN(states))],
		.v2 = client_of(a)->dialect >= SMB2_DIALECT_300,
	};

	return l;
}

static void send_create(struct actor *a)
{
	struct rng *r = rng_of(a);
	uint64_t file = rng_below(r, FILES), mid;
	struct client_lease lease = any_lease(a, file);
	uint8_t room[256];
	struct wr contexts = wr_of(mspan_of(room, sizeof(room)));
	char name[NAME_MAX_LEN];
	struct client_create c = {
		.path = name,
		.access = any_access(r),
		.share = rng_chance(r, 600) ? SHARES_ALL : (uint32_t)rng_below(r, 8),
		.disposition = (uint32_t)rng_below(r, 6),
		.options = FILE_NON_DIRECTORY_FILE,
		.oplock = any_oplock(r),
	};
	struct op *op;

	name_of(name, file);
	if (rng_chance(r, 500))
		c.disposition = FILE_OPEN_IF;
	if (rng_chance(r, 40)) {
		c.options |= FILE_DELETE_ON_CLOSE;
		c.access |= DELETE;
	}
	context_disk_id(&contexts);
	if (c.oplock == SMB2_OPLOCK_LEVEL_LEASE)
		context_lease(&contexts, &lease);
	c.contexts = wr_done(&contexts);
	actor_begin(a);
	mid = client_create(client_of(a), a->tree, &c);
	op = actor_put(a, OP_CREATE, mid, NULL);
	op->wanted = (struct model_open){
		.conn = a->conn->serial,
		.actor = a->index,
		.access = c.access,
		.share = c.share,
		.oplock = c.oplock,
	};
	op->wants_lease = c.oplock == SMB2_OPLOCK_LEVEL_LEASE;
	op->lease_wanted = lease;
}

/* o is one of a's; from now on it may be gone. */
static void send_close(struct actor *a, struct model_open *o)
{
	uint64_t mid;

	for (size_t i = 0; i < a->open_count; i++)
		if (a->opens[i] == o) {
			a->opens[i] = a->opens[--a->open_count];
			break;
		}
	model_ends(&world_of(a)->model, o);
	actor_begin(a);
	mid = client_close(client_of(a), a->tree, o->id, 0);
	actor_put(a, OP_CLOSE, mid, o);
	model_put(&world_of(a)->model, o);
}

void actor_end_opens(struct actor *a)
{
	while (a->open_count) {
		struct model_open *o = a->opens[--a->open_count];

		model_ends(&world_of(a)->model, o);
		model_put(&world_of(a)->model, o);
	}
}

void actor_close_all(struct actor *a)
{
	while (a->open_count && client_may_send(client_of(a), 0))
		send_close(a, a->opens[0]);
}

/* ---- with an open ----------------------------------------------------------------------------------------- */

static void send_transfer(struct actor *a, struct model_open *o, bool writes)
{
	static const uint8_t data[LENGTH_MAX] = "contention";
	struct client_lock range = {.offset = rng_below(rng_of(a), PLACES),
				    .length = 1 + rng_below(rng_of(a), LENGTH_MAX)};
	uint64_t mid;
	struct op *op;

	actor_begin(a);
	if (writes)
		mid = client_write(client_of(a), a->tree, o->id, range.offset,
				   span_of(data, range.length));
	else
		mid = client_read(client_of(a), a->tree, o->id, range.offset,
				  (uint32_t)range.length);
	op = actor_put(a, writes ? OP_WRITE : OP_READ, mid, o);
	op->locks[0] = range;
	op->lock_count = 1;
}

static void send_read(struct actor *a, struct model_open *o)
{
	send_transfer(a, o, false);
}

static void send_write(struct actor *a, struct model_open *o)
{
	send_transfer(a, o, true);
}

/* One range that is waited for, or several at once. */
static void send_lock(struct actor *a, struct model_open *o)
{
	struct rng *r = rng_of(a);
	bool waits = rng_chance(r, 400);
	size_t count = waits ? 1 : 1 + rng_below(r, RANGES_MAX);
	struct client_lock locks[RANGES_MAX];
	struct op *op;
	uint64_t mid;

	if (o->lock_count + count > MODEL_LOCKS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		locks[i] = (struct client_lock){
			.offset = rng_below(r, PLACES),
			.length = 1 + rng_below(r, LENGTH_MAX),
			.flags = (rng_chance(r, 500) ? SMB2_LOCKFLAG_EXCLUSIVE_LOCK
						     : SMB2_LOCKFLAG_SHARED_LOCK) |
				 (waits ? 0 : SMB2_LOCKFLAG_FAIL_IMMEDIATELY),
		};
	actor_begin(a);
	mid = client_lock(client_of(a), a->tree, o->id, locks, count);
	op = actor_put(a, OP_LOCK, mid, o);
	memcpy(op->locks, locks, count * sizeof(locks[0]));
	op->lock_count = count;
}

static void send_unlock(struct actor *a, struct model_open *o)
{
	const struct model_lock *l;
	struct client_lock lock;
	uint64_t mid;

	if (o->lock_count == 0)
		return;
	l = &o->locks[rng_below(rng_of(a), o->lock_count)];
	lock = (struct client_lock){l->offset, l->length, SMB2_LOCKFLAG_UNLOCK};
	(void)model_unlocks(o, &lock);
	actor_begin(a);
	mid = client_lock(client_of(a), a->tree, o->id, &lock, 1);
	actor_put(a, OP_UNLOCK, mid, o);
}

static void send_rename(struct actor *a, struct model_open *o)
{
	char name[NAME_MAX_LEN];
	uint64_t mid;

	name_of(name, rng_u64(rng_of(a)));
	actor_begin(a);
	mid = client_rename(client_of(a), a->tree, o->id, name,
			    rng_chance(rng_of(a), 500));
	actor_put(a, OP_RENAME, mid, o);
}

static void send_delete(struct actor *a, struct model_open *o)
{
	uint64_t mid;

	actor_begin(a);
	mid = client_set_delete(client_of(a), a->tree, o->id, rng_chance(rng_of(a), 700));
	actor_put(a, OP_DELETE, mid, o);
}

static void send_query(struct actor *a, struct model_open *o)
{
	struct client_info what = {SMB2_0_INFO_FILE, FileStandardInformation, 0};
	uint64_t mid;

	actor_begin(a);
	mid = client_query_info(client_of(a), a->tree, o->id, what, 1024);
	actor_put(a, OP_QUERY, mid, o);
}

static void send_flush(struct actor *a, struct model_open *o)
{
	uint64_t mid;

	actor_begin(a);
	mid = client_flush(client_of(a), a->tree, o->id);
	actor_put(a, OP_FLUSH, mid, o);
}

void actor_ack(struct actor *a, struct model_open *o, struct model_lease *l,
	       uint32_t level)
{
	struct op *op;
	uint64_t mid;

	if (!client_may_send(client_of(a), 0))
		return;
	actor_begin(a);
	mid = l ? client_lease_ack(client_of(a), a->tree, l->key, level)
		: client_oplock_ack(client_of(a), a->tree, o->id, (uint8_t)level);
	op = actor_put(a, OP_ACK, mid, o);
	model_ack_sent(o, l);
	op->lease = l;
}

/* ---- without one ------------------------------------------------------------------------------------------ */

static void send_cancel(struct actor *a)
{
	list_for_each (n, &a->conn->ops) {
		struct op *op = container_of(n, struct op, node);
		const struct client_pending *p = client_pending(client_of(a),
								op->message_id);

		if (op->actor != a || op->cancelled || !p || !p->async_id)
			continue;
		op->cancelled = true;
		actor_begin(a);
		client_cancel(client_of(a), op->message_id);
		send_frame(a);
		return;
	}
}

static void send_leave(struct actor *a, enum leaving how)
{
	uint64_t mid;

	actor_end_opens(a);
	actor_begin(a);
	mid = how == LEAVES_SESSION ? client_logoff(client_of(a))
				    : client_tree_disconnect(client_of(a), a->tree);
	actor_put(a, OP_LEAVE, mid, NULL);
	a->leaving = how;
	world_of(a)->logoffs++;
}

static void hang_up(struct actor *a)
{
	struct conn *c = a->conn;
	uint64_t lost[ACTORS_EACH];

	world_of(a)->hangups++;
	for (size_t i = 0; i < ACTORS_EACH; i++)
		lost[i] = c->actors[i].session->id;
	conn_close(c, rng_chance(rng_of(a), 700));
	for (size_t i = 0; i < ACTORS_EACH; i++)
		if (rng_chance(rng_of(a), 500))
			c->actors[i].previous_id = lost[i];
	conn_open(c);
}

/* ---- one turn --------------------------------------------------------------------------------------------- */

/* What each does, how often in a thousand, and which access it takes, any of them. */
static const struct {
	void (*send)(struct actor *a, struct model_open *o);
	unsigned often;
	uint32_t access;
} acts[] = {
	{send_read, 250, FILE_READ_DATA},
	{send_write, 200, FILE_WRITE_DATA | FILE_APPEND_DATA},
	{send_lock, 180, FILE_READ_DATA | FILE_WRITE_DATA},
	{send_unlock, 80, FILE_READ_DATA | FILE_WRITE_DATA},
	{send_rename, 40, DELETE},
	{send_delete, 30, DELETE},
	{send_flush, 20, FILE_WRITE_DATA | FILE_APPEND_DATA},
	{send_query, 30, FILE_READ_ATTRIBUTES},
	{send_close, 170, FILE_READ_ATTRIBUTES},
};

static void act_with(struct actor *a, struct model_open *o)
{
	uint64_t die = rng_below(rng_of(a), 1000);
	size_t i = 0;

	while (die >= acts[i].often)
		die -= acts[i++].often;
	if ((acts[i].access & o->access) || rng_chance(rng_of(a), REFUSED))
		acts[i].send(a, o);
}

void actor_turn(struct actor *a)
{
	struct rng *r = rng_of(a);
	uint64_t die = rng_below(r, 10000);

	if (!a->conn->sock || a->leaving || !client_may_send(client_of(a), 0))
		return;
	if (die < 2)
		hang_up(a);
	else if (die < 8)
		send_leave(a, die % 2 ? LEAVES_SESSION : LEAVES_TREE);
	else if (die < 300)
		send_cancel(a);
	else if (a->op_count >= OPS_MAX)
		return;
	else if (a->open_count + a->op_count < OPENS_MAX && die < 4000)
		send_create(a);
	else if (a->open_count)
		act_with(a, a->opens[rng_below(r, a->open_count)]);
}
