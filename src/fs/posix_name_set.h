/*
 * posix_name_set.h - the names of one directory, folded and hashed; for posix_names.c.
 *
 * Owns     its entries.
 * Threads  one at a time: the cache's lock, or the scan that fills it.
 */
#pragma once

#include "base/map.h"

struct name_entry {
	struct map_node node; /* by folded hash */
	char name[];
};

struct name_set {
	struct map map;
	bool with_shorts;  /* as asked for; not any more if they took too much room */
	struct map shorts; /* with_shorts: of names that a short one is made up for */
	const uint8_t *hash_key;
	size_t bytes;
	bool lost; /* too many, or no memory: what is here is not all */
};

/* with_shorts is set before. hash_key: borrowed, of utf8_hash_nocase(). -ENOMEM: finish it all the same. */
MUST_CHECK int name_set_init(struct name_set *s, const uint8_t *hash_key);
void name_set_fini(struct name_set *s); /* also of one that is all zero */

/* The exact name, else one that differs in case; NULL: neither. */
struct name_entry *name_set_find(const struct name_set *s, uint64_t hash,
				 const char *name);
/* The one that `made`, with its hash, is the short name of; NULL: there is none, or several. */
const struct name_entry *name_set_find_short(const struct name_set *s, uint64_t hash,
					     const char *made);
/* A name that is there more than once is there more than once: ask name_set_has() before. */
void name_set_add(struct name_set *s, uint64_t hash, const char *name);
bool name_set_has(const struct name_set *s, uint64_t hash, const char *name);
void name_set_remove(struct name_set *s, uint64_t hash, const char *name);

/* Is `made` the short name that is made up for the name? */
bool name_set_is_short(const char *made, const char *name);
