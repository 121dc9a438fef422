/*
 * Two of them want the same file for themselves, and each repeats its CREATE over the other connection where it is not answered,
 * mostly as one connection is lost: then the same CreateGuid must lead to the same open.
 *
 *     of each connection:   OUT --connect--> NEGOTIATED --SESSION_SETUP...--> SETUP --> WORKING
 *                            \__________________hang up, or the server closes__________/
 *
 * The session lives as long as one connection is WORKING, until a LOGOFF is sent.
 */
#include "sim/pair.h"

#include "client/contexts.h"
#include "wire/fscc_proto.h"

#include <stdlib.h>
#include <string.h>

enum pair_phase { PAIR_OUT, PAIR_CONNECTING, PAIR_NEGOTIATED, PAIR_SETUP, PAIR_WORKING };
enum {
	HANGS_UP = 20,
	LOGS_OFF = 30,
	PENDING_MAX = 8,
	PAIR_NUMBER = 20
}; /* of a thousand */

struct pair_end {
	struct station st;
	struct pair *pair;
	enum pair_phase phase;
	/* CREATEs under way: by MessageId, which CreateGuid each named */
	struct {
		uint64_t mid, serial;
	} asked[PENDING_MAX];
};

struct pair {
	struct sim_actor actor;
	struct sim *sim;
	struct pair_end ends[2];
	unsigned user, lives;
	bool faults;
	bool alive;                      /* in a life: until both ends are out */
	bool ending;                     /* the session may be gone */
	uint32_t tree;                   /* 0: none yet */
	bool open;                       /* `file` is */
	struct client_file file, closed; /* closed: the last */
	uint64_t serial; /* of the CREATE that is asked for, in its CreateGuid */
	bool asking;     /* it was sent, and is not answered with an open yet */
	bool used;       /* something was done with `file` */
	bool broke;      /* an acknowledgement of `broken` is owed */
	struct client_file broken;
};

static struct rng *rng_of(struct pair *p)
{
	return sim_rng(p->sim);
}

/* ---- a life ----------------------------------------------------------------------------------------------- */

/* The second client borrows keys of the first: it goes first. */
static void life_end(struct pair *p)
{
	for (int i = 1; i >= 0; i--)
		client_free(TAKE(p->ends[i].st.client));
	p->alive = p->open = p->ending = p->asking = p->broke = false;
	p->tree = 0;
}

static bool is_working(const struct pair *p, int end)
{
	return p->ends[end].phase == PAIR_WORKING;
}

static void end_out(struct pair_end *e)
{
	struct pair *p = e->pair;

	e->phase = PAIR_OUT;
	if (!is_working(p, 0) && !is_working(p, 1))
		p->ending = true;
	if (p->ends[0].phase == PAIR_OUT && p->ends[1].phase == PAIR_OUT)
		life_end(p);
}

static void end_hang_up(struct pair_end *e)
{
	sim_trace(e->pair->sim, "%s: hangs up", e->st.name);
	sim_hang_up(TAKE(e->st.link), rng_chance(rng_of(e->pair), 500));
	end_out(e);
}

static const struct station_kind *kind_3x(struct rng *r)
{
	for (;;) {
		const struct station_kind *k =
			&station_kinds[rng_below(r, station_kind_count)];

		if (k->dialect >= SMB2_DIALECT_300)
			return k;
	}
}

static void life_begin(struct pair *p)
{
	const struct station_kind *k = kind_3x(rng_of(p));
	unsigned lane = (unsigned)rng_below(rng_of(p), SIM_LANES);

	p->lives--;
	p->alive = true;
	for (unsigned i = 0; i < 2; i++) {
		struct station *st = &p->ends[i].st;

		p->ends[i].phase = PAIR_CONNECTING;
		station_open(st, k, p->user, (lane + i) % SIM_LANES, 0);
		client_begin(st->client);
		(void)client_negotiate(st->client);
		station_put(st);
	}
}

/* ---- what it does ----------------------------------------------------------------------------------------- */

static void setup(struct pair_end *e)
{
	client_begin(e->st.client);
	(void)client_session_setup(e->st.client);
	station_put(&e->st);
}

static void log_off(struct pair_end *e)
{
	client_begin(e->st.client);
	(void)client_logoff(e->st.client);
	e->pair->ending = true;
	station_put(&e->st);
}

