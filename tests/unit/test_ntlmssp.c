/* test_ntlmssp.c - NTLMSSP messages: real ones, cut ones, and ones that lie about their
 * lengths. */
#include "auth/ntlmssp.h"
#include "vectors.h"
#include "wire/rd.h"
#include "wire/wr.h"

#include <errno.h>

/* A copy of a vector, to be altered. */
struct vector {
	uint8_t bytes[512];
	size_t len;
};

static struct vector vector_load(const char *file, const char *name)
{
	struct span s = vec(file, NULL, name);
	struct vector v = {.len = s.len};

	assert_true(s.len < sizeof(v.bytes));
	memcpy(v.bytes, s.p, s.len);
	return v;
}

static struct span vector_span(const struct vector *v)
{
	return span_of(v->bytes, v->len);
}

static const char windows[] = "ntlmv2-session-key.txt";
static const char spec[] = "ms-nlmp-4.2.4.txt";

enum { AUTH_NT = 20, AUTH_SESSION_KEY = 52 };

static void put_u16(struct vector *v, size_t off, uint16_t value)
{
	v->bytes[off] = (uint8_t)value;
	v->bytes[off + 1] = (uint8_t)(value >> 8);
}

static void put_u32(struct vector *v, size_t off, uint32_t value)
{
	put_u16(v, off, (uint16_t)value);
	put_u16(v, off + 2, (uint16_t)(value >> 16));
}

TEST(negotiate_flags)
{
	struct vector v = vector_load(windows, "negotiate_message");
	uint32_t flags;

	CHECK_EQ(ntlm_negotiate_decode(vector_span(&v), &flags), 0);
	CHECK_EQ(flags, 0xE2088297u);
	/* old clients leave the names out */
	CHECK_EQ(ntlm_negotiate_decode(span_head(vector_span(&v), 16), &flags), 0);
	for (size_t len = 0; len < 16; len++)
		CHECK_EQ(ntlm_negotiate_decode(span_head(vector_span(&v), len), &flags),
			 -EBADMSG);
}

TEST(message_of_another_type)
{
	struct vector n = vector_load(windows, "negotiate_message");
	struct vector c = vector_load(windows, "challenge_message");
	struct ntlm_authenticate_msg m;
	uint32_t flags;

	CHECK(ntlmssp_is(vector_span(&n)));
	CHECK_EQ(ntlm_negotiate_decode(vector_span(&c), &flags), -EBADMSG);
	CHECK_EQ(ntlm_authenticate_decode(vector_span(&c), &m), -EBADMSG);
	n.bytes[7] = ' ';
	CHECK(!ntlmssp_is(vector_span(&n)));
	CHECK_EQ(ntlm_negotiate_decode(vector_span(&n), &flags), -EBADMSG);
	CHECK(!ntlmssp_is(BYTES('N', 'T', 'L', 'M')));
}

/* Byte for byte what Windows said, but for the version in bytes 48 to 55. */
TEST(challenge_as_windows_writes_it)
{
	struct vector want = vector_load(windows, "challenge_message");
	struct vector challenge = vector_load(windows, "server_challenge");
	struct ntlm_challenge_msg m = {
		.flags = 0xE28A8215,
		.names = {"SUT311", "SUT311", "SUT311", "SUT311"},
		.time = 0x01d0aecbadf5a1a1,
	};
	struct arena a;
	struct span got;

	arena_init(&a, 4096);
	memcpy(m.challenge, challenge.bytes, sizeof(m.challenge));
	CHECK_EQ(ntlm_challenge_encode(&m, &a, &got), 0);
	CHECK_EQ(got.len, want.len);
	CHECK_SPAN(span_head(got, 48), span_of(want.bytes, 48));
	CHECK_SPAN(span_from(got, 56), span_from(vector_span(&want), 56));
	arena_fini(&a);
}

