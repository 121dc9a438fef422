/*
 * vfs.h - the seam to a file system: one record a call, done now or later.
 *
 * A call is a struct (below) that begins with `struct vfs_call`. The caller fills its inputs, keeps it alive
 * until the wait ends, and then reads its outputs. wait->err is 0 or a negative errno; outputs are valid only
 * with 0 unless said otherwise. The back end decides by itself what runs inline and what goes to the pool.
 *
 *     back ends   fs/posix (the kernel), tests/sim/memfs (memory, with faults)
 *
 * Names are UTF-8 components, never paths with separators; everything is reached from an open directory, beneath
 * the root of its volume. Symbolic links are never followed out of it; they are followed inside it.
 *
 * Owns     a struct vfile is counted; whoever receives one in an output owns that reference.
 * Threads  calls are started and ended on the caller's worker. A vfile may be used from several at once.
 * Errors   -ENOENT name does not exist; -ENOTDIR / -EISDIR; -EXDEV leaves the volume; -ELOOP a link that
 *          cannot be followed; -EACCES, -EPERM the user may not; -EEXIST; -ENOTEMPTY; -ENOSPC, -EDQUOT, -EFBIG;
 *          -ESTALE the name no longer means the expected file.
 */
#pragma once

#include "base/arena.h"
#include "base/cred.h"
#include "base/env.h"
#include "base/lane.h"
#include "net/xport.h"

/* What a file is, wherever it is named from. */
struct node_key {
	uint64_t volume; /* st_dev, mixed with what else tells volumes apart	*/
	uint64_t inode;
	uint64_t generation; /* 0 where the back end knows none			*/
	uint64_t stream;     /* which of its named streams; 0: the file itself	*/
};

static inline bool node_key_eq(const struct node_key *a, const struct node_key *b)
{
	return a->volume == b->volume && a->inode == b->inode &&
	       a->generation == b->generation && a->stream == b->stream;
}

/* The file that a stream belongs to; itself if it is none. */
static inline struct node_key node_key_base(const struct node_key *key)
{
	struct node_key base = *key;

	base.stream = 0;
	return base;
}

enum vfs_type { VFS_FILE, VFS_DIR, VFS_SYMLINK, VFS_SPECIAL };

/* All times are FILETIMEs: [MS-DTYP] 2.3.3. */
struct vfs_stat {
	struct node_key key;
	enum vfs_type type;
	uint32_t mode; /* permission bits, 07777 */
	uint32_t uid, gid;
	uint32_t nlink;
	uint32_t dos_attributes; /* FILE_ATTRIBUTE_*; never 0 */
	uint32_t reparse_tag;    /* IO_REPARSE_TAG_* of a reparse point, else 0 */
	uint64_t size;           /* EndOfFile, bytes */
	uint64_t allocated;      /* AllocationSize, bytes */
	uint64_t create_time, access_time, write_time, change_time;
};

/* An open handle of a back end: a path handle (names and attributes) or a data handle (contents). */
struct vfile {
	atomic_uint refs;
	const struct vfs_ops *ops;
};

struct vfile *vfile_get(struct vfile *f);
void vfile_put(struct vfile *f); /* closes with the last reference; NULL is fine */

static inline void vfile_putp(struct vfile **f)
{
	vfile_put(*f);
}

/* Permission bits of a call's `may`: what its user may do to the file, as the kernel sees it. */
enum { VFS_MAY_EXEC = 1, VFS_MAY_WRITE = 2, VFS_MAY_READ = 4 };

enum vfs_op {
	VFS_LOOKUP,
	VFS_CREATE,
	VFS_OPEN,
	VFS_STAT,
	VFS_SETATTR,
	VFS_UNLINK,
	VFS_RENAME,
	VFS_LINK,
	VFS_READ,
	VFS_PIECE,
	VFS_WRITE,
	VFS_SYNC,
	VFS_COPY,
	VFS_CLONE,
	VFS_ZERO,
	VFS_RANGES,
	VFS_READDIR,
	VFS_STATFS,
	VFS_QUOTA_LIST,
	VFS_QUOTA_SET,
	VFS_EA_LIST,
	VFS_EA_SET,
	VFS_STREAM_OPEN,
	VFS_STREAM_REMOVE,
	VFS_STREAM_RENAME,
	VFS_STREAM_LIST,
	VFS_STREAM_CLEAR,
	VFS_OP_COUNT,
};

