/*
 * contexts.h - create contexts: what a client asks for beside a CREATE, and what it is told.
 *
 *     struct wr w = wr_of(room);
 *     context_lease(&w, &lease);
 *     context_disk_id(&w);
 *     create.contexts = wr_done(&w);
 *
 * Owns     nothing; results point into the answer.
 * Threads  pure.
 * Errors   false: there is none of that name, or it is malformed; answer_check() has found the malformed already.
 * Spec     [MS-SMB2] 2.2.13.2, 2.2.14.2
 */
#pragma once

#include "client/answer.h"
#include "wire/guid.h"

/* All three kinds of caching. */
#define SMB2_LEASE_ALL                                                                   \
	((uint32_t)(SMB2_LEASE_READ_CACHING | SMB2_LEASE_HANDLE_CACHING |                \
		    SMB2_LEASE_WRITE_CACHING))

/* Asked for or granted. */
struct client_lease {
	uint8_t key[SMB2_LEASE_KEY_LEN];
	uint32_t state; /* SMB2_LEASE_* */
	uint32_t flags; /* SMB2_LEASE_FLAG_* */
	bool v2;        /* the rest is there: 3.x */
	uint8_t parent_key[SMB2_LEASE_KEY_LEN];
	uint16_t epoch;
};

/* Each adds one to the list that w holds from its start. The CREATE asks for SMB2_OPLOCK_LEVEL_LEASE then. */
void context_lease(struct wr *w, const struct client_lease *l);
void context_disk_id(struct wr *w);
/* A durable handle of version 2, for as long as the server likes. */
void context_durable(struct wr *w, const struct guid *create_guid);

/* NULL, or what is wrong with what came with the answer: the list, each known context, OplockLevel. */
const char *contexts_check(const struct answer_create *a);

MUST_CHECK bool answer_lease(const struct answer_create *a, struct client_lease *ret);
/* FileId and VolumeId of a file as the server knows it. */
MUST_CHECK bool answer_disk_id(const struct answer_create *a, uint64_t *ret_file,
			       uint64_t *ret_volume);
