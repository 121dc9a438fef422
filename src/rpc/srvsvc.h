/*
 * srvsvc.h - the operations of the Server Service that are not in srvsvc.c. Private to the interface.
 *
 * Who may call what, as Windows has it ([MS-SRVS] appendix B, <43> to <91>):
 *
 *     NetrShareEnum, NetrShareGetInfo   levels 0, 1, 501, 1005   everyone: the shares visible to him
 *                                       levels 2, 502, 503       administrators, as they show paths and descriptors
 *     NetrServerGetInfo                 levels 100, 101          everyone
 *                                       levels 102, 103          administrators
 *     NetrRemoteTOD                                              everyone
 *     NetrConnectionEnum, NetrFileEnum, NetrSessionEnum          administrators, who are told that it is not supported
 *
 * Others get ERROR_ACCESS_DENIED. Everything that changes the server is not there at all: a fault.
 */
#pragma once

#include "rpc/call.h"

/* [in, out] parameters that all *Enum operations end with. */
struct enum_req {
	uint32_t level;
	uint32_t preferred_len; /* 0xFFFFFFFF: everything */
	bool has_resume;
	uint32_t resume;
};

/*
 * Decode an enumeration: ServerName, `filters` more [unique, string] parameters, all without effect here, then those of
 * enum_req. Fails the cursor.
 */
struct enum_req enum_decode(struct rpc_call *c, unsigned filters);
/* Encode one without entries: level_known if the union has an arm for the level. */
enum rpc_fault enum_refuse(struct rpc_call *c, const struct enum_req *q, bool level_known,
			   uint32_t error);
/* What follows the container: TotalEntries, ResumeHandle, the return value. */
enum rpc_fault enum_finish(struct rpc_call *c, const struct enum_req *q, uint32_t total,
			   uint32_t error);

enum rpc_fault share_enum(struct rpc_call *c);
enum rpc_fault share_enum_sticky(struct rpc_call *c);
enum rpc_fault share_get_info(struct rpc_call *c);
