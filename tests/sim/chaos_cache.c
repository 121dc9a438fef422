/*
 * chaos_cache.c - a client that caches: what it asks for, what it is told, and what that must add up to.
 *
 * Every key names one lease from its first CREATE to the moment the client sends what ends the last of its opens; then
 * the file gets another. So whatever is told of a key is told of that lease.
 */
#include "sim/chaos_impl.h"

#include "client/contexts.h"
#include "fs/caching.h"

#include <inttypes.h>
#include <string.h>

enum {
	ASKS = 700, /* of a thousand CREATEs */
	OLD_VERSION = 250,
	STRAYS = 40,
	TWICE = 400,
	NEEDS_ACK = CACHING_WRITE | CACHING_HANDLE,
};

/* A break is taken for acknowledged after 35 s; what is younger than this cannot have been. */
#define SURE_NS      UINT64_C(30000000000)
#define OVER_NS      UINT64_C(36000000000)
#define LONG_WAIT_NS UINT64_C(1000000000)

static uint64_t now_ns(const struct chaos *c)
{
	return env_now_ns(sim_env(c->actor.sim));
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static void key_of(const struct chaos *c, unsigned lease, uint8_t ret[SMB2_LEASE_KEY_LEN])
{
	memset(ret, 0, SMB2_LEASE_KEY_LEN);
	ret[0] = (uint8_t)c->lives;
	ret[1] = (uint8_t)lease;
	memcpy(ret + 2, &c->leases[lease].number, sizeof(c->leases[lease].number));
	ret[15] = 'k';
}

/* The lease that a key names; NULL: one of the past. Fails for one that was never asked for. */
static struct chaos_lease *lease_named(struct chaos *c, const uint8_t *key)
{
	struct chaos_lease *l = &c->leases[key[1] % CHAOS_LEASES];
	uint16_t number;

	memcpy(&number, key + 2, sizeof(number));
	if (key[15] != 'k' || key[0] != c->lives || key[1] >= CHAOS_LEASES ||
	    number > l->number || (number == l->number && !l->ever))
		sim_fail(c->actor.sim, "%s: a break of a lease that was never asked for",
			 c->name);
	return number == l->number ? l : NULL;
}

uint64_t chaos_lease_id(const struct chaos *c, int lease)
{
	return lease < 0 ? 0
			 : ((uint64_t)c->leases[lease].number << 8) + (unsigned)lease + 1;
}

static bool has_open(const struct chaos *c, int lease, enum chaos_open_state state)
{
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++)
		if (c->opens[i].lease == lease && c->opens[i].state == state)
			return true;
	return false;
}

/* What is acknowledged may be gone before that is seen. */
static void acks_doubtful(struct chaos *c, int lease)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].command == SMB2_OPLOCK_BREAK &&
		    c->ops[i].lease == lease)
			c->ops[i].sure = false;
}

