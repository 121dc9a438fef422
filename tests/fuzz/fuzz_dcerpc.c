/*
 * fuzz_dcerpc.c - any bytes as what a client writes into a named pipe.
 *
 * Byte 0: pipe (bits 0-1), caller (2-3), how it writes (4-7: pieces of so many bytes, 0: all at once). Byte 1: 0, and a stream
 * of PDUs follows; or 1, and on a bound pipe with an open policy handle follow an operation number and a stub.
 *
 * Besides surviving: every message that comes back is one whole PDU, a call has exactly one answer, and what waits is
 * bounded.
 *
 * Target functions: pipe_write, pipe_read, dcerpc_feed, pdu_*_decode, ndr_*, all operations
 */
#include "rpc/admin.h"
#include "rpc/dcerpc.h"
#include "rpc/pipe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t fuzz_now_ns(struct env *e)
{
	return 1;
}

static uint64_t fuzz_filetime(struct env *e)
{
	return UINT64_C(133536860556700000);
}

static void fuzz_random(struct env *e, struct mspan buf)
{
	memset(buf.p, 0x77, buf.len);
}

static bool fuzz_share_at(void *ctx, size_t i, struct rpc_share *ret_share)
{
	static const struct rpc_share shares[] = {
		{.netname = "public",
		 .remark = "for all",
		 .path = "/srv",
		 .visible = true},
		{.netname = "secret", .remark = "", .path = "/root"},
		{.netname = "IPC$",
		 .remark = "",
		 .path = "",
		 .type = STYPE_IPC,
		 .visible = true},
	};

	if (i >= ARRAY_LEN(shares))
		return false;
	*ret_share = shares[i];
	return true;
}

static bool fuzz_account_by_id(void *ctx, struct arena *a, bool group, uint32_t id,
			       const char **ret_name)
{
	*ret_name = "alice";
	return id == 1000;
}

static bool fuzz_account_by_name(void *ctx, const char *name, bool *ret_group,
				 uint32_t *ret_id)
{
	*ret_group = false;
	*ret_id = 1000;
	return strcmp(name, "alice") == 0;
}

static int fuzz_list(void *ctx, enum rpc_activity_kind kind, struct arena *a,
		     uint64_t *cursor, struct rpc_activity **ret_rows, size_t *ret_count)
{
	struct rpc_activity *row = arena_alloc(a, sizeof(*row));

	if (!row)
		return -1;
	*row = (struct rpc_activity){
		.id = *cursor,
		.user = "alice",
		.client = "192.0.2.1",
		.share = "public",
		.root = kind == RPC_FILES ? "/srv" : NULL,
		.path = "a\\b",
	};
	*ret_rows = row;
	*ret_count = (*cursor)++ < 3;
	return 0;
}

static int fuzz_end(void *ctx, enum rpc_activity_kind kind, uint64_t id)
{
	return 0;
}

/* What a client asks for has been checked by then. */
static int fuzz_change_share(void *ctx, const struct rpc_share_change *c)
{
	if (c->netname[0] == '\0' || (c->path && c->path[0] != '/') ||
	    (c->action == RPC_SHARE_ADD && !c->path))
		abort();
	return 0;
}

static int fuzz_statistics(void *ctx, struct rpc_statistics *ret)
{
	*ret = (struct rpc_statistics){.start_time = UINT64_C(133536860556700000)};
	return 0;
}

static const struct rpc_admin fuzz_admin = {
	.list = fuzz_list,
	.end = fuzz_end,
	.change_share = fuzz_change_share,
	.statistics = fuzz_statistics,
};

static int fuzz_share_sd(void *ctx, struct arena *a, size_t i, struct span *ret_sd)
{
	static const uint8_t sd[] = {1, 0, 4,  0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				     0, 0, 20, 0,    0, 0, 2, 0, 8, 0, 0, 0, 0, 0};

	*ret_sd = span_of(sd, sizeof(sd));
	return 0;
}

static const struct env_ops env_ops = {fuzz_now_ns, fuzz_filetime, fuzz_random};
static struct env fuzz_env = {&env_ops};