static struct guid create_guid(const struct pair *p)
{
	struct guid g;
	struct wr w = wr_of(mspan_of(g.bytes, sizeof(g.bytes)));

	wr_u64(&w, p->user + 1);
	wr_u64(&w, p->serial);
	return g;
}

/* For itself alone; the same once more if it has been asked for already. */
static void create(struct pair *p, struct pair_end *e)
{
	uint8_t room[64];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct client_create in = {
		.path = "pair",
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		.disposition = FILE_OPEN_IF,
		.oplock = SMB2_OPLOCK_LEVEL_BATCH,
	};
	struct client *c = e->st.client;
	struct guid g;
	uint64_t mid;

	if (!p->asking)
		p->serial++;
	g = create_guid(p);
	context_durable(&w, &g);
	in.contexts = wr_done(&w);
	c->replay = p->asking;
	p->asking = true;
	sim_trace(p->sim, "user %u: CREATE %llu%s", p->user,
		  (unsigned long long)p->serial, c->replay ? ", replayed" : "");
	mid = client_create(c, p->tree, &in);
	e->asked[mid % PENDING_MAX].mid = mid;
	e->asked[mid % PENDING_MAX].serial = p->serial;
	c->replay = false;
}

/* Over either connection: what one opened the other closes. */
static void work(struct pair_end *e)
{
	struct pair *p = e->pair;
	struct client *c = e->st.client;

	if (c->pending_count >= PENDING_MAX || !client_may_send(c, 0))
		return;
	client_begin(c);
	switch (rng_below(rng_of(p), 4)) {
	case 0:
		(void)client_tree_connect(c, "files");
		break;
	case 1:
		if (p->tree && !p->open) {
			create(p, e);
			break;
		}
		/* fall through */
	case 2:
		if (p->open && p->broke) {
			p->broke = false;
			p->used = true;
			(void)client_oplock_ack(c, p->tree, p->broken,
						SMB2_OPLOCK_LEVEL_NONE);
			break;
		}
		if (p->open) {
			p->open = false;
			p->closed = p->file;
			(void)client_close(c, p->tree, p->file, 0);
			break;
		}
		/* fall through */
	default:
		(void)client_echo(c);
	}
	station_put(&e->st);
}

static void bind_session(struct pair *p)
{
	struct pair_end *two = &p->ends[1];

	client_session_bind(two->st.client, p->ends[0].st.client->session);
	two->phase = PAIR_SETUP;
	setup(two);
}

static void act(struct pair *p, struct pair_end *e)
{
	struct rng *r = rng_of(p);

	if (e->phase == PAIR_OUT)
		return;
	if (p->ending || rng_chance(r, HANGS_UP))
		end_hang_up(e);
	else if (e->phase == PAIR_WORKING && rng_chance(r, LOGS_OFF))
		log_off(e);
	else if (e->phase == PAIR_WORKING)
		work(e);
	else if (e == &p->ends[1] && e->phase == PAIR_NEGOTIATED && is_working(p, 0))
		bind_session(p);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static bool may_be(const struct pair *p, const struct client_answer *a)
{
	if (nt_ok(a->status) || p->faults)
		return true;
	if (a->command == SMB2_OPLOCK_BREAK) /* of what may have been closed by now */
		return true;
	if (a->command == SMB2_CREATE)
		return nt_is(a->status, STATUS_FILE_NOT_AVAILABLE) ||
		       nt_is(a->status, STATUS_DUPLICATE_OBJECTID) ||
		       (nt_is(a->status, STATUS_USER_SESSION_DELETED) && p->ending);
	return nt_is(a->status, STATUS_USER_SESSION_DELETED) && p->ending;
}

static void setup_got(struct pair_end *e, const struct client_answer *a)
{
	if (nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED))
		setup(e);
	else if (nt_ok(a->status))
		e->phase = PAIR_WORKING;
	else
		end_hang_up(e);
}

static bool same_file(const struct client_file *a, const struct client_file *b)
{
	return a->persistent_id == b->persistent_id && a->volatile_id == b->volatile_id;
}

/*
 * The serial's. As long as nothing is done with an open its CreateGuid leads to it. What is answered late, of an open that is
 * closed by now or was made after that, is the session's to close.
 */
