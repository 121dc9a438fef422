#include "cmd/moved_opens.h"

#include "smb/server.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COMPONENT_MAX = 255 }; /* bytes: fs/name.h accepts no longer ones */

/* ---- beneath ------------------------------------------------------------------------------------- */

/* The first component of *path into buf; *path moves behind it and its backslash, to NULL at the end. */
static const char *component(const char **path, char *buf)
{
	const char *end = strchrnul(*path, '\\');
	size_t len = (size_t)(end - *path);

	if (len > COMPONENT_MAX)
		len = COMPONENT_MAX;
	memcpy(buf, *path, len);
	buf[len] = '\0';
	*path = *end ? end + 1 : NULL;
	return buf;
}

/* Without allocation: it runs under locks. */
static bool path_beneath(const char *path, const char *dir)
{
	char a[COMPONENT_MAX + 1], b[COMPONENT_MAX + 1];

	while (path && dir) {
		component(&path, a);
		component(&dir, b);
		if (!utf8_eq_nocase(a, b))
			return false;
	}
	return path && !dir;
}

struct beneath {
	const struct open *dir;
	const char *path;
	bool any;
	struct node *cached; /* counted */
};

/* Goes on until one is found that caches. */
static bool look_beneath(struct open *o, void *arg)
{
	struct beneath *b = arg;

	if (o == b->dir || !o->node || open_vfs(o) != open_vfs(b->dir))
		return true;
	LOCK_SCOPE(&o->lock);
	if (o->state >= OPEN_CLOSING || !path_beneath(o->path, b->path))
		return true;
	b->any = true;
	if (!state_is_handle_cached(o->node->state))
		return true;
	b->cached = node_get(o->node);
	return false;
}

bool opens_beneath(const struct open *dir, const char *path, struct node **ret_cached)
{
	struct beneath b = {.dir = dir, .path = path};

	(void)smb_server_each_open(dir->server, look_beneath, &b);
	*ret_cached = b.cached;
	return b.any;
}

/* ---- the new name -------------------------------------------------------------------------------- */

struct counted {
	const struct node *file;
	size_t count;
};

static bool count_stream(struct open *o, void *arg)
{
	struct counted *c = arg;

	c->count += o->node && o->node->base == c->file;
	return true;
}

int moved_opens_prepare(struct moved_opens *m, struct open *through, const char *path,
			struct node *parent, struct arena *a)
{
	size_t count = state_open_count(through->node->state);
	struct counted streams = {.file = through->node};

	if (atomic_load(&through->node->streams))
		(void)smb_server_each_open(through->server, count_stream, &streams);
	count += streams.count;
	m->through = through;
	m->parent = parent;
	m->paths = arena_array(a, count, sizeof(*m->paths));
	m->parents = arena_array(a, count, sizeof(*m->parents));
	if (!m->paths || !m->parents)
		return -ENOMEM;
	for (; m->count < count; m->count++) {
		m->paths[m->count] = open_path_new(through->server, strlen(path) + 1);
		if (!m->paths[m->count])
			return -ENOMEM;
		memcpy(m->paths[m->count], path, strlen(path) + 1);
		m->parents[m->count] = node_get(parent);
	}
	return 0;
}

static bool is_named(const struct open *o, const struct node *parent, const char *name)
{
	const char *sep = strrchr(o->path, '\\');

	return o->parent == parent && utf8_eq_nocase(sep ? sep + 1 : o->path, name);
}

/* Through another share, whose root lies elsewhere, the path is another, perhaps none: only the name is known. */
static void keep_name_only(char *path)
{
	const char *sep = strrchr(path, '\\');

	if (sep)
		memmove(path, sep + 1, strlen(sep + 1) + 1);
}

/* One that is being closed goes by the node's name, not by its own. */
static bool rename_open(struct open *o, void *arg)
{
	struct moved_opens *m = arg;
	struct node *old_parent;
	char *old_path;

	if (!o->node || node_base(o->node) != m->through->node || m->used == m->count)
		return true;
	LOCK_SCOPE(&o->lock);
	if (o->state >= OPEN_CLOSING || !is_named(o, m->old_parent, m->old_name))
		return true;
	if (open_vfs(o) != open_vfs(m->through))
		keep_name_only(m->paths[m->used]);
	old_parent = o->parent;
	old_path = o->path;
	o->parent = m->parents[m->used];
	o->path = m->paths[m->used];
	m->parents[m->used] = old_parent;
	m->paths[m->used] = old_path;
	m->used++;
	return true;
}

void moved_opens_apply(struct moved_opens *m, struct node *old_parent,
		       const char *old_name)
{
	m->old_parent = old_parent;
	m->old_name = old_name;
	if (m->count == 1) /* most often there are no others */
		(void)rename_open(m->through, m);
	else
		(void)smb_server_each_open(m->through->server, rename_open, m);
}

void moved_opens_free(struct moved_opens *m)
{
	for (size_t i = 0; i < m->count; i++) {
		open_path_free(m->through->server, m->paths[i]);
		node_put(m->parents[i]);
	}
	m->count = 0;
}
