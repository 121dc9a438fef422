/* useredit.c - userdb_edit() and userdb_import(): see userdb.h */
#include "auth/userdb.h"

#include "auth/userline.h"
#include "wire/utf16.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char preface[] = "# Users of tsmb. One a line: name:account:hash:flags, see "
			      "tsmb-passwd(8), which edits\n"
			      "# this file. Whoever can read a hash can log on with it: "
			      "the mode must stay 0600.\n";

/* The new file while it is written. */
struct draft {
	const char *path; /* what it will replace */
	char new_path[PATH_MAX];
	int lock_fd;
	int fd;
	uint8_t *buf; /* SECRET_LEN_MAX bytes */
	size_t len;
	bool made; /* new_path exists and is ours to remove */
	struct userdb_fault *fault;
};

static void draft_close(struct draft *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->made)
		unlink(d->new_path);
	if (d->lock_fd >= 0)
		close(d->lock_fd); /* and unlocks */
	secret_free(d->buf);
}

static int draft_fail(struct draft *d, const char *what)
{
	return fault_set(d->fault, -errno, "%s: %m", what);
}

/* path with a suffix; -ENAMETOOLONG. */
static int path_with(struct draft *d, const char *suffix, char *ret_path)
{
	int len = snprintf(ret_path, PATH_MAX, "%s%s", d->path, suffix);

	if (len < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return draft_fail(d, d->path);
}

static int lock_take_file(struct draft *d)
{
	char lock_path[PATH_MAX];
	int err = path_with(d, ".lock", lock_path);

	if (err)
		return err;
	d->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX) < 0)
		return draft_fail(d, lock_path);
	return 0;
}