void chaos_cache_closing(struct chaos *c, int slot, bool failed)
{
	struct chaos_open *o = &c->opens[slot];
	struct chaos_lease *l = o->lease < 0 ? NULL : &c->leases[o->lease];

	o->held = 0;
	o->unacked = false;
	o->copy.len = 0;
	if (!l || has_open(c, o->lease, SLOT_OPEN))
		return;
	if (!has_open(c, o->lease, SLOT_OPENING)) {
		*l = (struct chaos_lease){.number = (uint16_t)(l->number + 1)};
		return;
	}
	l->stray |= l->has_epoch || !failed; /* joins it, or makes another of that key */
	acks_doubtful(c, o->lease);
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

static uint8_t any_state(struct rng *r)
{
	static const uint8_t some[] = {CACHING_ALL,
				       CACHING_ALL,
				       CACHING_READ | CACHING_HANDLE,
				       CACHING_READ | CACHING_WRITE,
				       CACHING_READ,
				       0,
				       CACHING_WRITE};

	return some[rng_below(r, ARRAY_LEN(some))];
}

/* Keys of a file: two, so that opens share one or have another. The parent's may be the right one. */
static void ask_lease(struct chaos *c, int slot, unsigned path, unsigned parent,
		      struct client_create *in, struct wr *w)
{
	struct rng *r = chaos_rng(c);
	struct chaos_open *o = &c->opens[slot];
	struct client_lease lease = {
		.state = any_state(r),
		.v2 = c->st.client->dialect >= SMB2_DIALECT_300 &&
		      !rng_chance(r, OLD_VERSION),
		.epoch = (uint16_t)rng_below(r, 5),
	};
	struct chaos_lease *l;

	o->lease = (int)(path * 2 + rng_below(r, 2));
	l = &c->leases[o->lease];
	l->ever |= (uint8_t)lease.state | 0x80;
	l->versions |= lease.v2 ? 2 : 1;
	key_of(c, (unsigned)o->lease, lease.key);
	if (lease.v2 && rng_chance(r, 500)) {
		lease.flags = SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET;
		key_of(c, parent * 2 + (unsigned)rng_below(r, 2), lease.parent_key);
	}
	in->oplock = SMB2_OPLOCK_LEVEL_LEASE;
	context_lease(w, &lease);
}

void chaos_cache_ask(struct chaos *c, int slot, unsigned path, unsigned parent,
		     struct client_create *in, struct wr *w)
{
	static const uint8_t levels[] = {
		SMB2_OPLOCK_LEVEL_II, SMB2_OPLOCK_LEVEL_EXCLUSIVE,
		SMB2_OPLOCK_LEVEL_BATCH, SMB2_OPLOCK_LEVEL_BATCH};
	struct rng *r = chaos_rng(c);

	c->opens[slot].lease = -1;
	c->opens[slot].held = 0;
	c->opens[slot].unacked = false;
	c->opens[slot].stray = false;
	c->opens[slot].acks = 0;
	c->opens[slot].copy.len = 0;
	if (!rng_chance(r, ASKS))
		return;
	if (c->st.client->dialect >= SMB2_DIALECT_210 && rng_chance(r, 600))
		ask_lease(c, slot, path, parent, in, w);
	else
		in->oplock = levels[rng_below(r, ARRAY_LEN(levels))];
}

/* ---- granted --------------------------------------------------------------------------------------------- */

static void check(struct chaos *c, bool ok, const char *what, const struct chaos_lease *l,
		  uint32_t state, uint16_t epoch)
{
	if (!ok)
		sim_fail(c->actor.sim,
			 "%s: lease %td: %s: told %u, epoch %u; known %u, epoch %u%s%s",
			 c->name, l - c->leases, what, state, epoch, l->state, l->epoch,
			 l->known ? "" : ", not for sure",
			 l->unacked ? ", being broken" : "");
}

/* By how many changes is the epoch told ahead of the one known? Negative: it was overtaken. */
static int ahead(const struct chaos_lease *l, uint16_t epoch)
{
	return (int16_t)(uint16_t)(epoch - l->epoch);
}

static bool is_sure(const struct chaos *c, const struct chaos_lease *l)
{
	return l->known && !l->acks && !l->stray &&
	       (!l->unacked || now_ns(c) - l->told_ns < SURE_NS);
}

static void check_grant(struct chaos *c, const struct chaos_lease *l,
			const struct client_lease *told, bool directory)
{
	bool breaking = told->flags & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS;
	uint8_t state = (uint8_t)told->state;
	int by = ahead(l, told->epoch);

	check(c, !(state & ~l->ever), "more than was ever asked for", l, state,
	      told->epoch);
	check(c, !state || (state & CACHING_READ), "no READ", l, state, told->epoch);
	check(c, !directory || !(state & CACHING_WRITE), "WRITE for a directory", l,
	      state, told->epoch);
	check(c, l->versions & (told->v2 ? 2 : 1), "another version", l, state,
	      told->epoch);
	if (!told->v2 || !is_sure(c, l))
		return;
	/* it may be from before what was acknowledged meanwhile, or from after a further step of the same break */
	if (by == 0 && !(l->acked && (breaking || !(state & ~l->state))))
		check(c, state == l->state && breaking == l->unacked,
		      "another state of the same epoch", l, state, told->epoch);
	if (by == 1 && !l->unacked && state == l->state)
		check(c, breaking, "another epoch of the same state", l, state,
		      told->epoch);
}

static void write_caching(struct chaos *c, int lease, enum model_write w)
{
	for (int i = 0; i < CHAOS_OPENS_MAX; i++)
		if (c->opens[i].state == SLOT_OPEN && c->opens[i].lease == lease)
			model_write_caching(c->model, chaos_who(c, i), w,
					    c->leases[lease].told_ns);
}

/* A fault may keep the server from telling, and others do not wait for ever. */
static void lease_claims(struct chaos *c, int lease)
{
	const struct chaos_lease *l = &c->leases[lease];
	bool writes = l->known && !l->stray && !l->acks && (l->state & CACHING_WRITE) &&
		      !c->settings.faults;

	write_caching(c, lease,
		      !writes      ? MODEL_WRITES_THROUGH
		      : l->unacked ? MODEL_BROKEN
				   : MODEL_CACHES);
}

static void drop_copies(struct chaos *c, int lease)
{
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++)
		if (c->opens[i].lease == lease)
			c->opens[i].copy.len = 0;
}

