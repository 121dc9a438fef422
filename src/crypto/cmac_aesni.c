/*
 * cmac_aesni.c - see cmac_isa.h: AES-NI, up to eight messages.
 *
 * Processors begin one or two of these instructions a cycle and take three or four for each: eight lanes keep all of
 * them busy, and eight is what the 16 registers can hold. The round keys come from memory.
 */
#include "crypto/cmac_isa.h"

#include <immintrin.h>

#define AESNI KERNEL("aes,sse4.1")

AESNI static inline __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

AESNI static inline __m128i load_key(const uint8_t *p)
{
	return _mm_load_si128((const __m128i *)(const void *)p);
}

AESNI static inline void store(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

AESNI __attribute__((always_inline)) static inline void run(struct cmac_lanes *l,
							    size_t blocks,
							    const unsigned width)
{
	__m128i x[8];

	unrolled (i, 0, width)
		x[i] = load(l->chain[i]);
	for (size_t off = 0; off < blocks * CMAC_BLOCK_LEN; off += CMAC_BLOCK_LEN) {
		KEYS_STAY_IN_MEMORY;
		unrolled (i, 0, width)
			x[i] = _mm_xor_si128(x[i], load(l->data[i] + off));
		unrolled (r, 1, CMAC_ROWS - 1) {
			unrolled (i, 0, width)
				x[i] = _mm_aesenc_si128(x[i], load_key(l->rows[r][i]));
		}
		unrolled (i, 0, width)
			x[i] = _mm_aesenclast_si128(x[i],
						    load_key(l->rows[CMAC_ROWS - 1][i]));
	}
	unrolled (i, 0, width)
		store(l->chain[i], x[i]);
}

AESNI static void run_2(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 2);
}

AESNI static void run_4(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 4);
}

AESNI static void run_8(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 8);
}

/* All round keys stay in registers; the data is added to the last key, out of the way of the chain. */
AESNI void cmac_aesni_one(const struct cmac_rounds *r, uint8_t chain[CMAC_BLOCK_LEN],
			  const uint8_t *data, size_t blocks)
{
	__m128i k[CMAC_ROWS];
	__m128i x;

	unrolled (i, 1, CMAC_ROWS)
		k[i] = load_key(r->row[i]);
	x = _mm_xor_si128(load(chain), load(data));
	for (size_t n = 1; n <= blocks; n++) {
		__m128i last = k[CMAC_ROWS - 1];

		unrolled (i, 1, CMAC_ROWS - 1)
			x = _mm_aesenc_si128(x, k[i]);
		if (n < blocks)
			last = _mm_xor_si128(last, load(data + n * CMAC_BLOCK_LEN));
		x = _mm_aesenclast_si128(x, last);
	}
	store(chain, x);
}

/* One step of the key schedule: FIPS 197, 5.2. assist: of the round key before. */
AESNI static inline __m128i next_key(__m128i k, __m128i assist)
{
	k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
	k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
	k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
	return _mm_xor_si128(k, _mm_shuffle_epi32(assist, 0xFF));
}

/* The constant of a round is part of the instruction. */
#define NEXT(k, constant) next_key(k, _mm_aeskeygenassist_si128(k, constant))

AESNI void cmac_aesni_expand(const uint8_t key[16], struct cmac_rounds *ret_rounds)
{
	__m128i k[CMAC_ROWS];

	k[0] = load(key);
	k[1] = NEXT(k[0], 0x01);
	k[2] = NEXT(k[1], 0x02);
	k[3] = NEXT(k[2], 0x04);
	k[4] = NEXT(k[3], 0x08);
	k[5] = NEXT(k[4], 0x10);
	k[6] = NEXT(k[5], 0x20);
	k[7] = NEXT(k[6], 0x40);
	k[8] = NEXT(k[7], 0x80);
	k[9] = NEXT(k[8], 0x1B);
	k[10] = _mm_xor_si128(NEXT(k[9], 0x36), k[0]);
	for (unsigned i = 0; i < CMAC_ROWS; i++)
		store(ret_rounds->row[i], k[i]);
}

const struct cmac_isa cmac_aesni = {
	.name = "AES-NI",
	.run_one = cmac_aesni_one,
	.expand = cmac_aesni_expand,
	.kernel_count = 3,
	.kernels = {{2, run_2}, {4, run_4}, {8, run_8}},
};
