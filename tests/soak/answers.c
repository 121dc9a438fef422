/* answers.c - what the server answers and tells, held against what can be. */
#include "soak/world.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LATE_MAX_MS = 2000,
	STALL_S =
		10, /* two rounds of it are well below what a server waits for an acknowledgement */
};

/* What no well-formed request to a server in order is answered. */
static const nt_status impossible[] = {
	STATUS_UNSUCCESSFUL,
	STATUS_NOT_IMPLEMENTED,
	STATUS_NO_MEMORY,
	STATUS_INTERNAL_ERROR,
	STATUS_IO_DEVICE_ERROR,
	STATUS_INSUFFICIENT_RESOURCES,
	STATUS_INVALID_INFO_CLASS,
	STATUS_INFO_LENGTH_MISMATCH,
	STATUS_OBJECT_NAME_INVALID,
	STATUS_NOT_SUPPORTED,
	STATUS_TOO_MANY_OPENED_FILES,
	STATUS_LOGON_FAILURE,
	STATUS_DISK_FULL,
	STATUS_OBJECT_PATH_NOT_FOUND,
};

static bool is_impossible(nt_status st)
{
	for (size_t i = 0; i < ARRAY_LEN(impossible); i++)
		if (nt_is(st, impossible[i]))
			return true;
	return false;
}

/* What says that an open, its tree or its session is not there. */
static bool says_gone(nt_status st)
{
	return nt_is(st, STATUS_FILE_CLOSED) || nt_is(st, STATUS_USER_SESSION_DELETED) ||
	       nt_is(st, STATUS_NETWORK_NAME_DELETED);
}

static void count_status(struct world *w, nt_status st)
{
	for (size_t i = 0; i < STATUS_MAX; i++) {
		if (w->seen[i].count && !nt_is(w->seen[i].status, st))
			continue;
		w->seen[i].status = st;
		w->seen[i].count++;
		return;
	}
}

static struct op *op_of(struct conn *c, uint64_t message_id)
{
	list_for_each (n, &c->ops) {
		struct op *op = container_of(n, struct op, node);

		if (op->message_id == message_id)
			return op;
	}
	return NULL;
}

/* ---- acknowledgements ------------------------------------------------------------------------------------- */

static void ack_later(struct actor *a, struct model_open *o, struct model_lease *l,
		      uint32_t level, uint64_t ms)
{
	struct world *w = world_of(a);
	struct due *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	*d = (struct due){
		.at_ns = env_now_ns(&w->clock.env) + ms * 1000000,
		.actor = a,
		.open = o ? model_get(o) : NULL,
		.lease = l,
		.level = level,
	};
	list_add_tail(&a->conn->dues, &d->node);
}

/* At once, late, wrongly first, wrongly only, never. It is sent outside this callback in any case. */
static void ack_somehow(struct actor *a, struct model_open *o, struct model_lease *l,
			uint32_t right, uint32_t wrong)
{
	struct rng *r = &world_of(a)->rng;
	uint64_t die = world_of(a)->draining ? 0 : rng_below(r, 100);

	if (die < 60)
		ack_later(a, o, l, right, 0);
	else if (die < 80)
		ack_later(a, o, l, right, rng_below(r, LATE_MAX_MS));
	else if (die < 96)
		ack_later(a, o, l, wrong, 0);
	if (die >= 80 && die < 92)
		ack_later(a, o, l, right, rng_below(r, LATE_MAX_MS));
}

/* ---- CREATE ----------------------------------------------------------------------------------------------- */

static bool was_broken_early(struct conn *c, struct client_file id)
{
	for (size_t i = 0; i < c->early_count && i < EARLY_MAX; i++)
		if (c->early[i].persistent_id == id.persistent_id &&
		    c->early[i].volatile_id == id.volatile_id)
			return true;
	return false;
}

/* Of a lease that was asked for; a server without leases says nothing of it. */
static bool lease_said(struct world *w, const struct op *op,
		       const struct answer_create *a, struct client_lease *ret)
{
	if (!answer_lease(a, ret))
		return false;
	if (!op->wants_lease || ret->v2 != op->lease_wanted.v2 ||
	    memcmp(ret->key, op->lease_wanted.key, sizeof(ret->key)) != 0)
		model_fault(&w->model, "client %u got a lease it did not ask for",
			    op->actor->index);
	return a->oplock == SMB2_OPLOCK_LEVEL_LEASE;
}

/* No more than was asked for; of a lease that is not said, as it may be an older one's. */
static bool oplock_was_asked_for(uint8_t asked, uint8_t got)
{
	if (asked == SMB2_OPLOCK_LEVEL_LEASE || got == SMB2_OPLOCK_LEVEL_LEASE)
		return got == asked || got == SMB2_OPLOCK_LEVEL_NONE;
	return got <= asked;
}

