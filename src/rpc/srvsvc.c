/* srvsvc.c - the Server Service, what is not about shares.  Spec: [MS-SRVS] 3.1.4 */
#include "rpc/srvsvc.h"

#include "rpc/admin.h"
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

/* STAT_SERVER_0; what an SMB1 server counted and we do not is 0. Spec: [MS-SRVS] 2.2.4.39 */
static void statistics_put(struct wr *w, const struct rpc_statistics *s)
{
	const uint64_t unix_epoch = UINT64_C(11644473600);

	ndr_put_u32(w, (uint32_t)(s->start_time / 10000000 - unix_epoch));
	ndr_put_u32(w, (uint32_t)s->files_opened);
	ndr_put_u32(w, 0); /* devopens: of printers */
	ndr_put_u32(w, 0); /* jobsqueued */
	ndr_put_u32(w, (uint32_t)s->sessions_opened);
	ndr_put_u32(w, 0); /* stimedout */
	ndr_put_u32(w, 0); /* serrorout */
	ndr_put_u32(w, (uint32_t)s->logons_failed);
	ndr_put_u32(w, 0); /* permerrors */
	ndr_put_u32(w, 0); /* syserrors */
	ndr_put_u32(w, (uint32_t)s->bytes_sent);
	ndr_put_u32(w, (uint32_t)(s->bytes_sent >> 32));
	ndr_put_u32(w, (uint32_t)s->bytes_received);
	ndr_put_u32(w, (uint32_t)(s->bytes_received >> 32));
	ndr_put_u32(w, 0); /* avresponse */
	ndr_put_u32(w, 0); /* reqbufneed */
	ndr_put_u32(w, 0); /* bigbufneed */
}

/* Spec: [MS-SRVS] 3.1.4.20 */
static enum rpc_fault server_statistics_get(struct rpc_call *c)
{
	struct rpc_statistics s;
	uint32_t level, options, error = NERR_SUCCESS;

	ndr_string_ptr(&c->in, c->arena); /* ServerName */
	ndr_string_ptr(&c->in, c->arena); /* Service: there is one */
	level = ndr_u32(&c->in);
	options = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (level != 0)
		error = ERROR_INVALID_LEVEL;
	else if (options != 0)
		error = ERROR_INVALID_PARAMETER;
	else if (!c->info->administrator)
		error = ERROR_ACCESS_DENIED;
	else if (c->info->admin->statistics(c->info->ctx, &s) != 0)
		error = ERROR_NOT_ENOUGH_MEMORY;
	ndr_put_ptr(&c->out, error == NERR_SUCCESS);
	if (error == NERR_SUCCESS)
		statistics_put(&c->out, &s);
	return rpc_return(c, error);
}

/* Longest names by NameType, in characters; 0: there is no such type. [MS-SRVS] 2.2.2.8 */
static const uint8_t name_lens[] = {
	[1] = 255, /* user */
	[2] = 255, /* password */
	[3] = 255, /* group */
	[4] = 15,  /* computer */
	[5] = 16,  /* event */
	[6] = 15,  /* domain */
	[7] = 80,  /* service */
	[8] = 15,  /* net */
	[9] = 80,  /* share */
	[10] = 15, /* message */
	[11] = 15, /* message destination */
	[12] = 8,  /* password of a share */
	[13] = 15, /* workgroup */
};

static uint32_t name_judge(const char *name, uint32_t type, uint32_t flags)
{
	enum { LM2_COMPATIBLE = 0x80000000u };
	int64_t len = utf16_len(name) / 2;

	if ((flags & ~LM2_COMPATIBLE) || type >= ARRAY_LEN(name_lens) || !name_lens[type])
		return ERROR_INVALID_PARAMETER;
	if (len == 0 || len > name_lens[type] || name[strcspn(name, "\"/\\[]:|<>+=;,?*")])
		return ERROR_INVALID_NAME;
	for (; *name; name++)
		if ((uint8_t)*name < ' ')
			return ERROR_INVALID_NAME;
	return NERR_SUCCESS;
}

/* Spec: [MS-SRVS] 3.1.4.32 */
static enum rpc_fault name_validate(struct rpc_call *c)
{
	const char *name;
	uint32_t type, flags;

	ndr_string_ptr(&c->in, c->arena); /* ServerName */
	name = ndr_string(&c->in, c->arena);
	type = ndr_u32(&c->in);
	flags = ndr_u32(&c->in);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	return rpc_return(c, name_judge(name, type, flags));
}

static const struct rpc_op ops[] = {
	{8, "NetrConnectionEnum", connection_enum},
	{9, "NetrFileEnum", file_enum},
	{10, "NetrFileGetInfo", file_get_info},
	{11, "NetrFileClose", file_close},
	{12, "NetrSessionEnum", session_enum},
	{13, "NetrSessionDel", session_del},
	{14, "NetrShareAdd", share_add},
	{15, "NetrShareEnum", share_enum},
	{16, "NetrShareGetInfo", share_get_info},
	{17, "NetrShareSetInfo", share_set_info},
	{18, "NetrShareDel", share_del},
	{20, "NetrShareCheck", share_check},
	{21, "NetrServerGetInfo", server_get_info},
	{24, "NetrServerStatisticsGet", server_statistics_get},
	{28, "NetrRemoteTOD", remote_tod},
	{33, "NetprNameValidate", name_validate},
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
