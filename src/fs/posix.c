/* posix.c - the volume: its root, what is known of its file systems, and where each operation runs. */
#include "fs/posix_stream.h"

#include "base/log.h"
#include "fs/attr_map.h"
#include "fs/cred.h"
#include "fs/quota.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

enum {
	FILES_KEPT = 256,          /* handles that nobody uses */
	SLOW_NS = 2000000,         /* longer than this holds a worker up */
	SLOW_HOLD_NS = 1000000000, /* then its like go to the pool for so long */
};

/* ---- pace --------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* How often this thread went to sleep; being pushed off the processor does not count. */
static long count_sleeps(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) < 0 ? 0 : usage.ru_nvcsw;
}

bool posix_pace_begin(struct posix_pace *p, struct posix_mark *ret_mark)
{
	uint64_t now = now_ns();

	if (now < atomic_load_explicit(&p->slow_until_ns, memory_order_relaxed))
		return false;
	ret_mark->start_ns = now;
	ret_mark->suspicious = atomic_load_explicit(&p->was_slow, memory_order_relaxed);
	ret_mark->sleeps = ret_mark->suspicious ? count_sleeps() : 0;
	return true;
}

/* Counting sleeps costs a call, so it begins with the first slow one: what waits for a disk is slow again. */
void posix_pace_end(struct posix_pace *p, const struct posix_mark *mark)
{
	uint64_t now = now_ns();
	bool slow = now - mark->start_ns > SLOW_NS;

	if (slow != mark->suspicious)
		atomic_store_explicit(&p->was_slow, slow, memory_order_relaxed);
	if (slow && mark->suspicious && count_sleeps() > mark->sleeps)
		atomic_store_explicit(&p->slow_until_ns, now + SLOW_HOLD_NS,
				      memory_order_relaxed);
}

/* ---- file systems ------------------------------------------------------------------------------- */

/* linux/magic.h lacks these. */
enum {
	MAGIC_XFS = 0x58465342,
	MAGIC_ZFS = 0x2fc12fc1,
	MAGIC_NTFS3 = 0x7366746e,
	MAGIC_EXFAT = 0x2011bab0,
	MAGIC_CIFS = 0xff534d42,
};
#define MAGIC_BCACHEFS 0xca451a4eu

static const struct {
	uint32_t magic;
	const char *name;
	bool local, memory, clones, compresses;
} known_fs[] = {
	{EXT4_SUPER_MAGIC, "ext4", .local = true},
	{MAGIC_XFS, "xfs", .local = true},
	{BTRFS_SUPER_MAGIC, "btrfs", .local = true, .clones = true, .compresses = true},
	{F2FS_SUPER_MAGIC, "f2fs", .local = true},
	{MAGIC_ZFS, "zfs", .local = true},
	{MAGIC_BCACHEFS, "bcachefs", .local = true, .clones = true},
	{TMPFS_MAGIC, "tmpfs", .local = true, .memory = true},
	{RAMFS_MAGIC, "ramfs", .local = true, .memory = true},
	{OVERLAYFS_SUPER_MAGIC, "overlay", .local = true},
	{MSDOS_SUPER_MAGIC, "vfat", .local = true},
	{MAGIC_EXFAT, "exfat", .local = true},
	{MAGIC_NTFS3, "ntfs3", .local = true},
	{ISOFS_SUPER_MAGIC, "iso9660", .local = true},
	{SQUASHFS_MAGIC, "squashfs", .local = true},
	{NFS_SUPER_MAGIC, "nfs", .local = false},
	{FUSE_SUPER_MAGIC, "fuse", .local = false},
	{CEPH_SUPER_MAGIC, "ceph", .local = false},
	{(uint32_t)MAGIC_CIFS, "cifs", .local = false},
};

/* Of which nothing is known: everything in the pool. */
static const struct posix_fs unknown_fs = {.name = "unknown"};

static const struct posix_fs *fs_find(struct posix_volume *v, dev_t dev)
{
	if (v->root && v->root->fs->dev == dev)
		return v->root->fs;
	LOCK_SCOPE(&v->devs_lock);
	for (size_t i = 0; i < v->dev_count; i++)
		if (v->devs[i].dev == dev)
			return &v->devs[i];
	return v->dev_count == POSIX_DEVS_MAX ? &unknown_fs : NULL;
}

