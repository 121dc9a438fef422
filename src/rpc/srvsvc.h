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
 *     NetrConnectionEnum, NetrFileEnum, NetrFileGetInfo, NetrFileClose, NetrSessionEnum, NetrSessionDel
 *                                                                administrators: who is there is nobody else's business
 *     NetrShareAdd, NetrShareSetInfo, NetrShareDel, NetrShareCheck, NetrServerStatisticsGet
 *                                                                administrators
 *     NetprNameValidate                                          everyone
 *
 * Others get ERROR_ACCESS_DENIED.
 */
#pragma once

#include "rpc/call.h"

/* [in, out] parameters that all *Enum operations end with. */
struct enum_req {
	const char *filters[2]; /* NULL: not given */
	uint32_t level;
	uint32_t preferred_len; /* 0xFFFFFFFF: everything */
	bool has_resume;
	uint32_t resume;
};

/* Decode an enumeration: ServerName, `filters` more [unique, string] parameters, the rest of enum_req. Fails the cursor. */
struct enum_req enum_decode(struct rpc_call *c, unsigned filters);
/* Encode one without entries: level_known if the union has an arm for the level. */
enum rpc_fault enum_refuse(struct rpc_call *c, const struct enum_req *q, bool level_known,
			   uint32_t error);
/* What follows the container: TotalEntries, ResumeHandle, the return value. */
enum rpc_fault enum_finish(struct rpc_call *c, const struct enum_req *q, uint32_t total,
			   uint32_t error);

/* srvsvc_change.c */
enum rpc_fault share_add(struct rpc_call *c);
enum rpc_fault share_set_info(struct rpc_call *c);
enum rpc_fault share_del(struct rpc_call *c);
enum rpc_fault share_check(struct rpc_call *c);

/* srvsvc_activity.c */
enum rpc_fault connection_enum(struct rpc_call *c);
enum rpc_fault file_enum(struct rpc_call *c);
enum rpc_fault file_get_info(struct rpc_call *c);
enum rpc_fault file_close(struct rpc_call *c);
enum rpc_fault session_enum(struct rpc_call *c);
enum rpc_fault session_del(struct rpc_call *c);

/*
 * srvsvc_path.c: paths of the server as clients of Windows write them, "C:\srv\files". In the arena; NULL without memory.
 *
 * below  what is under it, with backslashes; "" for itself
 */
const char *srvsvc_path_shown(struct arena *a, const char *path, const char *below);

/* srvsvc_share.c */
/* As srvsvc_path_shown() has it, or with slashes: "/srv/files". NULL: it is none, or no memory. */
const char *srvsvc_path_given(struct arena *a, const char *path);

/* SHARE_INFO as a client hands it in: what its level does not have is NULL or zero. Spec: [MS-SRVS] 2.2.3.6 */
struct share_given {
	uint32_t level;
	bool has_level; /* there is such a level, and its structure came */
	const char *netname, *remark, *path;
	uint32_t type, max_uses, flags;
	bool has_max_uses, has_flags;
	struct span sd; /* empty: none came */
};
/* Level and union. Fails the cursor. */
struct share_given share_given_decode(struct rpc_call *c);

/* By name; what is not visible to the caller is not there. False also without memory. With its descriptor if with_sd. */
bool share_find_whole(struct rpc_call *c, const char *netname, bool with_sd,
		      struct rpc_share *ret_share);
bool share_exists(const struct rpc_info *info, const char *netname);
enum rpc_fault share_enum(struct rpc_call *c);
enum rpc_fault share_enum_sticky(struct rpc_call *c);
enum rpc_fault share_get_info(struct rpc_call *c);
