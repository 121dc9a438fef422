/* test_stream_record.c - the stored form of a named stream. */
#include "fs/stream_record.h"
#include "test.h"

#include <errno.h>

static const uint8_t an_id[STREAM_ID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static size_t encode(bool in_file, const char *name, const char *content,
		     uint8_t buf[STREAM_RECORD_MAX])
{
	struct stream_record r = {
		.in_file = in_file,
		.name = span_of_str(name),
		.content = span_of_str(content),
	};

	memcpy(r.id, an_id, sizeof(r.id));
	return stream_record_encode(&r, buf);
}

TEST(record_comes_back_as_it_went)
{
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;
	size_t len = encode(false, "Zone.Identifier", "[ZoneTransfer]", buf);

	CHECK_EQ(stream_record_decode(span_of(buf, len), &r), 0);
	CHECK(!r.in_file);
	CHECK_SPAN(r.name, span_of_str("Zone.Identifier"));
	CHECK_SPAN(r.content, span_of_str("[ZoneTransfer]"));
	CHECK_MEM(r.id, an_id, sizeof(r.id));
	len = encode(true, "n", "", buf);
	CHECK_EQ(stream_record_decode(span_of(buf, len), &r), 0);
	CHECK(r.in_file);
	CHECK_EQ(r.content.len, 0);
}

TEST(record_keeps_the_longest_there_is)
{
	char name[STREAM_NAME_MAX + 1], content[STREAM_INLINE_MAX + 1];
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;
	size_t len;

	memset(name, 'n', sizeof(name));
	memset(content, 'c', sizeof(content));
	name[STREAM_NAME_MAX] = content[STREAM_INLINE_MAX] = '\0';
	len = encode(false, name, content, buf);
	CHECK_EQ(len, STREAM_RECORD_MAX);
	CHECK_EQ(stream_record_decode(span_of(buf, len), &r), 0);
	CHECK_EQ(r.content.len, STREAM_INLINE_MAX);
}

TEST(record_that_is_cut_is_none)
{
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;
	size_t len = encode(true, "name", "", buf);

	for (size_t i = 0; i < len; i++)
		CHECK_EQ(stream_record_decode(span_of(buf, i), &r), -EBADMSG);
}

TEST(record_refuses_what_it_would_not_write)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} cases[] = {
		{0, 0}, {0, 2},    {1, 0},    {1, 3},     {2, 0},  {2, 5},
		{3, 1}, {20, ':'}, {21, '/'}, {22, '\\'}, {23, 0}, {20, 0xFF},
	};
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = encode(true, "name", "", buf);

		buf[cases[i].at] = cases[i].byte;
		CHECK_EQ(stream_record_decode(span_of(buf, len), &r), -EBADMSG);
	}
	size_t len = encode(true, "name", "", buf);
	memset(buf + 4, 0, 8); /* an id that would mean the file itself */
	CHECK_EQ(stream_record_decode(span_of(buf, len), &r), -EBADMSG);
	len = encode(true, "name", "", buf);
	buf[len] = 'x'; /* content where none belongs */
	CHECK_EQ(stream_record_decode(span_of(buf, len + 1), &r), -EBADMSG);
}

TEST(record_is_found_whatever_the_case_of_the_name)
{
	CLEANUP(arena_fini) struct arena a;
	struct stream_xattr x, y, z;

	arena_init(&a, 1 << 16);
	CHECK_EQ(stream_xattr_of(&a, "Ärger", &x), 0);
	CHECK_EQ(stream_xattr_of(&a, "äRGER", &y), 0);
	CHECK_EQ(stream_xattr_of(&a, "arger", &z), 0);
	CHECK_STR(x.name, y.name);
	CHECK(strcmp(x.name, z.name) != 0);
	CHECK_EQ(strlen(x.name), sizeof(x.name) - 1);
}

TEST(record_names_have_bounds)
{
	char name[STREAM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	CHECK_EQ(stream_check_name(span_of(name, STREAM_NAME_MAX)), 0);
	CHECK_EQ(stream_check_name(span_of(name, STREAM_NAME_MAX + 1)), -ENAMETOOLONG);
	CHECK_EQ(stream_check_name(span_of_str("")), -EINVAL);
	CHECK_EQ(stream_check_name(span_of_str("a:b")), -EINVAL);
	CHECK_EQ(stream_check_name(span_of_str("*?\"<>|")), 0); /* [MS-FSCC] 2.1.5.3 */
}

TEST_MAIN()
