/* work.c - the operations, a row each. */
#include "load/load_impl.h"

#include <stdio.h>
#include <string.h>

enum {
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	INFO_OUTPUT_MAX = 4096,
	KIB = 1024,
};

static size_t payload_size(const struct load *l)
{
	return l->settings.size;
}

/* ---- READ, WRITE ------------------------------------------------------------------------------------- */

static uint64_t offset_next(struct conn *c)
{
	const struct load_settings *s = &c->load->settings;
	uint64_t off = c->next_off;

	c->next_off = off + 2 * s->size > s->file ? 0 : off + s->size;
	return off;
}

/* xorshift64: the same offsets in every run. */
static uint64_t offset_random(struct conn *c)
{
	const struct load_settings *s = &c->load->settings;

	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % (s->file / s->size) * s->size;
}

static void read_at(struct slot *s, uint64_t off)
{
	slot_sent(s, client_read(slot_client(s), s->conn->tree, s->conn->file, off,
				 (uint32_t)slot_settings(s)->size));
}

static void read_step(struct slot *s)
{
	client_begin(slot_client(s));
	read_at(s, offset_next(s->conn));
}

static void randread_step(struct slot *s)
{
	client_begin(slot_client(s));
	read_at(s, offset_random(s->conn));
}

static void read_got(struct slot *s, const struct client_answer *a)
{
	struct span data;

	if (!slot_expect(s, a, STATUS_SUCCESS))
		return;
	if (!answer_read(a, &data) || data.len != slot_settings(s)->size)
		slot_fail(s, a, "not the bytes that were asked for");
	else
		slot_done(s, data.len);
}

static void write_at(struct slot *s, uint64_t off)
{
	slot_sent(s, client_write(
			     slot_client(s), s->conn->tree, s->conn->file, off,
			     span_of(s->conn->load->payload.p, slot_settings(s)->size)));
}

static void write_step(struct slot *s)
{
	client_begin(slot_client(s));
	write_at(s, offset_next(s->conn));
}

static void randwrite_step(struct slot *s)
{
	client_begin(slot_client(s));
	write_at(s, offset_random(s->conn));
}

static void write_got(struct slot *s, const struct client_answer *a)
{
	uint32_t count;

	if (!slot_expect(s, a, STATUS_SUCCESS))
		return;
	if (!answer_write(a, &count) || count != slot_settings(s)->size)
		slot_fail(s, a, "not all was written");
	else
		slot_done(s, count);
}

/* ---- opens ------------------------------------------------------------------------------------------- */

static void send_create(struct slot *s, const struct client_create *in)
{
	client_begin(slot_client(s));
	slot_sent(s, client_create(slot_client(s), s->conn->tree, in));
}

static bool got_create(struct slot *s, const struct client_answer *a)
{
	struct answer_create got;

	if (!slot_expect(s, a, STATUS_SUCCESS))
		return false;
	if (!answer_create(a, &got)) {
		slot_fail(s, a, "malformed");
		return false;
	}
	s->file = got.id;
	return true;
}

static void send_close(struct slot *s)
{
	client_begin(slot_client(s));
	slot_sent(s, client_close(slot_client(s), s->conn->tree, s->file, 0));
}

enum { CREATE_OPEN, CREATE_CLOSE };

static void create_step(struct slot *s)
{
	const struct client_create in = {
		.path = s->path,
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN_IF,
	};

	if (s->step == CREATE_CLOSE) {
		send_close(s);
		return;
	}
	snprintf(s->path, sizeof(s->path), "%screate%zu-%zu", slot_settings(s)->prefix,
		 s->conn->index, s->index);
	send_create(s, &in);
}

static void create_got(struct slot *s, const struct client_answer *a)
{
	if (s->step == CREATE_OPEN) {
		if (got_create(s, a))
			slot_next(s, CREATE_CLOSE);
	} else if (slot_expect(s, a, STATUS_SUCCESS)) {
		slot_done(s, 0);
	}
}

static void query_step(struct slot *s)
{
	const struct client_info what = {SMB2_0_INFO_FILE, FileAllInformation, 0};

	client_begin(slot_client(s));
	slot_sent(s, client_query_info(slot_client(s), s->conn->tree, s->conn->file, what,
				       INFO_OUTPUT_MAX));
}

