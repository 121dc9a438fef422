/*
 * tsmb-status - what goes on in the running server; and ends some of it.
 *
 * Exit     0 done, 1 refused (the reason is on standard error), 2 usage.
 */
#include "ask.h"
#include "cmdline.h"
#include "status_commands.h"
#include "status_print.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TOOL "tsmb-status"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };
enum { WATCH_S = 2, WATCH_MAX_S = 86400 };

struct status_args {
	struct cmdline line;
	const char *conf_path;
	const struct status_command *command;
	json_int_t id;
	bool json, help, version;
	unsigned watch_s; /* 0: once */
};

static int refused(const char *text)
{
	fprintf(stderr, TOOL ": %s\n", text);
	return EXIT_REFUSED;
}

/* ---- command line ---------------------------------------------------------------------------------------------- */

static enum cmdline_value takes(const struct cmdline_option *o)
{
	if (option_is(o, "--watch", "-w"))
		return CMDLINE_MAY_VALUE;
	return option_is(o, "--config", "-c") ? CMDLINE_VALUE : CMDLINE_NO_VALUE;
}

/* A number from 1 to max, all of text. */
static bool number(const char *text, unsigned long long max, unsigned long long *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-' || n < 1 || n > max)
		return false;
	*ret = n;
	return true;
}

static bool option_use(struct status_args *a, const struct cmdline_option *o)
{
	unsigned long long seconds = WATCH_S;

	if (option_is(o, "--config", "-c")) {
		a->conf_path = o->value;
	} else if (option_is(o, "--json", NULL)) {
		a->json = true;
	} else if (option_is(o, "--help", "-h")) {
		a->help = true;
	} else if (option_is(o, "--version", "-v")) {
		a->version = true;
	} else if (option_is(o, "--watch", "-w")) {
		if (o->value && !number(o->value, WATCH_MAX_S, &seconds))
			return usage(TOOL, "%s: expected 1 to %d seconds", o->name,
				     WATCH_MAX_S);
		a->watch_s = (unsigned)seconds;
	} else {
		return usage(TOOL, "there is no option %.*s", (int)o->name_len, o->name);
	}
	return true;
}

static bool words_use(struct status_args *a)
{
	const struct cmdline *l = &a->line;
	const char *name = l->word_count ? l->words[0] : "stats";
	unsigned long long id = 0;
	size_t want;

	a->command = status_command_find(name);
	if (!a->command && a->watch_s && number(name, WATCH_MAX_S, &id))
		return usage(TOOL, "the seconds are part of the option: --watch=%s",
			     name);
	if (!a->command)
		return usage(TOOL, "there is no command \"%s\"", name);
	want = a->command->id ? 2 : 1;
	if (l->word_count > want)
		return usage(TOOL, "unexpected argument \"%s\"", l->words[want]);
	if (!a->command->id)
		return true;
	if (l->word_count < want || !number(l->words[1], INT64_MAX, &id))
		return usage(TOOL, "%s: expected an ID, as the lists show it", name);
	a->id = (json_int_t)id;
	if (a->watch_s)
		return usage(TOOL, "%s: --watch is for what shows something", name);
	return true;
}

