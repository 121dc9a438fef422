/* script.c - steps in a table: what is sent, and what must come back before the next. */
#include "sim/script.h"

#include "wire/utf16.h"
#include "wire/wr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DATA_LEN = 60000,     /* fits one credit of any dialect */
	BIG_LEN = 300 * 1000, /* five credits */
	LIST_MAX = 4096,
	RW = FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE,
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
};

struct script {
	struct sim_actor actor;
	struct station st;
	const struct station_kind *kind;
	unsigned user, lane;
	size_t step; /* of the table */
	bool waiting;
	bool done;

	char dir[16], file[32], other[32];
	uint32_t tree;
	struct client_file dir_id, file_id, second_id;
	uint64_t mid, other_mid;
	unsigned answers; /* so far in this step */
	uint8_t *data;    /* BIG_LEN bytes */
};

struct step {
	const char *name;
	void (*send)(struct script *s);
	/* True when the step is over. */
	bool (*got)(struct script *s, const struct client_answer *a);
};

static void expect(struct script *s, bool ok, const char *what);

static void expect_status(struct script *s, const struct client_answer *a, nt_status st)
{
	if (!nt_is(a->status, st))
		sim_fail(s->actor.sim, "%s: %s: %s, not %s", s->actor.name,
			 station_command(a->command), nt_status_name(a->status),
			 nt_status_name(st));
}

static struct client *begin(struct script *s)
{
	client_begin(s->st.client);
	return s->st.client;
}

static bool got_ok(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_SUCCESS);
	return true;
}

/* ---- the way in ----------------------------------------------------------------------------------------- */

static void send_negotiate(struct script *s)
{
	station_open(&s->st, s->kind, s->user, s->lane, 0);
	(void)client_negotiate(begin(s));
}

static bool got_negotiate(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_SUCCESS);
	expect(s, s->st.client->dialect == s->kind->dialect, "the dialect asked for");
	expect(s, s->st.client->cipher == s->kind->cipher, "the cipher asked for");
	return true;
}

static void send_setup(struct script *s)
{
	(void)client_session_setup(begin(s));
}

static bool got_challenge(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_MORE_PROCESSING_REQUIRED);
	return true;
}

static void send_tree(struct script *s)
{
	(void)client_tree_connect(begin(s), "Files");
}

static bool got_tree(struct script *s, const struct client_answer *a)
{
	struct answer_tree t;

	expect_status(s, a, STATUS_SUCCESS);
	expect(s, answer_tree(a, &t) && t.type == SMB2_SHARE_TYPE_DISK, "a disk");
	s->tree = a->tree_id;
	return true;
}

static void send_echo(struct script *s)
{
	(void)client_echo(begin(s));
}

/* ---- a directory and a file ----------------------------------------------------------------------------- */

static void create(struct script *s, const char *path, uint32_t access, uint32_t share,
		   uint32_t disposition, uint32_t options)
{
	const struct client_create in = {
		.path = path,
		.access = access,
		.share = share,
		.disposition = disposition,
		.options = options,
	};

	(void)client_create(s->st.client, s->tree, &in);
}

static bool take_file(struct script *s, const struct client_answer *a,
		      struct client_file *ret_id)
{
	struct answer_create c;

	expect_status(s, a, STATUS_SUCCESS);
	expect(s, answer_create(a, &c), "a CREATE answer");
	*ret_id = c.id;
	return true;
}

static void send_mkdir(struct script *s)
{
	(void)begin(s);
	create(s, s->dir, FILE_GENERIC_READ, SHARE_ALL, FILE_CREATE, FILE_DIRECTORY_FILE);
}

static bool got_dir(struct script *s, const struct client_answer *a)
{
	return take_file(s, a, &s->dir_id);
}

static void send_create(struct script *s)
{
	(void)begin(s);
	create(s, s->file, RW, SHARE_ALL, FILE_CREATE, FILE_NON_DIRECTORY_FILE);
}

static bool got_file(struct script *s, const struct client_answer *a)
{
	return take_file(s, a, &s->file_id);
}

static void send_create_again(struct script *s)
{
	send_create(s);
}

static bool got_collision(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_OBJECT_NAME_COLLISION);
	return true;
}

/* Two writes at once, and a flush that must not overtake them. */
static void send_writes(struct script *s)
{
	(void)client_write(begin(s), s->tree, s->file_id, 0,
			   span_of(s->data, DATA_LEN / 2));
	station_put(&s->st);
	(void)client_write(begin(s), s->tree, s->file_id, DATA_LEN / 2,
			   span_of(s->data + DATA_LEN / 2, DATA_LEN / 2));
	station_put(&s->st);
	(void)client_flush(begin(s), s->tree, s->file_id);
}

