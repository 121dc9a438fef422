/* notify_spot.c - where the watched directories are, and what a change in one means for who watches it. */
#include "fs/notify_impl.h"

#include "fs/posix_impl.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- watches ------------------------------------------------------------------------------------ */

static void drop_if_unused(struct notify_root *r, struct watch *w)
{
	if (list_empty(&w->spots) && !w->pins)
		r->source->drop(r, w);
}

void watch_pin(struct watch *w)
{
	if (w)
		w->pins++;
}

void watch_unpin(struct notify_root *r, struct watch *w)
{
	if (!w)
		return;
	w->pins--;
	drop_if_unused(r, w);
}

/* ---- spots -------------------------------------------------------------------------------------- */

struct spot *spot_find(const struct watch *w, const struct notify *n)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if (s->n == n)
			return s;
	}
	return NULL;
}

static struct spot *spot_child(const struct spot *parent, const char *name)
{
	list_for_each (it, &parent->n->spots) {
		struct spot *s = container_of(it, struct spot, in_notify);

		if (s->parent == parent && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static void spot_orphan(struct spot *s)
{
	if (s->parent)
		s->parent->child_count--;
	s->parent = NULL;
}

static void spot_free(struct spot *s)
{
	struct watch *w = s->watch;

	list_del(&s->in_watch);
	list_del(&s->in_notify);
	drop_if_unused(s->n->root, w);
	spot_orphan(s);
	free(s->name);
	free(s);
}

/* All of a list; whose parents are all in it, or orphans. */
void spots_free(struct list_node *spots)
{
	struct list_node *node;

	list_for_each (it, spots)
		spot_orphan(container_of(it, struct spot, in_notify));
	while ((node = list_pop(spots)))
		spot_free(container_of(node, struct spot, in_notify));
}

bool spot_is_below(const struct spot *s, const struct spot *top)
{
	while (s && s != top)
		s = s->parent;
	return s;
}

/* It and all below it: sorted out first, since each is asked for its parents. */
void spot_drop(struct spot *top)
{
	struct list_node doomed;

	if (top->child_count == 0) {
		spot_free(top);
		return;
	}
	list_init(&doomed);
	list_for_each (it, &top->n->spots) {
		if (!spot_is_below(container_of(it, struct spot, in_notify), top))
			continue;
		list_del(it);
		list_add_tail(&doomed, it);
	}
	spots_free(&doomed);
}

/*
 * False: no memory, or it would lie below itself. Nowhere does it, but a place may have been looked up as it is now, while
 * the events that led there are still to come.
 */
static bool spot_move(struct spot *s, struct spot *parent, const char *name)
{
	char *copy = spot_is_below(parent, s) ? NULL : strdup(name);

	if (!copy)
		return false;
	free(s->name);
	s->name = copy;
	spot_orphan(s);
	if (parent)
		parent->child_count++;
	s->parent = parent;
	return true;
}

int spot_place(struct spot *s, struct spot *parent, const char *name)
{
	if (s->parent == parent && strcmp(s->name, name) == 0)
		return 0;
	return spot_move(s, parent, name) ? 0 : -ENOMEM;
}

int spot_new(struct notify *n, struct watch *w, struct spot *parent, const char *name,
	     struct spot **ret_spot)
{
	struct spot *s = calloc(1, sizeof(*s));

	if (!s || !spot_move(s, parent, name)) {
		free(s);
		drop_if_unused(n->root, w);
		return -ENOMEM;
	}
	s->n = n;
	s->watch = w;
	list_add_tail(&w->spots, &s->in_watch);
	list_add_tail(&n->spots, &s->in_notify);
	*ret_spot = s;
	return 0;
}

/* Where the directory of s is, from the directory of its notify, for openat2(). */
static bool spot_path(const struct spot *s, char *buf, size_t cap, const char **ret_path)
{
	size_t at = cap - 1;

	buf[at] = '\0';
	for (; s->parent; s = s->parent) {
		size_t len = strlen(s->name);

		if (len + 1 > at)
			return false;
		if (buf[at])
			buf[--at] = '/';
		at -= len;
		memcpy(buf + at, s->name, len);
	}
	*ret_path = buf[at] ? buf + at : ".";
	return true;
}

int spot_open(const struct spot *s, int flags)
{
	struct posix_file *top = s->n->dir;
	char buf[PATH_MAX];
	const char *path;

	if (!spot_path(s, buf, sizeof(buf), &path))
		return -ENAMETOOLONG;
	posix_act_as(top->vol, s->n->cred);
	return posix_resolve(top->vol, top->fd, path, flags | O_DIRECTORY | O_NOFOLLOW, 0,
			     POSIX_POOL);
}

/* ---- changes ------------------------------------------------------------------------------------- */

bool notify_wants_name(const struct notify *n, bool directory)
{
	return n->filter &
	       (directory ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME);
}

static void tell_name(struct spot *s, uint32_t action, const struct notify_entry *e)
{
	if (notify_wants_name(s->n, e->directory))
		notify_gather(s, action, e->name);
}

/*
 * A rename changes a file's attributes as well: [MS-FSA] 2.1.5.15.12 sets FILE_ATTRIBUTE_ARCHIVE. Deviation: nothing there
 * tells of that; Windows does, as of attributes and creation (smb2.notify.mask-change), but not who is told of the name
 * (smb2.notify.rec).
 */
static void tell_renamed(struct spot *s, const struct notify_entry *e)
{
	if (!e->directory && !notify_wants_name(s->n, false) &&
	    (s->n->filter & NOTIFY_FILTER_RENAMED))
		notify_gather(s, FILE_ACTION_MODIFIED, e->name);
}

/* The directory e is, to who watches that of s. */
static struct spot *child_of(const struct spot *s, const struct notify_entry *e)
{
	if (!e->directory)
		return NULL;
	if (!e->by_name)
		return e->self ? spot_find(e->self, s->n) : NULL;
	return spot_child(s, e->name);
}

static void appeared(struct spot *s, const struct notify_entry *e, bool fresh)
{
	if (e->directory && s->n->tree && notify_shows(s, e->name))
		s->n->root->source->appeared(s, e, fresh);
}

/* Who sees `from` (or NULL) and yet does not know it there comes too late for what came into it there. */
static void came(struct watch *w, const struct notify_entry *e, bool fresh,
		 const struct watch *from)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		tell_name(s, FILE_ACTION_ADDED, e);
		appeared(s, e, fresh || (from && spot_find(from, s->n)));
	}
}

void notify_created(struct watch *w, const struct notify_entry *e, bool fresh)
{
	came(w, e, fresh, NULL);
}

/* The root whose watch it is, which has spots. */
static struct notify_root *root_of(const struct watch *w)
{
	return container_of(w->spots.next, struct spot, in_watch)->n->root;
}

/* The kernel would tell us when a directory is gone, too, but not as long as we hold it open. */
void notify_gone(struct watch *w, const struct notify_entry *e)
{
	struct notify_root *r = root_of(w);

	watch_pin(w);
	watch_pin(
		e->self); /* who has no spot there is asked for it after the last one went */
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);
		struct spot *child = child_of(s, e);