static bool args_parse(struct status_args *a, int argc, char **argv)
{
	*a = (struct status_args){
		.line = {.tool = TOOL, .takes = takes},
		.conf_path = CONF_DEFAULT,
	};
	if (!cmdline_split(&a->line, argc, argv))
		return false;
	for (size_t i = 0; i < a->line.option_count; i++)
		if (!option_use(a, &a->line.options[i]))
			return false;
	return a->help || a->version || words_use(a);
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

/* Where the page after `rows` begins. Of locks: at its last file, whose locks so far are skipped. */
static json_t *next_page(const json_t *rows)
{
	size_t count = json_array_size(rows);
	const json_t *last = json_array_get(rows, count - 1);
	const json_t *file = json_object_get(last, "file");
	json_int_t skip = 0;

	if (!file)
		return json_pack("{s:O}", "after", json_object_get(last, "id"));
	while (count &&
	       json_equal(json_object_get(json_array_get(rows, count - 1), "file"),
			  file)) {
		skip++;
		count--;
	}
	return json_pack("{s:O, s:I}", "from", file, "skip", skip);
}

/* Pages until there are no more, all in *result's list. */
static int ask_pages(struct asker *server, const struct status_command *c, json_t *result,
		     struct ctl_error *e)
{
	json_t *rows = json_object_get(result, c->list);
	bool more = json_is_true(json_object_get(result, "more"));

	while (more && json_array_size(rows)) {
		CLEANUP(json_freep) json_t *args = next_page(rows);
		CLEANUP(json_freep) json_t *page = NULL;
		int err = args ? ask(server, c->call, args, &page, e) : -ENOMEM;

		if (err)
			return err;
		more = json_is_true(json_object_get(page, "more")) &&
		       json_array_size(json_object_get(page, c->list)) > 0;
		if (json_array_extend(rows, json_object_get(page, c->list)) != 0)
			return -ENOMEM;
	}
	return 0;
}

static json_t *ask_all(struct asker *server, const struct status_args *a,
		       struct ctl_error *e)
{
	CLEANUP(json_freep)
	json_t *args = a->command->id ? json_pack("{s:I}", "id", a->id) : NULL;
	CLEANUP(json_freep) json_t *result = NULL;
	int err;

	ctl_refuse(e, CTL_FAILED, "out of memory");
	err = ask(server, a->command->call, args, &result, e);
	if (!err && a->command->list)
		err = ask_pages(server, a->command, result, e);
	return err ? NULL : TAKE(result);
}

/* ---- showing --------------------------------------------------------------------------------------------------- */

/* Lists as arrays; what has more than a list as an object. */
static void show_json(const struct status_args *a, json_t *result, FILE *out)
{
	json_t *rows = a->command->list ? json_object_get(result, a->command->list)
					: NULL;
	size_t flags = a->watch_s ? JSON_COMPACT : JSON_INDENT(2);

	(void)json_object_del(result, "more");
	(void)json_dumpf(rows && json_object_size(result) == 1 ? rows : result, out,
			 flags);
	fputs("\n", out);
}

static void show(const struct status_args *a, json_t *result, FILE *out)
{
	const struct screen s = {
		.out = out,
		.columns = terminal_size(STDOUT_FILENO, TABLE_COLUMNS).columns,
		.colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
		.now_s = time(NULL),
	};

	if (a->json)
		show_json(a, result, out);
	else if (a->command->print)
		a->command->print(result, &s);
}

/*
 * Over what was there before: each line cleared to its end, and what is below it. What is wider or longer than the terminal is
 * left out, as it would push the beginning off the screen; the last row stays empty for the cursor.
 */
static void put_in_place(const char *text, bool first)
{
	struct terminal_size size = terminal_size(STDOUT_FILENO, TABLE_COLUMNS);

	fputs(first ? "\033[H\033[2J" : "\033[H", stdout);
	for (size_t row = 1; *text && (row < size.rows || !size.rows); row++) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);

		if (line)
			printf("%.*s\033[0m\033[K\n",
			       (int)columns_len(line, size.columns), line);
		free(line);
		text += len + (text[len] == '\n');
	}
	fputs("\033[J", stdout);
}

static bool show_once(const struct status_args *a, json_t *result, bool first)
{
	bool in_place = a->watch_s && !a->json && isatty(STDOUT_FILENO);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return false;
	show(a, result, out);
	if (fclose(out) != 0) {
		free(text);
		return false;
	}
	if (in_place)
		put_in_place(text, first);
	else
		printf("%s%s", a->watch_s && !a->json && !first ? "\n" : "", text);
	free(text);
	return fflush(stdout) == 0;
}

static int run(const struct status_args *a)
{
	CLEANUP(asker_fini) struct asker server = {0};
	struct ctl_error *e = calloc(1, sizeof(*e));
	int status = EXIT_DONE;
	bool first = true;

	if (!e || !asker_init(&server, TOOL, a->conf_path)) {
		free(e);
		return EXIT_REFUSED;
	}
	do {
		CLEANUP(json_freep) json_t *result = NULL;

		if (!first)
			sleep(a->watch_s);
		result = ask_all(&server, a, e);
		if (!result)
			status = refused(e->text);
		else if (!show_once(a, result, first))
			status = refused("standard output cannot be written");
		first = false;
	} while (status == EXIT_DONE && a->watch_s);
	free(e);
	return status;
}

int main(int argc, char **argv)
{
	struct status_args a;

	if (!args_parse(&a, argc, argv))
		return EXIT_USAGE;
	if (a.version)
		puts(TOOL " " TSMB_VERSION);
	else if (a.help)
		status_help(stdout);
	else
		return run(&a);
	return EXIT_DONE;
}