TEST(challenge_with_long_names)
{
	char name[256];
	struct ntlm_challenge_msg m = {.names = {name, name, name, name}};
	struct arena a;
	struct span got;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	arena_init(&a, 8192);
	CHECK_EQ(ntlm_challenge_encode(&m, &a, &got), 0);
	CHECK_EQ(got.len, 56 + 5 * 510 + 4 * 4 + 12 + 4);
	m.names.nb_domain = "\xff";
	CHECK_EQ(ntlm_challenge_encode(&m, &a, &got), -EILSEQ);
	arena_fini(&a);
}

TEST(authenticate_fields)
{
	struct vector v = vector_load(windows, "authenticate_message");
	struct vector blob = vector_load(windows, "temp_client_blob");
	struct vector proof = vector_load(windows, "nt_proof_str");
	struct vector key = vector_load(windows, "encrypted_random_session_key");
	struct vector mic = vector_load(windows, "mic");
	struct ntlm_authenticate_msg m;
	struct ntlm_response r;

	CHECK_EQ(ntlm_authenticate_decode(vector_span(&v), &m), 0);
	CHECK_EQ(m.flags, 0xE2888215u);
	CHECK_SPAN(m.session_key, vector_span(&key));
	CHECK_EQ(m.user.len, 26);
	CHECK_EQ(m.domain.len, 12);
	CHECK(m.has_mic);
	CHECK_MEM(m.mic, mic.bytes, sizeof(m.mic));
	CHECK_EQ(ntlm_response_decode(m.nt, &r), 0);
	CHECK_SPAN(r.blob, vector_span(&blob));
	CHECK_SPAN(r.proof, vector_span(&proof));
	CHECK_EQ(r.av_flags, MSV_AV_FLAG_MIC);
}

TEST(response_without_flags_announces_no_mic)
{
	struct vector v = vector_load(spec, "authenticate_message");
	struct ntlm_authenticate_msg m;
	struct ntlm_response r;

	CHECK_EQ(ntlm_authenticate_decode(vector_span(&v), &m), 0);
	CHECK_EQ(ntlm_response_decode(m.nt, &r), 0);
	CHECK_EQ(r.av_flags, 0);
}

/* The last field ends the message, so no cut passes. Cut memory is its own allocation, for
 * ASan. */
TEST(authenticate_cut_anywhere)
{
	struct vector v = vector_load(windows, "authenticate_message");
	struct ntlm_authenticate_msg m;

	for (size_t len = 0; len < v.len; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, v.bytes, len);
		CHECK_EQ(ntlm_authenticate_decode(span_of(cut, len), &m), -EBADMSG);
		free(cut);
	}
}

/* The pairs' end is found in the first `used` bytes; what is cut behind it does not matter. */
TEST(response_cut_anywhere)
{
	struct vector v = vector_load(windows, "temp_client_blob");
	uint8_t nt[512] = {0};
	size_t len = NTLM_PROOF_LEN + v.len, used = len - 4;
	struct ntlm_response r;

	/* MsvAvEOL is 8 bytes before the end, Z(4) behind it, 8 bytes of appendix from Windows */
	memcpy(nt + NTLM_PROOF_LEN, v.bytes, v.len);
	while (ntlm_response_decode(span_of(nt, used), &r) == 0)
		used--;
	CHECK(used > len - 16);
	for (size_t cut = 0; cut <= used; cut++)
		CHECK_EQ(ntlm_response_decode(span_of(nt, cut), &r), -EBADMSG);
	CHECK_EQ(ntlm_response_decode(span_of(nt, used + 1), &r), 0);
}

TEST(field_outside_the_message)
{
	static const struct {
		uint16_t len;
		uint32_t off;
	} cases[] = {
		{16, 0xffffffff}, {16, 0xfffffff0}, {16, 0xfffffff8}, {16, 407},
		{65535, 88},      {65535, 0},       {16, 0},          {16, 63},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vector v = vector_load(windows, "authenticate_message");
		struct ntlm_authenticate_msg m;

		put_u16(&v, AUTH_SESSION_KEY, cases[i].len);
		put_u32(&v, AUTH_SESSION_KEY + 4, cases[i].off);
		CHECK_EQ(ntlm_authenticate_decode(vector_span(&v), &m), -EBADMSG);
	}
}

