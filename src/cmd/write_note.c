#include "cmd/write_note.h"

#include "cmd/break_wait.h"
#include "cmd/held_times.h"
#include "cmd/open_call.h"

/* Of a file that cannot be looked at the time is shown as it is. */
static nt_status time_known(struct req *q, int err, struct wr *w)
{
	struct write_note *n = q->write_note;
	struct open *o = q->open;

	if (err)
		return n->then(q, 0, w);
	n->archive = !(n->before.stat.dos_attributes & FILE_ATTRIBUTE_ARCHIVE);
	if (!held_time_any(&o->held_write_time)) /* else it does not move */
		shown_late(open_shown(o), n->before.stat.write_time, req_now_ns(q));
	return n->then(q, 0, w);
}

nt_status write_note_begin(struct req *q, struct write_note *n, req_done then)
{
	struct open *o = q->open;

	atomic_store_explicit(&o->wrote, true, memory_order_relaxed);
	if (!shown_write_begins(open_shown(o), req_now_ns(q)))
		return then(q, 0, req_reply(q, 0));
	n->then = then;
	n->before.file = o->data;
	q->write_note = n;
	return open_call(q, &n->before.call, VFS_STAT, time_known);
}

/* What has been written cannot be unwritten: that this was not possible is no reason to fail. */
static nt_status noted(struct req *q, int err, struct wr *w)
{
	return q->write_note->then(q, 0, w);
}

static nt_status caches_broken(struct req *q, int err, struct wr *w)
{
	struct write_note *n = q->write_note;
	struct open *o = q->open;

	if (!n->archive && !held_times_any(o))
		return n->then(q, 0, w);
	n->after.file = o->node->file;
	n->after.data = o->data;
	n->after.what = n->archive ? VFS_SET_ARCHIVE : 0;
	held_times_add(o, 0, &n->after);
	return open_call(q, &n->after.call, VFS_SETATTR, noted);
}

/* Whoever was allowed to cache since others were told to stop may have read what was there before. */
nt_status write_note_end(struct req *q, struct write_note *n, req_done then)
{
	n->then = then;
	q->write_note = n;
	return cache_use(q, CACHING_USE_WRITE, caches_broken);
}
