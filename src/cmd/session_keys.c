#include "cmd/session_keys.h"

#include "base/ct.h"
#include "base/log.h"
#include "base/secret.h"
#include "secure/kdf.h"
#include "smb/keylog.h"
#include "wire/smb2_proto.h"

enum { SESSION_KEY_LEN = 16, CIPHER_KEY_MAX = 32, FULL_KEY_MAX = 64 };

struct key_material {
	uint8_t session
		[SESSION_KEY_LEN]; /* Session.SessionKey: the first 16 bytes, zero-padded */
	struct span full;          /* Session.FullSessionKey */
	uint8_t signing[SIGN_KEY_LEN];
	uint8_t server_to_client[CIPHER_KEY_MAX], client_to_server[CIPHER_KEY_MAX];
};

static void key_material_wipe(struct key_material *m)
{
	wipe(m, sizeof(*m));
}

static struct span session_key(const struct key_material *m)
{
	return span_of(m->session, sizeof(m->session));
}

static bool key_material_fill(struct key_material *m, struct span key)
{
	if (key.len == 0 || key.len > FULL_KEY_MAX)
		return false;
	m->full = key;
	memcpy(m->session, key.p,
	       key.len < sizeof(m->session) ? key.len : sizeof(m->session));
	return true;
}

/* NULL if it cannot be made. */
static struct sign_key *make_signing(uint16_t dialect, enum sign_alg alg,
				     const struct preauth *preauth,
				     struct key_material *m)
{
	const uint8_t *key = m->session;

	if (dialect >= SMB2_DIALECT_300) {
		if (kdf_derive(KDF_SIGNING, dialect, session_key(m), preauth->value,
			       mspan_of(m->signing, SIGN_KEY_LEN)) != 0)
			return NULL;
		key = m->signing;
	}
	return sign_key_new(alg, key);
}

/* AES-256 derives from the whole key of the authentication, the rest from SessionKey. */
static bool make_sealing(struct sess *s, const struct preauth *preauth,
			 struct key_material *m, struct env *env)
{
	size_t len = seal_key_len(s->cipher);
	struct span ki = len == CIPHER_KEY_MAX ? m->full : session_key(m);
	struct mspan s2c = mspan_of(m->server_to_client, len);
	struct mspan c2s = mspan_of(m->client_to_server, len);
	uint8_t tail[4];

	if (s->cipher == SEAL_NONE)
		return true;
	env_random(env, mspan_of(tail, sizeof(tail)));
	if (kdf_derive(KDF_SERVER_TO_CLIENT, s->dialect, ki, preauth->value, s2c) != 0)
		return false;
	s->seal = seal_tx_new(s->cipher, span_of_m(s2c), tail);
	if (kdf_derive(KDF_CLIENT_TO_SERVER, s->dialect, ki, preauth->value, c2s) != 0)
		return false;
	s->open_key = seal_key_new(s->cipher, span_of_m(c2s));
	return s->seal && s->open_key;
}

static void keys_log(struct keylog *k, const struct sess *s, const struct key_material *m)
{
	size_t len = seal_key_len(s->cipher);
	struct keylog_entry e = {
		.session_id = s->id,
		.session_key = m->full,
		.server_to_client = span_of(m->server_to_client, len),
		.client_to_server = span_of(m->client_to_server, len),
	};

	if (k)
		k->session(k, &e);
}

/* Once; the limit can only be raised for the next start. */
static void warn_if_unlocked(struct smb_server *s)
{
	if (!secret_is_locked() && !atomic_exchange(&s->unlocked_told, true))
		log_warn("RLIMIT_MEMLOCK is too low for the keys of this many sessions: "
			 "some are not locked into memory and may reach swap");
}

nt_status session_keys_make(struct sess *s, struct channel *ch,
			    const struct preauth *preauth, struct span key,
			    struct smb_server *server)
{
	CLEANUP(key_material_wipe) struct key_material m = {0};

	if (!key_material_fill(&m, key))
		return STATUS_INSUFFICIENT_RESOURCES;
	s->sign = make_signing(s->dialect, s->sign_alg, preauth, &m);
	ch->sign = make_signing(s->dialect, s->sign_alg, preauth, &m);
	if (!s->sign || !ch->sign || !make_sealing(s, preauth, &m, server->env))
		return STATUS_INSUFFICIENT_RESOURCES;
	keys_log(server->keylog, s, &m);
	warn_if_unlocked(server);
	return STATUS_SUCCESS;
}

nt_status channel_key_make(struct channel *ch, const struct preauth *preauth,
			   struct span key)
{
	CLEANUP(key_material_wipe) struct key_material m = {0};

	if (key_material_fill(&m, key))
		ch->sign = make_signing(ch->conn->dialect, ch->conn->sign_alg, preauth,
					&m);
	if (!ch->sign)
		return STATUS_INSUFFICIENT_RESOURCES;
	warn_if_unlocked(ch->conn->server);
	return STATUS_SUCCESS;
}
