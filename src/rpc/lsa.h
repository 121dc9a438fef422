/*
 * lsa.h - the parts of the interface lsarpc, private to it: policy handles, translation of names and SIDs.
 *
 * What is translated: well-known SIDs, the aliases of BUILTIN, the machine, its domain, and the Unix accounts and
 * groups as "Unix User\name" (S-1-22-1-uid) and "Unix Group\name" (S-1-22-2-gid).
 *
 * Anonymous callers open no policy ([MS-LSAD] 3.1.4.4.1, LsaRestrictAnonymous), so they translate nothing.
 *
 * Spec     [MS-LSAD] 3.1.4.4, [MS-LSAT] 3.1.1.1, 3.1.4
 */
#pragma once

#include "base/status.h"
#include "rpc/call.h"

/* Access rights of a policy object. [MS-LSAD] 2.2.1.1.2 */
enum {
	POLICY_VIEW_LOCAL_INFORMATION = 0x00000001,
	POLICY_LOOKUP_NAMES = 0x00000800,
	READ_CONTROL = 0x00020000,
	MAXIMUM_ALLOWED = 0x02000000,
};

/* STATUS values that only this interface returns. */
#define STATUS_SOME_NOT_MAPPED NT_STATUS(0x00000107)
#define STATUS_NONE_MAPPED     NT_STATUS(0xC0000073)

/* SID_NAME_USE. [MS-LSAT] 2.2.13 */
enum sid_use {
	SID_USE_USER = 1,
	SID_USE_GROUP = 2,
	SID_USE_DOMAIN = 3,
	SID_USE_ALIAS = 4,
	SID_USE_WELL_KNOWN = 5,
	SID_USE_UNKNOWN = 8,
};

/* One translation. `domain` is NULL if not even that is known; domain and name are the arena's or static. */
struct lsa_name {
	const char *domain;
	struct sid domain_sid;
	const char *name;
	struct sid sid;
	enum sid_use use; /* SID_USE_UNKNOWN: not found, only the domain perhaps */
};

struct lsa_name lsa_name_of_sid(const struct rpc_call *c, const struct sid *sid);
/* name: "domain\name" or "name", in any case. */
struct lsa_name lsa_name_of_text(const struct rpc_call *c, const char *name);

/* The policy handle at the cursor, if it grants `access`; else a fault, or *ret_status. */
enum rpc_fault lsa_policy(struct rpc_call *c, uint32_t access, nt_status *ret_status);

enum rpc_fault lsa_lookup_names(struct rpc_call *c);
enum rpc_fault lsa_lookup_names2(struct rpc_call *c);
enum rpc_fault lsa_lookup_names3(struct rpc_call *c);
enum rpc_fault lsa_lookup_sids(struct rpc_call *c);
enum rpc_fault lsa_lookup_sids2(struct rpc_call *c);
