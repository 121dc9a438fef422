/* posix_open.c - CREATE of what does not exist yet, OPEN of what a path handle names. */
#include "fs/attr_map.h"
#include "fs/posix_stream.h"

#include "wire/fscc_proto.h"

#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- a change of names in one directory --------------------------------------------------------- */

int posix_change_begin(struct posix_change *ch, struct posix_volume *v, struct vfile *dir)
{
	int err;

	*ch = (struct posix_change){.vol = v, .fd = posix_file_of(dir)->fd};
	if (!v->names)
		return 0;
	err = posix_statx(ch->fd, "", &ch->stx);
	if (err)
		return err;
	ch->begun = true;
	posix_names_begin(v->names, &ch->stx);
	return 0;
}

void posix_change_end(struct posix_change *ch)
{
	if (ch->begun)
		posix_names_end(ch->vol->names, ch->fd, &ch->stx, ch->added, ch->removed);
	if (ch->begun && ch->removed)
		posix_tunnel_gone(ch->vol->tunnel, &ch->stx, ch->removed);
	ch->begun = false;
}

/* ---- CREATE ------------------------------------------------------------------------------------- */

/* The name is free, in every case. */
static int check_free(struct posix_volume *v, struct vfs_create *k,
		      enum posix_where where)
{
	char real[POSIX_NAME_MAX + 1];
	int err;

	if (!v->names)
		return 0; /* the kernel will tell */
	err = posix_real_name(v, posix_file_of(k->dir)->fd, k->name, where, real);
	if (err == -ENOENT || err == -EACCES)
		return 0;
	return err ? err : -EEXIST;
}

static mode_t forced_mode(const struct posix_volume *v, const struct vfs_create *k)
{
	return 07777 & (k->directory ? v->force_directory_mode : v->force_create_mode);
}

/* A default ACL says all that a local process' open(2) leaves to it: it leaves out nothing. acl(5) */
static mode_t mode_of_new(struct posix_volume *v, const struct vfs_create *k)
{
	if (k->inherits_acl && posix_has_default_acl(posix_file_of(k->dir)))
		return k->directory ? 0777 : 0666;
	return k->mode & 07777;
}

/* A descriptor for reading and writing, or a directory's path handle. */
static int make(struct posix_volume *v, const struct vfs_create *k)
{
	int dirfd = posix_file_of(k->dir)->fd;
	mode_t mode = mode_of_new(v, k) | forced_mode(v, k);

	if (!k->directory)
		return posix_resolve(v, dirfd, k->name,
				     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY,
				     mode, POSIX_POOL);
	if (mkdirat(dirfd, k->name, mode) < 0)
		return -errno;
	return posix_resolve(v, dirfd, k->name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
			     POSIX_POOL);
}

/* The process's mask or a default ACL may have cleared what the administrator forces. */
static int force_mode(struct posix_volume *v, const struct vfs_create *k, int fd,
		      struct statx *stx)
{
	mode_t forced = forced_mode(v, k);
	int err;

	err = posix_statx(fd, "", stx);
	if (err || (stx->stx_mode & forced) == forced)
		return err;
	if (chmod(posix_proc(fd).path, (stx->stx_mode & 07777) | forced) < 0)
		return -errno;
	return posix_statx(fd, "", stx);
}

/*
 * Store what does not follow from the file itself. A file system that cannot keep it is no reason to refuse the
 * file: the answer tells the client which attributes it got.
 */
static void store_attributes(const struct vfs_create *k, struct posix_file *f,
			     struct vfs_stat *st)
{
	struct dosattr a = {.has_attributes = true};
	uint8_t room[DOSATTR_LEN];
	struct span xattr;

	a.attributes = k->dos_attributes & dosattr_settable();
	if (!k->directory)
		a.attributes |= FILE_ATTRIBUTE_ARCHIVE;
	if (f->dot_name)
		a.attributes |= FILE_ATTRIBUTE_HIDDEN;
	if (a.attributes == (st->dos_attributes & dosattr_settable()))
		return;
	xattr = dosattr_encode(&a, f->vol->attributes.version, room);
	if (setxattr(posix_proc(f->fd).path, DOSATTR_XATTR, xattr.p, xattr.len, 0) == 0)
		posix_dosattr_apply(&a, st);
}

/* The same where mode and name say them. */
static void map_attributes(const struct vfs_create *k, struct posix_file *f,
			   struct statx *stx, struct vfs_stat *st)
{
	const struct conf_map_attributes *m = &f->vol->attributes;
	uint32_t wanted = k->dos_attributes | FILE_ATTRIBUTE_ARCHIVE;
	uint32_t mode = attr_map_mode(m, stx->stx_mode, k->directory, wanted);
	struct dosattr a;

	if (mode != stx->stx_mode && chmod(posix_proc(f->fd).path, mode & 07777) == 0 &&
	    posix_statx(f->fd, "", stx) == 0)
		posix_stat_basic(stx, f->dot_name, st);
	if (posix_dosattr_mapped(f->vol, stx, f->dot_name, &a))
		posix_dosattr_apply(&a, st);
}

