/*
 * node.h - the node table: what is known of every file that somebody has open, and the names being changed.
 *
 * Owns     a node holds its path handle and its parent; counted. A node lives as long as anyone refers to it.
 * Threads  any. Node table lock (rank TABLE) -> node lock (rank NODE).
 * Spec     [MS-SMB2] 3.3.1.10 Open, [MS-FSA] 2.1.1.3 File
 */
#pragma once

#include "base/map.h"
#include "fs/shown.h"
#include "fs/turn.h"
#include "fs/vfs.h"

struct local_watch;
struct principal;
struct state_node;
struct node_table;

enum { NODE_NAME_ROOM = 64 }; /* names are shorter, as a rule */

/* Who asked for a deletion, and with what rights it is carried out. All zero: nobody. */
struct remover {
	struct principal *who; /* counted */
	struct cred *cred;     /* counted: his, or his share's forced account */
	bool raised;           /* struct vfs_call.raised of his share */
};

struct node {
	struct map_node by_key; /* table's lock */
	atomic_uint refs;
	struct node_table *table; /* I */
	struct node_key key;      /* I */
	struct vfile *file;       /* I  path handle */
	bool directory;           /* I */
	struct state_node *state; /* I  share modes, locks, deletion: fs/state.h */
	struct node *base;        /* I  of a named stream: its file, counted; else NULL */
	atomic_uint streams;      /* A  nodes of its named streams */
	atomic_uint watchers;     /* A  opens that a CHANGE_NOTIFY was asked of */
	struct turn turn;
	unsigned
		watched; /* whoever holds the turn: WATCH_*, what local processes are watched for */
	struct shown shown;  /* A  what clients are told */
	struct lock lock;    /* rank NODE */
	struct node *parent; /* L  NULL for a root or a stream; counted */
	/* L  as on disk, "" for a root; of a stream without colons. `short_name`, or from malloc */
	char *name;
	char short_name[NODE_NAME_ROOM];
	struct remover remover; /* L  who asked for its deletion */
};

/* A name under change or look-up: serialises creators of one name, case-folded. */
struct name_turn {
	struct map_node by_hash;
	unsigned refs;
	struct node *parent;
	/* as the first who asked wrote it; compared case-insensitively. `short_name`, or from malloc */
	char *name;
	char short_name[NODE_NAME_ROOM];
	struct turn turn;
};

struct state;

/* hash_key: 16 random bytes. NULL without memory. The table borrows `state`. */
struct node_table *node_table_new(struct state *state, const uint8_t *hash_key);
void node_table_free(struct node_table *t); /* no node may be left */
/* Before the first node: where node_watch() asks; borrowed. NULL, as before: nowhere. */
void node_table_watch(struct node_table *t, struct local_watch *w);
size_t node_table_count(struct node_table *t);

/* The node of `key`, made if need be around a new reference to `file`; with a reference. NULL without memory. */
MUST_CHECK struct node *node_find_or_new(struct node_table *t,
					 const struct vfs_stat *stat, struct vfile *file,
					 struct node *parent, const char *name);
/* The same for a stream of `base`, which is counted; stat and file are the stream's. */
MUST_CHECK struct node *node_find_or_new_stream(struct node_table *t,
						const struct vfs_stat *stat,
						struct vfile *file, struct node *base,
						const char *name);
/* Only if it exists. */
struct node *node_find(struct node_table *t, const struct node_key *key);
struct node *node_get(struct node *n);
void node_put(struct node *n); /* NULL is fine */

/* The file that n is, or is a stream of. */
static inline struct node *node_base(struct node *n)
{
	return n->base ? n->base : n;
}

/* Copies of what a rename may change: the parent is counted (NULL for a root), the name in the arena. */
MUST_CHECK int node_name(struct node *n, struct arena *a, struct node **ret_parent,
			 const char **ret_name);
/* Inside the turns: from now on this is the name that deletion removes (after a rename; a link through which deletion is
 * asked for; parent NULL: of a stream). Takes a reference to parent. -ENOMEM leaves it as it was. */
MUST_CHECK int node_moved(struct node *n, struct node *parent, const char *name);

/*
 * Whoever closes last removes the name, but with the rights of who asked for it: the other need not have any. Takes references of
 * its own.
 */
void node_doom(struct node *n, const struct remover *r);
/* Who did last; with references, for remover_put(). */
struct remover node_remover(struct node *n);
void remover_put(struct remover *r); /* leaves nobody */

/* Inside the turn, when what clients cache of it may have changed: what local processes do is told accordingly. */
void node_watch(struct node *n);

/* The name by which a stream's turn is taken, its file being the parent; after the turns of files' names. NULL without
 * memory. */
const char *node_stream_turn_name(const char *stream, struct arena *a);
/* The turn of (parent, name) for whoever creates, renames or deletes it. Released by name_turn_give(). NULL
 * without memory: nothing is taken, w ends with -ENOMEM. */
MUST_CHECK struct name_turn *name_turn_take(struct node *parent, const char *name,
					    struct turn_ref *r, struct wait *w);
void name_turn_give(struct name_turn *nt, struct turn_ref *r);
