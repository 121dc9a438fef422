/*
 * srvsvc_change.c - the Server Service on shares: made, changed and removed.
 *
 * A call makes a struct rpc_share_change of what its client handed in, or a refusal; what becomes of it is decided where all
 * changes of the configuration are. What a client asks for and this server cannot do is refused, never passed over.
 *
 * Spec: [MS-SRVS] 3.1.4.7, 3.1.4.11, 3.1.4.12, 3.1.4.16
 */
#include "rpc/srvsvc.h"

#include "rpc/admin.h"
#include "wire/sddl.h"
#include "wire/utf16.h"

#include <errno.h>

/* Indices for ParmErr. [MS-SRVS] 2.2.2.11 */
enum {
	PARM_NETNAME = 1,
	PARM_TYPE = 3,
	PARM_PATH = 8,
	PARM_FILE_SD = 501,
};

/* Bits of shi*_type that are not the kind of resource. [MS-SRVS] 2.2.2.4 */
enum {
	STYPE_CLUSTER = 0x0E000000, /* ignored on receipt: 3.1.4.7 */
	STYPE_TEMPORARY = 0x40000000,
};

/* Of SHI1005_*: what a parameter of a share is. */
enum {
	FLAGS_CHANGEABLE = SHI1005_FLAGS_ENCRYPT_DATA |
			   SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM,
};

struct refusal {
	uint32_t error; /* NERR_SUCCESS: none */
	uint32_t parm;  /* of ERROR_INVALID_PARAMETER */
};

static struct refusal invalid(uint32_t parm)
{
	return (struct refusal){ERROR_INVALID_PARAMETER, parm};
}

static struct refusal refusal_of(uint32_t error)
{
	return (struct refusal){.error = error};
}

/* What rpc_admin.change_share() may fail with; anything else is the file's. */
static const struct {
	int err;
	uint32_t error;
} change_errors[] = {
	{0, NERR_SUCCESS},
	{-EEXIST, NERR_DUPLICATE_SHARE},
	{-ENOENT, NERR_NET_NAME_NOT_FOUND},
	{-ENOTDIR, NERR_UNKNOWN_DEV_DIR},
	{-EINVAL, ERROR_INVALID_PARAMETER},
	{-EOPNOTSUPP, ERROR_NOT_SUPPORTED},
	{-ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
	{-ESHUTDOWN, ERROR_SHUTDOWN_IN_PROGRESS},
};

static struct refusal refusal_of_errno(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(change_errors); i++)
		if (change_errors[i].err == err)
			return refusal_of(change_errors[i].error);
	return refusal_of(ERROR_GEN_FAILURE);
}

static struct refusal change(struct rpc_call *c, const struct rpc_share_change *to)
{
	return refusal_of_errno(c->info->admin->change_share(c->info->ctx, to));
}

/* [in, out, unique] DWORD *ParmErr, which comes last. */
static bool parm_decode(struct rd *r)
{
	if (!ndr_ptr(r))
		return false;
	ndr_u32(r);
	return true;
}

static enum rpc_fault answer(struct rpc_call *c, bool wants_parm, struct refusal r)
{
	ndr_put_ptr(&c->out, wants_parm);
	if (wants_parm)
		ndr_put_u32(&c->out, r.parm);
	return rpc_return(c, r.error);
}

/* A descriptor in text; NULL: it says what cannot be kept, or everything is allowed to everybody. */
static const char *sd_text(struct rpc_call *c, struct span bytes)
{
	struct sd sd;

	if (!nt_ok(sd_decode(c->arena, bytes, &sd)) || !sd.dacl)
		return NULL;
	return sddl_print(&sd, c->arena);
}

/* ---- NetrShareAdd ---------------------------------------------------------------------------------------------- */

static bool is_reserved(const char *netname)
{
	return utf8_eq_nocase(netname, "pipe") || utf8_eq_nocase(netname, "mailslot");
}

static struct refusal add_check(const struct share_given *g)
{
	if (g->level != 2 && g->level != 502 && g->level != 503)
		return refusal_of(ERROR_INVALID_LEVEL);
	if (!g->has_level)
		return invalid(0);
	if (!g->netname || !g->netname[0])
		return invalid(PARM_NETNAME);
	if (is_reserved(g->netname))
		return refusal_of(ERROR_ACCESS_DENIED);
	if (g->type & STYPE_TEMPORARY)
		return refusal_of(ERROR_NOT_SUPPORTED);
	if ((g->type & ~(uint32_t)STYPE_CLUSTER) != STYPE_DISKTREE)
		return invalid(PARM_TYPE);
	if (g->max_uses != 0 && g->max_uses != SHARE_USES_UNLIMITED) /* 0: not said */
		return refusal_of(ERROR_NOT_SUPPORTED);
	return refusal_of(NERR_SUCCESS);
}

static struct refusal add(struct rpc_call *c, const struct share_given *g)
{
	struct rpc_share_change to = {
		.action = RPC_SHARE_ADD,
		.netname = g->netname,
		.remark = g->remark,
	};
	struct refusal r = add_check(g);

	if (r.error)
		return r;
	to.path = g->path ? srvsvc_path_given(c->arena, g->path) : NULL;
	if (!to.path)
		return invalid(PARM_PATH);
	if (g->sd.len) {
		to.sddl = sd_text(c, g->sd);
		if (!to.sddl)
			return invalid(PARM_FILE_SD);
	}
	return change(c, &to);
}

enum rpc_fault share_add(struct rpc_call *c)
{
	struct share_given g;
	bool wants_parm;

	ndr_string_ptr(&c->in, c->arena); /* ServerName: there are no scoped shares */
	g = share_given_decode(c);
	wants_parm = parm_decode(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!c->info->administrator)
		return answer(c, wants_parm, refusal_of(ERROR_ACCESS_DENIED));
	return answer(c, wants_parm, add(c, &g));
}

