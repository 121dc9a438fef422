/*
 *     OUT --connect--> LOGON --> IDLE <--answered-- BUSY
 *      ^                          | \____________sent____^
 *      +---hang up, at any time---+
 */
#include "sim/returner.h"

#include "wire/wr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONTEXT_MAX = 64,
	ACTIONS = 8,    /* of one connection, about */
	IMPATIENT = 20, /* of a thousand, each below */
	RASH = 2,       /* during the logon */
	OWN_FILE = 500,
	REPLACES = 700,
	VERSION_2 = 500,
};

enum phase { OUT, LOGON, IDLE, BUSY };

struct returner {
	struct sim_actor actor;
	struct station st;
	unsigned user, lives;
	char name[32], own[32];
	const struct station_kind *kind;
	enum phase phase;
	uint64_t previous; /* session that the next one replaces; 0: none */
	uint32_t tree;
	bool leaving; /* LOGOFF was sent */
	uint8_t new_tag;

	/* the file: `open` now, or `lost` with an earlier connection */
	bool open, lost;
	bool shared;       /* by name: the others want it, too */
	bool durable;      /* as the answer said */
	uint8_t level;     /* of its oplock */
	bool must_ack;     /* what it was told last */
	bool broken;       /* told so */
	uint64_t holder;   /* session that had it last; 0: not known */
	bool session_over; /* that one's: the server has said so */
	bool due;          /* it was when the claim was sent */
	uint8_t version;
	uint64_t serial; /* makes CreateGuids */
	struct client_file id;
	uint8_t tag, maybe; /* what it holds; or that, if a WRITE was lost */
	bool written;
};

static struct rng *rng(struct returner *r)
{
	return sim_rng(r->actor.sim);
}

static const char *path(const struct returner *r)
{
	return r->shared ? "wanted" : r->own;
}

/* ---- contexts ------------------------------------------------------------------------------------------- */

static void begin_context(struct wr *w, const char *name, uint32_t len)
{
	wr_u32(w, 0); /* Next: there is one */
	wr_u16(w, 16);
	wr_u16(w, 4);
	wr_u16(w, 0);
	wr_u16(w, 24);
	wr_u32(w, len);
	wr_bytes(w, span_of(name, 4));
	wr_zero(w, 4);
}

static void wr_create_guid(struct wr *w, const struct returner *r)
{
	wr_u64(w, r->user + 1);
	wr_u64(w, r->serial);
}

static void ask(struct wr *w, const struct returner *r)
{
	if (r->version == 1) {
		begin_context(w, SMB2_CREATE_DURABLE_HANDLE_REQUEST, 16);
		wr_zero(w, 16);
		return;
	}
	begin_context(w, SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, 32);
	wr_zero(w, 16); /* Timeout, Flags, Reserved */
	wr_create_guid(w, r);
}

static void claim(struct wr *w, const struct returner *r)
{
	bool v1 = r->version == 1;

	begin_context(w,
		      v1 ? SMB2_CREATE_DURABLE_HANDLE_RECONNECT
			 : SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2,
		      v1 ? 16 : 36);
	wr_u64(w, r->id.persistent_id);
	wr_u64(w, r->id.volatile_id);
	if (v1)
		return;
	wr_create_guid(w, r);
	wr_u32(w, 0); /* Flags */
}

/* ---- requests ------------------------------------------------------------------------------------------- */

static struct client *begin(struct returner *r)
{
	client_begin(r->st.client);
	return r->st.client;
}

static void put(struct returner *r)
{
	sim_trace(r->actor.sim, "%s -> a request about \"%s\"", r->name, path(r));
	r->phase = BUSY;
	station_put(&r->st);
}

static uint64_t session_id(const struct returner *r)
{
	return r->st.client->session->id;
}

static void send_create(struct returner *r)
{
	uint8_t room[CONTEXT_MAX];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct client_create in = {
		.path = path(r),
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.disposition = FILE_OPEN_IF,
		.oplock = SMB2_OPLOCK_LEVEL_BATCH,
	};

	if (r->lost) {
		claim(&w, r);
		r->due = !r->shared && !r->broken && r->session_over;
		/* who has it if the answer is lost: this session, or an old one that may still be there */
		r->holder = r->session_over ? session_id(r) : 0;
		r->session_over = false;
	} else {
		ask(&w, r);
		r->holder = session_id(r);
	}
	in.contexts = wr_done(&w);
	(void)client_create(begin(r), r->tree, &in);
	put(r);
}

