/* prepare.c - what is there before anything is measured: sessions, files, folders. One blocking call after another. */
#include "load/load_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	CHUNK_MAX = 1 << 20,
	TELL_EVERY = 256,
};

/* Where a session's requests go. */
struct place {
	struct load *load;
	struct sock *sock;
	uint32_t tree;
};

static struct place place_of(const struct conn *c)
{
	return (struct place){c->load, c->sock, c->tree};
}

static bool place_fail(const struct place *p, const char *what, int err, nt_status st)
{
	const char *why = p->sock ? client_fault(p->sock->client) : "";

	if (!err)
		return load_fail(p->load, "%s: %s", what, nt_status_name(st));
	return load_fail(p->load, "%s: %s", what,
			 err == -EBADMSG && *why ? why : strerror(-err));
}

static void tell(const struct load *l, const char *what, size_t done, size_t of)
{
	if (l->settings.progress && (done % TELL_EVERY == 0 || done == of))
		l->settings.progress(what, done, of);
}

/* ---- connections and sessions -------------------------------------------------------------------------- */

static bool connect_to(struct load *l, const struct sock_settings *settings,
		       struct sock **ret)
{
	int err = sock_open(settings, ret);

	if (err)
		return load_fail(l, "%s, port %u: %s", settings->address, settings->port,
				 strerror(-err));
	return true;
}

static bool negotiate(const struct place *p)
{
	nt_status st = STATUS_SUCCESS;
	int err;

	client_begin(p->sock->client);
	err = sock_status(p->sock, client_negotiate(p->sock->client), &st);
	return (!err && nt_ok(st)) || place_fail(p, "NEGOTIATE", err, st);
}

/* What was asked for is what was agreed on: otherwise something else would be measured. */
static bool check_agreed(const struct load *l, const struct place *p)
{
	const struct client *c = p->sock->client;
	const struct client_settings *want = &l->settings.sock.client;

	if (l->settings.size > c->max_read || l->settings.size > c->max_write)
		return load_fail(p->load,
				 "the server takes no more than %u bytes at once",
				 c->max_read < c->max_write ? c->max_read : c->max_write);
	if (want->signing_count && c->dialect == SMB2_DIALECT_311 &&
	    c->sign_alg != want->signings[0])
		return load_fail(p->load, "the server does not sign by that algorithm");
	if (c->session->protect != want->protect)
		return load_fail(p->load, "the session is protected in another way than "
					  "asked for: the server "
					  "demands more, or cannot encrypt");
	if (want->protect == CLIENT_SEALED && c->dialect == SMB2_DIALECT_311 &&
	    c->cipher != want->ciphers[0])
		return load_fail(p->load, "the server does not encrypt by that cipher");
	return true;
}

static bool logon(const struct place *p)
{
	nt_status st = STATUS_SUCCESS;
	int err = sock_logon(p->sock, &st);

	if (err || !nt_ok(st))
		return place_fail(p, "logon", err, st);
	return check_agreed(p->load, p);
}

static bool tree_connect(struct place *p)
{
	nt_status st = STATUS_SUCCESS;
	int err = sock_tree(p->sock, p->load->settings.share, &st, &p->tree);

	return (!err && nt_ok(st)) || place_fail(p, "TREE_CONNECT", err, st);
}

bool conn_connect(struct conn *c)
{
	struct sock_settings settings = c->load->settings.sock;

	settings.arg = c;
	return connect_to(c->load, &settings, &c->sock);
}

/* A further channel uses the first one's tree; what was opened over any of them is open for all. */
static bool conn_bind(struct conn *c)
{
	const struct conn *first = &c->load->conns[0];
	struct place p = place_of(c);

	if (!negotiate(&p))
		return false;
	client_session_bind(c->sock->client, first->sock->client->session);
	c->tree = first->tree;
	return logon(&p);
}