static void query_got(struct slot *s, const struct client_answer *a)
{
	if (slot_expect(s, a, STATUS_SUCCESS))
		slot_done(s, 0);
}

/* ---- small files: made, written, closed, deleted ------------------------------------------------------ */

enum { SMALL_MAKE, SMALL_WRITE, SMALL_CLOSE, SMALL_DELETE, SMALL_GONE };

static void small_path(struct slot *s)
{
	char folder[64];

	folder_path(s->conn, "small", folder, sizeof(folder));
	snprintf(s->path, sizeof(s->path), "%s\\%zu-%zu-%llu", folder, s->conn->index,
		 s->index, (unsigned long long)s->serial++);
}

static void small_step(struct slot *s)
{
	struct client_create in = {
		.path = s->path,
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = SHARE_ALL,
		.disposition = FILE_CREATE,
	};

	switch (s->step) {
	case SMALL_MAKE:
		small_path(s);
		send_create(s, &in);
		return;
	case SMALL_WRITE:
		client_begin(slot_client(s));
		slot_sent(s, client_write(slot_client(s), s->conn->tree, s->file, 0,
					  span_of(s->conn->load->payload.p,
						  slot_settings(s)->size)));
		return;
	case SMALL_DELETE:
		in.access = DELETE;
		in.disposition = FILE_OPEN;
		in.options = FILE_DELETE_ON_CLOSE;
		send_create(s, &in);
		return;
	default:
		send_close(s);
	}
}

static void small_got(struct slot *s, const struct client_answer *a)
{
	bool opens = s->step == SMALL_MAKE || s->step == SMALL_DELETE;

	if (opens ? !got_create(s, a) : !slot_expect(s, a, STATUS_SUCCESS))
		return;
	if (s->step == SMALL_GONE)
		slot_done(s, slot_settings(s)->size);
	else
		slot_next(s, s->step + 1);
}

/* ---- a directory, from the first entry to the last ----------------------------------------------------- */

enum { LIST_OPEN, LIST_PAGE, LIST_CLOSE };

static void list_step(struct slot *s)
{
	const struct client_create in = {
		.path = s->path,
		.access = FILE_READ_DATA, /* FILE_LIST_DIRECTORY */
		.share = SHARE_ALL,
		.disposition = FILE_OPEN,
		.options = FILE_DIRECTORY_FILE,
	};

	if (s->step == LIST_OPEN) {
		list_path(s->conn, s->path, sizeof(s->path));
		s->serial = 0;
		send_create(s, &in);
	} else if (s->step == LIST_PAGE) {
		client_begin(slot_client(s));
		slot_sent(s,
			  client_query_directory(slot_client(s), s->conn->tree, s->file,
						 FileIdBothDirectoryInformation, 0, "*",
						 (uint32_t)slot_settings(s)->size));
	} else {
		send_close(s);
	}
}

static void list_got_page(struct slot *s, const struct client_answer *a)
{
	struct answer_name name;
	struct span list;

	if (nt_is(a->status, STATUS_NO_MORE_FILES)) {
		if (s->serial != slot_settings(s)->entries + 2)
			slot_fail(s, a, "not as many entries as the folder has");
		else
			slot_next(s, LIST_CLOSE);
		return;
	}
	if (!slot_expect(s, a, STATUS_SUCCESS))
		return;
	if (!answer_output(a, &list)) {
		slot_fail(s, a, "malformed");
		return;
	}
	while (answer_next_name(&list, FileIdBothDirectoryInformation, &name))
		s->serial++;
	slot_next(s, LIST_PAGE);
}

static void list_got(struct slot *s, const struct client_answer *a)
{
	if (s->step == LIST_PAGE) {
		list_got_page(s, a);
	} else if (s->step == LIST_OPEN) {
		if (got_create(s, a))
			slot_next(s, LIST_PAGE);
	} else if (slot_expect(s, a, STATUS_SUCCESS)) {
		s->conn->load->result.entries += s->serial;
		slot_done(s, 0);
	}
}

/* ---- logons ------------------------------------------------------------------------------------------ */

enum { LOGON_NEGOTIATE, LOGON_SETUP, LOGON_TREE, LOGON_OFF };