static bool got_writes(struct script *s, const struct client_answer *a)
{
	uint32_t count;

	expect_status(s, a, STATUS_SUCCESS);
	if (a->command == SMB2_WRITE)
		expect(s, answer_write(a, &count) && count == DATA_LEN / 2,
		       "all bytes written");
	return ++s->answers == 3;
}

static void send_read(struct script *s)
{
	(void)client_read(begin(s), s->tree, s->file_id, 0, DATA_LEN);
}

static bool got_data(struct script *s, const struct client_answer *a)
{
	struct span data;

	expect_status(s, a, STATUS_SUCCESS);
	expect(s, answer_read(a, &data) && span_eq(data, span_of(s->data, DATA_LEN)),
	       "the bytes that were written");
	return true;
}

static void send_read_behind(struct script *s)
{
	(void)client_read(begin(s), s->tree, s->file_id, DATA_LEN, 1);
}

static bool got_end_of_file(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_END_OF_FILE);
	return true;
}

static bool is_big(const struct script *s)
{
	return s->kind->dialect >= SMB2_DIALECT_210;
}

static void send_big(struct script *s)
{
	size_t len = is_big(s) ? BIG_LEN : DATA_LEN;

	(void)client_write(begin(s), s->tree, s->file_id, 0, span_of(s->data, len));
}

static void send_read_big(struct script *s)
{
	(void)client_read(begin(s), s->tree, s->file_id, 0,
			  is_big(s) ? BIG_LEN : DATA_LEN);
}

static bool got_big(struct script *s, const struct client_answer *a)
{
	size_t len = is_big(s) ? BIG_LEN : DATA_LEN;
	struct span data;

	expect_status(s, a, STATUS_SUCCESS);
	expect(s, answer_read(a, &data) && span_eq(data, span_of(s->data, len)),
	       "all the bytes that were written");
	return true;
}

/* Open, ask, close: the compound every client sends. */
static void send_compound(struct script *s)
{
	const struct client_info what = {SMB2_0_INFO_FILE, FileStandardInformation, 0};
	struct client *c = begin(s);

	create(s, s->file, FILE_READ_ATTRIBUTES, SHARE_ALL, FILE_OPEN, 0);
	client_relate(c);
	(void)client_query_info(c, s->tree, client_related_id(), what, 24);
	(void)client_close(c, s->tree, client_related_id(),
			   SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB);
}

static bool got_compound(struct script *s, const struct client_answer *a)
{
	size_t len = is_big(s) ? BIG_LEN : DATA_LEN;
	struct span info;
	struct rd r;

	expect_status(s, a, STATUS_SUCCESS);
	if (a->command == SMB2_QUERY_INFO) {
		expect(s, answer_output(a, &info), "information");
		r = rd_of(info);
		rd_skip(&r, 8); /* AllocationSize */
		expect(s, rd_u64(&r) == len && rd_ok(&r), "the file's size");
	}
	return ++s->answers == 3;
}

/* ---- locks ---------------------------------------------------------------------------------------------- */

static void lock(struct script *s, struct client_file id, uint32_t flags)
{
	const struct client_lock l = {.offset = 10, .length = 5, .flags = flags};

	s->mid = client_lock(begin(s), s->tree, id, &l, 1);
}

static void send_second_open(struct script *s)
{
	(void)begin(s);
	create(s, s->file, FILE_GENERIC_READ | FILE_GENERIC_WRITE, SHARE_ALL, FILE_OPEN,
	       0);
}

static bool got_second(struct script *s, const struct client_answer *a)
{
	return take_file(s, a, &s->second_id);
}

static void send_lock(struct script *s)
{
	lock(s, s->file_id,
	     SMB2_LOCKFLAG_EXCLUSIVE_LOCK | SMB2_LOCKFLAG_FAIL_IMMEDIATELY);
}

static void send_lock_held(struct script *s)
{
	lock(s, s->second_id, SMB2_LOCKFLAG_SHARED_LOCK | SMB2_LOCKFLAG_FAIL_IMMEDIATELY);
}

static bool got_not_granted(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_LOCK_NOT_GRANTED);
	return true;
}

static void send_read_locked(struct script *s)
{
	(void)client_read(begin(s), s->tree, s->second_id, 0, 11);
}

static bool got_lock_conflict(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_FILE_LOCK_CONFLICT);
	return true;
}

static void send_lock_wait(struct script *s)
{
	lock(s, s->second_id, SMB2_LOCKFLAG_SHARED_LOCK);
}

/* It waits; give the lock free, and it must be granted. */
static bool got_granted_later(struct script *s, const struct client_answer *a)
{
	if (s->answers++ == 0) {
		expect_status(s, a, STATUS_PENDING);
		s->other_mid = s->mid;
		lock(s, s->file_id, SMB2_LOCKFLAG_UNLOCK);
		station_put(&s->st);
		return false;
	}
	expect_status(s, a, STATUS_SUCCESS);
	return s->answers == 3;
}

