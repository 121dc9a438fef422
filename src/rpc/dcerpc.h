/*
 * dcerpc.h - one DCE/RPC association on one pipe: PDUs in, PDUs out.
 *
 * No security of its own: calls act for the user of the SMB session, and SMB's signing and encryption protect them
 * ([MS-RPCE] 2.1.1.2). A client that wants to authenticate inside RPC as well is told that no such type is known.
 *
 * Owns     struct dcerpc owns its context handles, the request being received and the replies not yet taken.
 * Threads  one user at a time.
 * Errors   what the client did wrong becomes a fault or a bind_nak among the replies. A negative errno means that no
 *          sensible answer exists (-EPROTO) or memory or a bound is exhausted (-ENOBUFS): the pipe is broken.
 * Spec     [C706] chapters 9, 11, 12, [MS-RPCE] 3.3.1.5, 3.3.3.5
 */
#pragma once

#include "rpc/pdu.h"

enum {
	/* Stub of one request, over all its fragments. Deviation: [MS-RPCE] 3.3.3.5.4 has 4 MiB; our calls need little. */
	DCERPC_STUB_IN_MAX = 64 * 1024,
	/* Stub of one response. */
	DCERPC_STUB_OUT_MAX = 512 * 1024,
	/* While this much waits to be read, no further PDU is taken. */
	DCERPC_BACKLOG_MAX = 64 * 1024,
	DCERPC_CONTEXTS_MAX = 64,
	/* Scratch memory of one call. */
	DCERPC_ARENA_MAX = 16 * 1024 * 1024,
};

struct dcerpc {
	const struct rpc_iface *iface;
	struct handles handles;
	bool bound;
	uint16_t frag_max; /* of what we send */
	uint32_t assoc_group_id;
	uint16_t contexts[DCERPC_CONTEXTS_MAX]; /* accepted, all of `iface` in NDR32 */
	size_t context_count;

	bool receiving;   /* a request whose last fragment has not come */
	uint32_t call_id; /* of the latest request */
	uint16_t ctx_id;
	uint16_t opnum;
	struct bytes stub;

	struct bytes out; /* whole PDUs, back to back */
};

void dcerpc_init(struct dcerpc *d, const struct rpc_iface *iface);
void dcerpc_fini(struct dcerpc *d);

/* Take one whole PDU, whose header says it is exactly that long; replies, if any, are appended to d->out. */
MUST_CHECK int dcerpc_feed(struct dcerpc *d, const struct rpc_info *info,
			   struct span pdu);
