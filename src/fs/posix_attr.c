/* posix_attr.c - STAT, SETATTR, STATFS. */
#include "fs/attr_map.h"
#include "fs/posix_stream.h"

#include "fs/quota.h"
#include "wire/filetime.h"
#include "wire/fscc_proto.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int posix_stat(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_statcall *s = container_of(c, struct vfs_statcall, call);
	struct posix_file *f = posix_file_of(s->file);
	struct statx stx;
	int err;

	if (where == POSIX_INLINE && !f->fs->local)
		return -EAGAIN;
	err = posix_statx(f->fd, "", &stx);
	if (err)
		return err;
	posix_stat_from(f, c->cred, &stx, &s->stat);
	if (s->with_eas)
		s->has_eas = posix_has_eas(f, c->cred, &stx);
	if (s->with_sd)
		err = posix_sd_read(f, c->arena, &s->sd);
	if (!err && s->with_acls)
		err = posix_acls_read(f, c->arena, &s->acls);
	if (!err && s->with_reparse)
		err = posix_reparse_read(f, &s->stat, c->arena, &s->reparse);
	return err;
}

/* ---- SETATTR: one function an aspect, `st` being the file before ---------------------------------- */

enum { CHANGE_TIME_TRIES = 32 };

struct change {
	const struct vfs_setattr *set;
	struct posix_file *f;
	const struct vfs_stat *st;
	struct posix_protection protection;
};

/* A data handle to change the contents with: the caller's, or (*ret_own) one of our own. */
static int data_fd(const struct change *ch, int *ret_own)
{
	int fd = ch->set->data ? posix_file_of(ch->set->data)->fd : -1;

	if (ch->f->stream)
		return posix_stream_fd(ch->f->stream);
	if (fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return fd;
	*ret_own = posix_reopen(ch->f->vol, ch->f->fd, O_WRONLY);
	return *ret_own;
}

static int change_size(const struct change *ch, uint64_t size)
{
	CLEANUP(posix_closep) int own = -1;
	int fd;

	if (size > INT64_MAX)
		return -EFBIG;
	if (ch->f->stream) {
		if (!ch->set->data) /* where rights were checked */
			return -EACCES;
		return posix_stream_resize(ch->f, size);
	}
	fd = data_fd(ch, &own);
	if (fd < 0)
		return fd;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static int set_size(const struct change *ch)
{
	if (!(ch->set->what & VFS_SET_SIZE))
		return 0;
	return change_size(ch, ch->set->attr.size);
}

/* [MS-FSA] 2.1.5.15.1: reserving leaves the size alone; less than the size cuts the file. */
static int set_allocation(const struct change *ch)
{
	uint64_t want = ch->set->attr.allocated, size = ch->st->size;
	CLEANUP(posix_closep) int own = -1;
	int fd;

	if (!(ch->set->what & VFS_SET_ALLOCATION))
		return 0;
	if (ch->set->what & VFS_SET_SIZE)
		size = ch->set->attr.size;
	if (want < size)
		return change_size(ch, want);
	if (want <= ch->st->allocated ||
	    (ch->f->stream && posix_stream_fd(ch->f->stream) < 0))
		return 0;
	if (want > INT64_MAX)
		return -EFBIG;
	fd = data_fd(ch, &own);
	if (fd < 0)
		return fd;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)want) < 0)
		return errno == EOPNOTSUPP ? 0 : -errno; /* it is a wish */
	return 0;
}

static int set_owner(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;
	uid_t uid = s->what & VFS_SET_OWNER ? s->attr.uid : (uid_t)-1;
	gid_t gid = s->what & VFS_SET_GROUP ? s->attr.gid : (gid_t)-1;

	if (!(s->what & (VFS_SET_OWNER | VFS_SET_GROUP)))
		return 0;
	if (fchownat(ch->f->fd, "", uid, gid, AT_EMPTY_PATH) == 0)
		return 0;
	return errno == EPERM && (s->what & VFS_SET_SD) ? 0 : -errno;
}

static int set_sd(const struct change *ch)
{
	return ch->set->what & VFS_SET_SD ? posix_sd_write(ch->f, ch->set->sd) : 0;
}

static int narrow_mode(const struct change *ch)
{
	return posix_protection_narrow(&ch->protection, ch->f);
}

bool posix_changes_owner(const struct vfs_call *c)
{
	return c->op == VFS_SETATTR &&
	       (container_of(c, const struct vfs_setattr, call)->what &
		(VFS_SET_OWNER | VFS_SET_GROUP));
}

static int change_mode(const struct change *ch, uint32_t mode)
{
	return chmod(posix_proc(ch->f->fd).path, mode & 07777) < 0 ? -errno : 0;
}

static int set_acls(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;

	if (!(s->what & VFS_SET_ACLS))
		return 0;
	return posix_acls_write(ch->f, s->acls, s->attr.mode & ch->st->mode);
}

