#include "cmd/pipe_io.h"

#include "auth/privilege.h"
#include "smb/stats.h"

#include <string.h>

static struct rpc_share share_info(const struct share *s, bool visible)
{
	bool pipe = s->kind == SHARE_PIPE;

	return (struct rpc_share){
		.netname = s->name,
		.remark = pipe ? "Remote procedures" : s->conf->remark,
		.path = pipe ? "" : s->conf->path,
		.type = pipe ? STYPE_IPC : STYPE_DISKTREE,
		.flags = s->encrypt_data ? SHI1005_FLAGS_ENCRYPT_DATA : 0,
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
	visible = !snap->conf->access_based_share_enumeration ||
		  share_access(snap->shares[i], q->who) != 0;
	*ret_share = share_info(snap->shares[i], visible);
	return true;
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
	const struct principal *who = req_who(q);
	bool fqdn = strchr(conf->domain, '.') != NULL;

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
		.administrator = is_administrator(conf, who),
		.ctx = p,
		.admin = &pipe_admin,
		.share_at = info_share_at,
		.account_by_id = info_account_by_id,
		.account_by_name = info_account_by_name,
	};
}
