/*
 * rpc_rig.h - a pipe with a client at its end: the server, shares and accounts that the vectors in
 *             tests/vectors/rpc/calls.txt were made for, and a few lines of DCE/RPC client.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/admin.h"
#include "rpc/dcerpc.h"
#include "rpc/pipe.h"
#include "test.h"
#include "wire/utf16.h"

enum { RIG_SHARES = 5, RIG_BUF_LEN = 1024 * 1024 };

struct rig {
	struct env env;
	struct principal caller;
	struct rpc_info info;
	size_t activity_count; /* 0: two of each kind; else the same again and again */
	enum rpc_activity_kind ended_kind; /* of rpc_admin.end() */
	uint64_t ended_id;
	size_t ended_count;
	char changed[512]; /* by rpc_admin.change_share(), which returns change_err */
	int change_err;
	size_t share_count; /* RIG_SHARES; beyond that, more of the first */
	struct pipe *pipe;
	uint32_t call_id;
	uint16_t frag_max;       /* of what the rig sends */
	size_t write_len;        /* how it cuts its writes; 0: not at all */
	uint8_t in[RIG_BUF_LEN]; /* stub of the latest response */
	size_t in_len;
};

static inline uint64_t rig_now_ns(struct env *e)
{
	return UINT64_C(123456) * 1000000;
}

/* 2024-02-29 13:14:15.67 UTC */
static inline uint64_t rig_filetime(struct env *e)
{
	return (UINT64_C(1709212455) + UINT64_C(11644473600)) * 10000000 + 6700000;
}

static inline void rig_random(struct env *e, struct mspan buf)
{
	memset(buf.p, 0x77, buf.len);
}

static const uint8_t rig_sd[20] = {1, 0, 4, 0x80};

static const struct rpc_share rig_shares[RIG_SHARES] = {
	{.netname = "public",
	 .remark = "for all",
	 .path = "/srv/public",
	 .flags = CSC_CACHE_NONE,
	 .max_uses = SHARE_USES_UNLIMITED,
	 .current_uses = 2,
	 .visible = true},
	{.netname = "Übung",
	 .remark = "",
	 .path = "/srv/übung",
	 .flags = SHI1005_FLAGS_ENCRYPT_DATA | SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM,
	 .max_uses = 10,
	 .security_descriptor = {rig_sd, sizeof(rig_sd)},
	 .visible = true},
	{.netname = "secret", .remark = "", .path = "/srv/secret"},
	{.netname = "backup$",
	 .remark = "of all",
	 .path = "/srv/backup",
	 .max_uses = SHARE_USES_UNLIMITED,
	 .administrative = true,
	 .visible = true},
	{.netname = "IPC$",
	 .remark = "IPC service",
	 .path = "",
	 .type = STYPE_IPC,
	 .max_uses = SHARE_USES_UNLIMITED,
	 .current_uses = 1,
	 .administrative = true,
	 .visible = true},
};

static inline bool rig_share_at(void *ctx, size_t i, struct rpc_share *ret_share)
{
	const struct rig *rig = ctx;

	if (i >= rig->share_count)
		return false;
	*ret_share = rig_shares[i < RIG_SHARES ? i : 0];
	return true;
}

static inline int rig_share_sd(void *ctx, struct arena *a, size_t i, struct span *ret_sd)
{
	*ret_sd = rig_shares[i < RIG_SHARES ? i : 0].security_descriptor;
	return 0;
}

static inline bool rig_account_by_id(void *ctx, struct arena *a, bool group, uint32_t id,
				     const char **ret_name)
{
	if (id != (group ? 100 : 1000))
		return false;
	*ret_name = group ? "users" : "alice";
	return true;
}

static inline bool rig_account_by_name(void *ctx, const char *name, bool *ret_group,
				       uint32_t *ret_id)
{
	*ret_group = utf8_eq_nocase(name, "users");
	*ret_id = *ret_group ? 100 : 1000;
	return *ret_group || utf8_eq_nocase(name, "alice");
}

