/*
 * posix_fixture.h - a posix volume over a fresh directory, and a lane whose pool runs jobs at once.
 */
#pragma once

#include "base/wait.h"
#include "fs/posix.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the lane's one message is: the end of the call under way. */
struct fix {
	char top[64];   /* a directory that holds the share and what is beside it */
	char share[80]; /* the root of the volume */
	struct vfs *vfs;
	struct vfile *root;
	struct arena arena;
	struct exec exec;
	struct mailbox mailbox;
	struct lane lane;
	const struct cred *cred;
	struct wait wait;
	struct msg *arrived;
	int jobs;  /* that went to the pool */
	int ended; /* waits */
};

static void fix_take(struct mailbox *mb, struct msg *m)
{
	container_of(mb, struct fix, mailbox)->arrived = m;
}

static const struct mailbox_ops fix_mailbox_ops = {.post = fix_take, .here = fix_take};

static void fix_exec(struct exec *x, enum exec_class cls, struct job *j)
{
	struct fix *f = container_of(x, struct fix, exec);

	CHECK_EQ(cls, EXEC_IO);
	f->jobs++;
	wait_post(j->wait, j->run(j));
}

static const struct exec_ops fix_exec_ops = {.run = fix_exec};

static void fix_ended(struct wait *w)
{
	container_of(w, struct fix, wait)->ended++;
}

static const uint8_t fix_hash_key[16] = "fixture hash key";

/* parent: where to make the directory; settings->path is filled in. */
static inline void fix_init_at(struct fix *f, const char *parent,
			       struct posix_settings settings)
{
	char top[sizeof(f->top)];

	*f = (struct fix){
		.exec.ops = &fix_exec_ops,
		.mailbox.ops = &fix_mailbox_ops,
	};
	f->lane = (struct lane){.exec = &f->exec, .mailbox = &f->mailbox};
	snprintf(top, sizeof(top), "%s/tsmb-test-XXXXXX", parent);
	assert_non_null(mkdtemp(top));
	memcpy(f->top, top, sizeof(top));
	snprintf(f->share, sizeof(f->share), "%s/share", top);
	assert_int_equal(mkdir(f->share, 0777), 0);
	CHECK_EQ(chmod(f->top, 0755), 0);
	CHECK_EQ(chmod(f->share, 0777), 0);
	arena_init(&f->arena, 16 << 20);
	wait_init(&f->wait, &f->mailbox);
	settings.path = f->share;
	settings.hash_key = fix_hash_key;
	assert_int_equal(posix_new(&settings, &f->vfs), 0);
	f->root = f->vfs->ops->root(f->vfs);
}

static inline void fix_init(struct fix *f)
{
	fix_init_at(f, "/tmp", (struct posix_settings){.case_insensitive = true});
}

/* A second worker on the same volume: ends with fix_leave(), before the first. */
static inline void fix_join(struct fix *f, const struct fix *first)
{
	*f = *first;
	f->lane = (struct lane){.exec = &f->exec, .mailbox = &f->mailbox};
	f->root = vfile_get(first->root);
	arena_init(&f->arena, 16 << 20);
	wait_init(&f->wait, &f->mailbox);
}

static inline void fix_leave(struct fix *f)
{
	vfile_put(f->root);
	arena_fini(&f->arena);
}

static int fix_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline void fix_fini(struct fix *f)
{
	vfile_put(f->root);
	vfs_put(f->vfs);
	arena_fini(&f->arena);
	CHECK_EQ(nftw(f->top, fix_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Run a call to its end, exactly one. */
static inline int fix_run(struct fix *f, struct vfs_call *c, enum vfs_op op)
{
	int ended = f->ended;

	f->arrived = NULL;
	vfs_run(f->vfs, c, op, &f->lane, f->cred, &f->arena,
		wait_arm(&f->wait, fix_ended));
	assert_non_null(f->arrived);
	f->arrived->run(f->arrived);
	CHECK_EQ(f->ended, ended + 1);
	return f->wait.err;
}

/* No file of this process may grow beyond `bytes`; 0: any may. */
static inline void fix_limit_files(rlim_t bytes)
{
	struct rlimit limit;

	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- what tests do all the time ----------------------------------------------------------------- */

/* Look up a path with slashes; the caller puts l->file. */
static inline int fix_lookup(struct fix *f, struct vfile *dir, const char *path,
			     struct vfs_lookup *l)
{
	char *text = arena_strdup(&f->arena, path), *save = NULL;
	const char **names = arena_array(&f->arena, strlen(path) + 1, sizeof(*names));
	size_t count = 0;

	for (char *s = strtok_r(text, "/", &save); s; s = strtok_r(NULL, "/", &save))
		names[count++] = s;
	*l = (struct vfs_lookup){
		.dir = dir ? dir : f->root, .names = names, .count = count};
	return fix_run(f, &l->call, VFS_LOOKUP);
}

/* The same for what must be there. */
static inline struct vfile *fix_find(struct fix *f, const char *path)
{
	struct vfs_lookup l;

	assert_int_equal(fix_lookup(f, NULL, path, &l), 0);
	return l.file;
}

static inline int fix_create(struct fix *f, const char *name, bool directory)
{
	struct vfs_create k = {
		.dir = f->root,
		.name = name,
		.directory = directory,
		.mode = directory ? 0755 : 0644,
	};
	int err = fix_run(f, &k.call, VFS_CREATE);

	if (!err) {
		vfile_put(k.file);
		vfile_put(k.data);
	}
	return err;
}

static inline struct vfile *fix_open(struct fix *f, struct vfile *file, bool read,
				     bool write)
{
	struct vfs_open o = {.file = file, .read = read, .write = write};

	assert_int_equal(fix_run(f, &o.call, VFS_OPEN), 0);
	return o.data;
}

static inline const char *fix_path(struct fix *f, const char *rel)
{
	char *path = arena_alloc(&f->arena, strlen(f->top) + strlen(rel) + 2);

	snprintf(path, strlen(f->top) + strlen(rel) + 2, "%s/%s", f->top, rel);
	return path;
}

/* A file made behind the volume's back, relative to top. */
static inline void fix_put(struct fix *f, const char *rel, const char *text)
{
	int fd = open(fix_path(f, rel), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void fix_link(struct fix *f, const char *target, const char *rel)
{
	assert_int_equal(symlink(target, fix_path(f, rel)), 0);
}
