/* chaos_send.c - what a client may think of. */
#include "sim/chaos_impl.h"

#include "wire/wr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	IO_MAX = 200 * 1000,
	IO_SMALL = 5000,
	OFFSET_MAX = 300 * 1000,
	OFFSET_SMALL = 4000,
	OFFSET_TINY = 50,
	FEW_FIRST = 4, /* paths */
	FEW_COUNT = 2,
	FEW_KEPT = 900,
	LOCK_OFFSETS = 24,
	LOCK_LENGTHS = 12,
	CONTEXTS_MAX = 256,
	ENDS_CREATE = 40, /* of a thousand thoughts while one waits */
	ENDS_CHANGE = 350,
};

/* Few, so that clients meet. */
static const struct {
	const char *path;
	bool directory, there; /* when the run begins */
} paths[] = {
	{"dir", true, true},
	{"dir\\sub", true, true},
	{"other", true, true},
	{"fresh", true, false},
	{"one", false, true},
	{"two", false, false},
	{"THREE", false, false},
	{"dir\\one", false, true},
	{"dir\\Two", false, true},
	{"dir\\three", false, false},
	{"other\\one", false, true},
	{"other\\two", false, false},
	{"dir\\sub\\one", false, false},
	{"fresh\\one", false, false},
	{"none\\one", false, false},
	{"one:s", false, false}, /* streams: all of one name, see add_create() */
	{"ONE:S:$DATA", false, false},
	{"two:s", false, false},
	{"dir:s", false, false},
	{"dir\\one:s", false, false},
	{"dir\\Two:S", false, false},
	{"", true, false},
};

void chaos_scene(struct sim *s)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (paths[i].there)
			sim_make(s, paths[i].path, paths[i].directory);
}

static_assert(2 * ARRAY_LEN(paths) <= CHAOS_LEASES, "two leases a path");

static unsigned any_index(struct chaos *c)
{
	if (c->settings.few && rng_chance(chaos_rng(c), FEW_KEPT))
		return FEW_FIRST + (unsigned)rng_below(chaos_rng(c), FEW_COUNT);
	return (unsigned)rng_below(chaos_rng(c), ARRAY_LEN(paths));
}

const char *chaos_any_path(struct chaos *c)
{
	return paths[any_index(c)].path;
}

static bool is_likely_dir(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (strcmp(paths[i].path, path) == 0)
			return paths[i].directory;
	return false;
}

struct client *chaos_client_of(struct chaos *c)
{
	return c->st.client;
}

static bool is_kind(const struct chaos_open *o, enum chaos_kind kind)
{
	return kind == ANY || (kind == DIRECTORIES) == o->directory;
}

/* An open of which the client knows the id, mostly of that kind; -1 if none comes to mind. Rarely one being closed. */
int chaos_any_open(struct chaos *c, enum chaos_kind kind)
{
	struct rng *r = chaos_rng(c);

	if (rng_chance(r, 50))
		kind = ANY;
	for (int tries = 0; tries < 2 * CHAOS_OPENS_MAX; tries++) {
		int i = (int)rng_below(r, CHAOS_OPENS_MAX);
		const struct chaos_open *o = &c->opens[i];

		if (o->state == SLOT_OPEN && is_kind(o, kind))
			return i;
		if (o->state == SLOT_CLOSING && o->known && rng_chance(r, 50))
			return i;
	}
	return -1;
}

static bool is_named(const struct chaos *c, int slot)
{
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++)
		if (c->ops[i].used && c->ops[i].slot == slot)
			return true;
	return false;
}

/* A place for a new open: never used, or its open is gone and so is every request that named it. */
static int any_free(struct chaos *c)
{
	for (int i = 0; i < CHAOS_OPENS_MAX; i++) {
		struct chaos_open *o = &c->opens[i];

		if (o->state == SLOT_CLOSING && !is_named(c, i))
			*o = (struct chaos_open){.generation = o->generation + 1};
		if (o->state == SLOT_FREE)
			return i;
	}
	return -1;
}

uint32_t chaos_tree_of(struct chaos *c, int slot)
{
	return c->tree_ids[c->opens[slot].tree];
}

bool chaos_may_send(struct chaos *c, size_t payload)
{
	return client_may_send(chaos_client_of(c), payload);
}

