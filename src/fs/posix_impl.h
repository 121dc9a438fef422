/*
 * posix_impl.h - what the files of the posix back end share; for fs/posix*.c only.
 *
 *     posix.c         volume, table of operations, inline or pool
 *     posix_file.c    handles, /proc/self/fd
 *     posix_closer.c  closing what takes its time
 *     posix_lookup.c  from names to a path handle
 *     posix_names.c   names that differ in case only, and short ones; posix_name_set.c those of one directory
 *     posix_tunnel.c  names that went a moment ago
 *     posix_stat.c    struct vfs_stat, what a user may
 *     posix_dosattr.c stored DOS attributes, and what is remembered of files
 *     posix_sd.c      stored security descriptors
 *     posix_reparse.c reparse points, stored and of the file system's own
 *     posix_open.c    CREATE, OPEN
 *     posix_io.c      READ, WRITE, SYNC
 *     posix_piece.c   PIECE, pipes
 *     posix_map.c     READ from mapped page cache
 *     posix_copy.c    COPY
 *     posix_sparse.c  ZERO, RANGES
 *     posix_extent.c  CLONE, compression
 *     posix_attr.c    STAT, SETATTR, STATFS
 *     posix_move.c    UNLINK, RENAME, LINK
 *     posix_dir.c     READDIR
 *     posix_quota.c   QUOTA_LIST, QUOTA_SET
 *     posix_ea.c      EA_LIST, EA_SET
 *     posix_stream*.c named streams
 *
 * Needs    Linux 5.8 (openat2, faccessat2, utimensat with AT_EMPTY_PATH) and /proc.
 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/stock.h"
#include "fs/dosattr.h"
#include "fs/posix.h"
#include "fs/posix_names.h"
#include "fs/posix_tunnel.h"
#include "fs/short_name.h"
#include "wire/reparse.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

enum {
	POSIX_NAME_MAX = 255,             /* bytes of one component, without its NUL	*/
	POSIX_WRITE_INLINE_MAX = 1 << 20, /* while the bytes are in its cache */
	/* below 128 KiB a copy costs less; at that it is the same */
	POSIX_PIECE_MIN = 256 * 1024,
	POSIX_MAP_MIN = 256 * 1024,  /* below, a copy costs no more */
	POSIX_WINDOW_LEN = 64 << 20, /* that are mapped at once */
	POSIX_WINDOWS_MAX = 128, /* a volume: 9 GiB of addresses, 18 MiB of page tables */
	POSIX_QUICK_BLOCKS =
		32768,       /* of 512 bytes, 16 MiB: they are quickly given back */
	POSIX_DEVS_MAX = 64, /* file systems mounted below one root	*/
};

/* What is known of one file system. */
struct posix_fs {
	dev_t dev;
	const char *name; /* static */
	bool local; /* memory or a disk of this machine: looking at metadata does not wait for a peer */
	bool memory;             /* reading never sleeps */
	bool clones, compresses; /* FICLONERANGE, FS_COMPR_FL */
};

/* Inline as long as it goes quickly: what sleeps twice in a row goes to the pool for a second. */
struct posix_pace {
	atomic_bool was_slow;
	_Atomic uint64_t slow_until_ns;
};

/* Where a call is running. Inline it answers -EAGAIN for what might sleep, and is run again in the pool. */
enum posix_where { POSIX_INLINE, POSIX_POOL };

struct posix_volume {
	struct vfs vfs;
	struct posix_file *root;     /* I */
	struct posix_names *names;   /* NULL: case-sensitive, without short names */
	struct posix_tunnel *tunnel; /* NULL: likewise */
	struct posix_dosattrs *dosattrs;
	struct posix_closer *closer;
	struct posix_streams *streams;
	struct posix_pipes *pipes;
	struct posix_windows *windows;
	struct stock files;                    /* struct posix_file */
	enum posix_sd_form sd_form;            /* I */
	struct conf_map_attributes attributes; /* I */
	bool switch_credentials;               /* I */
	int proc_fd;                           /* I  /proc/self/fd */
	bool resolve_cached;                   /* I  the kernel knows RESOLVE_CACHED */
	bool xattrat;                          /* I  and getxattrat() */
	uid_t self_uid; /* I  who we are where credentials are not switched */
	uint32_t force_create_mode, force_directory_mode; /* I */
	struct posix_pace pace;                           /* of metadata calls */
	const struct quota_source *quotas;                /* I */
	_Atomic uint64_t no_quotas_until_s; /* there were none, CLOCK_MONOTONIC */
	_Atomic uint64_t
		large_gone; /* inode of a large file whose last name went lately */

