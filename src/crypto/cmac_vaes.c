/*
 * cmac_vaes.c - see cmac_isa.h: VAES on the registers of AVX-512, up to sixteen messages.
 *
 * A register holds a block of each of four lanes; four registers keep the AES unit busy. Data is taken 64 bytes a lane at
 * a time and turned so that each register gets one block of each lane; what is left over, block by block. Nothing is read
 * beyond the blocks.
 */
#include "crypto/cmac_isa.h"

#include <immintrin.h>

#define VAES KERNEL("vaes,avx512f")

enum { LANES_A_REGISTER = 4, REGISTERS_MAX = 4, BLOCKS_A_TURN = 4 };

VAES static inline __m512i load(const uint8_t *p)
{
	return _mm512_loadu_si512(p);
}

VAES static inline __m128i load_block(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* One block of each of four lanes. */
VAES static inline __m512i gather(const uint8_t *const data[4], size_t off)
{
	__m512i v = _mm512_castsi128_si512(load_block(data[0] + off));

	v = _mm512_inserti32x4(v, load_block(data[1] + off), 1);
	v = _mm512_inserti32x4(v, load_block(data[2] + off), 2);
	return _mm512_inserti32x4(v, load_block(data[3] + off), 3);
}

/* Four blocks of each of four lanes: ret[n] is block n of all of them. */
VAES static inline void gather_4(const uint8_t *const data[4], size_t off, __m512i ret[4])
{
	__m512i a = load(data[0] + off), b = load(data[1] + off);
	__m512i c = load(data[2] + off), d = load(data[3] + off);
	__m512i ab_low = _mm512_shuffle_i32x4(a, b, 0x44); /* a0 a1 b0 b1 */
	__m512i cd_low = _mm512_shuffle_i32x4(c, d, 0x44);
	__m512i ab_high = _mm512_shuffle_i32x4(a, b, 0xEE); /* a2 a3 b2 b3 */
	__m512i cd_high = _mm512_shuffle_i32x4(c, d, 0xEE);

	ret[0] = _mm512_shuffle_i32x4(ab_low, cd_low, 0x88); /* a0 b0 c0 d0 */
	ret[1] = _mm512_shuffle_i32x4(ab_low, cd_low, 0xDD);
	ret[2] = _mm512_shuffle_i32x4(ab_high, cd_high, 0x88);
	ret[3] = _mm512_shuffle_i32x4(ab_high, cd_high, 0xDD);
}

/* One block in every lane. */
VAES __attribute__((always_inline)) static inline void step(
	const struct cmac_lanes *l, __m512i x[REGISTERS_MAX],
	const __m512i m[REGISTERS_MAX], const unsigned width)
{
	KEYS_STAY_IN_MEMORY;
	unrolled (g, 0, width)
		x[g] = _mm512_xor_si512(x[g], m[g]);
	unrolled (r, 1, CMAC_ROWS - 1) {
		unrolled (g, 0, width)
			x[g] = _mm512_aesenc_epi128(
				x[g],
				_mm512_load_si512(l->rows[r][g * LANES_A_REGISTER]));
	}
	unrolled (g, 0, width)
		x[g] = _mm512_aesenclast_epi128(
			x[g],
			_mm512_load_si512(l->rows[CMAC_ROWS - 1][g * LANES_A_REGISTER]));
}

/* width: in registers. */
VAES __attribute__((always_inline)) static inline void run(struct cmac_lanes *l,
							   size_t blocks,
							   const unsigned width)
{
	__m512i x[REGISTERS_MAX], m[BLOCKS_A_TURN][REGISTERS_MAX];
	size_t off = 0;

	unrolled (g, 0, width)
		x[g] = load(l->chain[g * LANES_A_REGISTER]);
	for (; blocks >= BLOCKS_A_TURN; blocks -= BLOCKS_A_TURN) {
		unrolled (g, 0, width) {
			__m512i turned[BLOCKS_A_TURN];

			gather_4(&l->data[g * LANES_A_REGISTER], off, turned);
			unrolled (n, 0, BLOCKS_A_TURN)
				m[n][g] = turned[n];
		}
		unrolled (n, 0, BLOCKS_A_TURN)
			step(l, x, m[n], width);
		off += BLOCKS_A_TURN * CMAC_BLOCK_LEN;
	}
	for (; blocks; blocks--) {
		unrolled (g, 0, width)
			m[0][g] = gather(&l->data[g * LANES_A_REGISTER], off);
		step(l, x, m[0], width);
		off += CMAC_BLOCK_LEN;
	}
	unrolled (g, 0, width)
		_mm512_storeu_si512(l->chain[g * LANES_A_REGISTER], x[g]);
}

VAES static void run_4(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 1);
}

VAES static void run_8(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 2);
}

VAES static void run_12(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 3);
}

VAES static void run_16(struct cmac_lanes *l, size_t blocks)
{
	run(l, blocks, 4);
}

const struct cmac_isa cmac_vaes = {
	.name = "VAES",
	.run_one = cmac_aesni_one, /* one chain has nothing to gain */
	.expand = cmac_aesni_expand,
	.kernel_count = 4,
	.kernels = {{4, run_4}, {8, run_8}, {12, run_12}, {16, run_16}},
};
