/*
 * kdf.h - the keys of a session, from its session key and preauth hash.
 *
 * Owns     nothing.
 * Spec     [MS-SMB2] 3.1.4.2, 3.3.5.5.3; NIST SP800-108 counter mode
 */
#pragma once

#include "base/span.h"

enum kdf_purpose {
	KDF_SIGNING,
	KDF_SERVER_TO_CLIENT,
	KDF_CLIENT_TO_SERVER,
	KDF_APPLICATION
};

/*
 * Derive one key.
 *
 * purpose    label and context of [MS-SMB2] 3.3.5.5.3 for the dialect
 * dialect    0x0300, 0x0302 or 0x0311
 * ki         SessionKey (16 bytes), or FullSessionKey for the cipher keys of AES-256
 * preauth    Session.PreauthIntegrityHashValue, 64 bytes; ignored below 3.1.1
 * ret_key    16 bytes, or 32 for cipher keys of AES-256: its length is the L that is hashed
 *
 * 0, or -EIO if the crypto library failed (ret_key is then wiped).
 */
MUST_CHECK int kdf_derive(enum kdf_purpose purpose, uint16_t dialect, struct span ki,
			  const uint8_t preauth[64], struct mspan ret_key);
