/* test_spnego.c - SPNEGO tokens: a real one, ours, cut ones and malformed ones. */
#include "auth/spnego.h"
#include "vectors.h"

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

static struct arena arena;

static int setup(void)
{
	arena_fini(&arena);
	arena_init(&arena, 1 << 20);
	return 0;
}

TEST(windows_init)
{
	struct vector v = vector_load("ms-spng-4.txt", "neg_token_init2");
	struct spnego_init t;

	setup();
	CHECK_EQ(spnego_init_decode(vector_span(&v), &arena, &t), 0);
	CHECK_EQ(t.mech_count, 2);
	CHECK_EQ(t.mechs[0], SPNEGO_MECH_OTHER);
	CHECK_EQ(t.mechs[1], SPNEGO_MECH_NTLMSSP);
	CHECK_EQ(t.token.len, 254);
	CHECK_MEM(t.token.p, "NEGOEXTS", 8);
	CHECK_SPAN(t.mech_list, span_of(v.bytes + 0x16, 26));
}

TEST(init_cut_anywhere)
{
	struct vector v = vector_load("ms-spng-4.txt", "neg_token_init2");
	struct spnego_init t;

	setup();
	for (size_t len = 0; len < v.len; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, v.bytes, len);
		CHECK_EQ(spnego_init_decode(span_of(cut, len), &arena, &t), -EBADMSG);
		free(cut);
	}
	v.bytes[v.len] = 0; /* one byte more than the token is long */
	CHECK_EQ(spnego_init_decode(span_of(v.bytes, v.len + 1), &arena, &t), -EBADMSG);
}