static void send_open(struct returner *r)
{
	r->shared = !rng_chance(rng(r), OWN_FILE);
	r->version = r->kind->dialect >= SMB2_DIALECT_300 && rng_chance(rng(r), VERSION_2)
			     ? 2
			     : 1;
	/* another one each time: an old CREATE that nobody waits for any more may still be under way */
	r->serial++;
	snprintf(r->own, sizeof(r->own), "own%u.%u", r->user, (unsigned)r->serial);
	r->must_ack = r->broken = r->session_over = r->written = false;
	send_create(r);
}

static void send_write(struct returner *r)
{
	r->new_tag = (uint8_t)(1 + rng_below(rng(r), 255));
	r->maybe = r->new_tag;
	(void)client_write(begin(r), r->tree, r->id, 0, span_of(&r->new_tag, 1));
	put(r);
}

static void send_read(struct returner *r)
{
	(void)client_read(begin(r), r->tree, r->id, 0, 1);
	put(r);
}

static void send_close(struct returner *r)
{
	(void)client_close(begin(r), r->tree, r->id, 0);
	r->open = false;
	put(r);
}

static void send_ack(struct returner *r)
{
	(void)client_oplock_ack(begin(r), r->tree, r->id, r->level);
	r->must_ack = false;
	put(r);
}

static void send_logoff(struct returner *r)
{
	(void)client_logoff(begin(r));
	r->leaving = true;
	put(r);
}

/* ---- coming and going ----------------------------------------------------------------------------------- */

static void gone(struct returner *r)
{
	r->lost = r->open ? r->durable : r->lost;
	r->open = r->leaving = false;
	r->phase = OUT;
}

static void hang_up(struct returner *r)
{
	r->previous = r->st.client->session->ready && rng_chance(rng(r), REPLACES)
			      ? r->st.client->session->id
			      : 0;
	sim_trace(r->actor.sim, "%s: hangs up", r->name);
	station_leave(&r->st, rng_chance(rng(r), 500));
	gone(r);
}

static void come(struct returner *r)
{
	r->lives--;
	/* one dialect for life: what is version 2 cannot be claimed in 2.1 */
	station_open(&r->st, r->kind, r->user, (unsigned)rng_below(rng(r), SIM_LANES),
		     r->previous);
	r->phase = LOGON;
	(void)client_negotiate(begin(r));
	station_put(&r->st);
}

