/* chaos_got.c - is this answer possible? And what does it mean for the client. */
#include "sim/chaos_impl.h"

#include <inttypes.h>
#include <string.h>

/* ---- which statuses a command may end with -------------------------------------------------------------- */

enum { STATUSES_MAX = 16 };

/* What a client that does nothing forbidden may hear, apart from what else it did: that follows below. */
static const struct {
	uint16_t command;
	nt_status statuses[STATUSES_MAX]; /* ends with STATUS_SUCCESS */
} possible[] = {
	{SMB2_CREATE,
	 {STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND,
	  STATUS_OBJECT_NAME_COLLISION, STATUS_SHARING_VIOLATION, STATUS_DELETE_PENDING,
	  STATUS_FILE_IS_A_DIRECTORY, STATUS_NOT_A_DIRECTORY, STATUS_INVALID_PARAMETER,
	  STATUS_ACCESS_DENIED, STATUS_STOPPED_ON_SYMLINK,
	  STATUS_IO_REPARSE_TAG_NOT_HANDLED}},
	{SMB2_READ,
	 {STATUS_END_OF_FILE, STATUS_FILE_LOCK_CONFLICT, STATUS_ACCESS_DENIED,
	  STATUS_INVALID_DEVICE_REQUEST, STATUS_PIPE_EMPTY, STATUS_PIPE_BROKEN,
	  STATUS_BUFFER_OVERFLOW}},
	{SMB2_WRITE,
	 {STATUS_FILE_LOCK_CONFLICT, STATUS_ACCESS_DENIED, STATUS_INVALID_DEVICE_REQUEST,
	  STATUS_PIPE_BROKEN, STATUS_DISK_FULL}},
	{SMB2_FLUSH, {STATUS_ACCESS_DENIED}},
	{SMB2_SESSION_SETUP, {STATUS_MORE_PROCESSING_REQUIRED}},
	{SMB2_LOCK,
	 {STATUS_LOCK_NOT_GRANTED, STATUS_RANGE_NOT_LOCKED, STATUS_ACCESS_DENIED,
	  STATUS_INVALID_PARAMETER, STATUS_INVALID_DEVICE_REQUEST}},
	{SMB2_QUERY_DIRECTORY,
	 {STATUS_NO_MORE_FILES, STATUS_NO_SUCH_FILE, STATUS_INVALID_PARAMETER,
	  STATUS_ACCESS_DENIED, STATUS_BUFFER_OVERFLOW, STATUS_INFO_LENGTH_MISMATCH,
	  STATUS_INVALID_DEVICE_REQUEST}},
	{SMB2_CHANGE_NOTIFY,
	 {STATUS_INVALID_PARAMETER, STATUS_ACCESS_DENIED, STATUS_NOTIFY_ENUM_DIR,
	  STATUS_DELETE_PENDING}},
	{SMB2_QUERY_INFO,
	 {STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL, STATUS_INFO_LENGTH_MISMATCH,
	  STATUS_INVALID_INFO_CLASS, STATUS_NOT_SUPPORTED, STATUS_ACCESS_DENIED,
	  STATUS_INVALID_PARAMETER, STATUS_NO_EAS_ON_FILE, STATUS_NO_MORE_EAS,
	  STATUS_INVALID_DEVICE_REQUEST}},
	{SMB2_SET_INFO,
	 {STATUS_ACCESS_DENIED, STATUS_SHARING_VIOLATION, STATUS_OBJECT_NAME_COLLISION,
	  STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND,
	  STATUS_DELETE_PENDING, STATUS_DIRECTORY_NOT_EMPTY, STATUS_CANNOT_DELETE,
	  STATUS_INVALID_PARAMETER, STATUS_FILE_IS_A_DIRECTORY, STATUS_NOT_A_DIRECTORY,
	  STATUS_NOT_SUPPORTED, STATUS_INVALID_INFO_CLASS, STATUS_OBJECT_NAME_INVALID,
	  STATUS_INVALID_DEVICE_REQUEST}},
	{SMB2_OPLOCK_BREAK,
	 {STATUS_UNSUCCESSFUL, STATUS_INVALID_OPLOCK_PROTOCOL,
	  STATUS_REQUEST_NOT_ACCEPTED, STATUS_OBJECT_NAME_NOT_FOUND,
	  STATUS_INVALID_PARAMETER}},
	{SMB2_IOCTL,
	 {STATUS_INVALID_DEVICE_REQUEST, STATUS_PIPE_BROKEN, STATUS_PIPE_BUSY,
	  STATUS_PIPE_EMPTY, STATUS_BUFFER_OVERFLOW, STATUS_ACCESS_DENIED,
	  STATUS_OBJECT_NAME_NOT_FOUND, STATUS_INVALID_PARAMETER,
	  STATUS_INVALID_VIEW_SIZE, STATUS_FILE_LOCK_CONFLICT, STATUS_NOT_A_REPARSE_POINT,
	  STATUS_IO_REPARSE_TAG_MISMATCH, STATUS_IO_REPARSE_DATA_INVALID,
	  STATUS_DIRECTORY_NOT_EMPTY}},
};