static void logon_step(struct slot *s)
{
	struct client *c = slot_client(s);

	if (s->step == LOGON_NEGOTIATE && c->dialect)
		s->step = LOGON_SETUP;
	client_begin(c);
	switch (s->step) {
	case LOGON_NEGOTIATE:
		slot_sent(s, client_negotiate(c));
		return;
	case LOGON_SETUP:
		slot_sent(s, client_session_setup(c));
		return;
	case LOGON_TREE:
		slot_sent(s, client_tree_connect(c, slot_settings(s)->share));
		return;
	default:
		slot_sent(s, client_logoff(c));
	}
}

static void logon_got(struct slot *s, const struct client_answer *a)
{
	if (s->step == LOGON_SETUP && nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED)) {
		slot_next(s, LOGON_SETUP);
		return;
	}
	if (!slot_expect(s, a, STATUS_SUCCESS))
		return;
	if (s->step != LOGON_OFF) {
		slot_next(s, s->step + 1);
		return;
	}
	s->conn->renew = true;
	slot_done(s, 0);
}

static bool logon_renew(struct conn *c)
{
	sock_close(c->sock, false);
	c->sock = NULL;
	return conn_connect(c);
}

static bool relogon_renew(struct conn *c)
{
	struct client *client = c->sock->client;

	client_session_drop(client, client->session);
	client_session_add(client, &c->load->settings.sock.client.logon);
	return true;
}

static void echo_step(struct slot *s)
{
	client_begin(slot_client(s));
	slot_sent(s, client_echo(slot_client(s)));
}

/* ---- the table ------------------------------------------------------------------------------------------ */

static const struct work works[] = {
	{
		.info = {"read", "READ one file from its start to its end", 1024 * KIB},
		.prepare = prepare_read_file,
		.payload = payload_size,
		.step = read_step,
		.got = read_got,
		.assumable = true,
	},
	{
		.info = {"write", "WRITE a file of the connection's own likewise",
			 1024 * KIB},
		.prepare = prepare_write_file,
		.payload = payload_size,
		.step = write_step,
		.got = write_got,
		.assumable = true,
	},
	{
		.info = {"randread", "READ at random places of one file", 4 * KIB},
		.prepare = prepare_read_file,
		.payload = payload_size,
		.step = randread_step,
		.got = read_got,
		.assumable = true,
	},
	{
		.info = {"randwrite", "WRITE at random places", 4 * KIB},
		.prepare = prepare_write_file,
		.payload = payload_size,
		.step = randwrite_step,
		.got = write_got,
		.assumable = true,
	},
	{
		.info = {"create", "CREATE and CLOSE of a file that is there", 0},
		.step = create_step,
		.got = create_got,
	},
	{
		.info = {"query", "QUERY_INFO, FileAllInformation of an open file", 0},
		.prepare = prepare_own_file,
		.step = query_step,
		.got = query_got,
	},
	{
		.info = {"list",
			 "QUERY_DIRECTORY of --entries names, open and close included",
			 64 * KIB},
		.prepare = prepare_list,
		.payload = payload_size,
		.step = list_step,
		.got = list_got,
	},
	{
		.info = {"small",
			 "a new file: CREATE, WRITE, CLOSE; then CREATE and CLOSE "
			 "that delete it",
			 4 * KIB},
		.prepare = prepare_folder,
		.payload = payload_size,
		.step = small_step,
		.got = small_got,
	},
	{
		.info = {"logon",
			 "connect, NEGOTIATE, logon, TREE_CONNECT, LOGOFF, "
			 "disconnect",
			 0, true, true},
		.step = logon_step,
		.got = logon_got,
		.renew = logon_renew,
		.no_session = true,
	},
	{
		.info = {"relogon",
			 "logon, TREE_CONNECT, LOGOFF on a connection that stays", 0,
			 true},
		.step = logon_step,
		.got = logon_got,
		.renew = relogon_renew,
		.no_session = true,
	},
	{
		.info = {"echo", "ECHO", 0},
		.step = echo_step,
		.got = query_got,
	},
};

const struct work_info *load_work_at(size_t index)
{
	return index < ARRAY_LEN(works) ? &works[index].info : NULL;
}

const struct work *load_work(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(works); i++)
		if (strcmp(works[i].info.name, name) == 0)
			return &works[i];
	return NULL;
}

const struct work_info *load_work_info(const struct work *work)
{
	return &work->info;
}
