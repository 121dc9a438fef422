/*
 * signed_once.h - which requests were signed with the key of a session, so that none of them is answered twice.
 *
 * Session.SigningKey signs on the session's first connection, and refusals on connections where the session is not known,
 * each connection counting its MessageIds from zero. With AES-GMAC the MessageId is the nonce, and two answers under one
 * nonce give the key of the hash away. Whoever sends a request again that he saw, on a connection of his own, must not get
 * a second signed answer to it.
 *
 * Owns     nothing; a value in struct sess.
 * Threads  its session's lock.
 * Spec     [MS-SMB2] 3.1.4.1
 */
#pragma once

#include "secure/sign.h"

enum {
	SIGNED_ONCE_HOME =
		64, /* MessageIds of the first connection that are remembered */
	SIGNED_ONCE_AWAY = 64, /* requests on other connections that are answered */
};

struct signed_once {
	uint8_t home[SIGNED_ONCE_HOME][SIGNATURE_LEN]; /* zero: not seen */
	uint8_t away[SIGNED_ONCE_AWAY][SIGNATURE_LEN];
	size_t away_count;
};

/* A request with a right signature, on the first connection, which sees to it that no MessageId comes twice. False: it was
 * answered elsewhere. */
MUST_CHECK bool signed_once_home(struct signed_once *s, uint64_t message_id,
				 const uint8_t signature[SIGNATURE_LEN]);
/* The same where the session is not known. False: a copy, or it could be one of what is not remembered. */
MUST_CHECK bool signed_once_away(struct signed_once *s, uint64_t message_id,
				 const uint8_t signature[SIGNATURE_LEN]);
