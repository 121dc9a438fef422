/* test_sddl.c - security descriptors as text, and back. */
#include "test.h"
#include "wire/sddl.h"

#include <stdlib.h>
#include <string.h>

static bool parse(const char *text, struct arena *a, struct sd *ret,
		  struct sddl_error *error)
{
	arena_init(a, 1 << 20);
	return sddl_parse(span_of_str(text), a, ret, error);
}

TEST(each_descriptor_is_printed_as_it_is_always_spelled)
{
	static const struct {
		const char *text, *printed; /* NULL: the same */
	} cases[] = {
		{"", NULL},
		{"D:", NULL},
		{"O:BAG:SYD:P(A;;FA;;;BA)", NULL},
		{"O:S-1-22-1-1000G:S-1-22-2-100D:AI(D;OICIID;FX;;;AN)(A;;0x1301bf;;;WD)",
		 NULL},
		{"G:BUD:PARAI(A;NPIO;GR;;;CO)", NULL},
		{"O:S-1-5-32-544D:(A;;0x1f01ff;;;S-1-1-0)", "O:BAD:(A;;FA;;;WD)"},
		{"D:(A;CIOI;GRGX;;;BU)", "D:(A;OICI;0xa0000000;;;BU)"},
		{"D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;AU)", "D:(A;;0xf01ff;;;AU)"},
		{"D:(A;;KA;;;AU)(A;;KR;;;AU)(A;;KW;;;AU)",
		 "D:(A;;0xf003f;;;AU)(A;;0x20019;;;AU)(A;;0x20006;;;AU)"},
		{"D:(A;;017;;;AU)(A;;10;;;AU)(A;;0XfF;;;AU)", "?"},
		{"D:(A;;017;;;AU)(A;;10;;;AU)(A;;0;;;AU)",
		 "D:(A;;0xf;;;AU)(A;;0xa;;;AU)(A;;0x0;;;AU)"},
		{"D:(A;;;;;WD)", "D:(A;;0x0;;;WD)"},
		{"D:NO_ACCESS_CONTROL", NULL},
		{"O:S-1-5-21-1-2-3-500D:", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *want = cases[i].printed ? cases[i].printed : cases[i].text;
		struct sddl_error e;
		struct arena a;
		struct sd sd;

		if (strcmp(want, "?") == 0) {
			CHECK(!parse(cases[i].text, &a, &sd, &e));
		} else {
			CHECK(parse(cases[i].text, &a, &sd, &e));
			CHECK_STR(sddl_print(&sd, &a), want);
		}
		arena_fini(&a);
	}
}

TEST(each_part_means_what_it_says)
{
	struct sddl_error e;
	struct arena a;
	struct sd sd;

	CHECK(parse("O:BAG:S-1-22-2-100D:P(D;OI;FA;;;AN)(A;;0x1200a9;;;WD)", &a, &sd,
		    &e));
	CHECK(sid_eq(sd.owner, &sid_administrators));
	CHECK_EQ(sd.group->sub[1], 100);
	CHECK_EQ(sd.control, SE_SELF_RELATIVE | SE_DACL_PRESENT | SE_DACL_PROTECTED);
	CHECK_EQ(sd.dacl->count, 2);
	CHECK_EQ(sd.dacl->aces[0].type, ACCESS_DENIED_ACE_TYPE);
	CHECK_EQ(sd.dacl->aces[0].flags, OBJECT_INHERIT_ACE);
	CHECK_EQ(sd.dacl->aces[0].mask, 0x1F01FF);
	CHECK(sid_eq(&sd.dacl->aces[0].sid, &sid_anonymous));
	CHECK_EQ(sd.dacl->aces[1].type, ACCESS_ALLOWED_ACE_TYPE);
	CHECK_EQ(sd.dacl->aces[1].mask, 0x1200A9);
	CHECK(sid_eq(&sd.dacl->aces[1].sid, &sid_everyone));
	arena_fini(&a);
}

TEST(without_a_list_nothing_is_forbidden_and_it_is_present)
{
	struct sddl_error e;
	struct arena a;
	struct sd sd;

	CHECK(parse("D:NO_ACCESS_CONTROL", &a, &sd, &e));
	CHECK(sd.control & SE_DACL_PRESENT);
	CHECK(!sd.dacl);
	arena_fini(&a);
}

TEST(each_fault_is_told_where_it_is)
{
	static const struct {
		const char *text;
		size_t at;
		const char *expected;
	} cases[] = {
		{"x", 0, "O:, G: or D:"},
		{"D:(A;;FA;;;WD)S:(AU;SA;FA;;;WD)", 14, "( or the end"},
		{"D:(A;;FA;;;WD)O:BA", 14, "( or the end"},
		{"O:BAO:BA", 4, "G: or D:"},
		{"O:XX", 2, "an abbreviation such as WD or BA, or S-1-..."},
		{"O:DA", 2, "an abbreviation such as WD or BA, or S-1-..."},
		{"O:S-1-x", 2, "a security identifier"},
		{"O:S-1-5-99999999999", 2, "a security identifier"},
		{"D:(OA;;FA;;;WD)", 3, "A; or D;"},
		{"D:(XA;;FA;;;WD;(x))", 3, "A; or D;"},
		{"D:(A;XX;FA;;;WD)", 5, "OI, CI, NP, IO, ID or ;"},
		{"D:(A;SA;FA;;;WD)", 5, "OI, CI, NP, IO, ID or ;"},
		{"D:(A;;QQ;;;WD)", 6, "rights such as FA, FR or 0x1200a9, then ;;;"},
		{"D:(A;;FA;0;;WD)", 8, "rights such as FA, FR or 0x1200a9, then ;;;"},
		{"D:(A;;0x1ffffffff;;;WD)", 8, "a number of at most 32 bits"},
		{"D:(A;;0x;;;WD)", 8, "a number of at most 32 bits"},
		{"D:(A;;FA;;;WD", 13, ")"},
		{"D:(A;;FA;;;", 11, "an abbreviation such as WD or BA, or S-1-..."},
		{"D:(", 3, "A; or D;"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sddl_error e;
		struct arena a;
		struct sd sd;

		CHECK(!parse(cases[i].text, &a, &sd, &e));
		CHECK_EQ(e.at, cases[i].at);
		CHECK_STR(e.expected, cases[i].expected);
		arena_fini(&a);
	}
}

TEST(what_cannot_be_said_is_not)
{
	struct sid sid = sid_everyone;
	struct ace ace = {.type = SYSTEM_AUDIT_ACE_TYPE, .sid = sid};
	struct acl acl = {.revision = ACL_REVISION, .count = 1, .aces = &ace};
	struct sd sd = {.control = SE_DACL_PRESENT, .dacl = &acl};
	struct arena a;

	arena_init(&a, 1 << 20);
	CHECK(!sddl_print(&sd, &a));
	ace = (struct ace){.flags = FAILED_ACCESS_ACE_FLAG, .sid = sid};
	CHECK(!sddl_print(&sd, &a));
	ace.flags = 0;
	CHECK_STR(sddl_print(&sd, &a), "D:(A;;0x0;;;WD)");
	arena_fini(&a);
}

TEST_MAIN()
