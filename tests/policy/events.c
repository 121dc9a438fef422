/*
 * events.c - messages bent in one respect each, and what they meet whatever the server's parameters, or because of one:
 * rules of [MS-SMB2] 3.3.5.2 and the second table of doc/SECURITY.md's matrix.
 *
 * Each asks for a CREATE. It is made if the answer is OK, else not; and what was dropped or refused leaves a connection
 * on which the next proper request is served, after a drop under the very same MessageId.
 */
#include "policy/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum how { PLAIN = CLIENT_PLAIN, SIGNED = CLIENT_SIGNED, SEALED = CLIENT_SEALED, PROPER };
enum state { NEW, NEGOTIATED, HALF_WAY, READY };

enum {
	OFF_TAG = 4,
	OFF_NONCE = 20,
	OFF_SIZE = 36,
	OFF_TRANSFORM_FLAGS = 42,
	OFF_TRANSFORM_SESSION = 44,
	OTHER_SESSION = 0x5A,
	FAR_AHEAD = 1 << 20,
	COMMANDS = 19,
};

static const uint16_t dialects[] = {SMB2_DIALECT_202, SMB2_DIALECT_210, SMB2_DIALECT_300,
				    SMB2_DIALECT_302, SMB2_DIALECT_311};

/* ---- frames to bend --------------------------------------------------------------------------------------- */

static void begin(struct wire *x, enum how how)
{
	client_begin_as(x->s->client,
			how == PROPER ? wire_proper(x) : (enum client_protect)how);
}

static void make_create(struct wire *x, enum how how)
{
	begin(x, how);
	wire_create(x, "made");
	wire_take(x);
}

/* To be sealed by what bends it. */
static void make_bare(struct wire *x, enum how how)
{
	make_create(x, PLAIN);
}

/* It names `id`, whoever's keys protect it. */
static void make_as(struct wire *x, enum how how, struct client_session *keys,
		    uint64_t id)
{
	struct client_session *before = x->s->client->session;
	uint64_t own = keys->id;

	x->s->client->session = keys;
	begin(x, how);
	keys->id = id;
	wire_create(x, "made");
	keys->id = own;
	wire_take(x);
	x->s->client->session = before;
}

static void make_unknown_session(struct wire *x, enum how how)
{
	struct client_session *own = x->s->client->session;

	make_as(x, how, own, own->id ^ OTHER_SESSION);
}

/* A second logon on the connection, with keys of its own. */
static struct client_session *second(struct wire *x)
{
	struct client_session *first = x->s->client->session, *added;
	char cell[CELL_MAX];

	added = client_session_add(x->s->client, &first->who);
	wire_logon(x, cell);
	if (strncmp(cell, "OK", 2))
		wire_wrong(x->world, "a second logon met %s", cell);
	x->s->client->session = first;
	return added;
}

static void make_by_second(struct wire *x, enum how how)
{
	make_as(x, how, second(x), x->s->client->session->id);
}

/* What another connection's session would send. */
static void make_elsewhere(struct wire *x, enum how how)
{
	struct kind k = wire_kind(x->s->client->dialect);
	struct wire *y = calloc(1, sizeof(*y));

	if (!y)
		abort();
	if (wire_ready(y, x->world, &k, x->share)) {
		y->s->client->next_id = x->s->client->next_id++;
		make_create(y, how);
		memcpy(x->frame, y->frame, y->len);
		x->len = y->len;
	}
	x->elsewhere = y;
}

/* The same bytes again; what they made is gone, and must not come back. */
static void make_replay(struct wire *x, enum how how)
{
	char cell[CELL_MAX];

	make_create(x, how);
	wire_put(x);
	wire_meets(x, 0, cell);
	if (strncmp(cell, "OK", 2))
		wire_wrong(x->world, "what is to be repeated met %s", cell);
	share_remove(x->share, "made");
}