TEST(empty_field_may_point_anywhere)
{
	struct vector v = vector_load(windows, "authenticate_message");
	struct ntlm_authenticate_msg m;

	put_u16(&v, AUTH_NT, 0);
	put_u32(&v, AUTH_NT + 4, 0xffffffff);
	CHECK_EQ(ntlm_authenticate_decode(vector_span(&v), &m), 0);
	CHECK_EQ(m.nt.len, 0);
}

/* One list of AV pairs in an otherwise good response. */
static int decode_pairs(struct span pairs, uint32_t *ret_flags)
{
	uint8_t nt[256] = {0};
	struct wr w = wr_of(mspan_of(nt, sizeof(nt)));
	struct ntlm_response r = {0};
	int err;

	wr_zero(&w, NTLM_PROOF_LEN);
	wr_u16(&w, 0x0101);
	wr_zero(&w, 26);
	wr_bytes(&w, pairs);
	err = ntlm_response_decode(wr_done(&w), &r);
	*ret_flags = r.av_flags;
	return err;
}

TEST(av_pairs)
{
	uint32_t flags;

	CHECK_EQ(decode_pairs(BYTES(0, 0, 0, 0), &flags), 0);
	CHECK_EQ(decode_pairs(BYTES(0, 0, 0, 0, 'j', 'u', 'n', 'k'), &flags), 0);
	CHECK_EQ(decode_pairs(BYTES(6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0), &flags), 0);
	CHECK_EQ(flags, MSV_AV_FLAG_MIC);
	/* a second pair of flags does not take the first one back */
	CHECK_EQ(decode_pairs(BYTES(6, 0, 4, 0, 2, 0, 0, 0, 6, 0, 4, 0, 0, 0, 0, 0, 0, 0,
				    0, 0),
			      &flags),
		 0);
	CHECK_EQ(flags, MSV_AV_FLAG_MIC);
	/* unknown, and not ours to judge */
	CHECK_EQ(decode_pairs(BYTES(99, 0, 1, 0, 7, 0, 0, 0, 0), &flags), 0);
}

TEST(av_pairs_refused)
{
	static const struct {
		uint8_t bytes[12];
		size_t len;
	} cases[] = {
		{{0}, 0},                                      /* no end */
		{{0, 0, 0}, 3},                                /* cut end */
		{{0, 0, 1, 0, 0}, 5},                          /* end with a value */
		{{6, 0, 4, 0, 2, 0, 0, 0}, 8},                 /* flags, no end */
		{{6, 0, 2, 0, 2, 0, 0, 0, 0, 0}, 10},          /* short flags */
		{{6, 0, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0}, 11}, /* longer than all */
		{{7, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0}, 12},    /* short time */
		{{1, 0, 3, 0, 'a', 0, 'b', 0, 0, 0, 0}, 11},   /* half a character */
		{{0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa}, 8}, /* garbage */
	};
	uint32_t flags;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(decode_pairs(span_of(cases[i].bytes, cases[i].len), &flags),
			 -EBADMSG);
}

TEST(response_of_another_version)
{
	for (int version = 0; version <= 2; version++) {
		uint8_t nt[48] = {0};
		struct ntlm_response r;

		nt[16] = (uint8_t)version;
		nt[17] = 1;
		CHECK_EQ(ntlm_response_decode(span_of(nt, sizeof(nt)), &r),
			 version == 1 ? 0 : -EBADMSG);
		nt[16] = 1;
		nt[17] = (uint8_t)version;
		CHECK_EQ(ntlm_response_decode(span_of(nt, sizeof(nt)), &r),
			 version == 1 ? 0 : -EBADMSG);
	}
}

TEST_MAIN()
