/*
 * create.h - what the parts of CREATE share. One CREATE is one chain of steps, each a continuation of the request:
 *
 *     create.c        decode, check, reserve a place among the session's opens
 *     create_walk.c   the parent directory; the turn of the name; what the name means
 *     create_new.c    nothing: make it, with all that was asked for
 *     create_stream.c a named stream of either: find or make it
 *     create_open.c   something: access, the turn of the node, share modes, a data handle, truncation
 *     create_cache.c  oplock or lease: what is asked for, what others hold, what is answered
 *     create_durable.c  what makes an open durable; or instead of all this: the open that a client lost, once more
 *     create_instance.c  the same application on another machine gives way
 *     create.c        an open, and the answer; or everything undone, and a status
 *
 * Spec     [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1
 */
#pragma once

#include "cmd/break_wait.h"
#include "cmd/cmd.h"
#include "cmd/create_contexts.h"
#include "cmd/durable_rules.h"
#include "cmd/file_access.h"
#include "fs/descriptor.h"
#include "fs/name.h"
#include "smb/replay.h"

struct create {
	/* as decoded */
	uint32_t impersonation;
	uint32_t desired_access;
	uint32_t file_attributes;
	uint32_t share_access;
	uint32_t disposition;
	uint32_t options;
	uint8_t oplock_level; /* SMB2_OPLOCK_LEVEL_*: asked for, then granted */
	struct span asked;    /* the name as the client wrote it */
	struct name_path path;
	bool quota_index; /* what the path stands for; it has no names */
	struct create_contexts contexts;
	enum durable_way durable;

	/* places held: given back by create_cleanup() unless an open took them over */
	bool quota;
	struct node *parent; /* counted; NULL for the root */
	struct file_facts parent_facts;
	struct name_turn *name;
	struct turn_ref name_ref;
	struct node *base; /* counted; of a named stream: its file */
	struct name_turn *stream_name;
	struct turn_ref stream_ref;
	struct node *node; /* counted */
	struct turn_ref node_ref;
	struct vfile *file; /* path handle of what was found or made */
	struct vfile *data;

	const char *leaf;   /* the last name, as it is on disk or will be */
	const char *stream; /* the same of the named stream */
	struct vfs_stat stat;
	struct span reparse; /* what was found is for the client to follow; or empty */
	struct sd sd;        /* of a new file, if it has one of its own */
	uint32_t granted, maximal;
	uint32_t action;     /* FILE_OPENED ... */
	uint32_t privileged; /* rights that privileges give */
	uint32_t privileges; /* held; looked up if they may matter */
	bool made;           /* by us: a failure removes it again */
	bool stream_made;    /* the same of the named stream */
	bool reserved;       /* in fs/state: a failure withdraws */
	uint64_t state_id;
	unsigned tries;    /* times the name changed under us */
	nt_status failure; /* what to answer when all is undone */

	union {
		struct vfs_lookup lookup;
		struct vfs_create create;
		struct vfs_open open;
		struct vfs_setattr setattr;
		struct vfs_ea_set eas;
		struct vfs_unlink unlink;
		struct vfs_stream_open stream;
		struct vfs_stream_remove streams;
		struct vfs_statcall stat;
	} call;            /* the one under way */
	struct open *lost; /* counted: claimed by DHnC, DH2C; or repeated */
	struct create_under_way under_way;
	struct {
		struct msg msg;
		struct lane *lane;
		struct wait *wait;
		uint64_t conn_id; /* so far */
		bool again;
	} nudge; /* see create_durable.c */
	struct notify_settle settle;
	struct state_result result;
	struct state_op op; /* has no ranges: last */
};

/* create_walk.c: begin, or begin again after create_let_go(); ends in create_new() or create_open(). */
nt_status create_walk(struct req *q);
/* Look again what the name means: somebody else was quicker. */
nt_status create_look(struct req *q);
/*
 * The way ends at something that this server does not follow: the client may, if it is a symbolic link. `behind` names come
 * after it. STATUS_STOPPED_ON_SYMLINK with what to follow, STATUS_IO_REPARSE_TAG_NOT_HANDLED.
 */
nt_status create_stopped(struct req *q, struct span reparse, size_t behind);
/* The name means nothing yet. */
nt_status create_new(struct req *q);
/* c->file, c->stat are what it means; f says what the user may do with it. */
nt_status create_open(struct req *q, const struct file_facts *f);
/* create_stream.c: c->file becomes the stream; ends in create_reserve(). */
nt_status create_stream(struct req *q);
/* What opening something that exists comes to: FILE_OPENED ... */
uint32_t create_action(const struct create *c);
/* create_open.c: reserve in fs/state, commit, finish. For both ways; c->node and its turn are held. */
nt_status create_reserve(struct req *q);

/* create_cache.c: what of the oplock or lease asked for can be had here at all, into c and its record. */
void create_cache_ask(struct req *q);
/* It is a directory: those have leases of version 2 only, and only for clients that know of them. */
void create_cache_of_directory(struct req *q);
/* The client's lease of that key. */
struct lease_id create_lease_id(const struct req *q, const uint8_t *key);
/* Others must give up caching first: let go, wait, begin again. */
nt_status create_cache_wait(struct req *q);
/* What was granted, from the record's result. */
void create_cache_granted(struct create *c);
/* A name was made: who caches the directory's entries hears of it. Then create_succeed(). */
nt_status create_cache_entries(struct req *q);
/* The same for the open that is made; and breaks of it wait for our answer. */
void create_cache_open_new(const struct req *q, struct open_new *in);
void create_cache_opened(struct req *q, struct open *o);

/* create_durable.c: a client comes back for an open. */
nt_status create_reconnect(struct req *q);
/*
 * A CREATE that names a CreateGuid: is there an open of that already, or one under way? STATUS_SUCCESS: neither, go on.
 * STATUS_PENDING: answered from the open, later. STATUS_DUPLICATE_OBJECTID, STATUS_ACCESS_DENIED, STATUS_FILE_NOT_AVAILABLE
 */
nt_status create_replay(struct req *q);
/* Is it the open of this request's share? A share of another name may give other rights, though it be over the same directory. */
bool create_same_share(const struct req *q, const struct open *o);

/*
 * create_instance.c: c->node and its turn are held; does the file belong to the same application on another machine?
 * STATUS_SUCCESS: no, go on. STATUS_PENDING: all begins again when it does not any more, or fails.
 */
nt_status create_instance(struct req *q);
void create_instance_open_new(const struct req *q, struct open_new *in);
/* create_cache.c: let go of all turns and files but c->node: once that is put, create_walk() may follow. */
void create_let_go(struct req *q);

/* May the new open be durable? Into c's answer and the open. */
void create_durable_open_new(const struct req *q, struct open_new *in);

/* create.c: the path of the open: directories as the client wrote them, then c->leaf. Of open_path_new(); NULL
 * without memory. */
char *create_path(struct req *q);
/* c->granted from c->maximal. */
nt_status create_grant(struct create *c);
/* An open of what c holds, and the answer. */
nt_status create_succeed(struct req *q);
/* Undo what was done, then answer st. */
nt_status create_fail(struct req *q, nt_status st);
/* The same for an errno of a file system call on the name itself. */
nt_status create_fail_errno(struct req *q, int err);

/* create_pipe.c: CREATE on IPC$. */
nt_status create_pipe(struct req *q, const struct create *c);
/* The fixed part and contexts of the response; for both. */
void create_encode(struct req *q, const struct create *c, const struct open *o);