/* Two of each kind, a page each. */
static const struct rpc_activity rig_activity[][2] = {
	[RPC_SESSIONS] =
		{
			{.id = 11,
			 .user = "alice",
			 .client = "192.0.2.1",
			 .opens = 2,
			 .active_s = 100,
			 .idle_s = 7},
			{.id = 12,
			 .user = "gast",
			 .client = "[2001:db8::1]",
			 .active_s = 5,
			 .guest = true},
		},
	[RPC_TREES] =
		{
			{.id = 1,
			 .user = "alice",
			 .client = "192.0.2.1",
			 .share = "public",
			 .opens = 2,
			 .active_s = 99},
			{.id = 2,
			 .user = "gast",
			 .client = "[2001:db8::1]",
			 .share = "IPC$",
			 .active_s = 4,
			 .pipe = true},
		},
	[RPC_FILES] =
		{
			{.id = 21,
			 .user = "alice",
			 .root = "/srv/public",
			 .path = "a\\ü.txt",
			 .access = 0x001F01FF,
			 .locks = 3},
			{.id = 22,
			 .user = "gast",
			 .root = "/",
			 .path = "b",
			 .access = 0x00120089},
		},
};

static inline int rig_list(void *ctx, enum rpc_activity_kind kind, struct arena *a,
			   uint64_t *cursor, struct rpc_activity **ret_rows,
			   size_t *ret_count)
{
	const struct rig *rig = ctx;
	size_t max = rig->activity_count ? rig->activity_count : 2;
	struct rpc_activity *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return -ENOMEM;
	*row = rig_activity[kind][*cursor % 2];
	*ret_rows = row;
	*ret_count = (*cursor)++ < max;
	return 0;
}

static inline int rig_end(void *ctx, enum rpc_activity_kind kind, uint64_t id)
{
	struct rig *rig = ctx;

	rig->ended_kind = kind;
	rig->ended_id = id;
	rig->ended_count++;
	return 0;
}

/* As text: "add new path=/srv remark=x sddl=D: encrypt=1" */
static inline int rig_change_share(void *ctx, const struct rpc_share_change *c)
{
	static const char *const actions[] = {"add", "set", "del"};
	struct rig *rig = ctx;
	const struct {
		const char *name, *value;
	} fields[] = {
		{"path", c->path},
		{"remark", c->remark},
		{"sddl", c->sddl},
		{"encrypt", !c->encrypt_data   ? NULL
			    : *c->encrypt_data ? "1"
					       : "0"},
	};
	int at = snprintf(rig->changed, sizeof(rig->changed), "%s %s", actions[c->action],
			  c->netname);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].value)
			at += snprintf(rig->changed + at,
				       sizeof(rig->changed) - (size_t)at, " %s=%s",
				       fields[i].name, fields[i].value);
	return rig->change_err;
}

static inline int rig_statistics(void *ctx, struct rpc_statistics *ret)
{
	*ret = (struct rpc_statistics){
		.start_time = (UINT64_C(1709200000) + UINT64_C(11644473600)) * 10000000,
		.files_opened = 5,
		.sessions_opened = 3,
		.logons_failed = 2,
		.bytes_sent = UINT64_C(0x100000007),
		.bytes_received = 9,
	};
	return 0;
}

static const struct rpc_admin rig_admin = {
	.list = rig_list,
	.end = rig_end,
	.change_share = rig_change_share,
	.statistics = rig_statistics,
};

/* "user", "admin" or "anonymous" */
static inline void rig_become(struct rig *rig, const char *who)
{
	bool anonymous = strcmp(who, "anonymous") == 0;

	rig->caller.kind = anonymous ? PRINCIPAL_ANONYMOUS : PRINCIPAL_NAMED;
	rig->info.administrator = strcmp(who, "admin") == 0;
}

static const struct env_ops rig_env_ops = {rig_now_ns, rig_filetime, rig_random};