static void make_far_ahead(struct wire *x, enum how how)
{
	uint64_t next = x->s->client->next_id;

	x->s->client->next_id += FAR_AHEAD;
	make_create(x, how);
	x->s->client->next_id = next + 1;
}

static void make_related(struct wire *x, enum how how)
{
	begin(x, how);
	wire_create(x, "made");
	x->s->client->frame[CLIENT_HEADROOM + SMB2_OFF_FLAGS] |=
		SMB2_FLAGS_RELATED_OPERATIONS;
	wire_take(x);
}

/* The first element is right; the other is another session's. */
static void make_session_change(struct wire *x, enum how how)
{
	struct client_session *first = x->s->client->session, *other = second(x);
	uint64_t id = first->id;

	begin(x, how);
	wire_create(x, "made");
	first->id = other->id;
	(void)client_echo(x->s->client);
	first->id = id;
	wire_take(x);
}

static void make_negotiate(struct wire *x, enum how how)
{
	begin(x, how);
	(void)client_negotiate(x->s->client);
	wire_take(x);
}

static void make_signed_negotiate(struct wire *x, enum how how)
{
	make_negotiate(x, how);
	wire_message(x)[SMB2_OFF_FLAGS] |= SMB2_FLAGS_SIGNED;
}

/* A channel for a session of another connection, which goes on whatever comes of it. */
static void make_binding(struct wire *x, enum how how)
{
	begin(x, how);
	(void)client_session_setup(x->s->client);
	wire_take(x);
}

/* Unlike an ECHO it needs a session. */
static void make_tree_connect(struct wire *x, enum how how)
{
	begin(x, how);
	(void)client_tree_connect(x->s->client, wire_share(x->world)->name);
	wire_take(x);
}

/* ---- what is bent ----------------------------------------------------------------------------------------- */

static void bend_signature(struct wire *x)
{
	wire_message(x)[SMB2_OFF_SIGNATURE + 15] ^= 0x80;
}

static void bend_no_signature(struct wire *x)
{
	memset(wire_message(x) + SMB2_OFF_SIGNATURE, 0, SIGNATURE_LEN);
}

static void bend_signed_flag(struct wire *x)
{
	wire_message(x)[SMB2_OFF_FLAGS] ^= SMB2_FLAGS_SIGNED;
}

static void bend_body(struct wire *x)
{
	x->frame[x->len - 1] ^= 0x20; /* of the name */
}

static void bend_message_id(struct wire *x)
{
	wire_message(x)[SMB2_OFF_MESSAGE_ID] ^= 16; /* not yet used, and not the next */
}

static void bend_response(struct wire *x)
{
	wire_message(x)[SMB2_OFF_FLAGS] |= SMB2_FLAGS_SERVER_TO_REDIR;
}

static void bend_next(struct wire *x, uint32_t next)
{
	struct wr w = wr_of(mspan_of(wire_message(x) + SMB2_OFF_NEXT_COMMAND, 4));

	wr_u32(&w, next);
}

static void bend_next_inside(struct wire *x)
{
	bend_next(x, 8); /* back into this header */
}

static void bend_next_unaligned(struct wire *x)
{
	bend_next(x, SMB2_HEADER_LEN + 4);
}

static void bend_next_end(struct wire *x)
{
	bend_next(x, SMB2_HEADER_LEN); /* less than a header behind it */
}

static void bend_next_beyond(struct wire *x)
{
	bend_next(x, 0xFFFFFFF8);
}

static void bend_compressed(struct wire *x)
{
	wire_message(x)[0] = 0xFC;
}

static void bend_smb1(struct wire *x)
{
	wire_message(x)[0] = 0xFF;
}

static void bend_unknown(struct wire *x)
{
	wire_message(x)[0] = 0xFB;
}

static void bend_tag(struct wire *x)
{
	wire_message(x)[OFF_TAG] ^= 1;
}

static void bend_nonce(struct wire *x)
{
	wire_message(x)[OFF_NONCE] ^= 1;
}

