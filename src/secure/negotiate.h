/*
 * negotiate.h - which dialect, cipher and signing algorithm a connection gets, out of what both sides offer.
 *
 * The server's order of preference decides, the client's list only says what is possible; what the server does
 * not name is never used, but for AES-CMAC and HMAC-SHA256 where a dialect has nothing else.
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-SMB2] 3.3.5.4, 2.2.3.1.2, 2.2.3.1.7
 */
#pragma once

#include "secure/seal.h"
#include "secure/sign.h"

/* The server's lists, best first. */
struct negotiate_server {
	const uint16_t
		*dialects; /* order does not matter: the greatest common one wins */
	size_t dialect_count;
	const enum seal_cipher *ciphers;
	size_t cipher_count;
	const enum sign_alg *signings;
	size_t signing_count;
};

/* What the client sent. */
struct negotiate_client {
	const uint16_t *dialects;
	size_t dialect_count;
	bool cap_encryption; /* SMB2_GLOBAL_CAP_ENCRYPTION: asked of 3.0 and 3.0.2 only */
	struct span
		ciphers; /* ids of the ENCRYPTION context, 16 bits each; empty: no such context */
	struct span signings; /* likewise of the SIGNING context		*/
};

struct negotiate_choice {
	uint16_t
		dialect; /* 0: nothing in common, STATUS_NOT_SUPPORTED; the rest is meaningless */
	enum seal_cipher cipher; /* SEAL_NONE: nothing in common, or no encryption	*/
	enum sign_alg sign_alg;
};

struct negotiate_choice negotiate_choose(const struct negotiate_server *server,
					 const struct negotiate_client *client);
