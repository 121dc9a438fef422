/* test_attr_map.c - attributes by mode and name. */
#include "fs/attr_map.h"
#include "test.h"
#include "wire/fscc_proto.h"

enum {
	R = FILE_ATTRIBUTE_READONLY,
	H = FILE_ATTRIBUTE_HIDDEN,
	S = FILE_ATTRIBUTE_SYSTEM,
	A = FILE_ATTRIBUTE_ARCHIVE,
	ALL = CONF_EXEC_ARCHIVE | CONF_EXEC_SYSTEM | CONF_EXEC_HIDDEN,
};

static struct conf_map_attributes by_exec(unsigned exec)
{
	return (struct conf_map_attributes){.form = CONF_MAP_ATTRIBUTES_EXEC,
					    .exec = (uint8_t)exec};
}

TEST(attributes_of_a_mode)
{
	static const struct {
		unsigned exec;
		uint32_t mode;
		bool directory, dot;
		uint32_t want;
	} cases[] = {
		{0, 0644, false, false, A},
		{0, 0755, false, false, A},
		{0, 0444, false, true, A | R | H},
		{ALL, 0644, false, false, 0},
		{ALL, 0744, false, false, A},
		{ALL, 0654, false, false, S},
		{ALL, 0645, false, false, H},
		{ALL, 0644, false, true, H},
		{ALL, 0555, false, false, A | S | H | R},
		{CONF_EXEC_SYSTEM, 0755, false, false, A | S},
		{ALL, 0755, true, false,
		 0}, /* a directory's execute bits are for passing through */
		{ALL, 0555, true, true, H},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf_map_attributes m = by_exec(cases[i].exec);

		CHECK_EQ(attr_map_read(&m, cases[i].mode, cases[i].directory,
				       cases[i].dot),
			 cases[i].want);
	}
}

TEST(a_mode_for_attributes)
{
	static const struct {
		unsigned exec;
		uint32_t mode, attributes, want;
	} cases[] = {
		{ALL, 0644, A, 0744},       {ALL, 0644, A | S | H, 0755},
		{ALL, 0755, 0, 0644},       {ALL, 0755, R, 0444},
		{ALL, 0444, A, 0744},       {CONF_EXEC_HIDDEN, 0754, 0, 0754},
		{0, 0755, A | S | H, 0755}, {ALL, 06644, S, 06654},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf_map_attributes m = by_exec(cases[i].exec);

		CHECK_EQ(attr_map_mode(&m, cases[i].mode, false, cases[i].attributes),
			 cases[i].want);
		CHECK_EQ(attr_map_mode(&m, cases[i].mode, true, cases[i].attributes),
			 cases[i].mode);
	}
}

/* What was set is what is read, as far as it is mapped. */
TEST(attributes_go_there_and_back)
{
	const uint32_t bits[] = {R, H, S, A};

	for (unsigned exec = 0; exec <= ALL; exec++)
		for (unsigned set = 0; set < 16; set++) {
			struct conf_map_attributes m = by_exec(exec);
			uint32_t kept = R, wanted = 0, mode;

			for (size_t i = 0; i < ARRAY_LEN(bits); i++)
				wanted |= set >> i & 1 ? bits[i] : 0;
			kept |= exec & CONF_EXEC_ARCHIVE ? A : 0;
			kept |= exec & CONF_EXEC_SYSTEM ? S : 0;
			kept |= exec & CONF_EXEC_HIDDEN ? H : 0;
			mode = attr_map_mode(&m, 0640, false, wanted);
			CHECK_EQ(attr_map_read(&m, mode, false, false) & kept,
				 wanted & kept);
		}
}

TEST_MAIN()