static void got_lease(struct chaos *c, struct chaos_open *o,
		      const struct answer_create *created)
{
	struct chaos_lease *l = &c->leases[o->lease];
	uint8_t key[SMB2_LEASE_KEY_LEN];
	struct client_lease told;

	if (!answer_lease(created, &told))
		sim_fail(c->actor.sim, "%s: a CREATE answer without its lease", c->name);
	key_of(c, (unsigned)o->lease, key);
	if (memcmp(key, told.key, sizeof(key)) != 0)
		sim_fail(c->actor.sim, "%s: another's lease", c->name);
	sim_trace(c->actor.sim, "%s holds %u of lease %d.%u, epoch %u%s", c->name,
		  told.state, o->lease, l->number, told.epoch,
		  told.flags & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS ? ", being broken" : "");
	check_grant(c, l, &told, o->directory);
	/* of version 1 it cannot be told whether a break overtook it */
	if (told.v2 ? !l->has_epoch || ahead(l, told.epoch) > 0 : !l->unacked) {
		l->known = told.v2 ? !l->acks : !l->breaks && !l->acks;
		if (ahead(l, told.epoch) != 1) /* a break that is yet to come, perhaps */
			drop_copies(c, o->lease);
		l->has_epoch = true;
		l->coming = !l->unacked &&
			    (told.flags & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS);
		if (told.v2)
			l->unacked &= (told.flags & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS) !=
				      0;
		l->state = (uint8_t)told.state;
		l->epoch = told.epoch;
	}
	lease_claims(c, o->lease);
}

static bool has_leases(const struct chaos *c)
{
	return c->st.client->capabilities & SMB2_GLOBAL_CAP_LEASING;
}

void chaos_cache_created(struct chaos *c, const struct chaos_op *op, struct chaos_open *o,
			 const struct answer_create *created)
{
	uint8_t held = caching_of_level(created->oplock);

	if (o->lease >= 0 && created->oplock == SMB2_OPLOCK_LEVEL_LEASE) {
		got_lease(c, o, created);
		return;
	}
	/* a lease of version 1 is none of a directory's */
	if (o->lease >= 0 && has_leases(c) && !o->directory)
		sim_fail(c->actor.sim, "%s: asked for a lease, and got none", c->name);
	if (created->oplock == SMB2_OPLOCK_LEVEL_LEASE ||
	    (held & ~caching_of_level(op->oplock)) || (held && o->directory))
		sim_fail(c->actor.sim, "%s: asked for oplock %u, and got %u", c->name,
			 op->oplock, created->oplock);
	o->held = held;
	if ((held & CACHING_WRITE) && !c->settings.faults)
		model_write_caching(c->model, chaos_who(c, op->slot), MODEL_CACHES, 0);
}

/* ---- broken ---------------------------------------------------------------------------------------------- */

static bool is_again(const struct chaos *c, bool unacked, uint64_t told_ns)
{
	return unacked && now_ns(c) - told_ns < SURE_NS;
}

static void check_lease_break(struct chaos *c, const struct chaos_lease *l,
			      const struct client_break *b)
{
	int by = ahead(l, b->epoch);

	check(c, !(b->from & ~(uint32_t)l->ever),
	      "a break from more than was ever asked for", l, b->from, b->epoch);
	check(c, b->from != b->to && !(b->to & ~b->from), "a break to more", l, b->to,
	      b->epoch);
	check(c, b->must_acknowledge == ((b->from & NEEDS_ACK) != 0),
	      "a break with the wrong flags", l, b->from, b->epoch);
	check(c, l->stray || !l->known || !is_again(c, l->unacked, l->told_ns),
	      "broken again without an acknowledgement", l, b->from, b->epoch);
	if (l->versions == 1)
		check(c, b->epoch == 0, "an epoch of version 1", l, b->from, b->epoch);
	if (l->versions != 2 || !is_sure(c, l) || l->unacked)
		return;
	check(c, by > 0 || (by == 0 && (l->acked || l->coming || b->to == l->state)),
	      "a break without a new epoch", l, b->from, b->epoch);
	if (by == 1 && !l->acked)
		check(c, b->from == l->state, "a break from another state", l, b->from,
		      b->epoch);
}