static bool is_possible(uint16_t command, nt_status st)
{
	for (size_t i = 0; i < ARRAY_LEN(possible); i++)
		for (size_t n = 0; possible[i].command == command && n < STATUSES_MAX;
		     n++)
			if (nt_is(possible[i].statuses[n], st))
				return true;
	return nt_ok(st);
}

/* What failing memory, disks and permissions make of any command. */
static bool is_fault(nt_status st)
{
	static const nt_status faults[] = {
		STATUS_IO_DEVICE_ERROR,  STATUS_DISK_FULL,
		STATUS_ACCESS_DENIED,    STATUS_INSUFFICIENT_RESOURCES,
		STATUS_BAD_NETWORK_NAME, /* of a TREE_CONNECT */
	};

	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (nt_is(faults[i], st))
			return true;
	return false;
}

/* Has the client done nothing that could have ended the open meanwhile? */
static bool is_firm(const struct chaos *c, const struct chaos_op *op)
{
	if (op->slot < 0 || c->ending)
		return !c->ending;
	return c->opens[op->slot].generation == op->generation &&
	       c->opens[op->slot].state == SLOT_OPEN;
}

/* Statuses that follow from what else the client did. */
static bool is_consequence(const struct chaos *c, const struct chaos_op *op, nt_status st)
{
	if (nt_is(st, STATUS_CANCELLED))
		return op->cancelled || (op->slot >= 0 && c->opens[op->slot].cancelled);
	if (op->lease >= 0 && (!c->has_tree[0] || op->tree_id != c->tree_ids[0]) &&
	    nt_is(st, STATUS_NETWORK_NAME_DELETED))
		return true;
	if (is_firm(c, op))
		return false;
	if (nt_is(st, STATUS_FILE_CLOSED) || nt_is(st, STATUS_NETWORK_NAME_DELETED))
		return true;
	if (nt_is(st, STATUS_USER_SESSION_DELETED))
		return c->ending;
	if (op->command == SMB2_CHANGE_NOTIFY)
		return nt_is(st, STATUS_NOTIFY_CLEANUP);
	/* a related request passes on what became of the CREATE before it */
	return op->command != SMB2_CREATE && is_possible(SMB2_CREATE, st);
}

static void check_status(struct chaos *c, const struct chaos_op *op, nt_status st)
{
	if (is_possible(op->command, st) || is_consequence(c, op, st) ||
	    (c->settings.faults && is_fault(st)))
		return;
	sim_fail(c->actor.sim, "%s: %s %" PRIu64 " ended with %s", c->name,
		 station_command(op->command), op->mid, nt_status_name(st));
}

/* ---- what answers hold ---------------------------------------------------------------------------------- */

static void got_create(struct chaos *c, struct chaos_op *op,
		       const struct client_answer *a)
{
	struct chaos_open *o = &c->opens[op->slot];
	struct answer_create created;
	uint64_t number = 0, volume;

	if (!nt_ok(a->status)) {
		o->state = SLOT_CLOSING; /* requests related to it may be under way */
		chaos_cache_closing(c, op->slot, true);
		return;
	}
	if (!answer_create(a, &created))
		sim_fail(c->actor.sim, "%s: no CREATE answer", c->name);
	o->id = created.id;
	o->known = true;
	o->directory = created.attributes & FILE_ATTRIBUTE_DIRECTORY;
	if (o->state != SLOT_OPENING)
		return; /* what ends it is on its way */
	o->state = SLOT_OPEN;
	if (o->tree == 0 && !answer_disk_id(&created, &number, &volume))
		sim_fail(c->actor.sim, "%s: a CREATE answer without QFid", c->name);
	o->file = o->contents = number;
	if (op->stream && o->tree == 0)
		o->contents = memfs_stream_number(sim_volume(c->actor.sim), number,
						  CHAOS_STREAM);
	if (op->stream) /* shared with nobody who opens the file itself */
		number = ~number;
	if (o->tree != 0)
		return;
	model_open(c->model, chaos_who(c, op->slot), number, op->access, op->share,
		   chaos_lease_id(c, o->lease));
	chaos_cache_created(c, op, o, &created);
}