static int fs_probe(int fd, dev_t dev, struct posix_fs *ret_fs)
{
	struct statfs sfs;

	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	*ret_fs = unknown_fs;
	ret_fs->dev = dev;
	for (size_t i = 0; i < ARRAY_LEN(known_fs); i++)
		if (known_fs[i].magic == (uint32_t)sfs.f_type) {
			ret_fs->name = known_fs[i].name;
			ret_fs->local = known_fs[i].local;
			ret_fs->memory = known_fs[i].memory;
			ret_fs->clones = known_fs[i].clones;
			ret_fs->compresses = known_fs[i].compresses;
		}
	if (sfs.f_type == MAGIC_XFS)
		ret_fs->clones = posix_xfs_clones(fd);
	return 0;
}

/* Two threads may probe the same one: both entries say the same. */
static const struct posix_fs *fs_add(struct posix_volume *v, const struct posix_fs *fs)
{
	LOCK_SCOPE(&v->devs_lock);
	if (v->dev_count == POSIX_DEVS_MAX)
		return &unknown_fs;
	v->devs[v->dev_count] = *fs;
	return &v->devs[v->dev_count++];
}

int posix_fs_of(struct posix_volume *v, int fd, dev_t dev, enum posix_where where,
		const struct posix_fs **ret_fs)
{
	const struct posix_fs *fs = fs_find(v, dev);
	struct posix_fs probed;
	int err;

	if (!fs && where == POSIX_INLINE)
		return -EAGAIN;
	if (!fs) {
		err = fs_probe(fd, dev, &probed);
		if (err)
			return err;
		fs = fs_add(v, &probed);
	}
	*ret_fs = fs;
	return 0;
}

/* ---- operations --------------------------------------------------------------------------------- */

/* Whose rights the thread has while the operation runs; from CRED_RAISED on a raised call is that user's, raised. */
enum whose { CRED_ANY, CRED_NOT_SERVER, CRED_RAISED, CRED_USER };

enum place {
	PLACE_POOL,     /* always the pool				*/
	PLACE_METADATA, /* inline on local file systems while these are quick */
	PLACE_DATA,     /* the operation decides			*/
};

struct posix_op {
	int (*run)(struct posix_volume *v, struct vfs_call *c, enum posix_where where);
	enum whose whose;
	enum place place;
};

/*
 * READ, PIECE, WRITE, SYNC, COPY, CLONE, ZERO, RANGES need no rights beyond the descriptors they use, QUOTA_LIST and QUOTA_SET
 * raise what they need; but what writes must not
 * have those over disks that root has. STAT becomes the user only if it has to read stored attributes:
 * posix_dosattr_get(); or is raised to read them.
 */
static const struct posix_op ops[VFS_OP_COUNT] = {
	[VFS_LOOKUP] = {posix_lookup, CRED_USER, PLACE_METADATA},
	[VFS_CREATE] = {posix_create, CRED_USER, PLACE_METADATA},
	[VFS_OPEN] = {posix_open, CRED_USER, PLACE_METADATA},
	[VFS_STAT] = {posix_stat, CRED_RAISED, PLACE_METADATA},
	[VFS_SETATTR] = {posix_setattr, CRED_USER, PLACE_METADATA},
	[VFS_UNLINK] = {posix_unlink, CRED_USER, PLACE_METADATA},
	[VFS_RENAME] = {posix_rename, CRED_USER, PLACE_METADATA},
	[VFS_LINK] = {posix_link, CRED_USER, PLACE_METADATA},
	[VFS_READ] = {posix_read, CRED_ANY, PLACE_DATA},
	[VFS_PIECE] = {posix_piece, CRED_ANY, PLACE_DATA},
	[VFS_WRITE] = {posix_write, CRED_NOT_SERVER, PLACE_DATA},
	[VFS_SYNC] = {posix_sync, CRED_ANY, PLACE_POOL},
	[VFS_COPY] = {posix_copy, CRED_NOT_SERVER, PLACE_POOL},
	[VFS_CLONE] = {posix_clone, CRED_NOT_SERVER, PLACE_POOL},
	[VFS_ZERO] = {posix_zero, CRED_NOT_SERVER, PLACE_POOL},
	[VFS_RANGES] = {posix_ranges, CRED_ANY, PLACE_POOL},
	[VFS_READDIR] = {posix_readdir, CRED_USER, PLACE_POOL},
	[VFS_STATFS] = {posix_statfs, CRED_USER, PLACE_METADATA},
	[VFS_QUOTA_LIST] = {posix_quota_list, CRED_ANY, PLACE_POOL},
	[VFS_QUOTA_SET] = {posix_quota_set, CRED_ANY, PLACE_POOL},
	[VFS_EA_LIST] = {posix_ea_list, CRED_USER, PLACE_METADATA},
	[VFS_EA_SET] = {posix_ea_set, CRED_USER, PLACE_METADATA},
	[VFS_STREAM_OPEN] = {posix_stream_open, CRED_USER, PLACE_POOL},
	[VFS_STREAM_REMOVE] = {posix_stream_remove, CRED_USER, PLACE_POOL},
	[VFS_STREAM_RENAME] = {posix_stream_rename, CRED_USER, PLACE_POOL},
	[VFS_STREAM_LIST] = {posix_stream_list, CRED_USER, PLACE_POOL},
	[VFS_STREAM_CLEAR] = {posix_stream_clear, CRED_USER, PLACE_METADATA},
};

