/*
 * tamper.c - somebody on the path changes one bit of a handshake, either way; or takes dialects away. A file is not
 * served after that, where the dialect has a proof against it.
 *
 *     every dialect	NTLM's three messages and SPNEGO's mechListMIC
 *     3.0, 3.0.2	what FSCTL_VALIDATE_NEGOTIATE_INFO repeats: capabilities, GUID, security mode, dialects
 *     3.1.1		every bit of NEGOTIATE and SESSION_SETUP, by the preauthentication hash
 *
 * The client is a careless one: it goes on while it has keys, whatever it saw, so that it is the server that must say
 * no. But the answers that no key depends on, the last SESSION_SETUP's and TREE_CONNECT's, are the client's to check.
 */
#include "policy/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum leg {
	NEGOTIATE_OUT,
	NEGOTIATE_IN,
	FIRST_OUT,
	FIRST_IN, /* the challenge */
	LAST_OUT, /* the proof */
	LAST_IN,
	TREE_OUT,
	TREE_IN,
	LEGS,
};

enum {
	MIC_TAIL = 20, /* of the last token: mechListMIC with its two DER headers */
	MIC_HEADERS = 4,
	CREDITS_NEEDED = 8,
	STALL_MS = 1000, /* a bit that makes the server wait for more, or drop */
	/* in the bodies of both NEGOTIATE messages */
	REQUEST_COUNT = 66,
	REQUEST_MODE = 68,
	REQUEST_CAPABILITIES = 72,
	REQUEST_GUID_END = 92,
	REQUEST_DIALECTS = 100,
	RESPONSE_MODE = 66,
	RESPONSE_DIALECT_END = 70,
	RESPONSE_GUID = 72,
	RESPONSE_CAPABILITIES_END = 92,
};

static const char *const leg_names[LEGS] = {"NEGOTIATE request",
					    "NEGOTIATE answer",
					    "first SESSION_SETUP request",
					    "challenge",
					    "proof",
					    "last SESSION_SETUP answer",
					    "TREE_CONNECT",
					    "TREE_CONNECT answer"};

struct trial {
	struct wire x;
	uint16_t dialect;
	enum leg leg;
	size_t bit;
	bool beyond;        /* the message has no such bit */
	bool must_fail;     /* the dialect has a proof of this bit */
	bool last_holds;    /* it found the last SESSION_SETUP answer to be right */
	bool entered;       /* TREE_CONNECT was answered */
	uint16_t downgrade; /* no dialect above it reaches the server; 0: all do */
	nt_status status;
	uint8_t server_guid[16];
};

/* ---- which bits are proved -------------------------------------------------------------------------------- */

static bool is_ntlm(const struct trial *t, struct span m, size_t at)
{
	const uint8_t *ntlm = memmem(m.p, m.len, "NTLMSSP", 8);
	size_t end = m.len;

	if (t->leg == LAST_OUT) {
		if (at >= m.len - MIC_TAIL + MIC_HEADERS)
			return true;
		end -= MIC_TAIL;
	}
	return ntlm && at >= (size_t)(ntlm - m.p) && at < end;
}

/* [MS-SMB2] 2.2.31.4: in the request and in the answer */
static bool is_validated(const struct trial *t, size_t at)
{
	if (t->leg == NEGOTIATE_OUT)
		return (at >= REQUEST_COUNT && at < REQUEST_MODE + 2) ||
		       (at >= REQUEST_CAPABILITIES && at < REQUEST_GUID_END) ||
		       (at >= REQUEST_DIALECTS && at < REQUEST_DIALECTS + 2);
	return t->leg == NEGOTIATE_IN &&
	       ((at >= RESPONSE_MODE && at < RESPONSE_DIALECT_END) ||
		(at >= RESPONSE_GUID && at < RESPONSE_CAPABILITIES_END));
}

static bool is_proved(const struct trial *t, struct span m, size_t at)
{
	if (t->dialect == SMB2_DIALECT_311 && t->leg <= LAST_OUT)
		return true;
	if (t->dialect >= SMB2_DIALECT_300 && is_validated(t, at))
		return true;
	return t->leg >= FIRST_OUT && t->leg <= LAST_OUT && is_ntlm(t, m, at);
}

static void take_dialects(const struct trial *t, struct mspan request)
{
	size_t count = request.p[REQUEST_COUNT];

	for (size_t i = 0; i < count; i++) {
		struct mspan one = mspan_of(request.p + REQUEST_DIALECTS + 2 * i, 2);
		struct rd r = rd_of(span_of_m(one));
		struct wr w = wr_of(one);

		if (rd_u16(&r) > t->downgrade)
			wr_u16(&w, t->downgrade);
	}
}

/* Who sits in the middle. */
static void pass(struct trial *t, enum leg leg, struct mspan message)
{
	size_t at = t->bit / 8;

	if (t->downgrade && leg == NEGOTIATE_OUT)
		take_dialects(t, message);
	if (leg != t->leg)
		return;
	if (at >= message.len) {
		t->beyond = true;
		return;
	}
	t->must_fail = is_proved(t, span_of_m(message), at);
	message.p[at] ^= (uint8_t)(1 << t->bit % 8);
}

