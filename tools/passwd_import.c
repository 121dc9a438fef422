#include "passwd_import.h"

#include "auth/smbpasswd.h"
#include "auth/userline.h"
#include "base/ct.h"
#include "base/log.h"
#include "wire/utf16.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, ERRORS_MAX = 100, USERS_STEP = 64 };

struct source {
	const char *name; /* for messages */
	uint8_t *text;
	size_t len;
};

struct imported {
	struct source source;
	struct userdb_entry *entries;
	unsigned *lines; /* where each stands */
	size_t count, room;
	unsigned errors;
};

static void imported_free(struct imported *i)
{
	if (i->source.text)
		wipe(i->source.text, FILE_MAX);
	free(i->source.text);
	if (i->entries)
		wipe(i->entries, i->room * sizeof(*i->entries));
	free(i->entries);
	free(i->lines);
}

static bool failed(const char *what, const char *why)
{
	fprintf(stderr, "tsmb-passwd: %s: %s\n", what, why);
	return false;
}

static void complain(struct imported *i, unsigned line, size_t at, const char *why)
{
	if (i->errors++ < ERRORS_MAX)
		fprintf(stderr, "%s:%u:%zu: %s\n", i->source.name, line, at + 1, why);
}

/* ---- reading --------------------------------------------------------------------- */

static bool read_all(struct source *s, int fd)
{
	ssize_t n;

	do {
		n = read(fd, s->text + s->len, FILE_MAX - s->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(s->name, strerror(errno));
		s->len += (size_t)n;
		if (s->len == FILE_MAX)
			return failed(s->name, "16 MiB or more");
	} while (n != 0);
	return true;
}

static bool source_read(struct source *s, const char *from)
{
	bool standard = strcmp(from, "-") == 0, ok;
	struct stat st;
	int fd;

	s->name = standard ? "standard input" : from;
	s->text = malloc(FILE_MAX);
	if (!s->text)
		return failed(s->name, strerror(ENOMEM));
	fd = standard ? STDIN_FILENO : open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return failed(s->name, strerror(errno));
	if (!standard && fstat(fd, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)))
		fprintf(stderr,
			"tsmb-passwd: warning: %s can be read by others: whoever has "
			"read "
			"it can log on as anybody in it\n",
			from);
	ok = read_all(s, fd);
	if (!standard)
		close(fd);
	return ok;
}

/* ---- its lines ------------------------------------------------------------------- */

/* One more, zeroed; what is outgrown is wiped. */
static struct userdb_entry *entry_new(struct imported *i, unsigned line)
{
	size_t room = i->room + i->room / 2 + USERS_STEP;
	struct userdb_entry *entries;
	unsigned *lines;

	if (i->count == i->room) {
		lines = reallocarray(i->lines, room, sizeof(*lines));
		if (!lines)
			return NULL;
		i->lines = lines;
		entries = calloc(room, sizeof(*entries));
		if (!entries)
			return NULL;
		if (i->entries) {
			memcpy(entries, i->entries, i->count * sizeof(*entries));
			wipe(i->entries, i->room * sizeof(*entries));
			free(i->entries);
		}
		i->entries = entries;
		i->room = room;
	}
	i->lines[i->count] = line;
	return &i->entries[i->count++];
}

static void note(const struct imported *i, unsigned line, const char *user,
		 const char *why)
{
	struct log_esc esc;

	fprintf(stderr, "%s:%u: note: %s %s: not imported\n", i->source.name, line,
		log_esc(&esc, span_of_str(user)), why);
}

static void line_wipe(struct smbpasswd_line *l)
{
	wipe(l, sizeof(*l));
}

