/*
 * open.h - an open file, directory or pipe.
 *
 * Owns     references to node, data handle, tree; pipe, directory scan and notify state.
 * Threads  any; `lock` (rank OPEN) guards what is marked L. Close is one state machine (open.c) for CLOSE, logoff,
 *          tree disconnect and lost connections.
 * Spec     [MS-SMB2] 3.3.1.10
 *
 *     OPEN --open_close (CLOSE, teardown)--> CLOSING --requests under way have ended--> turn, state, unlink --> CLOSED
 *
 * A durable one may outlive its session: open.c, smb/durable.h.
 */
#pragma once

#include "base/lock.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/state.h"
#include "smb/channel_sequence.h"
#include "smb/lock_sequence.h"
#include "smb/tree.h"
#include "wire/guid.h"

struct req;
struct pipe;         /* rpc/pipe.h, above us */
struct dir_scan;     /* cmd/query_directory.c */
struct open_closing; /* open_close.c */

struct file_id {
	uint64_t persistent_id;
	uint64_t volatile_id;
};

/* Of the application that opened it. [MS-SMB2] 3.3.1.10 Open.ApplicationInstanceVersionHigh, Low */
struct instance_version {
	bool there;
	uint64_t high, low;
};

/* In the order of open.c's diagram: below CLOSING it is, or may be, used again. */
enum open_state { OPEN_OPEN, OPEN_PARTING, OPEN_DISCONNECTED, OPEN_CLOSING, OPEN_CLOSED };

/* Who waits for requests on an open to end: those that entered before `seq`. Embedded in the waiter. */
struct open_drain {
	struct list_node node; /* open->drains */
	uint64_t seq;
	bool writes_only;
	struct req *skip;
	struct wait *wait;
};

struct open {
	struct map_node by_id;       /* sess's lock, by volatile id			*/
	bool listed;                 /* sess's lock: in its table				*/
	struct map_node by_state_id; /* server's opens_lock */
	atomic_uint refs;
	struct file_id id;         /* I; the volatile one changes with sess */
	uint64_t state_id;         /* I  its name in fs/state records			*/
	struct smb_server *server; /* I							*/
	/* L  counted; NULL while DISCONNECTED. They change only while no request is under way: those read without */
	struct sess *sess;
	struct tree *tree;
	struct share *share;     /* I  counted: of the tree it was opened through	*/
	struct principal *who;   /* I  who opened it: rights of path calls through it	*/
	uint32_t granted;        /* I  Open.GrantedAccess				*/
	uint32_t maximal;        /* I  what could have been granted			*/
	uint32_t create_options; /* I							*/
	uint32_t create_action;  /* I  FILE_OPENED ...: what its CREATE was answered	*/
	bool delete_on_close;    /* I  asked for at CREATE				*/
	bool directory;          /* I							*/
	bool sealed;             /* L  its CREATE came encrypted			*/
	uint8_t lease_version;   /* I  0: no lease					*/
	struct lease_id lease;   /* I							*/
	bool has_parent_lease;   /* I							*/
	struct lease_id parent_lease; /* I  the key its client uses for the directory	*/
	struct conn
		*made_on; /* L  borrowed, only to be compared: where its CREATE came	*/
	struct frame
		*made_in; /* L  will answer its CREATE on made_on; breaks wait for that */
	struct list_node on_frame; /* made_on's worker: frame->made			*/
	struct node *node;         /* I  NULL for a pipe				*/
	struct vfile *data;        /* I  NULL: only attributes were opened, or a pipe	*/

	/* What a client that comes back must know. [MS-SMB2] 3.3.1.10 */
	uint8_t durable;             /* I  the version it was made durable with; 0: not */
	bool has_create_guid;        /* I						*/
	struct guid create_guid;     /* I						*/
	uint8_t client_guid[16];     /* I  of the session it was opened in	*/
	uint32_t durable_timeout_ms; /* I  how long it stays		*/
	bool has_instance;           /* I						*/
	struct guid instance;        /* I  Open.AppInstanceId			*/
	struct instance_version instance_version; /* I				*/
	atomic_bool replay_eligible; /* A  nothing was done with it since its CREATE */
	bool enlisted;               /* opens_lock: in the tables	*/
	struct map_node by_persistent_id; /* opens_lock: durable		*/
	struct map_node by_create;        /* opens_lock: in_creates		*/
	bool in_creates; /* opens_lock  until it is known not to be replayed */
	struct map_node by_instance; /* opens_lock: has_instance		*/
	struct smb_lane *home;       /* opens_lock  DISCONNECTED: whose list it is on */
	struct list_node on_home;    /* opens_lock				*/
	uint64_t expires_ms;         /* opens_lock				*/
	bool forsaken;               /* L  it must not stay when its session ends */
	struct list_node parted;     /* L  open_drain: who waits for the end of PARTING */