/* ---- the handshake ---------------------------------------------------------------------------------------- */

static void took(void *arg, const struct client_answer *a)
{
	struct trial *t = arg;
	struct answer_negotiate n;

	t->status = a->status;
	if (a->command == SMB2_NEGOTIATE && nt_ok(a->status) && answer_negotiate(a, &n))
		memcpy(t->server_guid, n.guid, sizeof(n.guid));
}

/* Send the frame that was built, take its answer; false: there was none that the client understood. */
static bool exchange(struct trial *t, enum leg out)
{
	struct client *c = t->x.s->client;
	struct span frame = client_end(c);
	struct mspan answer;

	memcpy(t->x.frame, frame.p, frame.len);
	t->x.len = frame.len;
	pass(t, out, mspan_of(t->x.frame + 4, t->x.len - 4));
	wire_put(&t->x);
	if (sock_frame(t->x.s, &answer))
		return false;
	pass(t, out + 1, answer);
	return client_receive(c, answer, took, t) == 0;
}

/* A client uses only what it offered. */
static bool is_usable(const struct client *c)
{
	const struct client_settings *s = &c->settings;
	bool dialect = false;

	for (size_t i = 0; i < s->dialect_count; i++)
		dialect |= s->dialects[i] == c->dialect;
	if (!dialect || c->dialect < SMB2_DIALECT_311)
		return dialect;
	return (c->cipher == SEAL_NONE || c->cipher == s->ciphers[0]) &&
	       (c->sign_alg == SIGN_AES_CMAC || c->sign_alg == s->signings[0]);
}

static bool negotiated(struct trial *t)
{
	struct client *c = t->x.s->client;

	client_begin(c);
	(void)client_negotiate(c);
	return exchange(t, NEGOTIATE_OUT) && nt_ok(t->status) && is_usable(c);
}

