/* wire.c - see wire.h */
#include "policy/wire.h"

#include "base/ct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WRONG_MAX = 20, /* each may have been waited for */
	ANSWER_MS = 5000,
};

void wire_wrong(struct world *w, const char *format, ...)
{
	va_list args;

	w->wrong++;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (w->wrong < WRONG_MAX)
		return;
	puts("and so on");
	exit(EXIT_FAILURE);
}

/* ---- the way in ------------------------------------------------------------------------------------------- */

static struct logon_settings logon_of(const struct world *w, enum who who)
{
	static const char *const users[] = {
		[NAMED] = "alice", [GUEST] = "stranger", [ANONYMOUS] = ""};

	return (struct logon_settings){.user = users[who],
				       .domain = "",
				       .password = who == NAMED ? w->password : "x"};
}

struct kind wire_kind(uint16_t dialect)
{
	return (struct kind){.dialect = dialect,
			     .cipher = dialect >= SMB2_DIALECT_300,
			     .signing = SIGN_AES_GMAC};
}

const struct share *wire_share(const struct world *w)
{
	return w->shares[0].folder ? &w->shares[0] : &w->shares[1];
}

void wire_open(struct wire *x, struct world *w, const struct kind *k)
{
	struct sock_settings s = {
		.address = "127.0.0.1",
		.port = w->port,
		.timeout_ms = ANSWER_MS,
		.client = {.env = &w->clock.env,
			   .logon = logon_of(w, k->who),
			   .host = "127.0.0.1",
			   .dialects = {k->dialect, SMB2_DIALECT_302, SMB2_DIALECT_300,
					SMB2_DIALECT_210, SMB2_DIALECT_202},
			   .dialect_count = k->all_dialects ? 5 : 1,
			   .ciphers = {SEAL_AES_128_GCM},
			   .cipher_count = k->cipher,
			   .signings = {k->signing},
			   .signing_count = k->dialect == SMB2_DIALECT_311},
	};
	int err;

	*x = (struct wire){.world = w};
	env_random(&w->clock.env, mspan_of(s.client.guid, sizeof(s.client.guid)));
	err = sock_open(&s, &x->s);
	if (err) {
		fprintf(stderr, "policy: no connection: %s\n", strerror(-err));
		exit(EXIT_FAILURE);
	}
}

void wire_close(struct wire *x)
{
	if (x->elsewhere)
		wire_close(x->elsewhere);
	free(x->elsewhere);
	x->elsewhere = NULL;
	sock_close(x->s, true);
	x->s = NULL;
}

static const char *protection_word(enum client_protect p)
{
	static const char *const words[] = {[CLIENT_PLAIN] = "plain",
					    [CLIENT_SIGNED] = "signed",
					    [CLIENT_SEALED] = "enc"};

	return words[p];
}

static const char *status_word(nt_status st)
{
	if (nt_ok(st))
		return "OK";
	if (nt_is(st, STATUS_ACCESS_DENIED))
		return "ACC";
	return nt_status_name(st);
}

static void error_word(const struct wire *x, int err, char cell[CELL_MAX])
{
	if (err == -ETIMEDOUT)
		snprintf(cell, CELL_MAX, "DROP");
	else if (err == -ECONNRESET || err == -EPIPE)
		snprintf(cell, CELL_MAX, "DISC");
	else
		snprintf(cell, CELL_MAX, "fault: %.36s",
			 err == -EBADMSG ? client_fault(x->s->client) : strerror(-err));
}

void wire_negotiate(struct wire *x)
{
	struct client *c = x->s->client;
	nt_status st = STATUS_SUCCESS;
	int err;

	client_begin(c);
	err = sock_status(x->s, client_negotiate(c), &st);
	if (err || !nt_ok(st))
		wire_wrong(x->world, "NEGOTIATE: %s, %s", strerror(-err),
			   nt_status_name(st));
}

/* How the last answer must be protected: signed to whom has a key by then, else plain. */
static void setup_word(const struct wire *x, const struct sock_answer *k,
		       char cell[CELL_MAX])
{
	const struct client_session *session = x->s->client->session;
	bool is_signed = k->a.protect == CLIENT_SIGNED;
	bool has_key = nt_ok(k->a.status) && session->sign;

	snprintf(cell, CELL_MAX, "%s%s", status_word(k->a.status),
		 session->flags & SMB2_SESSION_FLAG_ENCRYPT_DATA ? "+ENC" : "");
	if (k->a.protect == CLIENT_SEALED || is_signed != has_key)
		snprintf(cell, CELL_MAX, "an answer that is %s",
			 protection_word(k->a.protect));
}

void wire_logon(struct wire *x, char cell[CELL_MAX])
{
	struct client *c = x->s->client;

	for (x->legs = 1;; x->legs++) {
		CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
		int err;

		client_begin(c);
		err = sock_call(x->s, client_session_setup(c), &k);
		if (err) {
			error_word(x, err, cell);
			return;
		}
		if (nt_is(k->a.status, STATUS_MORE_PROCESSING_REQUIRED) &&
		    k->a.protect == CLIENT_PLAIN)
			continue;
		setup_word(x, k, cell);
		return;
	}
}

