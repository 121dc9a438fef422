/* CREATE of what does not exist yet.  See create.h; [MS-FSA] 2.1.5.1.1 */
#include "cmd/create.h"

#include <errno.h>
#include <string.h>

enum {
	TRIES_MAX = 8, /* a name that others create and remove as fast as we look */
	MODE_FILE = 0644,
	MODE_DIRECTORY = 0755,
};

static nt_status created(struct req *q, int err, struct wr *w);
static nt_status eas_set(struct req *q, int err, struct wr *w);
static nt_status extras_set(struct req *q, int err, struct wr *w);

/* Whoever restores may restore into any directory that the share lets him write to: [MS-FSA] 2.1.5.1.1 */
static bool may_restore(struct req *q)
{
	const struct create *c = q->state;

	return (c->options & FILE_OPEN_FOR_BACKUP_INTENT) &&
	       (c->privileges & PRIVILEGE_RESTORE) &&
	       (q->tree->maximal_access & FILE_ADD_FILE);
}

static nt_status check(struct req *q)
{
	struct create *c = q->state;
	bool directory = c->options & FILE_DIRECTORY_FILE;
	uint32_t needed = directory ? FILE_ADD_SUBDIRECTORY : FILE_ADD_FILE;

	if (c->disposition == FILE_OPEN || c->disposition == FILE_OVERWRITE)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (c->path.slash && !directory) /* [MS-FSA] 2.1.5.1 phase 7 */
		return STATUS_OBJECT_NAME_INVALID;
	if (!(file_rights(q, req_who(q), &c->parent_facts) & needed) && !may_restore(q))
		return STATUS_ACCESS_DENIED;
	if ((c->file_attributes & FILE_ATTRIBUTE_READONLY) &&
	    (c->options & FILE_DELETE_ON_CLOSE))
		return STATUS_CANNOT_DELETE;
	/* its maker may do everything the share permits: [MS-FSA] 2.1.5.1.1 */
	c->maximal = (FILE_ALL_ACCESS & q->tree->maximal_access) | c->privileged;
	return create_grant(c);
}

/* The descriptor it is to have, where the share keeps them; what MxAc will say follows from it. */
static nt_status describe(struct req *q, struct span *ret_stored)
{
	struct create *c = q->state;
	const struct principal *who = tree_who(q->tree, req_who(q));
	const struct descriptor_new in = {
		.who = who,
		.held = c->privileges,
		.parent = c->parent_facts.file.sd,
		.given = c->contexts.descriptor,
		.container = c->options & FILE_DIRECTORY_FILE,
	};
	const struct vfs_stat stat = {.uid = req_cred(q)->uid};
	const struct access_file made = {.stat = &stat, .sd = &c->sd};
	nt_status st;
	bool store;

	if (!share_has_sds(q->tree->share))
		return STATUS_SUCCESS;
	st = descriptor_create(&in, &q->arena, &store, &c->sd);
	if (!nt_ok(st) || !store)
		return st;
	c->maximal &= access_maximal(share_security(q->tree->share), who, &made,
				     &c->parent_facts.file) |
		      c->privileged;
	return descriptor_encode(&c->sd, &q->arena, ret_stored);
}

nt_status create_new(struct req *q)
{
	struct create *c = q->state;
	struct vfs_create *n = &c->call.create;
	struct span sd = {0};
	nt_status st = check(q);

	if (nt_ok(st))
		st = describe(q, &sd);
	if (!nt_ok(st))
		return create_fail(q, st);
	memset(n, 0, sizeof(*n));
	n->sd = sd;
	n->call.raised = share_raises(q->tree->share);
	n->dir = c->parent->file;
	n->name = c->leaf;
	n->directory = c->options & FILE_DIRECTORY_FILE;
	n->inherits_acl = share_has_acls(q->tree->share);
	n->mode = n->directory ? MODE_DIRECTORY : MODE_FILE;
	n->dos_attributes = c->file_attributes;
	vfs_run(q->tree->share->vfs, &n->call, VFS_CREATE, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, created));
	return STATUS_PENDING;
}

/* AllocationSize, a descriptor that is not stored as it is, no compression: one call. */
static nt_status set_extras(struct req *q)
{
	struct create *c = q->state;
	struct vfs_setattr *s = &c->call.setattr;
	nt_status st;

	memset(s, 0, sizeof(*s));
	if (c->contexts.descriptor && !share_has_sds(q->tree->share)) {
		struct access_unix f = file_unix(q->tree->share, &c->stat, NULL);

		st = access_apply(
			&f, tree_who(q->tree, req_who(q)), c->contexts.descriptor,
			OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
				DACL_SECURITY_INFORMATION,
			&q->arena, s);
		if (!nt_ok(st))
			return create_fail(q, st);
	}
	if (c->contexts.allocation && c->stat.type == VFS_FILE && !c->path.stream) {
		s->what |= VFS_SET_ALLOCATION;
		s->attr.allocated = c->contexts.allocation;
	}
	/* its directory has passed it on */
	if ((c->options & FILE_NO_COMPRESSION) &&
	    (c->stat.dos_attributes & FILE_ATTRIBUTE_COMPRESSED))
		s->what |= VFS_SET_COMPRESSED;
	if (!s->what)
		return create_reserve(q);
	s->file = c->file;
	s->data = c->data;
	s->call.raised = share_raises(q->tree->share);
	vfs_run(q->tree->share->vfs, &s->call, VFS_SETATTR, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, extras_set));
	return STATUS_PENDING;
}

static nt_status created(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct vfs_create *n = &c->call.create;
	struct vfs_ea_set *e = &c->call.eas;

	if (err == -EEXIST && c->tries++ < TRIES_MAX)
		return create_look(q);
	if (err)
		return create_fail_errno(q, err);
	c->file = n->file;
	c->data = n->data;
	c->stat = n->stat;
	c->made = true;
	c->action = FILE_CREATED;
	if (!c->contexts.ea_count)
		return set_extras(q);
	memset(e, 0, sizeof(*e));
	e->file = c->file;
	e->call.raised = share_raises(q->tree->share);
	e->eas = c->contexts.eas;
	e->count = c->contexts.ea_count;
	vfs_run(q->tree->share->vfs, &e->call, VFS_EA_SET, q->lane->lane, req_cred(q),
		&q->arena, req_wait(q, eas_set));
	return STATUS_PENDING;
}

static nt_status eas_set(struct req *q, int err, struct wr *w)
{
	return err ? create_fail_errno(q, err) : set_extras(q);
}

static nt_status extras_set(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	if (err)
		return create_fail_errno(q, err);
	c->stat = c->call.setattr.stat;
	return create_reserve(q);
}
