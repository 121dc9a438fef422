/* SMB2 CHANGE_NOTIFY.  Spec: [MS-SMB2] 2.2.35, 2.2.36, 3.3.5.19; [MS-FSCC] 2.7.1 */
#include "cmd/cmd.h"

#include "wire/utf16.h"

#include <errno.h>

enum {
	OFF_OUTPUT_LENGTH = SMB2_HEADER_LEN + 4,
	RESPONSE_FIXED_LEN = 8,
};

struct notify_req {
	uint16_t flags;
	uint32_t output_len;
	struct file_id id;
	uint32_t filter;
	struct cred *cred; /* counted: whose rights the watch goes by */
	struct turn_ref turn;
	struct notify *fresh;
};

uint32_t cmd_change_notify_payload(struct req *q)
{
	struct rd r = rd_of(q->message);

	rd_seek(&r, OFF_OUTPUT_LENGTH);
	return rd_u32(&r);
}

static nt_status notify_decode(struct rd *r, struct notify_req *n)
{
	rd_struct_size(r, 32);
	n->flags = rd_u16(r);
	n->output_len = rd_u32(r);
	n->id = rd_file_id(r);
	n->filter = rd_u32(r);
	rd_skip(r, 4); /* Reserved */
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* FILE_NOTIFY_INFORMATION of each; false if one does not fit: the client must look for itself. */
static bool wr_events(struct wr *w, const struct notify_event *e, size_t max)
{
	size_t start = wr_pos(w), last = 0, last_start = 0;

	for (; e; e = e->next) {
		size_t len, name_start;

		wr_align(w, 4);
		if (last)
			wr_fill_u32(w, last, (uint32_t)(wr_pos(w) - last_start));
		last_start = wr_pos(w);
		last = wr_hole_u32(w);
		wr_fill_u32(w, last, 0);
		wr_u32(w, e->action);
		len = wr_hole_u32(w);
		name_start = wr_pos(w);
		(void)wr_utf16(w, e->name);
		wr_fill_u32(w, len, (uint32_t)(wr_pos(w) - name_start));
	}
	return wr_ok(w) && wr_pos(w) - start <= max;
}

/*
 * Deviation: [MS-FSA] 2.1.5.11.1 goes by the buffer of each request. In Windows that of an open's first one is the most
 * that later ones are given (smb2.notify.valid-req).
 */
static size_t events_max(const struct req *q)
{
	const struct notify_req *n = q->state;

	return n->output_len < q->open->notify_max ? n->output_len : q->open->notify_max;
}

static nt_status notify_encode(struct req *q, const struct notify_event *events,
			       bool overflow)
{
	const struct notify_req *n = q->state;
	size_t max = events_max(q);
	struct wr *w = req_reply(q, RESPONSE_FIXED_LEN + n->output_len);
	size_t off, len, start;

	wr_u16(w, 9); /* StructureSize */
	off = wr_hole_u16(w);
	len = wr_hole_u32(w);
	start = wr_pos(w);
	wr_fill_u16(w, off, (uint16_t)start);
	if (overflow || !events || max == 0 || !wr_events(w, events, max)) {
		w = req_reply_anew(q, RESPONSE_FIXED_LEN);
		wr_u16(w, 9);
		wr_u16(w, 0);
		wr_u32(w, 0);
		return STATUS_NOTIFY_ENUM_DIR;
	}
	wr_fill_u32(w, len, (uint32_t)(wr_pos(w) - start));
	return STATUS_SUCCESS;
}

static nt_status ended(enum wait_why why)
{
	switch (why) {
	case WAIT_CANCELLED:
		return STATUS_CANCELLED;
	case WAIT_DELETED:
		return STATUS_DELETE_PENDING;
	default:
		return STATUS_NOTIFY_CLEANUP;
	}
}

static nt_status notify_done(struct req *q, int err, struct wr *w)
{
	struct notify_event *events;
	bool overflow;

	if (err == -ECANCELED) {
		q->conn->server->notify->ops->forget(q->open->notify, &q->wait);
		return ended(q->wait.why);
	}
	if (err)
		return nt_from_errno(err);
	events = q->conn->server->notify->ops->take(q->open->notify, &q->arena,
						    &overflow);
	return notify_encode(q, events, overflow);
}

static nt_status notify_park(struct req *q)
{
	struct wait *w;
	nt_status st;

	/* what is behind it would wait as well, a CLOSE of the directory too: [MS-SMB2] 3.3.5.2.7 lets it fail, and so
	 * does Windows */
	if (q->next)
		return STATUS_INTERNAL_ERROR;
	st = req_wait_peer(q, notify_done, &w);
	if (!nt_ok(st))
		return st;
	q->conn->server->notify->ops->wait(q->open->notify, w);
	if (state_delete_pending(
		    q->open->node->state)) /* watches_end() may have been here before */
		req_cancel(q, WAIT_DELETED);
	return STATUS_PENDING;
}

static nt_status notify_started(struct req *q, int err, struct wr *w)
{
	struct notify_req *n = q->state;

	if (!err) {
		LOCK_SCOPE(&q->open->lock);
		q->open->notify = n->fresh;
		q->open->notify_max = n->output_len;
		atomic_fetch_add(&q->open->node->watchers, 1);
	}
	turn_give(&n->turn);
	return err ? nt_from_errno(err) : notify_park(q);
}

/* The first CHANGE_NOTIFY of an open says what is gathered from then on. [MS-SMB2] 3.3.5.19, [MS-FSA] 2.1.5.11 */
static nt_status notify_turn_held(struct req *q, int err, struct wr *w)
{
	struct notify_req *n = q->state;
	struct notify_server *server = q->conn->server->notify;

	if (q->open->notify) {
		turn_give(&n->turn);
		return notify_park(q);
	}
	if (n->filter == 0) { /* of the first one only: later ones are ignored */
		turn_give(&n->turn);
		return STATUS_INVALID_PARAMETER;
	}
	server->ops->start(server, q->open->node->file, n->cred, n->filter,
			   n->flags & SMB2_WATCH_TREE, &n->fresh,
			   req_wait(q, notify_started));
	return STATUS_PENDING;
}

static void notify_cleanup(struct req *q)
{
	struct notify_req *n = q->state;

	cred_put(n->cred);
}

static nt_status notify_check(const struct req *q, const struct notify_req *n)
{
	if (!q->open->directory || n->output_len > q->conn->max_transact)
		return STATUS_INVALID_PARAMETER;
	return open_may(q->open, FILE_READ_DATA) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

nt_status cmd_change_notify(struct req *q)
{
	struct notify_req *n = arena_alloc(&q->arena, sizeof(*n));
	nt_status st;

	if (!n)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = notify_decode(&q->body, n);
	if (!nt_ok(st))
		return st;
	if (!q->conn->server->notify)
		return STATUS_NOT_SUPPORTED;
	st = req_open_get(q, n->id);
	if (nt_ok(st))
		st = notify_check(q, n);
	if (!nt_ok(st))
		return st;
	n->cred = cred_get(req_cred(q));
	q->state = n;
	q->cleanup = notify_cleanup;
	turn_take(&q->open->scan_turn, &n->turn, req_wait(q, notify_turn_held));
	return STATUS_PENDING;
}
