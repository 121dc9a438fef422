/*
 * local_rig.h - a volume whose files are watched, and other processes that do things to them.
 */
#pragma once

#include "posix_fixture.h"

#include "fs/cred.h"
#include "fs/local_watch.h"

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { WAIT_S = 20 };

/* A volume whose files are watched, and what was told of them. */
struct rig {
	struct fix fix;
	struct local_sink sink;
	struct local_watch *watch;
	/* opened by a process when all before it must have been told */
	struct node_key canary;
	struct vfile *canary_file;
	sem_t canary_told, gate;
	atomic_bool gated; /* each telling waits for the gate */
	atomic_uint told[LOCAL_EVENT_COUNT];
	_Atomic uint64_t last_inode; /* of what was told last */
	uint32_t *seen;              /* by inode - seen_from, if there: how often */
	uint64_t seen_from, seen_range;
	atomic_int seen_count; /* that were told at all */
};

static inline void on_change(struct local_sink *s, const struct node_key *key,
			     enum local_event what)
{
	struct rig *r = container_of(s, struct rig, sink);

	if (atomic_load(&r->gated))
		sem_wait(&r->gate);
	if (node_key_eq(key, &r->canary)) {
		sem_post(&r->canary_told);
		return;
	}
	if (r->seen && key->inode - r->seen_from < r->seen_range)
		if (!r->seen[key->inode - r->seen_from]++)
			r->seen_count++;
	r->last_inode = key->inode;
	r->told[what]++;
}

static inline struct vfile *rig_find(struct rig *r, const char *path,
				     struct node_key *ret_key)
{
	struct vfs_lookup l;

	assert_int_equal(fix_lookup(&r->fix, NULL, path, &l), 0);
	*ret_key = l.stat.key;
	return l.file;
}

/* A file in the share, made if it is not there; with a path handle. */
static inline struct vfile *rig_file(struct rig *r, const char *name,
				     struct node_key *ret_key)
{
	int err = fix_create(&r->fix, name, false);

	CHECK(err == 0 || err == -EEXIST);
	return rig_find(r, name, ret_key);
}

static inline const char *rig_path(struct rig *r, const char *name)
{
	char rel[300];

	snprintf(rel, sizeof(rel), "share/%s", name);
	return fix_path(&r->fix, rel);
}

static inline void rig_fini(struct rig *r)
{
	fanotify_watch_free(r->watch);
	vfile_put(r->canary_file);
	sem_destroy(&r->canary_told);
	sem_destroy(&r->gate);
	fix_fini(&r->fix);
	free(r->seen);
}

/* marks_max: besides the canary. */
static inline void rig_init_at(struct rig *r, const char *parent, size_t marks_max)
{
	struct fanotify_settings settings = {
		.sink = &r->sink, .hash_key = fix_hash_key, .marks_max = marks_max + 1};
	int err;

	*r = (struct rig){.sink.changed = on_change};
	fix_init_at(&r->fix, parent,
		    (struct posix_settings){.switch_credentials = cred_can_switch()});
	CHECK_EQ(sem_init(&r->canary_told, 0, 0), 0);
	CHECK_EQ(sem_init(&r->gate, 0, 0), 0);
	err = fanotify_watch_new(&settings, &r->watch);
	if (err == -ENOSYS || err == -EPERM || err == -EINVAL) {
		print_message("[  REASON  ] no fanotify (FAN_REPORT_FID): %s\n",
			      strerror(-err));
		rig_fini(r);
		skip();
	}
	CHECK_EQ(err, 0);
	r->canary_file = rig_file(r, "canary", &r->canary);
	local_watch_set(r->watch, r->canary_file, &r->canary, WATCH_OPENS);
}

static inline void rig_init(struct rig *r)
{
	rig_init_at(r, "/tmp", LOCAL_MARKS_MAX);
}

static inline void by_another(void (*act)(const char *path), const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		act(path);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

static inline void act_open(const char *path)
{
	int fd = open(path, O_RDONLY);

	must(fd >= 0);
	close(fd);
}

static inline void act_write(const char *path)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
}

static inline void act_write_much(const char *path)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0);
	for (int i = 0; i < 20000; i++)
		must(pwrite(fd, "x", 1, 0) == 1);
	close(fd);
}

static inline void act_truncate(const char *path)
{
	must(truncate(path, 7) == 0);
}

static inline void act_store(const char *path)
{
	int fd = open(path, O_RDWR);
	char *p;

	must(fd >= 0 && ftruncate(fd, 1) == 0);
	p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(p != MAP_FAILED);
	*p = 'y';
	must(munmap(p, 1) == 0);
	close(fd);
}

static inline void act_look(const char *path)
{
	struct stat st;

	must(stat(path, &st) == 0 && access(path, R_OK) == 0);
}

static inline void act_unlink(const char *path)
{
	must(unlink(path) == 0);
}

static inline void act_create(const char *path)
{
	char name[200];
	int fd;

	snprintf(name, sizeof(name), "%s/new", path);
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	must(fd >= 0);
	close(fd);
}

static inline void act_mkdir(const char *path)
{
	char name[200];

	snprintf(name, sizeof(name), "%s/dir", path);
	must(mkdir(name, 0755) == 0);
}

static inline void act_rename(const char *path)
{
	char from[200], to[200];

	snprintf(from, sizeof(from), "%s/new", path);
	snprintf(to, sizeof(to), "%s/renamed", path);
	must(rename(from, to) == 0);
}

static inline void act_remove(const char *path)
{
	char name[200];

	snprintf(name, sizeof(name), "%s/renamed", path);
	must(unlink(name) == 0);
}

/* Everything that has happened so far has been told. */
static inline void rig_sync(struct rig *r)
{
	struct timespec end;

	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &end), 0);
	end.tv_sec += WAIT_S;
	by_another(act_open, rig_path(r, "canary"));
	CHECK_EQ(sem_timedwait(&r->canary_told, &end), 0);
}

/* What was told since the last time, as WATCH_*. */
static inline unsigned rig_news(struct rig *r)
{
	unsigned what = 0;

	rig_sync(r);
	for (unsigned e = 0; e < LOCAL_EVENT_COUNT; e++)
		if (atomic_exchange(&r->told[e], 0))
			what |= 1U << e;
	return what;
}