static void bend_nonce_tail(struct wire *x)
{
	wire_message(x)[OFF_NONCE + 15] ^= 1;
}

static void bend_size_more(struct wire *x)
{
	wire_message(x)[OFF_SIZE]++;
}

static void bend_size_less(struct wire *x)
{
	wire_message(x)[OFF_SIZE]--;
}

static void bend_size_none(struct wire *x)
{
	memset(wire_message(x) + OFF_SIZE, 0, 4);
}

static void bend_size_huge(struct wire *x)
{
	memset(wire_message(x) + OFF_SIZE, 0xFF, 4);
}

static void bend_transform_flags(struct wire *x)
{
	wire_message(x)[OFF_TRANSFORM_FLAGS] ^= 1;
}

static void bend_transform_session(struct wire *x)
{
	wire_message(x)[OFF_TRANSFORM_SESSION] ^= OTHER_SESSION;
}

static void bend_sealed_body(struct wire *x)
{
	wire_message(x)[SMB2_TRANSFORM_HEADER_LEN] ^= 1;
}

static void bend_trailing(struct wire *x)
{
	x->frame[x->len++] = 0;
}

static void bend_empty(struct wire *x)
{
	x->len = 4 + SMB2_TRANSFORM_HEADER_LEN;
}

static void bend_cut(struct wire *x)
{
	x->len = 4 + SMB2_TRANSFORM_HEADER_LEN - 1;
}

/* Two transforms in one transport message. */
static void bend_double(struct wire *x)
{
	memcpy(x->frame + x->len, wire_message(x), x->len - 4);
	x->len += x->len - 4;
}

/* Seal x->frame's message once more, under the next nonce. */
static void seal_again(struct wire *x)
{
	struct client_session *session = x->s->client->session;
	uint8_t *message = wire_message(x);

	memmove(message + SMB2_TRANSFORM_HEADER_LEN, message, x->len - 4);
	x->len += SMB2_TRANSFORM_HEADER_LEN;
	if (seal_message(session->seal, session->id, mspan_of(message, x->len - 4)))
		abort();
}

static void bend_nested(struct wire *x)
{
	seal_again(x);
}

static void bend_compressed_inside(struct wire *x)
{
	bend_compressed(x);
	seal_again(x);
}

static void bend_response_inside(struct wire *x)
{
	bend_response(x);
	seal_again(x);
}

/* ---- the table -------------------------------------------------------------------------------------------- */

/* Words are compared as far as they go: a status without a protection leaves that open. */
struct event {
	const char *name;
	enum how how; /* SEALED: only where there is a cipher */
	void (*make)(struct wire *x, enum how how);
	void (*bend)(struct wire *x);
	const char *met;      /* with no parameter set */
	const char *signing;  /* with require_message_signing; NULL: the same */
	const char *rejected; /* else with reject_unencrypted_access; NULL: the same */
};

#define DELETED "STATUS_USER_SESSION_DELETED/"