static int set_mode(const struct change *ch)
{
	return ch->set->what & VFS_SET_MODE ? change_mode(ch, ch->set->attr.mode) : 0;
}

static int write_dosattr(const struct change *ch, const struct dosattr *a)
{
	uint8_t room[DOSATTR_LEN];
	struct span xattr = dosattr_encode(a, ch->f->vol->attributes.version, room);

	if (setxattr(posix_proc(ch->f->fd).path, DOSATTR_XATTR, xattr.p, xattr.len, 0) <
	    0)
		return -errno;
	return 0;
}

/* Storing takes the right to write the contents. An owner who has denied that to himself may grant it again. */
static int write_dosattr_as_owner(const struct change *ch, const struct dosattr *a)
{
	uint32_t mode = ch->set->what & VFS_SET_MODE ? ch->set->attr.mode : ch->st->mode;
	int err, back;

	err = write_dosattr(ch, a);
	if (err != -EACCES || (mode & S_IWUSR) || change_mode(ch, mode | S_IWUSR) < 0)
		return err;
	err = write_dosattr(ch, a);
	back = change_mode(ch, mode);
	return err ? err : back;
}

/* Where nothing is meant to be stored: what mode can say, and no more. */
static int set_mapped(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;
	uint32_t mode;

	if (s->what & (VFS_SET_SPARSE | VFS_SET_REPARSE))
		return -EOPNOTSUPP;
	if (!(s->what & VFS_SET_DOS_ATTRIBUTES))
		return 0;
	mode = attr_map_mode(&ch->f->vol->attributes, ch->st->mode,
			     ch->st->type == VFS_DIR, s->attr.dos_attributes);
	return mode == ch->st->mode ? 0 : change_mode(ch, mode);
}

/* Where nothing can be stored, the owner's write bit is all there is. */
static int mode_for_readonly(const struct change *ch)
{
	uint32_t want = ch->set->attr.dos_attributes & dosattr_settable();
	uint32_t have = ch->st->dos_attributes & dosattr_settable();

	if ((ch->set->what & (VFS_SET_CREATE_TIME | VFS_SET_SPARSE | VFS_SET_REPARSE)) ||
	    ((want ^ have) & ~(uint32_t)FILE_ATTRIBUTE_READONLY))
		return -EOPNOTSUPP;
	if (want & FILE_ATTRIBUTE_READONLY)
		return change_mode(ch, ch->st->mode & ~(uint32_t)0222);
	return change_mode(ch, ch->st->mode | S_IWUSR);
}

/* Who sets the one has them all stored. */
static void new_attributes(const struct change *ch, struct dosattr *a)
{
	const uint32_t sparse = FILE_ATTRIBUTE_SPARSE_FILE;
	const uint32_t reparse = FILE_ATTRIBUTE_REPARSE_POINT;
	const struct vfs_setattr *s = ch->set;

	if (!a->has_attributes)
		a->attributes = ch->st->dos_attributes & dosattr_settable();
	if (s->what & VFS_SET_DOS_ATTRIBUTES)
		a->attributes = (s->attr.dos_attributes & dosattr_settable()) |
				(a->attributes & (sparse | reparse));
	if (s->what & VFS_SET_SPARSE)
		a->attributes = (a->attributes & ~sparse) |
				(s->attr.dos_attributes & sparse);
	if (s->what & VFS_SET_REPARSE)
		a->attributes = (a->attributes & ~reparse) |
				(s->reparse.len ? reparse : 0);
	a->has_attributes = true;
}

static int set_compressed(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;

	if (!(s->what & VFS_SET_COMPRESSED))
		return 0;
	return posix_compress(ch->f, s->attr.dos_attributes & FILE_ATTRIBUTE_COMPRESSED);
}

/* The buffer is there before the attribute that points to it, and goes after it. */
static int set_reparse(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;
	bool sets = (s->what & VFS_SET_REPARSE) && s->reparse.len;

	if (sets && !attr_map_stores(&ch->f->vol->attributes))
		return -EOPNOTSUPP;
	return sets ? posix_reparse_write(ch->f, s->reparse) : 0;
}

static int drop_reparse(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;
	bool drops = (s->what & VFS_SET_REPARSE) && !s->reparse.len;

	return drops ? posix_reparse_write(ch->f, s->reparse) : 0;
}

