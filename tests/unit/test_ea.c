#include "test.h"

#include "cmd/ea.h"
#include "wire/fscc_proto.h"

enum { ROOM = 256 };

struct fixture {
	struct arena a;
	struct vfs_ea *eas;
	size_t count;
};

static struct fixture setup(void)
{
	struct fixture f = {0};

	arena_init(&f.a, 1 << 20);
	return f;
}

static void teardown(struct fixture *f)
{
	arena_fini(&f->a);
}

/* Two entries, the first padded to 4 bytes. */
#define ONE_EA 0, 0, 0, 0, 0, 3, 2, 0, 'f', 'o', 'o', 0, 'h', 'i'
#define TWO_EAS                                                                          \
	16, 0, 0, 0, 0, 3, 2, 0, 'f', 'o', 'o', 0, 'h', 'i', 0, 0, /* */                 \
		0, 0, 0, 0, 0x80, 1, 1, 0, 'b', 0, 0xFF

TEST(ea_decodes_a_list)
{
	CLEANUP(teardown) struct fixture f = setup();

	CHECK_ST(ea_decode(BYTES(TWO_EAS), &f.a, &f.eas, &f.count), STATUS_SUCCESS);
	CHECK_EQ(f.count, 2);
	CHECK_STR(f.eas[0].name, "foo");
	CHECK_SPAN(f.eas[0].value, BYTES('h', 'i'));
	CHECK_EQ(f.eas[0].flags, 0);
	CHECK_STR(f.eas[1].name, "b");
	CHECK_SPAN(f.eas[1].value, BYTES(0xFF));
	CHECK_EQ(f.eas[1].flags, FILE_NEED_EA);
}

TEST(ea_empty_value_means_removal)
{
	CLEANUP(teardown) struct fixture f = setup();

	CHECK_ST(ea_decode(BYTES(0, 0, 0, 0, 0, 1, 0, 0, 'x', 0), &f.a, &f.eas, &f.count),
		 STATUS_SUCCESS);
	CHECK_EQ(f.eas[0].value.len, 0);
}

/* Cut anywhere the list is refused: whoever reads past it would meet ASan. */
TEST(ea_refuses_every_truncation)
{
	static const uint8_t two[] = {TWO_EAS};

	for (size_t len = 0; len < sizeof(two); len++) {
		CLEANUP(teardown) struct fixture f = setup();
		uint8_t *copy = arena_dup(&f.a, span_of(two, len));

		CHECK_ST(ea_decode(span_of(copy, len), &f.a, &f.eas, &f.count),
			 STATUS_EA_LIST_INCONSISTENT);
	}
}

TEST(ea_refuses_malformed_lists)
{
	static const struct {
		const char *what;
		uint8_t bytes[16];
		size_t len;
		uint32_t status;
	} cases[] = {
		{"NextEntryOffset not aligned",
		 {10, 0, 0, 0, 0, 1, 0, 0, 'a', 0},
		 16,
		 0x80000014},
		{"NextEntryOffset behind the end",
		 {16, 0, 0, 0, 0, 1, 0, 0, 'a', 0},
		 16,
		 0x80000014},
		{"NextEntryOffset to itself", {4, 0, 0, 0, 4, 0, 0, 0}, 12, 0x80000014},
		{"no NUL behind the name",
		 {0, 0, 0, 0, 0, 1, 0, 0, 'a', 'b'},
		 10,
		 0x80000014},
		{"value longer than the list",
		 {0, 0, 0, 0, 0, 1, 9, 0, 'a', 0},
		 10,
		 0x80000014},
		{"empty name", {0, 0, 0, 0, 0, 0, 0, 0, 0}, 9, 0x80000013},
		{"reserved character", {0, 0, 0, 0, 0, 1, 0, 0, ':', 0}, 10, 0x80000013},
		{"control character", {0, 0, 0, 0, 0, 1, 0, 0, 7, 0}, 10, 0x80000013},
		{"NUL within the name",
		 {0, 0, 0, 0, 0, 2, 0, 0, 'a', 0, 0},
		 11,
		 0x80000013},
		{"unknown flag", {0, 0, 0, 0, 1, 1, 0, 0, 'a', 0}, 10, 0x80000013},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(teardown) struct fixture f = setup();
		nt_status st = ea_decode(span_of(cases[i].bytes, cases[i].len), &f.a,
					 &f.eas, &f.count);

		if (st.v != cases[i].status)
			print_error("%s\n", cases[i].what);
		CHECK_EQ(st.v, cases[i].status);
	}
}

