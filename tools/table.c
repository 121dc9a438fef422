#include "table.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uniwidth.h>

enum { SHOWN_MAX = 4 /* bytes that one byte may become */ };

struct table {
	const struct table_column *columns;
	size_t column_count;
	size_t width[TABLE_CELLS_MAX];
	char **cells;
	size_t cell_count, cell_room;
	bool failed;
};

/* ---- text ------------------------------------------------------------------------------------------------------ */

/* What a terminal would do, not show; or what would show other text in another order. */
static bool is_harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7F && c < 0xA0))
		return false;
	return !(c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
		 (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
		 c == 0xFEFF);
}

char *text_shown(const char *text)
{
	struct span s = span_of_str(text);
	char *shown = malloc(s.len * SHOWN_MAX + 1), *to = shown;
	uint32_t c;

	while (shown && s.len) {
		size_t len = utf8_get(s, &c), bytes = len ? len : 1;

		if (len && is_harmless(c)) {
			memcpy(to, s.p, len);
			to += len;
		} else {
			for (size_t i = 0; i < bytes; i++)
				to += snprintf(to, SHOWN_MAX + 1, "\\x%02X", s.p[i]);
		}
		s = span_from(s, bytes);
	}
	if (shown)
		*to = '\0';
	return shown;
}

static size_t width_of(const char *text)
{
	int width = u8_strwidth((const uint8_t *)text, "UTF-8");

	return width > 0 ? (size_t)width : 0;
}

/* Bytes of the beginning of text that take at most `width` columns; *ret_used: how many they do take. */
static size_t head_len(const char *text, size_t width, size_t *ret_used)
{
	struct span s = span_of_str(text);
	size_t used = 0;
	uint32_t c;

	while (s.len) {
		size_t len = utf8_get(s, &c);
		int w = len ? uc_width(c, "UTF-8") : 1;

		if (used + (size_t)(w > 0 ? w : 0) > width)
			break;
		used += (size_t)(w > 0 ? w : 0);
		s = span_from(s, len ? len : 1);
	}
	*ret_used = used;
	return strlen(text) - s.len;
}

/* Bytes of the sequence for a colour that text begins with; 0: of none. */
static size_t colour_len(struct span s)
{
	size_t len = 0;

	if (*s.p != '\033')
		return 0;
	while (len < s.len && s.p[len] != 'm')
		len++;
	return len < s.len ? len + 1 : len;
}

size_t columns_len(const char *text, size_t columns)
{
	struct span s = span_of_str(text);
	size_t used = 0;
	uint32_t c;

	while (s.len) {
		size_t colour = colour_len(s), len = utf8_get(s, &c);
		int width = len ? uc_width(c, "UTF-8") : 1;

		if (!colour && width > 0)
			used += (size_t)width;
		if (used > columns)
			break;
		s = span_from(s, colour ? colour : len ? len : 1);
	}
	return strlen(text) - s.len;
}

struct terminal_size terminal_size(int fd, size_t columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		return (struct terminal_size){.columns = columns};
	return (struct terminal_size){.columns = size.ws_col, .rows = size.ws_row};
}

/* ---- amounts --------------------------------------------------------------------------------------------------- */

const char *amount_bytes(uint64_t n, char buf[AMOUNT_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double amount = (double)n / 1024;
	size_t unit = 0;

	if (n < 1024) {
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " B", n);
		return buf;
	}
	for (; amount >= 1023.95 && unit + 1 < ARRAY_LEN(units); unit++)
		amount /= 1024;
	snprintf(buf, AMOUNT_MAX, "%.1f %s", amount, units[unit]);
	return buf;
}

const char *amount_seconds(uint64_t s, char buf[AMOUNT_MAX])
{
	unsigned minutes = (unsigned)(s / 60 % 60), hours = (unsigned)(s / 3600 % 24);

	if (s >= 86400)
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 "d %02u:%02u", s / 86400, hours,
			 minutes);
	else
		snprintf(buf, AMOUNT_MAX, "%02u:%02u:%02u", hours, minutes,
			 (unsigned)(s % 60));
	return buf;
}

const char *amount_ns(uint64_t ns, char buf[AMOUNT_MAX])
{
	if (ns < 10000000)
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " us", ns / 1000);
	else if (ns < UINT64_C(10000000000))
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " ms", ns / 1000000);
	else
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " s", ns / 1000000000);
	return buf;
}

/* ---- table ----------------------------------------------------------------------------------------------------- */

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->column_count = count;
	for (size_t i = 0; i < count; i++)
		t->width[i] = strlen(columns[i].title);
	return t;
}

static bool table_grow(struct table *t)
{
	size_t room = t->cell_room ? 2 * t->cell_room : (size_t)64 * t->column_count;
	char **cells = reallocarray(t->cells, room, sizeof(char *));

	if (!cells)
		return false;
	t->cells = cells;
	t->cell_room = room;
	return true;
}

void table_text(struct table *t, const char *text)
{
	char *shown;
	size_t column, width;

	if (!t || t->failed)
		return;
	shown = text_shown(text);
	if (!shown || (t->cell_count == t->cell_room && !table_grow(t))) {
		free(shown);
		t->failed = true;
		return;
	}
	column = t->cell_count % t->column_count;
	width = width_of(shown);
	if (width > t->width[column])
		t->width[column] = width;
	t->cells[t->cell_count++] = shown;
}

void table_printf(struct table *t, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_text(t, text);
}

/* Columns that may be cut give way, the widest first. */
static void table_fit(struct table *t, size_t columns)
{
	size_t total = t->column_count - 1;

	for (size_t i = 0; i < t->column_count; i++)
		total += t->width[i];
	for (; total > columns; total--) {
		size_t widest = t->column_count;

		for (size_t i = 0; i < t->column_count; i++)
			if (t->columns[i].least && t->width[i] > t->columns[i].least &&
			    (widest == t->column_count || t->width[i] > t->width[widest]))
				widest = i;
		if (widest == t->column_count)
			return;
		t->width[widest]--;
	}
}

static void cell_print(const struct table *t, size_t column, const char *text, FILE *out)
{
	size_t room = t->width[column], width = width_of(text);
	size_t len = strlen(text);
	bool last = column + 1 == t->column_count;
	int pad;

	if (width > room) {
		len = head_len(text, room - 1, &width);
		width++; /* the mark */
	}
	pad = (int)(room - width);
	if (t->columns[column].right)
		fprintf(out, "%*s", pad, "");
	fprintf(out, "%.*s%s", (int)len, text, text[len] ? "~" : "");
	if (!t->columns[column].right && !last)
		fprintf(out, "%*s", pad, "");
	fputs(last ? "\n" : " ", out);
}

void table_free(struct table *t)
{
	for (size_t i = 0; t && i < t->cell_count; i++)
		free(t->cells[i]);
	if (t)
		free(t->cells);
	free(t);
}

void table_end(struct table *t, size_t columns, bool bold, FILE *out)
{
	if (!t || t->failed) {
		fputs("out of memory\n", out);
	} else {
		table_fit(t, columns);
		fputs(bold ? "\033[1m" : "", out);
		for (size_t i = 0; i < t->column_count; i++)
			cell_print(t, i, t->columns[i].title, out);
		fputs(bold ? "\033[0m" : "", out);
		for (size_t i = 0; i < t->cell_count; i++)
			cell_print(t, i % t->column_count, t->cells[i], out);
	}
	table_free(t);
}