/* The most one request may carry. */
static uint32_t any_io_len(struct chaos *c)
{
	struct rng *r = chaos_rng(c);
	uint64_t max = chaos_client_of(c)->dialect >= SMB2_DIALECT_210 &&
				       rng_chance(r, 200)
			       ? IO_MAX
			       : IO_SMALL;

	return (uint32_t)rng_below(r, max + 1);
}

uint64_t chaos_any_offset(struct chaos *c)
{
	struct rng *r = chaos_rng(c);

	if (rng_chance(r, 400))
		return rng_below(r, OFFSET_TINY); /* where there are bytes */
	return rng_below(r, rng_chance(r, 200) ? OFFSET_MAX : OFFSET_SMALL);
}

/* ---- opening -------------------------------------------------------------------------------------------- */

/* What lies before the last backslash; of what has none the root, which is last. */
static unsigned parent_of(const char *path)
{
	const char *end = strrchr(path, '\\');
	size_t len = end ? (size_t)(end - path) : 0;

	for (unsigned i = 0; i < ARRAY_LEN(paths); i++)
		if (strlen(paths[i].path) == len &&
		    strncmp(paths[i].path, path, len) == 0)
			return i;
	return ARRAY_LEN(paths) - 1;
}

/* This request may change what this client itself caches. */
void chaos_changes(struct chaos *c, struct chaos_op *op)
{
	chaos_cache_changes(c, op, op->slot < 0 ? 0 : c->opens[op->slot].file);
}

static uint32_t any_access(struct rng *r, bool few)
{
	static const uint32_t some[] = {
		FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES,
		FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | DELETE,
		FILE_READ_DATA | FILE_READ_ATTRIBUTES,
		FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES,
		FILE_READ_DATA | FILE_WRITE_DATA,
		FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES |
			FILE_WRITE_ATTRIBUTES | DELETE,
		FILE_APPEND_DATA,
		FILE_READ_ATTRIBUTES,
		DELETE,
		DELETE | FILE_READ_DATA,
		FILE_READ_DATA | READ_CONTROL | FILE_READ_EA,
	};

	/* the first two go together */
	return some[few ? rng_below(r, 2) : rng_below(r, ARRAY_LEN(some))];
}

/* Mostly one that leaves something to read. */
static uint32_t any_disposition(struct rng *r, bool dir)
{
	if (dir)
		return (uint32_t)(FILE_OPEN + rng_below(r, 3));
	return rng_chance(r, 600) ? FILE_OPEN_IF : (uint32_t)rng_below(r, 6);
}

static void add_create(struct chaos *c, int slot, unsigned index)
{
	uint8_t room[CONTEXTS_MAX];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	const char *path = paths[index].path;
	struct rng *r = chaos_rng(c);
	bool few = c->settings.few && rng_chance(r, FEW_KEPT);
	bool dir = is_likely_dir(path) ? !rng_chance(r, 50) : rng_chance(r, 50);
	struct client_create in = {
		.path = path,
		.access = any_access(r, few),
		.share = few || rng_chance(r, 600) ? 7 : (uint32_t)rng_below(r, 8),
		.disposition = few ? FILE_OPEN_IF : any_disposition(r, dir),
	};
	struct chaos_op *op;

	if (rng_chance(r, 800))
		in.options = dir ? FILE_DIRECTORY_FILE : FILE_NON_DIRECTORY_FILE;
	if ((in.access & DELETE) && rng_chance(r, 250))
		in.options |= FILE_DELETE_ON_CLOSE;
	if (rng_chance(r, 50))
		in.options |= FILE_WRITE_THROUGH;
	if (rng_chance(r, 150))
		in.options |= FILE_OPEN_REPARSE_POINT;
	c->opens[slot].state = SLOT_OPENING;
	c->opens[slot].known = c->opens[slot].cancelled = false;
	c->opens[slot].tree = 0;
	chaos_cache_ask(c, slot, index, parent_of(path), &in, &w);
	context_disk_id(&w);
	in.contexts = wr_done(&w);
	op = chaos_op_add(c, client_create(chaos_client_of(c), c->tree_ids[0], &in),
			  SMB2_CREATE, slot);
	op->oplock = in.oplock;
	c->opens[slot].access = in.access;
	if (in.disposition != FILE_OPEN && in.disposition != FILE_OPEN_IF &&
	    in.disposition != FILE_CREATE)
		chaos_cache_changes(c, op, 0);
	op->access = in.access;
	op->share = in.share;
	op->stream = strchr(path, ':') != NULL;
}

