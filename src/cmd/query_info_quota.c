/*
 * QUERY_INFO, SMB2_0_INFO_QUOTA.  Spec: [MS-SMB2] 3.3.5.20.4, [MS-FSA] 2.1.5.21
 *
 * Administrators see all quotas, everybody else his own; others' are to him as if there were none.
 */
#include "cmd/query_info.h"
#include "cmd/quota_request.h"

#include <errno.h>
#include <string.h>

enum { ENTRIES_MAX = 512 }; /* told at once; the rest is asked for next */

struct query_quota {
	const struct query_info *asked;
	struct quota_query in;
	uint32_t *uids; /* of in.sids whom the user may ask about */
	struct vfs_quota_list call;
};

static bool sees_all(struct req *q)
{
	return principal_has_sid(tree_who(q->tree, req_who(q)), &sid_administrators);
}

static bool may_see(struct req *q, const struct sid *sid, uint32_t *ret_uid)
{
	return sid_is_uid(sid, ret_uid) && (*ret_uid == req_cred(q)->uid || sees_all(q));
}

static nt_status too_small(struct req *q)
{
	(void)query_too_short(q); /* with its error data */
	return STATUS_BUFFER_TOO_SMALL;
}

/* For so many entries, whatever their SIDs are; but not more than the client has. */
static size_t room(const struct query_quota *f, size_t count)
{
	enum { ENTRY_MAX = QUOTA_ENTRY_LEN + 8 + 4 * SID_SUB_MAX + 4 };
	size_t len = count * ENTRY_MAX;

	return len < f->asked->output_len ? len : f->asked->output_len;
}

/* One more, if the client has room for it. */
static bool add(struct wr *w, struct query_quota *f, const struct sid *sid,
		const struct vfs_quota *quota, size_t *last, size_t *used)
{
	size_t len = (*used + 7) / 8 * 8 + quota_entry_len(sid);

	if (len > f->asked->output_len)
		return false;
	wr_quota_entry(w, sid, quota, last);
	*used = len;
	return true;
}

/* Those asked for by name, in their order. */
static nt_status answer_named(struct req *q)
{
	struct query_quota *f = q->state;
	struct wr *w = query_begin(q, room(f, f->in.sid_count));
	size_t last = SIZE_MAX, used = 0, next = 0;

	for (size_t i = 0; i < f->in.sid_count; i++) {
		const struct vfs_quota *quota = NULL;
		uint32_t uid;

		if (may_see(q, &f->in.sids[i], &uid))
			quota = &f->call.list[next++];
		if (!add(w, f, &f->in.sids[i], quota, &last, &used))
			break;
	}
	return used ? query_end(q, f->asked, STATUS_SUCCESS) : too_small(q);
}

static nt_status nothing_left(struct req *q)
{
	struct wr *w = req_reply(q, 9);

	wr_u16(w, 9); /* StructureSize; offset, length and Buffer 0 */
	wr_zero(w, 2 + 4 + 1);
	q->with_body = true;
	return STATUS_NO_MORE_ENTRIES;
}

static nt_status answer_all(struct req *q)
{
	struct query_quota *f = q->state;
	size_t last = SIZE_MAX, used = 0;
	uint64_t next = f->call.from;
	struct wr *w;

	if (f->call.count == 0)
		return nothing_left(q);
	w = query_begin(q, room(f, f->call.count));
	for (size_t i = 0; i < f->call.count; i++) {
		struct sid sid = sid_of_uid(f->call.list[i].uid);

		if (!add(w, f, &sid, &f->call.list[i], &last, &used))
			break;
		next = (uint64_t)f->call.list[i].uid + 1;
	}
	if (!used)
		return too_small(q);
	{
		LOCK_SCOPE(&q->open->lock);
		q->open->quota_next = next;
	}
	return query_end(q, f->asked, STATUS_SUCCESS);
}

static nt_status listed(struct req *q, int err, struct wr *w)
{
	struct query_quota *f = q->state;

	if (err)
		return nt_from_errno(err);
	return f->in.sids ? answer_named(q) : answer_all(q);
}

/* The uids behind the SIDs, but for those that are nobody's business; and the user's own, to see if there are quotas at all. */
static nt_status ask_named(struct req *q)
{
	struct query_quota *f = q->state;
	uint32_t uid;

	if (f->in.single)
		f->in.sid_count = 1;
	f->uids = arena_array(&q->arena, f->in.sid_count + 1, sizeof(*f->uids));
	if (!f->uids)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < f->in.sid_count; i++)
		if (may_see(q, &f->in.sids[i], &uid))
			f->uids[f->call.uid_count++] = uid;
	f->uids[f->call.uid_count++] = req_cred(q)->uid;
	f->call.uids = f->uids;
	return open_call(q, &f->call.call, VFS_QUOTA_LIST, listed);
}

/* Where an enumeration goes on. */
static nt_status first_uid(struct req *q, uint64_t *ret_uid)
{
	struct query_quota *f = q->state;
	struct open *o = q->open;
	uint32_t uid = 0;

	if (f->in.starts) {
		if (!sid_is_uid(&f->in.start, &uid))
			return STATUS_INVALID_PARAMETER;
		*ret_uid = uid;
		return STATUS_SUCCESS;
	}
	LOCK_SCOPE(&o->lock);
	*ret_uid = f->in.restart ? 0 : o->quota_next;
	return STATUS_SUCCESS;
}

static nt_status ask_own(struct req *q, req_done then)
{
	struct query_quota *f = q->state;
	uint32_t own = req_cred(q)->uid;

	f->uids = arena_dup(&q->arena, span_of(&own, sizeof(own)));
	if (!f->uids)
		return STATUS_INSUFFICIENT_RESOURCES;
	f->call.uids = f->uids;
	f->call.uid_count = 1;
	return open_call(q, &f->call.call, VFS_QUOTA_LIST, then);
}

static nt_status ask_all(struct req *q)
{
	struct query_quota *f = q->state;
	uint32_t own = req_cred(q)->uid;
	nt_status st = first_uid(q, &f->call.from);

	if (!nt_ok(st))
		return st;
	f->call.max = f->in.single ? 1 : ENTRIES_MAX;
	if (!sees_all(q)) /* a list of one */
		return f->call.from > own ? nothing_left(q) : ask_own(q, listed);
	return open_call(q, &f->call.call, VFS_QUOTA_LIST, listed);
}

/* That there are no quotas comes before what was wrong with the question: 3.3.5.20.4. */
static nt_status asked_badly(struct req *q, int err, struct wr *w)
{
	return err ? nt_from_errno(err) : STATUS_INVALID_PARAMETER;
}

nt_status query_quota(struct req *q, const struct query_info *a)
{
	struct query_quota *f = arena_alloc(&q->arena, sizeof(*f));
	struct rd message = rd_of(q->message), input;
	nt_status st;

	if (!f)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!q->open->node)
		return STATUS_NOT_SUPPORTED;
	input = rd_at(&message, a->input_off, a->input_len);
	st = quota_query_decode(rd_rest(&input), &q->arena, &f->in);
	f->asked = a;
	q->state = f;
	if (nt_is(st, STATUS_INVALID_PARAMETER))
		return ask_own(q, asked_badly);
	if (!nt_ok(st))
		return st;
	return f->in.sids ? ask_named(q) : ask_all(q);
}
