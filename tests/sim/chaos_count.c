/* chaos_count.c - what an event hits that ends other things. */
#include "sim/chaos_impl.h"

static void count(struct chaos *c, enum tally_event e, enum tally_hit h)
{
	tally_count(c->settings.tally, e, h);
}

void chaos_count_op(struct chaos *c, enum tally_event e, const struct chaos_op *op)
{
	switch (op->command) {
	case SMB2_LOCK:
		count(c, e, op->interim ? HIT_LOCK_WAITS : HIT_LOCK_SENT);
		break;
	case SMB2_CREATE:
		count(c, e, op->interim ? HIT_CREATE_WAITS : HIT_CREATE_SENT);
		break;
	case SMB2_WRITE:
	case SMB2_SET_INFO:
		count(c, e, op->interim ? HIT_CHANGE_WAITS : HIT_CHANGE_SENT);
		break;
	case SMB2_CHANGE_NOTIFY:
		if (op->interim)
			count(c, e, HIT_NOTIFY_WAITS);
		break;
	case SMB2_OPLOCK_BREAK:
		count(c, e, HIT_ACK_SENT);
		break;
	}
}

static void count_break(struct chaos *c, enum tally_event e, int slot)
{
	const struct chaos_open *o = &c->opens[slot];

	if (o->state == SLOT_OPEN && o->lease < 0 && o->unacked)
		count(c, e, HIT_OPLOCK_BREAK);
	if (o->state == SLOT_OPEN && o->lease >= 0 && c->leases[o->lease].unacked)
		count(c, e, HIT_LEASE_BREAK);
}

void chaos_count_late(struct chaos *c, uint64_t told_ns, enum tally_hit h)
{
	if (env_now_ns(sim_env(c->actor.sim)) - told_ns > LONG_NS)
		count(c, EVENT_TIME, h);
}

void chaos_count_open(struct chaos *c, enum tally_event e, int slot)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used &&
		    (c->ops[i].slot == slot ||
		     (c->ops[i].command == SMB2_OPLOCK_BREAK && c->ops[i].lease >= 0 &&
		      c->ops[i].lease == c->opens[slot].lease)))
			chaos_count_op(c, e, &c->ops[i]);
	count_break(c, e, slot);
}

void chaos_count_all(struct chaos *c, enum tally_event e, int tree)
{
	for (int i = 0; i < CHAOS_OPENS_MAX; i++)
		if (tree < 0 || c->opens[i].tree == (unsigned)tree)
			count_break(c, e, i);
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++) {
		const struct chaos_op *op = &c->ops[i];

		if (op->used && (tree < 0 || op->slot < 0 ||
				 c->opens[op->slot].tree == (unsigned)tree))
			chaos_count_op(c, e, op);
	}
}