/* clang-format off */
static const struct event events[] = {
	{"a wrong signature",		SIGNED, make_create, bend_signature,	"ACC/", "DROP", NULL},
	{"no signature, said to be",	SIGNED, make_create, bend_no_signature,	"ACC/", "DROP", NULL},
	{"plain, said to be signed",	PLAIN,	make_create, bend_signed_flag,	"ACC/", "DROP", NULL},
	{"signed, not said to be",	SIGNED, make_create, bend_signed_flag,	"OK/", "DROP", "ACC/"},
	{"changed after signing",	SIGNED, make_create, bend_body,		"ACC/", "DROP", NULL},
	{"renumbered after signing",	SIGNED, make_create, bend_message_id,	"ACC/", "DROP", NULL},
	{"another session's signature",	SIGNED, make_by_second, NULL,		"ACC/", "DROP", NULL},
	{"unknown session, signed",	SIGNED, make_unknown_session, NULL,	DELETED, NULL, NULL},
	{"unknown session, plain",	PLAIN,	make_unknown_session, NULL,	DELETED, "DROP", NULL},
	{"unknown session, sealed",	SEALED, make_unknown_session, NULL,	"DISC", NULL, NULL},
	{"session elsewhere, signed",	SIGNED, make_elsewhere, NULL,		DELETED, NULL, NULL},
	{"session elsewhere, plain",	PLAIN,	make_elsewhere, NULL,		DELETED, "DROP", NULL},
	{"session elsewhere, sealed",	SEALED, make_elsewhere, NULL,		DELETED, NULL, NULL},
	{"repeated",			PROPER, make_replay, NULL,		"DISC", NULL, NULL},
	{"repeated, sealed",		SEALED, make_replay, NULL,		"DISC", NULL, NULL},
	{"far ahead",			PROPER, make_far_ahead, NULL,		"DISC", NULL, NULL},
	{"far ahead, plain",		PLAIN,	make_far_ahead, NULL,		"DISC", "DROP", NULL},
	{"related to nothing, plain",	PLAIN,	make_related, NULL,
		"STATUS_INVALID_PARAMETER/", "DROP", NULL},
	{"related to nothing, sealed",	SEALED, make_related, NULL,		"DISC", NULL, NULL},
	{"a second NEGOTIATE",		PLAIN,	make_negotiate, NULL,		"DISC", NULL, NULL},
	{"a sealed NEGOTIATE",		SEALED, make_negotiate, NULL,		"DISC", NULL, NULL},
	{"a response",			SIGNED, make_create, bend_response,	"DISC", NULL, NULL},
	{"next: in the header",		PLAIN,	make_create, bend_next_inside,	"DISC", NULL, NULL},
	{"next: not aligned",		PLAIN,	make_create, bend_next_unaligned, "DISC", NULL, NULL},
	{"next: at the end",		PLAIN,	make_negotiate, bend_next_end,	"DISC", NULL, NULL},
	{"next: far beyond",		PLAIN,	make_create, bend_next_beyond,	"DISC", NULL, NULL},
	{"SMB1",			PLAIN,	make_create, bend_smb1,		"DISC", NULL, NULL},
	{"compressed",			PLAIN,	make_create, bend_compressed,	"DISC", NULL, NULL},
	{"of no kind",			PLAIN,	make_create, bend_unknown,	"DISC", NULL, NULL},
	{"the tag",			SEALED, make_create, bend_tag,		"DISC", NULL, NULL},
	{"the nonce",			SEALED, make_create, bend_nonce,	"DISC", NULL, NULL},
	{"the nonce's reserved end",	SEALED, make_create, bend_nonce_tail,	"DISC", NULL, NULL},
	{"size one more",		SEALED, make_create, bend_size_more,	"DISC", NULL, NULL},
	{"size one less",		SEALED, make_create, bend_size_less,	"DISC", NULL, NULL},
	{"size 0",			SEALED, make_create, bend_size_none,	"DISC", NULL, NULL},
	{"size of 4 GiB",		SEALED, make_create, bend_size_huge,	"DISC", NULL, NULL},
	{"the transform's flags",	SEALED, make_create, bend_transform_flags, "DISC", NULL, NULL},
	{"the transform's session",	SEALED, make_create, bend_transform_session, "DISC", NULL, NULL},
	{"the contents",		SEALED, make_create, bend_sealed_body,	"DISC", NULL, NULL},
	{"a byte behind it",		SEALED, make_create, bend_trailing,	"DISC", NULL, NULL},
	{"a transform of nothing",	SEALED, make_create, bend_empty,	"DISC", NULL, NULL},
	{"a transform cut short",	SEALED, make_create, bend_cut,		"DISC", NULL, NULL},
	{"two transforms",		SEALED, make_create, bend_double,	"DISC", NULL, NULL},
	{"a transform in a transform",	SEALED, make_create, bend_nested,	"DISC", NULL, NULL},
	{"compressed and sealed",	SEALED, make_bare, bend_compressed_inside, "DISC", NULL, NULL},
	{"a response, sealed",		SEALED, make_bare, bend_response_inside, "DISC", NULL, NULL},
	{"another session inside",	SEALED, make_by_second, NULL,		"DISC", NULL, NULL},
	{"a change of session inside",	SEALED, make_session_change, NULL,	"DISC", NULL, NULL},
};
/* clang-format on */

