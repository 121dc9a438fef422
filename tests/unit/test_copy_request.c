/* test_copy_request.c - what a server-side copy may ask for: [MS-SMB2] 2.2.31.1, 3.3.5.15.6 */
#include "cmd/copy_request.h"
#include "test.h"
#include "wire/smb2_proto.h"

enum { HEAD_LEN = SRV_RESUME_KEY_LEN + 8, CHUNKS_ROOM = COPY_CHUNKS_MAX + 1 };

static const struct resume_key key = {{0x1122334455667788, 7}, 0x99AABBCCDDEEFF01};

struct fixture {
	struct arena a;
	uint8_t bytes[HEAD_LEN + CHUNKS_ROOM * SRV_COPYCHUNK_LEN];
	struct wr w;
	struct copy_request got;
};

static void setup(struct fixture *f, uint32_t count)
{
	*f = (struct fixture){0};
	arena_init(&f->a, 1 << 20);
	f->w = wr_of(mspan_of(f->bytes, sizeof(f->bytes)));
	wr_resume_key(&f->w, &key);
	wr_u32(&f->w, count);
	wr_u32(&f->w, 0xFFFFFFFF); /* Reserved: ignored */
}

static void add(struct fixture *f, uint64_t source, uint64_t target, uint32_t length)
{
	wr_u64(&f->w, source);
	wr_u64(&f->w, target);
	wr_u32(&f->w, length);
	wr_u32(&f->w, 0xFFFFFFFF); /* Reserved: ignored */
}

static nt_status decode(struct fixture *f)
{
	return copy_request_decode(wr_done(&f->w), &f->a, &f->got);
}

TEST(key_and_chunks_are_read)
{
	struct fixture f;

	setup(&f, 2);
	add(&f, 1, 2, 3);
	add(&f, UINT64_MAX, COPY_TO_END, COPY_CHUNK_MAX);
	CHECK_ST(decode(&f), STATUS_SUCCESS);
	CHECK_EQ(f.got.source.id.persistent_id, key.id.persistent_id);
	CHECK_EQ(f.got.source.id.volatile_id, key.id.volatile_id);
	CHECK_EQ(f.got.source.secret, key.secret);
	CHECK_EQ(f.got.chunk_count, 2);
	CHECK_EQ(f.got.chunks[0].source_offset, 1);
	CHECK_EQ(f.got.chunks[0].target_offset, 2);
	CHECK_EQ(f.got.chunks[0].length, 3);
	CHECK_EQ(f.got.chunks[1].source_offset, UINT64_MAX);
	CHECK_EQ(f.got.chunks[1].target_offset, COPY_TO_END);
	CHECK_EQ(f.got.chunks[1].length, COPY_CHUNK_MAX);
	arena_fini(&f.a);
}

TEST(one_chunk)
{
	static const struct {
		uint64_t target;
		uint32_t length;
		bool allowed;
	} cases[] = {
		{0, 1, true},
		{0, 0, false},
		{0, COPY_CHUNK_MAX, true},
		{0, COPY_CHUNK_MAX + 1, false},
		{0, UINT32_MAX, false},
		{INT64_MAX, 1, true}, /* no file is so long: found out later */
		{(uint64_t)INT64_MAX + 1, 1, false},
		{COPY_TO_END - 1, 1, false},
		{COPY_TO_END, 1, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		setup(&f, 1);
		add(&f, 0, cases[i].target, cases[i].length);
		CHECK_ST(decode(&f),
			 cases[i].allowed ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		arena_fini(&f.a);
	}
}

TEST(how_many_and_how_much)
{
	static const struct {
		uint32_t count, length, last;
		bool allowed;
	} cases[] = {
		{0, 0, 0, true},
		{COPY_CHUNKS_MAX, 1, 1, true},
		{COPY_CHUNKS_MAX + 1, 1, 1, false},
		{16, COPY_CHUNK_MAX, COPY_CHUNK_MAX, true},
		{17, COPY_CHUNK_MAX, 1, false},
		{COPY_CHUNKS_MAX, COPY_TOTAL_MAX / COPY_CHUNKS_MAX,
		 COPY_TOTAL_MAX / COPY_CHUNKS_MAX, true},
		{COPY_CHUNKS_MAX, COPY_TOTAL_MAX / COPY_CHUNKS_MAX,
		 COPY_TOTAL_MAX / COPY_CHUNKS_MAX + 1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		setup(&f, cases[i].count);
		for (uint32_t n = 1; n <= cases[i].count; n++)
			add(&f, 0, 0,
			    n < cases[i].count ? cases[i].length : cases[i].last);
		CHECK_ST(decode(&f),
			 cases[i].allowed ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		arena_fini(&f.a);
	}
}

TEST(cut_at_every_length)
{
	struct fixture f;
	struct span whole;

	setup(&f, 2);
	add(&f, 1, 2, 3);
	add(&f, 4, 5, 6);
	whole = wr_done(&f.w);
	for (size_t len = 0; len < whole.len; len++)
		CHECK_ST(copy_request_decode(span_of(whole.p, len), &f.a, &f.got),
			 STATUS_INVALID_PARAMETER);
	wr_u8(&f.w, 0); /* what follows is nobody's */
	CHECK_ST(decode(&f), STATUS_SUCCESS);
	arena_fini(&f.a);
}

TEST_MAIN()
