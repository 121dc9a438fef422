/*
 * rng.h - the one source of chance in a simulated run: the same seed, the same numbers. SplitMix64 (Steele, Lea,
 *         Flood 2014).
 */
#pragma once

#include "base/span.h"

struct rng {
	uint64_t state;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* 0 .. n - 1; n is not 0. The bias is nobody's business here. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_u64(r) % n;
}

static inline bool rng_chance(struct rng *r, unsigned per_mille)
{
	return rng_below(r, 1000) < per_mille;
}

static inline void rng_fill(struct rng *r, struct mspan m)
{
	for (size_t i = 0; i < m.len; i++)
		m.p[i] = (uint8_t)rng_u64(r);
}