static int set_dosattr(const struct change *ch)
{
	const unsigned stored = VFS_SET_DOS_ATTRIBUTES | VFS_SET_CREATE_TIME |
				VFS_SET_SPARSE | VFS_SET_REPARSE;
	const struct vfs_setattr *s = ch->set;
	struct dosattr a = {0};
	int err;

	if (!(s->what & stored))
		return 0;
	if (!attr_map_stores(&ch->f->vol->attributes))
		return set_mapped(ch);
	err = posix_dosattr_read(ch->f->vol, ch->f->fd, &a);
	a.has_change_time = false; /* this is a change */
	if (err == -EOPNOTSUPP)
		return mode_for_readonly(ch);
	if (s->what & VFS_SET_CREATE_TIME) {
		a.has_create_time = true;
		a.create_time = s->attr.create_time;
	}
	if (s->what & (stored & ~(unsigned)VFS_SET_CREATE_TIME))
		new_attributes(ch, &a);
	/* a file that is not read-only any more must not be so by its mode */
	if ((s->what & VFS_SET_DOS_ATTRIBUTES) && !(s->what & VFS_SET_MODE) &&
	    !(a.attributes & FILE_ATTRIBUTE_READONLY) && !(ch->st->mode & S_IWUSR)) {
		err = change_mode(ch, ch->st->mode | S_IWUSR);
		if (err)
			return err;
	}
	return write_dosattr_as_owner(ch, &a);
}

/*
 * A file that was changed is to be archived anew. That this cannot be kept is no reason to fail the change; a
 * disk that fails is. */
static int set_archive(const struct change *ch)
{
	struct dosattr a;

	if (!(ch->set->what & VFS_SET_ARCHIVE) || ch->st->type != VFS_FILE ||
	    (ch->st->dos_attributes & FILE_ATTRIBUTE_ARCHIVE))
		return 0;
	if (!attr_map_stores(&ch->f->vol->attributes))
		return change_mode(ch, ch->st->mode | S_IXUSR) == -EIO ? -EIO : 0;
	if (posix_dosattr_read(ch->f->vol, ch->f->fd, &a) != 0)
		return 0;
	a.attributes |= FILE_ATTRIBUTE_ARCHIVE;
	a.has_change_time = false;
	return write_dosattr(ch, &a) == -EIO ? -EIO : 0;
}

static struct timespec new_time(const struct change *ch, unsigned what, uint64_t ft)
{
	if (!(ch->set->what & what))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	return filetime_to(ft);
}

