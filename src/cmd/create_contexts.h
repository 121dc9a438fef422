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
#include "wire/sd.h"
#include "wire/wr.h"

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
};

/* list: the context list alone; EA values are borrowed from it. STATUS_INVALID_PARAMETER for what is not well-formed or
 * repeated; or as sd_decode(), ea_decode(). */
MUST_CHECK nt_status create_contexts_decode(struct span list, struct arena *a,
					    struct create_contexts *ret_contexts);

/* The answers, each 8-aligned; what the response's CreateContexts fields describe. Nothing written: none. */
void create_contexts_encode(struct wr *w, const struct create_contexts *c,
			    uint32_t maximal_access, const struct node_key *key);
enum { CREATE_CONTEXTS_LEN_MAX = 128 };
