/* test_negotiate_contexts.c - [MS-SMB2] 2.2.3.1, 3.3.5.4: each rule beside its refusal, each truncation. */
#include "cmd/negotiate_contexts.h"
#include "test.h"
#include "vectors.h"
#include "wire/smb2_proto.h"

enum {
	OFF = 104, /* of the list in the message: as clients have it with two dialects */
	MESSAGE_MAX = 1024,
};

struct context {
	uint16_t type;
	struct span data;
};

/* HashAlgorithmCount, SaltLength, algorithms, salt */
#define PREAUTH_DATA    BYTES(1, 0, 4, 0, 1, 0, 's', 'a', 'l', 't')
#define ENCRYPTION_DATA BYTES(3, 0, 2, 0, 1, 0, 0x77, 0x77)
#define SIGNING_DATA    BYTES(2, 0, 2, 0, 1, 0)
#define PREAUTH                                                                          \
	{                                                                                \
		SMB2_PREAUTH_INTEGRITY_CAPABILITIES, PREAUTH_DATA                        \
	}
#define ENCRYPTION                                                                       \
	{                                                                                \
		SMB2_ENCRYPTION_CAPABILITIES, ENCRYPTION_DATA                            \
	}
#define SIGNING                                                                          \
	{                                                                                \
		SMB2_SIGNING_CAPABILITIES, SIGNING_DATA                                  \
	}

/* The message: OFF bytes of something, then the list. */
static struct span build(uint8_t *buf, const struct context *list, size_t count)
{
	struct wr w = wr_of(mspan_of(buf, MESSAGE_MAX));

	wr_zero(&w, OFF);
	for (size_t i = 0; i < count; i++) {
		wr_align(&w, 8);
		wr_u16(&w, list[i].type);
		wr_u16(&w, (uint16_t)list[i].data.len);
		wr_u32(&w, 0x55555555); /* Reserved: ignored */
		wr_bytes(&w, list[i].data);
	}
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

static nt_status decode(const struct context *list, size_t count,
			struct negotiate_contexts *ret)
{
	uint8_t buf[MESSAGE_MAX];

