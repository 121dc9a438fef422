/*
 * tsmb-cfg - show and change the configuration of the server, while it runs or not.
 *
 * With a server running the call goes over its control socket; it changes the server and the file, or neither. Without one
 * the same call works on the file, here.
 *
 * Exit     0 done, 1 refused (the reason is on standard error), 2 usage.
 */
#include "cfg_args.h"
#include "cfg_print.h"
#include "ctl/config.h"
#include "ctl/ctl_client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static void json_freep(json_t **j)
{
	json_decref(*j);
}

static void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int refused(const char *text)
{
	fprintf(stderr, "tsmb-cfg: %s\n", text);
	return EXIT_REFUSED;
}

/* Does the server at fd serve this file? A server of another file has nothing to do with it. */
static int is_ours(int fd, const char *path, struct ctl_error *e)
{
	CLEANUP(json_freep) json_t *result = NULL;
	char own[PATH_MAX];
	const char *theirs;
	int err = ctl_ask(fd, "config.file", NULL, &result, e);

	if (err)
		return err;
	theirs = json_string_value(json_object_get(result, "file"));
	if (theirs && realpath(path, own) && strcmp(own, theirs) == 0)
		return 0;
	fprintf(stderr, "tsmb-cfg: the server that runs there serves %s, not %s\n",
		theirs ? theirs : "another file", path);
	return -ENOENT;
}

static const char *ask_fault(int err, const char *dir, struct ctl_error *e)
{
	switch (err) {
	case -EREMOTEIO:
		return e->text;
	case -EACCES:
		ctl_refuse(e, CTL_REFUSED,
			   "%s: the control socket answers root and the server's account "
			   "only",
			   dir);
		return e->text;
	case -EPROTO:
		ctl_refuse(e, CTL_FAILED,
			   "%s: the server hung up, or does not speak this language",
			   dir);
		return e->text;
	default:
		ctl_refuse(e, CTL_FAILED, "%s: control socket: %s", dir, strerror(-err));
		return e->text;
	}
}

static bool is_alone(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

/* Over the control socket. -ENOENT, -ECONNREFUSED: no server runs with this file. */
static int ask_server(const char *dir, const char *path, const char *call, json_t *args,
		      json_t **ret_result, struct ctl_error *e)
{
	CLEANUP(close_p) int fd = -1;
	int err = ctl_connect(dir, &fd);

	if (!err)
		err = is_ours(fd, path, e);
	return err ? err : ctl_ask(fd, call, args, ret_result, e);
}

/* runstate_dir, where the server is to be found; NULL after telling the errors of the file. */
static char *runstate_dir(const char *path)
{
	CLEANUP(conf_putp) struct conf *c = NULL;
	struct conf_errors errors;
	int err;

	conf_errors_init(&errors);
	err = conf_load(path, &c, &errors);
	if (err)
		conf_errors_print(&errors, stderr);
	conf_errors_fini(&errors);
	return err ? NULL : strdup(c->runstate_dir);
}

/*
 * Of the file alone. A server that started meanwhile may have read the file before it was changed: it is told to read it
 * again. One that starts later cannot, as the file's lock keeps it waiting.
 */
static json_t *change_file(const struct cfg_args *a, const char *dir, json_t *args,
			   struct ctl_error *e)
{
	struct config alone = {.path = a->conf_path};
	json_t *result, *reloaded;
	int err;

	if (strcmp(a->command->call, "config.reload") == 0)
		return ctl_refuse(e, CTL_REFUSED, "%s: no server runs with %s", dir,
				  a->conf_path);
	result = config_call(&alone, a->command->call, args, e);
	if (!result || strcmp(a->command->call, "config.show") == 0 ||
	    strcmp(a->command->call, "config.check") == 0)
		return result;
	err = ask_server(dir, a->conf_path, "config.reload", NULL, &reloaded, e);
	if (is_alone(err))
		return result;
	json_decref(result);
	if (!err)
		return reloaded;
	ask_fault(err, dir, e);
	return NULL;
}

static json_t *call(const struct cfg_args *a, const char *dir, json_t *args,
		    struct ctl_error *e)
{
	json_t *result = NULL;
	int err;

	if (strcmp(a->command->call, "config.check") == 0)
		return change_file(a, dir, args, e); /* the file's, whoever runs */
	err = ask_server(dir, a->conf_path, a->command->call, args, &result, e);
	if (is_alone(err))
		return change_file(a, dir, args, e);
	if (err)
		ask_fault(err, dir, e);
	return result;
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
		cfg_print_shares(result, stdout);
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
	char *dir = NULL;
	int status = EXIT_REFUSED;

	if (!args) {
		free(e);
		return EXIT_USAGE;
	}
	if (!only_check)
		dir = runstate_dir(a->conf_path);
	if (e && (dir || only_check)) {
		result = call(a, dir, args, e);
		status = result ? print_result(a, result) : refused(e->text);
	}
	free(dir);
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
	else if (a.help)
		cfg_help(stdout);
	else
		return run(&a);
	return EXIT_DONE;
}