/* What was made is opened as `path`; `data` as well if it is a file. */
static int create_handles(struct posix_volume *v, struct vfs_create *k, int made,
			  struct vfile **ret_path, struct vfile **ret_data)
{
	const struct posix_fs *fs = posix_file_of(k->dir)->fs;
	struct posix_file *path, *data = NULL;
	int path_fd = made;

	if (!k->directory) {
		data = posix_file_new(v, made, VFS_FILE, fs);
		if (!data)
			return -ENOMEM;
		data->data = true;
		*ret_data = &data->vf;
		path_fd = posix_reopen(v, made, O_PATH);
		if (path_fd < 0)
			return path_fd;
	}
	path = posix_file_new(v, path_fd, k->directory ? VFS_DIR : VFS_FILE, fs);
	if (!path)
		return -ENOMEM;
	*ret_path = &path->vf;
	path->dot_name = k->name[0] == '.';
	if (data)
		data->dot_name = path->dot_name;
	return 0;
}

static int create_made(struct posix_volume *v, struct vfs_create *k, int made)
{
	CLEANUP(vfile_putp) struct vfile *path = NULL;
	CLEANUP(vfile_putp) struct vfile *data = NULL;
	struct statx stx;
	int err;

	err = create_handles(v, k, made, &path, &data);
	if (!err && k->sd.len)
		err = posix_sd_write(posix_file_of(path), k->sd);
	if (!err)
		err = force_mode(v, k, posix_file_of(path)->fd, &stx);
	if (err) { /* without descriptors or memory, or with less protection than meant: as if never made */
		unlinkat(posix_file_of(k->dir)->fd, k->name,
			 k->directory ? AT_REMOVEDIR : 0);
		return err;
	}
	posix_stat_basic(&stx, posix_file_of(path)->dot_name, &k->stat);
	if (attr_map_stores(&v->attributes))
		store_attributes(k, posix_file_of(path), &k->stat);
	else
		map_attributes(k, posix_file_of(path), &stx, &k->stat);
	k->may = posix_may(v, k->call.cred, posix_file_of(path)->fd, &stx);
	k->file = TAKE(path);
	k->data = TAKE(data);
	return 0;
}

int posix_create(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_create *k = container_of(c, struct vfs_create, call);
	CLEANUP(posix_change_end) struct posix_change ch = {0};
	int err, made;

	err = posix_check_name(k->name);
	if (err)
		return err;
	if (where == POSIX_INLINE && !posix_file_of(k->dir)->fs->local)
		return -EAGAIN;
	err = check_free(v, k, where);
	if (!err)
		err = posix_change_begin(&ch, v, k->dir);
	if (err)
		return err;
	made = make(v, k);
	if (made < 0)
		return made;
	ch.added = k->name;
	return create_made(v, k, made);
}

/* ---- OPEN --------------------------------------------------------------------------------------- */

static int open_flags(const struct vfs_open *o, enum vfs_type type)
{
	int flags = o->truncate ? O_TRUNC : 0;

	if (type == VFS_DIR)
		return O_RDONLY | O_DIRECTORY;
	if (o->read && o->write)
		return flags | O_RDWR;
	return flags | (o->read ? O_RDONLY : O_WRONLY);
}

/* In the pool a lease another server holds is waited for; inline it is only asked back. */
static int open_data(const struct vfs_open *o, struct posix_file *f,
		     enum posix_where where)
{
	int flags = open_flags(o, f->type);

	if (where == POSIX_INLINE)
		flags |= O_NONBLOCK;
	return posix_reopen(f->vol, f->fd, flags);
}

int posix_open(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_open *o = container_of(c, struct vfs_open, call);
	struct posix_file *f = posix_file_of(o->file), *data;
	int fd, err;

	if (f->stream)
		return posix_stream_open_data(o, where);
	if (f->type == VFS_SYMLINK)
		return -ELOOP;
	if (f->type == VFS_SPECIAL)
		return -EOPNOTSUPP;
	if (f->type == VFS_DIR ? o->truncate : !o->read && !o->write && !o->truncate)
		return -EINVAL;
	if (where == POSIX_INLINE && (!f->fs->local || o->truncate))
		return -EAGAIN; /* freeing a large file takes its time */

	fd = open_data(o, f, where);
	if (fd < 0)
		return fd;
	data = posix_file_new(v, fd, f->type, f->fs);
	if (!data)
		return -ENOMEM;
	data->data = true;
	data->dot_name = f->dot_name;
	data->ino = f->ino;
	data->small = f->small && !o->write && !o->truncate;
	err = o->stat_known ? 0 : posix_stat_file(data, c->cred, &o->stat);
	if (err)
		vfile_put(&data->vf);
	else
		o->data = &data->vf;
	return err;
}
