/*
 * cmac_isa.h - CBC of several messages side by side, one file an instruction set. For crypto/cmac_many.c and its kernels.
 *
 * A kernel knows nothing of messages, parts and padding: it takes whole blocks from where each lane's data lies, and
 * everything it is given must be there.
 *
 * Threads  any; constant.
 */
#pragma once

#include "base/span.h"
#include "crypto/cmac.h"
#include "crypto/crypto.h"
#include "crypto/kernel.h"

#include <stdalign.h>

enum {
	CMAC_LANES_MAX = 16,
	CMAC_ROWS = 11, /* of round keys */
	CMAC_KERNELS_MAX = 4,
};

/*
 * Round keys as the kernels want them: the last one has the first one added to it, and a lane's chain is kept with the first
 * one added to it, too. So one addition a block is all there is between the last round of one and the first of the next.
 */
struct cmac_rounds {
	alignas(64) uint8_t row[CMAC_ROWS][CMAC_BLOCK_LEN];
};

/* Row by row, so that one instruction finds the keys of neighbouring lanes beside one another. */
struct cmac_lanes {
	alignas(64) uint8_t rows[CMAC_ROWS][CMAC_LANES_MAX][CMAC_BLOCK_LEN];
	alignas(64) uint8_t chain[CMAC_LANES_MAX][CMAC_BLOCK_LEN];
	const uint8_t *data[CMAC_LANES_MAX];
};

/* Takes `blocks` blocks in each of the first `width` lanes; `data` stays. */
struct cmac_kernel {
	unsigned width;
	void (*run)(struct cmac_lanes *l, size_t blocks);
};

struct cmac_isa {
	const char *name;
	/* One message alone, at its latency; `chain` as above. */
	void (*run_one)(const struct cmac_rounds *r, uint8_t chain[CMAC_BLOCK_LEN],
			const uint8_t *data, size_t blocks);
	void (*expand)(const uint8_t key[16], struct cmac_rounds *ret_rounds);
	size_t kernel_count;
	struct cmac_kernel kernels[CMAC_KERNELS_MAX]; /* from narrow to wide */
};

/* CRYPTO_AESNI or CRYPTO_VAES. NULL if this machine has not got it. */
const struct cmac_isa *cmac_isa_of(enum crypto_backend b);

/* cmac_aesni.c, cmac_vaes.c: not to be run before cmac_isa_of() gave them out. */
extern const struct cmac_isa cmac_aesni, cmac_vaes;
void cmac_aesni_expand(const uint8_t key[16], struct cmac_rounds *ret_rounds);
void cmac_aesni_one(const struct cmac_rounds *r, uint8_t chain[CMAC_BLOCK_LEN],
		    const uint8_t *data, size_t blocks);

/* Else compilers load all of them before the loop, have not enough registers, and leave copies on the stack. */
#define KEYS_STAY_IN_MEMORY __asm__ volatile("" : : : "memory")