/* An open pipe, nothing sent yet. */
static inline struct rig *rig_new(const char *pipe, const char *who)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->env.ops = &rig_env_ops;
	rig->caller = (struct principal){.user = (char *)"alice",
					 .domain = (char *)"CLAIMED"};
	rig->share_count = RIG_SHARES;
	rig->frag_max = PDU_FRAG_MAX;
	rig->info = (struct rpc_info){
		.env = &rig->env,
		.server_name = "TSMB",
		.comment = "files for all",
		.domain = "WORKGROUP",
		.dns_domain = "",
		.version_major = 10,
		.server_type = SV_TYPE_WORKSTATION | SV_TYPE_SERVER | SV_TYPE_NT |
			       SV_TYPE_SERVER_NT,
		.tz_minutes_west = -60,
		.session_count = 3,
		.machine_sid = {.revision = 1,
				.authority = 5,
				.sub_count = 4,
				.sub = {21, 1, 2, 3}},
		.caller = &rig->caller,
		.ctx = rig,
		.admin = &rig_admin,
		.share_at = rig_share_at,
		.share_sd = rig_share_sd,
		.account_by_id = rig_account_by_id,
		.account_by_name = rig_account_by_name,
	};
	rig_become(rig, who);
	CHECK_ST(pipe_open(pipe, &rig->pipe), STATUS_SUCCESS);
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	pipe_free(rig->pipe);
	free(rig);
}

static inline void rig_freep(struct rig **rig)
{
	if (*rig)
		rig_free(*rig);
}

#define RIG(name, pipe, who) CLEANUP(rig_freep) struct rig *name = rig_new(pipe, who)

static inline nt_status rig_write(struct rig *rig, struct span s)
{
	nt_status st = STATUS_SUCCESS;

	if (rig->write_len == 0)
		return pipe_write(rig->pipe, &rig->info, s);
	while (s.len > 0 && nt_ok(st)) {
		st = pipe_write(rig->pipe, &rig->info, span_head(s, rig->write_len));
		s = span_from(s, rig->write_len);
	}
	return st;
}

/* The next message, whole; empty if none waits. Valid until the next one. */
static inline struct span rig_read(struct rig *rig)
{
	static uint8_t buf[PDU_FRAG_MAX];
	size_t len;
	nt_status st = pipe_read(rig->pipe, mspan_of(buf, sizeof(buf)), &len);

	if (nt_is(st, STATUS_PIPE_EMPTY) || nt_is(st, STATUS_PIPE_BROKEN)) {
		CHECK_EQ(len, 0);
		return span_of(NULL, 0);
	}
	CHECK_ST(st, STATUS_SUCCESS);
	return span_of(buf, len);
}

/* Common header with the final length in place. */
static inline void rig_header(struct wr *w, uint8_t type, uint8_t flags,
			      uint16_t frag_len, uint16_t auth_len, uint32_t call_id)
{
	wr_u8(w, 5);
	wr_u8(w, 0);
	wr_u8(w, type);
	wr_u8(w, flags);
	wr_u32(w, 0x10);
	wr_u16(w, frag_len);
	wr_u16(w, auth_len);
	wr_u32(w, call_id);
}

enum { RIG_BOTH = PFC_FIRST_FRAG | PFC_LAST_FRAG };

/* {uuid, version} of each pipe's interface and of the transfer syntaxes. */
static const uint8_t rig_srvsvc[20] = {0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3,
				       0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e,
				       0xe1, 0x88, 3,    0,    0,    0};
static const uint8_t rig_wkssvc[20] = {0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10,
				       0x36, 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e,
				       0x34, 0x5a, 1,    0,    0,    0};
static const uint8_t rig_lsarpc[20] = {0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd,
				       0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67,
				       0x89, 0xab, 0,    0,    0,    0};
static const uint8_t rig_ndr[20] = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9,
				    0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10,
				    0x48, 0x60, 2,    0,    0,    0};
static const uint8_t rig_ndr64[20] = {0x33, 0x05, 0x71, 0x71, 0xba, 0xbe, 0x37,
				      0x49, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c,
				      0xcc, 0x36, 1,    0,    0,    0};
static const uint8_t rig_features[20] = {0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40,
					 0x45, 0x03, 0,    0,    0,    0,    0,
					 0,    0,    1,    0,    0,    0};

static inline const uint8_t *rig_iface(const struct rig *rig)
{
	const char *name = pipe_name(rig->pipe);

	if (strcmp(name, "srvsvc") == 0)
		return rig_srvsvc;
	return strcmp(name, "wkssvc") == 0 ? rig_wkssvc : rig_lsarpc;
}

/* One presentation context with one transfer syntax. */
static inline void rig_elem(struct wr *w, uint16_t ctx_id, const uint8_t abstract[20],
			    const uint8_t transfer[20])
{
	wr_u16(w, ctx_id);
	wr_u8(w, 1);
	wr_u8(w, 0);
	wr_bytes(w, span_of(abstract, 20));
	wr_bytes(w, span_of(transfer, 20));
}