static void send_lock_wait_first(struct script *s)
{
	lock(s, s->file_id, SMB2_LOCKFLAG_EXCLUSIVE_LOCK);
}

/* It waits again; this time it is cancelled. */
static bool got_cancelled(struct script *s, const struct client_answer *a)
{
	if (s->answers++ == 0) {
		expect_status(s, a, STATUS_PENDING);
		client_cancel(begin(s), s->mid);
		station_put(&s->st);
		return false;
	}
	expect_status(s, a, STATUS_CANCELLED);
	return true;
}

/* And once more; closing the file ends it. */
static bool got_closed_waiting(struct script *s, const struct client_answer *a)
{
	if (s->answers++ == 0) {
		expect_status(s, a, STATUS_PENDING);
		(void)client_close(begin(s), s->tree, s->file_id, 0);
		station_put(&s->st);
		return false;
	}
	expect_status(s, a,
		      a->command == SMB2_LOCK ? STATUS_RANGE_NOT_LOCKED : STATUS_SUCCESS);
	return s->answers == 3;
}

/* ---- directories ---------------------------------------------------------------------------------------- */

static void send_list(struct script *s)
{
	(void)client_query_directory(begin(s), s->tree, s->dir_id,
				     FileIdBothDirectoryInformation, 0, "*", LIST_MAX);
}

static bool got_list(struct script *s, const struct client_answer *a)
{
	struct answer_name n;
	struct span list;
	size_t count = 0;

	expect_status(s, a, STATUS_SUCCESS);
	expect(s, answer_output(a, &list), "a list");
	while (list.len) {
		expect(s, answer_next_name(&list, FileIdBothDirectoryInformation, &n),
		       "a well-formed list");
		count++;
	}
	expect(s, count == 3, "two dots and a file");
	return true;
}

static void send_list_more(struct script *s)
{
	send_list(s);
}

static bool got_no_more(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_NO_MORE_FILES);
	return true;
}

static void send_notify(struct script *s)
{
	s->mid = client_change_notify(begin(s), s->tree, s->dir_id, 0,
				      FILE_NOTIFY_CHANGE_FILE_NAME, LIST_MAX);
}

static bool got_change(struct script *s, const struct client_answer *a)
{
	struct answer_change c;
	struct span list;

	expect_status(s, a, STATUS_SUCCESS);
	if (a->command == SMB2_CREATE)
		return false;
	expect(s, answer_output(a, &list) && answer_next_change(&list, &c),
	       "a change of the directory");
	expect(s,
	       c.action == FILE_ACTION_ADDED && span_eq(c.name, span_of("n\0e\0w\0", 6)),
	       "the new name");
	return true;
}

/* It waits; make a file that is deleted when it is closed. Two answers, in any order. */
static bool got_notified(struct script *s, const struct client_answer *a)
{
	bool told;

	if (s->answers++ == 0) {
		expect_status(s, a, STATUS_PENDING);
		(void)begin(s);
		create(s, s->other, RW, 0, FILE_CREATE, FILE_DELETE_ON_CLOSE);
		station_put(&s->st);
		return false;
	}
	told = got_change(s, a);
	if (!told)
		(void)take_file(s, a, &s->file_id);
	return s->answers == 3;
}

static void send_open_exclusive(struct script *s)
{
	(void)begin(s);
	create(s, s->other, FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0);
}

static bool got_sharing_violation(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_SHARING_VIOLATION);
	return true;
}

static void send_close_file(struct script *s)
{
	(void)client_close(begin(s), s->tree, s->file_id, 0);
}

static void send_open_deleted(struct script *s)
{
	(void)begin(s);
	create(s, s->other, FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0);
}

static bool got_not_found(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_OBJECT_NAME_NOT_FOUND);
	return true;
}

static void send_notify_again(struct script *s)
{
	send_notify(s);
}

/* It waits, or is told at once of the deletion before; then the directory is closed under it. */
static bool got_notify_cleanup(struct script *s, const struct client_answer *a)
{
	if (s->answers++ == 0 && a->interim) {
		(void)client_close(begin(s), s->tree, s->dir_id, 0);
		station_put(&s->st);
		return false;
	}
	if (s->answers == 1 || (a->command == SMB2_CHANGE_NOTIFY && nt_ok(a->status))) {
		expect_status(s, a, STATUS_SUCCESS);
		if (s->answers > 1)
			return s->answers == 3;
		s->answers = 0;
		send_notify(s);
		station_put(&s->st);
		return false;
	}
	expect_status(s, a,
		      a->command == SMB2_CLOSE ? STATUS_SUCCESS : STATUS_NOTIFY_CLEANUP);
	return s->answers == 3;
}

/* ---- the way out ---------------------------------------------------------------------------------------- */

