/*
 * Changes of tsmb.conf as text.
 */
#include "conf/edit.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>

enum op { SET, ADD, DEL, SHARE_ADD, SHARE_DEL };

struct edit_case {
	const char *what;
	const char *before;
	enum op op;
	const char *share, *param, *value;
	size_t index;
	const char *after; /* NULL: as before, with this error */
	int err;
};

#define G "[global]\n"
#define E "[/global]\n"

static const struct edit_case cases[] = {
	{"a value is replaced where it stands",
	 G "a = 1\n# why\n\tencrypt_data  =\tfalse  \n" E, SET, NULL, "encrypt_data",
	 "true", 0, G "a = 1\n# why\n\tencrypt_data  =\ttrue  \n" E, 0},
	{"the same value changes nothing",
	 G "encrypt_data=true"
	   "\r\n" E,
	 SET, NULL, "encrypt_data", "true", 0,
	 G "encrypt_data=true"
	   "\r\n" E,
	 0},
	{"an empty value is filled", G "server_comment =\n" E, SET, NULL,
	 "server_comment", "x", 0, G "server_comment = x\n" E, 0},
	{"a value is emptied", G "server_comment = x y\n" E, SET, NULL, "server_comment",
	 "", 0, G "server_comment = \n" E, 0},
	{"a new line goes behind the last parameter", G "domain = X\n# end\n" E, SET,
	 NULL, "encrypt_data", "true", 0, G "domain = X\nencrypt_data = true\n# end\n" E,
	 0},
	{"and is indented like it", G "\t  domain = X\n" E, SET, NULL, "encrypt_data",
	 "true", 0, G "\t  domain = X\n\t  encrypt_data = true\n" E, 0},
	{"and ends like it", "[global]\r\ndomain = X\r\n[/global]\r\n", SET, NULL,
	 "encrypt_data", "true", 0,
	 "[global]\r\ndomain = X\r\nencrypt_data = true\r\n[/global]\r\n", 0},
	{"into an empty section", G E, SET, NULL, "encrypt_data", "true", 0,
	 G "encrypt_data = true\n" E, 0},
	{"behind the line that shows it", G "#encrypt_data = false\n\ndomain = X\n" E,
	 SET, NULL, "encrypt_data", "true", 0,
	 G "#encrypt_data = false\nencrypt_data = true\n\ndomain = X\n" E, 0},
	{"which is not that of another",
	 G "#encrypt_data_x = false\n#encrypt_dat = 1\n" E, SET, NULL, "encrypt_data",
	 "true", 0,
	 G "encrypt_data = true\n#encrypt_data_x = false\n#encrypt_dat = 1\n" E, 0},
	{"a parameter is taken out", G "domain = X\nencrypt_data = true\n" E, SET, NULL,
	 "encrypt_data", NULL, 0, G "domain = X\n" E, 0},
	{"which is not there", G "domain = X\n" E, SET, NULL, "encrypt_data", NULL, 0,
	 G "domain = X\n" E, 0},
	{"all lines of it", G "listen = A\n#\nlisten = B\n" E, SET, NULL, "listen", NULL,
	 0, G "#\n" E, 0},
	{"one more line", G "listen = A\n# x\nlisten = B\ndomain = X\n" E, ADD, NULL,
	 "listen", "C", 0, G "listen = A\n# x\nlisten = B\nlisten = C\ndomain = X\n" E,
	 0},
	{"one line less", G "# a\nlisten = A\n# b\nlisten = B\n" E, DEL, NULL, "listen",
	 NULL, 0, G "# a\n# b\nlisten = B\n" E, 0},
	{"the other one", G "# a\nlisten = A\n# b\nlisten = B\n" E, DEL, NULL, "listen",
	 NULL, 1, G "# a\nlisten = A\n# b\n" E, 0},
	{"none of that number", G "listen = A\n" E, DEL, NULL, "listen", NULL, 1, NULL,
	 -ENOENT},
	{"behind a byte order mark", "\xEF\xBB\xBF[global]\n[/global]\n", SET, NULL,
	 "encrypt_data", "true", 0,
	 "\xEF\xBB\xBF[global]\nencrypt_data = true\n[/global]\n", 0},
	{"a last line without end", G "domain = X\n[/global]", SET, NULL, "domain", "Y",
	 0, G "domain = Y\n[/global]", 0},
	{"a share behind a last line without end, as the others end",
	 "[global]\r\n[/global]", SHARE_ADD, NULL, NULL, "A", 0,
	 "[global]\r\n[/global]\r\n\r\n[share]\r\nnetname = A\r\n[/share]\r\n", 0},
	{"a line behind a last one without end", "[global]\r\ndomain = X", SET, NULL,
	 "encrypt_data", "true", 0, "[global]\r\ndomain = X\r\nencrypt_data = true\r\n",
	 0},
	{"a section without end", "[global]\ndomain = X", SET, NULL, "encrypt_data",
	 "true", 0, "[global]\ndomain = X\nencrypt_data = true\n", 0},
	{"no section", "# nothing\n", SET, NULL, "encrypt_data", "true", 0, NULL,
	 -ENOENT},
	{"a line break is no value", G E, SET, NULL, "server_comment",
	 "a\nencrypt_data = true", 0, NULL, -EINVAL},
	{"nor is one to add", G E, ADD, NULL, "listen", "a\r", 0, NULL, -EINVAL},
	{"nor the name of a share", G E, SHARE_ADD, NULL, NULL, "a\n[/share]", 0, NULL,
	 -EINVAL},

	{"the right share",
	 G "encrypt_data = false\n" E
	   "[share]\nnetname = A\nencrypt_data = true\n[/share]\n"
	   "[share]\npath = /b\nnetname = B\n[/share]\n",
	 SET, "b", "encrypt_data", "false", 0,
	 G "encrypt_data = false\n" E
	   "[share]\nnetname = A\nencrypt_data = true\n[/share]\n"
	   "[share]\npath = /b\nnetname = B\nencrypt_data = false\n[/share]\n",
	 0},
	{"its name in another case and script",
	 G E "[share]\nnetname = \xC3\x84pfel\npath = /a\n[/share]\n", SET,
	 "\xC3\xA4PFEL", "path", "/b", 0,
	 G E "[share]\nnetname = \xC3\x84pfel\npath = /b\n[/share]\n", 0},
	{"[global] is not a share", "[global]\nnetname = A\n[/global]\n", SET, "A",
	 "path", "/b", 0, NULL, -ENOENT},
	{"no such share", G E "[share]\nnetname = A\n[/share]\n", SET, "AA", "path", "/b",
	 0, NULL, -ENOENT},
	{"a comment names no share", G E "[share]\n#netname = A\nnetname = B\n[/share]\n",
	 SET, "A", "path", "/b", 0, NULL, -ENOENT},

	{"a share is added", G E, SHARE_ADD, NULL, NULL, "New one", 0,
	 G E "\n[share]\nnetname = New one\n[/share]\n", 0},
	{"behind a blank line", G E "\n", SHARE_ADD, NULL, NULL, "N", 0,
	 G E "\n[share]\nnetname = N\n[/share]\n", 0},
	{"behind a line without end", "[global]\n[/global]", SHARE_ADD, NULL, NULL, "N",
	 0, G E "\n[share]\nnetname = N\n[/share]\n", 0},
	{"with the line ends of the file", "[global]\r\n[/global]\r\n", SHARE_ADD, NULL,
	 NULL, "N", 0,
	 "[global]\r\n[/global]\r\n\r\n[share]\r\nnetname = N\r\n[/share]\r\n", 0},
	{"to nothing", "", SHARE_ADD, NULL, NULL, "N", 0,
	 "[share]\nnetname = N\n[/share]\n", 0},
	{"a share goes",
	 G E "\n[share]\nnetname = A\n[/share]\n\n# b\n[share]\nnetname = B\n[/share]\n",
	 SHARE_DEL, "a", NULL, NULL, 0, G E "\n# b\n[share]\nnetname = B\n[/share]\n", 0},
	{"the last one", G E "\n[share]\nnetname = A\n[/share]\n", SHARE_DEL, "A", NULL,
	 NULL, 0, G E, 0},
	{"beneath a comment",
	 G E "# mine\n[share]\nnetname = A\n[/share]\n[share]\nnetname = B\n[/share]\n",
	 SHARE_DEL, "A", NULL, NULL, 0, G E "# mine\n[share]\nnetname = B\n[/share]\n",
	 0},
	{"no share of that name goes", G E "[share]\nnetname = A\n[/share]\n", SHARE_DEL,
	 "B", NULL, NULL, 0, NULL, -ENOENT},
};

