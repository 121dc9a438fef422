/*
 * crypto.h - which library computes what.
 *
 * OpenSSL does everything. On x86-64 with AES-NI, ipsec-mb does AES-GCM and AES-GMAC two to four times as
 * fast (its direct calls: its job interface ends at 65,534 bytes, and its HMAC ignores the SHA extensions).
 * There, AES-CMAC is our own (crypto/cmac_many.h), and HMAC-SHA256 of several messages by the SHA instructions
 * (crypto/hmac_many.h): no library does several of any length at once.
 * A key remembers what it was made for, so all can be used side by side and compared.
 *
 * The environment variable TSMB_CRYPTO, with one of the names below, decides where crypto_init() was not called or left
 * the choice: for tests. With another value nothing works.
 *
 * Owns     one table of algorithms, made by the first caller and constant afterwards.
 * Threads  any.
 */
#pragma once

#include "base/attr.h"

enum crypto_backend {
	CRYPTO_FASTEST = 0, /* what crypto_init() chose, by default what suits the CPU */
	CRYPTO_OPENSSL,     /* "openssl"					*/
	CRYPTO_IPSEC_MB,    /* "ipsec-mb": GCM and GMAC only		*/
	CRYPTO_AESNI,       /* "aes-ni": CMAC only, 8 messages at once		*/
	CRYPTO_VAES,        /* "vaes": CMAC only, 16 messages at once		*/
	CRYPTO_SHANI,       /* "sha-ni": HMAC-SHA256 only, 2 messages at once	*/
	CRYPTO_BACKEND_COUNT,
};

/*
 * Load the algorithms and settle what CRYPTO_FASTEST means: `fastest` for all it can do, what suits the CPU for the rest.
 * Call once at start, before the first key; without this call the first key settles it.
 *
 * 0; -ENOTSUP if OpenSSL lacks an algorithm or what was asked for is not there; -EBUSY if keys were made already under
 * another choice.
 */
MUST_CHECK int crypto_init(enum crypto_backend fastest);

/* Can keys be made for it on this machine? */
bool crypto_has(enum crypto_backend b);

/* For the log: "OpenSSL 3.0.22", "ipsec-mb 1.3.0, AVX512; CMAC by VAES; HMAC in pairs". Static. */
const char *crypto_description(void);
