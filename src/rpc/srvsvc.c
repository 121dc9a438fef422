/* srvsvc.c - the Server Service, what is not about shares.  Spec: [MS-SRVS] 3.1.4 */
#include "rpc/srvsvc.h"

#include "wire/utf16.h"

enum {
	PLATFORM_ID_NT = 500,
	SERVER_NAME_MAX = 1024, /* [MS-SRVS] 3.1.4.17; characters */
};

struct enum_req enum_decode(struct rpc_call *c, unsigned filters)
{
	struct rd *r = &c->in;
	struct enum_req q = {0};
	bool entries = false;

	ndr_string_ptr(r, c->arena); /* ServerName */
	for (unsigned i = 0; i < filters; i++)
		q.filters[i] = ndr_string_ptr(r, c->arena);
	q.level = ndr_u32(r);
	if (ndr_u32(r) != q.level)
		rd_fail(r);
	if (ndr_ptr(r)) {
		ndr_u32(r); /* EntriesRead */
		entries = ndr_ptr(r);
	}
	if (entries &&
	    ndr_u32(r) != 0) /* there is nothing to hand in; some send an empty array */
		rd_fail(r);
	q.preferred_len = ndr_u32(r);
	q.has_resume = ndr_ptr(r);
	if (q.has_resume)
		q.resume = ndr_u32(r);
	return q;
}

enum rpc_fault enum_finish(struct rpc_call *c, const struct enum_req *q, uint32_t total,
			   uint32_t error)
{
	ndr_put_u32(&c->out, total);
	ndr_put_ptr(&c->out, q->has_resume);
	if (q->has_resume)
		ndr_put_u32(&c->out, q->resume);
	return rpc_return(c, error);
}

enum rpc_fault enum_refuse(struct rpc_call *c, const struct enum_req *q, bool level_known,
			   uint32_t error)
{
	ndr_put_u32(&c->out, q->level);
	ndr_put_u32(&c->out, q->level);
	ndr_put_ptr(&c->out, level_known);
	if (level_known) {
		ndr_put_u32(&c->out, 0);
		ndr_put_ptr(&c->out, false);
	}
	return enum_finish(c, q, 0, error);
}

/* SERVER_INFO_100 to 103: each has the fields of the one before, and more. Spec: [MS-SRVS] 2.2.4.40 - 2.2.4.43 */
static void server_info_put(struct rpc_call *c, uint32_t level, const char *name)
{
	const struct rpc_info *info = c->info;
	struct wr *w = &c->out;

	ndr_put_u32(w, PLATFORM_ID_NT);
	ndr_put_ptr(w, true);
	if (level >= 101) {
		ndr_put_u32(w, info->version_major);
		ndr_put_u32(w, info->version_minor);
		ndr_put_u32(w, info->server_type);
		ndr_put_ptr(w, true);
	}
	if (level >= 102) { /* what Windows has by default: [MS-SRVS] appendix B <40> */
		ndr_put_u32(w, 0xFFFFFFFF); /* users: no limit */
		ndr_put_u32(w, 15);         /* disc: minutes until an idle session ends */
		ndr_put_u32(w, 0);          /* hidden */
		ndr_put_u32(w, 240);        /* announce, seconds */
		ndr_put_u32(w, 3000);       /* anndelta, milliseconds */
		ndr_put_u32(w, 0);          /* licenses */
		ndr_put_ptr(w, true);       /* userpath */
	}
	if (level >= 103)
		ndr_put_u32(w, 0); /* capabilities: no branch cache hashes */

	ndr_put_string(w, name);
	if (level >= 101)
		ndr_put_string(w, info->comment);
	if (level >= 102)
		ndr_put_string(w, "");
}

/* Spec: [MS-SRVS] 3.1.4.17. Deviation: levels 502 and 503 describe memory of an SMB1 server that we have not. */
static enum rpc_fault server_get_info(struct rpc_call *c)
{
	const char *name = ndr_string_ptr(&c->in, c->arena);
	uint32_t level = ndr_u32(&c->in);
	uint32_t error = NERR_SUCCESS;

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (level < 100 || level > 103)
		error = ERROR_INVALID_LEVEL;
	else if (name && utf16_len(name) / 2 >= SERVER_NAME_MAX)
		error = ERROR_INVALID_PARAMETER;
	else if (level >= 102 && !c->info->administrator)
		error = ERROR_ACCESS_DENIED;

