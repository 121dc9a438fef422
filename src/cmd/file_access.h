/*
 * file_access.h - questions to fs/access.c about what a look-up has found, in the terms of the tree's share.
 *
 * Threads  the request's worker.
 */
#pragma once

#include "fs/access.h"
#include "smb/req.h"

/* A file that was looked up, and where its facts are kept: in the request's arena. */
struct file_facts {
	struct access_file file;
	struct vfs_stat stat;
};

/* Look descriptors up if the share has them; before the call. */
void file_lookup_prepare(struct req *q, struct vfs_lookup *l);
/* After it. STATUS_INSUFFICIENT_RESOURCES. */
MUST_CHECK nt_status file_facts_take(struct req *q, const struct vfs_lookup *l,
				     struct file_facts *ret_facts);

/*
 * What the tree's share permits. Audit lists are for who has every other right to a descriptor: shares know no right of
 * their own to them.
 */
uint32_t tree_limit(const struct tree *t);
/* enum privilege, as far as they count on the tree's share. */
uint32_t file_privileges(struct req *q, const struct principal *who);
/* Rights to it by itself, or by its directory as well (NULL: the root); within what the share permits. `who` is the
 * request's user or, for calls through an open, who opened it. */
uint32_t file_rights(struct req *q, const struct principal *who,
		     const struct file_facts *f);
uint32_t file_maximal(struct req *q, const struct principal *who,
		      const struct file_facts *f, const struct file_facts *parent);

/* What a descriptor that is not stored is made from. acls: NULL if they were not asked for. */
struct access_unix file_unix(const struct share *share, const struct vfs_stat *stat,
			     const struct vfs_acls *acls);
