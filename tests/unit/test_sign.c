/* test_sign.c - signatures: known answers, and everything that must not pass */
#include "test.h"
#include "vectors.h"

#include "secure/sign.h"
#include "wire/smb2_proto.h"

#include <errno.h>

#define COMPUTED "computed-gmac-hmac-signing.txt"

enum { MSG_MAX = 4096 };

static const enum sign_alg algs[] = {SIGN_HMAC_SHA256, SIGN_AES_CMAC, SIGN_AES_GMAC};

static const uint8_t some_key[SIGN_KEY_LEN] = {9, 8, 7, 6, 5, 4, 3, 2,
					       1, 0, 1, 2, 3, 4, 5, 6};

/* A request of len bytes (at least a header) with distinct content. */
static struct mspan request(uint8_t buf[MSG_MAX], size_t len, uint64_t message_id)
{
	static const uint8_t start[] = {0xFE, 'S', 'M', 'B', 64, 0};

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + 3);
	memcpy(buf, start, sizeof(start));
	buf[SMB2_OFF_FLAGS] = 0;
	buf[SMB2_OFF_COMMAND] = SMB2_WRITE;
	buf[SMB2_OFF_COMMAND + 1] = 0;
	for (size_t i = 0; i < 8; i++)
		buf[SMB2_OFF_MESSAGE_ID + i] = (uint8_t)(message_id >> 8 * i);
	return mspan_of(buf, len);
}

static int sign(const struct sign_key *k, struct mspan msg)
{
	struct sign_item it = {.key = k, .msg = msg};

	sign_batch(&it, 1);
	return it.err;
}

static struct sign_key *vector_key(enum sign_alg alg)
{
	return sign_key_new(alg, vec(COMPUTED, NULL, "SigningKey").p);
}

static void check_vector(enum sign_alg alg, const char *section, const char *message,
			 const char *name)
{
	CLEANUP(sign_key_freep) struct sign_key *k = vector_key(alg);
	struct span msg = vec(COMPUTED, section, message);
	struct span want = vec(COMPUTED, section, name);
	uint8_t copy[MSG_MAX];

	memcpy(copy, msg.p, msg.len);
	CHECK_EQ(sign(k, mspan_of(copy, msg.len)), 0);
	CHECK_SPAN(span_of(copy + SMB2_OFF_SIGNATURE, SIGNATURE_LEN), want);
	if (!(copy[SMB2_OFF_FLAGS] & SMB2_FLAGS_SERVER_TO_REDIR))
		CHECK_ST(sign_verify(k, span_of(copy, msg.len)), STATUS_SUCCESS);
}

TEST(sign_known_answers)
{
	static const char *const sections[] = {
		"WRITE request",
		"WRITE response",
		"CANCEL request (sync",
		"CANCEL request (ASYNC",
	};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		check_vector(SIGN_AES_GMAC, sections[i], "message_zero_sig", "gmac");
		check_vector(SIGN_AES_CMAC, sections[i], "message_zero_sig",
			     "cmac_of_same_message");
		check_vector(SIGN_HMAC_SHA256, sections[i], "message_zero_sig",
			     "hmac_sha256_of_same_message_key_as_SessionKey_first16");
	}
}

TEST(sign_padding_between_compounded_messages_is_signed)
{
	check_vector(SIGN_AES_GMAC, "padding rule", "message_zero_sig_with_pad", "gmac");
	check_vector(SIGN_AES_CMAC, "padding rule", "message_zero_sig_with_pad", "cmac");
}

TEST(sign_session_setup_of_two_published_traces)
{
	static const char *const files[] = {"smb311-gcm128.txt", "smb311-ccm128.txt"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct span key = vec(files[i], NULL, "SigningKey");
		struct span msg = vec(files[i], NULL,
				      "final_session_setup_response_signed_CMAC");
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(SIGN_AES_CMAC, key.p);
		uint8_t copy[MSG_MAX];

		memcpy(copy, msg.p, msg.len);
		memset(copy + SMB2_OFF_SIGNATURE, 0, SIGNATURE_LEN);
		CHECK_EQ(sign(k, mspan_of(copy, msg.len)), 0);
		CHECK_SPAN(span_of(copy, msg.len), msg);
	}
}

