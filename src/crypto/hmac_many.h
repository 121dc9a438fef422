/*
 * hmac_many.h - HMAC-SHA256 of many messages, two at a time. For src/crypto only.
 *
 * Whole blocks of two messages run side by side (crypto/sha256_pair.h). All else, which is
 * the ends of parts and of messages and a message that is left over, is OpenSSL's.
 *
 * Owns     nothing; states lie on the stack and are wiped.
 * Threads  any.
 * Spec     RFC 2104
 */
#pragma once

#include "crypto/hmac.h"
#include "crypto/sha256_pair.h"

struct hmac_message {
	const struct hmac *key;
	const struct span *parts;
	size_t part_count;
	uint8_t *
		ret_half; /* the first 16 bytes of the MAC, written if it could be computed */
	int *ret_err;     /* 0 or -EIO */
};

/* The longest should come first, or one of them is left to run alone at the end. */
void hmac_many(sha256_pair pair, const struct hmac_message *messages, size_t count);
