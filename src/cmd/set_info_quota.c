/* SET_INFO, SMB2_0_INFO_QUOTA: administrators only.  Spec: [MS-SMB2] 3.3.5.21.4, [MS-FSA] 2.1.5.22 */
#include "cmd/quota_request.h"
#include "cmd/set_info.h"

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

nt_status set_quota(struct req *q, struct set_info *a)
{
	struct vfs_quota_set *s = arena_alloc(&q->arena, sizeof(*s));
	struct quota_change *changes;
	struct vfs_quota *quotas;
	nt_status st;

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!q->open->node)
		return STATUS_NOT_SUPPORTED;
	if (!principal_has_sid(tree_who(q->tree, req_who(q)), &sid_administrators) ||
	    !(q->tree->maximal_access & FILE_WRITE_DATA))
		return STATUS_ACCESS_DENIED;
	st = quota_changes_decode(rd_rest(&a->data), &q->arena, &changes, &s->count);
	if (!nt_ok(st))
		return st;
	quotas = arena_array(&q->arena, s->count, sizeof(*quotas));
	if (!quotas)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < s->count && nt_ok(st); i++)
		st = quota_of(&changes[i], &quotas[i]);
	if (!nt_ok(st))
		return st;
	s->quotas = quotas;
	return open_call(q, &s->call, VFS_QUOTA_SET, set_done);
}
