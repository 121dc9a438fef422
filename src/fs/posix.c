/* posix.c - the volume: its root, what is known of its file systems, and where each operation runs. */
#include "fs/posix_impl.h"

#include "base/log.h"
#include "fs/cred.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

enum {
	SLOW_NS = 2 * 1000 * 1000, /* longer than this holds a worker up */
	SLOW_HOLD_NS = 1000 * 1000 *
		       1000, /* and sends its like to the pool for so long */
};

/* ---- pace --------------------------------------------------------------------------------------- */

uint64_t posix_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool posix_pace_ok(struct posix_pace *p, uint64_t now_ns)
{
	return now_ns >= atomic_load_explicit(&p->slow_until_ns, memory_order_relaxed);
}

void posix_pace_note(struct posix_pace *p, uint64_t start_ns)
{
	uint64_t now_ns = posix_now_ns();

	if (now_ns - start_ns > SLOW_NS)
		atomic_store_explicit(&p->slow_until_ns, now_ns + SLOW_HOLD_NS,
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
	bool local, memory;
} known_fs[] = {
	{EXT4_SUPER_MAGIC, "ext4", .local = true},
	{MAGIC_XFS, "xfs", .local = true},
	{BTRFS_SUPER_MAGIC, "btrfs", .local = true},
	{F2FS_SUPER_MAGIC, "f2fs", .local = true},
	{MAGIC_ZFS, "zfs", .local = true},
	{MAGIC_BCACHEFS, "bcachefs", .local = true},
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
		}
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

/* Whose rights the thread has while the operation runs. */
enum whose { CRED_ANY, CRED_USER };

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
 * READ, WRITE, SYNC need no rights beyond the descriptor they use. STAT becomes the user only if it has to read
 * stored attributes: posix_stat_file().
 */
static const struct posix_op ops[VFS_OP_COUNT] = {
	[VFS_LOOKUP] = {posix_lookup, CRED_USER, PLACE_METADATA},
	[VFS_CREATE] = {posix_create, CRED_USER, PLACE_METADATA},
	[VFS_OPEN] = {posix_open, CRED_USER, PLACE_METADATA},
	[VFS_STAT] = {posix_stat, CRED_ANY, PLACE_METADATA},
	[VFS_SETATTR] = {posix_setattr, CRED_USER, PLACE_METADATA},
	[VFS_UNLINK] = {posix_unlink, CRED_USER, PLACE_METADATA},
	[VFS_RENAME] = {posix_rename, CRED_USER, PLACE_METADATA},
	[VFS_LINK] = {posix_link, CRED_USER, PLACE_METADATA},
	[VFS_READ] = {posix_read, CRED_ANY, PLACE_DATA},
	[VFS_WRITE] = {posix_write, CRED_ANY, PLACE_DATA},
	[VFS_SYNC] = {posix_sync, CRED_ANY, PLACE_POOL},
	[VFS_READDIR] = {posix_readdir, CRED_USER, PLACE_POOL},
	[VFS_STATFS] = {posix_statfs, CRED_USER, PLACE_METADATA},
	[VFS_EA_LIST] = {posix_ea_list, CRED_USER, PLACE_METADATA},
	[VFS_EA_SET] = {posix_ea_set, CRED_USER, PLACE_METADATA},
};

void posix_act_as(struct posix_volume *v, const struct cred *c)
{
	if (v->switch_credentials)
		cred_become(c);
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

	if (op->whose == CRED_USER)
		posix_act_as(v, c->cred);
	return op->run(v, c, where);
}

static int op_run_inline(struct posix_volume *v, struct vfs_call *c)
{
	uint64_t start_ns;
	int err;

	switch (ops[c->op].place) {
	case PLACE_DATA:
		return op_run(v, c, POSIX_INLINE);
	case PLACE_METADATA:
		start_ns = posix_now_ns();
		if (!posix_pace_ok(&v->pace, start_ns))
			return -EAGAIN;
		err = op_run(v, c, POSIX_INLINE);
		posix_pace_note(&v->pace, start_ns);
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

static struct vfile *volume_root(struct vfs *vfs)
{
	return vfile_get(&posix_volume_of(vfs)->root->vf);
}

static void volume_free(struct vfs *vfs)
{
	struct posix_volume *v = posix_volume_of(vfs);

	if (v->root)
		vfile_put(&v->root->vf);
	posix_names_free(v->names);
	lock_fini(&v->devs_lock);
	free(v);
}

const struct vfs_ops posix_vfs_ops = {
	.run = volume_run,
	.root = volume_root,
	.close = posix_file_close,
	.free = volume_free,
};

/* Without these we cannot serve at all: better to say so once, at the start. */
static int check_system(int root_fd)
{
	CLEANUP(posix_closep) int fd = posix_reopen(root_fd, O_RDONLY | O_DIRECTORY);

	if (fd == -ENOENT || fd == -ENOTDIR) {
		log_error("/proc is not mounted: files cannot be opened without it");
		return -ENOSYS;
	}
	return fd < 0 ? fd : 0;
}

static int open_root(struct posix_volume *v, const char *path)
{
	const struct posix_fs *fs;
	struct statx stx;
	int err;

	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = check_system(fd);
	if (!err)
		err = posix_statx(fd, "", &stx);
	if (!err)
		err = posix_fs_of(v, fd, posix_dev(&stx), POSIX_POOL, &fs);
	if (err) {
		close(fd);
		return err;
	}
	v->vfs.volume = posix_key(&stx).volume;
	v->root = posix_file_new(v, fd, VFS_DIR, fs);
	return v->root ? 0 : -ENOMEM;
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
	v->vfs.ops = &posix_vfs_ops;
	v->vfs.case_insensitive = s->case_insensitive;
	v->switch_credentials = s->switch_credentials;
	v->self_uid = geteuid();
	v->force_create_mode = s->force_create_mode;
	v->force_directory_mode = s->force_directory_mode;
	if (s->case_insensitive) {
		v->names = posix_names_new(s->hash_key);
		if (!v->names)
			goto fail;
	}
	err = open_root(v, s->path);
	if (!err)
		err = probe_resolve(v);
	if (err)
		goto fail;
	*ret_vfs = &v->vfs;
	return 0;
fail:
	volume_free(&v->vfs);
	return err;
}
