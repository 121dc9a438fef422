/*
 * preauth.h - preauthentication integrity: a running SHA-512 over the handshake.
 *
 * Threads  a value; touched by its connection's worker only.
 * Spec     [MS-SMB2] 3.1.4.4.1 (rules 3 of the handshake: NEGOTIATE, then each SESSION_SETUP)
 */
#pragma once

#include "base/span.h"

enum { PREAUTH_LEN = 64 };

struct preauth {
	uint8_t value[PREAUTH_LEN]; /* starts as zeroes */
};

/* value = SHA-512(value || message). message: SMB2 header to last byte, as on the wire. -EIO if hashing failed. */
MUST_CHECK int preauth_update(struct preauth *h, struct span message);
