/*
 * posix_ea.c - EA_LIST, EA_SET: extended attributes are "user." attributes of the file system, but for those that
 *              mean something to us or to Samba, which nobody sees and nobody sets.
 */
#include "fs/posix_impl.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <strings.h>
#include <sys/xattr.h>

/* Beginnings of names, after "user.", in any case: descriptors, attributes, streams, Samba's own. */
static const char *const reserved[] = {
	"tsmb.", "DOSATTRIB", "DosStream.", "DosEAs", "SAMBA_", "smbd.",
};

static bool name_is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strncasecmp(name, reserved[i], strlen(reserved[i])) == 0)
			return true;
	return false;
}

/* [MS-FSCC] 2.4.16: ASCII, at most 255 bytes; here "user." goes in front. */
static int check_ea_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len + strlen(XATTR_USER_PREFIX) > XATTR_NAME_MAX)
		return -EINVAL;
	for (const char *p = name; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return -EINVAL;
	return name_is_reserved(name) ? -EACCES : 0;
}

struct xattr_name {
	char text[XATTR_NAME_MAX + 1];
};

/* name has been checked. */
static struct xattr_name xattr_name(const char *name)
{
	struct xattr_name x = {{0}};

	snprintf(x.text, sizeof(x.text), XATTR_USER_PREFIX "%s", name);
	return x;
}

/* What most lists fit into: the kernel makes room for all that it is offered, and the arena clears it. */
enum { LIST_SHORT = 1024 };

static int list_names_in(struct posix_file *f, struct arena *a, size_t room,
			 struct span *ret_names)
{
	uint8_t *names = arena_alloc(a, room);
	ssize_t len;

	if (!names)
		return -ENOMEM;
	len = posix_listxattr(f->vol, f->fd, mspan_of(names, room));
	if (len < 0)
		return (int)len;
	*ret_names = span_of(names, (size_t)len);
	return 0;
}

/* The names of all attributes, each with its NUL, in the arena. */
static int list_names(struct posix_file *f, struct arena *a, struct span *ret_names)
{
	int err = list_names_in(f, a, LIST_SHORT, ret_names);

	return err == -ERANGE ? list_names_in(f, a, XATTR_LIST_MAX, ret_names) : err;
}

/* The name under which clients see an attribute; NULL: they do not. */
static const char *ea_name(const char *xattr)
{
	const char *name = xattr + strlen(XATTR_USER_PREFIX);

	if (strncmp(xattr, XATTR_USER_PREFIX, strlen(XATTR_USER_PREFIX)) != 0 ||
	    check_ea_name(name) != 0)
		return NULL;
	return name;
}

static bool takes_eas(const struct posix_file *f)
{
	return f->type == VFS_FILE || f->type == VFS_DIR;
}

static bool has_ea_name(struct span all)
{
	const char *names = (const char *)all.p;

	for (size_t i = 0; i < all.len; i += strlen(names + i) + 1)
		if (ea_name(names + i))
			return true;
	return false;
}

/* Who may read which of them does not matter as long as there are none. */
bool posix_has_eas(struct posix_file *f, const struct cred *c, const struct statx *stx)
{
	uint8_t names[LIST_SHORT];
	ssize_t len;

	if (!takes_eas(f) || posix_no_eas_recall(f->vol->dosattrs, stx))
		return false;
	posix_act_as(f->vol, c);
	len = posix_listxattr(f->vol, f->fd, mspan_of(names, sizeof(names)));
	if (len < 0) /* too many for us, or EA_LIST is to fail likewise */
		return len != -EOPNOTSUPP;
	if (has_ea_name(span_of(names, (size_t)len)))
		return true;
	posix_no_eas_remember(f->vol->dosattrs, stx);
	return false;
}

/* Of `xattr`, in the arena. -ENODATA if it is not there. */
static int read_value(struct posix_file *f, const char *xattr, struct arena *a,
		      struct span *ret_value)
{
	struct posix_proc p = posix_proc(f->fd);
	ssize_t len, n;
	uint8_t *value;

	len = getxattr(p.path, xattr, NULL, 0);
	if (len < 0)
		return -errno;
	value = arena_alloc(a, (size_t)len);
	if (!value)
		return -ENOMEM;
	if (len == 0) {
		*ret_value = span_of(value, 0);
		return 0;
	}
	n = getxattr(p.path, xattr, value, (size_t)len);
	if (n < 0)
		return errno == ERANGE ? -EBUSY : -errno; /* it grew under our hands */
	*ret_value = span_of(value, (size_t)n);
	return 0;
}

/* ---- EA_LIST ------------------------------------------------------------------------------------ */