static void logon_goes_on(struct returner *r, const struct client_answer *a)
{
	if (!station_logs_on(&r->st, a, &r->tree))
		return;
	r->session_over |= r->previous && r->previous == r->holder;
	r->phase = IDLE;
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void fail(struct returner *r, const struct client_answer *a)
{
	sim_fail(r->actor.sim, "%s: %s of \"%s\": %s", r->name,
		 station_command(a->command), path(r), nt_status_name(a->status));
}

static void got_lost(struct returner *r, const struct client_answer *a)
{
	struct answer_create c;

	r->lost = false;
	if (!nt_ok(a->status)) {
		/* due: nobody else wants it, and the server knows that its session is over */
		if (r->due || !nt_is(a->status, STATUS_OBJECT_NAME_NOT_FOUND))
			fail(r, a);
		return;
	}
	if (r->broken || !answer_create(a, &c) || c.oplock != SMB2_OPLOCK_LEVEL_BATCH ||
	    c.id.persistent_id != r->id.persistent_id)
		fail(r, a);
	r->id = c.id;
	r->open = true;
	r->holder = session_id(r);
}

static void got_create(struct returner *r, const struct client_answer *a)
{
	struct answer_create c;

	if (r->lost) {
		got_lost(r, a);
		return;
	}
	/* another has it; or it is open for a session of ours that the server has not missed yet */
	if (nt_is(a->status, STATUS_SHARING_VIOLATION))
		return;
	if (!nt_ok(a->status) || !answer_create(a, &c))
		fail(r, a);
	r->id = c.id;
	r->open = true;
	r->level = c.oplock;
	r->durable = c.contexts.len > 0;
	r->tag = r->maybe = 0;
	if (r->durable != (c.oplock == SMB2_OPLOCK_LEVEL_BATCH))
		fail(r, a);
}

static void got_read(struct returner *r, const struct client_answer *a)
{
	struct span data;

	if (nt_is(a->status, STATUS_END_OF_FILE) && !r->written)
		return;
	if (!nt_ok(a->status) || !answer_read(a, &data) || data.len != 1)
		fail(r, a);
	if (r->written && data.p[0] != r->tag && data.p[0] != r->maybe)
		sim_fail(r->actor.sim, "%s: \"%s\" holds %u, not %u or %u", r->name,
			 path(r), data.p[0], r->tag, r->maybe);
	r->tag = r->maybe = data.p[0]; /* nobody else writes */
	r->written = true;
}

static void got_write(struct returner *r, const struct client_answer *a)
{
	if (!nt_ok(a->status))
		fail(r, a);
	r->tag = r->maybe;
	r->written = true;
}

static void got(struct station *st, const struct client_answer *a)
{
	struct returner *r = container_of(st, struct returner, st);

	if (a->interim)
		return;
	if (r->phase == LOGON) {
		logon_goes_on(r, a);
		return;
	}
	r->phase = IDLE;
	if (a->command == SMB2_CREATE)
		got_create(r, a);
	else if (a->command == SMB2_READ)
		got_read(r, a);
	else if (a->command == SMB2_WRITE)
		got_write(r, a);
	else if (a->command == SMB2_LOGOFF)
		r->session_over = true;
	else if (a->command == SMB2_CLOSE && !nt_ok(a->status))
		fail(r, a);
}

static void broke(struct station *st, const struct client_break *b)
{
	struct returner *r = container_of(st, struct returner, st);

	if (!r->open || b->id.persistent_id != r->id.persistent_id)
		return; /* it crossed our CLOSE */
	r->broken = true;
	r->must_ack = r->level != SMB2_OPLOCK_LEVEL_II;
	r->level = b->level;
}

static void closed(struct station *st)
{
	struct returner *r = container_of(st, struct returner, st);

	sim_fail(r->actor.sim, "%s: the server closed the connection", r->name);
}

/* ---- the actor ------------------------------------------------------------------------------------------ */

static void work(struct returner *r)
{
	if (r->leaving || rng_chance(rng(r), 1000 / ACTIONS)) {
		hang_up(r);
	} else if (!r->open) {
		if (r->lost)
			send_create(r);
		else
			send_open(r);
	} else if (r->tag != r->maybe) {
		send_read(r);
	} else if (r->must_ack && rng_chance(rng(r), 700)) {
		send_ack(r);
	} else {
		static void (*const some[])(struct returner * r) = {
			send_write, send_write, send_read,  send_read,
			send_read,  send_close, send_logoff};

		some[rng_below(rng(r), ARRAY_LEN(some))](r);
	}
}

static struct returner *returner_of(struct sim_actor *a)
{
	return container_of(a, struct returner, actor);
}

static void act(struct sim_actor *a)
{
	struct returner *r = returner_of(a);

	if (r->phase == OUT)
		come(r);
	else if (r->phase == IDLE)
		work(r);
	else if (rng_chance(rng(r), r->phase == BUSY ? IMPATIENT : RASH))
		hang_up(r);
}

static bool wants(struct sim_actor *a)
{
	const struct returner *r = returner_of(a);

	return r->phase != OUT || r->lives > 0;
}

static bool is_done(struct sim_actor *a)
{
	const struct returner *r = returner_of(a);

	return r->phase == OUT && r->lives == 0;
}

static void returner_free(struct sim_actor *a)
{
	free(returner_of(a));
}

struct sim_actor *returner_new(struct sim *s, unsigned user, unsigned lives)
{
	struct returner *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	snprintf(r->name, sizeof(r->name), "returner%u", user);
	r->actor = (struct sim_actor){.name = r->name,
				      .act = act,
				      .wants = wants,
				      .is_done = is_done,
				      .free = returner_free};
	r->st = (struct station){.sim = s,
				 .name = r->name,
				 .number = user,
				 .got = got,
				 .closed = closed,
				 .broke = broke};
	r->user = user;
	r->lives = lives;
	r->kind = &station_kinds[rng_below(sim_rng(s), station_kind_count)];
	return &r->actor;
}