TEST(sign_verify_does_not_modify_the_message)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		uint8_t buf[MSG_MAX];
		uint8_t copy[MSG_MAX];
		struct mspan msg = request(buf, 300, 5);

		CHECK_EQ(sign_key_alg(k), algs[a]);
		CHECK_EQ(sign(k, msg), 0);
		memcpy(copy, buf, msg.len);
		CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_SUCCESS);
		CHECK_MEM(buf, copy, msg.len);
	}
}

TEST(sign_every_flipped_bit_is_noticed)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		uint8_t buf[MSG_MAX];
		struct mspan msg = request(buf, 133, 5);

		CHECK_EQ(sign(k, msg), 0);
		for (size_t bit = 0; bit < msg.len * 8; bit++) {
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_ACCESS_DENIED);
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_SUCCESS);
	}
}

/* On the heap, so that ASan sees a read past the end. */
TEST(sign_every_truncation_is_refused)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		uint8_t buf[MSG_MAX];
		struct mspan msg = request(buf, 133, 5);

		CHECK_EQ(sign(k, msg), 0);
		for (size_t len = 0; len < msg.len; len++) {
			uint8_t *cut = malloc(len + 1);

			memcpy(cut, buf, len);
			CHECK_ST(sign_verify(k, span_of(cut, len)), STATUS_ACCESS_DENIED);
			free(cut);
		}
	}
}

TEST(sign_another_key_or_algorithm_is_refused)
{
	static const uint8_t other_key[SIGN_KEY_LEN] = {1};

	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		CLEANUP(sign_key_freep)
		struct sign_key *wrong_key = sign_key_new(algs[a], other_key);
		CLEANUP(sign_key_freep)
		struct sign_key *wrong_alg = sign_key_new(algs[(a + 1) % 3], some_key);
		uint8_t buf[MSG_MAX];
		struct mspan msg = request(buf, 200, 5);

		CHECK_EQ(sign(k, msg), 0);
		CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_SUCCESS);
		CHECK_ST(sign_verify(wrong_key, span_of_m(msg)), STATUS_ACCESS_DENIED);
		CHECK_ST(sign_verify(wrong_alg, span_of_m(msg)), STATUS_ACCESS_DENIED);
	}
}

/* The key is the same in both directions. */
TEST(sign_our_own_response_is_no_request)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		uint8_t buf[MSG_MAX];
		struct mspan msg = request(buf, 200, 5);

		buf[SMB2_OFF_FLAGS] |= SMB2_FLAGS_SERVER_TO_REDIR;
		CHECK_EQ(sign(k, msg), 0);
		CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_ACCESS_DENIED);
	}
}

TEST(sign_gmac_never_signs_a_message_id_that_may_repeat)
{
	static const uint64_t ids[] = {0, UINT64_MAX};

	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		bool gmac = algs[a] == SIGN_AES_GMAC;

		for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
			uint8_t buf[MSG_MAX];
			struct mspan msg = request(buf, 80, ids[i]);

			CHECK_EQ(sign(k, msg), gmac ? -EPERM : 0);
			CHECK_ST(sign_verify(k, span_of_m(msg)),
				 gmac ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
		}
	}
}

TEST(sign_refused_message_is_left_unsigned)
{
	CLEANUP(sign_key_freep)
	struct sign_key *k = sign_key_new(SIGN_AES_GMAC, some_key);
	uint8_t buf[MSG_MAX];
	uint8_t copy[MSG_MAX];
	struct mspan msg = request(buf, 80, 0);

	memcpy(copy, buf, msg.len);
	CHECK_EQ(sign(k, msg), -EPERM);
	CHECK_MEM(buf, copy, msg.len);
}