TEST(ea_refuses_a_chain_without_end)
{
	CLEANUP(teardown) struct fixture f = setup();
	uint8_t *list = arena_alloc(&f.a, 4 * 2000);

	for (size_t i = 0; i < 2000; i++)
		list[4 * i] = 4;
	CHECK_ST(ea_decode(span_of(list, 4 * 2000), &f.a, &f.eas, &f.count),
		 STATUS_EA_LIST_INCONSISTENT);
}

TEST(ea_decodes_names_to_get)
{
	CLEANUP(teardown) struct fixture f = setup();

	CHECK_ST(ea_decode_names(BYTES(8, 0, 0, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 1, 'b', 0),
				 &f.a, &f.eas, &f.count),
		 STATUS_SUCCESS);
	CHECK_EQ(f.count, 2);
	CHECK_STR(f.eas[0].name, "a");
	CHECK_STR(f.eas[1].name, "b");
	CHECK_EQ(f.eas[1].value.len, 0);
	CHECK_ST(ea_decode_names(BYTES(0, 0, 0, 0, 2, 'b', 0), &f.a, &f.eas, &f.count),
		 STATUS_EA_LIST_INCONSISTENT);
}

static struct vfs_ea ea_of(const char *name, const char *value)
{
	return (struct vfs_ea){.name = name, .value = span_of_str(value)};
}

TEST(ea_encodes_byte_exact)
{
	struct vfs_ea eas[] = {ea_of("foo", "hi"), ea_of("b", "\xFF")};
	uint8_t out[ROOM];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t done;

	eas[1].flags = FILE_NEED_EA;
	CHECK_EQ(ea_len(eas, 2), sizeof((uint8_t[]){TWO_EAS}));
	CHECK_ST(ea_encode(eas, 2, &w, &done), STATUS_SUCCESS);
	CHECK_EQ(done, 2);
	CHECK_SPAN(wr_done(&w), BYTES(TWO_EAS));
}

TEST(ea_encodes_whole_entries_only)
{
	struct vfs_ea eas[] = {ea_of("foo", "hi"), ea_of("b", "\xFF")};
	size_t full = ea_len(eas, 2), one = ea_len(eas, 1);

	for (size_t room = 0; room <= full; room++) {
		uint8_t out[ROOM];
		struct wr w = wr_of(mspan_of(out, room));
		size_t done;
		nt_status st = ea_encode(eas, 2, &w, &done);

		CHECK(wr_ok(&w));
		if (room < one) {
			CHECK_ST(st, STATUS_BUFFER_TOO_SMALL);
			CHECK_EQ(done, 0);
		} else if (room < full) {
			CHECK_ST(st, STATUS_BUFFER_OVERFLOW);
			CHECK_EQ(done, 1);
			CHECK_SPAN(wr_done(&w), BYTES(ONE_EA));
		} else {
			CHECK_ST(st, STATUS_SUCCESS);
		}
	}
}

TEST(ea_leaves_out_what_the_format_cannot_hold)
{
	static uint8_t big[UINT16_MAX + 1];
	struct vfs_ea eas[] = {{.name = "big", .value = span_of(big, sizeof(big))},
			       ea_of("foo", "hi")};
	uint8_t out[ROOM];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t done;

	CHECK_EQ(ea_len(eas, 2), sizeof((uint8_t[]){ONE_EA}));
	CHECK_ST(ea_encode(eas, 2, &w, &done), STATUS_SUCCESS);
	CHECK_SPAN(wr_done(&w), BYTES(ONE_EA));
	CHECK_EQ(ea_len(eas, 0), 0);
}

TEST(ea_round_trip)
{
	CLEANUP(teardown) struct fixture f = setup();
	struct vfs_ea eas[] = {ea_of("a", ""), ea_of("bcd", "value"), ea_of("e", "1234")};
	uint8_t out[ROOM];
	struct wr w = wr_of(mspan_of(out, sizeof(out)));
	size_t done;

	CHECK_ST(ea_encode(eas, 3, &w, &done), STATUS_SUCCESS);
	CHECK_ST(ea_decode(wr_done(&w), &f.a, &f.eas, &f.count), STATUS_SUCCESS);
	CHECK_EQ(f.count, 3);
	for (size_t i = 0; i < 3; i++) {
		CHECK_STR(f.eas[i].name, eas[i].name);
		CHECK_SPAN(f.eas[i].value, eas[i].value);
	}
}

TEST_MAIN()
