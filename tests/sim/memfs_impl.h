/* memfs_impl.h - between memfs.c, memfs_names.c, memfs_data.c and memfs_streams.c. */
#pragma once

#include "base/list.h"
#include "sim/memfs.h"

struct memfs_ea {
	struct list_node node;
	char *name;
	uint8_t *value;
	size_t len;
};

/* A name in a directory. */
struct memfs_name {
	struct list_node node; /* in its directory's names, by cookie */
	char *name;
	uint64_t cookie;
	struct memfs_inode *inode; /* counted */
};

struct memfs_inode {
	unsigned refs; /* names and handles */
	struct memfs *fs;
	uint64_t number;
	enum vfs_type type;
	uint32_t mode, uid, gid, nlink;
	uint32_t dos_attributes;
	uint64_t create_time, access_time, write_time, change_time;

	uint8_t *data; /* of a file: len bytes, cap allocated */
	size_t len, cap;
	uint64_t reserved; /* AllocationSize beyond the data */
	struct list_node eas;
	uint8_t *sd; /* the stored descriptor */
	size_t sd_len;
	uint8_t *reparse; /* the buffer of a reparse point, or NULL */
	size_t reparse_len;

	struct list_node streams; /* memfs_inode.in_base: its named ones */
	struct memfs_inode *
		base; /* of a stream: its file, kept by the stream's handles; else NULL */
	char *stream; /* of a stream: its name */
	struct list_node in_base;
	bool listed; /* in base->streams, which is a reference */

	struct list_node names; /* of a directory */
	uint64_t next_cookie;
	struct memfs_inode *
		parent; /* of a directory: where its one name is; NULL: the root, or removed */
};

struct memfs_handle {
	struct vfile file;
	struct memfs_inode *inode; /* counted */
	bool data, read, write;
	unsigned writing; /* WRITEs left to the pool and not run yet */
};

struct memfs {
	struct vfs vfs;
	const struct memfs_world *world;
	struct memfs_inode *root;
	uint64_t next_number;
	size_t handles, inodes;
	uint64_t used; /* bytes of all files */
};

static inline struct memfs *memfs_of(struct vfs *v)
{
	return container_of(v, struct memfs, vfs);
}

static inline struct memfs_handle *memfs_handle_of(struct vfile *f)
{
	return container_of(f, struct memfs_handle, file);
}

static inline struct memfs_inode *memfs_inode_of(struct vfile *f)
{
	return memfs_handle_of(f)->inode;
}

/* By its number, a stream's included; NULL: nothing is reached that has it. */
struct memfs_inode *memfs_inode_of_number(struct vfs *v, uint64_t number);
/* What has owner, times and attributes: the file itself, or the one a stream belongs to. */
static inline struct memfs_inode *memfs_base(struct memfs_inode *n)
{
	return n->base ? n->base : n;
}

struct memfs_inode *memfs_inode_new(struct memfs *fs, enum vfs_type type, uint32_t mode,
				    uint32_t uid, uint32_t gid);
void memfs_inode_put(struct memfs_inode *n);
/* With one reference. */
struct vfile *memfs_handle_new(struct memfs_inode *n, bool data, bool read, bool write);

/* VFS_MAY_* of c for n. */
unsigned memfs_may(const struct memfs_inode *n, const struct cred *c);
/* Whose rights a call has. */
static inline const struct cred *memfs_rights(const struct vfs_call *c)
{
	return c->raised ? NULL : c->cred;
}
/* 0 or -ENOMEM. */
int memfs_sd_get(const struct memfs_inode *n, struct arena *a, struct span *ret_sd);
void memfs_sd_set(struct memfs_inode *n, struct span sd);
/* The same of its reparse point. */
int memfs_reparse_get(const struct memfs_inode *n, struct arena *a, struct span *ret);
void memfs_reparse_set(struct memfs_inode *n, struct span buffer);
void memfs_stat_of(const struct memfs_inode *n, struct vfs_stat *ret);
uint64_t memfs_now(const struct memfs *fs);
/* Contents or attributes changed: every name of n hears it. */
void memfs_touched(struct memfs_inode *n, uint32_t filter);
void memfs_tell(struct memfs_inode *dir, const char *name, uint32_t action,
		uint32_t filter);
/* Set the length: 0, -EFBIG or -ENOSPC. New bytes are zero. */
int memfs_resize(struct memfs_inode *n, uint64_t len);
void *memfs_alloc(size_t len);

/* The operations: 0 or a negative errno; c is the start of the struct that fits. */
int memfs_lookup(struct memfs *fs, struct vfs_call *c);
int memfs_create(struct memfs *fs, struct vfs_call *c);
int memfs_unlink(struct memfs *fs, struct vfs_call *c);
int memfs_rename(struct memfs *fs, struct vfs_call *c);
int memfs_link(struct memfs *fs, struct vfs_call *c);
int memfs_readdir(struct memfs *fs, struct vfs_call *c);
int memfs_open(struct memfs *fs, struct vfs_call *c);
int memfs_stat(struct memfs *fs, struct vfs_call *c);
int memfs_setattr(struct memfs *fs, struct vfs_call *c);
int memfs_read(struct memfs *fs, struct vfs_call *c);
int memfs_piece(struct memfs *fs, struct vfs_call *c);
bool memfs_settle(struct vfs *v, struct vfs_io *io);
int memfs_write(struct memfs *fs, struct vfs_call *c);
int memfs_sync(struct memfs *fs, struct vfs_call *c);
int memfs_zero(struct memfs *fs, struct vfs_call *c);
int memfs_ranges(struct memfs *fs, struct vfs_call *c);
int memfs_copy(struct memfs *fs, struct vfs_call *c);
int memfs_statfs(struct memfs *fs, struct vfs_call *c);
int memfs_no_clones(struct memfs *fs, struct vfs_call *c);
int memfs_no_quotas(struct memfs *fs, struct vfs_call *c);
int memfs_ea_list(struct memfs *fs, struct vfs_call *c);
int memfs_ea_set(struct memfs *fs, struct vfs_call *c);
int memfs_stream_open(struct memfs *fs, struct vfs_call *c);
int memfs_stream_remove(struct memfs *fs, struct vfs_call *c);
int memfs_stream_rename(struct memfs *fs, struct vfs_call *c);
int memfs_stream_list(struct memfs *fs, struct vfs_call *c);
int memfs_stream_clear(struct memfs *fs, struct vfs_call *c);

/* Memory of n that goes with it. */
void memfs_eas_free(struct memfs_inode *n);
void memfs_streams_free(struct memfs_inode *n);
