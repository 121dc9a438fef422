/*
 * scenes.c - what takes several requests or connections: compounds of which one element is dropped or ends what the next
 * one uses, messages cut at every length, logons that fail, come again or never end, more drops than are forgiven.
 */
#include "policy/wire.h"

#include <stdio.h>
#include <string.h>

enum {
	COMPOUND = 3,
	/* doc/SECURITY.md */
	DROPS_MAX = 64,
	IN_PROGRESS_MAX = 16,
};

static void judge(struct world *w, const char *name, uint16_t dialect, const char *met,
		  const char *want)
{
	if (strncmp(met, want, strlen(want)))
		wire_wrong(w, "dialect %x, %s: met %s, not %s", dialect, name, met, want);
}

static void make_plain(struct wire *x)
{
	client_begin_as(x->s->client, CLIENT_PLAIN);
	wire_create(x, "made");
	wire_take(x);
}

/* ---- compounds of which one element is dropped ------------------------------------------------------------ */

static void make_compound(struct wire *x, enum client_protect how)
{
	static const char *const names[COMPOUND] = {"made", "made1", "made2"};

	client_begin_as(x->s->client, how);
	for (size_t i = 0; i < COMPOUND; i++)
		wire_create(x, names[i]);
	wire_take(x);
}

static unsigned made_by_compound(const struct wire *x)
{
	return share_has(x->share, "made") + share_has(x->share, "made1") +
	       share_has(x->share, "made2");
}

static void remove_made(const struct share *s)
{
	share_remove(s, "made");
	share_remove(s, "made1");
	share_remove(s, "made2");
}

/* Its offset in the frame. */
static size_t element(struct wire *x, size_t n)
{
	size_t off = 4;

	for (; n; n--) {
		struct rd r = rd_of(span_of(x->frame + off, x->len - off));

		off += rd_smb2_header(&r).next_command;
	}
	return off;
}

/* One element's signature is wrong, or its SIGNED flag gone, or its MessageId another: none of them was ever sent. */
static void play_dropped_compound(struct world *w, uint16_t dialect, size_t n,
				  size_t bent)
{
	static const size_t offsets[] = {SMB2_OFF_SIGNATURE, SMB2_OFF_FLAGS,
					 SMB2_OFF_MESSAGE_ID};
	static const char name[] = "a compound with an element to be dropped";
	struct kind k = wire_kind(dialect);
	char met[CELL_MAX];
	struct wire x;

	remove_made(wire_share(w));
	w->played++;
	if (!wire_ready(&x, w, &k, wire_share(w))) {
		wire_close(&x);
		return;
	}
	make_compound(&x, CLIENT_SIGNED);
	x.frame[element(&x, n) + offsets[bent]] ^= SMB2_FLAGS_SIGNED;
	wire_put(&x);
	wire_meets(&x, SILENCE_MS, met);
	judge(w, name, dialect, met, "DROP");
	if (made_by_compound(&x))
		wire_wrong(w, "dialect %x: element %zu, bent at %zu: %u files made",
			   dialect, n, offsets[bent], made_by_compound(&x));
	x.s->client->next_id -= COMPOUND;
	make_compound(&x, wire_proper(&x));
	wire_put(&x);
	wire_meets(&x, 0, met);
	judge(w, name, dialect, met, "OK");
	(void)wire_alive(&x, x.s->client->next_id);
	if (made_by_compound(&x) != COMPOUND)
		wire_wrong(w, "dialect %x: after a drop, a proper compound made %u files",
			   dialect, made_by_compound(&x));
	wire_close(&x);
}

/* ---- what comes after the end, and too often ---------------------------------------------------------------- */

static void add_logoff(struct wire *x)
{
	(void)client_logoff(x->s->client);
}

static void add_tree_disconnect(struct wire *x)
{
	(void)client_tree_disconnect(x->s->client, x->tree);
}

/* In one message: the tree or the session goes, and is named once more. */
static void play_after_end(struct world *w, uint16_t dialect)
{
	static const struct {
		void (*end)(struct wire *x);
		const char *name;
		nt_status status;
	} ends[] = {
		{add_tree_disconnect, "after TREE_DISCONNECT",
		 STATUS_NETWORK_NAME_DELETED},
		{add_logoff, "after LOGOFF", STATUS_USER_SESSION_DELETED},
	};
	struct kind k = wire_kind(dialect);

	remove_made(wire_share(w));
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char met[CELL_MAX] = "no session";
		struct wire x;

		w->played++;
		if (wire_ready(&x, w, &k, wire_share(w))) {
			client_begin_as(x.s->client, wire_proper(&x));
			ends[i].end(&x);
			wire_create(&x, "made");
			wire_send(&x);
			wire_meets(&x, 0, met);
			judge(w, ends[i].name, dialect, met, "OK");
			wire_second_meets(&x, met);
			judge(w, ends[i].name, dialect, met,
			      nt_status_name(ends[i].status));
		}
		if (share_has(wire_share(w), "made"))
			wire_wrong(w, "dialect %x, %s: a file was made", dialect,
				   ends[i].name);
		wire_close(&x);
	}
}

/* After so many drops nobody well-meaning is at the other end. */
static void play_many_drops(struct world *w, uint16_t dialect)
{
	static const char name[] = "one drop too many";
	struct kind k = wire_kind(dialect);
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	if (wire_ready(&x, w, &k, wire_share(w))) {
		make_plain(&x);
		for (int i = 0; i < DROPS_MAX - 1; i++)
			wire_put(&x);
		x.s->client->next_id--;
		if (wire_alive(&x, x.s->client->next_id)) {
			make_plain(&x);
			wire_put(&x);
			wire_meets(&x, 0, met);
			judge(w, name, dialect, met, "DISC");
		}
	}
	wire_close(&x);
}

