/*
 * replay.h - finding what a CREATE that names a CreateGuid repeats: an open, or the first one that is still under way.
 *
 * A client whose channel is lost sends what was not answered again over another one. Its CREATE may have made an open by then,
 * or wait for somebody to give up what he caches: then a second one beside it would break what it is about to be given.
 *
 * Owns     nothing: a create_under_way lies in its request.
 * Threads  any; `opens_lock` of the server guards the tables.
 * Spec     [MS-SMB2] 3.3.5.9, 3.3.5.9.10
 */
#pragma once

#include "base/map.h"
#include "base/status.h"
#include "wire/guid.h"

#include <stdint.h>

struct open;
struct smb_server;

/* One that is under way. */
struct create_under_way {
	struct map_node by_create; /* opens_lock */
	uint8_t client_guid[16];
	struct guid create_guid;
	bool listed;
};

/* Of both tables. */
uint64_t replay_key(const struct smb_server *s, const uint8_t client_guid[16],
		    const struct guid *create_guid);

/*
 * Begin the CREATE that `u` names; others that name the same find it from then on, until replay_end().
 *
 * replay    SMB2_FLAGS_REPLAY_OPERATION
 * ret_open  counted: there is an open that nothing was done with since its CREATE, which named this guid. Then nothing
 *           begins. Else NULL
 *
 * STATUS_FILE_NOT_AVAILABLE, STATUS_DUPLICATE_OBJECTID if it is under way: with replay, without. Nothing begins either.
 */
MUST_CHECK nt_status replay_begin(struct smb_server *s, struct create_under_way *u,
				  bool replay, struct open **ret_open);
/* It has ended, or has become an open that is in the server's tables. Nothing if it did not begin. */
void replay_end(struct smb_server *s, struct create_under_way *u);
