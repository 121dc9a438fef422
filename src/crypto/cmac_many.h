/*
 * cmac_many.h - AES-128-CMAC by the AES instructions, of many messages at once. For src/crypto only.
 *
 * Each block of a message needs the result of the one before, so a single message leaves the AES unit idle most of the time.
 * Here messages run in lanes side by side, each under its own key, of its own length, from wherever its parts lie. A
 * lane whose message ends takes the next one; as lanes run out of work narrower kernels take over.
 *
 * Owns     a cmac_schedule lies in the secret slab. While messages run together, copies of their round keys lie on the
 *          stack, lane by lane, as the instructions want them; they are wiped before the call returns.
 * Threads  a cmac_schedule is constant once it is made.
 * Errors   none: what has a schedule gets its MAC.
 * Cost     no allocation and no lock per message.
 * Spec     RFC 4493
 */
#pragma once

#include "crypto/cmac_isa.h"

struct cmac_schedule;

/* key: 16 bytes. NULL without memory. isa: what the key is expanded by and is used with. */
struct cmac_schedule *cmac_schedule_new(const struct cmac_isa *isa, struct span key);
void cmac_schedule_free(struct cmac_schedule *s); /* wipes; NULL is fine */

struct cmac_message {
	const struct cmac_schedule *key;
	const struct span *parts;
	size_t part_count;
	size_t len;       /* of all parts */
	uint8_t *ret_tag; /* CMAC_BLOCK_LEN bytes */
};

/* All keys were made for isa. The longest should come first, or one of them is left to run alone at the end. */
void cmac_many(const struct cmac_isa *isa, const struct cmac_message *messages,
	       size_t count);

/* One alone. */
void cmac_one(const struct cmac_isa *isa, const struct cmac_message *m);