struct vfs; /* one volume: a share's root */

struct vfs_call {
	struct job job; /* the back end's, when it uses the pool	*/
	enum vfs_op op;
	struct vfs *vfs;
	const struct cred *cred; /* whose rights count; NULL: the server's	*/
	bool raised; /* fs/access.c has allowed it: the file system's own permissions do not count */
	struct lane *lane; /* whose worker started it			*/
	struct arena
		*arena; /* memory for outputs; touched by nobody else until the end */
};

/*
 * Resolve `names` one after another beneath `dir`.
 *
 * Exact name first, then case-insensitively where the volume is. count 0 names dir itself. For a symbolic link
 * as the last name: followed inside the volume; VFS_SYMLINK and no error if it dangles or leaves.
 *
 * What cannot be followed here may be for the client to follow: `reparse` is then the buffer ([MS-FSCC] 2.1.2) of the last
 * name or, with -ELOOP, of the name behind the first `resolved` ones. Empty for a link of the file system whose target
 * counts from the root of this machine, and where `no_follow` found the last name.
 */
struct vfs_lookup {
	struct vfs_call call;
	struct vfile *dir; /* path handle of a directory		*/
	const char *const *names;
	size_t count;
	bool with_sd;
	bool no_follow; /* the last name stands for the link itself */
	/* out */
	struct vfile *file; /* path handle				*/
	struct vfs_stat stat;
	/* the last name as clients are shown it, "" for count 0. If just that does not exist: under which name it is to be
	 * made; NULL: as it was asked for */
	const char *name;
	unsigned may; /* VFS_MAY_* as without `raised`; not asked for if there is an sd */
	struct span
		sd; /* with_sd: the stored descriptor, in the arena; empty: there is none */
	struct span reparse; /* in the arena */
	size_t resolved; /* on -ENOENT, -ENOTDIR, -EACCES, -ELOOP too: how many names were found */
};

/* Make a new file or directory; -EEXIST if the name is taken (also in another case). Never opens what exists. */
struct vfs_create {
	struct vfs_call call;
	struct vfile *dir;
	const char *name;
	bool directory;
	uint32_t mode;     /* permission bits before the volume's forced ones */
	bool inherits_acl; /* instead of them, where the directory has a default ACL */
	uint32_t dos_attributes; /* as asked for; ARCHIVE and DIRECTORY are seen to */
	struct span
		sd; /* a descriptor to store; empty: none. -EOPNOTSUPP where that cannot be */
	/* out */
	struct vfile *file; /* path handle				*/
	struct vfile
		*data; /* data handle for reading and writing; NULL for a directory */
	struct vfs_stat stat;
	unsigned may;
};

/* A data handle for what a path handle names. For a directory: one to list it by. Special files: -EOPNOTSUPP. */
struct vfs_open {
	struct vfs_call call;
	struct vfile *file;
	bool read, write;
	bool truncate;   /* to 0 bytes, with the user's rights	*/
	bool stat_known; /* the caller needs no more than what he has */
	/* out */
	struct vfile *data;
	struct vfs_stat stat; /* after the truncation; unless it is known */
};

/* A POSIX ACL, acl(5), with the mask applied. */
struct vfs_acl_entry {
	bool group;
	uint32_t id;
	uint8_t may; /* VFS_MAY_* */
};

enum { VFS_ACL_OWNER, VFS_ACL_GROUP, VFS_ACL_OTHERS, VFS_ACL_CLASSES };