	ndr_put_u32(&c->out, level);
	ndr_put_ptr(&c->out, error == NERR_SUCCESS);
	if (error == NERR_SUCCESS) {
		while (name && *name == '\\')
			name++;
		server_info_put(c, level, name && *name ? name : c->info->server_name);
	}
	return rpc_return(c, error);
}

struct date {
	uint32_t day, month, year;
};

/* Of the proleptic Gregorian calendar. Years are counted from March, so that the leap day ends them. */
static struct date date_of(uint64_t days_since_1601)
{
	enum { DAYS_400Y = 146097, MARCH_1600_TO_1601 = 306 };
	uint32_t days = (uint32_t)(days_since_1601 + MARCH_1600_TO_1601);
	uint32_t era = days /
		       DAYS_400Y; /* eras begin on 1600-03-01 and every 400 years after */
	uint32_t in_era = days % DAYS_400Y;
	uint32_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint32_t in_year = in_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * in_year + 2) / 153; /* 0: March */
	struct date d = {
		.day = in_year - (153 * month + 2) / 5 + 1,
		.month = month < 10 ? month + 3 : month - 9,
		.year = 1600 + 400 * era + year + (month < 10 ? 0 : 1),
	};

	return d;
}

/* Spec: [MS-SRVS] 3.1.4.21, 2.2.4.105 */
static enum rpc_fault remote_tod(struct rpc_call *c)
{
	enum { UNIX_EPOCH_DAYS = 134774, MONDAY_1601 = 1 };
	struct env *env = c->info->env;
	uint64_t hunds = env_filetime(env) /
			 100000; /* hundredths of a second since 1601 */
	uint64_t secs = hunds / 100;
	uint64_t days = secs / 86400;
	struct date d = date_of(days);
	struct wr *w = &c->out;

	ndr_string_ptr(&c->in, c->arena);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	ndr_put_ptr(w, true);
	ndr_put_u32(w, (uint32_t)(secs - UNIX_EPOCH_DAYS * UINT64_C(86400)));
	ndr_put_u32(w, (uint32_t)(env_now_ns(env) / 1000000));
	ndr_put_u32(w, (uint32_t)(secs / 3600 % 24));
	ndr_put_u32(w, (uint32_t)(secs / 60 % 60));
	ndr_put_u32(w, (uint32_t)(secs % 60));
	ndr_put_u32(w, (uint32_t)(hunds % 100));
	ndr_put_u32(w, (uint32_t)c->info->tz_minutes_west);
	ndr_put_u32(w, 310); /* tinterval: a clock tick of 31 ms, as Windows says */
	ndr_put_u32(w, d.day);
	ndr_put_u32(w, d.month);
	ndr_put_u32(w, d.year);
	ndr_put_u32(w, (uint32_t)((days + MONDAY_1601) % 7));
	return rpc_return(c, NERR_SUCCESS);
}

static const struct rpc_op ops[] = {
	{8, "NetrConnectionEnum", connection_enum},
	{9, "NetrFileEnum", file_enum},
	{10, "NetrFileGetInfo", file_get_info},
	{11, "NetrFileClose", file_close},
	{12, "NetrSessionEnum", session_enum},
	{13, "NetrSessionDel", session_del},
	{15, "NetrShareEnum", share_enum},
	{16, "NetrShareGetInfo", share_get_info},
	{21, "NetrServerGetInfo", server_get_info},
	{28, "NetrRemoteTOD", remote_tod},
	{36, "NetrShareEnumSticky", share_enum_sticky},
};

/* 4b324fc8-1670-01d3-1278-5a47bf6ee188, version 3.0. [MS-SRVS] 1.9 */
const struct rpc_iface srvsvc_iface = {
	.pipe = "srvsvc",
	.syntax = {.uuid = {0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78,
			    0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88},
		   .major = 3},
	.ops = ops,
	.op_count = ARRAY_LEN(ops),
};