static void got_read(struct chaos *c, struct chaos_op *op, const struct client_answer *a)
{
	struct span data;

	if (!answer_read(a, &data) || data.len > op->length)
		sim_fail(c->actor.sim, "%s: READ gave %zu bytes of %" PRIu64, c->name,
			 data.len, op->length);
	if (c->opens[op->slot].tree != 0)
		return;
	chaos_cache_read(c, op, data);
	if (c->settings.strangers)
		return;
	for (size_t i = 0; i < data.len; i++)
		if (data.p[i] != 0 &&
		    (data.p[i] & ~CHAOS_OTHER) != chaos_byte(op->offset + i))
			sim_fail(c->actor.sim,
				 "%s: READ at %" PRIu64 " gave a byte nobody wrote there",
				 c->name, op->offset + i);
}

static void got_write(struct chaos *c, struct chaos_op *op, const struct client_answer *a)
{
	uint32_t count;

	if (!answer_write(a, &count) || count != op->length)
		sim_fail(c->actor.sim, "%s: WRITE took %u bytes of %" PRIu64, c->name,
			 count, op->length);
}

static void got_lock(struct chaos *c, struct chaos_op *op)
{
	if (!op->unlock && !op->unlocked && is_firm(c, op))
		model_lock(c->model, chaos_who(c, op->slot), op->offset, op->length,
			   op->exclusive);
}

static void got_list(struct chaos *c, struct chaos_op *op, const struct client_answer *a)
{
	struct answer_name n;
	struct span list;

	if (!answer_output(a, &list) || list.len == 0)
		sim_fail(c->actor.sim, "%s: an empty list", c->name);
	while (list.len)
		if (!answer_next_name(&list, op->class, &n))
			sim_fail(c->actor.sim, "%s: a malformed list of class %u",
				 c->name, (unsigned)op->class);
}

static void got_ioctl(struct chaos *c, const struct client_answer *a)
{
	struct answer_ioctl got;

	if (!answer_ioctl(a, &got))
		sim_fail(c->actor.sim, "%s: no IOCTL answer", c->name);
	if (got.code == FSCTL_GET_REPARSE_POINT && !chaos_reparse_is_ours(got.output))
		sim_fail(c->actor.sim, "%s: a reparse point that nobody set", c->name);
	if (got.code == FSCTL_SRV_REQUEST_RESUME_KEY)
		memcpy(c->resume_key, got.output.p, sizeof(c->resume_key));
}

static void got_success(struct chaos *c, struct chaos_op *op,
			const struct client_answer *a)
{
	switch (op->command) {
	case SMB2_READ:
		got_read(c, op, a);
		break;
	case SMB2_WRITE:
		got_write(c, op, a);
		break;
	case SMB2_LOCK:
		got_lock(c, op);
		break;
	case SMB2_QUERY_DIRECTORY:
		got_list(c, op, a);
		break;
	case SMB2_IOCTL:
		got_ioctl(c, a);
		break;
	case SMB2_TREE_CONNECT:
		c->tree_ids[op->tree] = a->tree_id;
		c->has_tree[op->tree] = true;
		break;
	}
}

/* A re-authentication goes on. */
static void got_setup(struct chaos *c, const struct client_answer *a)
{
	if (!nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED) || c->ending)
		return;
	client_begin(c->st.client);
	(void)chaos_op_add(c, client_session_setup(c->st.client), SMB2_SESSION_SETUP, -1);
	station_put(&c->st);
}

void chaos_got(struct chaos *c, struct chaos_op *op, const struct client_answer *a)
{
	if (a->interim) {
		op->interim = true;
		op->interim_ns = env_now_ns(sim_env(c->actor.sim));
		return;
	}
	check_status(c, op, a->status);
	if (env_now_ns(sim_env(c->actor.sim)) - op->sent_ns > LONG_NS)
		chaos_count_op(c, EVENT_TIME, op);
	if (op->command == SMB2_OPLOCK_BREAK)
		chaos_cache_acked(c, op, a->status);
	if (op->command == SMB2_CREATE)
		got_create(c, op, a);
	if (nt_ok(a->status))
		got_success(c, op, a);
	op->used = false;
	if (op->command == SMB2_SESSION_SETUP)
		got_setup(c, a);
}
