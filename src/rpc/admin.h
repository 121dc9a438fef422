/*
 * admin.h - what administrators see and change by remote procedures: who is there, what is open, what is shared.
 *
 * Filled by the layer above, like info.h. Only srvsvc asks, and only for callers who may (rpc_info.administrator).
 *
 * Owns     nothing; rows and their text live in the arena they were asked into.
 * Threads  the callbacks run on the thread of the call, which may block.
 * Errors   0 or a negative errno.
 */
#pragma once

#include "base/arena.h"

enum rpc_activity_kind {
	RPC_SESSIONS,
	RPC_TREES, /* connections to shares */
	RPC_FILES, /* open files and directories */
};

/* One of them; what does not belong to its kind is zero. */
struct rpc_activity {
	uint64_t id; /* of rpc_admin.end(); of a tree: its own within its session */
	const char *user;
	const char *client; /* its address, without a port				*/
	const char *share;
	const char *root;  /* of a file: the directory that is shared ...		*/
	const char *path;  /* ... and below it, with backslashes; "" for itself	*/
	uint32_t opens;    /* of a session or tree					*/
	uint32_t active_s; /* since when it is there				*/
	uint32_t idle_s;   /* since a request came					*/
	uint32_t access;   /* of a file: granted					*/
	uint32_t locks;    /* byte ranges						*/
	bool guest;
	bool pipe; /* a tree: of IPC$						*/
};

enum rpc_share_action { RPC_SHARE_ADD, RPC_SHARE_SET, RPC_SHARE_DEL };

/* What is to become of a share. What is NULL stays as it is, or gets its default. */
struct rpc_share_change {
	enum rpc_share_action action;
	const char *netname;
	const char *path; /* absolute, with slashes; of a new one */
	const char *remark;
	const char *sddl;
	const bool *encrypt_data, *access_based_enumeration;
};

/* Since the start. */
struct rpc_statistics {
	uint64_t start_time; /* FILETIME */
	uint64_t files_opened, sessions_opened, logons_failed;
	uint64_t bytes_sent, bytes_received;
};

struct rpc_admin {
	/*
	 * A page of them: those behind *cursor, which begins as 0 and is moved on; no rows: that was all.
	 */
	int (*list)(void *ctx, enum rpc_activity_kind kind, struct arena *a,
		    uint64_t *cursor, struct rpc_activity **ret_rows, size_t *ret_count);
	/* Close a session or file; it happens once the call has been answered or, where that is not possible any more, would be. */
	int (*end)(void *ctx, enum rpc_activity_kind kind, uint64_t id);
	/*
	 * Change the shares that are served, and the file that says so, or neither.
	 *
	 * -EEXIST: there is one of that name; -ENOENT: there is none; -ENOTDIR: there is no such directory; -EINVAL: the
	 * configuration does not take it; -EOPNOTSUPP: this server changes none; -ESHUTDOWN; others: the file.
	 */
	int (*change_share)(void *ctx, const struct rpc_share_change *c);
	int (*statistics)(void *ctx, struct rpc_statistics *ret);
};