struct vfs_acl {
	bool there;
	uint8_t may[VFS_ACL_CLASSES];
	size_t count;
	struct vfs_acl_entry *entries; /* of further users and groups */
};

struct vfs_acls {
	struct vfs_acl access;    /* not there: the mode says all	*/
	struct vfs_acl inherited; /* a directory's "default" one	*/
};

struct vfs_statcall {
	struct vfs_call call;
	struct vfile *file; /* path or data handle			*/
	bool with_sd;       /* path handle only			*/
	bool with_acls;     /* likewise				*/
	bool with_reparse;  /* likewise; -EILSEQ: a link whose target cannot be said */
	bool with_eas;      /* are there any?			*/
	/* out */
	struct vfs_stat stat;
	bool has_eas;         /* with_eas: EA_LIST may find some; false: it finds none */
	struct span sd;       /* as of VFS_LOOKUP */
	struct vfs_acls acls; /* in the arena */
	struct span
		reparse; /* the buffer of any reparse point, in the arena; empty: it is none */
};

/* Which fields of a vfs_setattr to act on. */
enum {
	VFS_SET_SIZE = 1 << 0,       /* EndOfFile				*/
	VFS_SET_ALLOCATION = 1 << 1, /* reserve, or cut if below the size	*/
	VFS_SET_CREATE_TIME = 1 << 2,
	VFS_SET_ACCESS_TIME = 1 << 3,
	VFS_SET_WRITE_TIME = 1 << 4,
	VFS_SET_CHANGE_TIME =
		1 << 5, /* shown until the file changes; where that can be kept */
	VFS_SET_DOS_ATTRIBUTES = 1 << 6,
	VFS_SET_MODE = 1 << 7,
	VFS_SET_OWNER = 1 << 8,
	VFS_SET_GROUP = 1 << 9,
	/* the stored descriptor. Together with OWNER or GROUP these are changed only if the file system lets us: what the
	 * descriptor says counts. */
	VFS_SET_SD = 1 << 10,
	/* FILE_ATTRIBUTE_SPARSE_FILE as in the attributes, and nothing else of them; DOS_ATTRIBUTES leaves it alone */
	VFS_SET_SPARSE = 1 << 12,
	/* FILE_ATTRIBUTE_ARCHIVE besides those a file has; where that can be kept */
	VFS_SET_ARCHIVE = 1 << 11,
	/* both ACLs; together with MODE, whose group's part is their mask. -EOPNOTSUPP where there can be none */
	VFS_SET_ACLS = 1 << 13,
	/* make a reparse point of an ordinary file or directory, or an ordinary one again. Nobody here will follow it */
	VFS_SET_REPARSE = 1 << 14,
	/* FILE_ATTRIBUTE_COMPRESSED as in the attributes: what is written from now on. -EOPNOTSUPP */
	VFS_SET_COMPRESSED = 1 << 15,
};

struct vfs_setattr {
	struct vfs_call call;
	struct vfile
		*file; /* path handle; a data handle for SIZE and ALLOCATION is better */
	struct vfile *data;          /* data handle if the caller has one, else NULL */
	unsigned what;               /* VFS_SET_*				*/
	struct vfs_stat attr;        /* the values				*/
	struct span sd;              /* for VFS_SET_SD; not empty		*/
	const struct vfs_acls *acls; /* for VFS_SET_ACLS; goes with MODE */
	struct span
		reparse; /* for VFS_SET_REPARSE: a valid buffer; empty: none any more */
	/* out */
	struct vfs_stat stat; /* afterwards				*/
};

/* Remove a name, if it still means `key`; -ESTALE if not. */
struct vfs_unlink {
	struct vfs_call call;
	struct vfile *dir;
	const char *name;
	bool directory;
	struct node_key key;
};

/* Rename src to dst, both within the volume. Without replace: -EEXIST if dst exists (another case of src is fine). */
struct vfs_rename {
	struct vfs_call call;
	struct vfile *src_dir;
	const char *src_name;
	struct vfile *dst_dir;
	const char *dst_name;
	bool replace;
	struct node_key key; /* src must still mean this file	*/
};