void posix_act_as(struct posix_volume *v, const struct cred *c)
{
	if (v->switch_credentials)
		cred_become(c);
}

void posix_act_unraised(struct posix_volume *v, const struct cred *c)
{
	if (v->switch_credentials)
		cred_lower();
	posix_act_as(v, c);
}

void posix_act_again(struct posix_volume *v, const struct vfs_call *c)
{
	posix_act_as(v, c->cred);
	if (c->raised && v->switch_credentials)
		cred_raise(false);
}

uid_t posix_acting_uid(struct posix_volume *v, const struct cred *c)
{
	if (!v->switch_credentials)
		return v->self_uid;
	return c ? c->uid : 0;
}

static int op_run(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	const struct posix_op *op = &ops[c->op];
	bool raised = c->raised && op->whose >= CRED_RAISED && v->switch_credentials;
	int err;

	if (op->whose == CRED_USER || raised)
		posix_act_as(v, c->cred);
	else if (op->whose == CRED_NOT_SERVER && v->switch_credentials)
		cred_leave_server(c->cred);
	if (raised)
		cred_raise(posix_changes_owner(c));
	err = op->run(v, c, where);
	if (raised)
		cred_lower();
	return err;
}

static int op_run_inline(struct posix_volume *v, struct vfs_call *c)
{
	struct posix_mark mark;
	int err;

	switch (ops[c->op].place) {
	case PLACE_DATA:
		return op_run(v, c, POSIX_INLINE);
	case PLACE_METADATA:
		if (!posix_pace_begin(&v->pace, &mark))
			return -EAGAIN;
		err = op_run(v, c, POSIX_INLINE);
		posix_pace_end(&v->pace, &mark);
		return err;
	default:
		return -EAGAIN;
	}
}

static int job_run(struct job *j)
{
	struct vfs_call *c = container_of(j, struct vfs_call, job);

	return op_run(posix_volume_of(c->vfs), c, POSIX_POOL);
}

static void volume_run(struct vfs *vfs, struct vfs_call *c, struct wait *w)
{
	int err = op_run_inline(posix_volume_of(vfs), c);

	if (err != -EAGAIN) {
		wait_now(w, err);
		return;
	}
	c->job.run = job_run;
	c->job.wait = w;
	exec_run(c->lane->exec, EXEC_IO, &c->job);
}

/* ---- volume ------------------------------------------------------------------------------------- */

/* A handle of the caller's own, which keeps the volume; the volume's does not. */
static struct vfile *volume_root(struct vfs *vfs)
{
	struct posix_volume *v = posix_volume_of(vfs);
	int fd = fcntl(v->root->fd, F_DUPFD_CLOEXEC, 0);
	struct posix_file *f;

	if (fd < 0)
		return NULL;
	f = posix_file_new(v, fd, VFS_DIR, v->root->fs);
	return f ? &f->vf : NULL;
}

static void volume_free(struct vfs *vfs)
{
	struct posix_volume *v = posix_volume_of(vfs);

	if (v->root)
		posix_file_free(v->root);
	posix_closer_free(v->closer);
	posix_names_free(v->names);
	posix_tunnel_free(v->tunnel);
	posix_dosattrs_free(v->dosattrs);
	posix_streams_free(v->streams);
	posix_pipes_free(v->pipes);
	posix_windows_free(v->windows);
	posix_closep(&v->proc_fd);
	stock_fini(&v->files);
	lock_fini(&v->devs_lock);
	free(v);
}

