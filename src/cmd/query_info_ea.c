/* QUERY_INFO, FileFullEaInformation.  Spec: [MS-SMB2] 3.3.5.20.1, [MS-FSA] 2.1.5.12.12 */
#include "cmd/ea.h"
#include "cmd/query_info.h"

#include <string.h>
#include <strings.h>

struct query_ea {
	const struct query_info *asked;
	struct vfs_ea *wanted; /* by name; NULL: enumerate */
	size_t wanted_count;
	struct vfs_ea_list call;
};

/* Where an enumeration begins, and whether there is anything. */
static nt_status enumerate_from(struct req *q, size_t count, size_t *ret_first)
{
	const struct query_ea *e = q->state;
	struct open *o = q->open;
	size_t first;

	if (e->asked->flags & SL_INDEX_SPECIFIED) {
		if (e->asked->additional == 0 || e->asked->additional > count)
			return STATUS_NONEXISTENT_EA_ENTRY;
		first = e->asked->additional - 1;
	} else {
		LOCK_SCOPE(&o->lock);
		if (e->asked->flags & SL_RESTART_SCAN)
			o->ea_next = 0;
		first = o->ea_next;
	}
	if (count == 0)
		return STATUS_NO_EAS_ON_FILE;
	if (first >= count)
		return STATUS_NO_MORE_EAS;
	*ret_first = first;
	return STATUS_SUCCESS;
}

/* Values of the names asked for; a name that is not there has an empty one, as on Windows. */
static void look_up_wanted(struct query_ea *e)
{
	for (size_t i = 0; i < e->wanted_count; i++)
		for (size_t j = 0; j < e->call.count; j++)
			if (strcasecmp(e->wanted[i].name, e->call.eas[j].name) == 0)
				e->wanted[i] = e->call.eas[j];
}

static nt_status answer(struct req *q, const struct vfs_ea *eas, size_t count,
			size_t *ret_done)
{
	const struct query_ea *e = q->state;
	size_t room = ea_len(eas, count);
	struct wr *w, part;
	nt_status st;

	if (room > e->asked->output_len)
		room = e->asked->output_len;
	w = query_begin(q, room);
	if (!wr_ok(w))
		return STATUS_INSUFFICIENT_RESOURCES;
	part = wr_of(mspan_of(w->p, wr_pos(w) + room));
	(void)!wr_room(&part, wr_pos(w));
	st = ea_encode(eas, count, &part, ret_done);
	(void)!wr_room(w, wr_pos(&part) - wr_pos(w));
	if (nt_is_error(st))
		return st;
	return query_end(q, e->asked, st);
}

static nt_status list_done(struct req *q, int err, struct wr *w)
{
	struct query_ea *e = q->state;
	size_t first, done, count;
	nt_status st;

	if (err)
		return nt_from_errno(err);
	if (e->wanted) {
		look_up_wanted(e);
		return answer(q, e->wanted, e->wanted_count, &done);
	}
	st = enumerate_from(q, e->call.count, &first);
	if (!nt_ok(st))
		return st;
	count = e->call.count - first;
	if ((e->asked->flags & SL_RETURN_SINGLE_ENTRY) && count > 1)
		count = 1;
	st = answer(q, e->call.eas + first, count, &done);
	if (!nt_is_error(st) && !(e->asked->flags & SL_INDEX_SPECIFIED)) {
		LOCK_SCOPE(&q->open->lock);
		q->open->ea_next = (uint32_t)(first + done);
	}
	return st;
}

nt_status query_ea(struct req *q, const struct query_info *a)
{
	struct query_ea *e = arena_alloc(&q->arena, sizeof(*e));
	struct rd message = rd_of(q->message), input;
	nt_status st;

	if (!e)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!q->open->node)
		return STATUS_INVALID_PARAMETER;
	if (!open_may(q->open, FILE_READ_EA))
		return STATUS_ACCESS_DENIED;
	input = rd_at(&message, a->input_off, a->input_len);
	if (!rd_ok(&message))
		return STATUS_INVALID_PARAMETER;
	if (a->input_len) {
		st = ea_decode_names(rd_rest(&input), &q->arena, &e->wanted,
				     &e->wanted_count);
		if (!nt_ok(st))
			return st;
	}
	e->asked = a;
	e->call.file = q->open->node->file;
	q->state = e;
	return open_call(q, &e->call.call, VFS_EA_LIST, list_done);
}