		tell_name(s, FILE_ACTION_REMOVED, e);
		if (child)
			spot_drop(child);
	}
	watch_unpin(r, e->self);
	watch_unpin(r, w);
}

static void has_moved(struct spot *s)
{
	const struct notify_source *source = s->n->root->source;

	if (source->moved)
		source->moved(s);
}

/* Names that cannot be shown come and go as far as clients are concerned. */
static void renamed(struct spot *s, const struct notify_entry *from,
		    const struct notify_entry *to)
{
	struct spot *child = child_of(s, from);
	struct notify *n = s->n;

	if (!notify_shows(s, from->name)) {
		tell_name(s, FILE_ACTION_ADDED, to);
	} else if (!notify_shows(s, to->name)) {
		tell_name(s, FILE_ACTION_REMOVED, from);
	} else {
		tell_name(s, FILE_ACTION_RENAMED_OLD_NAME, from);
		tell_name(s, FILE_ACTION_RENAMED_NEW_NAME, to);
	}
	tell_renamed(s, to);
	if (!child) {
		appeared(s, to, true); /* it came and was renamed before we looked */
	} else if (!notify_shows(s, to->name)) {
		spot_drop(child);
	} else if (spot_move(child, s, to->name)) {
		has_moved(child);
	} else {
		spot_drop(child);
		notify_lose(n);
	}
}

static void arrived(struct watch *w, const struct notify_entry *e,
		    const struct watch *from)
{
	came(w, e, false, from);
	list_for_each (it, &w->spots)
		tell_renamed(container_of(it, struct spot, in_watch), e);
}

void notify_arrived(struct watch *w, const struct notify_entry *e)
{
	arrived(w, e, NULL);
}

/* From one directory to another: for who sees both, gone here and added there. */
static void moved(struct watch *from, const struct notify_entry *old, struct watch *to,
		  const struct notify_entry *e)
{
	list_for_each (it, &from->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);
		struct spot *child = child_of(s, old);
		struct spot *parent = spot_find(to, s->n);

		tell_name(s, FILE_ACTION_REMOVED, old);
		if (child && !(parent && notify_shows(parent, e->name) &&
			       spot_move(child, parent, e->name)))
			spot_drop(child);
	}
	arrived(to, e, from); /* moved spots are there already */
	list_for_each (it, &to->spots) {
		struct spot *child = child_of(container_of(it, struct spot, in_watch), e);

		if (child)
			has_moved(child);
	}
}

void notify_renamed(struct watch *from, const struct notify_entry *old, struct watch *to,
		    const struct notify_entry *e)
{
	struct notify_root *r = root_of(to);

	watch_pin(from);
	watch_pin(to);
	watch_pin(old->self);
	if (from != to)
		moved(from, old, to, e);
	else
		list_for_each (it, &to->spots)
			renamed(container_of(it, struct spot, in_watch), old, e);
	watch_unpin(r, old->self);
	watch_unpin(r, to);
	watch_unpin(r, from);
}

void notify_modified(struct watch *w, const char *name, uint32_t filter)
{
	list_for_each (it, &w->spots) {
		struct spot *s = container_of(it, struct spot, in_watch);

		if (s->n->filter & filter)
			notify_gather(s, FILE_ACTION_MODIFIED, name);
	}
}

void notify_lose_all(struct notify_root *r)
{
	struct map_walk pos;

	for (struct map_node *node = map_walk_first(&r->watches, &pos); node;
	     node = map_walk_next(&r->watches, &pos)) {
		struct watch *w = container_of(node, struct watch, by_key);

		list_for_each (it, &w->spots)
			notify_lose(container_of(it, struct spot, in_watch)->n);
	}
}
