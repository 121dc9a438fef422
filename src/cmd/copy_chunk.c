/*
 * A copy goes from one chunk to the next, each a VFS_COPY in the pool:
 *
 *     ioctl_copy_chunk  decoded and checked; what others cache of the target is broken
 *     copy_uncached     only if the target's size matters: its turn, then its size
 *     copy_begin        no lock is in the way of any chunk
 *     copy_next         a chunk to be copied, until there is none or one fails
 *     copy_end          attributes and times of target and source
 *     copy_encode       how far it came
 */
#include "cmd/copy_chunk.h"

#include "base/ct.h"
#include "cmd/break_wait.h"
#include "cmd/copy_request.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"
#include "cmd/write_note.h"

#include <errno.h>

enum {
	RESUME_KEY_RESPONSE_LEN = 32, /* with ContextLength, and padding */
	COPY_RESPONSE_LEN = 12,
};

struct copy {
	const struct ioctl *c;
	struct copy_request in;
	struct open *source; /* held */
	struct vfs_statcall stat;
	struct turn_ref turn;
	struct write_note note;
	struct vfs_copy call;
	struct vfs_setattr source_times;
	size_t next;    /* chunk */
	uint32_t total; /* bytes copied so far */
	uint32_t part;  /* of the chunk that failed */
	nt_status status;
};

/* ---- keys -------------------------------------------------------------------------------------------- */

/* The open's own; made when it is first asked for. */
static uint64_t resume_secret(struct open *o)
{
	uint64_t secret = atomic_load(&o->resume_secret);
	uint64_t fresh;

	if (secret)
		return secret;
	fresh = env_random_u64(o->server->env) | 1;
	return atomic_compare_exchange_strong(&o->resume_secret, &secret, fresh) ? fresh
										 : secret;
}

nt_status ioctl_resume_key(struct req *q, const struct ioctl *c)
{
	nt_status st = ioctl_file(q, c, RESUME_KEY_RESPONSE_LEN);
	struct resume_key key;
	struct wr w;

	if (!nt_ok(st))
		return st;
	if (!q->snap->conf->server_side_copy)
		return STATUS_INVALID_DEVICE_REQUEST;
	key.id = q->open->id;
	key.secret = resume_secret(q->open);
	w = wr_of(ioctl_room(q, RESUME_KEY_RESPONSE_LEN));
	wr_resume_key(&w, &key);
	wr_zero(&w, 4 + 4); /* ContextLength, Context */
	ioctl_encode(q, c, RESUME_KEY_RESPONSE_LEN);
	return STATUS_SUCCESS;
}

/* An open of this session, of whatever share. Held and counted. */
static struct open *source_get(struct req *q, const struct resume_key *key)
{
	struct open *o = open_find(q->sess, key->id);
	uint64_t secret = o ? atomic_load(&o->resume_secret) : 0;

	if (secret && ct_eq(&secret, &key->secret, sizeof(secret)) && nt_ok(open_hold(o)))
		return o;
	open_put(o);
	return NULL;
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static nt_status answer(struct req *q, const struct ioctl *c, nt_status st,
			const uint32_t figures[3])
{
	struct wr w = wr_of(ioctl_room(q, COPY_RESPONSE_LEN));

	for (size_t i = 0; i < 3; i++)
		wr_u32(&w, figures[i]);
	ioctl_encode(q, c, COPY_RESPONSE_LEN);
	q->with_body = true;
	return st;
}

/* 3.3.5.15.6.2: this is how much may be asked for. */
static nt_status answer_limits(struct req *q, const struct ioctl *c)
{
	static const uint32_t limits[] = {COPY_CHUNKS_MAX, COPY_CHUNK_MAX,
					  COPY_TOTAL_MAX};

	return answer(q, c, STATUS_INVALID_PARAMETER, limits);
}

/* 3.3.5.15.6, 3.3.5.15.6.1 */
static nt_status copy_encode(struct req *q, int err, struct wr *w)
{
	const struct copy *a = q->state;

	return answer(q, a->c, a->status,
		      (uint32_t[]){(uint32_t)a->next, a->part, a->total});
}

/* ---- the copy ---------------------------------------------------------------------------------------- */

static nt_status copy_next(struct req *q, int err, struct wr *w);

/* What has been read cannot be unread: that the source's times could not be put back is no reason to fail. */
static nt_status copy_source_times(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;
	struct open *o = a->source;

	if (!held_times_by_reads(o))
		return copy_encode(q, 0, w);
	a->source_times.file = o->node->file;
	a->source_times.call.raised = share_raises(o->tree->share);
	held_times_add(o, 0, &a->source_times);
	vfs_run(open_vfs(o), &a->source_times.call, VFS_SETATTR, q->lane->lane,
		tree_cred(o->tree, o->who), &q->arena, req_wait(q, copy_encode));
	return STATUS_PENDING;
}

static nt_status copy_end(struct req *q, nt_status st, struct wr *w)
{
	struct copy *a = q->state;

	a->status = st;
	if (a->total == 0)
		return copy_encode(q, 0, w);
	return write_note_end(q, &a->note, copy_source_times);
}

static nt_status copied(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;

	a->total += (uint32_t)a->call.done;
	if (err) {
		a->part = (uint32_t)a->call.done;
		return copy_end(q,
				err == -ENODATA ? STATUS_INVALID_VIEW_SIZE
						: nt_from_errno(err),
				w);
	}
	a->next++;
	return copy_next(q, 0, w);
}

/* May the chunk be read here, and written there? Locks on what no file reaches are in nobody's way. */
static nt_status chunk_check(const struct req *q, const struct copy_chunk *c)
{
	const struct copy *a = q->state;
	const struct open *from = a->source, *to = q->open;
	nt_status st;

	if (c->target_offset > FILE_SIZE_MAX - c->length)
		return STATUS_INVALID_PARAMETER;
	st = state_io_check(from->node->state, from->server->server_id, from->state_id,
			    c->source_offset, c->length, false);
	if (!nt_ok(st))
		return st;
	return state_io_check(to->node->state, to->server->server_id, to->state_id,
			      c->target_offset, c->length, true);
}

static nt_status copy_next(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;
	const struct copy_chunk *c = &a->in.chunks[a->next];
	nt_status st;

	if (a->next == a->in.chunk_count)
		return copy_end(q, STATUS_SUCCESS, w);
	st = chunk_check(q, c); /* again: others go on locking meanwhile */
	if (!nt_ok(st))
		return copy_end(q, st, w);
	a->call = (struct vfs_copy){
		.src = a->source->data,
		.src_off = c->source_offset,
		.data = q->open->data,
		.off = c->target_offset,
		.len = c->length,
		.sync = atomic_load(&q->open->mode) & FILE_WRITE_THROUGH,
	};
	vfs_run(open_vfs(q->open), &a->call.call, VFS_COPY, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, copied));
	return STATUS_PENDING;
}