static void lease_broke(struct chaos *c, const struct client_break *b)
{
	struct chaos_lease *l = lease_named(c, b->key);

	if (!l)
		return;
	/* an answer that tells of what came later overtook it. [MS-SMB2] 3.2.5.19.2 */
	if (l->versions == 2 && l->has_epoch && ahead(l, b->epoch) < 0 &&
	    !b->must_acknowledge)
		return;
	check_lease_break(c, l, b);
	l->known = l->has_epoch = true;
	l->epoch = b->epoch;
	l->state = (uint8_t)(b->must_acknowledge ? b->from : b->to);
	l->unacked = b->must_acknowledge;
	l->told = (uint8_t)b->to;
	l->told_ns = now_ns(c);
	l->acked = l->coming = false;
	l->breaks++;
	lease_claims(c, (int)(l - c->leases));
}

static struct chaos_open *open_named(struct chaos *c, struct client_file id)
{
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++) {
		struct chaos_open *o = &c->opens[i];

		if (o->state != SLOT_FREE && o->known &&
		    o->id.persistent_id == id.persistent_id &&
		    o->id.volatile_id == id.volatile_id)
			return o;
	}
	return NULL;
}

static void oplock_broke(struct chaos *c, const struct client_break *b)
{
	struct chaos_open *o = open_named(c, b->id);
	uint8_t to = caching_of_level(b->level);

	if (!o || o->state != SLOT_OPEN)
		return; /* what ends it was sent already */
	if (o->stray)
		return;
	if (o->lease >= 0 || !o->held || to == o->held || (to & ~o->held))
		sim_fail(c->actor.sim, "%s: open %td, which holds %u, is broken to %u",
			 c->name, o - c->opens, o->held, to);
	if (is_again(c, o->unacked, o->told_ns))
		sim_fail(c->actor.sim,
			 "%s: open %td is broken again without an acknowledgement",
			 c->name, o - c->opens);
	o->unacked = o->held & NEEDS_ACK;
	o->told = to;
	o->told_ns = now_ns(c);
	if (!o->unacked)
		o->held = to;
	else if (!c->settings.faults)
		model_write_caching(c->model, chaos_who(c, (int)(o - c->opens)),
				    MODEL_BROKEN, o->told_ns);
}

void chaos_broke(struct chaos *c, const struct client_break *b)
{
	if (b->lease)
		sim_trace(c->actor.sim,
			  "%s <- break of lease %u.%u, %u to %u, epoch %u%s", c->name,
			  b->key[1], b->key[2], b->from, b->to, b->epoch,
			  b->must_acknowledge ? ", to be acknowledged" : "");
	else
		sim_trace(c->actor.sim, "%s <- break of an oplock, to level %u", c->name,
			  b->level);
	if (c->damaged || c->ending)
		return;
	if (b->lease)
		lease_broke(c, b);
	else
		oplock_broke(c, b);
}

/* ---- acknowledged ---------------------------------------------------------------------------------------- */

/* What is sent for what was told: mostly that. */
static uint8_t any_ack(struct chaos *c, uint8_t told)
{
	struct rng *r = chaos_rng(c);

	if (rng_chance(r, 700))
		return told;
	return rng_chance(r, 500) ? (uint8_t)rng_below(r, CACHING_ALL + 1)
				  : told & (uint8_t)rng_below(r, CACHING_ALL + 1);
}

static bool is_kept(uint8_t kept, uint8_t told)
{
	return !(kept & ~told);
}

static enum tally_event ack_event(bool unacked, uint8_t kept, uint8_t told)
{
	if (!unacked)
		return EVENT_ACK_AGAIN;
	return is_kept(kept, told) ? EVENT_ACK : EVENT_ACK_WRONG;
}