/* ---- NetrShareSetInfo ------------------------------------------------------------------------------------------ */

/* A client that changes one thing hands the others back as it was shown them: what is the same stays as it is written. */
static struct refusal set_sd(struct rpc_call *c, const struct share_given *g,
			     const struct rpc_share *now, struct rpc_share_change *to)
{
	const char *before = sd_text(c, now->security_descriptor);
	const char *after = sd_text(c, g->sd);

	if (!after)
		return invalid(PARM_FILE_SD);
	if (!before || strcmp(before, after) != 0)
		to->sddl = after;
	return refusal_of(NERR_SUCCESS);
}

static struct refusal set_check(const struct share_given *g, const struct rpc_share *now)
{
	if (now->type != STYPE_DISKTREE)
		return refusal_of(ERROR_NOT_SUPPORTED);
	if (g->has_max_uses && g->max_uses != now->max_uses)
		return refusal_of(ERROR_NOT_SUPPORTED);
	if (g->has_flags && ((g->flags ^ now->flags) & ~(uint32_t)FLAGS_CHANGEABLE))
		return refusal_of(ERROR_NOT_SUPPORTED);
	if (g->level == 1501 && !g->sd.len)
		return invalid(PARM_FILE_SD);
	return refusal_of(NERR_SUCCESS);
}

static bool change_is_none(const struct rpc_share_change *c)
{
	return !c->remark && !c->sddl && !c->encrypt_data && !c->access_based_enumeration;
}

/* The share is there. */
static struct refusal set_found(struct rpc_call *c, const struct share_given *g,
				const struct rpc_share *now)
{
	bool encrypt = g->flags & SHI1005_FLAGS_ENCRYPT_DATA;
	bool hide = g->flags & SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM;
	struct rpc_share_change to = {.action = RPC_SHARE_SET, .netname = now->netname};
	struct refusal r = set_check(g, now);

	if (!r.error && g->sd.len)
		r = set_sd(c, g, now, &to);
	if (r.error)
		return r;
	if (g->remark && strcmp(g->remark, now->remark) != 0)
		to.remark = g->remark;
	if (g->has_flags && ((g->flags ^ now->flags) & SHI1005_FLAGS_ENCRYPT_DATA))
		to.encrypt_data = &encrypt;
	if (g->has_flags &&
	    ((g->flags ^ now->flags) & SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM))
		to.access_based_enumeration = &hide;
	return change_is_none(&to) ? refusal_of(NERR_SUCCESS) : change(c, &to);
}

/* Spec: name, path and type are ignored, of what each level has: 3.1.4.11 */
static struct refusal set(struct rpc_call *c, const char *netname,
			  const struct share_given *g)
{
	static const uint32_t levels[] = {1, 2, 502, 503, 1004, 1005, 1006, 1501};
	struct rpc_share now;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		known |= levels[i] == g->level;
	if (!known)
		return refusal_of(ERROR_INVALID_LEVEL);
	if (!g->has_level || netname[0] == '\0')
		return invalid(0);
	if (!share_exists(c->info, netname))
		return refusal_of(NERR_NET_NAME_NOT_FOUND);
	if (!share_find_whole(c, netname, true, &now))
		return refusal_of(ERROR_NOT_ENOUGH_MEMORY);
	return set_found(c, g, &now);
}

enum rpc_fault share_set_info(struct rpc_call *c)
{
	struct share_given g;
	const char *netname;
	bool wants_parm;

	ndr_string_ptr(&c->in, c->arena);
	netname = ndr_string(&c->in, c->arena);
	g = share_given_decode(c);
	wants_parm = parm_decode(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!c->info->administrator)
		return answer(c, wants_parm, refusal_of(ERROR_ACCESS_DENIED));
	return answer(c, wants_parm, set(c, netname, &g));
}

/* ---- NetrShareDel, NetrShareCheck ------------------------------------------------------------------------------ */

static struct refusal del(struct rpc_call *c, const char *netname)
{
	struct rpc_share_change to = {.action = RPC_SHARE_DEL, .netname = netname};
	struct rpc_share now;

	if (!c->info->administrator)
		return refusal_of(ERROR_ACCESS_DENIED);
	if (netname[0] == '\0')
		return invalid(0);
	if (!share_find_whole(c, netname, false, &now))
		return refusal_of(NERR_NET_NAME_NOT_FOUND);
	if (now.type != STYPE_DISKTREE)
		return refusal_of(ERROR_NOT_SUPPORTED);
	return change(c, &to);
}

enum rpc_fault share_del(struct rpc_call *c)
{
	const char *netname;

	ndr_string_ptr(&c->in, c->arena);
	netname = ndr_string(&c->in, c->arena);
	ndr_u32(&c->in); /* Reserved: ignored */
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	return rpc_return(c, del(c, netname).error);
}

/* Is that directory shared? */
static uint32_t check(struct rpc_call *c, const char *device)
{
	const struct rpc_info *info = c->info;
	const char *path = srvsvc_path_given(c->arena, device);
	struct rpc_share s;

	if (!info->administrator)
		return ERROR_ACCESS_DENIED;
	for (size_t i = 0; path && info->share_at(info->ctx, i, &s); i++)
		if (s.visible && strcmp(s.path, path) == 0)
			return NERR_SUCCESS;
	return NERR_DEVICE_NOT_SHARED;
}

enum rpc_fault share_check(struct rpc_call *c)
{
	const char *device;

	ndr_string_ptr(&c->in, c->arena);
	device = ndr_string(&c->in, c->arena);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	ndr_put_u32(&c->out, STYPE_DISKTREE); /* Type */
	return rpc_return(c, check(c, device));
}
