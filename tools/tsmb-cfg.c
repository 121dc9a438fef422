/*
 * tsmb-cfg - show and change the configuration of the server, while it runs or not.
 *
 * With a server running the call goes over its control socket; it changes the server and the file, or neither. Without one
 * the same call works on the file, here.
 *
 * Exit     0 done, 1 refused (the reason is on standard error), 2 usage.
 */
#include "ask.h"
#include "cfg_args.h"
#include "cfg_print.h"
#include "ctl/config.h"
#include "table.h"

#include <stdlib.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static int refused(const char *text)
{
	fprintf(stderr, "tsmb-cfg: %s\n", text);
	return EXIT_REFUSED;
}

/*
 * Of the file alone. A server that started meanwhile may have read the file before it was changed: it is told to read it
 * again. One that starts later cannot, as the file's lock keeps it waiting.
 */
static json_t *change_file(const struct cfg_args *a, struct asker *server, json_t *args,
			   struct ctl_error *e)
{
	struct config alone = {.path = a->conf_path};
	json_t *result, *reloaded;
	int err;

	if (strcmp(a->command->call, "config.reload") == 0)
		return NULL; /* ask() has said so */
	result = config_call(&alone, a->command->call, args, e);
	if (!result || strcmp(a->command->call, "config.show") == 0 ||
	    strcmp(a->command->call, "config.check") == 0)
		return result;
	err = ask(server, "config.reload", NULL, &reloaded, e);
	if (is_alone(err))
		return result;
	json_decref(result);
	return err ? NULL : reloaded;
}

static json_t *call(const struct cfg_args *a, struct asker *server, json_t *args,
		    struct ctl_error *e)
{
	json_t *result = NULL;
	int err;

	if (strcmp(a->command->call, "config.check") == 0)
		return change_file(a, server, args, e); /* the file's, whoever runs */
	err = ask(server, a->command->call, args, &result, e);
	return is_alone(err) ? change_file(a, server, args, e) : result;
}

static int print_json(const struct cfg_args *a, const json_t *result)
{
	const json_t *part = result;

	if (strcmp(a->command->call, "config.show") == 0)
		part = a->share ? cfg_share_of(result, a->share)
		       : strcmp(a->command->group, "share") == 0
			       ? json_object_get(result, "shares")
			       : json_object_get(result, "global");
	if (!part)
		return refused("there is no such share");
	if (json_dumpf(part, stdout, JSON_INDENT(2)) != 0 || puts("") < 0)
		return refused("standard output cannot be written");
	return EXIT_DONE;
}

static int print_people(const struct cfg_args *a, const json_t *result)
{
	const struct cfg_command *c = a->command;

	if (strcmp(c->call, "config.check") == 0)
		cfg_print_check(result, stdout);
	else if (strcmp(c->call, "config.show") != 0)
		cfg_print_change(result, stdout);
	else if (a->share && !cfg_print_share(result, a->share, stdout))
		return refused("there is no such share");
	else if (!a->share && strcmp(c->group, "share") == 0)
		cfg_print_shares(result, terminal_size(STDOUT_FILENO, SIZE_MAX).columns,
				 stdout);
	else if (!a->share)
		cfg_print_global(result, stdout);
	return EXIT_DONE;
}

static int print_result(const struct cfg_args *a, const json_t *result)
{
	int status = a->json ? print_json(a, result) : print_people(a, result);
	const json_t *valid = json_object_get(result, "valid");

	if (fflush(stdout) != 0)
		status = refused("standard output cannot be written");
	return json_is_false(valid) ? EXIT_REFUSED : status;
}

static int run(const struct cfg_args *a)
{
	CLEANUP(json_freep) json_t *args = cfg_args_json(a);
	CLEANUP(json_freep) json_t *result = NULL;
	struct ctl_error *e = calloc(1, sizeof(*e));
	bool only_check = strcmp(a->command->call, "config.check") == 0;
	CLEANUP(asker_fini) struct asker server = {0};
	int status = EXIT_REFUSED;

	if (!args) {
		free(e);
		return EXIT_USAGE;
	}
	if (e && (only_check || asker_init(&server, "tsmb-cfg", a->conf_path))) {
		result = call(a, &server, args, e);
		status = result ? print_result(a, result) : refused(e->text);
	}
	free(e);
	return status;
}

int main(int argc, char **argv)
{
	struct cfg_args a;

	if (!cfg_args_parse(&a, argc, argv))
		return EXIT_USAGE;
	if (a.version)
		puts("tsmb-cfg " TSMB_VERSION);
	else if (a.help && a.command)
		cfg_command_help(a.command, stdout);
	else if (a.help && a.group)
		cfg_group_help(a.group, stdout);
	else if (a.help)
		cfg_help(stdout);
	else
		return run(&a);
	return EXIT_DONE;
}