	struct lock lock;          /* rank OPEN						*/
	enum open_state state;     /* L							*/
	uint64_t next_seq;         /* L							*/
	struct list_node inflight; /* L  req.on_open: under way, oldest first		*/
	struct list_node drains;   /* L  who waits for some of them to end		*/
	unsigned holds;            /* L  requests on others that use it, too		*/
	_Atomic uint64_t
		resume_secret; /* A  of its ResumeKey; 0: nobody has asked for it */
	struct node
		*parent; /* L  counted; the directory it was opened in; NULL for a root */
	char *path; /* L  of open_path_new(): from the share root, with backslashes; "" for it */
	_Atomic uint64_t position; /* A  FilePositionInformation		*/
	uint32_t ea_next;          /* L  where FileFullEaInformation goes on		*/
	uint64_t quota_next;       /* L  the uid where quotas go on		*/
	atomic_uint mode;          /* A  FileModeInformation: FILE_WRITE_THROUGH ...	*/
	atomic_bool
		wrote; /* A  its closing changes what the directory says of the file */
	struct lock_sequences lock_sequences;     /* L */
	struct channel_sequence channel_sequence; /* L  of 3.x */
	/* A  times set or frozen through it, which its operations do not move; 0: they do (cmd/held_times.h) */
	_Atomic uint64_t held_access_time, held_write_time, held_change_time;
	struct open_closing *closing;
	size_t lock_count; /* its session's lock  byte-range locks that it has, or has asked for */

	struct turn scan_turn; /* one QUERY_DIRECTORY, or start of a watch, at a time */
	struct dir_scan *scan; /* whoever holds scan_turn				*/
	void (*scan_free)(struct dir_scan *scan);
	struct notify *notify; /* L  started by the first CHANGE_NOTIFY		*/
	uint32_t notify_max;   /* L  its OutputBufferLength; unchanged from then on	*/
	struct turn pipe_turn; /* one request on a pipe at a time			*/
	struct pipe *pipe;     /* whoever holds pipe_turn				*/
	struct list_node
		pipe_readers; /* L  READs that wait for an answer: cmd/pipe_io.c */
	void (*pipe_free)(struct pipe *pipe);
};

/* What CREATE hands over; every reference in it is taken over on success only. */
struct open_new {
	struct tree *tree; /* borrowed: open takes its own */
	struct principal *who;
	struct node *node;
	struct node *parent;
	char *path; /* of open_path_new() */
	struct vfile *data;
	struct pipe *pipe;
	void (*pipe_free)(struct pipe *pipe);
	uint32_t granted, maximal, create_options, create_action;
	uint64_t state_id;
	bool directory, delete_on_close, sealed;
	uint8_t lease_version; /* 0: no lease, and the two below mean nothing */
	struct lease_id lease;
	bool has_parent_lease;
	struct lease_id parent_lease;
	struct conn *made_on;
	uint16_t channel_sequence; /* of the CREATE */
	uint8_t durable;
	bool has_create_guid, replay_eligible;
	struct guid create_guid;
	uint8_t client_guid[16];
	uint32_t durable_timeout_ms;
	bool has_instance;
	struct guid instance;
	struct instance_version instance_version;
};

/* The server's: what comes and goes with opens. */
void opens_init(struct smb_server *s);
void opens_fini(struct smb_server *s);

/* Room for a path of so many bytes, NUL included; NULL without memory. It may be made shorter, never longer. */
MUST_CHECK char *open_path_new(struct smb_server *s, size_t len);
void open_path_free(struct smb_server *s, char *path); /* NULL is fine */

/* How many opens there may be at a time. */
size_t open_files_limit(struct smb_server *s, const struct conf *conf);

/* Reserve one of the session's and server's opens before anything is opened: STATUS_TOO_MANY_OPENED_FILES. */
MUST_CHECK nt_status open_quota_take(struct sess *s, const struct conf *conf);
void open_quota_give(struct sess *s);

/*
 * Room for so many byte-range locks of o, before they are asked for: STATUS_INSUFFICIENT_RESOURCES if its session or the server
 * has too many. Given back by who unlocks, or by the end of o. A request is under way on o.
 */
MUST_CHECK nt_status open_locks_take(struct open *o, size_t count);
void open_locks_give(struct open *o, size_t count);

/* A fresh id for fs/state records. */
uint64_t open_state_id(struct smb_server *server);

/* In the session's table, with a reference for the caller. Uses up a quota taken before. STATUS_FILE_CLOSED-like
 * failure if the session or tree was closed meanwhile: STATUS_USER_SESSION_DELETED / STATUS_NETWORK_NAME_DELETED. */