/* True: there is a session with keys, right or wrong. */
static bool logged_on(struct trial *t)
{
	struct client *c = t->x.s->client;

	for (enum leg out = FIRST_OUT; out <= LAST_OUT; out += 2) {
		if (!client_may_send(c, 0))
			return false;
		client_begin(c);
		(void)client_session_setup(c);
		t->last_holds = exchange(t, out);
		if (c->session->ready)
			break;
		if (!t->last_holds || !nt_is(t->status, STATUS_MORE_PROCESSING_REQUIRED))
			return false;
	}
	return c->session->ready && c->session->sign && c->credits >= CREDITS_NEEDED;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

static bool got(struct trial *t, const char *want)
{
	char cell[CELL_MAX];

	if (t->leg == TREE_OUT && !t->x.tree) {
		wire_take(&t->x);
		pass(t, TREE_OUT, mspan_of(t->x.frame + 4, t->x.len - 4));
		wire_put(&t->x);
	} else {
		wire_send(&t->x);
	}
	wire_meets(&t->x, STALL_MS, cell);
	return !strcmp(cell, want);
}

static bool in_the_share(struct trial *t)
{
	struct sock *s = t->x.s;
	struct mspan answer;
	char cell[CELL_MAX] = "";

	client_begin_as(s->client, CLIENT_SIGNED);
	(void)client_tree_connect(s->client, t->x.share->name);
	if (t->leg != TREE_IN) {
		if (!got(t, "OK/signed"))
			return false;
		t->x.tree = t->x.head.tree_id;
		return true;
	}
	wire_send(&t->x);
	if (sock_frame(s, &answer))
		return false;
	pass(t, TREE_IN, answer);
	wire_judge(&t->x, answer, cell);
	t->x.tree = t->x.head.tree_id;
	return !strcmp(cell, "OK/signed");
}

/* [MS-SMB2] 3.2.5.5, 3.3.5.15.12: both say once more, signed, what they said and heard in NEGOTIATE. */
static bool validated(struct trial *t)
{
	struct client *c = t->x.s->client;
	const struct client_settings *s = &c->settings;
	uint32_t offered = s->cipher_count ? SMB2_GLOBAL_CAP_ENCRYPTION : 0;
	uint8_t room[64];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	struct client_answer a = {.command = SMB2_IOCTL};
	struct answer_ioctl io;
	struct rd r;

	wr_u32(&w, offered | SMB2_GLOBAL_CAP_LARGE_MTU);
	wr_bytes(&w, span_of(s->guid, sizeof(s->guid)));
	wr_u16(&w, SMB2_NEGOTIATE_SIGNING_ENABLED);
	wr_u16(&w, (uint16_t)s->dialect_count);
	for (size_t i = 0; i < s->dialect_count; i++)
		wr_u16(&w, s->dialects[i]);
	client_begin_as(c, CLIENT_SIGNED);
	(void)client_ioctl(c, t->x.tree, client_related_id(),
			   FSCTL_VALIDATE_NEGOTIATE_INFO, wr_done(&w), 64);
	if (!got(t, "OK/signed"))
		return false;
	a.message = span_of_m(t->x.answer);
	if (!answer_ioctl(&a, &io))
		return false;
	r = rd_of(io.output);
	if (rd_u32(&r) != c->capabilities)
		return false;
	if (!span_eq(rd_bytes(&r, 16), span_of(t->server_guid, 16)))
		return false;
	return rd_u16(&r) == c->security_mode && rd_u16(&r) == c->dialect;
}

/* Did the file's contents come? */
static bool served(struct trial *t)
{
	struct client *c = t->x.s->client;
	struct client_create in = wire_create_in("file", FILE_OPEN);
	struct client_answer a = {.command = SMB2_CREATE};
	struct answer_create made;

	t->entered = in_the_share(t);
	if (!t->entered)
		return false;
	if (c->dialect < SMB2_DIALECT_311 &&
	    c->settings.dialects[0] >= SMB2_DIALECT_300 && !validated(t))
		return false;
	client_begin_as(c, CLIENT_SIGNED);
	(void)client_create(c, t->x.tree, &in);
	if (!got(t, "OK/signed"))
		return false;
	a.message = span_of_m(t->x.answer);
	if (!answer_create(&a, &made))
		return false;
	client_begin_as(c, CLIENT_SIGNED);
	(void)client_read(c, t->x.tree, made.id, 0, sizeof(UNTOUCHED));
	return got(t, "OK/signed") &&
	       memmem(t->x.answer.p, t->x.answer.len, UNTOUCHED, strlen(UNTOUCHED));
}

/* ---- trials ----------------------------------------------------------------------------------------------- */

static bool play_trial(struct trial *t, const struct kind *k, struct world *w)
{
	bool came;

	wire_open(&t->x, w, k);
	t->x.s->settings.timeout_ms = STALL_MS;
	t->x.share = &w->shares[0];
	came = negotiated(t) && logged_on(t) && served(t);
	wire_close(&t->x);
	return came;
}

/* Every step-th bit of one message; how many changes went unnoticed: the server served, and the client saw no fault. */
static unsigned play_leg(struct world *w, const struct kind *k, enum leg leg,
			 unsigned step)
{
	unsigned unnoticed = 0;

	for (size_t bit = w->played % step;; bit += step) {
		struct trial t = {.dialect = k->dialect, .leg = leg, .bit = bit};
		bool came = play_trial(&t, k, w);

		if (t.beyond)
			return unnoticed;
		w->played++;
		if (!came || (leg == LAST_IN && !t.last_holds))
			continue;
		unnoticed++;
		if (t.must_fail || leg >= LAST_IN || k->dialect == SMB2_DIALECT_311)
			wire_wrong(w,
				   "dialect %x: the file was served after bit %zu of the "
				   "%s changed",
				   k->dialect, bit, leg_names[leg]);
	}
}

/* The file is there, and comes when nobody meddles. */
static bool untouched_comes(struct world *w, const struct kind *k)
{
	struct trial t = {.dialect = k->dialect, .leg = LEGS};
	struct wire x;
	bool is_there = wire_ready(&x, w, k, &w->shares[0]);

	wire_close(&x);
	if (is_there && play_trial(&t, k, w))
		return true;
	wire_wrong(w, "dialect %x: the file was not served at all", k->dialect);
	return false;
}

static void play_kind(struct world *w, const struct kind *k, unsigned step)
{
	unsigned before = w->played, unnoticed = 0;

	if (!untouched_comes(w, k))
		return;
	for (enum leg leg = 0; leg < LEGS; leg++)
		unnoticed += play_leg(w, k, leg, step);
	printf("dialect %x: %u bits, %u of them without a proof in this dialect\n",
	       k->dialect, w->played - before, unnoticed);
}

/* ---- dialects taken away ---------------------------------------------------------------------------------- */

/* The server is told of none above `to`. */
static void play_downgrade(struct world *w, uint16_t to)
{
	static const struct kind k = {.dialect = SMB2_DIALECT_311,
				      .cipher = true,
				      .signing = SIGN_AES_GMAC,
				      .all_dialects = true};
	struct trial t = {.dialect = to, .leg = LEGS, .downgrade = to};

	w->played++;
	if (play_trial(&t, &k, w))
		wire_wrong(w, "the file was served after a downgrade to %x", to);
	if (!t.entered)
		wire_wrong(w, "a downgrade to %x got nowhere, so it showed nothing", to);
}

void tamper_play(struct world *w, unsigned step)
{
	static const struct kind kinds[] = {
		{.dialect = SMB2_DIALECT_202},
		{.dialect = SMB2_DIALECT_210},
		{.dialect = SMB2_DIALECT_300, .cipher = true},
		{.dialect = SMB2_DIALECT_302, .cipher = true},
		{.dialect = SMB2_DIALECT_311, .cipher = true, .signing = SIGN_AES_GMAC},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		play_kind(w, &kinds[i], step);
	for (size_t i = 0; i < ARRAY_LEN(kinds) - 1; i++)
		play_downgrade(w, kinds[i].dialect);
	printf("handshakes %u, wrong %u\n", w->played, w->wrong);
}