static void created(struct pair *p, const struct answer_create *made)
{
	if (p->open && !p->used && !same_file(&p->file, &made->id))
		sim_fail(p->sim, "user %u: two opens of one CreateGuid", p->user);
	if (!p->asking || same_file(&p->closed, &made->id))
		return;
	p->asking = false;
	p->file = made->id;
	p->open = true;
	p->used = false;
}

/* Ids wrap around in the table: what is not found there is old. */
static bool is_about_serial(const struct pair_end *e, uint64_t mid)
{
	size_t i = mid % PENDING_MAX;

	return e->asked[i].mid == mid && e->asked[i].serial == e->pair->serial;
}

static void work_got(struct pair_end *e, const struct client_answer *a)
{
	struct pair *p = e->pair;
	struct answer_create made;

	if (!nt_ok(a->status))
		return;
	if (a->command == SMB2_TREE_CONNECT && !p->tree)
		p->tree = a->tree_id;
	if (a->command == SMB2_CREATE && is_about_serial(e, a->message_id) &&
	    answer_create(a, &made))
		created(p, &made);
}

static void pair_broke(struct station *st, const struct client_break *b)
{
	struct pair *p = container_of(st, struct pair_end, st)->pair;

	p->broke = true;
	p->broken = b->id;
}

static void pair_got(struct station *st, const struct client_answer *a)
{
	struct pair_end *e = container_of(st, struct pair_end, st);
	struct pair *p = e->pair;

	if (a->interim || !st->link)
		return;
	if (!nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED) && !may_be(p, a))
		sim_fail(p->sim, "%s: %s: %s", st->name, station_command(a->command),
			 nt_status_name(a->status));
	if (a->command == SMB2_SESSION_SETUP) {
		setup_got(e, a);
	} else if (a->command == SMB2_NEGOTIATE && nt_ok(a->status)) {
		e->phase = e == &p->ends[0] ? PAIR_SETUP : PAIR_NEGOTIATED;
		if (e == &p->ends[0])
			setup(e);
	} else {
		work_got(e, a);
	}
}

/*
 * Without memory, too late to log on, or encrypted for a session that has ended. With the first client go the keys that the
 * second borrows.
 */
static void pair_closed(struct station *st)
{
	struct pair_end *e = container_of(st, struct pair_end, st);
	struct pair *p = e->pair;
	struct pair_end *two = &p->ends[1];

	if (e->phase == PAIR_WORKING && !p->ending && !p->faults)
		sim_fail(p->sim, "%s: the server closed the connection", st->name);
	if (e == &p->ends[0] && two->phase != PAIR_OUT) {
		sim_hang_up(TAKE(two->st.link), true);
		two->phase = PAIR_OUT;
	}
	if (e == &p->ends[0])
		client_free(TAKE(two->st.client));
	end_out(e);
}

/* ---- the actor -------------------------------------------------------------------------------------------- */

static struct pair *pair_of(struct sim_actor *a)
{
	return container_of(a, struct pair, actor);
}

static void pair_act(struct sim_actor *a)
{
	struct pair *p = pair_of(a);

	if (p->alive)
		act(p, &p->ends[rng_below(rng_of(p), 2)]);
	else
		life_begin(p);
}

static bool pair_wants(struct sim_actor *a)
{
	return pair_of(a)->alive || pair_of(a)->lives;
}

static bool pair_is_done(struct sim_actor *a)
{
	return !pair_of(a)->alive && !pair_of(a)->lives;
}

static void pair_free(struct sim_actor *a)
{
	free(pair_of(a));
}

struct sim_actor *pair_new(struct sim *s, unsigned user, unsigned lives, bool faults)
{
	static const char *const names[] = {"pair, first", "pair, second"};
	struct pair *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->actor = (struct sim_actor){
		.name = "pair",
		.act = pair_act,
		.wants = pair_wants,
		.is_done = pair_is_done,
		.free = pair_free,
	};
	p->sim = s;
	p->user = user;
	p->lives = lives;
	p->faults = faults;
	for (int i = 0; i < 2; i++) {
		p->ends[i].pair = p;
		p->ends[i].st = (struct station){.sim = s,
						 .name = names[i],
						 .number = PAIR_NUMBER + user,
						 .got = pair_got,
						 .broke = pair_broke,
						 .closed = pair_closed};
	}
	return &p->actor;
}
