/*
 * create_contexts.h - the context list of a CREATE: a table of small decoders, and the answers.
 *
 * Threads  pure.
 * Spec     [MS-SMB2] 2.2.13.2, 2.2.14.2, 3.3.5.9
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "fs/vfs.h"
#include "smb/open.h"
#include "wire/guid.h"
#include "wire/sd.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

/* RqLs, of either version. [MS-SMB2] 2.2.13.2.8, 2.2.13.2.10 */
struct create_lease {
	uint8_t version; /* 0: not asked for */
	uint8_t key[SMB2_LEASE_KEY_LEN];
	uint32_t state; /* SMB2_LEASE_*_CACHING */
	uint32_t flags;
	uint8_t parent_key[SMB2_LEASE_KEY_LEN];
	uint16_t epoch;
};

/*
 * DHnQ, DHnC, DH2Q, DH2C: which there are, and what they say. A request of version 2 beside any other is refused, so that
 * each field has one source. What they may do together: cmd/durable_rules.h
 */
struct create_durable {
	bool ask_v1, again_v1, ask_v2, again_v2;
	uint64_t persistent_id;  /* DHnC, DH2C: of the open that is claimed */
	struct guid create_guid; /* DH2Q, DH2C		*/
	uint32_t timeout_ms;     /* DH2Q: 0 for any; in the answer what was granted */
	uint32_t flags;          /* DH2Q, DH2C: SMB2_DHANDLE_FLAG_*	*/
	uint8_t granted;         /* to be answered: version 1 or 2, 0 for none */
};

/* Who an application is, wherever it runs, and its version. [MS-SMB2] 2.2.13.2.13, 2.2.13.2.15 */
struct create_instance {
	bool there; /* AppInstanceId	*/
	struct guid id;
	struct instance_version version;
};

/* What was asked for. Unknown contexts are ignored: 3.3.5.9. */
struct create_contexts {
	bool maximal_access; /* MxAc			*/
	bool on_disk_id;     /* QFid			*/
	bool has_allocation; /* AlSi			*/
	uint64_t allocation;
	struct sd *descriptor; /* SecD, or NULL		*/
	struct vfs_ea *eas;    /* ExtA			*/
	size_t ea_count;
	uint64_t snapshot; /* TWrp: a time, 0 for none	*/
	struct create_lease lease;
	struct create_durable durable;
	struct create_instance instance; /* SMB2_CREATE_APP_INSTANCE_ID, _VERSION */
};

/* list: the context list alone; EA values are borrowed from it. STATUS_INVALID_PARAMETER for what is not well-formed or
 * repeated; or as sd_decode(), ea_decode(). */
MUST_CHECK nt_status create_contexts_decode(struct span list, struct arena *a,
					    struct create_contexts *ret_contexts);

/*
 * The answers to c, each 8-aligned; what the response's CreateContexts fields describe. Nothing written: none. c->lease is
 * answered as it stands: version 0 if none was taken; of c->durable what was granted.
 */
void create_contexts_encode(struct wr *w, const struct create_contexts *c,
			    uint32_t maximal_access, const struct node_key *key);
enum { CREATE_CONTEXTS_LEN_MAX = 256 };