static void do_create(struct chaos *c)
{
	int slot = any_free(c);

	if (slot >= 0 && c->has_tree[0] && chaos_may_send(c, 0))
		add_create(c, slot, any_index(c));
}

static void do_pipe(struct chaos *c)
{
	static const char *const names[] = {"srvsvc", "lsarpc", "wkssvc", "nothing"};
	const struct client_create in = {
		.path = names[rng_below(chaos_rng(c), ARRAY_LEN(names))],
		.access = FILE_READ_DATA | FILE_WRITE_DATA,
		.share = 7,
		.disposition = FILE_OPEN,
	};
	int slot = any_free(c);

	if (slot < 0 || !c->has_tree[1] || !chaos_may_send(c, 0))
		return;
	c->opens[slot].state = SLOT_OPENING;
	c->opens[slot].known = c->opens[slot].cancelled = false;
	c->opens[slot].tree = 1;
	c->opens[slot].lease = -1;
	c->opens[slot].held = 0;
	c->opens[slot].unacked = false;
	(void)chaos_op_add(c, client_create(chaos_client_of(c), c->tree_ids[1], &in),
			   SMB2_CREATE, slot);
}

static void closing(struct chaos *c, int slot)
{
	chaos_count_open(c, EVENT_CLOSE, slot);
	c->opens[slot].state = SLOT_CLOSING;
	model_close(c->model, chaos_who(c, slot));
	chaos_cache_closing(c, slot, false);
}

void chaos_close(struct chaos *c, int slot)
{
	uint64_t mid;

	closing(c, slot);
	mid = client_close(chaos_client_of(c), chaos_tree_of(c, slot), c->opens[slot].id,
			   (uint16_t)rng_below(chaos_rng(c), 2));
	(void)chaos_op_add(c, mid, SMB2_CLOSE, slot);
}

static void do_close(struct chaos *c)
{
	int slot = chaos_any_open(c, ANY);

	if (slot >= 0 && chaos_may_send(c, 0))
		chaos_close(c, slot);
}

/* ---- reading and writing -------------------------------------------------------------------------------- */

/* Often one that may be answered from a cache. */
static int any_readable(struct chaos *c)
{
	int slot = -1;

	for (int tries = 0; tries < CHAOS_OPENS_MAX; tries++) {
		slot = chaos_any_open(c, FILES);
		if (slot >= 0 && chaos_cache_may_read(c, slot))
			break;
	}
	return slot;
}

static void do_read(struct chaos *c)
{
	uint32_t len = any_io_len(c);
	int slot = any_readable(c);
	struct chaos_op *op;
	uint64_t off;

	if (slot < 0 || !chaos_may_send(c, len))
		return;
	off = chaos_any_offset(c);
	op = chaos_op_add(c,
			  client_read(chaos_client_of(c), chaos_tree_of(c, slot),
				      c->opens[slot].id, off, len),
			  SMB2_READ, slot);
	op->caching = chaos_cache_may_read(c, slot);
	op->changes_before = c->opens[slot].changes;
	op->offset = off;
	op->length = len;
}

static void add_write(struct chaos *c, uint32_t tree, struct client_file id, int slot)
{
	static uint8_t data[IO_MAX];
	uint32_t len = any_io_len(c);
	uint64_t off = chaos_any_offset(c);
	uint8_t other = rng_chance(chaos_rng(c), 500) ? CHAOS_OTHER : 0;
	struct chaos_op *op;

	for (uint32_t i = 0; i < len; i++)
		data[i] = chaos_byte(off + i) | other;
	if (!chaos_may_send(c, len))
		return;
	op = chaos_op_add(
		c, client_write(chaos_client_of(c), tree, id, off, span_of(data, len)),
		SMB2_WRITE, slot);
	chaos_changes(c, op);
	op->offset = off;
	op->length = len;
}

