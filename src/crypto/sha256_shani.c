/*
 * sha256_shani.c - see sha256_pair.h: the SHA extensions.
 *
 * The instruction for two rounds wants the eight words of the state as two registers, A B E F and C D G H. Message words
 * are made four at a time, of the sixteen before them.
 */
#include "crypto/cpu.h"
#include "crypto/kernel.h"
#include "crypto/sha256_pair.h"

#include <immintrin.h>
#include <stdalign.h>

#define SHANI KERNEL("sha,sse4.1,ssse3")

enum { PAIR = 2, GROUPS = 16, BLOCK_LEN = 64 };

/* FIPS 180-4, 4.2.2 */
alignas(16) static const uint32_t constants[GROUPS][4] = {
	{0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5},
	{0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5},
	{0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3},
	{0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174},
	{0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc},
	{0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da},
	{0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7},
	{0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967},
	{0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13},
	{0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85},
	{0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3},
	{0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070},
	{0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5},
	{0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3},
	{0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208},
	{0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2},
};

/* One message under way. */
struct stream {
	__m128i abef, cdgh;
	__m128i w[4]; /* the last sixteen message words */
};

SHANI static inline __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

SHANI static inline void store(void *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)p, v);
}

SHANI static inline void state_load(struct stream *s, const uint32_t state[8])
{
	__m128i cdab = _mm_shuffle_epi32(load(state), 0xB1);
	__m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1B);

	s->abef = _mm_alignr_epi8(cdab, efgh, 8);
	s->cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
}

SHANI static inline void state_store(const struct stream *s, uint32_t state[8])
{
	__m128i feba = _mm_shuffle_epi32(s->abef, 0x1B);
	__m128i dchg = _mm_shuffle_epi32(s->cdgh, 0xB1);

	store(state, _mm_blend_epi16(feba, dchg, 0xF0));
	store(state + 4, _mm_alignr_epi8(dchg, feba, 8));
}

/* Words 4 * g to 4 * g + 3, of the message or of those before. */
SHANI static inline __m128i words(struct stream *s, const uint8_t *block, unsigned g)
{
	const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7,
						0, 1, 2, 3);
	__m128i *w = s->w;
	__m128i last = w[(g + 3) % 4];

	if (g < 4)
		return _mm_shuffle_epi8(load(block + 16 * g), big_endian);
	return _mm_sha256msg2_epu32(
		_mm_add_epi32(_mm_sha256msg1_epu32(w[g % 4], w[(g + 1) % 4]),
			      _mm_alignr_epi8(last, w[(g + 2) % 4], 4)),
		last);
}

/* Four rounds. */
SHANI static inline void rounds(struct stream *s, const uint8_t *block, unsigned g)
{
	__m128i k;

	s->w[g % 4] = words(s, block, g);
	k = _mm_add_epi32(s->w[g % 4], load(constants[g]));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, k);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(k, 0x0E));
}

SHANI static void run(uint32_t *const state[2], const uint8_t *const data[2],
		      size_t blocks)
{
	struct stream s[PAIR];

	unrolled (i, 0, PAIR)
		state_load(&s[i], state[i]);
	for (size_t off = 0; off < blocks * BLOCK_LEN; off += BLOCK_LEN) {
		__m128i abef[PAIR], cdgh[PAIR];

		unrolled (i, 0, PAIR) {
			abef[i] = s[i].abef;
			cdgh[i] = s[i].cdgh;
		}
		unrolled (g, 0, GROUPS) {
			unrolled (i, 0, PAIR)
				rounds(&s[i], data[i] + off, g);
		}
		unrolled (i, 0, PAIR) {
			s[i].abef = _mm_add_epi32(s[i].abef, abef[i]);
			s[i].cdgh = _mm_add_epi32(s[i].cdgh, cdgh[i]);
		}
	}
	unrolled (i, 0, PAIR)
		state_store(&s[i], state[i]);
}

sha256_pair sha256_pair_get(void)
{
	return cpu_features() & CPU_SHANI ? run : NULL;
}