MUST_CHECK nt_status open_new(const struct open_new *in, struct open **ret_open);
/* Whatever session it is of; counted. NULL: there is none, or it is going. */
struct open *open_by_state_id(struct smb_server *server, uint64_t state_id);
/* Counted; NULL if unknown, of another tree, or persistent id differs. */
struct open *open_find(struct sess *s, struct file_id id);
struct open *open_get(struct open *o);
void open_put(struct open *o);

static inline bool open_may(const struct open *o, uint32_t any_of)
{
	return (o->granted & any_of) != 0;
}

/* The directory it was opened in, as it is now: counted; NULL for a root. */
struct node *open_parent(struct open *o);

/* The path it was opened by or renamed to: from the share root, with backslashes, "" for it. NULL without memory. */
char *open_path(struct open *o, struct arena *a);

/* Directory and last name of that path. The directory is counted; NULL, and name "", for the root. -ENOMEM. */
MUST_CHECK int open_name(struct open *o, struct arena *a, struct node **ret_parent,
			 const char **ret_name);

/* The lease key that its client uses for that directory; NULL: none. [MS-SMB2] 2.2.13.2.10 */
static inline const struct lease_id *open_parent_lease(const struct open *o)
{
	return o->has_parent_lease ? &o->parent_lease : NULL;
}

/* Where file calls on it go: its own share's, as another share's root lies elsewhere. Not for a pipe. */
static inline struct vfs *open_vfs(const struct open *o)
{
	return o->share->vfs;
}

/* A record of fs/state about o, by its owner, lease and all. */
struct state_op open_state_op(const struct open *o, enum state_code code);
/* What clients are told of its file besides what the file system says. Not for a pipe. */
static inline struct shown *open_shown(const struct open *o)
{
	return &node_base(o->node)->shown;
}

/* Some open of s (of tree; NULL: any), taken out of the session's table: nobody finds it there any more. The table's reference
 * is the caller's. NULL: there is none. at: zero at first; what was passed is not looked at again. */
struct open *open_take_any(struct sess *s, const struct tree *tree,
			   struct map_cursor *at);

/* A request begins or ends to use o; done by req_open_get() and the request's end. STATUS_FILE_CLOSED if it is not open in the
 * request's tree; STATUS_FILE_NOT_AVAILABLE if it would change something and is older than the failure of a channel:
 * 3.3.5.2.10 */
MUST_CHECK nt_status open_enter(struct open *o, struct req *q);
void open_leave(struct open *o, struct req *q);
/* A request on another open uses o, too: its close waits until that lets go. STATUS_FILE_CLOSED once closing. */
MUST_CHECK nt_status open_hold(struct open *o);
void open_let_go(struct open *o);
/* Its close has begun: what parks on it now must end at once, as nobody will look for it any more. */
bool open_is_closing(struct open *o);

/* End w when every WRITE and IOCTL that entered before q has left: FLUSH overtakes neither writes nor copies. */
void open_after_writes(struct open *o, struct req *q, struct wait *w);

/* READ and WRITE leave FilePositionInformation behind their last byte. [MS-FSA] 2.1.5.3 */
static inline void open_moved_to(struct open *o, uint64_t position)
{
	atomic_store_explicit(&o->position, position, memory_order_relaxed);
}

/*
 * Close. The first caller starts it: parked requests on it are claimed (WAIT_CLOSED), running ones awaited, locks go, the
 * name is removed if deletion is due. w ends when it is done, with w->err 0; a second caller's w ends at once with
 * -EBADF. skip: the CLOSE request itself, which is not waited for; or NULL.
 */
void open_close(struct open *o, struct lane *lane, struct req *skip, struct wait *w);
/*
 * The session has lost its last connection: as open_close(), but a durable open may stay instead (smb/durable.h). w ends when
 * it is closed, or left to itself.
 */
void open_part(struct open *o, struct lane *lane, struct wait *w);

/* Its node is to be deleted at the last close, with the rights of who opened o. */
void open_dooms(struct open *o);

/* Below: between open.c (what there is), open_close.c (how it ends) and durable.c (how it stays). */

/* What an end takes, made beforehand: it cannot fail. NULL without memory. */
void open_closings_init(struct smb_server *s, size_t max);
struct open_closing *open_closing_new(struct open *o);
void open_closing_free(struct open_closing *c);
/* Under its session's lock: out of the table. */
void open_unlist(struct open *o);
/* End w when d is drained; at once if it is. */
void open_drain(struct open *o, struct open_drain *d, struct wait *w);

/* One whose last reference goes is not brought back. NULL: it goes. */
struct open *open_get_unless_gone(struct open *o);
/*
 * It is CLOSING and belongs to nobody: lane's worker closes it, with the caller's reference. Any thread. w: of that worker, ends
 * when it is done; or NULL.
 */
void open_close_forsaken(struct open *o, struct lane *lane, struct wait *w);
/* An open with so many byte-range locks is none of s's opens any more. */
void open_sess_leave(struct sess *s, size_t lock_count);
