/*
 * crypto.h - which library computes what.
 *
 * OpenSSL does everything. On x86-64 with AES-NI, ipsec-mb does AES-GCM and AES-GMAC two to four times as
 * fast (its direct calls: its job interface ends at 65,534 bytes, and its HMAC ignores the SHA extensions).
 * A key remembers the library it was made for, so both can be used side by side and compared.
 *
 * Owns     one table of algorithms, made by the first caller and constant afterwards.
 * Threads  any.
 */
#pragma once

#include "base/attr.h"

enum crypto_backend {
	CRYPTO_FASTEST = 0, /* what crypto_init() chose, by default what suits the CPU */
	CRYPTO_OPENSSL,
	CRYPTO_IPSEC_MB, /* GCM and GMAC only			*/
};

/*
 * Load the algorithms and settle what CRYPTO_FASTEST means. Call once at start, before the first key;
 * without this call the first key settles it.
 *
 * 0; -ENOTSUP if OpenSSL lacks an algorithm or CRYPTO_IPSEC_MB was asked for and is not there; -EBUSY if
 * keys were made already under another choice.
 */
MUST_CHECK int crypto_init(enum crypto_backend fastest);

/* Can keys be made for it on this machine? */
bool crypto_has(enum crypto_backend b);

/* What GCM and GMAC run on, for the log: "OpenSSL 3.0.22", "ipsec-mb 1.3.0, AVX512". Static. */
const char *crypto_description(void);
