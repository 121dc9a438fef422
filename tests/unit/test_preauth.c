/* test_preauth.c - two complete 3.1.1 handshakes: hashes, keys and signatures, the second one a binding */
#include "test.h"
#include "vectors.h"

#include "secure/kdf.h"
#include "secure/preauth.h"
#include "secure/sign.h"
#include "wire/smb2_proto.h"

#define HANDSHAKES "smb311-preauth-signing-binding.txt"

static const char *const hashed[] = {
	"negotiate_request",        "negotiate_response",      "session_setup_request_1",
	"session_setup_response_1", "session_setup_request_2",
};

static struct span msg_of(const char *channel, const char *name)
{
	return vec(HANDSHAKES, channel, name);
}

static struct preauth hash_of(const char *channel)
{
	struct preauth h = {0};

	for (size_t i = 0; i < ARRAY_LEN(hashed); i++)
		CHECK_EQ(preauth_update(&h, msg_of(channel, hashed[i])), 0);
	return h;
}

static struct sign_key *signing_key(const char *channel)
{
	struct preauth h = hash_of(channel);
	uint8_t key[SIGN_KEY_LEN];

	CHECK_EQ(kdf_derive(KDF_SIGNING, SMB2_DIALECT_311, msg_of(channel, "session_key"),
			    h.value, mspan_of(key, sizeof(key))),
		 0);
	return sign_key_new(SIGN_AES_CMAC, key);
}

/* We sign what the server once signed and must get the signature it got. */
static void check_signed_by(const struct sign_key *k, struct span msg)
{
	uint8_t copy[1024];
	struct sign_item it = {.key = k, .msg = mspan_of(copy, msg.len)};

	CHECK(msg.len <= sizeof(copy));
	memcpy(copy, msg.p, msg.len);
	memset(copy + SMB2_OFF_SIGNATURE, 0xEE, SIGNATURE_LEN);
	sign_batch(&it, 1);
	CHECK_EQ(it.err, 0);
	CHECK_SPAN(span_of(copy, msg.len), msg);
}

TEST(preauth_every_step_of_both_channels)
{
	static const char *const channels[] = {"CHANNEL1", "CHANNEL2"};

	for (size_t c = 0; c < ARRAY_LEN(channels); c++) {
		struct preauth h = {0};

		CHECK_MEM(h.value, msg_of(channels[c], "preauth_start").p, PREAUTH_LEN);
		for (size_t i = 0; i < ARRAY_LEN(hashed); i++) {
			struct span want = vec_nth(HANDSHAKES, channels[c],
						   "preauth_after", i);

			CHECK_EQ(preauth_update(&h, msg_of(channels[c], hashed[i])), 0);
			CHECK_SPAN(span_of(h.value, PREAUTH_LEN), want);
		}
	}
}

TEST(preauth_gives_the_keys_of_the_first_channel)
{
	static const struct {
		enum kdf_purpose purpose;
		const char *name;
	} keys[] = {
		{KDF_SIGNING, "SigningKey"},
		{KDF_SERVER_TO_CLIENT, "ServerEncryptionKey_S2C"},
		{KDF_CLIENT_TO_SERVER, "ServerDecryptionKey_C2S"},
		{KDF_APPLICATION, "ApplicationKey"},
	};
	struct preauth h = hash_of("CHANNEL1");

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		uint8_t key[16];

		CHECK_EQ(kdf_derive(keys[i].purpose, SMB2_DIALECT_311,
				    msg_of("CHANNEL1", "session_key"), h.value,
				    mspan_of(key, sizeof(key))),
			 0);
		CHECK_SPAN(span_of(key, sizeof(key)), msg_of("CHANNEL1", keys[i].name));
	}
}

TEST(preauth_gives_the_signing_key_of_the_second_channel)
{
	struct preauth h = hash_of("CHANNEL2");
	uint8_t key[SIGN_KEY_LEN];

	CHECK_EQ(kdf_derive(KDF_SIGNING, SMB2_DIALECT_311,
			    msg_of("CHANNEL2", "session_key"), h.value,
			    mspan_of(key, sizeof(key))),
		 0);
	CHECK_SPAN(span_of(key, sizeof(key)), msg_of("CHANNEL2", "Channel.SigningKey"));
}

TEST(preauth_handshake_ends_signed)
{
	CLEANUP(sign_key_freep) struct sign_key *k = signing_key("CHANNEL1");

	check_signed_by(k, msg_of("CHANNEL1", "session_setup_response_2_final"));
}

/* Requests and the first response of a binding carry the session's key, the last response the channel's. */
TEST(preauth_binding_signatures)
{
	CLEANUP(sign_key_freep) struct sign_key *session = signing_key("CHANNEL1");
	CLEANUP(sign_key_freep) struct sign_key *channel = signing_key("CHANNEL2");

	CHECK_ST(sign_verify(session, msg_of("CHANNEL2", "session_setup_request_1")),
		 STATUS_SUCCESS);
	CHECK_ST(sign_verify(session, msg_of("CHANNEL2", "session_setup_request_2")),
		 STATUS_SUCCESS);
	check_signed_by(session, msg_of("CHANNEL2", "session_setup_response_1"));
	check_signed_by(channel, msg_of("CHANNEL2", "session_setup_response_2_final"));

	CHECK_ST(sign_verify(channel, msg_of("CHANNEL2", "session_setup_request_1")),
		 STATUS_ACCESS_DENIED);
}

/* One bit anywhere in the handshake and the two sides have different keys. */
TEST(preauth_any_changed_bit_changes_the_hash)
{
	struct span request = msg_of("CHANNEL1", "negotiate_request");
	struct preauth honest = {0};
	uint8_t copy[512];

	CHECK(request.len <= sizeof(copy));
	CHECK_EQ(preauth_update(&honest, request), 0);
	memcpy(copy, request.p, request.len);
	for (size_t bit = 0; bit < request.len * 8; bit++) {
		struct preauth h = {0};

		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(preauth_update(&h, span_of(copy, request.len)), 0);
		CHECK(memcmp(h.value, honest.value, PREAUTH_LEN) != 0);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

TEST(preauth_empty_message_still_counts)
{
	struct preauth h = {0};
	const struct preauth start = {0};

	CHECK_EQ(preauth_update(&h, span_of(NULL, 0)), 0);
	CHECK(memcmp(h.value, start.value, PREAUTH_LEN) != 0);
}

TEST_MAIN()