struct vfs_link {
	struct vfs_call call;
	struct vfile *file; /* path handle				*/
	struct vfile *dst_dir;
	const char *dst_name;
	bool replace;
};

/*
 * Read or write at an offset; short only at the end of the file (read). -EINVAL beyond INT64_MAX.
 *
 * With `lend` a READ that has the bytes at hand may show them where they lie, instead of copying them: they are to be looked at
 * once, soon, on the caller's worker and by way of fault_guard() (base/fault.h), as others may change them meanwhile or take
 * them away. vfs_settle() ends that, and says whether what was made of them counts.
 */
struct vfs_io {
	struct vfs_call call;
	struct vfile *data;
	uint64_t off;
	struct mspan bytes;
	struct buf *buf; /* keeps `bytes` alive; borrowed	*/
	bool sync;       /* write: fdatasync before the end	*/
	bool lend;       /* read: see below			*/
	/* out */
	size_t done;      /* with an error, too: so far it came before */
	struct span lent; /* read: `done` bytes, not in `bytes`; else p is NULL */
	void *lender;     /* the back end's own */
};

/*
 * READ bytes that nobody has to look at: instead of being copied they are held as a piece that a transport sends by
 * itself. What is done to the file before that may be seen in it: bytes that were written since, zeros for what was cut
 * off. Short only at the end of the file. -EINVAL beyond INT64_MAX.
 *
 * -EOPNOTSUPP: not of this file, or not now: READ it.
 */
struct vfs_piece {
	struct vfs_call call;
	struct vfile *data;
	uint64_t off;
	size_t len; /* not 0 */
	/* out */
	struct seg_file *piece; /* the caller's reference; NULL at the end of the file */
	size_t done;            /* bytes in it */
};

enum { VFS_COPY_MAX = 1 << 20 }; /* bytes a call: others get their turn in between */

/*
 * Copy bytes from one file to another, or within one, where they may overlap: as if all were read before the first is
 * written. src may be of another volume of the same back end, else -EXDEV. Shares blocks where the file system can.
 *
 * -ENODATA: the source ends before off + len; nothing was copied.
 */
struct vfs_copy {
	struct vfs_call call;
	struct vfile *src; /* data handle for reading		*/
	uint64_t src_off;
	struct vfile *data; /* data handle for writing		*/
	uint64_t off;
	size_t len; /* at most VFS_COPY_MAX			*/
	bool sync;  /* fdatasync before the end		*/
	/* out */
	size_t done; /* with an error, too: so far it came before */
};

/*
 * Have a range of one file share the blocks of another, or of another range of it: as a copy, but at once, and what would lie
 * behind the end of the target is left out. Where file systems count in blocks, offsets and lengths are multiples of them, -EINVAL
 * otherwise. -EXDEV: of two volumes; -EOPNOTSUPP: not here.
 */
struct vfs_clone {
	struct vfs_call call;
	struct vfile *
		src; /* data handle for reading; the range does not end behind the file */
	uint64_t src_off;
	struct vfile *data; /* data handle for writing */
	uint64_t off;
	uint64_t len;
	bool sync; /* fdatasync before the end */
};

/* Bytes from off to before end. */
struct vfs_range {
	uint64_t off, end;
};

/* Make bytes read as zeroes, up to the end of the file. A call does as much as it may take time for: on behind `done`. */
struct vfs_zero {
	struct vfs_call call;
	struct vfile *data; /* data handle for writing */
	uint64_t off, end;
	bool punch; /* give their room back, where the file system can */
	bool sync;  /* fdatasync before the end */
	/* out */
	uint64_t done; /* 0: there is nothing left. With an error, too */
};

/* Which bytes of a range are not in holes: at most `max` ranges, in order, within it. */
struct vfs_ranges {
	struct vfs_call call;
	struct vfile *data;     /* data handle for reading */
	struct vfs_range asked; /* not beyond the end of the file */
	size_t max;
	/* out */
	struct vfs_range *list; /* in the arena */
	size_t count;
	bool more; /* than `max` */
};