/* What comes between header and elements of bind and alter_context. */
static inline void rig_bind_body(struct wr *w, uint16_t recv_frag, uint8_t elem_count)
{
	wr_u16(w, PDU_FRAG_MAX);
	wr_u16(w, recv_frag);
	wr_u32(w, 0); /* a new association group */
	wr_u8(w, elem_count);
	wr_zero(w, 3);
}

/* Bind context 0 to the pipe's interface in NDR; recv_frag is what the server may send. */
static inline void rig_bind(struct rig *rig, uint16_t recv_frag)
{
	uint8_t buf[72];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
	struct span ack;

	rig_header(&w, PDU_BIND, RIG_BOTH, sizeof(buf), 0, ++rig->call_id);
	rig_bind_body(&w, recv_frag, 1);
	rig_elem(&w, 0, rig_iface(rig), rig_ndr);
	CHECK(wr_ok(&w));
	CHECK_ST(rig_write(rig, wr_done(&w)), STATUS_SUCCESS);
	ack = rig_read(rig);
	CHECK(ack.len > 3);
	CHECK_EQ(ack.p[2], PDU_BIND_ACK);
}

/* One request PDU. */
static inline nt_status rig_request_part(struct rig *rig, uint16_t ctx_id, uint16_t opnum,
					 uint8_t flags, struct span part)
{
	uint8_t buf[PDU_FRAG_MAX];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	rig_header(&w, PDU_REQUEST, flags, (uint16_t)(24 + part.len), 0, rig->call_id);
	wr_u32(&w, (uint32_t)part.len);
	wr_u16(&w, ctx_id);
	wr_u16(&w, opnum);
	wr_bytes(&w, part);
	CHECK(wr_ok(&w));
	return rig_write(rig, wr_done(&w));
}

/* A new call, in fragments of rig->frag_max. */
static inline void rig_request(struct rig *rig, uint16_t opnum, struct span stub)
{
	uint8_t flags = PFC_FIRST_FRAG;
	struct span part;

	rig->call_id++;
	do {
		part = span_head(stub, rig->frag_max - 24u);
		if (part.len == stub.len)
			flags |= PFC_LAST_FRAG;
		CHECK_ST(rig_request_part(rig, 0, opnum, flags, part), STATUS_SUCCESS);
		stub = span_from(stub, part.len);
		flags = 0;
	} while (stub.len > 0);
}

/* Collect the response in rig->in: 0, or the fault's status. At least one fragment must wait. */
static inline uint32_t rig_response(struct rig *rig)
{
	bool first = true, last = false;

	rig->in_len = 0;
	while (!last) {
		struct rd r = rd_of(rig_read(rig));
		uint8_t type, flags;
		struct span part;

		CHECK(rd_left(&r) >= 24);
		rd_skip(&r, 2);
		type = rd_u8(&r);
		flags = rd_u8(&r);
		rd_skip(&r, 8);
		CHECK_EQ(rd_u32(&r), rig->call_id);
		rd_skip(&r, 8);
		if (type == PDU_FAULT)
			return rd_u32(&r);
		CHECK_EQ(type, PDU_RESPONSE);
		CHECK_EQ(flags & PFC_FIRST_FRAG, first ? PFC_FIRST_FRAG : 0);
		part = rd_rest(&r);
		CHECK(rig->in_len + part.len <= RIG_BUF_LEN);
		memcpy(rig->in + rig->in_len, part.p, part.len);
		rig->in_len += part.len;
		first = false;
		last = flags & PFC_LAST_FRAG;
	}
	return 0;
}

static inline uint32_t rig_call(struct rig *rig, uint16_t opnum, struct span stub)
{
	rig_request(rig, opnum, stub);
	return rig_response(rig);
}

/* LsarOpenPolicy2 with all the rights there are, as impacket sends it. */
static inline void rig_open_policy(struct rig *rig)
{
	static const uint8_t stub[32] = {
		[31] = 0x02}; /* MAXIMUM_ALLOWED after seven null fields */

	CHECK_EQ(rig_call(rig, 44, span_of(stub, sizeof(stub))), 0);
	CHECK_EQ(rig->in_len, 24);
}
