/* test_smbpasswd.c - lines of Samba's smbpasswd file. The good ones were printed by pdbedit -Lw of Samba 4.17. */
#include "test.h"

#include "auth/smbpasswd.h"
#include "base/attr.h"

#include <string.h>

#define X32   "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
#define NONE  "NO PASSWORDXXXXXXXXXXXXXXXXXXXXX"
#define HASH  "48B8EFC2F1CAFF1D40153937B3DB9C5A"
#define EMPTY "31D6CFE0D16AE931B73C59D7E0C089C0"
#define LCT   "LCT-6B0BE70A"

TEST(lines_of_users_are_taken)
{
	static const struct {
		const char *line, *name;
		enum smbpasswd_kind kind;
		bool disabled;
	} rows[] = {
		{"root:0:" X32 ":" HASH ":[U          ]:" LCT ":", "root", SMBPASSWD_USER,
		 false},
		{"daemon:1:" X32 ":" HASH ":[DU         ]:" LCT ":", "daemon",
		 SMBPASSWD_USER, true},
		{"games:5:" NONE ":" EMPTY ":[NU         ]:" LCT ":", "games",
		 SMBPASSWD_NO_PASSWORD, false},
		{"a:5:" X32 ":" NONE ":[NU         ]:" LCT ":", "a",
		 SMBPASSWD_NO_PASSWORD, false},
		{"a:5:" X32 ":" X32 ":[DU         ]:" LCT ":", "a", SMBPASSWD_NO_HASH,
		 true},
		{"a:5:" X32 ":" HASH ":[NU         ]:" LCT ":", "a",
		 SMBPASSWD_NO_PASSWORD, false},
		{"a:5:" X32 ":" EMPTY ":[U          ]:" LCT ":", "a",
		 SMBPASSWD_NO_PASSWORD, false},
		{"pc1$:7:" X32 ":" HASH ":[W          ]:" LCT ":", "pc1$",
		 SMBPASSWD_MACHINE, false},
		{"pc1$:7:" X32 ":" HASH ":[NW         ]:" LCT ":", "pc1$",
		 SMBPASSWD_MACHINE, false},
		{"locked:7:" HASH ":" HASH ":[ULX        ]:" LCT ":", "locked",
		 SMBPASSWD_USER, true},
		{"J\xc3\xbcrgen M:4294967295:" X32
		 ":48b8efc2f1caff1d40153937b3db9c5a:[U]:" LCT,
		 "J\xc3\xbcrgen M", SMBPASSWD_USER, false},
		{"a:0:" X32 ":" HASH ":[U          ]:" LCT ":Full name:/srv/a:/bin/sh",
		 "a", SMBPASSWD_USER, false},
	};
	static const uint8_t zeros[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct smbpasswd_line l;
		struct smbpasswd_fault f;

		CHECK(smbpasswd_parse(span_of_str(rows[i].line), &l, &f));
		CHECK_STR(l.user.name, rows[i].name);
		CHECK_STR(l.user.account, "");
		CHECK_EQ(l.kind, rows[i].kind);
		CHECK_EQ(l.user.disabled, rows[i].disabled);
		if (l.kind == SMBPASSWD_USER)
			CHECK_EQ(l.user.nt_hash.b[0], 0x48);
		else
			CHECK_MEM(l.user.nt_hash.b, zeros, sizeof(zeros));
	}
}

TEST(other_lines_are_refused_and_the_place_is_told)
{
	static const struct {
		const char *line;
		size_t column;
		const char *why;
	} rows[] = {
		{"", 1, "expected name:uid:"},
		{"alice", 6, "expected name:uid:"},
		{":0:" X32 ":" HASH ":[U]:" LCT, 1, "the name is empty"},
		{"a/b:0:" X32 ":" HASH ":[U]:" LCT, 1, "the name holds"},
		{"\xff:0:" X32 ":" HASH ":[U]:" LCT, 1, "not UTF-8"},
		{"a::" X32 ":" HASH ":[U]:" LCT, 3, "a uid"},
		{"a:-1:" X32 ":" HASH ":[U]:" LCT, 3, "a uid"},
		{"a:4294967296:" X32 ":" HASH ":[U]:" LCT, 3, "a uid"},
		{"a:0", 4, "a colon behind the uid"},
		{"a:0:XX:" HASH ":[U]:" LCT, 5, "32 characters"},
		{"a:0:" X32 ":48B8EFC2F1CAFF1D40153937B3DB9C5:[U]:" LCT, 38,
		 "32 characters"},
		{"a:0:" X32 ":48B8EFC2F1CAFF1D40153937B3DB9C5G:[U]:" LCT, 38,
		 "hexadecimal"},
		{"a:0:" X32 ":XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX0:[U]:" LCT, 38,
		 "hexadecimal"},
		{"a:0:" X32 ":" HASH, 70, "a colon behind the NT hash"},
		{"a:0:" X32 ":" HASH ":U:" LCT, 71, "in [ and ]"},
		{"a:0:" X32 ":" HASH ":[U:" LCT, 71, "in [ and ]"},
		{"a:0:" X32 ":" HASH ":[U Q]:" LCT, 74, "unknown account flag"},
		{"a:0:" X32 ":" HASH ":[U]:", 75, "expected LCT-"},
		{"a:0:" X32 ":" HASH ":[U]:LCT-6B0BE70", 75, "expected LCT-"},
		{"a:0:" X32 ":" HASH ":[U]:LCT-6B0BE70Z:", 86, "expected LCT-"},
		{"a:0:" X32 ":" HASH ":[U]:" LCT "x", 87, "a colon, or nothing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct smbpasswd_line l = {.kind = SMBPASSWD_MACHINE};
		struct smbpasswd_fault f;

		CHECK(!smbpasswd_parse(span_of_str(rows[i].line), &l, &f));
		CHECK_EQ(f.at + 1, rows[i].column);
		CHECK(strstr(f.text, rows[i].why));
		CHECK_EQ(l.kind, SMBPASSWD_MACHINE);
	}
}

TEST(a_line_cut_anywhere_is_refused)
{
	static const char line[] = "root:0:" X32 ":" HASH ":[U          ]:" LCT;
	struct smbpasswd_line l;
	struct smbpasswd_fault f;

	CHECK(smbpasswd_parse(span_of_str(line), &l, &f));
	for (size_t len = 0; len < strlen(line); len++) {
		CHECK(!smbpasswd_parse(span_of(line, len), &l, &f));
		CHECK(f.at <= len);
	}
}

TEST(a_nul_is_refused_wherever_it_is)
{
	static const char line[] = "root:0:" X32 ":" HASH ":[U          ]:" LCT;
	struct smbpasswd_line l;
	struct smbpasswd_fault f;
	char text[sizeof(line)];

	for (size_t i = 0; i < strlen(line); i++) {
		memcpy(text, line, sizeof(line));
		text[i] = '\0';
		CHECK(!smbpasswd_parse(span_of(text, strlen(line)), &l, &f));
	}
}

TEST_MAIN()