struct vfs_sync {
	struct vfs_call call;
	struct vfile *data; /* data handle, also of a directory	*/
	bool data_only;
};

/* What there is to know of an entry before it is listed. */
struct vfs_looked {
	const struct vfs_stat *stat;
	unsigned may;   /* VFS_MAY_* as of VFS_LOOKUP	*/
	struct span sd; /* as of VFS_LOOKUP		*/
};

/* Which entries a listing has. Asked on whatever thread reads the directory; scratch: forgotten after each question. */
struct vfs_filter {
	bool with_sd; /* descriptors are wanted */
	bool (*shows)(const struct vfs_filter *f, const struct vfs_looked *e,
		      struct arena *scratch);
};

/* One name of a directory; in the call's arena. */
struct vfs_dirent {
	const char *name;
	struct vfs_stat stat;
	uint64_t cookie; /* continue behind this one		*/
};

/* The next entries, "." and ".." included, in the directory's own order; names that are not UTF-8 are left out. */
struct vfs_readdir {
	struct vfs_call call;
	struct vfile *data;   /* data handle of a directory		*/
	struct vfile *file;   /* its path handle, for "."		*/
	struct vfile *parent; /* for ".."; NULL at the root: as "."	*/
	uint64_t cookie;      /* 0: from the start			*/
	size_t max;           /* at most so many entries		*/
	bool with_stat;       /* else only name, cookie, type and inode are filled */
	bool hidden_too;      /* names that no client is shown: is it empty?	*/
	const struct vfs_filter
		*filter; /* NULL: all. Else it is asked of each but "." and ".."	*/
	/* out */
	struct vfs_dirent *entries;
	size_t count;
	bool end;
};

struct vfs_statfs {
	struct vfs_call call;
	/* out */
	uint32_t block_size;
	/* what the call's user may have in all, and still: no more than his quota; blocks_free: whosever */
	uint64_t blocks, blocks_free, blocks_available;
	bool quotas; /* are kept */
	uint64_t volume_id;
	uint64_t create_time;
	uint32_t name_max; /* bytes */
	bool read_only;
	bool clones, compresses; /* files can be */
	const char *fs_name;
};

#define VFS_QUOTA_NONE UINT64_MAX            /* no limit */
#define VFS_QUOTA_MAX  ((uint64_t)INT64_MAX) /* the highest one */

/* What a user has on the volume, and may have: bytes. */
struct vfs_quota {
	uint32_t uid;
	uint64_t used;
	uint64_t soft; /* warns: for a while he may have more */
	uint64_t hard;
};

/* Quotas of users, whoever the call acts as: who may see them is the caller's to know. -EOPNOTSUPP: none are kept. */
struct vfs_quota_list {
	struct vfs_call call;
	const uint32_t *uids; /* whose, one entry each; or NULL: all that there are */
	size_t uid_count;
	uint64_t from; /* all: from this uid on, at most `max`, in order */
	size_t max;
	/* out */
	struct vfs_quota *list; /* in the arena */
	size_t count;
};

/* Limits. What was set before one that fails stays. */
struct vfs_quota_set {
	struct vfs_call call;
	const struct vfs_quota *quotas;
	size_t count;
	size_t done; /* out: how many were set */
};

/* Extended attributes: names are ASCII without the "user." prefix. */
struct vfs_ea {
	const char *name;
	struct span value;
	uint8_t flags;
};

struct vfs_ea_list {
	struct vfs_call call;
	struct vfile *file;
	/* out */
	struct vfs_ea *eas;
	size_t count;
};

/* Set each; an empty value removes the name. All or none as far as the file system can. */
struct vfs_ea_set {
	struct vfs_call call;
	struct vfile *file;
	const struct vfs_ea *eas;
	size_t count;
};

