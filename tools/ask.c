#include "ask.h"

#include "conf/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void json_freep(json_t **j)
{
	json_decref(*j);
}

static void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

bool asker_init(struct asker *a, const char *tool, const char *conf_path)
{
	CLEANUP(conf_putp) struct conf *c = NULL;
	struct conf_errors errors;
	int err;

	*a = (struct asker){.tool = tool, .conf_path = conf_path};
	conf_errors_init(&errors);
	err = conf_load(conf_path, &c, &errors);
	if (err)
		conf_errors_print(&errors, stderr);
	conf_errors_fini(&errors);
	if (!err)
		a->dir = strdup(c->runstate_dir);
	return a->dir != NULL;
}

void asker_fini(struct asker *a)
{
	free(a->dir);
}

/* Does the server at fd serve this file? A server of another file has nothing to do with it. */
static int is_ours(struct asker *a, int fd, struct ctl_error *e)
{
	CLEANUP(json_freep) json_t *result = NULL;
	char own[PATH_MAX];
	const char *theirs;
	int err = ctl_ask(fd, "config.file", NULL, &result, e);

	if (err)
		return err;
	theirs = json_string_value(json_object_get(result, "file"));
	if (theirs && realpath(a->conf_path, own) && strcmp(own, theirs) == 0)
		return 0;
	if (!a->told)
		fprintf(stderr, "%s: the server that runs there serves %s, not %s\n",
			a->tool, theirs ? theirs : "another file", a->conf_path);
	a->told = true;
	return -ENOENT;
}

bool is_alone(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static void fault(const struct asker *a, int err, struct ctl_error *e)
{
	if (err == -EREMOTEIO)
		return; /* the server has said why */
	if (is_alone(err))
		ctl_refuse(e, CTL_REFUSED, "%s: no server runs with %s", a->dir,
			   a->conf_path);
	else if (err == -EACCES)
		ctl_refuse(e, CTL_REFUSED,
			   "%s: the control socket answers root and the server's account "
			   "only",
			   a->dir);
	else if (err == -EPROTO)
		ctl_refuse(e, CTL_FAILED,
			   "%s: the server hung up, or does not speak this language",
			   a->dir);
	else
		ctl_refuse(e, CTL_FAILED, "%s: control socket: %s", a->dir,
			   strerror(-err));
}

int ask(struct asker *a, const char *call, json_t *args, json_t **ret_result,
	struct ctl_error *ret_error)
{
	CLEANUP(close_p) int fd = -1;
	int err = ctl_connect(a->dir, &fd);

	if (!err)
		err = is_ours(a, fd, ret_error);
	if (!err)
		err = ctl_ask(fd, call, args, ret_result, ret_error);
	if (err)
		fault(a, err, ret_error);
	return err;
}
