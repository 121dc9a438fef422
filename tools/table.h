/*
 * table.h - columns for people: as wide as what is in them, all of them together no wider than where they are shown.
 *
 * Text from elsewhere is made harmless for a terminal: control and direction characters and what is no UTF-8 are shown
 * as \xNN. What does not fit is cut, and ends with "~".
 *
 * Owns     its cells.
 * Threads  one.
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 100 /* where there is no terminal */, TABLE_CELLS_MAX = 16 };

struct table_column {
	const char *title;
	bool right;   /* a number */
	size_t least; /* it may be cut to that if the line gets too long; 0: never */
};

struct table;

/* columns: static, `count` of them, at most TABLE_CELLS_MAX. NULL without memory. */
struct table *table_new(const struct table_column *columns, size_t count);
/* The next cell, from left to right; any text. The row ends with its last cell. */
void table_text(struct table *t, const char *text);
void table_printf(struct table *t, const char *format, ...) PRINTF_LIKE(2, 3);
/*
 * Prints all, the titles first (bold if `bold`), in at most `columns`, and frees. Nothing if memory was exhausted on the way, but a
 * line that says so.
 */
void table_end(struct table *t, size_t columns, bool bold, FILE *out);
/* In place of table_end(), if it is not to be shown after all. NULL is fine. */
void table_free(struct table *t);

/* How large the terminal at fd is; `columns` and nothing if there is none. */
struct terminal_size {
	size_t columns, rows; /* rows 0: it is no terminal */
};
struct terminal_size terminal_size(int fd, size_t columns);
/* How many bytes of text fit into `columns`; sequences for colours take none. */
size_t columns_len(const char *text, size_t columns);

/* Harmless, on the heap; NULL without memory. */
char *text_shown(const char *text);

/* "1.5 MiB"; buf is returned. */
enum { AMOUNT_MAX = 32 };
const char *amount_bytes(uint64_t n, char buf[AMOUNT_MAX]);
/* "3d 04:05", "04:05:06" */
const char *amount_seconds(uint64_t s, char buf[AMOUNT_MAX]);
/* "12 us", "3.1 ms" */
const char *amount_ns(uint64_t ns, char buf[AMOUNT_MAX]);
