/*
 * inventory.h - what there is now, in rows for those who show it: connections, sessions, opens, locks; and how an
 * administrator ends one of them.
 *
 * Rows are copies. They come in the order of their ids, `max` of them above `after`, so that a page follows a page. Tables
 * are walked in pieces, the lock let go in between: nobody who is served waits for more than INVENTORY_SLOTS entries.
 *
 * Owns     rows, and what they point to, are in the caller's arena; conn_row points to nothing but static text.
 * Threads  inventory_conns() and the evict functions: the lane's worker. The others: any, while it serves.
 * Errors   -ENOMEM, also where the arena is full.
 */
#pragma once

#include "base/arena.h"
#include "smb/conn.h"
#include "smb/open.h"

struct evictor;

enum {
	INVENTORY_SLOTS = 256, /* of a table, under its lock at a time */
	INVENTORY_TEXT_MAX =
		1 << 20, /* bytes of names in one page: the rest comes with the next */
	INVENTORY_LOCKS_MAX = 1024, /* of an open, looked at a time */
};

struct conn_row {
	uint64_t id;
	char peer[CONN_PEER_MAX];
	uint64_t since;   /* FILETIME */
	uint16_t dialect; /* 0: not negotiated yet */
	enum seal_cipher cipher;
	enum sign_alg sign_alg;
	uint8_t client_guid[16];
	unsigned lane;
	size_t sessions; /* with a channel here */
	size_t requests; /* under way */
	size_t memory;   /* bytes of buffers these hold */
	uint64_t answered;
	bool retired; /* ends once what is under way is answered */
	struct stats_traffic traffic;
};

struct sess_row {
	uint64_t id;
	enum sess_state state;
	enum policy_user kind; /* NONE: nobody has logged on yet */
	const char *user, *domain;
	const char *peer; /* of its oldest connection; "" if it has none */
	uint64_t since;   /* FILETIME */
	uint64_t idle_ns; /* since a request came */
	uint16_t dialect;
	enum seal_cipher cipher;
	enum sign_alg sign_alg;
	uint8_t client_guid[16];
	size_t conn_count;
	uint64_t conns[SESS_CHANNELS_MAX]; /* ids */
	size_t trees, opens;
	bool signing_required;
	bool encrypt_data; /* all its answers are encrypted */
	/* Who demanded that. */
	bool client_signs;            /* its client, when it logged on */
	bool require_message_signing; /* the parameters, when it did */
	bool reject_unencrypted_access;
	bool conf_encrypts;        /* encrypt_data of [global] */
	size_t encrypting_count;   /* trees whose share does */
	const char *encrypting[8]; /* the names of the first of those shares */
	struct stats_traffic traffic;
	uint32_t refused[REFUSAL_COUNT];
};

/* A session's connection to a share. */
struct tree_row {
	uint64_t session_id;
	uint32_t id;
	const char *user, *peer; /* as in sess_row */
	const char *share;
	bool pipe;
	uint64_t since; /* FILETIME */
	size_t opens;
};

struct open_row {
	uint64_t id;         /* of evict_open() */
	uint64_t session_id; /* 0: disconnected, its client may come back */
	const char *user, *share;
	const char *root; /* the directory that is shared */
	const char *path; /* from the share's root, with backslashes; "" for it */
	bool directory, delete_on_close, delete_pending, encrypted;
	uint8_t durable; /* the version; 0: not */
	uint32_t granted, share_access;
	bool holds;            /* an oplock or a lease */
	uint8_t lease_version; /* 0: an oplock */
	uint8_t caching;       /* CACHING_* */
	bool breaking;
	size_t locks;
};

struct lock_row {
	uint64_t open_id, session_id;
	const char *user, *share, *path;
	struct state_range range;
	bool waiting;
};

/* Returns how many; without an arena, as the worker is not to allocate for this. */
size_t inventory_conns(struct smb_lane *l, uint64_t after, struct conn_row *ret,
		       size_t max);

/* Those that are being set up included. more: there are others above the last. */
MUST_CHECK int inventory_sessions(struct smb_server *s, struct arena *a, uint64_t after,
				  size_t max, struct sess_row **ret_rows,
				  size_t *ret_count, bool *ret_more);
/* The trees of whole sessions above `after`, as many as it takes for `max` rows; the next page is after *ret_session. */
MUST_CHECK int inventory_trees(struct smb_server *s, struct arena *a, uint64_t after,
			       size_t max, struct tree_row **ret_rows, size_t *ret_count,
			       uint64_t *ret_session, bool *ret_more);
/* Pipes are not among them. */
MUST_CHECK int inventory_opens(struct smb_server *s, struct arena *a, uint64_t after,
			       size_t max, struct open_row **ret_rows, size_t *ret_count,
			       bool *ret_more);
/* Of the opens from `from` on, of the first without its first `skip` locks. */
MUST_CHECK int inventory_locks(struct smb_server *s, struct arena *a, uint64_t from,
			       size_t skip, size_t max, struct lock_row **ret_rows,
			       size_t *ret_count, bool *ret_more);

/* For the audit log `who` does it. False: there is none on this lane. */
bool evict_conn(struct smb_lane *l, uint64_t id, const struct evictor *who);
/* On any one lane. False: there is no such session, or open. What it had is given up: nobody can come back for it. */
bool evict_session(struct smb_lane *l, uint64_t id, const struct evictor *who);
bool evict_open(struct smb_lane *l, uint64_t id, const struct evictor *who);