/* Names one may not read, or that went meanwhile, are not there. */
static int list_one(struct posix_file *f, const char *xattr, struct vfs_ea_list *l)
{
	struct vfs_ea *ea = &l->eas[l->count];
	const char *name = ea_name(xattr);
	int err;

	if (!name)
		return 0;
	err = read_value(f, xattr, l->call.arena, &ea->value);
	if (err == -ENODATA || err == -EACCES || err == -EPERM || err == -EBUSY)
		return 0;
	if (err)
		return err;
	ea->name = arena_strdup(l->call.arena, name);
	if (!ea->name)
		return -ENOMEM;
	ea->flags = 0;
	l->count++;
	return 0;
}

int posix_ea_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_ea_list *l = container_of(c, struct vfs_ea_list, call);
	struct posix_file *f = posix_file_of(l->file);
	struct span all;
	const char *names;
	size_t count = 0;
	int err;

	l->count = 0;
	l->eas = NULL;
	if (where == POSIX_INLINE && !f->fs->local)
		return -EAGAIN;
	if (!takes_eas(f))
		return 0;
	err = list_names(f, c->arena, &all);
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	names = (const char *)all.p;
	for (size_t i = 0; i < all.len; i++)
		count += names[i] == '\0';
	l->eas = arena_array(c->arena, count, sizeof(*l->eas));
	if (!l->eas)
		return -ENOMEM;
	for (size_t i = 0; i < all.len; i += strlen(names + i) + 1) {
		err = list_one(f, names + i, l);
		if (err)
			return err;
	}
	return 0;
}

/* ---- EA_SET ------------------------------------------------------------------------------------- */

/* An empty value removes. */
static int set_one(struct posix_file *f, const char *xattr, struct span value)
{
	struct posix_proc p = posix_proc(f->fd);

	if (value.len)
		return setxattr(p.path, xattr, value.p, value.len, 0) < 0 ? -errno : 0;
	if (removexattr(p.path, xattr) < 0 && errno != ENODATA)
		return -errno;
	return 0;
}

/*
 * The attribute that `name` stands for: one that is there in another case, as Windows tells none from the other, or
 * itself. name has been checked. [MS-FSCC] 2.4.16
 */
static struct xattr_name stored_name(struct span all, const char *name)
{
	struct xattr_name wanted = xattr_name(name);
	const char *names = (const char *)all.p;
	const char *found = NULL;

	for (size_t i = 0; i < all.len; i += strlen(names + i) + 1) {
		if (strcmp(names + i, wanted.text) == 0)
			return wanted;
		if (strcasecmp(names + i, wanted.text) == 0)
			found = names + i;
	}
	if (found) /* of the same length */
		memcpy(wanted.text, found, strlen(found));
	return wanted;
}

/* What was there before, to go back to. */
struct before {
	struct xattr_name name;
	bool was;
	struct span value;
};

static bool same_name(const struct before *a, const struct before *b)
{
	return strcasecmp(a->name.text, b->name.text) == 0;
}

static int remember(struct posix_file *f, struct arena *a, struct before *b)
{
	int err = read_value(f, b->name.text, a, &b->value);

	b->was = err == 0;
	return err == -ENODATA ? 0 : err;
}

static void go_back(struct posix_file *f, const struct before *before, size_t count)
{
	while (count--) {
		struct span old = before[count].was ? before[count].value
						    : (struct span){0};

		/* as far as the file system can: nobody is left to tell */
		if (set_one(f, before[count].name.text, old) < 0)
			continue;
	}
}

static int check_set(const struct vfs_ea_set *s)
{
	for (size_t i = 0; i < s->count; i++) {
		int err = check_ea_name(s->eas[i].name);

		if (err)
			return err;
		if (s->eas[i].flags)
			return -EOPNOTSUPP; /* FILE_NEED_EA has no place on disk */
		if (s->eas[i].value.len > XATTR_SIZE_MAX)
			return -E2BIG;
	}
	return 0;
}

int posix_ea_set(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_ea_set *s = container_of(c, struct vfs_ea_set, call);
	struct posix_file *f = posix_file_of(s->file);
	struct before *before;
	struct span names;
	int err;

	if (where == POSIX_INLINE && !f->fs->local)
		return -EAGAIN;
	if (!takes_eas(f))
		return -EOPNOTSUPP;
	err = check_set(s);
	if (err)
		return err;
	before = arena_array(c->arena, s->count, sizeof(*before));
	if (!before)
		return -ENOMEM;
	err = list_names(f, c->arena, &names);
	if (err)
		return err;
	for (size_t i = 0; i < s->count; i++) {
		before[i].name = stored_name(names, s->eas[i].name);
		for (size_t k = 0; k < i; k++) /* set just now */
			if (same_name(&before[k], &before[i]))
				before[i].name = before[k].name;
		err = remember(f, c->arena, &before[i]);
		if (!err)
			err = set_one(f, before[i].name.text, s->eas[i].value);
		if (err) {
			go_back(f, before, i);
			return err;
		}
	}
	return 0;
}
