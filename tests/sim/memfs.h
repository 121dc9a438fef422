/*
 * memfs.h - a file system in memory for the simulation: every call of fs/vfs.h, done at once or by the pool, with the
 *           faults that whoever runs the simulation wishes.
 *
 * A call takes effect in one step: when it is started, or when its job runs. Permissions are those of mode, owner and
 * group, as a Unix kernel sees them; cred NULL may do everything.
 *
 * Owns     its inodes; a handle keeps its inode, also of a removed name.
 * Threads  one.
 * Errors   memory: it aborts. Everything else: as fs/vfs.h says.
 */
#pragma once

#include "fs/vfs.h"

struct memfs;

/* A name came, went or changed what it names. */
struct memfs_change {
	struct memfs_inode *dir; /* whose entry it is */
	const char *name;
	uint32_t action; /* FILE_ACTION_* */
	uint32_t filter; /* FILE_NOTIFY_CHANGE_*: who wants to hear of it */
};

enum memfs_lend {
	MEMFS_LEND_NOT,
	MEMFS_LEND_ALL,
	MEMFS_LEND_HALF, /* touching the rest raises SIGBUS */
};

/* Who decides, and hears. */
struct memfs_world {
	struct env *env;
	/* Leave this call to the pool? */
	bool (*defer)(void *arg, enum vfs_op op);
	/* 0, or what the call fails with instead of being done. */
	int (*fault)(void *arg, enum vfs_op op);
	/* May this READ be answered with a piece of the file? */
	bool (*piece)(void *arg);
	/* Does this READ, which may lend, do so, and of how much that is there? */
	enum memfs_lend (*lend)(void *arg);
	void (*changed)(void *arg, const struct memfs_change *c);
	void *arg;
	/* A SYNC of a handle with WRITEs that were started and are not done fails with -EBUSY: only where all of them came
	 * before the FLUSH. */
	bool strict_sync;
};

enum {
	MEMFS_FILE_MAX = 1 << 24,   /* bytes; beyond: -EFBIG */
	MEMFS_VOLUME_MAX = 1 << 26, /* of all files; beyond: -ENOSPC */
};

/* An empty root that belongs to uid, gid. `world` must outlive it. */
struct vfs *memfs_new(const struct memfs_world *world, bool case_insensitive, uid_t uid,
		      gid_t gid);

/* Set the scene: a directory, or an empty file, at a path with backslashes whose parent is there. */
void memfs_make(struct vfs *v, const char *path, bool directory, uid_t uid, gid_t gid);

/* What a file or stream of that number holds that has a name; false: there is none. */
bool memfs_peek(struct vfs *v, uint64_t number, struct span *ret_data);
/* The number of a file's stream; 0: there is none. */
uint64_t memfs_stream_number(struct vfs *v, uint64_t file, const char *name);
/* The next bytes of a piece: as unkind as fs/vfs.h allows, those that the file has there by now, zeros where it has none. */
void memfs_piece_take(struct seg_file *piece, struct mspan bytes);
/* Handles that are not closed. */
size_t memfs_handles(const struct vfs *v);
/* Volumes and inodes of the process that have not been freed. */
size_t memfs_inodes(const struct vfs *v);

/*
 * The name that the change has below the directory `watch` is open on, with backslashes; `tree`: at any depth. False if it
 * is not below.
 */
bool memfs_below(struct vfile *watch, const struct memfs_change *c, bool tree, char *ret,
		 size_t ret_len);