const struct vfs_ops posix_vfs_ops = {
	.run = volume_run,
	.root = volume_root,
	.settle = posix_map_settle,
	.close = posix_file_close,
	.free = volume_free,
};

/* Without it we cannot serve at all: better to say so once, at the start. */
static int open_proc(struct posix_volume *v)
{
	v->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->proc_fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	log_error("/proc is not mounted: files cannot be opened without it");
	return -ENOSYS;
}

static int open_root(struct posix_volume *v, const char *path)
{
	const struct posix_fs *fs;
	struct statx stx;
	int err;

	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = posix_statx(fd, "", &stx);
	if (!err)
		err = posix_fs_of(v, fd, posix_dev(&stx), POSIX_POOL, &fs);
	if (err) {
		close(fd);
		return err;
	}
	v->vfs.volume = posix_key(&stx).volume;
	v->root = posix_file_new(v, fd, VFS_DIR, fs);
	if (!v->root)
		return -ENOMEM;
	atomic_fetch_sub(&v->vfs.refs, 1); /* what the volume owns does not keep it */
	return 0;
}

/* Beneath the root only: -ENOSYS from a kernel without openat2 (before 5.6). */
static int probe_resolve(struct posix_volume *v)
{
	int fd = posix_resolve(v, v->root->fd, ".", O_PATH, 0, POSIX_POOL);

	if (fd < 0)
		return fd;
	close(fd);
	v->resolve_cached = true;
	fd = posix_resolve(v, v->root->fd, ".", O_PATH, 0, POSIX_INLINE);
	v->resolve_cached = fd >= 0 || fd == -EAGAIN;
	posix_closep(&fd);
	return 0;
}

int posix_new(const struct posix_settings *s, struct vfs **ret_vfs)
{
	struct posix_volume *v;
	int err = -ENOMEM;

	if (s->switch_credentials && !cred_can_switch()) {
		log_error("cannot act as other users: CAP_SETUID and CAP_SETGID are "
			  "missing");
		return -EPERM;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	lock_init(&v->devs_lock, LOCK_RANK_LEAF);
	stock_init_shared(&v->files, sizeof(struct posix_file), FILES_KEPT);
	v->vfs.ops = &posix_vfs_ops;
	atomic_init(&v->vfs.refs, 1);
	v->proc_fd = -1;
	v->vfs.case_insensitive = s->case_insensitive;
	v->vfs.piece_min = POSIX_PIECE_MIN;
	v->vfs.lend_min = POSIX_MAP_MIN;
	v->switch_credentials = s->switch_credentials;
	v->sd_form = s->sd_form;
	v->attributes = s->map_attributes;
	if (attr_map_stores(&v->attributes) && !v->attributes.version)
		v->attributes.version = 5;
	if (s->sd_form != POSIX_SD_RAW && !cred_security_possible())
		log_warn("%s: without CAP_SYS_ADMIN no security descriptor can be set",
			 s->path);
	v->self_uid = geteuid();
	v->quotas = s->quotas ? s->quotas : &quota_kernel;
	v->force_create_mode = s->force_create_mode;
	v->force_directory_mode = s->force_directory_mode;
	v->dosattrs = posix_dosattrs_new();
	if (s->case_insensitive) {
		v->names = posix_names_new(s->hash_key);
		v->tunnel = posix_tunnel_new();
	}
	v->closer = posix_closer_new();
	v->streams = posix_streams_new();
	v->pipes = posix_pipes_new();
	v->windows = posix_windows_new(s->windows);
	if (!v->dosattrs || !v->closer || !v->streams || !v->pipes || !v->windows ||
	    (s->case_insensitive && (!v->names || !v->tunnel)))
		goto fail;
	err = open_proc(v);
	if (!err)
		err = open_root(v, s->path);
	if (!err)
		err = probe_resolve(v);
	if (err)
		goto fail;
	v->xattrat = posix_probe_xattrat(v);
	*ret_vfs = &v->vfs;
	return 0;
fail:
	volume_free(&v->vfs);
	return err;
}
