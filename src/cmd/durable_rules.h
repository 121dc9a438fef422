/*
 * durable_rules.h - durable handles: what the create contexts mean together, and whose claim on a disconnected open is
 *                   right, as plain values.
 *
 * Threads  pure.
 * Spec     [MS-SMB2] 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12
 */
#pragma once

#include "cmd/create_contexts.h"
#include "fs/state.h"

enum durable_way {
	DURABLE_NONE,
	DURABLE_ASK_V1, /* a new open that may be durable	*/
	DURABLE_ASK_V2,
	DURABLE_AGAIN_V1, /* an open that was lost		*/
	DURABLE_AGAIN_V2,
};

/* STATUS_INVALID_PARAMETER: contexts that exclude each other. Version 2 is not known to dialects before 3.0. */
MUST_CHECK nt_status durable_way(const struct create_durable *d, uint16_t dialect,
				 enum durable_way *ret_way);

/* Milliseconds that an open of version 2 is kept. asked: Timeout; default_s: durable_v2_timeout. 3.3.5.9.10 */
uint32_t durable_v2_timeout_ms(uint32_t asked, uint32_t default_s);

/* What an open is. */
struct durable_open {
	uint8_t version;   /* it was made durable with; 0: not durable	*/
	bool disconnected; /* Open.Session is NULL			*/
	bool holds_handle; /* a batch oplock, or a lease with HANDLE, not being broken */
	bool delete_on_close;
	uint8_t lease_version; /* 0: none		*/
	struct lease_id lease;
	struct guid create_guid;
};

/* Who claims it. */
struct durable_claim {
	enum durable_way way;
	uint8_t lease_version; /* of the lease's context; 0: there is none */
	struct lease_id lease;
	struct guid create_guid;
	uint32_t flags;
	bool same_share; /* of the same directory	*/
	bool same_name;
	bool same_user;
};

/* A CREATE that names the CreateGuid of an open that nothing was done with yet. */
struct replay_claim {
	bool replay;           /* SMB2_FLAGS_REPLAY_OPERATION		*/
	bool same_user;        /* as the open's			*/
	bool same_session;     /* likewise				*/
	uint8_t lease_version; /* of the lease's context; 0: there is none */
	struct lease_id lease;
};

/* STATUS_SUCCESS: it is the same CREATE once more. STATUS_DUPLICATE_OBJECTID, STATUS_ACCESS_DENIED. 3.3.5.9, 3.3.5.9.10 */
MUST_CHECK nt_status replay_match(const struct durable_open *o,
				  const struct replay_claim *c);

/*
 * May an application take the file over from the open `o` of its own on another machine? `c`: what the CREATE says.
 * STATUS_FILE_FORCED_CLOSED: that one is newer. 3.3.5.9.13
 */
MUST_CHECK nt_status instance_check(const struct instance_version *o,
				    const struct instance_version *c, uint16_t dialect);

/* STATUS_OBJECT_NAME_NOT_FOUND, STATUS_INVALID_PARAMETER, STATUS_ACCESS_DENIED: it is not the claimant's. */
MUST_CHECK nt_status durable_match(const struct durable_open *o,
				   const struct durable_claim *c);
