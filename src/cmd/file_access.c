#include "cmd/file_access.h"

#include "auth/privilege.h"
#include "wire/smb2_proto.h"

void file_lookup_prepare(struct req *q, struct vfs_lookup *l)
{
	l->call.raised = share_raises(q->tree->share);
	l->with_sd = share_has_sds(q->tree->share);
}

nt_status file_facts_take(struct req *q, const struct vfs_lookup *l,
			  struct file_facts *ret_facts)
{
	const struct sd *sd;

	if (access_stored(l->sd, &l->stat, &q->arena, &sd) != 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	*ret_facts = (struct file_facts){.stat = l->stat};
	ret_facts->file =
		(struct access_file){.stat = &ret_facts->stat, .may = l->may, .sd = sd};
	return STATUS_SUCCESS;
}

uint32_t tree_limit(const struct tree *t)
{
	uint32_t limit = atomic_load(&t->maximal_access);

	return limit & WRITE_DAC ? limit | ACCESS_SYSTEM_SECURITY : limit;
}

/* Deviation: where the kernel decides it decides alone, and where nobody does nobody needs them. */
uint32_t file_privileges(struct req *q, const struct principal *who)
{
	if (!share_has_sds(q->tree->share))
		return 0;
	return privileges_of(&q->snap->conf->privileges, tree_who(q->tree, who));
}

uint32_t file_rights(struct req *q, const struct principal *who,
		     const struct file_facts *f)
{
	return access_rights(share_security(q->tree->share), tree_who(q->tree, who),
			     &f->file) &
	       q->tree->maximal_access;
}

uint32_t file_maximal(struct req *q, const struct principal *who,
		      const struct file_facts *f, const struct file_facts *parent)
{
	return access_maximal(share_security(q->tree->share), tree_who(q->tree, who),
			      &f->file, parent ? &parent->file : NULL) &
	       q->tree->maximal_access;
}

struct access_unix file_unix(const struct share *share, const struct vfs_stat *stat,
			     const struct vfs_acls *acls)
{
	return (struct access_unix){
		.security = share_security(share),
		.full_control = share->conf &&
				share->conf->map_acls == CONF_MAP_ACLS_POSIX_FULL,
		.stat = stat,
		.acls = acls,
	};
}