static void send_close_second(struct script *s)
{
	(void)client_close(begin(s), s->tree, s->second_id, 0);
}

static void send_read_closed(struct script *s)
{
	(void)client_read(begin(s), s->tree, s->second_id, 0, 1);
}

static bool got_file_closed(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_FILE_CLOSED);
	return true;
}

static void send_tree_disconnect(struct script *s)
{
	(void)client_tree_disconnect(begin(s), s->tree);
}

static void send_logoff(struct script *s)
{
	station_check_books(&s->st);
	(void)client_logoff(begin(s));
}

static bool got_logoff(struct script *s, const struct client_answer *a)
{
	expect_status(s, a, STATUS_SUCCESS);
	station_leave(&s->st, false);
	s->done = true;
	return true;
}

static const struct step steps[] = {
	{"negotiate", send_negotiate, got_negotiate},
	{"first token", send_setup, got_challenge},
	{"second token", send_setup, got_ok},
	{"tree", send_tree, got_tree},
	{"echo", send_echo, got_ok},
	{"make a directory", send_mkdir, got_dir},
	{"make a file", send_create, got_file},
	{"make it again", send_create_again, got_collision},
	{"write and flush", send_writes, got_writes},
	{"read", send_read, got_data},
	{"read behind the end", send_read_behind, got_end_of_file},
	{"write a lot", send_big, got_ok},
	{"read a lot", send_read_big, got_big},
	{"compound", send_compound, got_compound},
	{"open it a second time", send_second_open, got_second},
	{"lock", send_lock, got_ok},
	{"lock what is locked", send_lock_held, got_not_granted},
	{"read what is locked", send_read_locked, got_lock_conflict},
	{"wait for a lock", send_lock_wait, got_granted_later},
	{"wait and cancel", send_lock_wait_first, got_cancelled},
	{"wait and close", send_lock_wait_first, got_closed_waiting},
	{"list", send_list, got_list},
	{"list on", send_list_more, got_no_more},
	{"notify", send_notify, got_notified},
	{"share modes", send_open_exclusive, got_sharing_violation},
	{"delete by closing", send_close_file, got_ok},
	{"open what is deleted", send_open_deleted, got_not_found},
	{"notify and close", send_notify_again, got_notify_cleanup},
	{"close", send_close_second, got_ok},
	{"read what is closed", send_read_closed, got_file_closed},
	{"tree disconnect", send_tree_disconnect, got_ok},
	{"logoff", send_logoff, got_logoff},
};

/* ---- the actor ------------------------------------------------------------------------------------------ */

static void expect(struct script *s, bool ok, const char *what)
{
	if (!ok)
		sim_fail(s->actor.sim, "%s: %s: not %s", s->actor.name,
			 steps[s->step].name, what);
}

static struct script *script_of(struct sim_actor *a)
{
	return container_of(a, struct script, actor);
}

static void script_act(struct sim_actor *a)
{
	struct script *s = script_of(a);

	sim_trace(a->sim, "%s: %s", a->name, steps[s->step].name);
	s->answers = 0;
	s->waiting = true;
	steps[s->step].send(s);
	station_put(&s->st);
}

static bool script_wants(struct sim_actor *a)
{
	return !script_of(a)->done && !script_of(a)->waiting;
}

static bool script_is_done(struct sim_actor *a)
{
	return script_of(a)->done;
}

static void script_free(struct sim_actor *a)
{
	free(script_of(a)->data);
	free(script_of(a));
}

static void script_got(struct station *st, const struct client_answer *a)
{
	struct script *s = container_of(st, struct script, st);

	if (!steps[s->step].got(s, a))
		return;
	s->waiting = false;
	s->step++;
}

static void script_closed(struct station *st)
{
	struct script *s = container_of(st, struct script, st);

	sim_fail(st->sim, "%s: %s: the server closed the connection", s->actor.name,
		 steps[s->step].name);
}

struct sim_actor *script_new(struct sim *sim, const struct station_kind *kind,
			     unsigned user, unsigned lane)
{
	struct script *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->actor = (struct sim_actor){
		.name = kind->name,
		.act = script_act,
		.wants = script_wants,
		.is_done = script_is_done,
		.free = script_free,
	};
	s->st = (struct station){.sim = sim,
				 .name = kind->name,
				 .got = script_got,
				 .closed = script_closed};
	s->kind = kind;
	s->user = user;
	s->lane = lane;
	s->data = malloc(BIG_LEN);
	if (!s->data)
		abort();
	rng_fill(sim_rng(sim), mspan_of(s->data, BIG_LEN));
	snprintf(s->dir, sizeof(s->dir), "dir%u", user);
	snprintf(s->file, sizeof(s->file), "%s\\file", s->dir);
	snprintf(s->other, sizeof(s->other), "%s\\new", s->dir);
	return &s->actor;
}