static void do_write(struct chaos *c)
{
	int slot = chaos_any_open(c, FILES);

	if (slot >= 0)
		add_write(c, chaos_tree_of(c, slot), c->opens[slot].id, slot);
}

static void do_flush(struct chaos *c)
{
	int slot = chaos_any_open(c, FILES);

	if (slot >= 0 && chaos_may_send(c, 0))
		(void)chaos_op_add(c,
				   client_flush(chaos_client_of(c),
						chaos_tree_of(c, slot),
						c->opens[slot].id),
				   SMB2_FLUSH, slot);
}

/* ---- locks ---------------------------------------------------------------------------------------------- */

/* Of what is locked, and of what may be by the time it is done. */
static void unlocking(struct chaos *c, const struct chaos_op *unlock)
{
	model_unlock(c->model, chaos_who(c, unlock->slot), unlock->offset,
		     unlock->length);
	for (size_t i = 0; i < CHAOS_OPS_MAX; i++) {
		struct chaos_op *op = &c->ops[i];

		if (op->used && op->command == SMB2_LOCK && op->slot == unlock->slot &&
		    op->offset == unlock->offset && op->length == unlock->length)
			op->unlocked = true;
	}
}

static void send_lock(struct chaos *c, uint32_t flags)
{
	struct rng *r = chaos_rng(c);
	const struct client_lock l = {
		.offset = rng_below(r, LOCK_OFFSETS),
		.length = 1 + rng_below(r, LOCK_LENGTHS),
		.flags = flags,
	};
	int slot = chaos_any_open(c, FILES);
	struct chaos_op *op;

	if (slot < 0 || !chaos_may_send(c, 0))
		return;
	op = chaos_op_add(c,
			  client_lock(chaos_client_of(c), chaos_tree_of(c, slot),
				      c->opens[slot].id, &l, 1),
			  SMB2_LOCK, slot);
	op->offset = l.offset;
	op->length = l.length;
	op->exclusive = flags & SMB2_LOCKFLAG_EXCLUSIVE_LOCK;
	op->unlock = flags & SMB2_LOCKFLAG_UNLOCK;
	if (op->unlock)
		unlocking(c, op);
}

static void do_lock(struct chaos *c)
{
	struct rng *r = chaos_rng(c);
	uint32_t flags = rng_chance(r, 500) ? SMB2_LOCKFLAG_SHARED_LOCK
					    : SMB2_LOCKFLAG_EXCLUSIVE_LOCK;

	send_lock(c, rng_chance(r, 500) ? flags | SMB2_LOCKFLAG_FAIL_IMMEDIATELY : flags);
}

static void do_unlock(struct chaos *c)
{
	send_lock(c, SMB2_LOCKFLAG_UNLOCK);
}

/* What lies at an offset is copied to the same offset of another file: there every file holds the same, or nothing. */
static void do_copy(struct chaos *c)
{
	enum { CHUNKS = 4 };
	uint8_t in[SRV_RESUME_KEY_LEN + 8 + CHUNKS * SRV_COPYCHUNK_LEN];
	struct wr w = wr_of(mspan_of(in, sizeof(in)));
	size_t count = rng_below(chaos_rng(c), CHUNKS + 1);
	int slot = chaos_any_open(c, ANY);
	uint64_t mid;

	if (slot < 0 || !chaos_may_send(c, CHAOS_OUTPUT_MAX))
		return;
	wr_bytes(&w, span_of(c->resume_key, sizeof(c->resume_key)));
	wr_u32(&w, (uint32_t)count);
	wr_u32(&w, 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t off = chaos_any_offset(c);

		wr_u64(&w, off);
		wr_u64(&w, off);
		wr_u32(&w, rng_chance(chaos_rng(c), 800) ? 100 : any_io_len(c));
		wr_u32(&w, 0);
	}
	mid = client_ioctl(chaos_client_of(c), chaos_tree_of(c, slot), c->opens[slot].id,
			   rng_chance(chaos_rng(c), 500) ? FSCTL_SRV_COPYCHUNK
							 : FSCTL_SRV_COPYCHUNK_WRITE,
			   wr_done(&w), CHAOS_OUTPUT_MAX);
	chaos_changes(c, chaos_op_add(c, mid, SMB2_IOCTL, slot));
}

