#include "snapshot.h"

#include "auth/identity.h"
#include "base/log.h"
#include "fs/posix.h"
#include "secure/policy.h"
#include "smb/stats.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool same_attributes(const struct conf_map_attributes *a,
			    const struct conf_map_attributes *b)
{
	return a->form == b->form && a->version == b->version && a->exec == b->exec;
}

/* The volume of a share of `old` that serves the same directory in the same way; counted for the new share. */
static bool volume_reuse(const struct snapshot *old, struct share *s)
{
	for (size_t i = 0; old && i < old->share_count; i++) {
		const struct share *o = old->shares[i];

		if (!o->vfs || strcmp(o->conf->path, s->conf->path) != 0 ||
		    o->conf->case_insensitive != s->conf->case_insensitive ||
		    o->conf->map_acls != s->conf->map_acls ||
		    !same_attributes(&o->conf->map_attributes,
				     &s->conf->map_attributes) ||
		    o->conf->force_create_mode != s->conf->force_create_mode ||
		    o->conf->force_directory_mode != s->conf->force_directory_mode)
			continue;
		s->vfs = vfs_get(o->vfs);
		return true;
	}
	return false;
}

/* Nothing that is wrong with a share. */
static bool is_exhausted(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static int volume_open(const struct snapshot_env *e, struct share *s)
{
	static const enum posix_sd_form forms[] = {
		[CONF_MAP_ACLS_XATTR] = POSIX_SD_RAW,
		[CONF_MAP_ACLS_XATTR_RAW] = POSIX_SD_RAW,
		[CONF_MAP_ACLS_XATTR_V3] = POSIX_SD_NTACL3,
		[CONF_MAP_ACLS_XATTR_V4] = POSIX_SD_NTACL4,
		[CONF_MAP_ACLS_POSIX] = POSIX_SD_RAW, /* none is stored */
		[CONF_MAP_ACLS_POSIX_FULL] = POSIX_SD_RAW,
	};
	struct posix_settings p = {
		.path = s->conf->path,
		.map_attributes = s->conf->map_attributes,
		.sd_form = forms[s->conf->map_acls],
		.case_insensitive = s->conf->case_insensitive,
		.switch_credentials = geteuid() == 0,
		.force_create_mode = s->conf->force_create_mode,
		.force_directory_mode = s->conf->force_directory_mode,
		.hash_key = e->hash_key,
		.windows = e->windows,
	};
	int err = posix_new(&p, &s->vfs);

	if (err && !is_exhausted(err))
		log_error("share %s: %s: %s", s->name, s->conf->path, strerror(-err));
	return err;
}

static int share_groups(struct share *s)
{
	const struct conf_permissions *p = &s->conf->permissions;

	s->permission_gids = calloc(p->count + 1, sizeof(*s->permission_gids));
	if (!s->permission_gids)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		const struct group *g = p->list[i].kind == CONF_PERM_GROUP
						? getgrnam(p->list[i].name)
						: NULL;

		s->permission_gids[i] = g ? g->gr_gid : UINT32_MAX;
	}
	return 0;
}

/* force_user with its groups; force_group in place of the primary one. */
static int share_force(struct share *s)
{
	const struct conf_share *c = s->conf;
	CLEANUP(cred_putp) struct cred *user = NULL;
	const struct group *g = NULL;
	int err;

	if (!c->force_user && !c->force_group)
		return 0;
	err = c->force_user ? identity_lookup(c->force_user, &user)
			    : identity_self(&user);
	if (err == -ENOMEM)
		return err;
	if (!err && c->force_group && !(g = getgrnam(c->force_group)))
		err = -ENOENT;
	if (err) {
		log_error("share %s: force_user or force_group does not exist: nobody "
			  "gets in",
			  s->name);
		s->shut = true;
		return 0;
	}
	s->force_cred = cred_new(user->uid, g ? g->gr_gid : user->gid, user->groups,
				 user->group_count);
	if (!s->force_cred)
		return -ENOMEM;
	s->force_who = principal_new(PRINCIPAL_NAMED, c->force_user ? c->force_user : "",
				     "", s->force_cred);
	return s->force_who ? 0 : -ENOMEM;
}

/* What was counted under its name before a reload goes on. */
static int share_count(const struct snapshot_env *e, const struct snapshot *old,
		       struct share *s)
{
	const struct share *before = old ? snapshot_peek(old, s->name) : NULL;

	if (before && before->stats)
		s->stats = share_stats_get(before->stats);
	if (!s->stats)
		s->stats = share_stats_new(e->lane_count);
	return s->stats ? 0 : -ENOMEM;
}

static int share_new(const struct snapshot_env *e, struct conf *conf,
		     const struct conf_share *c, const struct snapshot *old,
		     struct share **ret_share)
{
	struct share *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->kind = SHARE_DISK;
	s->conf = c;
	s->owner = conf_get(conf);
	s->name = c->netname;
	s->encrypt_data = c->encrypt_data;
	err = share_groups(s);
	if (!err)
		err = share_force(s);
	if (!err)
		err = share_count(e, old, s);
	if (!err && !volume_reuse(old, s))
		err = volume_open(e, s);
	if (!err) {
		s->root = s->vfs->ops->root(s->vfs);
		err = s->root ? 0 : -errno;
	}
	if (err && !is_exhausted(err)) {
		s->shut = true;
		err = 0;
	}
	if (err) {
		share_put(s);
		return err;
	}
	*ret_share = s;
	return 0;
}

static int ipc_new(const struct snapshot_env *e, struct conf *conf,
		   const struct snapshot *old, struct share **ret_share)
{
	struct share *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->kind = SHARE_PIPE;
	s->owner = conf_get(conf);
	s->name = "IPC$";
	s->encrypt_data = conf->encrypt_data; /* rules of the global value */
	if (share_count(e, old, s) != 0) {
		share_put(s);
		return -ENOMEM;
	}
	*ret_share = s;
	return 0;
}

int snapshot_new(const struct snapshot_env *e, struct conf *conf,
		 const struct snapshot *old, struct snapshot **ret_snapshot)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct share *share;
	int err;

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->conf = conf_get(conf);
	s->security_mode = policy_security_mode(conf->require_message_signing,
						conf->reject_unencrypted_access);
	s->shares = calloc(conf->share_count + 1, sizeof(struct share *));
	err = s->shares ? auth_server_init(&s->auth, conf, e->env) : -ENOMEM;
	s->auth.log_limit = e->log_limit;
	for (size_t i = 0; !err && i < conf->share_count; i++) {
		err = share_new(e, conf, &conf->shares[i], old, &share);
		if (!err)
			snapshot_add(s, share);
	}
	if (!err && conf->enable_ipc) {
		err = ipc_new(e, conf, old, &share);
		if (!err)
			snapshot_add(s, share);
	}
	if (err) {
		snapshot_put(s);
		return err;
	}
	*ret_snapshot = s;
	return 0;
}
