/*
 *     OUT --act--> LOGON --> CREDITS --enough--> OPEN_FILE --> FILL --> OPEN_DIR --> WARM --> RUNNING --> LEAVING --> GONE
 *                                                                                     ^__________/ the next operation
 */
#include "sim/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MIB = 1 << 20,
	CREDITS_WANTED = 64, /* enough for 1 MiB */
	LISTED = 600,        /* more than a page has room for */
	PAGE_LEN = 64 * 1024,
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
};

enum phase {
	OUT,
	LOGON,
	CREDITS,
	OPEN_FILE,
	FILL,
	OPEN_DIR,
	WARM,
	RUNNING,
	LEAVING,
	GONE
};

struct cost {
	struct sim_actor actor;
	struct station st;
	enum phase phase;
	const struct operation *op;
	size_t left; /* requests of the operation, in this phase */
	uint32_t tree;
	struct client_file file, dir, opened;
	bool is_open; /* `opened`, which create-close closes next */
	uint8_t *data;
};

struct operation {
	const char *name;
	void (*add)(struct cost *c);
	size_t requests; /* of one */
	size_t count;    /* done and counted; half as many before that */
};

static struct cost *cost_of(struct sim_actor *a)
{
	return container_of(a, struct cost, actor);
}

void cost_scene(struct sim *s)
{
	char name[32];

	sim_make(s, "file", false);
	sim_make(s, "small", false);
	sim_make(s, "many", true);
	for (unsigned i = 0; i < LISTED; i++) {
		snprintf(name, sizeof(name), "many\\file%04u.dat", i);
		sim_make(s, name, false);
	}
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

static void add_open(struct cost *c, const char *path, uint32_t access)
{
	const struct client_create in = {
		.path = path,
		.access = access,
		.share = SHARE_ALL,
		.disposition = FILE_OPEN,
	};

	(void)client_create(c->st.client, c->tree, &in);
}

static void add_echo(struct cost *c)
{
	(void)client_echo(c->st.client);
}

static void add_read_4k(struct cost *c)
{
	(void)client_read(c->st.client, c->tree, c->file, 0, 4096);
}

static void add_read_1m(struct cost *c)
{
	(void)client_read(c->st.client, c->tree, c->file, 0, MIB);
}

static void add_write_4k(struct cost *c)
{
	(void)client_write(c->st.client, c->tree, c->file, 0, span_of(c->data, 4096));
}

static void add_write_1m(struct cost *c)
{
	(void)client_write(c->st.client, c->tree, c->file, 0, span_of(c->data, MIB));
}

static void add_create_close(struct cost *c)
{
	if (c->is_open)
		(void)client_close(c->st.client, c->tree, c->opened, 0);
	else
		add_open(c, "small", FILE_READ_DATA);
}

static void add_query_info(struct cost *c)
{
	const struct client_info what = {.type = SMB2_0_INFO_FILE,
					 .class = FileNetworkOpenInformation};

	(void)client_query_info(c->st.client, c->tree, c->file, what, 4096);
}

static void add_list_page(struct cost *c)
{
	(void)client_query_directory(c->st.client, c->tree, c->dir,
				     FileIdBothDirectoryInformation, SMB2_RESTART_SCANS,
				     "*", PAGE_LEN);
}

static const struct operation operations[] = {
	{"echo", add_echo, 1, 64},
	{"read-4k", add_read_4k, 1, 64},
	{"read-1m", add_read_1m, 1, 8},
	{"write-4k", add_write_4k, 1, 64},
	{"write-1m", add_write_1m, 1, 8},
	{"create-close", add_create_close, 2, 64},
	{"query-info", add_query_info, 1, 64},
	{"list-page", add_list_page, 1, 8},
};

/* ---- answers ------------------------------------------------------------------------------------------------- */

static struct client_file created(struct cost *c, const struct client_answer *a)
{
	struct answer_create got;

	if (!answer_create(a, &got))
		sim_fail(c->actor.sim, "no CREATE answer");
	return got.id;
}

static void got_prepared(struct cost *c, const struct client_answer *a)
{
	if (c->phase == OPEN_FILE)
		c->file = created(c, a);
	if (c->phase == OPEN_DIR)
		c->dir = created(c, a);
	c->phase++;
}

/* Where tests/cost has the counter read and begin anew. */
void cost_mark(void)
{
	__asm__ volatile(""); /* is called, whatever the compiler thinks of it */
}

/* What has been done often enough? */
static void next_phase(struct cost *c)
{
	if (c->phase == WARM) {
		c->left = c->op->count * c->op->requests;
		c->phase = RUNNING;
		cost_mark();
		return;
	}
	cost_mark();
	printf("%s\t%zu\n", c->op->name, c->op->count);
	c->op++;
	c->phase = c->op == operations + ARRAY_LEN(operations) ? LEAVING : WARM;
	if (c->phase == WARM)
		c->left = c->op->count / 2 * c->op->requests;
}

static void got_run(struct cost *c, const struct client_answer *a)
{
	struct span data;

	if (a->command == SMB2_CREATE)
		c->opened = created(c, a);
	c->is_open = a->command == SMB2_CREATE;
	if (a->command == SMB2_READ && (!answer_read(a, &data) || data.len == 0))
		sim_fail(c->actor.sim, "nothing was read");
	if (--c->left == 0)
		next_phase(c);
}

static void cost_got(struct station *st, const struct client_answer *a)
{
	struct cost *c = container_of(st, struct cost, st);

	if (a->interim)
		return;
	if (!nt_ok(a->status) && !nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED))
		sim_fail(st->sim, "%s: %s", station_command(a->command),
			 nt_status_name(a->status));
	if (c->phase == LOGON)
		c->phase = station_logs_on(&c->st, a, &c->tree) ? CREDITS : LOGON;
	else if (c->phase == CREDITS && st->client->credits >= CREDITS_WANTED)
		c->phase = OPEN_FILE;
	else if (c->phase >= OPEN_FILE && c->phase <= OPEN_DIR)
		got_prepared(c, a);
	else if (c->phase == WARM || c->phase == RUNNING)
		got_run(c, a);
}

