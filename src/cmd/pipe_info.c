#include "cmd/pipe_io.h"

#include "auth/privilege.h"
#include "smb/stats.h"

#include <errno.h>
#include <string.h>

static uint32_t share_flags(const struct share *s)
{
	uint32_t flags = s->encrypt_data ? SHI1005_FLAGS_ENCRYPT_DATA : 0;

	if (s->conf && s->conf->access_based_enumeration)
		flags |= SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM;
	return flags;
}

static struct rpc_share share_info(const struct share *s, bool visible)
{
	bool pipe = s->kind == SHARE_PIPE;

	return (struct rpc_share){
		.netname = s->name,
		.remark = pipe ? "Remote procedures" : s->conf->remark,
		.path = pipe ? "" : s->conf->path,
		.type = pipe ? STYPE_IPC : STYPE_DISKTREE,
		.flags = share_flags(s),
		.max_uses = SHARE_USES_UNLIMITED,
		.current_uses = s->stats ? (uint32_t)atomic_load(&s->stats->trees) : 0,
		.administrative = pipe || s->conf->administrative,
		.visible = visible,
	};
}

static bool info_share_at(void *ctx, size_t i, struct rpc_share *ret_share)
{
	const struct pipe_context *p = ctx;
	struct req *q = p->q;
	const struct snapshot *snap = q->snap;
	bool visible;

	if (i >= snap->share_count)
		return false;
	visible = !snap->conf->access_based_share_enumeration || p->administrator ||
		  share_access(snap->shares[i], p->who) != 0;
	*ret_share = share_info(snap->shares[i], visible);
	return true;
}

static bool user_sid(const struct pipe_context *p, const char *user, struct sid *ret)
{
	const struct cred *self = p->q->snap->auth.self;
	struct share_admin *a = p->q->conn->server->share_admin;
	uint32_t uid;

	if (self)
		uid = self->uid;
	else if (!a || a->uid_of(a, user, &uid) != 0)
		return false;
	*ret = sid_of_uid(uid);
	return true;
}

/* What a descriptor says in the place of one entry of `permissions`. False: it names nobody there is. */
static bool permission_sid(const struct pipe_context *p, const struct share *s, size_t i,
			   struct sid *ret)
{
	const struct conf_perm *perm = &s->conf->permissions.list[i];

	switch (perm->kind) {
	case CONF_PERM_EVERYONE:
		*ret = sid_everyone;
		return true;
	case CONF_PERM_ANONYMOUS:
		*ret = sid_anonymous;
		return true;
	case CONF_PERM_AUTHENTICATED:
		*ret = sid_authenticated_users;
		return true;
	case CONF_PERM_SID:
		*ret = perm->sid;
		return true;
	case CONF_PERM_GROUP:
		*ret = sid_of_gid(s->permission_gids[i]);
		return s->permission_gids[i] != UINT32_MAX;
	case CONF_PERM_USER:
		return user_sid(p, perm->name, ret);
	}
	return false;
}

/*
 * `no` comes first, as it beats what follows. What it says of who is not there is said of everyone: written back by a client it
 * must not let in who may come yet.
 */
static size_t permissions_describe(const struct pipe_context *p, const struct share *s,
				   struct ace *aces)
{
	const struct conf_permissions *ps = &s->conf->permissions;
	size_t count = 0;

	for (int deny = 1; deny >= 0; deny--)
		for (size_t i = 0; i < ps->count; i++) {
			enum conf_access access = ps->list[i].access;
			struct ace *ace = &aces[count];

			if ((access == CONF_ACCESS_NO) != deny)
				continue;
			if (!permission_sid(p, s, i, &ace->sid)) {
				if (!deny)
					continue;
				ace->sid = sid_everyone;
			}
			ace->type = deny ? ACCESS_DENIED_ACE_TYPE
					 : ACCESS_ALLOWED_ACE_TYPE;
			ace->mask = share_access_mask(deny ? CONF_ACCESS_FULL : access);
			count++;
		}
	return count;
}

static int sd_encode(const struct sd *sd, struct arena *a, struct span *ret)
{
	size_t len = sd_len(sd);
	uint8_t *bytes = arena_alloc(a, len);
	struct wr w = wr_of(mspan_of(bytes, len));

	if (!bytes)
		return -ENOMEM;
	wr_sd(&w, sd);
	if (!wr_ok(&w)) /* more entries than a list can hold */
		return -EOVERFLOW;
	*ret = wr_done(&w);
	return 0;
}

/* Of IPC$ there is none to show: it has no permissions. */
static int info_share_sd(void *ctx, struct arena *a, size_t i, struct span *ret_sd)
{
	const struct pipe_context *p = ctx;
	const struct share *s = p->q->snap->shares[i];
	struct acl dacl = {.revision = ACL_REVISION};
	struct sd sd = {.dacl = &dacl};

	*ret_sd = span_of(NULL, 0);
	if (s->kind == SHARE_PIPE)
		return 0;
	if (s->conf->security_descriptor.text)
		return sd_encode(&s->conf->security_descriptor.sd, a, ret_sd);
	dacl.aces = arena_array(a, s->conf->permissions.count, sizeof(*dacl.aces));
	if (!dacl.aces)
		return -ENOMEM;
	dacl.count = permissions_describe(p, s, dacl.aces);
	return sd_encode(&sd, a, ret_sd);
}

static bool info_account_by_id(void *ctx, struct arena *a, bool group, uint32_t id,
			       const char **ret_name)
{
	const struct pipe_context *p = ctx;
	struct req *q = p->q;
	const struct account_names *names = q->conn->server->accounts;

	return names && names->by_id(a, group, id, ret_name);
}

static bool info_account_by_name(void *ctx, const char *name, bool *ret_group,
				 uint32_t *ret_id)
{
	const struct pipe_context *p = ctx;
	struct req *q = p->q;
	const struct account_names *names = q->conn->server->accounts;

	return names && names->by_name(name, ret_group, ret_id);
}

static bool is_administrator(const struct conf *conf, const struct principal *who)
{
	return principal_has_sid(who, &sid_administrators) ||
	       (privileges_of(&conf->privileges, who) & PRIVILEGE_DISK_OPERATOR);
}

struct rpc_info pipe_info(struct pipe_context *p)
{
	struct req *q = p->q;
	struct smb_server *server = q->conn->server;
	const struct conf *conf = q->snap->conf;
	const struct principal *who = p->who;
	bool fqdn = strchr(conf->domain, '.') != NULL;

	p->administrator = is_administrator(conf, who);
	return (struct rpc_info){
		.env = server->env,
		.server_name = conf->server_name,
		.comment = conf->server_comment,
		.domain = conf->domain,
		.dns_domain = fqdn ? conf->domain : "",
		.version_major = 10,
		.server_type = SV_TYPE_WORKSTATION | SV_TYPE_SERVER | SV_TYPE_NT |
			       SV_TYPE_SERVER_NT,
		.session_count = (uint32_t)smb_server_sessions(server),
		.machine_sid = server->machine_sid,
		.caller = who,
		.administrator = p->administrator,
		.ctx = p,
		.admin = &pipe_admin,
		.share_at = info_share_at,
		.share_sd = info_share_sd,
		.account_by_id = info_account_by_id,
		.account_by_name = info_account_by_name,
	};
}
