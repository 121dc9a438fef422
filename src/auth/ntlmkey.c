/* ntlmkey.c - see ntlmkey.h */
#include "auth/ntlmkey.h"

#include "base/ct.h"
#include "crypto/legacy.h"
#include "wire/utf16.h"

#include <assert.h>
#include <errno.h>

static_assert(sizeof(struct ntlm_key) == LEGACY_HASH_LEN, "one hash long");
static_assert(sizeof(struct ntlm_key) == RC4_KEY_LEN, "one RC4 key long");

void ntlm_key_wipe(struct ntlm_key *k)
{
	wipe(k, sizeof(*k));
}

static struct span key_span(const struct ntlm_key *k)
{
	return span_of(k->b, sizeof(k->b));
}

struct password_buf {
	uint8_t utf16[2 * NTLM_PASSWORD_MAX];
};

static void password_wipe(struct password_buf *b)
{
	wipe(b, sizeof(*b));
}

int ntlm_hash_password(const char *password, struct ntlm_key *ret_nt_hash)
{
	CLEANUP(password_wipe) struct password_buf buf;
	struct wr w = wr_of(mspan_of(buf.utf16, sizeof(buf.utf16)));
	int64_t len = utf16_len(password);

	if (len < 0)
		return -EILSEQ;
	if (len > (int64_t)sizeof(buf.utf16))
		return -E2BIG;
	wr_utf16(&w, password);
	return legacy_md4(wr_done(&w), ret_nt_hash->b);
}

int ntlm_response_key(const struct ntlm_key *nt_hash, struct span user_upper,
		      struct span domain, struct ntlm_key *ret_key)
{
	struct span parts[] = {user_upper, domain};

	return legacy_hmac_md5(key_span(nt_hash), parts, ARRAY_LEN(parts), ret_key->b);
}

int ntlm_prove(const struct ntlm_key *response_key,
	       const uint8_t challenge[NTLM_CHALLENGE_LEN], struct span blob,
	       uint8_t ret_proof[NTLM_PROOF_LEN])
{
	struct span parts[] = {span_of(challenge, NTLM_CHALLENGE_LEN), blob};

	return legacy_hmac_md5(key_span(response_key), parts, ARRAY_LEN(parts),
			       ret_proof);
}

int ntlm_base_key(const struct ntlm_key *response_key,
		  const uint8_t proof[NTLM_PROOF_LEN], struct ntlm_key *ret_key)
{
	struct span part = span_of(proof, NTLM_PROOF_LEN);

	return legacy_hmac_md5(key_span(response_key), &part, 1, ret_key->b);
}

int ntlm_exchange_key(const struct ntlm_key *base_key,
		      const uint8_t encrypted[sizeof(struct ntlm_key)],
		      struct ntlm_key *ret_key)
{
	CLEANUP(rc4_freep) struct rc4 *rc4 = rc4_new(base_key->b);

	if (!rc4)
		return -ENOMEM;
	return rc4_crypt(rc4, span_of(encrypted, sizeof(*ret_key)), ret_key->b);
}

int ntlm_mic(const struct ntlm_key *exported_key, const struct span *parts, size_t count,
	     uint8_t ret_mic[NTLM_MIC_LEN])
{
	return legacy_hmac_md5(key_span(exported_key), parts, count, ret_mic);
}

/* SIGNKEY and SEALKEY: MD5 of the key and a constant that includes its NUL. [MS-NLMP] 3.4.5.2,
 * 3.4.5.3 */
static int magic_key(const struct ntlm_key *exported_key, struct span magic,
		     struct ntlm_key *ret_key)
{
	struct {
		struct ntlm_key key;
		uint8_t magic[60];
	} in;
	int err;

	static_assert(sizeof(in) == 16 + 60, "no padding");
	in.key = *exported_key;
	memcpy(in.magic, magic.p, magic.len);
	err = legacy_md5(span_of(&in, sizeof(in.key) + magic.len), ret_key->b);
	wipe(&in, sizeof(in));
	return err;
}

#define MAGIC(direction, use)                                                            \
	{                                                                                \
		"session key to " direction " " use " key magic constant",               \
			sizeof("session key to " direction " " use                       \
			       " key magic constant")                                    \
	}

static const struct {
	char text[60];
	size_t len;
} sign_magic[] =
	{
		[NTLM_CLIENT] = MAGIC("client-to-server", "signing"),
		[NTLM_SERVER] = MAGIC("server-to-client", "signing"),
},
  seal_magic[] = {
	  [NTLM_CLIENT] = MAGIC("client-to-server", "sealing"),
	  [NTLM_SERVER] = MAGIC("server-to-client", "sealing"),
};

/* With key exchange the checksum is encrypted, too. [MS-NLMP] 3.4.4.2 */
static int checksum_seal(const struct ntlm_key *exported_key, enum ntlm_side signer,
			 uint8_t checksum[8])
{
	CLEANUP(ntlm_key_wipe) struct ntlm_key seal_key;
	CLEANUP(rc4_freep) struct rc4 *rc4 = NULL;
	int err;

	err = magic_key(exported_key,
			span_of(seal_magic[signer].text, seal_magic[signer].len),
			&seal_key);
	if (err)
		return err;
	rc4 = rc4_new(seal_key.b);
	if (!rc4)
		return -ENOMEM;
	return rc4_crypt(rc4, span_of(checksum, 8), checksum);
}

int ntlm_sign(uint32_t flags, const struct ntlm_key *exported_key, enum ntlm_side signer,
	      struct span msg, uint8_t ret_signature[NTLM_MIC_LEN])
{
	static const uint8_t seq_num[4] = {0};
	struct span parts[] = {span_of(seq_num, sizeof(seq_num)), msg};
	CLEANUP(ntlm_key_wipe) struct ntlm_key sign_key;
	uint8_t mac[LEGACY_HASH_LEN];
	struct wr w = wr_of(mspan_of(ret_signature, NTLM_MIC_LEN));
	int err;

	err = magic_key(exported_key,
			span_of(sign_magic[signer].text, sign_magic[signer].len),
			&sign_key);
	if (!err)
		err = legacy_hmac_md5(key_span(&sign_key), parts, ARRAY_LEN(parts), mac);
	if (!err && (flags & NTLMSSP_NEGOTIATE_KEY_EXCH))
		err = checksum_seal(exported_key, signer, mac);
	if (err)
		return err;
	wr_u32(&w, 1); /* Version */
	wr_bytes(&w, span_of(mac, 8));
	wr_bytes(&w, span_of(seq_num, sizeof(seq_num)));
	return 0;
}
