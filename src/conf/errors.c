#include "conf/errors.h"

#include <stdlib.h>
#include <string.h>

void conf_errors_init(struct conf_errors *e)
{
	*e = (struct conf_errors){0};
}

void conf_errors_fini(struct conf_errors *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->list[i].text);
	free(e->list);
	free(e->file);
	*e = (struct conf_errors){0};
}

void conf_errors_file(struct conf_errors *e, const char *file)
{
	free(e->file);
	e->file = strdup(file);
}

/* The list doubles at each power of two. */
static bool errors_room(struct conf_errors *e)
{
	struct conf_error *list;

	if (e->count >= CONF_ERRORS_MAX)
		return false;
	if (e->count & (e->count - 1))
		return true;
	list = reallocarray(e->list, e->count ? 2 * e->count : 1, sizeof(*list));
	if (!list)
		return false;
	e->list = list;
	return true;
}

static char *errors_text(const char *subject, const char *fmt, va_list ap)
{
	char *message = NULL, *text = NULL;

	if (vasprintf(&message, fmt, ap) < 0)
		return NULL;
	if (asprintf(&text, "%s: %s", subject, message) < 0)
		text = NULL;
	free(message);
	return text;
}

static void errors_append(struct conf_errors *e, struct conf_error entry)
{
	if (!entry.text)
		return;
	if (!errors_room(e)) {
		free(entry.text);
		return;
	}
	e->list[e->count++] = entry;
}

void conf_errors_add(struct conf_errors *e, struct conf_place at, const char *subject,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->error_count++;
	errors_append(e, (struct conf_error){.place = at,
					     .text = errors_text(subject, fmt, ap)});
	va_end(ap);
}

void conf_errors_warn(struct conf_errors *e, struct conf_place at, const char *subject,
		      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->warning_count++;
	errors_append(e, (struct conf_error){.place = at,
					     .warning = true,
					     .text = errors_text(subject, fmt, ap)});
	va_end(ap);
}

/* Warnings of that text among the first n. */
static size_t warnings_like(const struct conf_errors *e, size_t n, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += e->list[i].warning && strcmp(e->list[i].text, text) == 0;
	return count;
}

void conf_errors_drop(struct conf_errors *e, const struct conf_errors *known)
{
	bool known_too[CONF_ERRORS_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < e->count; i++) {
		const char *text = e->list[i].text;

		known_too[i] = e->list[i].warning &&
			       warnings_like(e, i, text) <
				       warnings_like(known, known->count, text);
	}
	for (size_t i = 0; i < e->count; i++) {
		if (known_too[i]) {
			free(e->list[i].text);
			e->warning_count--;
		} else {
			e->list[kept++] = e->list[i];
		}
	}
	e->count = kept;
}

static bool place_after(struct conf_place a, struct conf_place b)
{
	return a.line > b.line || (a.line == b.line && a.column > b.column);
}

/* By insertion: stable, and quick on a list that is nearly in order. */
void conf_errors_sort(struct conf_errors *e)
{
	for (size_t i = 1; i < e->count; i++) {
		struct conf_error moved = e->list[i];
		size_t at = i;

		for (; at > 0 && place_after(e->list[at - 1].place, moved.place); at--)
			e->list[at] = e->list[at - 1];
		e->list[at] = moved;
	}
}

const char *conf_error_text(const struct conf_errors *e, size_t i, char *buf,
			    size_t buf_len)
{
	const struct conf_error *x = &e->list[i];
	const char *file = e->file ? e->file : "configuration";
	const char *kind = x->warning ? "warning: " : "";

	if (x->place.line == 0)
		snprintf(buf, buf_len, "%s: %s%s", file, kind, x->text);
	else
		snprintf(buf, buf_len, "%s:%u:%u: %s%s", file, x->place.line,
			 x->place.column, kind, x->text);
	return buf;
}

void conf_errors_print(const struct conf_errors *e, FILE *out)
{
	size_t hidden = e->error_count + e->warning_count - e->count;
	char line[2048];

	for (size_t i = 0; i < e->count; i++)
		fprintf(out, "%s\n", conf_error_text(e, i, line, sizeof(line)));
	if (hidden)
		fprintf(out, "%s: %zu more not shown\n",
			e->file ? e->file : "configuration", hidden);
}