/* ---- a message cut at every length ------------------------------------------------------------------------ */

/* False: it was whole. Whatever is left of it is not done; of a transform nothing is even answered. */
static bool play_cut(struct world *w, uint16_t dialect, enum client_protect how,
		     size_t kept)
{
	const char *want = how == CLIENT_SEALED ? "DISC" : "";
	struct kind k = wire_kind(dialect);
	bool was_cut = false;
	char met[CELL_MAX];
	struct wire x;

	if (wire_ready(&x, w, &k, wire_share(w))) {
		client_begin_as(x.s->client, how);
		wire_create(&x, "made");
		wire_take(&x);
		was_cut = 4 + kept < x.len;
	}
	if (was_cut) {
		w->played++;
		x.len = 4 + kept;
		wire_put(&x);
		wire_meets(&x, 0, met);
		judge(w, "a message cut short", dialect, met, want);
		if (!strncmp(met, "OK", 2) || share_has(x.share, "made"))
			wire_wrong(w, "dialect %x: a message cut to %zu was done",
				   dialect, kept);
	}
	wire_close(&x);
	return was_cut;
}

/* Once is enough: on a server that demands nothing. */
static void play_cuts(struct world *w, uint16_t dialect)
{
	if (w->r || w->g || w->u)
		return;
	for (size_t kept = 0; play_cut(w, dialect, CLIENT_SIGNED, kept); kept++)
		;
	if (dialect < SMB2_DIALECT_300)
		return;
	for (size_t kept = 0; play_cut(w, dialect, CLIENT_SEALED, kept); kept++)
		;
}

/* ---- a logon that fails first ----------------------------------------------------------------------------- */

/* The keys of the second, which does not, owe nothing to the first: what was hashed for that is forgotten. */
static void play_second_try(struct world *w, uint16_t dialect)
{
	static const char name[] = "a wrong password, then the right one";
	struct kind k = wire_kind(dialect);
	struct client_session *session;
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	wire_open(&x, w, &k);
	wire_negotiate(&x);
	session = x.s->client->session;
	session->who.password = "wrong";
	wire_logon(&x, met);
	judge(w, name, dialect, met, "STATUS_LOGON_FAILURE");
	session->who.password = w->password;
	wire_logon(&x, met);
	judge(w, name, dialect, met, "OK");
	if (!strncmp(met, "OK", 2) && wire_enter(&x, wire_share(w)))
		(void)wire_alive(&x, x.s->client->next_id);
	wire_close(&x);
}

/* Log on once more on a session that is valid. */
static void again_as(struct wire *x, const char *user, const char *password,
		     char met[CELL_MAX])
{
	struct client *c = x->s->client;
	nt_status st;
	int err;

	c->session->who.user = user;
	c->session->who.password = password;
	do {
		client_begin_as(c, wire_proper(x));
		err = sock_status(x->s, client_session_setup(c), &st);
	} while (!err && nt_is(st, STATUS_MORE_PROCESSING_REQUIRED));
	snprintf(met, CELL_MAX, "%s", err ? strerror(-err) : nt_status_name(st));
}

/* The same user may, and everything stays as it was; another may not, and that ends the session. */
static void play_reauthentication(struct world *w, uint16_t dialect)
{
	static const char name[] = "logging on again";
	struct kind k = wire_kind(dialect);
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	if (wire_ready(&x, w, &k, wire_share(w))) {
		again_as(&x, "alice", w->password, met);
		judge(w, name, dialect, met, nt_status_name(STATUS_SUCCESS));
		(void)wire_alive(&x, x.s->client->next_id);
		again_as(&x, "bob", w->other_password, met);
		judge(w, "logging on as another", dialect, met, "STATUS_ACCESS_DENIED");
		client_begin_as(x.s->client, wire_proper(&x));
		wire_create(&x, "made");
		wire_send(&x);
		wire_meets(&x, 0, met);
		judge(w, "after that", dialect, met,
		      wire_proper(&x) == CLIENT_SEALED ? "DISC"
						       : "STATUS_USER_SESSION_DELETED");
	}
	wire_close(&x);
}

static void first_leg(struct wire *x, char met[CELL_MAX])
{
	client_begin(x->s->client);
	(void)client_session_setup(x->s->client);
	wire_send(x);
	wire_meets(x, 0, met);
}

/* A connection has so many logons under way and no more; one that was done before goes on. */
static void play_half_logons(struct world *w, uint16_t dialect)
{
	static const char name[] = "logons without an end";
	struct kind k = wire_kind(dialect);
	struct client_session *first;
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	if (wire_ready(&x, w, &k, wire_share(w))) {
		first = x.s->client->session;
		for (int i = 0; i <= IN_PROGRESS_MAX; i++) {
			(void)client_session_add(x.s->client, &first->who);
			first_leg(&x, met);
			judge(w, name, dialect, met,
			      i < IN_PROGRESS_MAX
				      ? "STATUS_MORE_PROCESSING_REQUIRED/plain"
				      : "STATUS_INSUFFICIENT_RESOURCES/plain");
		}
		x.s->client->session = first;
		(void)wire_alive(&x, x.s->client->next_id);
	}
	wire_close(&x);
}

void scenes_play(struct world *w, uint16_t dialect)
{
	remove_made(wire_share(w));
	play_cuts(w, dialect);
	play_half_logons(w, dialect);
	play_reauthentication(w, dialect);
	play_second_try(w, dialect);
	play_after_end(w, dialect);
	if (!w->r)
		return;
	play_many_drops(w, dialect);
	for (size_t i = 0; i < (size_t)COMPOUND * COMPOUND; i++)
		play_dropped_compound(w, dialect, i / COMPOUND, i % COMPOUND);
}
