/*
 * map.h - intrusive hash table, keyed by 64 bits.
 *
 * Longer keys are hashed by the caller (map_hash()) and compared by him while he walks map_first/map_next.
 *
 * Owns     its slots, not its entries.
 * Threads  none of its own; the owner's lock or worker protects it.
 * Errors   map_add() cannot fail once map_init() has not: if growing fails, chains get longer.
 */
#pragma once

#include "base/span.h"

struct map_node {
	struct map_node *next;
	uint64_t key;
};

enum { MAP_FEW = 8 };

struct map {
	struct map_node **slots;
	struct map_node **few; /* the owner's, to begin with; or NULL */
	size_t slot_count;     /* power of two */
	size_t count;
};

/* 0, or -ENOMEM. */
MUST_CHECK int map_init(struct map *m);
/* With room of the owner's to begin with, which stays where it is: cannot fail. */
void map_init_few(struct map *m, struct map_node *few[MAP_FEW]);
/* Frees the slots. The entries are the owner's. */
void map_fini(struct map *m);

void map_add(struct map *m, struct map_node *n, uint64_t key);
/* n must be in m. */
void map_del(struct map *m, struct map_node *n);

/* The first entry with that key, then the next with the same; NULL at the end. */
struct map_node *map_first(const struct map *m, uint64_t key);
struct map_node *map_next(const struct map_node *n);

/* Walk everything, in no order. The entry just returned may be deleted and freed before the next call; no other
 * may, and nothing may be added. */
struct map_walk {
	size_t slot;
	struct map_node *next;
};
struct map_node *map_walk_first(const struct map *m, struct map_walk *pos);
struct map_node *map_walk_next(const struct map *m, struct map_walk *pos);

/*
 * Walk in pieces, between which the map may change: what is in it all the while is seen once. True, and the entries of the
 * next slot, linked by `next` (NULL: it is empty); false at the end.
 */
struct map_cursor {
	size_t slot, slot_count;
};
bool map_cursor_next(const struct map *m, struct map_cursor *c,
		     struct map_node **ret_chain);

/* Keyed hash (SipHash-2-4) of bytes a peer may choose. */
uint64_t map_hash(const uint8_t key[16], struct span bytes);
