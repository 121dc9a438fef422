/* SET_INFO, SMB2_0_INFO_QUOTA: administrators only.  Spec: [MS-SMB2] 3.3.5.21.4, [MS-FSA] 2.1.5.22 */
#include "cmd/quota_request.h"
#include "cmd/set_info.h"
#include "smb/trail.h"

static nt_status quota_of(const struct quota_change *c, struct vfs_quota *ret_quota)
{
	uint32_t uid;

	/* who administers has no limit, and nobody else who is no user */
	if (sid_eq(&c->sid, &sid_administrators) && c->hard != VFS_QUOTA_NONE)
		return STATUS_ACCESS_DENIED;
	if (!sid_is_uid(&c->sid, &uid))
		return c->deletes ? STATUS_NO_MATCH : STATUS_INVALID_PARAMETER;
	*ret_quota = (struct vfs_quota){.uid = uid, .soft = c->soft, .hard = c->hard};
	return STATUS_SUCCESS;
}

struct set_quota {
	struct rd data;
	uint32_t own;
	struct vfs_quota_list probe;
	struct vfs_quota_set call;
};

static void change_noted(struct req *q, const struct vfs_quota *to)
{
	const struct sid sid = sid_of_uid(to->uid);
	char of[SID_TEXT_MAX];
	struct trail_event e = {
		.kind = TRAIL_QUOTA,
		.of = sid_text(&sid, of),
		.soft = to->soft,
		.hard = to->hard,
	};

	trail_note(q, &e);
}

/* Some may have been set before one that failed. */
static nt_status quotas_set(struct req *q, int err, struct wr *w)
{
	const struct set_quota *s = q->state;

	if (trail_wants(q, CONF_AUDIT_CHANGES))
		for (size_t i = 0; i < s->call.done; i++)
			change_noted(q, &s->call.quotas[i]);
	return set_done(q, err, w);
}

/* There are quotas. */
static nt_status probed(struct req *q, int err, struct wr *w)
{
	struct set_quota *s = q->state;
	struct quota_change *changes;
	struct vfs_quota *quotas;
	nt_status st;

	if (err)
		return nt_from_errno(err);
	if (!principal_has_sid(tree_who(q->tree, req_who(q)), &sid_administrators) ||
	    !(q->tree->maximal_access & FILE_WRITE_DATA))
		return STATUS_ACCESS_DENIED;
	st = quota_changes_decode(rd_rest(&s->data), &q->arena, &changes, &s->call.count);
	if (!nt_ok(st))
		return st;
	quotas = arena_array(&q->arena, s->call.count, sizeof(*quotas));
	if (!quotas)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < s->call.count && nt_ok(st); i++)
		st = quota_of(&changes[i], &quotas[i]);
	if (!nt_ok(st))
		return st;
	s->call.quotas = quotas;
	return open_call(q, &s->call.call, VFS_QUOTA_SET, quotas_set);
}

/* That there are none comes first. */
nt_status set_quota(struct req *q, struct set_info *a)
{
	struct set_quota *s = arena_alloc(&q->arena, sizeof(*s));

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!q->open->node)
		return STATUS_NOT_SUPPORTED;
	s->data = a->data;
	s->own = req_cred(q)->uid;
	s->probe.uids = &s->own;
	s->probe.uid_count = 1;
	q->state = s;
	return open_call(q, &s->probe.call, VFS_QUOTA_LIST, probed);
}