	struct lock devs_lock;                /* leaf */
	size_t dev_count;                     /* L */
	struct posix_fs devs[POSIX_DEVS_MAX]; /* I  below dev_count */
};

struct posix_file {
	struct vfile vf;
	struct list_node closing; /* the closer's */
	struct posix_volume *vol; /* I */
	int fd;                   /* I */
	enum vfs_type type;       /* I */
	bool data;                /* I  a data handle, else O_PATH */
	bool small;   /* I  had few blocks when it was found, and `data` does not write */
	uint64_t ino; /* I  if small */
	bool dot_name;                 /* I  found under a name that begins with a dot */
	const struct posix_fs *fs;     /* I  one of vol->devs */
	atomic_bool no_nowait;         /* reading without waiting does not work here */
	atomic_bool no_splice;         /* neither does splice() */
	atomic_bool no_map;            /* nor mmap() */
	atomic_bool read_before;       /* as much as is worth mapping */
	_Atomic uint64_t map_again_ns; /* not before: it was being changed */
	struct posix_window *windows;  /* posix_map.c's, under vol->windows' lock */
	atomic_bool dir_busy;          /* somebody is using the position of a directory */
	uint64_t dir_pos;              /* his: the cookie of that position, or 0 */
	struct posix_pace pace;        /* of writes */
	struct posix_stream *
		stream; /* I  counted: one of the file's named streams, whatever `data` says; or NULL */
};

static inline struct posix_volume *posix_volume_of(struct vfs *v)
{
	return container_of(v, struct posix_volume, vfs);
}

static inline struct posix_file *posix_file_of(struct vfile *f)
{
	return container_of(f, struct posix_file, vf);
}

