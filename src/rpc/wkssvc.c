/* wkssvc.c - the Workstation Service, as much as browsing clients ask.  Spec: [MS-WKST] 3.2.4.1 */
#include "rpc/call.h"

enum { PLATFORM_ID_NT = 500 };

/* WKSTA_INFO_100 to 102: each has the fields of the one before, and more. Spec: [MS-WKST] 2.2.5.1 - 2.2.5.3 */
static void wksta_info_put(struct rpc_call *c, uint32_t level)
{
	const struct rpc_info *info = c->info;
	struct wr *w = &c->out;

	ndr_put_u32(w, PLATFORM_ID_NT);
	ndr_put_ptr(w, true); /* computername */
	ndr_put_ptr(w, true); /* langroup */
	ndr_put_u32(w, info->version_major);
	ndr_put_u32(w, info->version_minor);
	if (level >= 101)
		ndr_put_ptr(w, false); /* lanroot: always NULL */
	if (level >= 102)
		ndr_put_u32(w, info->session_count); /* logged_on_users */
	ndr_put_string(w, info->server_name);
	ndr_put_string(w, info->domain);
}

/* Levels of the WKSTA_INFO union beyond ours that have an arm. [MS-WKST] 2.2.4.1 */
static bool wksta_union_has_arm(uint32_t level)
{
	return (level >= 100 && level <= 102) || level == 502 || level == 1013 ||
	       level == 1018 || level == 1046;
}

/*
 * Levels 100 and 101 are for everyone, 102 for administrators: [MS-WKST] appendix B <29>.
 * Deviation: level 502 describes the SMB client of the machine, which is not us.
 */
static uint32_t wksta_access(const struct rpc_info *info, uint32_t level)
{
	if (level < 100 || level > 102)
		return ERROR_INVALID_LEVEL;
	if (level == 102 && !info->administrator)
		return ERROR_ACCESS_DENIED;
	return NERR_SUCCESS;
}

static enum rpc_fault wksta_get_info(struct rpc_call *c)
{
	uint32_t level, error;

	ndr_string_ptr(&c->in, c->arena); /* ServerName: ignored */
	level = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	error = wksta_access(c->info, level);
	ndr_put_u32(&c->out, level);
	if (wksta_union_has_arm(level))
		ndr_put_ptr(&c->out, error == NERR_SUCCESS);
	if (error == NERR_SUCCESS)
		wksta_info_put(c, level);
	return rpc_return(c, error);
}

static const struct rpc_op ops[] = {
	{0, "NetrWkstaGetInfo", wksta_get_info},
};

/* 6bffd098-a112-3610-9833-46c3f87e345a, version 1.0. [MS-WKST] 1.9 */
const struct rpc_iface wkssvc_iface = {
	.pipe = "wkssvc",
	.syntax = {.uuid = {0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10, 0x36, 0x98, 0x33,
			    0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a},
		   .major = 1},
	.ops = ops,
	.op_count = ARRAY_LEN(ops),
};
