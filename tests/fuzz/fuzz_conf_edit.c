/*
 * fuzz_conf_edit.c - any bytes as tsmb.conf that is changed: the first line is the value, the rest the file.
 *
 * Besides surviving: what was set is read back, and taking it out again leaves what taking it out at first would have
 * left; a share that came and went leaves no trace.
 *
 * Target functions: edit_set, edit_add, edit_del, edit_get, edit_share_add, edit_share_del
 */
#include "conf/edit.h"
#include "conf/lex.h"

#include <stdlib.h>

enum { VALUE_MAX = 60 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(struct edit *e, struct span text)
{
	if (edit_init(e, text))
		abort();
}

static bool same(struct edit *a, struct edit *b)
{
	return span_eq(edit_span(a), edit_span(b));
}

static void set_and_unset(struct span text, const char *share, const struct param *p,
			  const char *value)
{
	struct span got, want = lex_trim(span_of_str(value));
	struct edit with, without;

	start(&with, text);
	start(&without, text);
	if ((edit_set(&with, share, p, value) == 0) !=
	    (edit_set(&without, share, p, NULL) == 0))
		abort();
	if (edit_get(&with, share, p, 0, &got)) {
		if (!span_eq(lex_trim(got), want) || edit_add(&with, share, p, value) ||
		    edit_set(&with, share, p, NULL) || !same(&with, &without))
			abort();
		edit_fini(&with);
		start(&with, text);
		if (edit_set(&with, share, p, value) || edit_del(&with, share, p, 0))
			abort();
	}
	edit_fini(&with);
	edit_fini(&without);
}

static void share_come_and_go(struct span text, const char *name)
{
	struct edit before, e;

	start(&before, text);
	start(&e, text);
	if (edit_share_del(&e, name) != 0 && text.len > 1 &&
	    text.p[text.len - 1] == '\n' && !memchr("\n\r", text.p[text.len - 2], 2)) {
		if (edit_share_add(&e, name))
			abort();
		if (edit_share_del(&e, name) == 0 && !same(&before, &e))
			abort();
	}
	edit_fini(&before);
	edit_fini(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	const struct param *p = param_find(PARAM_GLOBAL, span_of_str("listen"));
	const struct param *q = param_find(PARAM_SHARE, span_of_str("remark"));
	size_t len = end ? (size_t)(end - data) : 0;
	char value[VALUE_MAX + 1];
	struct span text;

	if (!len || len > VALUE_MAX || size == len + 1)
		return 0;
	memcpy(value, data, len);
	value[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] == 0x7F)
			return 0;
	text = span_of(data + len + 1, size - len - 1);
	if (text.p[text.len - 1] == '\n') {
		set_and_unset(text, NULL, p, value);
		set_and_unset(text, "A", q, value);
	}
	share_come_and_go(text, value);
	return 0;
}