static void created(struct op *op, const struct client_answer *answer)
{
	struct actor *a = op->actor;
	struct world *w = world_of(a);
	struct answer_create created;
	struct client_lease lease;
	struct model_open *o;
	bool leased;

	if (a->leaving || !nt_ok(answer->status))
		return;
	if (!answer_create(answer, &created) ||
	    !answer_disk_id(&created, &op->wanted.file, &op->wanted.volume)) {
		model_fault(&w->model, "client %u was not told which file it opened",
			    a->index);
		return;
	}
	if (model_find(&w->model, a->conn->serial, created.id))
		model_fault(&w->model, "client %u was given an id twice", a->index);
	if (!oplock_was_asked_for(op->wanted.oplock, created.oplock))
		model_fault(&w->model, "client %u asked for oplock %#x and got %#x",
			    a->index, op->wanted.oplock, created.oplock);
	leased = lease_said(w, op, &created, &lease);
	op->wanted.id = created.id;
	op->wanted.granted = op->wanted.oplock = created.oplock;
	if (was_broken_early(a->conn, created.id))
		op->wanted.oplock = SMB2_OPLOCK_LEVEL_NONE;
	o = model_opened(&w->model, &op->wanted, leased ? &lease : NULL, op->sent);
	a->opens[a->open_count++] = o;
	if (o->oplock != o->granted)
		ack_later(a, o, NULL, SMB2_OPLOCK_LEVEL_NONE, 0);
}

/* ---- the others ------------------------------------------------------------------------------------------- */

static void transferred(struct op *op, const struct client_answer *a)
{
	uint32_t count = 0;
	struct span data;

	if (!nt_ok(a->status))
		return;
	if (op->kind == OP_READ && answer_read(a, &data))
		count = (uint32_t)data.len;
	else if (op->kind == OP_WRITE)
		(void)!answer_write(a, &count);
	if (count > op->locks[0].length)
		model_fault(&world_of(op->actor)->model,
			    "client %u asked for %llu bytes and got %u", op->actor->index,
			    (unsigned long long)op->locks[0].length, count);
	model_transferred(&world_of(op->actor)->model, op->open, op->kind == OP_WRITE,
			  op->locks[0].offset, count, op->sent);
}

static void answered(struct op *op, const struct client_answer *a)
{
	struct model *m = &world_of(op->actor)->model;

	switch (op->kind) {
	case OP_CREATE:
		created(op, a);
		break;
	case OP_READ:
	case OP_WRITE:
		transferred(op, a);
		break;
	case OP_LOCK:
		if (nt_ok(a->status))
			model_locked(m, op->open, op->locks, op->lock_count);
		break;
	case OP_ACK:
		model_ack_answered(m, op->lease, nt_ok(a->status), op->sent);
		break;
	default:
		break;
	}
}

/* Nothing that was there from the request to its answer is denied. */
static const char *status_fault(const struct op *op, nt_status st)
{
	bool stays = !op->actor->leaving;

	if (op->kind == OP_ACK)
		return NULL; /* what wrong ones are answered is the server's own */
	if (is_impossible(st))
		return "this cannot be answered";
	if (!says_gone(st) && nt_ok(st))
		return NULL;
	if (op->open && op->open->live && says_gone(st))
		return "the open is there";
	if (!op->open && stays && says_gone(st))
		return "the session is there";
	if (op->kind == OP_CLOSE && stays)
		return "a CLOSE that fails";
	if (op->kind == OP_UNLOCK && op->open->live)
		return "the lock was there";
	return NULL;
}

/* A logon that takes its time keeps us from reading the other connections. */
void world_stalled(struct world *w)
{
	if (env_now_ns(&w->clock.env) - w->round_ns > STALL_S * UINT64_C(1000000000))
		model_unsure(&w->model);
}

void conn_got(void *arg, const struct client_answer *a)
{
	struct conn *c = arg;
	struct op *op = op_of(c, a->message_id);
	const char *why;

	if (!op || a->interim)
		return;
	world_stalled(c->world);
	c->world->model.tick++;
	count_status(c->world, a->status);
	why = status_fault(op, a->status);
	if (why)
		model_fault(&c->world->model, "client %u, command %u: %s, but %s",
			    op->actor->index, a->command, nt_status_name(a->status), why);
	answered(op, a);
	list_del(&op->node);
	op_free(op);
}

/* ---- breaks ----------------------------------------------------------------------------------------------- */

/* Somebody on the connection who can send it. */
static struct actor *actor_for(struct conn *c, const struct model_lease *l)
{
	for (size_t i = 0; i < ACTORS_EACH; i++)
		for (size_t j = 0; j < c->actors[i].open_count; j++)
			if (c->actors[i].opens[j]->lease == l)
				return &c->actors[i];
	return &c->actors[rng_below(&c->world->rng, ACTORS_EACH)];
}

static void lease_broke(struct conn *c, const struct client_break *b)
{
	struct model_lease *l = model_lease_broken(&c->world->model, c->serial, b);

	if (b->must_acknowledge)
		ack_somehow(actor_for(c, l), NULL, l, b->to, SMB2_LEASE_ALL);
}

static void oplock_broke(struct conn *c, const struct client_break *b)
{
	struct model_open *o = model_find(&c->world->model, c->serial, b->id);
	uint8_t had = o ? o->oplock : SMB2_OPLOCK_LEVEL_NONE;

	if (!o) {
		c->early[c->early_count++ % EARLY_MAX] = b->id;
		return;
	}
	if (o->granted == SMB2_OPLOCK_LEVEL_NONE || o->granted == SMB2_OPLOCK_LEVEL_LEASE)
		model_fault(&c->world->model, "client %u has no oplock to break",
			    o->actor);
	model_oplock_broken(&c->world->model, o);
	if (o->live && had != SMB2_OPLOCK_LEVEL_II)
		ack_somehow(&c->actors[o->actor % ACTORS_EACH], o, NULL, b->level,
			    SMB2_OPLOCK_LEVEL_EXCLUSIVE);
}

void conn_broke(void *arg, const struct client_break *b)
{
	struct conn *c = arg;

	if (b->lease)
		lease_broke(c, b);
	else
		oplock_broke(c, b);
}