static int run(const struct edit_case *c, struct edit *e)
{
	enum param_scope scope = c->share ? PARAM_SHARE : PARAM_GLOBAL;
	const struct param *p = c->param ? param_find(scope, span_of_str(c->param))
					 : NULL;

	switch (c->op) {
	case SET:
		return edit_set(e, c->share, p, c->value);
	case ADD:
		return edit_add(e, c->share, p, c->value);
	case DEL:
		return edit_del(e, c->share, p, c->index);
	case SHARE_ADD:
		return edit_share_add(e, c->value);
	case SHARE_DEL:
		return edit_share_del(e, c->share);
	}
	return -ENOSYS;
}

TEST(edit_changes_what_it_should_and_nothing_else)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct edit_case *c = &cases[i];
		struct edit e;
		int err;

		CHECK_EQ(edit_init(&e, span_of_str(c->before)), 0);
		err = run(c, &e);
		if (err != c->err || strcmp(e.text, c->after ? c->after : c->before))
			print_error("%s: %d\n%s\n", c->what, err, e.text);
		CHECK_EQ(err, c->err);
		CHECK_STR(e.text, c->after ? c->after : c->before);
		CHECK_EQ(e.len, strlen(e.text));
		edit_fini(&e);
	}
}

TEST(edit_get_returns_values_as_written)
{
	const struct param *listen = param_find(PARAM_GLOBAL, span_of_str("listen"));
	struct span value;
	struct edit e;

	CHECK_EQ(edit_init(&e, span_of_str(G "listen = A \n#\n listen=\tB\n" E)), 0);
	CHECK(edit_get(&e, NULL, listen, 0, &value));
	CHECK_SPAN(value, span_of_str("A"));
	CHECK(edit_get(&e, NULL, listen, 1, &value));
	CHECK_SPAN(value, span_of_str("B"));
	CHECK(!edit_get(&e, NULL, listen, 2, &value));
	CHECK(!edit_get(&e, "A", listen, 0, &value));
	edit_fini(&e);
}

TEST(edit_a_share_that_came_and_went_leaves_no_trace)
{
	static const char *const texts[] = {
		G E,
		G E "# x\n",
		"[global]\r\n[/global]\r\n",
		G E "\n[share]\nnetname = A\n[/share]\n",
	};
	const struct param *path = param_find(PARAM_SHARE, span_of_str("path"));

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct edit e;

		CHECK_EQ(edit_init(&e, span_of_str(texts[i])), 0);
		CHECK_EQ(edit_share_add(&e, "New"), 0);
		CHECK_EQ(edit_set(&e, "New", path, "/srv/new"), 0);
		CHECK_EQ(edit_share_del(&e, "new"), 0);
		CHECK_STR(e.text, texts[i]);
		edit_fini(&e);
	}
}

TEST_MAIN()
