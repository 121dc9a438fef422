/*
 * lex.h - tsmb.conf cut into lines: what each is, and where its parts stand.
 *
 * Owns     nothing; spans point into the text.
 * Threads  values.
 * Errors   a line that breaks the syntax is LEX_BAD with a reason; the next one is read as usual.
 */
#pragma once

#include "base/span.h"
#include "conf/errors.h"

enum {
	LEX_LINE_MAX = 8192,        /* bytes, without the line end */
	LEX_FILE_MAX = 4 * 1 << 20, /* bytes */
};

enum lex_kind {
	LEX_BLANK, /* nothing, or a comment	*/
	LEX_OPEN,  /* [name]			*/
	LEX_CLOSE, /* [/name]			*/
	LEX_SET,   /* name = value		*/
	LEX_BAD,
};

struct lex_line {
	enum lex_kind kind;
	unsigned number;   /* from 1 */
	struct span all;   /* without the line end */
	struct span name;  /* OPEN, CLOSE, SET; not empty	*/
	struct span value; /* SET; without the blanks around it; may be empty	*/
	const uint8_t *fault_at;
	char fault[96]; /* BAD: what is wrong with it	*/
};

struct lex {
	struct span rest;
	unsigned number;
};

/* A byte order mark at the start is skipped. */
struct lex lex_of(struct span text);
/* False at the end. Lines end in LF or CR LF; the last one may lack it. */
bool lex_next(struct lex *x, struct lex_line *ret_line);

/* Where a byte of the line stands, as an editor counts: in characters from 1. */
struct conf_place lex_place(const struct lex_line *line, const uint8_t *at);

/* Without spaces and tabs at both ends. */
struct span lex_trim(struct span s);