bool conn_logon(struct conn *c)
{
	struct place p = place_of(c);

	if (c->load->settings.channels && c->index > 0)
		return conn_bind(c);
	if (!logon(&p) || !tree_connect(&p))
		return false;
	c->tree = p.tree;
	return true;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static bool create(const struct place *p, const struct client_create *in,
		   struct answer_create *ret)
{
	CLEANUP(sock_answer_freep) struct sock_answer *k = NULL;
	uint64_t mid;
	int err;

	client_begin(p->sock->client);
	mid = client_create(p->sock->client, p->tree, in);
	err = sock_call(p->sock, mid, &k);
	if (err || !nt_ok(k->a.status))
		return place_fail(p, in->path, err, err ? STATUS_SUCCESS : k->a.status);
	if (!answer_create(&k->a, ret))
		return place_fail(p, in->path, -EBADMSG, STATUS_SUCCESS);
	return true;
}

static bool close_file(const struct place *p, struct client_file id)
{
	nt_status st = STATUS_SUCCESS;
	int err;

	client_begin(p->sock->client);
	err = sock_status(p->sock, client_close(p->sock->client, p->tree, id, 0), &st);
	return (!err && nt_ok(st)) || place_fail(p, "CLOSE", err, st);
}

static bool write_at(const struct place *p, struct client_file id, uint64_t off,
		     size_t len)
{
	nt_status st = STATUS_SUCCESS;
	uint64_t mid;
	int err;

	client_begin(p->sock->client);
	mid = client_write(p->sock->client, p->tree, id, off,
			   span_of(p->load->payload.p, len));
	err = sock_status(p->sock, mid, &st);
	return (!err && nt_ok(st)) || place_fail(p, "WRITE", err, st);
}

static bool read_at(const struct place *p, struct client_file id, uint64_t off,
		    size_t len)
{
	nt_status st = STATUS_SUCCESS;
	uint64_t mid;
	int err;

	client_begin(p->sock->client);
	mid = client_read(p->sock->client, p->tree, id, off, (uint32_t)len);
	err = sock_status(p->sock, mid, &st);
	return (!err && nt_ok(st)) || place_fail(p, "READ", err, st);
}

/* One after the other, through all of a file. */
static bool through(const struct place *p, struct client_file id, uint64_t len,
		    bool (*call)(const struct place *p, struct client_file id,
				 uint64_t off, size_t len))
{
	const struct client *c = p->sock->client;
	size_t chunk = c->max_write < c->max_read ? c->max_write : c->max_read;

	if (chunk > CHUNK_MAX)
		chunk = CHUNK_MAX;
	for (uint64_t off = 0; off < len; off += chunk)
		if (!call(p, id, off, len - off < chunk ? (size_t)(len - off) : chunk))
			return false;
	return true;
}

/* Open, and filled up to so many bytes. */
static bool open_filled(const struct place *p, const char *path, uint32_t access,
			uint64_t len, struct client_file *ret_id)
{
	const struct client_create in = {
		.path = path,
		.access = access,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN_IF,
	};
	struct answer_create got;

	if (!create(p, &in, &got))
		return false;
	if (got.size < len && !through(p, got.id, len, write_at))
		return false;
	*ret_id = got.id;
	return true;
}

bool prepare_read_file(struct conn *c)
{
	const struct load_settings *s = &c->load->settings;
	const struct place p = place_of(c);
	const struct client_create in = {
		.path = s->subject,
		.access = FILE_READ_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN,
	};
	struct answer_create got;
	char path[96];

	if (s->subject) {
		if (!create(&p, &in, &got))
			return false;
		c->file = got.id;
		return got.size >= s->file ||
		       load_fail(c->load, "%s: shorter than --file says", s->subject);
	}
	snprintf(path, sizeof(path), "%sread", s->prefix);
	return open_filled(&p, path, FILE_READ_DATA | FILE_WRITE_DATA, s->file, &c->file);
}

static bool own_file(struct conn *c, uint64_t len)
{
	const struct place p = place_of(c);
	char path[96];

	snprintf(path, sizeof(path), "%sown%zu", c->load->settings.prefix, c->index);
	return open_filled(&p, path,
			   FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES |
				   FILE_READ_EA,
			   len, &c->file);
}

bool prepare_write_file(struct conn *c)
{
	return own_file(c, c->load->settings.file);
}

bool prepare_own_file(struct conn *c)
{
	return own_file(c, 1);
}

/* ---- folders ----------------------------------------------------------------------------------------------- */

static bool make_folder(const struct place *p, const char *path, bool *ret_is_new)
{
	const struct client_create in = {
		.path = path,
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN_IF,
		.options = FILE_DIRECTORY_FILE,
	};
	struct answer_create got;

	if (!create(p, &in, &got))
		return false;
	*ret_is_new = got.action == FILE_CREATED;
	return close_file(p, got.id);
}

void folder_path(const struct conn *c, const char *own, char *room, size_t size)
{
	const struct load_settings *s = &c->load->settings;

	if (s->subject)
		snprintf(room, size, "%s", s->subject);
	else
		snprintf(room, size, "%s%s", s->prefix, own);
}

bool prepare_folder(struct conn *c)
{
	const struct place p = place_of(c);
	char path[64];
	bool is_new;

	if (c->load->settings.subject)
		return true;
	folder_path(c, "small", path, sizeof(path));
	return make_folder(&p, path, &is_new);
}

void list_path(const struct conn *c, char *room, size_t size)
{
	char own[32];

	snprintf(own, sizeof(own), "list-%zu", c->load->settings.entries);
	folder_path(c, own, room, size);
}

static bool make_entry(const struct place *p, const char *folder, size_t i)
{
	char path[160];
	const struct client_create in = {
		.path = path,
		.access = FILE_READ_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_CREATE,
	};
	struct answer_create got;

	snprintf(path, sizeof(path), "%s\\entry-%07zu", folder, i);
	return create(p, &in, &got) && close_file(p, got.id);
}

bool prepare_list(struct conn *c)
{
	const struct place p = place_of(c);
	size_t count = c->load->settings.entries;
	char folder[96];
	bool is_new;

	if (c->load->settings.subject)
		return true;
	list_path(c, folder, sizeof(folder));
	if (!make_folder(&p, folder, &is_new))
		return false;
	for (size_t i = 0; is_new && i < count; i++) {
		if (!make_entry(&p, folder, i))
			return false;
		tell(c->load, "entries", i + 1, count);
	}
	return true;
}

/* ---- what is beside the load ------------------------------------------------------------------------------- */

static bool idle_open(struct load *l, size_t index)
{
	struct sock_settings settings = l->settings.sock;
	struct place p = {.load = l};
	struct client_file id;
	char path[96];

	settings.got = NULL;
	if (!connect_to(l, &settings, &p.sock))
		return false;
	l->idle[index] = p.sock;
	l->idle_count = index + 1;
	if (!logon(&p) || !tree_connect(&p))
		return false;
	if (l->settings.moved) {
		snprintf(path, sizeof(path), "%smoved", l->settings.prefix);
		if (!open_filled(&p, path, FILE_READ_DATA | FILE_WRITE_DATA, 0, &id) ||
		    !through(&p, id, l->settings.moved / 2, write_at) ||
		    !through(&p, id, l->settings.moved / 2, read_at) ||
		    !close_file(&p, id))
			return false;
	}
	sock_trim(p.sock);
	return true;
}

bool prepare_idle(struct load *l)
{
	for (size_t i = 0; i < l->settings.idle; i++) {
		if (!idle_open(l, i))
			return false;
		tell(l, "idle connections", i + 1, l->settings.idle);
	}
	return true;
}

/* On a connection of its own, each of another file. */
bool prepare_held(struct load *l)
{
	struct place p = {.load = l};
	struct client_file id;
	char path[96];

	if (!l->settings.held)
		return true;
	if (!idle_open(l, l->idle_count))
		return false;
	p.sock = l->idle[l->idle_count - 1];
	client_begin(p.sock->client);
	if (!tree_connect(&p))
		return false;
	for (size_t i = 0; i < l->settings.held; i++) {
		snprintf(path, sizeof(path), "%sheld%zu", l->settings.prefix, i);
		if (!open_filled(&p, path, FILE_READ_DATA, 0, &id))
			return false;
		tell(l, "open files", i + 1, l->settings.held);
	}
	return true;
}