static const char *wanted(const struct world *w, const struct event *e)
{
	if (w->r && e->signing)
		return e->signing;
	return w->u && !w->r && e->rejected ? e->rejected : e->met;
}

static void judge(struct world *w, const struct event *e, uint16_t dialect,
		  const char *met, const char *want)
{
	if (strncmp(met, want, strlen(want)))
		wire_wrong(w, "dialect %x, %s: met %s, not %s", dialect, e->name, met,
			   want);
}

static void send_bent(struct wire *x, const struct event *e, const char *want,
		      char met[CELL_MAX])
{
	e->make(x, e->how);
	if (e->bend)
		e->bend(x);
	wire_put(x);
	wire_meets(x, strcmp(want, "DROP") ? 0 : SILENCE_MS, met);
}

static void play_event(struct world *w, uint16_t dialect, const struct event *e)
{
	const char *want = wanted(w, e);
	struct kind k = wire_kind(dialect);
	struct wire x;
	char met[CELL_MAX];

	share_remove(wire_share(w), "made");
	w->played++;
	if (wire_ready(&x, w, &k, wire_share(w))) {
		send_bent(&x, e, want, met);
		judge(w, e, dialect, met, want);
		if (share_has(x.share, "made") != !strncmp(want, "OK", 2))
			wire_wrong(w, "dialect %x, %s: done, or not, against the answer",
				   dialect, e->name);
		if (strcmp(met, "DISC"))
			(void)wire_alive(&x, x.s->client->next_id - !strcmp(met, "DROP"));
	}
	wire_close(&x);
}

/* ---- before there is a session ---------------------------------------------------------------------------- */

struct early_event {
	enum state state;
	struct event e;
};

/* clang-format off */
static const struct early_event early_events[] = {
	{NEW,	     {"a signed NEGOTIATE", PLAIN, make_signed_negotiate, NULL,
		      "STATUS_INVALID_PARAMETER/plain", NULL, NULL}},
	{NEW,	     {"sealed before NEGOTIATE", SEALED, make_tree_connect, NULL, "DISC", NULL, NULL}},
	{NEGOTIATED, {"a second NEGOTIATE", PLAIN, make_negotiate, NULL, "DISC", NULL, NULL}},
	{NEGOTIATED, {"compressed", PLAIN, make_tree_connect, bend_compressed, "DISC", NULL, NULL}},
	{NEGOTIATED, {"sealed before the logon", SEALED, make_tree_connect, NULL, "DISC", NULL, NULL}},
	{NEGOTIATED, {"no session", PLAIN, make_tree_connect, NULL, DELETED "plain", "DROP", NULL}},
	{HALF_WAY,   {"sealed half way", SEALED, make_tree_connect, NULL, "DISC", NULL, NULL}},
	{HALF_WAY,   {"half a session", PLAIN, make_tree_connect, NULL, DELETED "plain", "DROP", NULL}},
	{HALF_WAY,   {"signed half way", SIGNED, make_tree_connect, NULL,
		      "STATUS_NOT_SUPPORTED/plain", "DROP", NULL}},
};
/* clang-format on */

static void half_a_logon(struct wire *x)
{
	nt_status st = STATUS_SUCCESS;
	int err;

	client_begin(x->s->client);
	err = sock_status(x->s, client_session_setup(x->s->client), &st);
	if (err || !nt_is(st, STATUS_MORE_PROCESSING_REQUIRED))
		wire_wrong(x->world, "half a logon met %s, %s", strerror(-err),
			   nt_status_name(st));
}

