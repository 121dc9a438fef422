#include "fs/posix_name_set.h"

#include "fs/posix_names.h"
#include "fs/short_name.h"
#include "wire/utf16.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct short_entry {
	struct map_node node; /* by folded hash of the short name */
	const struct name_entry *of;
};

/* Each with its place in the map. */
enum { SHORT_BYTES = sizeof(struct short_entry) + sizeof(void *) };

static size_t entry_bytes(size_t name_len)
{
	return sizeof(struct name_entry) + name_len + 1 + sizeof(void *);
}

static_assert(POSIX_NAMES_DIR_BYTES_MAX >=
		      1000000 * (sizeof(struct name_entry) + 70 + 1 + sizeof(void *)),
	      "what posix_names.h says of 1,000,000 names");

int name_set_init(struct name_set *s, const uint8_t *hash_key)
{
	s->hash_key = hash_key;
	if (map_init(&s->map) < 0)
		return -ENOMEM;
	return s->with_shorts ? map_init(&s->shorts) : 0;
}

static void drop_shorts(struct name_set *s)
{
	struct map_walk pos;

	for (struct map_node *n = map_walk_first(&s->shorts, &pos); n;
	     n = map_walk_next(&s->shorts, &pos)) {
		map_del(&s->shorts, n);
		free(container_of(n, struct short_entry, node));
		s->bytes -= SHORT_BYTES;
	}
	map_fini(&s->shorts);
	s->with_shorts = false;
}

void name_set_fini(struct name_set *s)
{
	struct map_walk pos;

	drop_shorts(s);
	for (struct map_node *n = map_walk_first(&s->map, &pos); n;
	     n = map_walk_next(&s->map, &pos)) {
		map_del(&s->map, n);
		free(container_of(n, struct name_entry, node));
	}
	map_fini(&s->map);
	s->bytes = 0;
}

struct name_entry *name_set_find(const struct name_set *s, uint64_t hash,
				 const char *name)
{
	struct name_entry *other = NULL;

	for (struct map_node *n = map_first(&s->map, hash); n; n = map_next(n)) {
		struct name_entry *e = container_of(n, struct name_entry, node);

		if (strcmp(e->name, name) == 0)
			return e;
		if (!other && utf8_eq_nocase(e->name, name))
			other = e;
	}
	return other;
}

bool name_set_is_short(const char *made, const char *name)
{
	char its[SHORT_NAME_LEN + 1];

	if (!short_name_is_given(name))
		return false;
	short_name_of(name, its);
	return strcasecmp(its, made) == 0;
}

const struct name_entry *name_set_find_short(const struct name_set *s, uint64_t hash,
					     const char *made)
{
	const struct name_entry *found = NULL;

	for (struct map_node *n = map_first(&s->shorts, hash); n; n = map_next(n)) {
		const struct short_entry *e = container_of(n, struct short_entry, node);

		if (!name_set_is_short(made, e->of->name))
			continue;
		if (found)
			return NULL;
		found = e->of;
	}
	return found;
}

static bool is_short_kept(const struct name_set *s, const char *name)
{
	return s->with_shorts && short_name_is_given(name);
}

static uint64_t short_hash(const struct name_set *s, const char *name)
{
	char made[SHORT_NAME_LEN + 1];

	short_name_of(name, made);
	return utf8_hash_nocase(s->hash_key, made);
}

/* Where there is no room for all of them there are none, lest they take that of the names. */
static void add_short(struct name_set *s, const struct name_entry *e)
{
	struct short_entry *se = NULL;

	if (s->bytes <= POSIX_NAMES_DIR_BYTES_MAX / 2)
		se = malloc(sizeof(*se));
	if (!se) {
		drop_shorts(s);
		return;
	}
	se->of = e;
	map_add(&s->shorts, &se->node, short_hash(s, e->name));
	s->bytes += SHORT_BYTES;
}

static void remove_short(struct name_set *s, const struct name_entry *e)
{
	struct map_node *n = map_first(&s->shorts, short_hash(s, e->name));

	while (n && container_of(n, struct short_entry, node)->of != e)
		n = map_next(n);
	if (!n)
		return;
	map_del(&s->shorts, n);
	free(container_of(n, struct short_entry, node));
	s->bytes -= SHORT_BYTES;
}

void name_set_add(struct name_set *s, uint64_t hash, const char *name)
{
	size_t len = strlen(name);
	struct name_entry *e = NULL;

	if (s->bytes <= POSIX_NAMES_DIR_BYTES_MAX)
		e = malloc(sizeof(*e) + len + 1);
	if (!e) {
		s->lost = true;
		return;
	}
	memcpy(e->name, name, len + 1);
	map_add(&s->map, &e->node, hash);
	s->bytes += entry_bytes(len);
	if (is_short_kept(s, name))
		add_short(s, e);
}

bool name_set_has(const struct name_set *s, uint64_t hash, const char *name)
{
	const struct name_entry *e = name_set_find(s, hash, name);

	return e && strcmp(e->name, name) == 0;
}

void name_set_remove(struct name_set *s, uint64_t hash, const char *name)
{
	struct name_entry *e = name_set_find(s, hash, name);

	if (!e || strcmp(e->name, name) != 0)
		return;
	if (is_short_kept(s, name))
		remove_short(s, e);
	s->bytes -= entry_bytes(strlen(name));
	map_del(&s->map, &e->node);
	free(e);
}