/* No flipped bit crashes; what still decodes has at least one mechanism. */
TEST(init_with_any_bit_flipped)
{
	struct vector v = vector_load("ms-spng-4.txt", "neg_token_init2");
	struct spnego_init t;

	for (size_t i = 0; i < v.len * 8; i++) {
		setup();
		v.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		if (spnego_init_decode(vector_span(&v), &arena, &t) == 0)
			CHECK(t.mech_count > 0);
		v.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

/* The minimal NegTokenInit around a MechTypeList. */
static struct span init_around(struct span list, uint8_t *buf)
{
	uint8_t n = (uint8_t)list.len;
	const uint8_t head[] = {0x60, (uint8_t)(14 + n),
				6,    6,
				0x2b, 6,
				1,    5,
				5,    2,
				0xa0, (uint8_t)(4 + n),
				0x30, (uint8_t)(2 + n),
				0xa0, n};

	memcpy(buf, head, sizeof(head));
	memcpy(buf + sizeof(head), list.p, n);
	return span_of(buf, sizeof(head) + n);
}

TEST(init_without_token)
{
	struct span list = BYTES(0x30, 12, 6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10);
	struct spnego_init t;
	uint8_t buf[64];

	setup();
	CHECK_EQ(spnego_init_decode(init_around(list, buf), &arena, &t), 0);
	CHECK_EQ(t.mech_count, 1);
	CHECK_EQ(t.mechs[0], SPNEGO_MECH_NTLMSSP);
	CHECK_EQ(t.token.len, 0);
	CHECK_SPAN(t.mech_list, list);
}

TEST(init_refused)
{
	static const struct {
		uint8_t list[16];
		size_t len;
	} cases[] = {
		{{0x30, 0}, 2},             /* no mechanism */
		{{0x30, 2, 6, 0}, 4},       /* empty OID */
		{{0x30, 3, 4, 1, 0}, 5},    /* not an OID */
		{{0x31, 3, 6, 1, 0x2a}, 5}, /* a SET */
		{{0x30, 3, 6, 1, 0x80}, 5}, /* OID that does not end */
		{{0x30, 5, 6, 1, 0x2a}, 5}, /* longer than it is */
	};
	struct spnego_init t;
	uint8_t buf[64];

	setup();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span list = span_of(cases[i].list, cases[i].len);

		CHECK_EQ(spnego_init_decode(init_around(list, buf), &arena, &t),
			 -EBADMSG);
	}
}

TEST(init_of_another_gss_mechanism)
{
	struct vector v = vector_load("ms-spng-4.txt", "neg_token_init2");
	struct spnego_init t;

	setup();
	v.bytes[11] = 3; /* 1.3.6.1.5.5.3 */
	CHECK_EQ(spnego_init_decode(vector_span(&v), &arena, &t), -EBADMSG);
}

TEST(init2_is_what_windows_sends)
{
	static const enum spnego_mech mechs[] = {SPNEGO_MECH_NTLMSSP};
	static const char want[] =
		"\x60\x48\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x3e\x30\x3c"
		"\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
		"\xa3\x2a\x30\x28\xa0\x26\x1b\x24"
		"not_defined_in_RFC4178@please_ignore";
	struct span got;

	setup();
	CHECK_EQ(spnego_init2_encode(mechs, 1, &arena, &got), 0);
	CHECK_SPAN(got, span_of(want, sizeof(want) - 1));
}

TEST(resp_goes_round)
{
	const struct spnego_resp in = {
		.state = SPNEGO_REQUEST_MIC,
		.mech = SPNEGO_MECH_NTLMSSP,
		.token = span_of_str("token"),
		.mic = span_of_str("mic"),
	};
	struct spnego_resp out;
	struct span der;

	setup();
	CHECK_EQ(spnego_resp_encode(&in, &arena, &der), 0);
	CHECK_EQ(spnego_resp_decode(der, &arena, &out), 0);
	CHECK_EQ(out.state, in.state);
	CHECK_EQ(out.mech, in.mech);
	CHECK_SPAN(out.token, in.token);
	CHECK_SPAN(out.mic, in.mic);
	for (size_t len = 0; len < der.len; len++)
		CHECK_EQ(spnego_resp_decode(span_head(der, len), &arena, &out), -EBADMSG);
}

TEST(resp_bytes)
{
	const struct spnego_resp done = {.state = SPNEGO_ACCEPT_COMPLETED};
	struct span der;

	setup();
	CHECK_EQ(spnego_resp_encode(&done, &arena, &der), 0);
	CHECK_SPAN(der, BYTES(0xa1, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 0));
}

TEST(resp_with_nothing_in_it)
{
	struct spnego_resp out;

	setup();
	CHECK_EQ(spnego_resp_decode(BYTES(0xa1, 2, 0x30, 0), &arena, &out), 0);
	CHECK_EQ(out.state, SPNEGO_STATE_ABSENT);
	CHECK_EQ(out.token.len, 0);
}

TEST(resp_refused)
{
	static const struct {
		uint8_t bytes[24];
		size_t len;
	} cases[] = {
		{{0xa1, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 4}, 9},     /* no such state */
		{{0xa1, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 0xff}, 9},  /* negative */
		{{0xa1, 15, 0x30, 13, 0xa0, 11, 0x0a, 9, 1}, 17}, /* beyond 64 bits */
		{{0xa1, 7, 0x30, 5, 0xa4, 3, 0x0a, 1, 0}, 9},     /* field 4 */
		{{0xa0, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 0}, 9},     /* NegTokenInit */
		{{0xa1, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 0, 0}, 10}, /* a byte too many */
		{{0xa1, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30}, 7},  /* 4 GiB */
		{{0xa1, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 10},
	};
	struct spnego_resp out;

	setup();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(spnego_resp_decode(span_of(cases[i].bytes, cases[i].len), &arena,
					    &out),
			 -EBADMSG);
}

TEST(no_memory_is_said_so)
{
	struct vector v = vector_load("ms-spng-4.txt", "neg_token_init2");
	const struct spnego_resp done = {.state = SPNEGO_ACCEPT_COMPLETED};
	struct spnego_init t;
	struct arena none;
	struct span der;

	arena_init(&none, 0);
	CHECK_EQ(spnego_init_decode(vector_span(&v), &none, &t), -ENOMEM);
	CHECK_EQ(spnego_resp_encode(&done, &none, &der), -ENOMEM);
	arena_fini(&none);
	setup();
}

TEST_MAIN()
