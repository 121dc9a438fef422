/*
 * call.h - one remote procedure call, as the interfaces (srvsvc, wkssvc, lsarpc) see it.
 *
 * An interface is a table of operations. An operation decodes its parameters from `in`, checks, acts, and encodes results
 * into `out`, its own return value (a Win32 error or an NTSTATUS) last. What it returns to us is another thing: 0, or the
 * fault that replaces everything written.
 *
 * Owns     nothing; memory of the call is in its arena.
 * Threads  the pipe's.
 * Spec     [MS-RPCE] 3.3.3.4.1, 3.3.3.5; faults: [C706] appendix E, [MS-RPCE] 3.1.3.5.2, 3.3.3.5.4, 3.3.3.5.7
 */
#pragma once

#include "rpc/handle.h"
#include "rpc/info.h"
#include "rpc/ndr.h"

enum rpc_fault {
	RPC_OK = 0,
	RPC_FAULT_ACCESS_DENIED =
		0x00000005, /* also: request too large, [MS-RPCE] 3.3.3.5.4 */
	RPC_FAULT_UNKNOWN_AUTHN = 0x000006D3, /* RPC_S_UNKNOWN_AUTHN_SERVICE */
	RPC_FAULT_BAD_STUB = 0x000006F7,      /* RPC_X_BAD_STUB_DATA */
	RPC_FAULT_CONTEXT_MISMATCH = 0x1C00001A,
	RPC_FAULT_NO_MEMORY = 0x1C00001B, /* nca_s_fault_remote_no_memory */
	RPC_FAULT_OP_RANGE = 0x1C010002,  /* nca_s_op_rng_error */
	RPC_FAULT_UNKNOWN_IF = 0x1C010003,
	RPC_FAULT_PROTOCOL = 0x1C01000B, /* nca_s_proto_error */
	RPC_FAULT_OUT_ARGS_TOO_BIG = 0x1C010013,
};

/* Win32 errors that operations return. [MS-ERREF] 2.2, [MS-SRVS] 2.2.2.10 */
enum {
	NERR_SUCCESS = 0,
	ERROR_ACCESS_DENIED = 5,
	ERROR_NOT_ENOUGH_MEMORY = 8,
	ERROR_NOT_SUPPORTED = 50,
	ERROR_INVALID_PARAMETER = 87,
	ERROR_INVALID_LEVEL = 124,
	ERROR_MORE_DATA = 234,
	ERROR_GEN_FAILURE = 31,
	ERROR_INVALID_NAME = 123,
	ERROR_SHUTDOWN_IN_PROGRESS = 1115,
	NERR_UNKNOWN_DEV_DIR = 2116,
	NERR_DUPLICATE_SHARE = 2118,
	NERR_BUF_TOO_SMALL = 2123,
	NERR_USER_NOT_FOUND = 2221,
	NERR_NET_NAME_NOT_FOUND = 2310,
	NERR_DEVICE_NOT_SHARED = 2311,
	NERR_CLIENT_NAME_NOT_FOUND = 2312,
	NERR_FILE_ID_NOT_FOUND = 2314,
};

struct rpc_call {
	const struct rpc_info *info;
	struct handles *handles; /* of the pipe */
	struct arena *arena;
	struct rd in;  /* the stub; what follows the last parameter is ignored */
	struct wr out; /* the stub of the response */
};

struct rpc_op {
	uint16_t opnum;
	const char *name; /* for logs */
	enum rpc_fault (*fn)(struct rpc_call *c);
};

/* A syntax: of an interface or of transfer. [C706] 12.6.3.1, p_syntax_id_t */
struct rpc_syntax {
	uint8_t uuid[16]; /* as on the wire, little-endian */
	uint16_t major, minor;
};

struct rpc_iface {
	const char *pipe; /* its well-known endpoint, without \PIPE\ */
	struct rpc_syntax syntax;
	const struct rpc_op *ops;
	size_t op_count;
};

extern const struct rpc_iface srvsvc_iface;
extern const struct rpc_iface wkssvc_iface;
extern const struct rpc_iface lsarpc_iface;

/* How operations end: append the return value. */
static inline enum rpc_fault rpc_return(struct rpc_call *c, uint32_t value)
{
	ndr_put_u32(&c->out, value);
	return RPC_OK;
}
