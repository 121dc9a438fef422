/*
 * logon.h - a client's NTLMv2 logon, inside SPNEGO or bare.
 *
 * The primitives are src/auth/ntlmkey.h's, which have known answers of their own; the messages and their order are made
 * here, from the specification.
 *
 * Owns     a struct logon owns its messages and key.
 * Threads  one user at a time.
 * Errors   -EBADMSG: the server's token is not what it must be; logon_free() and give up.
 * Spec     [MS-NLMP] 3.1.5.1, [MS-SPNG], RFC 4178
 */
#pragma once

#include "base/env.h"

enum { LOGON_TOKEN_MAX = 4096, LOGON_KEY_LEN = 16 };

struct logon_settings {
	const char *user, *domain, *password; /* user "": anonymous */
	bool bare;                            /* NTLMSSP without SPNEGO */
};

struct logon_token {
	uint8_t bytes[LOGON_TOKEN_MAX];
	size_t len;
};

struct logon;

/* Aborts without memory. The settings must outlive it. */
struct logon *logon_new(const struct logon_settings *s, struct env *env);
void logon_free(struct logon *l); /* wipes; NULL is fine */

/* Our first token. */
void logon_first(struct logon *l, struct logon_token *ret_token);
/* The server's answer to the one before, STATUS_MORE_PROCESSING_REQUIRED: our next. */
MUST_CHECK int logon_next(struct logon *l, struct span in, struct logon_token *ret_token);
/* The server's last word, with STATUS_SUCCESS; verifies its mechListMIC. Guests and the anonymous get none. */
MUST_CHECK int logon_last(struct logon *l, struct span in, bool guest);

/* The exported session key, LOGON_KEY_LEN bytes. */
const uint8_t *logon_key(const struct logon *l);