	return negotiate_contexts_decode(build(buf, list, count), OFF, count, ret);
}

TEST(contexts_in_any_order)
{
	static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	const struct context all[] = {PREAUTH, ENCRYPTION, SIGNING};
	uint8_t buf[MESSAGE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct context list[3];
		struct negotiate_contexts n;

		for (size_t k = 0; k < 3; k++)
			list[k] = all[orders[i][k]];
		CHECK_ST(negotiate_contexts_decode(build(buf, list, 3), OFF, 3, &n),
			 STATUS_SUCCESS);
		CHECK(n.has_preauth && n.has_encryption && n.has_signing);
		CHECK_SPAN(n.ciphers, span_from(ENCRYPTION_DATA, 2));
		CHECK_SPAN(n.signings, span_from(SIGNING_DATA, 2));
		CHECK_EQ(negotiate_contexts_count(&n), 3);
	}
}

TEST(only_what_was_sent_is_answered)
{
	const struct context list[] = {PREAUTH, SIGNING};
	struct negotiate_contexts n;

	CHECK_ST(decode(list, 1, &n), STATUS_SUCCESS);
	CHECK(n.has_preauth && !n.has_encryption && !n.has_signing);
	CHECK_EQ(n.ciphers.len + n.signings.len, 0);
	CHECK_EQ(negotiate_contexts_count(&n), 1);
	CHECK_ST(decode(list, 2, &n), STATUS_SUCCESS);
	CHECK(!n.has_encryption && n.has_signing);
	CHECK_EQ(negotiate_contexts_count(&n), 2);
}

TEST(each_context_once_and_preauth_always)
{
	const struct {
		const char *what;
		struct context list[4];
		size_t count;
		uint32_t status;
	} cases[] = {
		{"none", {PREAUTH}, 0, 0xC000000D},
		{"no preauth", {ENCRYPTION, SIGNING}, 2, 0xC000000D},
		{"two preauth", {PREAUTH, PREAUTH}, 2, 0xC000000D},
		{"two encryption", {PREAUTH, ENCRYPTION, ENCRYPTION}, 3, 0xC000000D},
		{"two signing", {SIGNING, PREAUTH, SIGNING}, 3, 0xC000000D},
		{"two of others",
		 {PREAUTH,
		  {SMB2_NETNAME_NEGOTIATE_CONTEXT_ID, BYTES('a', 0)},
		  {SMB2_NETNAME_NEGOTIATE_CONTEXT_ID, BYTES('a', 0)}},
		 3,
		 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct negotiate_contexts n = {.has_preauth = true, .signings.len = 77};

		CHECK_EQ(decode(cases[i].list, cases[i].count, &n).v, cases[i].status);
		if (cases[i].status)
			CHECK_EQ(n.signings.len, 77); /* untouched */
	}
}

/* The data of one context, after a right PREAUTH or in its place. */
TEST(what_a_context_may_hold)
{
	const struct {
		uint16_t type;
		struct span data;
		uint32_t status;
	} cases[] = {
		/* PREAUTH_INTEGRITY: 2.2.3.1.1 */
		{1, BYTES(1, 0, 0, 0, 1, 0), 0},                /* no salt */
		{1, BYTES(2, 0, 0, 0, 9, 9, 1, 0), 0},          /* SHA-512 second */
		{1, BYTES(1, 0, 0, 0, 2, 0), 0xC05D0000},       /* no SHA-512 */
		{1, BYTES(1, 0, 2, 0, 2, 0, 1, 0), 0xC05D0000}, /* in the salt */
		{1, BYTES(0, 0, 0, 0), 0xC000000D},             /* no algorithm */
		{1, BYTES(0, 0, 0, 0, 1, 0), 0xC000000D},
		{1, BYTES(2, 0, 0, 0, 1, 0), 0xC000000D}, /* fewer than counted */
		{1, BYTES(0xff, 0xff, 0, 0, 1, 0), 0xC000000D},
		{1, BYTES(1, 0, 5, 0, 1, 0, 1, 2, 3, 4), 0xC000000D}, /* salt cut */
		{1, BYTES(1, 0, 0xff, 0xff, 1, 0), 0xC000000D},
		/* ENCRYPTION: 2.2.3.1.2 */
		{2, BYTES(1, 0, 1, 0), 0},
		{2, BYTES(1, 0, 0x99, 0x99), 0}, /* the answer is 0 */
		{2, BYTES(1, 0, 1, 0, 2, 0), 0}, /* more than counted */
		{2, BYTES(0, 0), 0xC000000D},
		{2, BYTES(0, 0, 1, 0), 0xC000000D},
		{2, BYTES(2, 0, 1, 0), 0xC000000D},
		{2, BYTES(0xff, 0xff, 1, 0), 0xC000000D},
		/* SIGNING: 2.2.3.1.7 */
		{8, BYTES(1, 0, 2, 0), 0},
		{8, BYTES(1, 0, 0x99, 0x99), 0}, /* the answer is AES-CMAC */
		{8, BYTES(0, 0), 0xC000000D},
		{8, BYTES(0, 0, 1, 0), 0xC000000D},
		{8, BYTES(2, 0, 1, 0, 1), 0xC000000D},
		/* not offered, not known: ignored whatever they hold */
		{3, BYTES(0, 0), 0},
		{4, BYTES(0), 0},
		{5, BYTES('x'), 0},
		{6, BYTES(1, 0, 0, 0), 0},
		{7, BYTES(0), 0},
		{0x100, BYTES(0x93, 0xAD), 0},
		{0xFFFF, {NULL, 0}, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct context list[] = {{cases[i].type, cases[i].data}, PREAUTH};
		struct negotiate_contexts n;

		CHECK_EQ(decode(list, cases[i].type == 1 ? 1 : 2, &n).v, cases[i].status);
	}
}

/* Cut the data of each context, with a DataLength that says so: short is short. */
TEST(every_shorter_context)
{
	const struct context all[] = {PREAUTH, ENCRYPTION, SIGNING};

	for (size_t k = 0; k < ARRAY_LEN(all); k++) {
		/* what is behind the last algorithm is of no concern */
		for (size_t len = 0; len < all[k].data.len; len++) {
			struct context list[] = {PREAUTH, ENCRYPTION, SIGNING};
			struct negotiate_contexts n;

			list[k].data = span_head(list[k].data, len);
			CHECK_ST(decode(list, 3, &n), STATUS_INVALID_PARAMETER);
		}
	}
}

TEST(what_windows_sends)
{
	struct span message = vec("smb311-preauth-signing-binding.txt", "CHANNEL1",
				  "negotiate_request");
	struct negotiate_contexts n;

	CHECK_ST(negotiate_contexts_decode(message, 0x70, 2, &n), STATUS_SUCCESS);
	CHECK_SPAN(n.ciphers, BYTES(2, 0, 1, 0));
	CHECK(!n.has_signing);
}

TEST(every_truncation_of_the_message)
{
	const struct context list[] = {PREAUTH, ENCRYPTION, SIGNING};
	struct negotiate_contexts n;
	uint8_t buf[MESSAGE_MAX];
	struct span whole = build(buf, list, 3);

	CHECK_ST(negotiate_contexts_decode(whole, OFF, 3, &n), STATUS_SUCCESS);
	for (size_t len = 0; len < whole.len; len++)
		CHECK_ST(negotiate_contexts_decode(span_head(whole, len), OFF, 3, &n),
			 STATUS_INVALID_PARAMETER);
	CHECK_ST(negotiate_contexts_decode(whole, OFF, 4, &n), STATUS_INVALID_PARAMETER);
	CHECK_ST(negotiate_contexts_decode(whole, OFF, UINT16_MAX, &n),
		 STATUS_INVALID_PARAMETER);
}

TEST(where_the_list_may_begin)
{
	const struct {
		size_t off;
		bool valid;
	} cases[] = {
		{OFF, true},
		{OFF - 8, false},
		{OFF + 1, false},
		{OFF + 4, false},
		{OFF + 8, false},
		{0, false},
		{8, false},
		{56, false},
		{1 << 20, false},
		{UINT32_MAX, false},
		{UINT32_MAX & ~7u, false},
	};
	const struct context list[] = {PREAUTH};
	struct negotiate_contexts n;
	uint8_t buf[MESSAGE_MAX];
	struct span whole = build(buf, list, 1);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_ST(negotiate_contexts_decode(whole, cases[i].off, 1, &n),
			 cases[i].valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
	/* offsets count from the header; inside it there is no list */
	memmove(buf + 32, buf + OFF, whole.len - OFF);
	CHECK_ST(negotiate_contexts_decode(whole, 32, 1, &n), STATUS_INVALID_PARAMETER);
}

static void fake_random(struct env *e, struct mspan buf)
{
	for (size_t i = 0; i < buf.len; i++)
		buf.p[i] = (uint8_t)(0xA0 + i);
}

static const struct env_ops env_ops = {.random = fake_random};

static struct span encode(uint8_t *buf, const struct negotiate_contexts *n,
			  const struct negotiate_choice *choice)
{
	struct env env = {.ops = &env_ops};
	struct wr w = wr_of(mspan_of(buf, NEGOTIATE_CONTEXTS_LEN_MAX));

	negotiate_contexts_encode(&w, n, choice, &env);
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

/* 2.2.4.1: one algorithm each, 32 bytes of fresh salt as Windows sends. */
TEST(the_answer_byte_by_byte)
{
	static const uint8_t want[] = {
		1,    0,    38,   0,    0,    0,    0,    0,    1,    0,    32,
		0,    1,    0,    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
		0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xB0, 0xB1, 0xB2,
		0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xBB, 0xBC, 0xBD,
		0xBE, 0xBF, 0,    0,    2,    0,    4,    0,    0,    0,    0,
		0,    1,    0,    2,    0,    0,    0,    0,    0,    8,    0,
		4,    0,    0,    0,    0,    0,    1,    0,    2,    0,
	};
	struct negotiate_contexts n = {true, true, true, {NULL, 0}, {NULL, 0}};
	struct negotiate_choice c = {SMB2_DIALECT_311, SEAL_AES_128_GCM, SIGN_AES_GMAC};
	uint8_t buf[NEGOTIATE_CONTEXTS_LEN_MAX];

	CHECK_SPAN(encode(buf, &n, &c), span_of(want, sizeof(want)));
	n.has_signing = false;
	CHECK_SPAN(encode(buf, &n, &c), span_of(want, 60));
	n.has_encryption = false;
	CHECK_SPAN(encode(buf, &n, &c), span_of(want, 46));
	n.has_encryption = true;
	c.cipher = SEAL_NONE; /* nothing in common */
	CHECK_EQ(encode(buf, &n, &c).p[58], 0);
}

/* Every choice there is goes to the wire as its own number, and reads back. */
TEST(the_answer_reads_as_a_request)
{
	for (unsigned cipher = SEAL_NONE; cipher <= SEAL_AES_256_GCM; cipher++) {
		for (unsigned alg = SIGN_HMAC_SHA256; alg <= SIGN_AES_GMAC; alg++) {
			struct negotiate_contexts n = {.has_preauth = true,
						       .has_encryption = true,
						       .has_signing = true};
			struct negotiate_choice c = {SMB2_DIALECT_311,
						     (enum seal_cipher)cipher,
						     (enum sign_alg)alg};
			uint8_t buf[OFF + NEGOTIATE_CONTEXTS_LEN_MAX] = {0};
			struct span answer = encode(buf + OFF, &n, &c);

			CHECK_ST(negotiate_contexts_decode(span_of(buf, OFF + answer.len),
							   OFF, 3, &n),
				 STATUS_SUCCESS);
			CHECK_SPAN(n.ciphers, BYTES((uint8_t)cipher, 0));
			CHECK_SPAN(n.signings, BYTES((uint8_t)alg, 0));
		}
	}
}

TEST_MAIN()