static void do_ioctl(struct chaos *c)
{
	static const uint32_t codes[] = {
		FSCTL_PIPE_TRANSCEIVE, FSCTL_QUERY_ALLOCATED_RANGES,
		FSCTL_SRV_REQUEST_RESUME_KEY, FSCTL_CREATE_OR_GET_OBJECT_ID};
	static const uint8_t in[24];
	int slot = chaos_any_open(c, ANY);
	uint64_t mid;

	if (slot < 0 || !chaos_may_send(c, CHAOS_OUTPUT_MAX))
		return;
	mid = client_ioctl(chaos_client_of(c), chaos_tree_of(c, slot), c->opens[slot].id,
			   codes[rng_below(chaos_rng(c), ARRAY_LEN(codes))],
			   span_of(in, sizeof(in)), CHAOS_OUTPUT_MAX);
	(void)chaos_op_add(c, mid, SMB2_IOCTL, slot);
}

/* ---- compounds ------------------------------------------------------------------------------------------ */

/* Open, do something with it, and close it: one frame. */
static void do_compound(struct chaos *c)
{
	const struct client_info what = {SMB2_0_INFO_FILE, FileAllInformation, 0};
	struct rng *r = chaos_rng(c);
	int slot = any_free(c);
	uint64_t mid;

	if (slot < 0 || !c->has_tree[0] || chaos_client_of(c)->credits < 8)
		return;
	add_create(c, slot, any_index(c));
	client_relate(chaos_client_of(c));
	if (rng_chance(r, 500)) {
		add_write(c, c->tree_ids[0], client_related_id(), slot);
	} else {
		mid = client_query_info(chaos_client_of(c), c->tree_ids[0],
					client_related_id(), what, CHAOS_OUTPUT_MAX);
		(void)chaos_op_add(c, mid, SMB2_QUERY_INFO, slot);
	}
	if (rng_chance(r, 300))
		return; /* it stays open */
	mid = client_close(chaos_client_of(c), c->tree_ids[0], client_related_id(), 0);
	(void)chaos_op_add(c, mid, SMB2_CLOSE, slot);
	c->opens[slot].state = SLOT_CLOSING;
	chaos_cache_closing(c, slot, false);
}

static void do_echo(struct chaos *c)
{
	if (chaos_may_send(c, 0))
		(void)chaos_op_add(c, client_echo(chaos_client_of(c)), SMB2_ECHO, -1);
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static const struct {
	void (*run)(struct chaos *c);
	unsigned weight;
} ideas[] = {
	{do_create, 24},
	{do_close, 8},
	{do_read, 12},
	{do_write, 12},
	{do_flush, 3},
	{do_lock, 12},
	{do_unlock, 5},
	{chaos_do_list, 6},
	{chaos_do_notify, 6},
	{chaos_do_query, 6},
	{chaos_do_set, 14},
	{do_ioctl, 6},
	{chaos_do_reparse, 3},
	{do_copy, 3},
	{do_pipe, 2},
	{do_compound, 6},
	{chaos_do_cancel, 8},
	{do_echo, 2},
	{chaos_do_tree_connect, 4},
	{chaos_do_tree_disconnect, 1},
	{chaos_do_reload, 1},
	{chaos_do_reauthenticate, 1},
	{chaos_do_ack, 20},
	{chaos_do_nap, 1},
};

static void any_idea(struct chaos *c)
{
	uint64_t at, sum = 0;
	size_t i = 0;

	for (size_t n = 0; n < ARRAY_LEN(ideas); n++)
		sum += ideas[n].weight;
	at = rng_below(chaos_rng(c), sum);
	while (at >= ideas[i].weight)
		at -= ideas[i++].weight;
	ideas[i].run(c);
}

void chaos_do_something(struct chaos *c)
{
	struct chaos_op *waiting = chaos_waiting(c);

	client_begin(chaos_client_of(c));
	if (waiting &&
	    rng_chance(chaos_rng(c),
		       waiting->command == SMB2_CREATE ? ENDS_CREATE : ENDS_CHANGE))
		chaos_end_waiting(c, waiting);
	else
		any_idea(c);
	if (wr_pos(&chaos_client_of(c)->w))
		vandal_put(c);
}