/*
 * Named streams. Each is reached through the path handle of its file and then has a path handle of its own, which OPEN,
 * STAT, SETATTR and the EA calls take: sizes are the stream's, all the rest is the file's. What OPEN makes of it READ,
 * WRITE and SYNC take. Names are compared without regard to case on every volume. Whoever may read or write the file
 * may so its streams; making, renaming and removing one takes the right to write the file.
 *
 * -EOPNOTSUPP: the file, or its file system, cannot have any.
 */
struct vfs_stream_open {
	struct vfs_call call;
	struct vfile *file; /* path handle of a file or directory	*/
	const char *name;   /* without colons			*/
	bool create;        /* make it, empty, unless it is there	*/
	/* out */
	struct vfile *stream; /* path handle				*/
	struct vfs_stat stat;
	const char *stored_name; /* as its maker wrote it		*/
	bool created;
};

/* REMOVE: this stream, or -ESTALE if it has gone. CLEAR: all streams of a file, but open ones are only emptied. */
struct vfs_stream_remove {
	struct vfs_call call;
	struct vfile *file; /* path handle: REMOVE: of the stream; CLEAR: of the file */
};

/* -EEXIST if another stream has the name and is not to be replaced, or has handles; -ENOTEMPTY if it holds anything:
 * [MS-FSA] 2.1.5.15.12.1 */
struct vfs_stream_rename {
	struct vfs_call call;
	struct vfile *stream; /* path handle				*/
	const char *name;
	bool replace;
};

struct vfs_stream {
	const char *name;
	uint64_t size, allocated;
};

/* The named streams of a file, in no order. */
struct vfs_stream_list {
	struct vfs_call call;
	struct vfile *file; /* path handle, of the file or one of its streams	*/
	/* out */
	struct vfs_stream *streams;
	size_t count;
};

struct vfs_ops {
	/* Start c->op on v. Ends w exactly once: wait_now() inline, wait_post() from the pool. */
	void (*run)(struct vfs *v, struct vfs_call *c, struct wait *w);
	/* The volume's root: a new reference. NULL without memory or descriptors, as errno says. */
	struct vfile *(*root)(struct vfs *v);
	/* See vfs_settle(). NULL: never lends. */
	bool (*settle)(struct vfs *v, struct vfs_io *io);
	void (*close)(struct vfile *f); /* last reference gone; frees f */
	void (*free)(
		struct vfs *
			v); /* last reference gone: no call is under way, no vfile left */
};

/*
 * One volume. Back ends embed it first. Counted by shares, by each vfile and by each piece: the file of one share may be
 * known through another, whose directory lies below or above, and outlive it.
 */
struct vfs {
	const struct vfs_ops *ops;
	atomic_uint refs;
	bool case_insensitive;
	uint64_t volume;
	size_t piece_min; /* bytes from which on PIECE is cheaper than READ; 0: there is none */
	size_t lend_min; /* bytes from which on a READ may lend; 0: none does */
};

struct vfs *vfs_get(struct vfs *v);
void vfs_put(struct vfs *v); /* NULL is fine */

/*
 * Start a call. `c` must be the `call` of the struct that fits op.
 *   vfs_run(tree->vfs, &c->call, VFS_LOOKUP, q->lane, cred, &q->arena, req_wait(q, looked_up));
 */
static inline void vfs_run(struct vfs *v, struct vfs_call *c, enum vfs_op op,
			   struct lane *lane, const struct cred *cred,
			   struct arena *arena, struct wait *w)
{
	c->op = op;
	c->vfs = v;
	c->lane = lane;
	c->cred = cred;
	c->arena = arena;
	v->ops->run(v, c, w);
}

/*
 * A READ that lent (io->lent.p is not NULL): give that back, once. False: the file was changed meanwhile, so that zeros may have
 * been in place of some; read anew.
 */
static inline MUST_CHECK bool vfs_settle(struct vfs_io *io)
{
	io->lent = (struct span){0};
	return io->call.vfs->ops->settle(io->call.vfs, io);
}