static void play_early(struct world *w, uint16_t dialect, const struct early_event *early)
{
	const char *want = wanted(w, &early->e);
	struct kind k = wire_kind(dialect);
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	wire_open(&x, w, &k);
	if (early->state >= NEGOTIATED)
		wire_negotiate(&x);
	if (early->state == HALF_WAY)
		half_a_logon(&x);
	wire_fake_keys(&x);
	send_bent(&x, &early->e, want, met);
	judge(w, &early->e, dialect, met, want);
	wire_close(&x);
}

/* Whatever the command: the connection ends. */
static void play_commands_first(struct world *w, uint16_t dialect)
{
	static const struct event e = {.name = "a command before NEGOTIATE"};
	struct kind k = wire_kind(dialect);

	for (uint8_t command = SMB2_NEGOTIATE + 1; command < COMMANDS; command++) {
		char met[CELL_MAX];
		struct wire x;

		w->played++;
		wire_open(&x, w, &k);
		make_tree_connect(&x, PLAIN);
		wire_message(&x)[SMB2_OFF_COMMAND] = command;
		wire_put(&x);
		wire_meets(&x, 0, met);
		judge(w, &e, dialect, met, "DISC");
		wire_close(&x);
	}
}

/* Nothing of a binding that came to nothing is in the way on its connection. */
static void log_on_after_all(struct wire *x)
{
	struct client *c = x->s->client;
	struct logon_settings who = c->session->who;
	char met[CELL_MAX];

	(void)client_session_add(c, &who);
	wire_logon(x, met);
	if (strncmp(met, "OK", 2))
		wire_wrong(x->world, "a logon after a binding met %s", met);
	else
		(void)wire_enter(x, wire_share(x->world));
}

/*
 * Who has the session's key may begin to bind; nobody else. The session that was to be bound goes on.
 */
static void play_binding(struct world *w, uint16_t dialect)
{
	static const struct event e[] = {
		{"a binding", SIGNED, make_binding, NULL,
		 "STATUS_MORE_PROCESSING_REQUIRED/signed", NULL, NULL},
		{"a binding, wrongly signed", SIGNED, make_binding, bend_signature,
		 "ACC/plain", "DROP", NULL},
		{"a binding, plain", PLAIN, make_binding, NULL,
		 "STATUS_INVALID_PARAMETER/plain", "DROP", NULL},
	};
	struct kind k = wire_kind(dialect);

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		struct wire victim, x;
		char met[CELL_MAX];

		w->played++;
		if (wire_ready(&victim, w, &k, wire_share(w))) {
			wire_open(&x, w, &k);
			wire_negotiate(&x);
			(void)client_session_bind(x.s->client, victim.s->client->session);
			send_bent(&x, &e[i], wanted(w, &e[i]), met);
			judge(w, &e[i], dialect, met, wanted(w, &e[i]));
			if (strcmp(met, "DROP"))
				log_on_after_all(&x);
			wire_close(&x);
			(void)wire_alive(&victim, victim.s->client->next_id);
		}
		wire_close(&victim);
	}
}

static void play_dialect(struct world *w, uint16_t dialect)
{
	bool has_cipher = dialect >= SMB2_DIALECT_300;

	play_commands_first(w, dialect);
	for (size_t i = 0; i < ARRAY_LEN(early_events); i++)
		if (has_cipher || !w->u || early_events[i].state < HALF_WAY)
			play_early(w, dialect, &early_events[i]);
	if (w->u && !has_cipher)
		return; /* refused as soon as they begin a logon */
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (has_cipher || events[i].how != SEALED)
			play_event(w, dialect, &events[i]);
	if (has_cipher)
		play_binding(w, dialect);
	scenes_play(w, dialect);
}

void events_play(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
		play_dialect(w, dialects[i]);
	printf("events %u, wrong %u\n", w->played, w->wrong);
}
