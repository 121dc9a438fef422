/*
 * edit.h - changes of tsmb.conf as text: what is not changed stays as it is, byte for byte.
 *
 * Works on text that conf_parse() takes; on other text it does something harmless. Values are written as given: whether they
 * are good is for conf_parse() of the result to say. Lines end as those beside them do (LF or CR LF), a new one is indented
 * like the one it follows.
 *
 * Owns     struct edit its text.
 * Threads  pure.
 * Errors   -ENOENT: no such section, share or line; -EINVAL: a value that does not fit on a line; -ENOMEM. The text is then
 *          what it was.
 */
#pragma once

#include "base/span.h"
#include "conf/param.h"

struct edit {
	char *text;
	size_t len;
};

MUST_CHECK int edit_init(struct edit *e, struct span text);
void edit_fini(struct edit *e);
static inline struct span edit_span(const struct edit *e)
{
	return span_of(e->text, e->len);
}

/*
 * Let a parameter have one value; NULL: take its lines out.
 *
 * share  its netname, case-insensitively; NULL for [global]
 *
 * A value that is there is replaced where it stands. A new line goes behind the one that shows the parameter commented out,
 * "#name = ...", else behind the last parameter of the section.
 */
MUST_CHECK int edit_set(struct edit *e, const char *share, const struct param *p,
			const char *value);
/* One more line of a parameter that may have several, behind the last of them. */
MUST_CHECK int edit_add(struct edit *e, const char *share, const struct param *p,
			const char *value);
/* Take out the index-th line of a parameter, from 0. */
MUST_CHECK int edit_del(struct edit *e, const char *share, const struct param *p,
			size_t index);
/* The index-th value as it is written; false if there are not so many. Points into the text until the next change. */
bool edit_get(const struct edit *e, const char *share, const struct param *p,
	      size_t index, struct span *ret_value);

/* A [share] with its netname only, at the end of the text; set the rest by edit_set(). */
MUST_CHECK int edit_share_add(struct edit *e, const char *netname);
/* Take a [share] out, its lines from [share] to [/share]. One of two blank lines around it goes, too. */
MUST_CHECK int edit_share_del(struct edit *e, const char *share);