/* A zero MAC would be easy to hit by an attacker who knows what a failed check leaves behind. */
TEST(sign_zero_signature_is_refused)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);
		uint8_t buf[MSG_MAX];
		struct mspan msg = request(buf, 100, 5);

		buf[SMB2_OFF_FLAGS] |= SMB2_FLAGS_SIGNED;
		memset(buf + SMB2_OFF_SIGNATURE, 0, SIGNATURE_LEN);
		CHECK_ST(sign_verify(k, span_of_m(msg)), STATUS_ACCESS_DENIED);
	}
}

TEST(sign_tail_is_signed_where_it_lies)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		CLEANUP(sign_key_freep)
		struct sign_key *k = sign_key_new(algs[a], some_key);

		for (size_t cut = SMB2_HEADER_LEN; cut <= 200; cut++) {
			uint8_t whole[MSG_MAX];
			uint8_t head[MSG_MAX];
			struct mspan msg = request(whole, 200, 5);
			struct sign_item it = {.key = k, .msg = mspan_of(head, cut)};

			memcpy(head, whole, cut);
			it.tail = span_from(span_of_m(msg), cut);
			sign_batch(&it, 1);
			CHECK_EQ(it.err, 0);
			CHECK_EQ(sign(k, msg), 0);
			CHECK_MEM(head, whole, SMB2_HEADER_LEN);
		}
	}
}

TEST(sign_batch_of_everything_at_once)
{
	enum { COUNT = 24 };
	static uint8_t bufs[COUNT][MSG_MAX];
	struct sign_item items[COUNT];
	struct sign_key *keys[ARRAY_LEN(algs)];

	for (size_t a = 0; a < ARRAY_LEN(algs); a++)
		keys[a] = sign_key_new(algs[a], some_key);
	for (size_t i = 0; i < COUNT; i++)
		items[i] = (struct sign_item){
			.key = keys[i % 3],
			.msg = request(bufs[i], 64 + i * 37, i == 5 ? 0 : i + 1)};
	sign_batch(items, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		CHECK_EQ(items[i].err, i == 5 ? -EPERM : 0);
		if (!items[i].err)
			CHECK_ST(sign_verify(items[i].key, span_of_m(items[i].msg)),
				 STATUS_SUCCESS);
	}
	for (size_t a = 0; a < ARRAY_LEN(algs); a++)
		sign_key_free(keys[a]);
}

/* More than are computed side by side, of several connections; each as if it had been alone. */
TEST(sign_batch_equals_one_by_one)
{
	enum { COUNT = 150, KEYS = 4 };
	static uint8_t bufs[COUNT][MSG_MAX], alone[MSG_MAX];
	struct sign_item items[COUNT];
	struct sign_key *keys[KEYS];

	for (size_t k = 0; k < KEYS; k++) {
		uint8_t key[SIGN_KEY_LEN] = {(uint8_t)k};

		keys[k] = sign_key_new(SIGN_AES_CMAC, key);
	}
	for (size_t i = 0; i < COUNT; i++) {
		struct mspan whole = request(bufs[i], 64 + i * 23 % 3000, i);
		size_t cut = SMB2_HEADER_LEN + i % 5 * (whole.len - SMB2_HEADER_LEN) / 4;

		items[i] = (struct sign_item){.key = keys[i % KEYS],
					      .msg = mspan_of(whole.p, cut),
					      .tail = span_from(span_of_m(whole), cut)};
	}
	sign_batch(items, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		struct mspan msg = request(alone, 64 + i * 23 % 3000, i);

		CHECK_EQ(items[i].err, 0);
		CHECK_EQ(sign(keys[i % KEYS], msg), 0);
		CHECK_MEM(bufs[i], alone, msg.len);
	}
	for (size_t k = 0; k < KEYS; k++)
		sign_key_free(keys[k]);
}

TEST(sign_a_message_shorter_than_its_header_is_not_signed)
{
	CLEANUP(sign_key_freep)
	struct sign_key *k = sign_key_new(SIGN_AES_CMAC, some_key);
	uint8_t buf[MSG_MAX];

	request(buf, 64, 5);
	for (size_t len = 0; len < SMB2_HEADER_LEN; len++)
		CHECK_EQ(sign(k, mspan_of(buf, len)), -EIO);
}

TEST_MAIN()
