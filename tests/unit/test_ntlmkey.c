/* test_ntlmkey.c - every value of a real Windows exchange, and the signature of [MS-NLMP]
 * 4.2.4.4. */
#include "auth/ntlmkey.h"
#include "vectors.h"
#include "wire/utf16.h"

#include <errno.h>

static const char file[] = "ntlmv2-session-key.txt";
static const char spec[] = "ms-nlmp-4.2.4.txt";

static struct ntlm_key load_key(const char *name)
{
	struct span v = vec(file, NULL, name);
	struct ntlm_key k;

	CHECK_EQ(v.len, sizeof(k));
	memcpy(&k, v.p, sizeof(k));
	return k;
}

TEST(password_hash)
{
	struct ntlm_key want = load_key("nt_hash_MD4_UTF16LE_password"), got;

	CHECK_EQ(ntlm_hash_password("Password01!", &got), 0);
	CHECK_MEM(&got, &want, sizeof(want));
}

TEST(password_limits)
{
	struct ntlm_key got;
	char text[2 * NTLM_PASSWORD_MAX + 3];

	memset(text, 'x', sizeof(text));
	text[NTLM_PASSWORD_MAX] = '\0';
	CHECK_EQ(ntlm_hash_password(text, &got), 0);
	text[NTLM_PASSWORD_MAX] = 'x';
	text[NTLM_PASSWORD_MAX + 1] = '\0';
	CHECK_EQ(ntlm_hash_password(text, &got), -E2BIG);
	CHECK_EQ(ntlm_hash_password("\xff", &got), -EILSEQ);
}

TEST(response_key_proof_and_session_key)
{
	struct ntlm_key nt_hash = load_key("nt_hash_MD4_UTF16LE_password");
	struct ntlm_key want_response = load_key("ntowfv2");
	struct ntlm_key want_proof = load_key("nt_proof_str");
	struct ntlm_key want_base = load_key("session_base_key_eq_key_exchange_key");
	struct span challenge = vec(file, NULL, "server_challenge");
	struct span blob = vec(file, NULL, "temp_client_blob");
	uint8_t user[64], domain[64], proof[NTLM_PROOF_LEN];
	struct wr user_w = wr_of(mspan_of(user, sizeof(user)));
	struct wr domain_w = wr_of(mspan_of(domain, sizeof(domain)));
	struct ntlm_key response, base;

	wr_utf16(&user_w, "ADMINISTRATOR");
	wr_utf16(&domain_w, "SUT311");
	CHECK_EQ(ntlm_response_key(&nt_hash, wr_done(&user_w), wr_done(&domain_w),
				   &response),
		 0);
	CHECK_MEM(&response, &want_response, 16);
	CHECK_EQ(ntlm_prove(&response, challenge.p, blob, proof), 0);
	CHECK_MEM(proof, &want_proof, 16);
	CHECK_EQ(ntlm_base_key(&response, proof, &base), 0);
	CHECK_MEM(&base, &want_base, 16);
}

TEST(key_exchange_goes_both_ways)
{
	struct ntlm_key base = load_key("session_base_key_eq_key_exchange_key");
	struct ntlm_key encrypted = load_key("encrypted_random_session_key");
	struct ntlm_key want = load_key("exported_session_key"), got, back;

	CHECK_EQ(ntlm_exchange_key(&base, encrypted.b, &got), 0);
	CHECK_MEM(&got, &want, 16);
	CHECK_EQ(ntlm_exchange_key(&base, got.b, &back), 0);
	CHECK_MEM(&back, &encrypted, 16);
}

TEST(mic_over_three_messages)
{
	struct ntlm_key key = load_key("exported_session_key"), want = load_key("mic");
	struct span n = vec(file, NULL, "negotiate_message");
	struct span c = vec(file, NULL, "challenge_message");
	struct span a = vec(file, NULL, "authenticate_message");
	struct span parts[5] = {n, c};
	uint8_t got[NTLM_MIC_LEN];

	ntlm_mic_parts(a, parts + 2);
	CHECK_EQ(ntlm_mic(&key, parts, 5, got), 0);
	CHECK_MEM(got, &want, 16);
}

/* Without key exchange the checksum stands there plainly. [MS-NLMP] 4.2.4.4 */
TEST(signature_of_the_specification)
{
	struct span key_v = vec(spec, NULL, "random_session_key");
	struct span msg = vec(spec, NULL, "message");
	struct span want = vec(spec, NULL, "checksum");
	struct ntlm_key key;
	uint8_t got[NTLM_MIC_LEN];

	memcpy(&key, key_v.p, sizeof(key));
	CHECK_EQ(ntlm_sign(NTLMSSP_NEGOTIATE_SIGN, &key, NTLM_CLIENT, msg, got), 0);
	CHECK_SPAN(span_of(got, 4), BYTES(1, 0, 0, 0));
	CHECK_SPAN(span_of(got + 4, 8), want);
	CHECK_SPAN(span_of(got + 12, 4), BYTES(0, 0, 0, 0));
}

/* With key exchange it is encrypted with the start of the key stream, which the example's
 * sealed message shows: the specification signs after sealing and so prints a checksum
 * encrypted with a later part. */
TEST(signature_with_key_exchange)
{
	struct span key_v = vec(spec, NULL, "random_session_key");
	struct span msg = vec(spec, NULL, "message");
	struct span sealed = vec(spec, NULL, "sealed_message");
	struct span checksum = vec(spec, NULL, "checksum");
	struct ntlm_key key;
	uint8_t want[8], got[NTLM_MIC_LEN];

	memcpy(&key, key_v.p, sizeof(key));
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)(checksum.p[i] ^ msg.p[i] ^ sealed.p[i]);
	CHECK_EQ(ntlm_sign(NTLMSSP_NEGOTIATE_SIGN | NTLMSSP_NEGOTIATE_KEY_EXCH, &key,
			   NTLM_CLIENT, msg, got),
		 0);
	CHECK_MEM(got + 4, want, sizeof(want));
}

TEST(signatures_of_the_two_sides_differ)
{
	static const struct ntlm_key key;
	uint8_t client[NTLM_MIC_LEN], server[NTLM_MIC_LEN];
	struct span msg = span_of_str("list");

	CHECK_EQ(ntlm_sign(NTLMSSP_NEGOTIATE_SIGN, &key, NTLM_CLIENT, msg, client), 0);
	CHECK_EQ(ntlm_sign(NTLMSSP_NEGOTIATE_SIGN, &key, NTLM_SERVER, msg, server), 0);
	CHECK(memcmp(client, server, sizeof(client)) != 0);
}

TEST_MAIN()
