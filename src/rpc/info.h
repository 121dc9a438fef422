/*
 * info.h - what remote procedures may know: the server, the caller, the shares, the accounts.
 *
 * Filled by the layer above for one call of pipe_write() or pipe_transceive(); plain data and callbacks, so
 * that rpc/ needs neither smb/ nor conf/.
 *
 * Owns     nothing; every pointer, also those the callbacks hand out, stays valid and its content unchanged
 *          until that call returns (a counted configuration snapshot does it).
 * Threads  the callbacks run on the thread of that call. They may block only if it may.
 */
#pragma once

#include "auth/principal.h"
#include "base/arena.h"
#include "base/env.h"

struct rpc_admin;

/* Share types. [MS-SRVS] 2.2.2.4 */
enum {
	STYPE_DISKTREE = 0,
	STYPE_IPC = 3,
};
#define STYPE_SPECIAL 0x80000000u

/* shi1005_flags. [MS-SRVS] 2.2.4.29, 2.2.2.5 */
enum {
	SHI1005_FLAGS_DFS = 0x0001,
	CSC_CACHE_NONE = 0x0030,
	SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM = 0x0800,
	SHI1005_FLAGS_FORCE_LEVELII_OPLOCK = 0x1000,
	SHI1005_FLAGS_ENABLE_CA = 0x4000,
	SHI1005_FLAGS_ENCRYPT_DATA = 0x8000,
};

/* Software types. [MS-SRVS] 2.2.2.7 */
enum {
	SV_TYPE_WORKSTATION = 0x0001,
	SV_TYPE_SERVER = 0x0002,
	SV_TYPE_NT = 0x1000,
	SV_TYPE_SERVER_NT = 0x8000,
};

/* max_uses of a share without a limit. */
#define SHARE_USES_UNLIMITED 0xFFFFFFFFu

struct rpc_share {
	const char *netname; /* UTF-8, like all text here			*/
	const char *remark;  /* "" if none					*/
	const char *path;    /* as configured; only administrators see it	*/
	uint32_t type;       /* STYPE_DISKTREE or STYPE_IPC			*/
	uint32_t flags;      /* SHI1005_*, CSC_*				*/
	uint32_t max_uses;
	uint32_t current_uses;
	struct span security_descriptor; /* self-relative; of share_sd()	*/
	bool administrative;             /* adds STYPE_SPECIAL		*/
	bool visible; /* to this caller; what is not visible does not exist	*/
};

struct rpc_info {
	struct env *env;

	const char *server_name;
	const char *comment;
	const char *domain;     /* workgroup, or NetBIOS name of the domain	*/
	const char *dns_domain; /* "" outside a domain			*/
	uint32_t version_major; /* of the system we present; 10.0		*/
	uint32_t version_minor;
	uint32_t server_type;         /* SV_TYPE_*				*/
	int32_t tz_minutes_west;      /* of Greenwich; negative east of it	*/
	uint32_t session_count;       /* users now logged on			*/
	struct sid machine_sid;       /* S-1-5-21-…, the account domain	*/
	const struct sid *domain_sid; /* NULL outside a domain		*/

	const struct principal *caller;
	bool administrator; /* the caller may see and do what Administrators may */

	void *ctx; /* of the callbacks, those of `admin` included */
	const struct rpc_admin *admin;
	/* The i-th share, false past the end. Holes are not allowed; invisible ones are. */
	bool (*share_at)(void *ctx, size_t i, struct rpc_share *ret_share);
	/* Its descriptor, in the arena. -ENOMEM. */
	int (*share_sd)(void *ctx, struct arena *a, size_t i, struct span *ret_sd);
	/* Name of S-1-22-1-id, or, with group, of S-1-22-2-id; in the arena or longer-lived. False: unknown. */
	bool (*account_by_id)(void *ctx, struct arena *a, bool group, uint32_t id,
			      const char **ret_name);
	/* The reverse. A user wins over a group of the same name. */
	bool (*account_by_name)(void *ctx, const char *name, bool *ret_group,
				uint32_t *ret_id);
};
