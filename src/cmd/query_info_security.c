/* QUERY_INFO, SMB2_0_INFO_SECURITY.  Spec: [MS-SMB2] 3.3.5.20.3, [MS-FSA] 2.1.5.14 */
#include "cmd/file_access.h"
#include "cmd/query_info.h"
#include "fs/access.h"
#include "fs/descriptor.h"

enum {
	READABLE = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		   DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION,
	READS_SACL = SACL_SECURITY_INFORMATION | SCOPE_SECURITY_INFORMATION,
	READS_CONTROL = (READABLE & ~SACL_SECURITY_INFORMATION) |
			LABEL_SECURITY_INFORMATION | ATTRIBUTE_SECURITY_INFORMATION,
};

struct query_security {
	const struct query_info *asked;
	struct vfs_statcall call;
};

/* [MS-FSA] 2.1.5.14; a backup copy is all of it. */
static nt_status check_access(const struct open *o, uint32_t parts)
{
	if ((parts & (READS_CONTROL | BACKUP_SECURITY_INFORMATION)) &&
	    !open_may(o, READ_CONTROL))
		return STATUS_ACCESS_DENIED;
	if ((parts & (READS_SACL | BACKUP_SECURITY_INFORMATION)) &&
	    !open_may(o, ACCESS_SYSTEM_SECURITY))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

/* The length that would have been enough: 2.2.2 */
static nt_status too_small(struct req *q, size_t len)
{
	uint8_t *needed = arena_alloc(&q->arena, sizeof(uint32_t));
	struct wr w;

	if (!needed)
		return STATUS_INSUFFICIENT_RESOURCES;
	w = wr_of(mspan_of(needed, sizeof(uint32_t)));
	wr_u32(&w, (uint32_t)len);
	q->error_data = wr_done(&w);
	return STATUS_BUFFER_TOO_SMALL;
}

/* The stored one, or what stands for owner, group, mode and ACLs. */
static int describe(struct req *q, const struct vfs_statcall *call, uint32_t parts,
		    struct sd *ret_sd)
{
	const struct sd *stored;
	int err = access_stored(call->sd, &call->stat, &q->arena, &stored);

	if (err)
		return err;
	if (!stored) {
		struct access_unix f = file_unix(q->open->tree->share, &call->stat,
						 &call->acls);

		return access_describe(&f, parts, &q->arena, ret_sd);
	}
	*ret_sd = descriptor_parts(stored, parts);
	return 0;
}

static nt_status stat_done(struct req *q, int err, struct wr *w)
{
	struct query_security *s = q->state;
	struct sd sd;
	size_t len;

	if (!err)
		err = describe(q, &s->call, s->asked->additional & READABLE, &sd);
	if (err)
		return nt_from_errno(err);
	len = sd_len(&sd);
	if (len > s->asked->output_len)
		return too_small(q, len);
	wr_sd(query_begin(q, len), &sd);
	return query_end(q, s->asked, STATUS_SUCCESS);
}

nt_status query_security(struct req *q, const struct query_info *a)
{
	struct query_security *s = arena_alloc(&q->arena, sizeof(*s));
	nt_status st = check_access(q->open, a->additional);

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!nt_ok(st))
		return st;
	if (!q->open->node) /* a pipe has none of its own */
		return STATUS_NOT_SUPPORTED;
	s->asked = a;
	s->call.file = q->open->node->file;
	s->call.with_sd = share_has_sds(q->open->tree->share);
	s->call.with_acls = share_has_acls(q->open->tree->share);
	q->state = s;
	return open_call(q, &s->call.call, VFS_STAT, stat_done);
}