static void ack_lease(struct chaos *c, int lease)
{
	struct chaos_lease *l = &c->leases[lease];
	uint8_t key[SMB2_LEASE_KEY_LEN], state = any_ack(c, l->told);
	struct chaos_op *op;

	key_of(c, (unsigned)lease, key);
	tally_count(c->settings.tally, ack_event(l->unacked, state, l->told),
		    l->acks ? HIT_ACK_SENT : HIT_LEASE_BREAK);
	/* too late it may be taken for that of a break yet to be heard of */
	l->stray |= !l->unacked || now_ns(c) - l->told_ns >= SURE_NS;
	if (l->unacked)
		chaos_count_late(c, l->told_ns, HIT_LEASE_BREAK);
	op = chaos_op_add(c, client_lease_ack(c->st.client, c->tree_ids[0], key, state),
			  SMB2_OPLOCK_BREAK, -1);
	op->lease = lease;
	op->tree_id = c->tree_ids[0];
	op->number = l->number;
	op->kept = state;
	op->sure = l->known && l->unacked && !l->acks && !l->stray &&
		   is_kept(state, l->told) && now_ns(c) - l->told_ns < SURE_NS;
	l->acks++;
	l->acked = true;
	if (is_kept(state, l->told))
		l->unacked = false;
	write_caching(c, lease, MODEL_WRITES_THROUGH);
}

static void ack_oplock(struct chaos *c, int slot)
{
	struct chaos_open *o = &c->opens[slot];
	uint8_t kept = any_ack(c, o->told), level = caching_level(kept);
	struct chaos_op *op;

	tally_count(c->settings.tally, ack_event(o->unacked, kept, o->told),
		    o->acks ? HIT_ACK_SENT : HIT_OPLOCK_BREAK);
	o->stray |= !o->unacked;
	if (o->unacked)
		chaos_count_late(c, o->told_ns, HIT_OPLOCK_BREAK);
	op = chaos_op_add(c,
			  client_oplock_ack(c->st.client, c->tree_ids[0], o->id, level),
			  SMB2_OPLOCK_BREAK, slot);
	op->lease = -1;
	op->kept = caching_of_level(level);
	op->sure = o->unacked && !o->stray && is_kept(op->kept, o->told) &&
		   now_ns(c) - o->told_ns < SURE_NS;
	o->acks++;
	if (o->unacked)
		o->held = is_kept(op->kept, o->told) ? op->kept : 0;
	o->stray |= o->unacked && !op->sure; /* it may have been too late */
	o->unacked = false;
	model_write_caching(c->model, chaos_who(c, slot), MODEL_WRITES_THROUGH, 0);
}

/* An acknowledgement of nothing is rare: after that nothing is sure any more. */
static bool wants_ack(bool unacked, bool live, bool stray)
{
	return stray ? live : unacked;
}

void chaos_do_ack(struct chaos *c)
{
	struct rng *r = chaos_rng(c);
	unsigned at = (unsigned)rng_below(r, CHAOS_LEASES);
	bool stray = rng_chance(r, STRAYS);

	if (!c->has_tree[0] || !client_may_send(c->st.client, 0))
		return;
	for (unsigned i = 0; i < CHAOS_OPENS_MAX; i++)
		if (c->opens[i].state == SLOT_OPEN && c->opens[i].tree == 0 &&
		    c->opens[i].lease < 0 &&
		    wants_ack(c->opens[i].unacked, c->opens[i].held, stray)) {
			ack_oplock(c, (int)i);
			return;
		}
	for (unsigned i = 0; i < CHAOS_LEASES; i++) {
		unsigned lease = (at + i) % CHAOS_LEASES;

		if (has_leases(c) &&
		    wants_ack(c->leases[lease].unacked, c->leases[lease].ever, stray)) {
			ack_lease(c, (int)lease);
			if (c->leases[lease].unacked && rng_chance(r, TWICE) &&
			    client_may_send(c->st.client, 0))
				ack_lease(c, (int)lease); /* it was the wrong one */
			return;
		}
	}
}

static void got_lease_ack(struct chaos *c, const struct chaos_op *op, nt_status st)
{
	struct chaos_lease *l = &c->leases[op->lease];

	if (l->number != op->number)
		return;
	l->acks--;
	if (op->sure && !nt_ok(st))
		sim_fail(c->actor.sim,
			 "%s: lease %d: the right acknowledgement ended with %s", c->name,
			 op->lease, nt_status_name(st));
	if (l->unacked) /* broken anew meanwhile */
		return;
	if (op->sure && !l->acks && l->acked)
		l->state = op->kept & CACHING_READ ? op->kept : 0;
	else
		l->known = false;
	lease_claims(c, op->lease);
}

void chaos_cache_acked(struct chaos *c, const struct chaos_op *op, nt_status st)
{
	struct chaos_open *o;

	if (op->lease >= 0) {
		got_lease_ack(c, op, st);
		return;
	}
	o = &c->opens[op->slot];
	if (o->generation != op->generation || o->state != SLOT_OPEN)
		return;
	o->acks--;
	if (op->sure && !nt_ok(st))
		sim_fail(c->actor.sim,
			 "%s: open %d: the right acknowledgement ended with %s", c->name,
			 op->slot, nt_status_name(st));
}

