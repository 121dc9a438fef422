/*
 * ntlmssp.h - the three messages of NTLMSSP, decoded and encoded. What they prove is in
 * ntlmkey.h and ntlm.h.
 *
 * Owns     nothing; decoded spans point into the message.
 * Threads  none of its own.
 * Errors   -EBADMSG: not such a message, or one that contradicts itself. -ENOMEM.
 * Spec     [MS-NLMP] 2.2
 */
#pragma once

#include "base/arena.h"

/* NegotiateFlags, [MS-NLMP] 2.2.2.5: those that mean something to us. */
enum {
	NTLMSSP_NEGOTIATE_UNICODE = 0x00000001,
	NTLMSSP_REQUEST_TARGET = 0x00000004,
	NTLMSSP_NEGOTIATE_SIGN = 0x00000010,
	NTLMSSP_NEGOTIATE_SEAL = 0x00000020,
	NTLMSSP_NEGOTIATE_NTLM = 0x00000200,
	NTLMSSP_NEGOTIATE_ALWAYS_SIGN = 0x00008000,
	NTLMSSP_TARGET_TYPE_SERVER = 0x00020000,
	NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY = 0x00080000,
	NTLMSSP_NEGOTIATE_TARGET_INFO = 0x00800000,
	NTLMSSP_NEGOTIATE_VERSION = 0x02000000,
	NTLMSSP_NEGOTIATE_128 = 0x20000000,
	NTLMSSP_NEGOTIATE_KEY_EXCH = 0x40000000,
};
#define NTLMSSP_NEGOTIATE_56 0x80000000u

/* AvId and the bit of MsvAvFlags that announces a MIC, [MS-NLMP] 2.2.2.1 */
enum {
	MSV_AV_EOL = 0,
	MSV_AV_NB_COMPUTER_NAME = 1,
	MSV_AV_NB_DOMAIN_NAME = 2,
	MSV_AV_DNS_COMPUTER_NAME = 3,
	MSV_AV_DNS_DOMAIN_NAME = 4,
	MSV_AV_DNS_TREE_NAME = 5,
	MSV_AV_FLAGS = 6,
	MSV_AV_TIMESTAMP = 7,
	MSV_AV_TARGET_NAME = 9,
	MSV_AV_CHANNEL_BINDINGS = 10,

	MSV_AV_FLAG_MIC = 0x2,
};

enum { NTLM_CHALLENGE_LEN = 8, NTLM_MIC_LEN = 16, NTLM_PROOF_LEN = 16 };

/* Names of the server as its CHALLENGE_MESSAGE gives them. UTF-8; "" leaves the pair out. */
struct ntlm_names {
	const char *nb_computer;
	const char *nb_domain;
	const char *dns_computer;
	const char *dns_domain;
};

struct ntlm_challenge_msg {
	uint32_t flags;
	uint8_t challenge[NTLM_CHALLENGE_LEN];
	struct ntlm_names names;
	/* FILETIME. A client that sees it must send a MIC, [MS-NLMP] 3.1.5.1.2 */
	uint64_t time;
};

struct ntlm_authenticate_msg {
	struct span lm;
	struct span nt;
	struct span domain;      /* UTF-16LE */
	struct span user;        /* UTF-16LE */
	struct span session_key; /* EncryptedRandomSessionKey */
	uint32_t flags;
	bool has_mic; /* long enough for one, see ntlm_mic_parts() */
	uint8_t mic[NTLM_MIC_LEN];
};

/* NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8 */
struct ntlm_response {
	struct span proof; /* NTProofStr */
	struct span blob;  /* NTLMv2_CLIENT_CHALLENGE: what it proves */
	uint32_t av_flags; /* MsvAvFlags; 0 without that pair */
};

/* Starts with the signature of NTLMSSP: a message that is not wrapped in SPNEGO. */
bool ntlmssp_is(struct span token);

/* NEGOTIATE_MESSAGE: only its flags concern us, the names in it are unproven. [MS-NLMP]
 * 2.2.1.1 */
MUST_CHECK int ntlm_negotiate_decode(struct span msg, uint32_t *ret_flags);

/* CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2. -EILSEQ if a name is not UTF-8. */
MUST_CHECK int ntlm_challenge_encode(const struct ntlm_challenge_msg *m, struct arena *a,
				     struct span *ret_msg);

/* AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3 */
MUST_CHECK int ntlm_authenticate_decode(struct span msg,
					struct ntlm_authenticate_msg *ret_msg);

/* The NTLMv2 response inside it: every AV pair up to MsvAvEOL must fit, which must be there;
 * what Windows may append behind it ([MS-NLMP] note 30) is proven with the rest and not looked
 * at. */
MUST_CHECK int ntlm_response_decode(struct span nt, struct ntlm_response *ret_response);

/* The AUTHENTICATE_MESSAGE with its MIC replaced by zeros, in three pieces: what the MIC
 * covers. Only if has_mic. */
void ntlm_mic_parts(struct span msg, struct span ret_parts[3]);