/* Each operation. 0 or negative errno; -EAGAIN inline: try again in the pool. */
int posix_lookup(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_create(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_open(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_stat(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_setattr(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_unlink(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_rename(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_link(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_read(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_piece(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_write(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_sync(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_copy(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_clone(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_zero(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_ranges(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_readdir(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_statfs(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_quota_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_quota_set(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_ea_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
int posix_ea_set(struct posix_volume *v, struct vfs_call *c, enum posix_where where);

/* ---- posix.c ------------------------------------------------------------------------------------ */

/* When something began inline, and what is needed to tell whether it slept. */
struct posix_mark {
	uint64_t start_ns;
	bool suspicious;
	long sleeps;
};

/* False: to the pool with it. */
MUST_CHECK bool posix_pace_begin(struct posix_pace *p, struct posix_mark *ret_mark);
void posix_pace_end(struct posix_pace *p, const struct posix_mark *mark);

/* Act as the call's user, where the volume does that. */
void posix_act_as(struct posix_volume *v, const struct cred *c);
/* For the rest of a raised call, only what the user may. */
void posix_act_unraised(struct posix_volume *v, const struct cred *c);
/* And after that as at the beginning of the call. */
void posix_act_again(struct posix_volume *v, const struct vfs_call *c);
/* The user a call acts as. */
uid_t posix_acting_uid(struct posix_volume *v, const struct cred *c);

/* What is known of the file system fd is on; inline -EAGAIN if it has not been asked yet. */
MUST_CHECK int posix_fs_of(struct posix_volume *v, int fd, dev_t dev,
			   enum posix_where where, const struct posix_fs **ret_fs);

/* ---- posix_attr.c ------------------------------------------------------------------------------- */

/* Does the call need the right to give files away? */
bool posix_changes_owner(const struct vfs_call *c);

/* ---- posix_file.c ------------------------------------------------------------------------------- */

/*
 * The name under which the kernel lets us reach what fd stands for, O_PATH or not: posix_proc(fd).path. For what is
 * done rarely; walking it costs microseconds.
 */
struct posix_proc {
	char path[32];
};
struct posix_proc posix_proc(int fd);

/* Takes fd over, also on failure. NULL without memory. */
struct posix_file *posix_file_new(struct posix_volume *v, int fd, enum vfs_type type,
				  const struct posix_fs *fs);

/* Open again what fd stands for, with rights checked anew: a descriptor or a negative errno. */
MUST_CHECK int posix_reopen(const struct posix_volume *v, int fd, int flags);

/* An extended attribute of what the path handle fd stands for: bytes, or negative errno. */
ssize_t posix_getxattr(const struct posix_volume *v, int fd, const char *xattr,
		       struct mspan buf);
/* The same of a name in a directory, which the caller has checked; a link is not followed. */
ssize_t posix_getxattr_at(const struct posix_volume *v, int dirfd, const char *name,
			  const char *xattr, struct mspan buf);
/* The names of all that a path handle has, each with its NUL: bytes, or negative errno; -ERANGE: buf is too small. */
ssize_t posix_listxattr(const struct posix_volume *v, int fd, struct mspan buf);
/* Does the kernel have getxattrat()? Asked once: v->xattrat. */
bool posix_probe_xattrat(const struct posix_volume *v);

void posix_closep(int *fd);

extern const struct vfs_ops posix_vfs_ops;
void posix_file_close(struct vfile *f);     /* the close of posix_vfs_ops */
void posix_file_free(struct posix_file *f); /* the end, on whatever thread */

/* ---- posix_copy.c ------------------------------------------------------------------------------- */

/* Bytes that a data handle has. */
MUST_CHECK int posix_contents_size(const struct posix_file *f, uint64_t *ret_size);

/* ---- posix_extent.c ----------------------------------------------------------------------------- */

/* As the user the thread acts as. -EOPNOTSUPP */
MUST_CHECK int posix_compress(struct posix_file *f, bool compressed);
/* Was this XFS made so that files can share blocks? */
bool posix_xfs_clones(int dirfd);

/* ---- posix_closer.c ----------------------------------------------------------------------------- */

struct posix_closer *posix_closer_new(void);    /* NULL without memory */
void posix_closer_free(struct posix_closer *c); /* waits for what is being closed */
/* Nobody refers to f any more. */
void posix_closer_close(struct posix_closer *c, struct posix_file *f);

/* ---- posix_piece.c ------------------------------------------------------------------------------ */

struct posix_pipes *posix_pipes_new(void); /* NULL without memory */
void posix_pipes_free(struct posix_pipes *t);
/* What may be read of f without waiting for anything but a disk of this machine; -1: nothing. */
int posix_quick_fd(const struct posix_file *f);
/* Are the pages of a range in memory? len > 0. As far as the kernel says; see there. */
bool posix_range_cached(int fd, uint64_t off, size_t len);

/* ---- posix_map.c -------------------------------------------------------------------------------- */

/* left: of struct posix_settings. NULL without memory. */
struct posix_windows *posix_windows_new(atomic_int *left);
void posix_windows_free(struct posix_windows *t);
/* Nobody else knows f any more: would unmapping hold a worker up? */
bool posix_windows_are_large(struct posix_windows *t, const struct posix_file *f);
/* f is about to be closed. */
void posix_windows_drop(struct posix_windows *t, struct posix_file *f);
/* A READ on its worker that lends. False: it does not, read as ever. */
MUST_CHECK bool posix_map_lend(struct posix_volume *v, struct posix_file *f,
			       struct vfs_io *io);
bool posix_map_settle(struct vfs *vfs, struct vfs_io *io);

/* ---- posix_lookup.c ----------------------------------------------------------------------------- */

/* May `name` be one component? 0, -EINVAL, -ENAMETOOLONG; -EACCES for our own folder. */
MUST_CHECK int posix_check_name(const char *name);

/*
 * Open one checked component (or, beneath the root, a path) of a directory, following links that stay in the
 * volume. flags as for open(2); a descriptor or a negative errno. Inline -EAGAIN if it is not in memory.
 */
MUST_CHECK int posix_resolve(struct posix_volume *v, int dirfd, const char *name,
			     int flags, mode_t mode, enum posix_where where);

/*
 * The name in dirfd that `name` stands for: itself, or one that differs in case, or one whose short name it is
 * (fs/short_name.h). 0, -ENOENT, ...; inline -EAGAIN. real holds POSIX_NAME_MAX + 1 bytes.
 */
MUST_CHECK int posix_real_name(struct posix_volume *v, int dirfd, const char *name,
			       enum posix_where where, char *real);

/* How clients are shown a name on disk, in buf where it has to be made up: fs/short_name.h. NULL: not at all. */
const char *posix_shown_name(const struct posix_volume *v, const char *on_disk,
			     char buf[SHORT_NAME_LEN + 1]);
/* The name on disk that was shown as `name`, with what bears it. 0, -ENOENT, ...; inline -EAGAIN. */
MUST_CHECK int posix_disk_name(struct posix_volume *v, int dirfd, const char *name,
			       enum posix_where where, char *real, struct statx *ret_stx);

/* ---- posix_open.c ------------------------------------------------------------------------------- */

/* One change to the names of a directory, told to the cache of names when it goes out of scope. */
struct posix_change {
	struct posix_volume *vol;
	int fd; /* of the directory */
	bool begun;
	struct statx stx;
	const char *added, *removed; /* set when it has happened */
};

MUST_CHECK int posix_change_begin(struct posix_change *ch, struct posix_volume *v,
				  struct vfile *dir);
void posix_change_end(struct posix_change *ch);

/* ---- posix_dosattr.c ---------------------------------------------------------------------------- */

struct posix_dosattrs *posix_dosattrs_new(void); /* NULL without memory */
void posix_dosattrs_free(struct posix_dosattrs *t);

/*
 * Where none are stored because mode and name say them (attr_map.h): those, and true. dot_name: as of posix_stat_basic().
 * Nothing is stored or read then: posix_dosattr_read() says -EOPNOTSUPP.
 */
bool posix_dosattr_mapped(const struct posix_volume *v, const struct statx *stx,
			  bool dot_name, struct dosattr *ret_attr);
/* What is stored for a path handle, read as the user the thread acts as. 0, -ENODATA, ... */
MUST_CHECK int posix_dosattr_read(const struct posix_volume *v, int fd,
				  struct dosattr *ret_attr);
/* From memory, or read as c. Files he may not read, or without stored attributes, have none. */
void posix_dosattr_get(struct posix_file *f, const struct cred *c,
		       const struct statx *stx, struct dosattr *ret_attr);
/* The same for a name in a directory, as the user the thread acts as. */
void posix_dosattr_get_at(struct posix_volume *v, int dirfd, const char *name,
			  const struct statx *stx, struct dosattr *ret_attr);
/* A listing is about to ask for this file: have the processor fetch what is remembered of it while statx() runs. No lock: it
 * is looked at later. */
void posix_dosattr_expect(const struct posix_dosattrs *t, uint64_t ino, dev_t dev);
/* Is it remembered that a file of which statx() says this has no extended attributes that clients see? */
bool posix_no_eas_recall(struct posix_dosattrs *t, const struct statx *stx);
/* It was found so after statx() had said this. */
void posix_no_eas_remember(struct posix_dosattrs *t, const struct statx *stx);

/* ---- posix_ea.c --------------------------------------------------------------------------------- */

/* Might EA_LIST find any? From memory, or looked for as c. stx: what statx() said just now. */
bool posix_has_eas(struct posix_file *f, const struct cred *c, const struct statx *stx);

/* ---- posix_sd.c --------------------------------------------------------------------------------- */

/* An extended attribute in the arena, never empty-handed: p is set. -ENODATA: there is none, or there are none at all. */
MUST_CHECK int posix_xattr_copy(struct posix_file *f, const char *name, struct arena *a,
				struct mspan *ret_xattr);
/* The descriptor's attribute as it is, in the arena; p NULL: there is none. Back with it. */
MUST_CHECK int posix_sd_keep(struct posix_file *f, struct arena *a,
			     struct mspan *ret_xattr);
MUST_CHECK int posix_sd_restore(struct posix_file *f, struct mspan xattr);
/* The descriptor stored for a path handle, in the arena; empty if there is none or cannot be. */
MUST_CHECK int posix_sd_read(struct posix_file *f, struct arena *a, struct span *ret_sd);
MUST_CHECK int posix_sd_write(struct posix_file *f, struct span sd);

/* ---- posix_protection.c ------------------------------------------------------------------------- */

/* What a SETATTR is about to change of who may do what, in the call's arena. */
struct posix_protection {
	const struct vfs_setattr *set;
	const struct vfs_stat *now; /* before */
	bool kept; /* more than one call does it; the rest is there to be put back */
	struct mspan access, inherited,
		sd; /* attributes as they are; p NULL: there is none */
};
/* Before anything is changed; borrows set and now. */
MUST_CHECK int posix_protection_keep(struct posix_file *f, const struct vfs_setattr *set,
				     const struct vfs_stat *now, struct arena *a,
				     struct posix_protection *ret);
/* Before the owner: nobody is to have more in between than before and after. */
MUST_CHECK int posix_protection_narrow(const struct posix_protection *p,
				       struct posix_file *f);
/* Something failed. What cannot be put back is logged. */
void posix_protection_restore(const struct posix_protection *p, struct posix_file *f);

/* ---- posix_acl.c -------------------------------------------------------------------------------- */

/* Of a path handle, in the arena. */
MUST_CHECK int posix_acls_read(struct posix_file *f, struct arena *a,
			       struct vfs_acls *ret_acls);
bool posix_has_default_acl(struct posix_file *dir);
/* Before the mode is set. mode: with which a file that has none any more is left until then. */
MUST_CHECK int posix_acls_write(struct posix_file *f, const struct vfs_acls *acls,
				uint32_t mode);

/* ---- posix_quota.c ------------------------------------------------------------------------------ */

/* False: there are no quotas here, or we cannot know. */
bool posix_quota_of(struct posix_volume *v, uid_t uid, struct vfs_quota *ret_quota);

/* ---- posix_reparse.c ---------------------------------------------------------------------------- */

#define POSIX_REPARSE_XATTR "user.tsmb.$reparse"

/* Of what is stored; 0: it makes no sense. */
uint32_t posix_reparse_tag(struct span buffer);
/* The buffer of a path handle that has a reparse tag, in the arena; empty: it has none any more. -EILSEQ: the target of a
 * link cannot be said. */
MUST_CHECK int posix_reparse_read(struct posix_file *f, const struct vfs_stat *st,
				  struct arena *a, struct span *ret_buffer);
/* Store a valid buffer, or (empty) none: beside FILE_ATTRIBUTE_REPARSE_POINT, without which it does not count. */
MUST_CHECK int posix_reparse_write(struct posix_file *f, struct span buffer);

/* ---- posix_stat.c ------------------------------------------------------------------------------- */

enum {
	POSIX_STATX_MASK = STATX_BASIC_STATS | STATX_BTIME,
};

/* Of a descriptor, or (name not "") of a name in one, without following links. */
MUST_CHECK int posix_statx(int fd, const char *name, struct statx *ret_stx);
dev_t posix_dev(const struct statx *stx);
struct node_key posix_key(const struct statx *stx);
enum vfs_type posix_type(const struct statx *stx);

/* All but what is stored in DOS attributes; dot_name: hidden for its name. */
void posix_stat_basic(const struct statx *stx, bool dot_name, struct vfs_stat *ret_stat);
void posix_dosattr_apply(const struct dosattr *attr, struct vfs_stat *stat);

/* Everything about an open file; acts as c if stored attributes have to be read. */
MUST_CHECK int posix_stat_file(struct posix_file *f, const struct cred *c,
			       struct vfs_stat *ret_stat);
/* The same from what statx() said just now. */
void posix_stat_from(struct posix_file *f, const struct cred *c, const struct statx *stx,
		     struct vfs_stat *ret_stat);

/* VFS_MAY_* of the user, whatever has been raised; nothing is raised any more afterwards. */
unsigned posix_may(struct posix_volume *v, const struct cred *c, int fd,
		   const struct statx *stx);