/* Nobody caches the target, and all offsets are known. Locks stop the whole copy before it begins. */
static nt_status copy_begin(struct req *q, struct wr *w)
{
	struct copy *a = q->state;

	for (size_t i = 0; i < a->in.chunk_count; i++) {
		nt_status st = chunk_check(q, &a->in.chunks[i]);

		if (nt_is(st, STATUS_INVALID_PARAMETER))
			return answer_limits(q, a->c);
		if (!nt_ok(st))
			return copy_end(q, st, w);
	}
	return write_note_begin(q, &a->note, copy_next);
}

static nt_status target_size_known(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;
	bool appends = !open_may(q->open, FILE_WRITE_DATA);
	uint64_t size = a->stat.stat.size, end = size;

	if (err)
		return nt_from_errno(err);
	for (size_t i = 0; i < a->in.chunk_count; i++) {
		struct copy_chunk *c = &a->in.chunks[i];

		if (c->target_offset == COPY_TO_END)
			c->target_offset = end;
		if (appends && c->target_offset < size)
			return STATUS_ACCESS_DENIED;
		if (c->target_offset + c->length > end)
			end = c->target_offset + c->length;
	}
	return copy_begin(q, w);
}

static nt_status target_turn_held(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;

	a->stat.file = q->open->data;
	return open_call(q, &a->stat.call, VFS_STAT, target_size_known);
}

/* Who may only append, and what goes to the end, as of WRITE: takes turns with others that do. */
static bool needs_size(const struct req *q, const struct copy *a)
{
	if (!open_may(q->open, FILE_WRITE_DATA))
		return true;
	for (size_t i = 0; i < a->in.chunk_count; i++)
		if (a->in.chunks[i].target_offset == COPY_TO_END)
			return true;
	return false;
}

static nt_status copy_uncached(struct req *q, int err, struct wr *w)
{
	struct copy *a = q->state;

	if (!needs_size(q, a))
		return copy_begin(q, w);
	turn_take(&q->open->node->turn, &a->turn, req_wait(q, target_turn_held));
	return STATUS_PENDING;
}

/* Deviation: the document wants FILE_READ_DATA for the source; Windows takes FILE_EXECUTE instead, as it does for READ. */
static nt_status copy_check(const struct req *q, const struct copy *a)
{
	const struct open *from = a->source, *to = q->open;

	if (from->directory || to->directory)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!open_may(from, FILE_READ_DATA | FILE_EXECUTE) ||
	    !open_may(to, FILE_WRITE_DATA | FILE_APPEND_DATA))
		return STATUS_ACCESS_DENIED;
	if (a->c->code == FSCTL_SRV_COPYCHUNK && !open_may(to, FILE_READ_DATA))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

static void copy_cleanup(struct req *q)
{
	struct copy *a = q->state;

	turn_give(&a->turn);
	if (!a->source)
		return;
	open_let_go(a->source);
	open_put(a->source);
}

nt_status ioctl_copy_chunk(struct req *q, const struct ioctl *c)
{
	struct copy *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st = req_open_get(q, c->id);

	if (!nt_ok(st))
		return st;
	if (!q->snap->conf->server_side_copy)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (c->max_output < COPY_RESPONSE_LEN)
		return STATUS_INVALID_PARAMETER;
	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = copy_request_decode(c->input, &q->arena, &a->in);
	if (nt_is(st, STATUS_INVALID_PARAMETER) || !q->open->node)
		return answer_limits(q, c);
	if (!nt_ok(st))
		return st;
	a->c = c;
	a->source = source_get(q, &a->in.source);
	if (!a->source)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	q->state = a;
	q->cleanup = copy_cleanup;
	st = copy_check(q, a);
	return nt_ok(st) ? cache_use(q, CACHING_USE_WRITE, copy_uncached) : st;
}
