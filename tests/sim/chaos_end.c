/* chaos_end.c - a client ends what it began, or waits. */
#include "sim/chaos_impl.h"

enum {
	NAPS = 700, /* of a thousand thoughts of one */
};

#define NAP_NS_MAX UINT64_C(80000000000)

static void cancel(struct chaos *c, struct chaos_op *op)
{
	op->cancelled = true;
	if (op->command == SMB2_CREATE)
		c->opens[op->slot].cancelled = true;
	chaos_count_op(c, EVENT_CANCEL, op);
	client_cancel(c->st.client, op->mid);
}

void chaos_do_cancel(struct chaos *c)
{
	for (int tries = 0; tries < CHAOS_OPS_MAX; tries++) {
		struct chaos_op *op = &c->ops[rng_below(chaos_rng(c), CHAOS_OPS_MAX)];

		if (!op->used)
			continue;
		cancel(c, op);
		return;
	}
}

/* The tree that is missing. */
void chaos_do_tree_connect(struct chaos *c)
{
	unsigned tree = c->has_tree[0] ? 1 : 0;
	struct chaos_op *op;

	if (c->has_tree[tree] || !client_may_send(c->st.client, 0))
		return;
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].command == SMB2_TREE_CONNECT)
			return;
	op = chaos_op_add(c,
			  client_tree_connect(c->st.client, tree == 0 ? "files" : "IPC$"),
			  SMB2_TREE_CONNECT, -1);
	op->tree = tree;
}

/* A SESSION_SETUP on a session that is valid: the same user, the same keys. [MS-SMB2] 3.3.5.5.3 */
void chaos_do_reauthenticate(struct chaos *c)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].command == SMB2_SESSION_SETUP)
			return;
	if (client_may_send(c->st.client, 0))
		(void)chaos_op_add(c, client_session_setup(c->st.client),
				   SMB2_SESSION_SETUP, -1);
}

static void disconnect_tree(struct chaos *c, unsigned tree)
{
	if (!c->has_tree[tree] || !client_may_send(c->st.client, 0))
		return;
	(void)chaos_op_add(c, client_tree_disconnect(c->st.client, c->tree_ids[tree]),
			   SMB2_TREE_DISCONNECT, -1);
	chaos_count_all(c, EVENT_TREE_DISCONNECT, (int)tree);
	c->has_tree[tree] = false;
	chaos_doom(c, (int)tree);
}

void chaos_do_tree_disconnect(struct chaos *c)
{
	disconnect_tree(c, rng_chance(chaos_rng(c), 300) ? 0 : 1);
}

void chaos_do_reload(struct chaos *c)
{
	sim_trace(c->actor.sim, "reload");
	sim_reload(c->actor.sim);
}

/* While others go on, time may pass: until a break is taken for acknowledged. */
static void sleep_for(struct chaos *c, uint64_t ns)
{
	c->actor.wake_ns = env_now_ns(sim_env(c->actor.sim)) + ns;
}

void chaos_do_nap(struct chaos *c)
{
	struct rng *r = chaos_rng(c);

	if (rng_chance(r, NAPS))
		sleep_for(c, rng_below(r, NAP_NS_MAX));
}

/* A request that waits for somebody's acknowledgement. */
struct chaos_op *chaos_waiting(struct chaos *c)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++) {
		struct chaos_op *op = &c->ops[i];

		if (op->used && op->interim &&
		    (op->command == SMB2_CREATE || op->command == SMB2_SET_INFO))
			return op;
	}
	return NULL;
}

/* What is rare is ended often, in all ways there are. */
void chaos_end_waiting(struct chaos *c, struct chaos_op *op)
{
	switch (rng_below(chaos_rng(c), 5)) {
	case 0:
		cancel(c, op);
		break;
	case 1:
		if (op->command == SMB2_SET_INFO && client_may_send(c->st.client, 0))
			chaos_close(c, op->slot);
		break;
	case 2:
		disconnect_tree(c, 0);
		break;
	case 3:
		sleep_for(c, NAP_NS_MAX);
		break;
	default:
		c->actions = 1; /* logs off, or hangs up */
	}
}