/* After all that move them. */
static int set_times(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;
	struct timespec times[2] = {
		new_time(ch, VFS_SET_ACCESS_TIME, s->attr.access_time),
		new_time(ch, VFS_SET_WRITE_TIME, s->attr.write_time),
	};

	if (!(s->what & (VFS_SET_ACCESS_TIME | VFS_SET_WRITE_TIME)))
		return 0;
	if (utimensat(ch->f->fd, "", times, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int read_own_times(const struct change *ch, struct dosattr *a)
{
	struct vfs_stat st;
	struct statx stx;
	int err = posix_statx(ch->f->fd, "", &stx);

	if (err)
		return err;
	posix_stat_basic(&stx, ch->f->dot_name, &st);
	a->own_change_time = st.change_time;
	a->write_time = st.write_time;
	return 0;
}

/* What the file's own change time will be when this is stored, as it was the last time, and how long before that. */
static void expect_change_time(struct dosattr *a, const struct dosattr *now,
			       uint64_t before)
{
	uint64_t took = before ? now->own_change_time - before : 0;

	a->own_change_time =
		now->own_change_time +
		(took > DOSATTR_CHANGE_SLACK ? took - DOSATTR_CHANGE_SLACK / 2 : 0);
	a->write_time = now->write_time;
}

/* It could not be: then nothing that happens later may seem to be it. */
static int store_no_change_time(const struct change *ch, struct dosattr *a)
{
	a->has_change_time = false;
	return write_dosattr_as_owner(ch, a);
}

/*
 * Last, as everything else moves it. It is stored beside the file's own change time, which must be very nearly what it
 * is once this is stored: the first write brings it up to date if it is old, and whoever is interrupted in between, or is
 * slow, tries again, knowing better how long it takes. Deviation: where nothing can be stored, or that takes now this and now
 * that long, the change time stays the kernel's.
 */
static int set_change_time(const struct change *ch)
{
	struct dosattr a = {0}, now;
	uint64_t before = 0;
	int err;

	if (!(ch->set->what & VFS_SET_CHANGE_TIME))
		return 0;
	err = posix_dosattr_read(ch->f->vol, ch->f->fd, &a);
	if (err && err != -ENODATA && err != -EBADMSG)
		return err == -EOPNOTSUPP ? 0 : err;
	a.has_change_time = true;
	a.change_time = ch->set->attr.change_time;
	err = read_own_times(ch, &a);
	for (unsigned i = 0; i < CHANGE_TIME_TRIES && !err; i++) {
		err = write_dosattr_as_owner(ch, &a);
		if (!err)
			err = read_own_times(ch, &now);
		if (err)
			break;
		if (dosattr_change_time_holds(&a, now.own_change_time, now.write_time))
			return 0;
		expect_change_time(&a, &now, before);
		before = now.own_change_time;
	}
	if (!err)
		err = store_no_change_time(ch, &a);
	return err == -EOPNOTSUPP ? 0 : err;
}

/* What can be refused before anything is changed. */
static int check_settable(const struct change *ch)
{
	const struct vfs_setattr *s = ch->set;

	if (ch->f->type != VFS_FILE && ch->f->type != VFS_DIR)
		return -EOPNOTSUPP;
	if (ch->st->type == VFS_DIR && (s->what & (VFS_SET_SIZE | VFS_SET_ALLOCATION)))
		return -EISDIR;
	return 0;
}

/* protects: which of VFS_SET_* it carries out, if they are about who may use the file. */
static const struct step {
	int (*run)(const struct change *);
	unsigned protects;
} steps[] = {
	{check_settable, 0},      {set_size, 0},
	{set_allocation, 0},      {set_sd, VFS_SET_SD},
	{narrow_mode, 0},         {set_owner, VFS_SET_OWNER | VFS_SET_GROUP},
	{set_acls, VFS_SET_ACLS}, {set_mode, VFS_SET_MODE},
	{set_compressed, 0},      {set_reparse, 0},
	{set_dosattr, 0},         {drop_reparse, 0},
	{set_archive, 0},         {set_times, 0},
	{set_change_time, 0},
};

/* Who may not change it at all has changed nothing. */
static bool may_be_begun(const struct change *ch, size_t failed, int err)
{
	for (size_t i = 0; i < failed; i++)
		if (ch->set->what & steps[i].protects)
			return true;
	return steps[failed].protects && err != -EPERM && err != -EROFS;
}

static int take_steps(const struct change *ch)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int err = steps[i].run(ch);

		if (!err)
			continue;
		if (may_be_begun(ch, i, err))
			posix_protection_restore(&ch->protection, ch->f);
		return err;
	}
	return 0;
}

int posix_setattr(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_setattr *s = container_of(c, struct vfs_setattr, call);
	struct posix_file *f = posix_file_of(s->file);
	struct vfs_stat before;
	int err;

	if (where == POSIX_INLINE &&
	    (!f->fs->local || (s->what & (VFS_SET_SIZE | VFS_SET_ALLOCATION))))
		return -EAGAIN; /* a large file takes its time */
	err = posix_stat_file(f, c->cred, &before);
	if (err)
		return err;
	struct change ch = {.set = s, .f = f, .st = &before};
	err = posix_protection_keep(f, s, &before, c->arena, &ch.protection);
	if (!err)
		err = take_steps(&ch);
	if (err)
		return err;
	err = posix_stat_file(f, c->cred, &s->stat);
	if (s->what & (VFS_SET_OWNER | VFS_SET_GROUP)) /* last: it acts as the server */
		posix_streams_follow(f, c->arena);
	return err;
}

/* ---- STATFS ------------------------------------------------------------------------------------- */

/* Of a user with a limit nothing counts beyond it. */
static void apply_quota(struct vfs_statfs *s, const struct vfs_quota *q)
{
	uint64_t left = quota_left(q) / s->block_size;
	uint64_t whole = q->hard / s->block_size;

	if (left < s->blocks_available)
		s->blocks_available = left;
	if (whole < s->blocks)
		s->blocks = whole;
}

int posix_statfs(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_statfs *s = container_of(c, struct vfs_statfs, call);
	struct posix_file *root = v->root;
	struct vfs_quota quota;
	struct vfs_stat st;
	struct statvfs fs;
	struct statx stx;
	int err;

	if (where == POSIX_INLINE && !root->fs->local)
		return -EAGAIN;
	err = posix_statx(root->fd, "", &stx);
	if (err)
		return err;
	if (fstatvfs(root->fd, &fs) < 0)
		return -errno;
	posix_stat_basic(&stx, false, &st);
	s->block_size = (uint32_t)(fs.f_frsize ? fs.f_frsize : fs.f_bsize);
	s->blocks = fs.f_blocks;
	s->blocks_free = fs.f_bfree;
	s->blocks_available = fs.f_bavail;
	s->volume_id = fs.f_fsid ? fs.f_fsid : st.key.volume;
	s->create_time = st.create_time;
	s->name_max = (uint32_t)(fs.f_namemax < POSIX_NAME_MAX ? fs.f_namemax
							       : POSIX_NAME_MAX);
	s->read_only = fs.f_flag & ST_RDONLY;
	s->fs_name = root->fs->name;
	s->clones = root->fs->clones;
	s->compresses = root->fs->compresses;
	s->quotas = posix_quota_of(v, posix_acting_uid(v, c->cred), &quota);
	if (s->quotas && s->block_size)
		apply_quota(s, &quota);
	return 0;
}