void wire_fake_keys(struct wire *x)
{
	static const uint8_t zeros[32];
	struct client *c = x->s->client;
	enum seal_cipher cipher = c->cipher ? c->cipher : SEAL_AES_128_GCM;

	x->keyless = !c->session->sign;
	if (x->keyless)
		c->session->sign = sign_key_new(c->sign_alg, zeros);
	if (!c->session->seal)
		c->session->seal =
			seal_tx_new(cipher, span_of(zeros, seal_key_len(cipher)), zeros);
	if (!c->session->sign || !c->session->seal)
		abort();
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

enum client_protect wire_proper(const struct wire *x)
{
	const struct client_session *session = x->s->client->session;

	if (x->keyless || !session->sign)
		return CLIENT_PLAIN;
	if (!session->open)
		return CLIENT_SIGNED;
	return x->world->u || session->flags & SMB2_SESSION_FLAG_ENCRYPT_DATA
		       ? CLIENT_SEALED
		       : CLIENT_SIGNED;
}

/* The answers go past the client, which would wait for them for ever. */
static void forget_pending(struct client *c)
{
	for (struct list_node *n; (n = list_pop(&c->pending)) != NULL;)
		free(container_of(n, struct client_pending, node));
	c->pending_count = 0;
}

void wire_take(struct wire *x)
{
	struct span frame = client_end(x->s->client);

	if (frame.len > FRAME_ROOM)
		abort();
	memcpy(x->frame, frame.p, frame.len);
	x->len = frame.len;
	forget_pending(x->s->client);
}

void wire_put(struct wire *x)
{
	struct wr length = wr_of(mspan_of(x->frame, 4));

	wr_be32(&length, (uint32_t)(x->len - 4));
	/* if the server hung up, the answer will tell */
	(void)!sock_raw(x->s, span_of(x->frame, x->len));
}

void wire_send(struct wire *x)
{
	wire_take(x);
	wire_put(x);
}

uint8_t *wire_message(struct wire *x)
{
	return x->frame + 4;
}

/* ---- what it meets ---------------------------------------------------------------------------------------- */

/* Both directions share the key: sign a copy and compare. */
static bool signature_holds(struct sign_key *key, struct span message)
{
	struct sign_item item = {.key = key};
	uint8_t *copy;
	bool same;

	if (!key)
		return false;
	copy = malloc(message.len);
	if (!copy)
		abort();
	memcpy(copy, message.p, message.len);
	item.msg = mspan_of(copy, message.len);
	sign_batch(&item, 1);
	same = !item.err && ct_eq(copy + SMB2_OFF_SIGNATURE,
				  message.p + SMB2_OFF_SIGNATURE, SIGNATURE_LEN);
	free(copy);
	return same;
}

/* What leads to a channel, and the refusal of a session that is not here, bear the key of the session they name. */
static bool answer_is_signed(const struct wire *x, struct span message)
{
	const struct client_session *s = x->s->client->session;
	struct sign_key *key = s->sign || !s->bound ? s->sign : s->bound->sign;

	return signature_holds(key, message) ||
	       (x->elsewhere &&
		signature_holds(x->elsewhere->s->client->session->sign, message));
}

/* Sealed for the session that its transform names: this connection's, or the one that a frame was taken from. */
static bool answer_unseal(struct wire *x)
{
	const struct client_session *s = x->s->client->session;
	uint64_t id;

	if (!seal_peek_session(span_of_m(x->answer), &id))
		return false;
	if (id != s->id && x->elsewhere)
		s = x->elsewhere->s->client->session;
	return id == s->id && s->open && !seal_open(s->open, x->answer, &x->answer);
}

/* NULL: not authentic. */
static const char *answer_open(struct wire *x)
{
	struct rd r = rd_of(span_of_m(x->answer));
	const char *word = "plain";
	struct span first;

	if (rd_u32(&r) == SMB2_TRANSFORM_PROTOCOL_ID) {
		if (!answer_unseal(x))
			return NULL;
		word = "enc";
	}
	r = rd_of(span_of_m(x->answer));
	x->head = rd_smb2_header(&r);
	if (!rd_ok(&r))
		return NULL;
	first = span_of_m(x->answer);
	if (x->head.next_command)
		first = span_head(first, x->head.next_command);
	if (!(x->head.flags & SMB2_FLAGS_SIGNED))
		return word;
	return answer_is_signed(x, first) ? "signed" : NULL;
}

void wire_judge(struct wire *x, struct mspan frame, char cell[CELL_MAX])
{
	const char *word;

	x->answer = frame;
	word = answer_open(x);
	if (!word) {
		snprintf(cell, CELL_MAX, "an answer that is not authentic");
		return;
	}
	x->s->client->credits += x->head.credits;
	snprintf(cell, CELL_MAX, "%s/%s", status_word(NT_STATUS(x->head.status)), word);
}

void wire_meets(struct wire *x, int timeout_ms, char cell[CELL_MAX])
{
	int limit = x->s->settings.timeout_ms;
	struct mspan frame;
	int err;

	if (timeout_ms)
		x->s->settings.timeout_ms = timeout_ms;
	err = sock_frame(x->s, &frame);
	x->s->settings.timeout_ms = limit;
	if (err)
		error_word(x, err, cell);
	else
		wire_judge(x, frame, cell);
}

void wire_second_meets(struct wire *x, char cell[CELL_MAX])
{
	struct rd r;

	if (!x->head.next_command) {
		wire_meets(x, 0, cell);
		return;
	}
	r = rd_of(span_from(span_of_m(x->answer), x->head.next_command));
	x->head = rd_smb2_header(&r);
	snprintf(cell, CELL_MAX, "%s",
		 rd_ok(&r) ? status_word(NT_STATUS(x->head.status)) : "no element");
}

static bool is_ok(const char *cell)
{
	return !strncmp(cell, "OK", 2);
}

bool wire_alive(struct wire *x, uint64_t message_id)
{
	struct client *c = x->s->client;
	char cell[CELL_MAX];

	if (message_id != c->next_id) { /* what was dropped gave its credit back */
		c->credits += (uint32_t)(c->next_id - message_id);
		c->next_id = message_id;
	}
	client_begin_as(c, wire_proper(x));
	(void)client_echo(c);
	wire_send(x);
	wire_meets(x, 0, cell);
	if (is_ok(cell) && x->head.message_id == message_id &&
	    x->head.command == SMB2_ECHO)
		return true;
	wire_wrong(x->world, "a proper ECHO, message id %llu, met %s (command %u)",
		   (unsigned long long)message_id, cell, x->head.command);
	return false;
}

/* ---- a share and a file in it ----------------------------------------------------------------------------- */

struct client_create wire_create_in(const char *name, uint32_t disposition)
{
	return (struct client_create){
		.path = name,
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		.disposition = disposition,
	};
}

void wire_create(struct wire *x, const char *name)
{
	struct client_create in = wire_create_in(name, FILE_CREATE);

	(void)client_create(x->s->client, x->tree, &in);
}

uint64_t wire_write(struct wire *x, const char *text)
{
	return client_write(x->s->client, x->tree, x->file, 0, span_of_str(text));
}

static bool step(struct wire *x, const char *what)
{
	char cell[CELL_MAX];

	wire_send(x);
	wire_meets(x, 0, cell);
	if (is_ok(cell))
		return true;
	wire_wrong(x->world, "%s, as it should be, met %s", what, cell);
	return false;
}

static bool open_file(struct wire *x)
{
	struct client_create in = wire_create_in("file", FILE_OVERWRITE_IF);
	struct client_answer a = {.command = SMB2_CREATE};
	struct answer_create made;

	client_begin_as(x->s->client, wire_proper(x));
	(void)client_create(x->s->client, x->tree, &in);
	if (!step(x, "CREATE"))
		return false;
	a.message = span_of_m(x->answer);
	if (!answer_create(&a, &made))
		return false;
	x->file = made.id;
	client_begin_as(x->s->client, wire_proper(x));
	(void)wire_write(x, UNTOUCHED);
	return step(x, "WRITE");
}

bool wire_enter(struct wire *x, const struct share *share)
{
	x->share = share;
	client_begin_as(x->s->client, wire_proper(x));
	(void)client_tree_connect(x->s->client, share->name);
	if (!step(x, "TREE_CONNECT"))
		return false;
	x->tree = x->head.tree_id;
	return open_file(x);
}

bool wire_ready(struct wire *x, struct world *w, const struct kind *k,
		const struct share *share)
{
	char cell[CELL_MAX];

	wire_open(x, w, k);
	wire_negotiate(x);
	wire_logon(x, cell);
	if (is_ok(cell))
		return wire_enter(x, share);
	wire_wrong(w, "the logon met %s", cell);
	return false;
}

/* ---- on disk ---------------------------------------------------------------------------------------------- */

static void path_of(const struct share *s, const char *name, char path[static 4096])
{
	snprintf(path, 4096, "%s/%s", s->folder, name);
}

bool share_file_is(const struct share *s, const char *name, const char *content)
{
	char path[4096], text[64];
	ssize_t n;
	int fd;

	path_of(s, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n >= 0 && (size_t)n == strlen(content) &&
	       !memcmp(text, content, (size_t)n);
}

bool share_has(const struct share *s, const char *name)
{
	char path[4096];

	path_of(s, name, path);
	return access(path, F_OK) == 0;
}

void share_remove(const struct share *s, const char *name)
{
	char path[4096];

	path_of(s, name, path);
	(void)unlink(path);
}