static void cost_closed(struct station *st)
{
	sim_fail(st->sim, "the server closed the connection");
}

/* ---- the actor ----------------------------------------------------------------------------------------------- */

static const struct station_kind *plain_kind(void)
{
	for (size_t i = 0; i < station_kind_count; i++)
		if (station_kinds[i].dialect == SMB2_DIALECT_311 &&
		    station_kinds[i].protect == CLIENT_PLAIN)
			return &station_kinds[i];
	abort();
}

static void begin(struct cost *c)
{
	c->phase = LOGON;
	station_open(&c->st, plain_kind(), 0, 0, 0);
	client_begin(c->st.client);
	(void)client_negotiate(c->st.client);
}

static void add(struct cost *c)
{
	client_begin(c->st.client);
	switch (c->phase) {
	case CREDITS:
		add_echo(c);
		break;
	case OPEN_FILE:
		add_open(c, "file",
			 FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES);
		break;
	case FILL:
		add_write_1m(c);
		break;
	case OPEN_DIR:
		add_open(c, "many", FILE_LIST_DIRECTORY);
		break;
	default:
		c->op->add(c);
	}
}

static void cost_act(struct sim_actor *a)
{
	struct cost *c = cost_of(a);

	if (c->phase == LEAVING) {
		station_leave(&c->st, false);
		c->phase = GONE;
		return;
	}
	if (c->phase == OUT)
		begin(c);
	else
		add(c);
	station_put(&c->st);
}

static bool cost_wants(struct sim_actor *a)
{
	const struct cost *c = cost_of(a);

	if (c->phase == OUT)
		return true;
	return c->phase > LOGON && c->phase < GONE && c->st.client->pending_count == 0;
}

static bool cost_is_done(struct sim_actor *a)
{
	return cost_of(a)->phase == GONE;
}

static void cost_free(struct sim_actor *a)
{
	free(cost_of(a)->data);
	free(cost_of(a));
}

struct sim_actor *cost_new(struct sim *s)
{
	struct cost *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->data = calloc(1, MIB);
	if (!c->data)
		abort();
	c->op = operations;
	c->left = c->op->count / 2 * c->op->requests;
	c->actor = (struct sim_actor){.name = "cost",
				      .act = cost_act,
				      .wants = cost_wants,
				      .is_done = cost_is_done,
				      .free = cost_free};
	c->st = (struct station){
		.sim = s, .name = "cost", .got = cost_got, .closed = cost_closed};
	return &c->actor;
}
