#include "share_changes.h"

#include "auth/identity.h"
#include "auth/userdb.h"
#include "base/log.h"
#include "rpc/admin.h"

#include <errno.h>
#include <sys/stat.h>

struct change {
	struct errand errand;
	struct share_changes *of;
	const struct rpc_share_change *asked;
	const char *user;
};

/* What is NULL is left out. */
static json_t *set_json(const struct rpc_share_change *c)
{
	json_t *set = json_pack("{s:s?}", "path", c->path);
	int err = set ? 0 : -1;

	if (set && !c->path)
		err |= json_object_del(set, "path");
	if (set && c->action == RPC_SHARE_ADD)
		err |= json_object_set_new(set, "netname", json_string(c->netname));
	if (set && c->remark)
		err |= json_object_set_new(set, "remark", json_string(c->remark));
	if (set && c->sddl)
		err |= json_object_set_new(set, "security_descriptor",
					   json_string(c->sddl));
	if (set && c->encrypt_data)
		err |= json_object_set_new(set, "encrypt_data",
					   json_boolean(*c->encrypt_data));
	if (set && c->access_based_enumeration)
		err |= json_object_set_new(set, "access_based_enumeration",
					   json_boolean(*c->access_based_enumeration));
	if (!err)
		return set;
	json_decref(set);
	return NULL;
}

/* The call of ctl/config.h and its arguments; NULL without memory. */
static const char *call_of(const struct rpc_share_change *c, json_t **ret_args)
{
	switch (c->action) {
	case RPC_SHARE_ADD:
		*ret_args = json_pack("{s:o}", "set", set_json(c));
		return "config.share-add";
	case RPC_SHARE_SET:
		*ret_args = json_pack("{s:s, s:o}", "share", c->netname, "set",
				      set_json(c));
		return "config.share-update";
	case RPC_SHARE_DEL:
		*ret_args = json_pack("{s:s}", "share", c->netname);
		return "config.share-del";
	}
	return NULL;
}

/* What a client is told in words of its own; everything else is found by the call. */
static int check(const struct config *config, const struct rpc_share_change *c)
{
	const struct conf *now = config->ops->current(config->arg);
	bool there = conf_share_find(now, c->netname) != NULL;
	struct stat st;

	if (c->action != RPC_SHARE_ADD)
		return there ? 0 : -ENOENT;
	if (there)
		return -EEXIST;
	return stat(c->path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int errno_of(enum ctl_code code)
{
	switch (code) {
	case CTL_UNKNOWN:
		return -ENOENT;
	case CTL_MALFORMED:
	case CTL_REFUSED:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int call(struct config *config, const struct rpc_share_change *c, const char *user)
{
	struct ctl_error *e = calloc(1, sizeof(*e));
	json_t *args = NULL, *result = NULL;
	const char *name = call_of(c, &args);
	struct log_esc esc;
	int err = -ENOMEM;

	if (e && args) {
		result = config_call(config, name, args, e);
		err = result ? 0 : errno_of(e->code);
		if (!result)
			log_warn("srvsvc: \"%s\": %s refused: %s",
				 log_esc(&esc, span_of_str(user)), name, e->text);
	}
	json_decref(result);
	json_decref(args);
	free(e);
	return err;
}

static int run(struct errand *e)
{
	struct change *c = container_of(e, struct change, errand);
	struct share_changes *s = c->of;
	int err = check(s->config, c->asked);

	if (err)
		return err;
	*s->user = c->user;
	err = call(s->config, c->asked, c->user);
	*s->user = NULL;
	return err;
}

static int change(struct share_admin *a, const struct rpc_share_change *asked,
		  const char *user)
{
	struct change c = {
		.errand.run = run,
		.of = container_of(a, struct share_changes, admin),
		.asked = asked,
		.user = user,
	};

	return errands_ask(c.of->errands, &c.errand);
}

/* The database is for main's eyes only. */
struct look {
	struct errand errand;
	struct share_changes *of;
	const char *user;
	uint32_t uid;
};

static int look_up(struct errand *e)
{
	struct look *l = container_of(e, struct look, errand);
	const struct config *config = l->of->config;
	const struct conf *now = config->ops->current(config->arg);
	CLEANUP(user_wipe) struct user user = {0};
	CLEANUP(cred_putp) struct cred *cred = NULL;
	struct userdb_fault fault;
	int err = userdb_find(now->userdb_file, l->user, &user, &fault);

	if (!err)
		err = identity_lookup(user_account(&user), &cred);
	if (!err)
		l->uid = cred->uid;
	return err;
}

static int uid_of(struct share_admin *a, const char *user, uint32_t *ret_uid)
{
	struct look l = {
		.errand.run = look_up,
		.of = container_of(a, struct share_changes, admin),
		.user = user,
	};
	int err = errands_ask(l.of->errands, &l.errand);

	if (!err)
		*ret_uid = l.uid;
	return err;
}

void share_changes_init(struct share_changes *s)
{
	s->admin.change = change;
	s->admin.uid_of = uid_of;
}
