#include "base/map.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/* Fibonacci hashing: the top bits of the product depend on all bits of the key. */
static size_t slot_of(uint64_t key, size_t slot_count)
{
	return (size_t)(key * 0x9E3779B97F4A7C15u >> (__builtin_clzll(slot_count) + 1));
}

int map_init(struct map *m)
{
	*m = (struct map){.slot_count = MAP_FEW};
	m->slots = calloc(m->slot_count, sizeof(struct map_node *));
	return m->slots ? 0 : -ENOMEM;
}

void map_init_few(struct map *m, struct map_node *few[MAP_FEW])
{
	*m = (struct map){.slots = few, .few = few, .slot_count = MAP_FEW};
	memset(few, 0, MAP_FEW * sizeof(*few));
}

static void slots_free(struct map *m)
{
	if (m->slots != m->few)
		free(m->slots);
}

void map_fini(struct map *m)
{
	slots_free(m);
	*m = (struct map){0};
}

static void slot_push(struct map_node **slot, struct map_node *n)
{
	n->next = *slot;
	*slot = n;
}

static void map_grow(struct map *m)
{
	size_t slot_count;

	if (!size_mul(m->slot_count, 2, &slot_count))
		return;
	struct map_node **slots = calloc(slot_count, sizeof(struct map_node *));
	if (!slots)
		return; /* longer chains, nothing worse */

	for (size_t i = 0; i < m->slot_count; i++) {
		for (struct map_node *n = m->slots[i], *next; n; n = next) {
			next = n->next;
			slot_push(&slots[slot_of(n->key, slot_count)], n);
		}
	}
	slots_free(m);
	m->slots = slots;
	m->slot_count = slot_count;
}

void map_add(struct map *m, struct map_node *n, uint64_t key)
{
	if (m->count >= m->slot_count)
		map_grow(m);
	n->key = key;
	slot_push(&m->slots[slot_of(key, m->slot_count)], n);
	m->count++;
}

void map_del(struct map *m, struct map_node *n)
{
	struct map_node **at = &m->slots[slot_of(n->key, m->slot_count)];

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->next = NULL;
	m->count--;
}

static struct map_node *with_key(struct map_node *n, uint64_t key)
{
	while (n && n->key != key)
		n = n->next;
	return n;
}

struct map_node *map_first(const struct map *m, uint64_t key)
{
	return with_key(m->slots[slot_of(key, m->slot_count)], key);
}

struct map_node *map_next(const struct map_node *n)
{
	return with_key(n->next, n->key);
}

struct map_node *map_walk_first(const struct map *m, struct map_walk *pos)
{
	*pos = (struct map_walk){0};
	return map_walk_next(m, pos);
}

struct map_node *map_walk_next(const struct map *m, struct map_walk *pos)
{
	struct map_node *n = pos->next;

	while (!n && pos->slot < m->slot_count)
		n = m->slots[pos->slot++];
	pos->next = n ? n->next : NULL;
	return n;
}

/* Growing splits slot i into 2i and 2i + 1, as slots are the top bits of the product: the order of the walk stays. */
bool map_cursor_next(const struct map *m, struct map_cursor *c,
		     struct map_node **ret_chain)
{
	if (c->slot_count)
		c->slot *= m->slot_count / c->slot_count;
	c->slot_count = m->slot_count;
	if (c->slot >= m->slot_count)
		return false;
	*ret_chain = m->slots[c->slot++];
	return true;
}

/* SipHash-2-4, Aumasson and Bernstein 2012. */
struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static void sip_rounds(struct sip *s, int count)
{
	while (count--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 = rotl(s->v2, 32);
	}
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

uint64_t map_hash(const uint8_t key[16], struct span bytes)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	uint64_t last = (uint64_t)bytes.len << 56;
	size_t whole = bytes.len & ~(size_t)7;
	struct sip s = {
		.v0 = k0 ^ 0x736F6D6570736575u,
		.v1 = k1 ^ 0x646F72616E646F6Du,
		.v2 = k0 ^ 0x6C7967656E657261u,
		.v3 = k1 ^ 0x7465646279746573u,
	};

	for (size_t i = 0; i < whole; i += 8)
		sip_word(&s, load64(bytes.p + i));
	for (size_t i = whole; i < bytes.len; i++)
		last |= (uint64_t)bytes.p[i] << 8 * (i - whole);
	sip_word(&s, last);
	s.v2 ^= 0xFF;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