static struct rpc_info fuzz_info(const struct principal *caller, bool administrator)
{
	return (struct rpc_info){
		.env = &fuzz_env,
		.server_name = "TSMB",
		.comment = "",
		.domain = "WORKGROUP",
		.dns_domain = "",
		.version_major = 10,
		.machine_sid = {.revision = 1,
				.authority = 5,
				.sub_count = 4,
				.sub = {21, 1, 2, 3}},
		.caller = caller,
		.admin = &fuzz_admin,
		.administrator = administrator,
		.share_at = fuzz_share_at,
		.share_sd = fuzz_share_sd,
		.account_by_id = fuzz_account_by_id,
		.account_by_name = fuzz_account_by_name,
	};
}

/* Read all messages; how many there were. */
static size_t drain(struct pipe *p)
{
	uint8_t buf[PDU_FRAG_MAX];
	struct pdu_header h;
	size_t count = 0, len;

	if (pipe_waiting(p) > DCERPC_BACKLOG_MAX + 2 * DCERPC_STUB_OUT_MAX)
		abort();
	while (nt_ok(pipe_read(p, mspan_of(buf, sizeof(buf)), &len))) {
		if (!pdu_header_decode(span_of(buf, len), &h) || h.frag_length != len)
			abort();
		count += (h.flags & PFC_LAST_FRAG) != 0;
	}
	if (pipe_waiting(p) != 0)
		abort();
	return count;
}

static void stream(struct pipe *p, const struct rpc_info *info, struct span in,
		   size_t piece)
{
	nt_status st = STATUS_SUCCESS;

	while (in.len > 0 && nt_ok(st)) {
		struct span part = span_head(in, piece ? piece : in.len);

		st = pipe_write(p, info, part);
		drain(p);
		in = span_from(in, part.len);
	}
}

static void put_request(struct pipe *p, const struct rpc_info *info, uint8_t opnum,
			struct span stub)
{
	uint8_t buf[PDU_FRAG_MAX];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	stub = span_head(stub, sizeof(buf) - 24);
	wr_bytes(&w, span_of("\5\0\0\3\20\0\0\0", 8));
	wr_u16(&w, (uint16_t)(24 + stub.len));
	wr_zero(&w, 2 + 4 + 4 + 2);
	wr_u16(&w, opnum);
	wr_bytes(&w, stub);
	if (!nt_ok(pipe_write(p, info, wr_done(&w))) || drain(p) != 1)
		abort();
}

static void call(struct pipe *p, const struct rpc_info *info,
		 const struct rpc_iface *iface, struct span in)
{
	static const uint8_t open_policy[32] = {[31] = 2};
	static const uint8_t ndr[20] = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c,
					0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00,
					0x2b, 0x10, 0x48, 0x60, 2};
	uint8_t buf[72];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	wr_bytes(&w, span_of("\5\0\13\3\20\0\0\0\110\0\0\0\1\0\0\0", 16));
	wr_bytes(&w, span_of("\270\20\270\20\0\0\0\0\1\0\0\0\0\0\1\0", 16));
	wr_bytes(&w, span_of(iface->syntax.uuid, 16));
	wr_u16(&w, iface->syntax.major);
	wr_u16(&w, iface->syntax.minor);
	wr_bytes(&w, span_of(ndr, sizeof(ndr)));
	if (!nt_ok(pipe_write(p, info, wr_done(&w))) || drain(p) != 1)
		abort();
	put_request(p, info, 44, span_of(open_policy, sizeof(open_policy)));
	put_request(p, info, in.p[0], span_from(in, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rpc_iface *const ifaces[] = {&srvsvc_iface, &wkssvc_iface,
							 &lsarpc_iface, &lsarpc_iface};
	struct principal caller = {.user = (char *)"alice", .domain = (char *)""};
	struct rpc_info info;
	struct pipe *p;

	if (size < 3)
		return 0;
	caller.kind = data[0] & 8 ? PRINCIPAL_ANONYMOUS : PRINCIPAL_NAMED;
	info = fuzz_info(&caller, data[0] & 4);
	if (!nt_ok(pipe_open(ifaces[data[0] & 3]->pipe, &p)))
		abort();
	if (data[1] & 1)
		call(p, &info, ifaces[data[0] & 3], span_of(data + 2, size - 2));
	else
		stream(p, &info, span_of(data + 2, size - 2), data[0] >> 4);
	pipe_free(p);
	return 0;
}
