/*
 * session_keys.h - from the key of an authentication to the keys of a session and its first channel, or of one more.
 *
 * Spec     [MS-SMB2] 3.3.5.5.3, 3.1.4.2
 */
#pragma once

#include "smb/conn.h"
#include "smb/sess.h"

/*
 * Make s->sign, s->open_key, s->seal and ch->sign.
 *
 * preauth  of this exchange; used on 3.1.1 only
 * key      the whole GSS key
 * server   of its env, and where it has one, its keylog
 *
 * STATUS_INSUFFICIENT_RESOURCES if any cannot be made: the logon fails. Intermediate keys are wiped.
 */
MUST_CHECK nt_status session_keys_make(struct sess *s, struct channel *ch,
				       const struct preauth *preauth, struct span key,
				       struct smb_server *server);

/* Make ch->sign, all that a binding makes: it signs in the algorithm of its connection, and encrypts with the session's
 * keys, so the keylog has nothing to learn. preauth, key: of the binding's own authentication. */
MUST_CHECK nt_status channel_key_make(struct channel *ch, const struct preauth *preauth,
				      struct span key);
