/*
 * tree.h - a session's connection to a share.
 *
 * Owns     a reference to its share. Counted by the session's table, opens and requests.
 * Threads  immutable but for what is atomic.
 * Spec     [MS-SMB2] 3.3.1.9
 */
#pragma once

#include "smb/sess.h"
#include "smb/share.h"

enum { SESS_TREES_MAX = 4096 }; /* beyond: STATUS_INSUFFICIENT_RESOURCES */

struct tree {
	struct map_node by_id; /* sess's lock */
	uint32_t id;           /* I */
	uint64_t created;      /* I  FILETIME */
	atomic_uint refs;
	struct sess *sess;   /* I  counted */
	struct share *share; /* I  counted */
	struct node *root;   /* I  disk: node of the share's root, counted */
	/* A  the share's permissions for this user; tree_follow() changes it */
	_Atomic uint32_t maximal_access;
	atomic_bool encrypt_data; /* answers are encrypted; never goes back to false */
	_Atomic uint32_t
		audit_level; /* enum conf_audit_level; tree_follow() changes it */
	atomic_bool hides_unreadable; /* access_based_enumeration; tree_follow() */
	atomic_bool closed;
	struct teardown teardown; /* of whoever closed it */
};

/* In the session's table, with a reference for the caller. root: counted, taken over; NULL for IPC$. */
MUST_CHECK nt_status tree_new(struct sess *s, struct share *share, struct node *root,
			      uint32_t maximal_access, struct tree **ret_tree);
/* Counted; NULL if unknown or closed. */
struct tree *tree_find(struct sess *s, uint32_t id);
struct tree *tree_get(struct tree *t);
void tree_put(struct tree *t);
/*
 * The share is configured anew: from the next request on the tree grants what `now` permits `who`, and is encrypted if `now`
 * demands it. If not any more it stays so, as its client was told. False: `who` is not let in any more.
 */
MUST_CHECK bool tree_follow(struct tree *t, const struct share *now,
			    const struct principal *who);
/* Out of the session's table: true for exactly one caller. Its opens stay. */
bool tree_shut(struct tree *t);
/* tree_shut(), then its opens are closed; then w ends. The second caller's w ends at once. */
void tree_close(struct tree *t, struct lane *lane, struct wait *w);
/* Whose rights file calls on this tree run with: the user's, or the share's forced account. Borrowed from who/share. */
struct cred *tree_cred(const struct tree *t, const struct principal *who);
/* The same for access checks: the user, or the share's forced account. */
const struct principal *tree_who(const struct tree *t, const struct principal *who);
