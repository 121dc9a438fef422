/*
 * moved_opens.h - what a rename means for the opens there are.
 *
 * Threads  inside the turn of the node that is renamed: no open of it is made meanwhile.
 * Spec     [MS-FSA] 2.1.4.2 (directories with open files), 2.1.5.15.12 (Open.FileName)
 */
#pragma once

#include "base/arena.h"
#include "smb/open.h"

/*
 * Is a file open beneath the directory that `dir` is an open of, within the same volume? path: the directory's.
 *
 * ret_cached   the node, counted, of one that may be open only because that is cached; NULL: there is none
 */
bool opens_beneath(const struct open *dir, const char *path, struct node **ret_cached);

/* The new path for every open of a node: made before the rename, so that it cannot fail afterwards. */
struct moved_opens {
	struct open *through; /* borrowed: the rename was asked for through it */
	struct node *old_parent;
	const char *old_name;
	struct node *parent;
	size_t count, used;
	char **paths;          /* from malloc: new ones; once used, old ones */
	struct node **parents; /* counted; once used, old ones */
};

/* All borrowed until moved_opens_free() but `path`, which is copied. -ENOMEM. */
MUST_CHECK int moved_opens_prepare(struct moved_opens *m, struct open *through,
				   const char *path, struct node *parent,
				   struct arena *a);
/* The name `old_name` in old_parent is no more: opens by it are of the new one. */
void moved_opens_apply(struct moved_opens *m, struct node *old_parent,
		       const char *old_name);
/* Once; zeroed is fine. */
void moved_opens_free(struct moved_opens *m);