static bool take_line(struct imported *i, struct span text, unsigned line)
{
	static const char *const skipped[] = {
		[SMBPASSWD_NO_HASH] = "has no password",
		[SMBPASSWD_NO_PASSWORD] = "logs on without a password",
		[SMBPASSWD_MACHINE] = "is a machine's or a domain's account",
	};
	CLEANUP(line_wipe) struct smbpasswd_line l = {0};
	struct smbpasswd_fault fault;
	struct userdb_entry *e;

	if (text.len && text.p[text.len - 1] == '\r')
		text.len--;
	if (userline_is_comment(text))
		return true;
	if (!smbpasswd_parse(text, &l, &fault)) {
		complain(i, line, fault.at, fault.text);
		return true;
	}
	if (l.kind != SMBPASSWD_USER) {
		note(i, line, l.user.name, skipped[l.kind]);
		return true;
	}
	e = entry_new(i, line);
	if (!e)
		return failed(i->source.name, strerror(ENOMEM));
	e->user = l.user;
	return true;
}

static bool take_lines(struct imported *i)
{
	struct span rest = span_of(i->source.text, i->source.len);

	for (unsigned line = 1; rest.len; line++) {
		const uint8_t *end = memchr(rest.p, '\n', rest.len);
		struct span text = end ? span_head(rest, (size_t)(end - rest.p)) : rest;

		rest = span_from(rest, text.len + (end ? 1 : 0));
		if (!take_line(i, text, line))
			return false;
	}
	return true;
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct imported *i = arg;
	const size_t *x = a, *y = b;
	struct span s = span_of_str(i->entries[*x].user.name);
	struct span t = span_of_str(i->entries[*y].user.name);

	while (s.len && t.len) {
		uint32_t c = utf8_take_upper(&s), d = utf8_take_upper(&t);

		if (c != d)
			return c < d ? -1 : 1;
	}
	if (s.len || t.len)
		return s.len ? 1 : -1;
	return *x < *y ? -1 : 1; /* of one name, the first comes first */
}

/* Nobody twice, however it is written. */
static bool check_names(struct imported *i)
{
	size_t *order = calloc(i->count + 1, sizeof(*order));

	if (!order)
		return failed(i->source.name, strerror(ENOMEM));
	for (size_t n = 0; n < i->count; n++)
		order[n] = n;
	qsort_r(order, i->count, sizeof(*order), compare_names, i);
	for (size_t n = 1; n < i->count; n++) {
		char why[64];

		if (!utf8_eq_nocase(i->entries[order[n - 1]].user.name,
				    i->entries[order[n]].user.name))
			continue;
		snprintf(why, sizeof(why), "the user of line %u again",
			 i->lines[order[n - 1]]);
		complain(i, i->lines[order[n]], 0, why);
	}
	free(order);
	return true;
}

/* ---- into the database ------------------------------------------------------------ */

static void complain_of_existing(struct imported *i)
{
	for (size_t n = 0; n < i->count; n++)
		if (i->entries[n].existed)
			complain(
				i, i->lines[n], 0,
				"the user is in the database already; --replace sets the "
				"password");
}

static bool put_all(struct imported *i, const struct import_args *a)
{
	struct userdb_fault fault;
	size_t set = 0;
	int err = userdb_import(a->db_path, i->entries, i->count, a->replace, &fault);

	if (err == -EEXIST && !fault.text[0])
		complain_of_existing(i);
	else if (err)
		fprintf(stderr, "tsmb-passwd: %s\n", fault.text);
	if (err)
		return false;
	for (size_t n = 0; n < i->count; n++)
		set += i->entries[n].existed;
	printf("%zu users added, the passwords of %zu set\n", i->count - set, set);
	return true;
}

static bool nothing(const struct imported *i)
{
	if (i->errors > ERRORS_MAX)
		fprintf(stderr, "%s: %u more\n", i->source.name, i->errors - ERRORS_MAX);
	fprintf(stderr, "tsmb-passwd: nothing was imported\n");
	return false;
}

bool passwd_import(const struct import_args *a)
{
	CLEANUP(imported_free) struct imported i = {0};

	if (!source_read(&i.source, a->from) || !take_lines(&i) || !check_names(&i) ||
	    i.errors || !put_all(&i, a))
		return nothing(&i);
	return true;
}
