/* test_kdf.c - the keys of a session */
#include "test.h"
#include "vectors.h"

#include "secure/kdf.h"
#include "wire/smb2_proto.h"

#define KDF30  "smb3-kdf.txt"
#define GCM    "smb311-gcm128.txt"
#define AES256 "computed-aes256.txt"

/* ki given as it comes out of the authentication; the file says what must come out. */
struct known {
	const char *file, *section;
	const char *ki;
	const char *preauth; /* NULL: 3.0 */
	enum kdf_purpose purpose;
	const char *name;
};

static const struct known answers[] = {
	{KDF30, "SMB 3.0 first", "session_key", NULL, KDF_SIGNING, "SigningKey"},
	{KDF30, "SMB 3.0 first", "session_key", NULL, KDF_SERVER_TO_CLIENT,
	 "ServerEncryptionKey_S2C"},
	{KDF30, "SMB 3.0 first", "session_key", NULL, KDF_CLIENT_TO_SERVER,
	 "ServerDecryptionKey_C2S"},
	{KDF30, "SMB 3.0 first", "session_key", NULL, KDF_APPLICATION, "ApplicationKey"},
	{KDF30, "SMB 3.0 second", "session_key", NULL, KDF_SIGNING, "Channel.SigningKey"},
	{KDF30, "SMB 3.0 session", "session_key", NULL, KDF_SIGNING, "SigningKey"},
	{KDF30, "SMB 3.0 session", "session_key", NULL, KDF_SERVER_TO_CLIENT,
	 "ServerEncryptionKey_S2C"},
	{KDF30, "SMB 3.0 session", "session_key", NULL, KDF_CLIENT_TO_SERVER,
	 "ServerDecryptionKey_C2S"},
	{KDF30, "SMB 3.0 session", "session_key", NULL, KDF_APPLICATION,
	 "ApplicationKey"},
	{GCM, NULL, "session_key", "preauth_hash_final", KDF_SIGNING, "SigningKey"},
	{GCM, NULL, "session_key", "preauth_hash_final", KDF_SERVER_TO_CLIENT, "S2C_key"},
	{GCM, NULL, "session_key", "preauth_hash_final", KDF_CLIENT_TO_SERVER, "C2S_key"},
	{GCM, NULL, "session_key", "preauth_hash_final", KDF_APPLICATION,
	 "ApplicationKey"},
	/* AES-256: the cipher keys come from the whole key, the others from its first half */
	{AES256, NULL, "session_key_first16", "preauth_hash", KDF_SIGNING, "SigningKey"},
	{AES256, NULL, "full_session_key", "preauth_hash", KDF_SERVER_TO_CLIENT,
	 "ServerEncryptionKey_S2C"},
	{AES256, NULL, "full_session_key", "preauth_hash", KDF_CLIENT_TO_SERVER,
	 "ServerDecryptionKey_C2S"},
	{AES256, NULL, "session_key_first16", "preauth_hash", KDF_APPLICATION,
	 "ApplicationKey"},
};

TEST(kdf_known_answers)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct known *a = &answers[i];
		struct span want = vec(a->file, a->section, a->name);
		struct span ki = vec(a->file, a->section, a->ki);
		const uint8_t *preauth = a->preauth ? vec(a->file, NULL, a->preauth).p
						    : NULL;
		uint16_t dialect = a->preauth ? SMB2_DIALECT_311 : SMB2_DIALECT_300;
		uint8_t key[32];

		CHECK_EQ(kdf_derive(a->purpose, dialect, ki, preauth,
				    mspan_of(key, want.len)),
			 0);
		CHECK_SPAN(span_of(key, want.len), want);
	}
}

TEST(kdf_ntlm_with_aes_256_stretches_a_short_key)
{
	struct span ki = vec(AES256, "NTLM case", "full_session_key");
	const uint8_t *preauth = vec(AES256, NULL, "preauth_hash").p;
	uint8_t key[32];

	CHECK_EQ(ki.len, 16);
	CHECK_EQ(kdf_derive(KDF_SERVER_TO_CLIENT, SMB2_DIALECT_311, ki, preauth,
			    mspan_of(key, 32)),
		 0);
	CHECK_SPAN(span_of(key, 32), vec(AES256, "NTLM case", "ServerEncryptionKey_S2C"));
	CHECK_EQ(kdf_derive(KDF_CLIENT_TO_SERVER, SMB2_DIALECT_311, ki, preauth,
			    mspan_of(key, 32)),
		 0);
	CHECK_SPAN(span_of(key, 32), vec(AES256, "NTLM case", "ServerDecryptionKey_C2S"));
}

/* The length is hashed: the short key is not the beginning of the long one. */
TEST(kdf_length_changes_the_key)
{
	struct span ki = vec(AES256, NULL, "full_session_key");
	const uint8_t *preauth = vec(AES256, NULL, "preauth_hash").p;
	uint8_t short_key[16];
	uint8_t long_key[32];

	CHECK_EQ(kdf_derive(KDF_SERVER_TO_CLIENT, SMB2_DIALECT_311, ki, preauth,
			    mspan_of(short_key, 16)),
		 0);
	CHECK_EQ(kdf_derive(KDF_SERVER_TO_CLIENT, SMB2_DIALECT_311, ki, preauth,
			    mspan_of(long_key, 32)),
		 0);
	CHECK(memcmp(short_key, long_key, 16) != 0);
}

TEST(kdf_3_0_2_is_3_0)
{
	struct span ki = vec(KDF30, "SMB 3.0 first", "session_key");
	uint8_t key[16];

	CHECK_EQ(kdf_derive(KDF_SIGNING, SMB2_DIALECT_302, ki, NULL, mspan_of(key, 16)),
		 0);
	CHECK_SPAN(span_of(key, 16), vec(KDF30, "SMB 3.0 first", "SigningKey"));
}

TEST(kdf_refuses_more_than_one_block)
{
	uint8_t key[33];

	memset(key, 0xAA, sizeof(key));
	CHECK(kdf_derive(KDF_SIGNING, SMB2_DIALECT_300, BYTES(1, 2), NULL,
			 mspan_of(key, 33)) != 0);
	for (size_t i = 0; i < sizeof(key); i++)
		CHECK_EQ(key[i], 0);
}

TEST_MAIN()