/* ---- what was read is what there is ---------------------------------------------------------------------- */

/* Not while a break is not acknowledged: what else is to be given up meanwhile is told after that. [MS-FSA] 2.1.4.12 */
static bool caches_read(const struct chaos *c, const struct chaos_open *o)
{
	const struct chaos_lease *l = o->lease < 0 ? NULL : &c->leases[o->lease];

	if (o->state != SLOT_OPEN || o->directory)
		return false;
	if (l)
		return l->known && !l->acks && !l->stray && !l->unacked &&
		       (l->state & CACHING_READ);
	return !o->acks && !o->stray && !o->unacked && (o->held & CACHING_READ);
}

void chaos_cache_changes(struct chaos *c, struct chaos_op *op, uint64_t file)
{
	op->changes = true;
	op->file = file;
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++)
		if (!file || c->opens[i].file == file) {
			c->opens[i].changes++;
			c->opens[i].copy.len = 0;
		}
}

static bool changes_now(const struct chaos *c, uint64_t file)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].changes &&
		    (!c->ops[i].file || c->ops[i].file == file))
			return true;
	return false;
}

void chaos_cache_read(struct chaos *c, const struct chaos_op *op, struct span data)
{
	struct chaos_open *o = &c->opens[op->slot];

	if (!op->caching || op->changes_before != o->changes ||
	    o->generation != op->generation || !caches_read(c, o))
		return;
	o->copy.offset = op->offset;
	o->copy.len = data.len < CHAOS_COPY_MAX ? data.len : CHAOS_COPY_MAX;
	memcpy(o->copy.bytes, data.p, o->copy.len);
}

bool chaos_cache_may_read(const struct chaos *c, int slot)
{
	return caches_read(c, &c->opens[slot]) && !changes_now(c, c->opens[slot].file);
}

static void copy_check(struct chaos *c, int slot)
{
	const struct chaos_open *o = &c->opens[slot];
	struct span now;

	if (!o->copy.len || !caches_read(c, o) ||
	    !memfs_peek(sim_volume(c->actor.sim), o->contents, &now))
		return;
	if (now.len < o->copy.offset + o->copy.len ||
	    memcmp(now.p + o->copy.offset, o->copy.bytes, o->copy.len) != 0)
		sim_fail(c->actor.sim,
			 "%s: open %d caches what was changed: %zu bytes at %" PRIu64
			 " of file %" PRIu64,
			 c->name, slot, o->copy.len, o->copy.offset, o->file);
}

static void add_waits(const struct chaos *c, struct model_debts *d)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++) {
		const struct chaos_op *op = &c->ops[i];

		if (!op->used || !op->interim ||
		    (op->command != SMB2_CREATE && op->command != SMB2_SET_INFO))
			continue;
		d->waits++;
		d->waits_long += now_ns(c) - op->interim_ns > LONG_WAIT_NS;
	}
}

static void add_debt(const struct chaos *c, struct model_debts *d, bool stray,
		     bool unacked, uint64_t told_ns)
{
	d->owes += stray || unacked;
	d->owes_yet += stray || (unacked && now_ns(c) - told_ns < OVER_NS);
}

static struct model_debts debts_of(const struct chaos *c)
{
	struct model_debts d = {0};

	add_waits(c, &d);
	for (size_t i = 0; i < CHAOS_OPENS_MAX; i++)
		if (c->opens[i].state == SLOT_OPEN)
			add_debt(c, &d, c->opens[i].stray, c->opens[i].unacked,
				 c->opens[i].told_ns);
	for (size_t i = 0; i < CHAOS_LEASES; i++)
		add_debt(c, &d, c->leases[i].stray, c->leases[i].unacked,
			 c->leases[i].told_ns);
	return d;
}

void chaos_settled(struct sim_actor *a)
{
	struct chaos *c = container_of(a, struct chaos, actor);
	const struct model_debts debts = debts_of(c);

	if (c->settings.faults)
		return;
	if (!c->settings.strangers)
		model_settled(c->model, &debts);
	if (c->phase != CHAOS_WORKING || c->damaged || c->ending)
		return;
	for (int i = 0; i < CHAOS_OPENS_MAX; i++)
		copy_check(c, i);
}
