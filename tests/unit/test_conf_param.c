#include "conf/param.h"
#include "test.h"

#include <stdlib.h>

TEST(names_are_unique_in_their_scope)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		CHECK(param_find(p->scope, span_of_str(p->name)) == p);
		CHECK_EQ(param_index(p), i);
	}
}

/* Every parameter that is acted on can be set from the command line. */
TEST(flags_are_unique_in_their_scope)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->status == PARAM_EFFECTIVE) {
			assert_non_null(p->flag);
			CHECK(param_find_flag(p->scope, span_of_str(p->flag)) == p);
		}
	}
}

/* tsmb-cfg has -c, -h, -v, --config, --help, --json, --unset and --version for itself. */
TEST(flags_leave_the_tools_own_options_alone)
{
	static const char *const own[] = {"config", "help", "json", "unset", "version"};

	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		CHECK(!p->flag_short || !strchr("chv", p->flag_short));
		for (size_t k = 0; p->flag && k < ARRAY_LEN(own); k++)
			CHECK(strcmp(p->flag, own[k]) != 0);
		for (size_t k = 0; k < i; k++)
			CHECK(!p->flag_short || p->scope != param_table[k].scope ||
			      p->flag_short != param_table[k].flag_short);
	}
}

TEST(flags_of_the_seed_document_are_there)
{
	static const struct {
		enum param_scope scope;
		const char *flag;
		char flag_short;
		const char *name;
	} rows[] = {
		{PARAM_GLOBAL, "require-signing", 0, "require_message_signing"},
		{PARAM_GLOBAL, "encrypt-data", 0, "encrypt_data"},
		{PARAM_GLOBAL, "reject-unencrypted-access", 0,
		 "reject_unencrypted_access"},
		{PARAM_GLOBAL, "sessions-max", 0, "sessions_max"},
		{PARAM_SHARE, "netname", 'n', "netname"},
		{PARAM_SHARE, "path", 'p', "path"},
		{PARAM_SHARE, "encrypt-data", 'e', "encrypt_data"},
		{PARAM_SHARE, "permissions", 'P', "permissions"},
		{PARAM_SHARE, "map-acls", 0, "map_acls"},
		{PARAM_SHARE, "remark", 0, "remark"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct param *p = param_find_flag(rows[i].scope,
							span_of_str(rows[i].flag));

		assert_non_null(p);
		CHECK_STR(p->name, rows[i].name);
		CHECK_EQ(p->flag_short, rows[i].flag_short);
	}
}

/* As it is called in the file, which is what manuals and minds have. */
TEST(an_option_may_be_the_name_of_its_parameter)
{
	static const struct {
		enum param_scope scope;
		const char *flag, *name;
	} rows[] = {
		{PARAM_GLOBAL, "require_message_signing", "require_message_signing"},
		{PARAM_GLOBAL, "require-message-signing", "require_message_signing"},
		{PARAM_GLOBAL, "require_message-signing", "require_message_signing"},
		{PARAM_SHARE, "map_acls", "map_acls"},
		{PARAM_SHARE, "map+acls", NULL},
		{PARAM_SHARE, "map_acl", NULL},
		{PARAM_SHARE, "require_message_signing", NULL},
		{PARAM_GLOBAL, "", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct param *p = param_find_flag(rows[i].scope,
							span_of_str(rows[i].flag));

		CHECK_EQ(p != NULL, rows[i].name != NULL);
		if (p)
			CHECK_STR(p->name, rows[i].name);
	}
}

TEST(no_option_is_the_name_of_another_parameter)
{
	for (size_t i = 0; i < param_count; i++)
		for (size_t j = 0; j < param_count; j++) {
			const struct param *p = &param_table[i], *q = &param_table[j];

			if (i != j && p->scope == q->scope && p->flag)
				CHECK(param_find_flag(q->scope, span_of_str(q->name)) !=
				      p);
		}
}

TEST(nearest_option_is_the_fewest_edits_away)
{
	CHECK_STR(param_nearest_flag(span_of_str("require-singing")), "require-signing");
	CHECK_STR(param_nearest_flag(span_of_str("permission")), "permissions");
	CHECK_STR(param_nearest_flag(span_of_str("sesions-max")), "sessions-max");
	CHECK(param_nearest_flag(span_of_str("bogus")) == NULL);
	CHECK(param_nearest_flag(span_of_str("")) == NULL);
}

TEST(nearest_name_is_the_fewest_edits_away)
{
	static const struct {
		enum param_scope scope;
		const char *typed, *nearest;
	} rows[] = {
		{PARAM_GLOBAL, "encrypt_data", "encrypt_data"},
		{PARAM_GLOBAL, "encyrpt_data", "encrypt_data"},
		{PARAM_GLOBAL, "log_lvl", "log_level"},
		{PARAM_GLOBAL, "lisetn", "listen"},
		{PARAM_SHARE, "permission", "permissions"},
		{PARAM_SHARE, "comment", "remark"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(param_nearest(rows[i].scope, span_of_str(rows[i].typed))->name,
			  rows[i].nearest);
}

TEST(nearest_name_takes_any_length)
{
	static char name[8192];

	memset(name, 'x', sizeof(name));
	assert_non_null(param_nearest(PARAM_SHARE, span_of(name, sizeof(name))));
	assert_non_null(param_nearest(PARAM_SHARE, span_of(name, 0)));
}

TEST(manual_describes_every_parameter)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	param_print_scd(out);
	fclose(out);
	for (size_t i = 0; i < param_count; i++) {
		char name[128] = "*";
		size_t n = 1;

		for (const char *c = param_table[i].name; *c; c++) {
			if (*c == '_')
				name[n++] = '\\';
			name[n++] = *c;
		}
		name[n] = '*';
		assert_non_null(strstr(text, name));
	}
	free(text);
}

TEST(help_is_a_sentence)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->status == PARAM_KNOWN)
			continue;
		assert_non_null(p->help);
		CHECK_EQ(p->help[strlen(p->help) - 1], '.');
		CHECK(p->def || p->def_text || p->required);
	}
}

TEST_MAIN()