static int draft_open(struct draft *d, const char *path, struct userdb_fault *ret_fault)
{
	struct stat st;
	int err;

	*d = (struct draft){.path = path, .lock_fd = -1, .fd = -1, .fault = ret_fault};
	d->buf = secret_alloc(SECRET_LEN_MAX);
	if (!d->buf)
		return fault_set(ret_fault, -ENOMEM, "%s: out of memory", path);
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return fault_set(ret_fault, -ELOOP,
				 "%s: a symbolic link: name the file itself", path);
	err = lock_take_file(d);
	if (!err)
		err = path_with(d, ".new", d->new_path);
	if (err)
		return err;
	unlink(d->new_path); /* left by a writer that died: we hold the lock */
	d->fd = open(d->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return draft_fail(d, d->new_path);
	d->made = true;
	return 0;
}

static int draft_flush(struct draft *d)
{
	size_t done = 0;

	while (done < d->len) {
		ssize_t n = write(d->fd, d->buf + done, d->len - done);

		if (n < 0 && errno != EINTR)
			return draft_fail(d, d->new_path);
		if (n > 0)
			done += (size_t)n;
	}
	d->len = 0;
	return 0;
}

static int draft_add(struct draft *d, struct span s)
{
	while (s.len > 0) {
		size_t room = SECRET_LEN_MAX - d->len;
		struct span part = span_head(s, room);
		int err;

		memcpy(d->buf + d->len, part.p, part.len);
		d->len += part.len;
		s = span_from(s, part.len);
		err = d->len == SECRET_LEN_MAX ? draft_flush(d) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int draft_add_line(struct draft *d, struct span line)
{
	int err = draft_add(d, line);

	return err ? err : draft_add(d, span_of("\n", 1));
}

static int draft_add_user(struct draft *d, const struct user *u)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *flags = u->disabled ? ":disabled" : ":";
	char hex[2 * sizeof(u->nt_hash.b)];
	struct span parts[] = {
		span_of_str(u->name), span_of(":", 1),           span_of_str(u->account),
		span_of(":", 1),      span_of(hex, sizeof(hex)), span_of_str(flags),
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(u->nt_hash.b); i++) {
		hex[2 * i] = digits[u->nt_hash.b[i] >> 4];
		hex[2 * i + 1] = digits[u->nt_hash.b[i] & 15];
	}
	for (size_t i = 0; !err && i < ARRAY_LEN(parts); i++)
		err = draft_add(d, parts[i]);
	explicit_bzero(hex, sizeof(hex));
	return err ? err : draft_add(d, span_of("\n", 1));
}

static int dir_sync(struct draft *d)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(d->path, '/');
	int len = slash ? (int)(slash - d->path) + 1 : 1;
	int fd, err = 0;

	snprintf(dir, sizeof(dir), "%.*s", len, slash ? d->path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return draft_fail(d, dir);
	if (fsync(fd) < 0)
		err = draft_fail(d, dir);
	close(fd);
	return err;
}

/* Replace the old file, whose owner the new one gets. */
static int draft_commit(struct draft *d, int old_fd)
{
	struct stat st;
	int err = draft_flush(d);

	if (err)
		return err;
	if (old_fd >= 0 && (fstat(old_fd, &st) < 0 ||
			    (geteuid() == 0 && fchown(d->fd, st.st_uid, st.st_gid) < 0)))
		return draft_fail(d, d->new_path);
	if (fsync(d->fd) < 0 || rename(d->new_path, d->path) < 0)
		return draft_fail(d, d->new_path);
	d->made = false;
	return dir_sync(d);
}

/* What becomes of a user's line: `line` as it is, or what u says. */
typedef int (*carry_fn)(void *arg, struct draft *d, const struct userlines *l,
			struct span line, struct user *u);

static int line_carry(struct draft *d, const struct userlines *l, struct span line,
		      carry_fn carry, void *arg)
{
	CLEANUP(user_wipe) struct user u;
	const char *fault;

	if (userline_is_comment(line))
		return draft_add_line(d, line);
	fault = userline_parse(line, &u);
	if (fault)
		return fault_set(d->fault, -EINVAL, "%s:%u: %s", l->path, l->line, fault);
	return carry(arg, d, l, line, &u);
}

/* All lines of the old file, which l has afterwards; if there is none, the preface. */
static int draft_carry(struct draft *d, struct userlines *l, carry_fn carry, void *arg)
{
	int err = userlines_open(l, d->path, d->fault);
	struct span line;

	if (err)
		return err == -ENOENT ? draft_add(d, span_of_str(preface)) : err;
	for (;;) {
		int more = userlines_next(l, &line, d->fault);

		if (more <= 0)
			return more;
		err = line_carry(d, l, line, carry, arg);
		if (err)
			return err;
	}
}

/* What is being changed. */
struct change {
	const char *name;
	int (*fn)(struct user *u, bool exists, void *arg);
	void *arg;
	unsigned line; /* where it stood; 0: nowhere yet */
};

static int change_apply(struct change *c, struct draft *d, struct user *u, bool exists)
{
	int verdict = c->fn(u, exists, c->arg);

	return verdict == USERDB_PUT ? draft_add_user(d, u) : verdict < 0 ? verdict : 0;
}

/* Altered if it is the user's. */
static int change_carry(void *arg, struct draft *d, const struct userlines *l,
			struct span line, struct user *u)
{
	struct change *c = arg;

	if (!utf8_eq_nocase(u->name, c->name))
		return draft_add_line(d, line);
	if (c->line)
		return fault_set(d->fault, -EINVAL, "%s:%u: the user of line %u again",
				 l->path, l->line, c->line);
	c->line = l->line;
	return change_apply(c, d, u, true);
}

static int user_append(struct change *c, struct draft *d)
{
	CLEANUP(user_wipe) struct user u = {0};
	const char *fault = userdb_name_fault(c->name);

	if (fault)
		return fault_set(d->fault, -EINVAL, "%s", fault);
	snprintf(u.name, sizeof(u.name), "%s", c->name);
	return change_apply(c, d, &u, false);
}

int userdb_edit(const char *path, const char *name,
		int (*fn)(struct user *u, bool exists, void *arg), void *arg,
		struct userdb_fault *ret_fault)
{
	struct change c = {.name = name, .fn = fn, .arg = arg};
	CLEANUP(draft_close) struct draft d;
	CLEANUP(userlines_close) struct userlines l = {.fd = -1};
	int err;

	ret_fault->text[0] = '\0';
	err = draft_open(&d, path, ret_fault);
	if (!err)
		err = draft_carry(&d, &l, change_carry, &c);
	if (!err && !c.line)
		err = user_append(&c, &d);
	if (err)
		return err;
	return draft_commit(&d, l.fd);
}

/* ---- many at once ------------------------------------------------------------------- */

/* A key that nobody needs to guess: an administrator reads his own files. */
static const uint8_t import_key[16] = "users to import";

struct import {
	struct userdb_entry *entries;
	size_t count;
	struct map by_name;
	bool any_existed;
};

static struct userdb_entry *import_find(const struct import *i, const char *name)
{
	struct map_node *n = map_first(&i->by_name, utf8_hash_nocase(import_key, name));

	for (; n; n = map_next(n)) {
		struct userdb_entry *e = container_of(n, struct userdb_entry, node);

		if (utf8_eq_nocase(e->user.name, name))
			return e;
	}
	return NULL;
}

/* The name and the account stay as they were written. */
static int import_carry(void *arg, struct draft *d, const struct userlines *l,
			struct span line, struct user *u)
{
	struct import *i = arg;
	struct userdb_entry *e = import_find(i, u->name);

	if (!e)
		return draft_add_line(d, line);
	e->existed = i->any_existed = true;
	u->nt_hash = e->user.nt_hash;
	u->disabled = e->user.disabled;
	return draft_add_user(d, u);
}

static int import_append(struct import *i, struct draft *d)
{
	int err = 0;

	for (size_t n = 0; !err && n < i->count; n++)
		if (!i->entries[n].existed)
			err = draft_add_user(d, &i->entries[n].user);
	return err;
}

static int import_write(struct import *i, const char *path, bool replace,
			struct userdb_fault *fault)
{
	CLEANUP(draft_close) struct draft d;
	CLEANUP(userlines_close) struct userlines l = {.fd = -1};
	int err = draft_open(&d, path, fault);

	if (!err)
		err = draft_carry(&d, &l, import_carry, i);
	if (!err && i->any_existed && !replace)
		err = -EEXIST;
	if (!err)
		err = import_append(i, &d);
	return err ? err : draft_commit(&d, l.fd);
}

int userdb_import(const char *path, struct userdb_entry *entries, size_t count,
		  bool replace, struct userdb_fault *ret_fault)
{
	struct import i = {.entries = entries, .count = count};
	int err = map_init(&i.by_name);

	ret_fault->text[0] = '\0';
	if (err)
		return fault_set(ret_fault, err, "out of memory");
	for (size_t n = 0; n < count; n++) {
		entries[n].existed = false;
		map_add(&i.by_name, &entries[n].node,
			utf8_hash_nocase(import_key, entries[n].user.name));
	}
	err = import_write(&i, path, replace, ret_fault);
	map_fini(&i.by_name);
	return err;
}
