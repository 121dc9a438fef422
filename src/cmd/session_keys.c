#include "cmd/session_keys.h"

#include "base/ct.h"
#include "secure/kdf.h"
#include "wire/smb2_proto.h"

enum { SESSION_KEY_LEN = 16, CIPHER_KEY_MAX = 32, FULL_KEY_MAX = 64 };

struct key_material {
	uint8_t session
		[SESSION_KEY_LEN]; /* Session.SessionKey: the first 16 bytes, zero-padded */
	struct span full;          /* Session.FullSessionKey */
	uint8_t derived[CIPHER_KEY_MAX];
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
			       mspan_of(m->derived, SIGN_KEY_LEN)) != 0)
			return NULL;
		key = m->derived;
	}
	return sign_key_new(alg, key);
}

/* AES-256 derives from the whole key of the authentication, the rest from SessionKey. */
static bool make_sealing(struct sess *s, const struct preauth *preauth,
			 struct key_material *m, struct env *env)
{
	size_t len = seal_key_len(s->cipher);
	struct span ki = len == CIPHER_KEY_MAX ? m->full : session_key(m);
	struct mspan out = mspan_of(m->derived, len);
	uint8_t tail[4];

	if (s->cipher == SEAL_NONE)
		return true;
	env_random(env, mspan_of(tail, sizeof(tail)));
	if (kdf_derive(KDF_SERVER_TO_CLIENT, s->dialect, ki, preauth->value, out) != 0)
		return false;
	s->seal = seal_tx_new(s->cipher, span_of_m(out), tail);
	if (kdf_derive(KDF_CLIENT_TO_SERVER, s->dialect, ki, preauth->value, out) != 0)
		return false;
	s->open_key = seal_key_new(s->cipher, span_of_m(out));
	return s->seal && s->open_key;
}

nt_status session_keys_make(struct sess *s, struct channel *ch,
			    const struct preauth *preauth, struct span key,
			    struct env *env)
{
	CLEANUP(key_material_wipe) struct key_material m = {0};

	if (!key_material_fill(&m, key))
		return STATUS_INSUFFICIENT_RESOURCES;
	s->sign = make_signing(s->dialect, s->sign_alg, preauth, &m);
	ch->sign = make_signing(s->dialect, s->sign_alg, preauth, &m);
	if (!s->sign || !ch->sign || !make_sealing(s, preauth, &m, env))
		return STATUS_INSUFFICIENT_RESOURCES;
	return STATUS_SUCCESS;
}

nt_status channel_key_make(struct channel *ch, const struct preauth *preauth,
			   struct span key)
{
	CLEANUP(key_material_wipe) struct key_material m = {0};

	if (key_material_fill(&m, key))
		ch->sign = make_signing(ch->conn->dialect, ch->conn->sign_alg, preauth,
					&m);
	return ch->sign ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
