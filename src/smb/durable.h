/*
 * durable.h - opens whose client has lost its connection, and may come back for them.
 *
 * A durable open stays when its session's last connection is lost, if its oplock or lease still lets its client keep the
 * file open (batch, HANDLE). Its session and tree are let go; the server's tables, and a list of the worker that
 * disconnected it, hold it. It ends there by one of three:
 *
 *     durable_adopt    the client is back: a new session and tree, a new volatile id
 *     the timer        nobody came in time
 *     durable_forsake  something that its client would have to be asked about: it cannot be. Likewise when its share goes,
 *                      and when the server stops
 *
 * Whoever takes it off that list, under the table's lock, decides; the others come too late.
 *
 * Threads  any but where said; `opens_lock` (rank TABLE) guards lists and tables, then the session's lock, then the open's.
 * Spec     [MS-SMB2] 3.3.5.9.6 to .12, 3.3.6.2, 3.3.7.1
 */
#pragma once

#include "smb/open.h"

struct smb_lane;
struct snapshot;

/* It is in the tables from now on: found by what its client knows of it. Under opens_lock, as the next. */
void durable_enlist(struct open *o);
/* Out of the tables, with its last reference. */
void durable_delist(struct open *o);

/* By the persistent id that its client was told; counted. NULL: there is none. */
struct open *durable_find(struct smb_server *s, uint64_t persistent_id);

/*
 * One of that file and application, on another machine than q's, of which is_of() is true, and which is not about to end; counted. NULL:
 * there is none. is_of runs under opens_lock. 3.3.5.9.13
 */
struct open *durable_find_instance(const struct req *q, const struct guid *id,
				   const struct node *file,
				   bool (*is_of)(const struct open *o,
						 const struct req *q));

/* Does its oplock or lease let its client keep it open? Fills what it holds. */
bool durable_holds_handle(const struct open *o, struct state_result *ret);

/*
 * From PARTING, with no request under way: DISCONNECTED if it may stay, else CLOSING, and the caller goes on closing it. On
 * lane's worker. True: the caller's reference belongs to the list from now on.
 */
MUST_CHECK bool durable_keep(struct open *o, struct lane *lane);

/*
 * From DISCONNECTED to OPEN, as q's session's and tree's. With a new volatile id.
 *
 * STATUS_OBJECT_NAME_NOT_FOUND   somebody else was quicker
 * STATUS_TOO_MANY_OPENED_FILES, STATUS_USER_SESSION_DELETED, STATUS_NETWORK_NAME_DELETED  it stays as it was
 */
MUST_CHECK nt_status durable_adopt(struct open *o, struct req *q);

/* End w when it is not about to become DISCONNECTED any more, at once if it is not. From w's worker; d is in the waiter. */
void durable_wait(struct open *o, struct open_drain *d, struct wait *w);

/*
 * The worker of the connection of o's session with the least id above *conn_id, which becomes that one's. NULL: there is none,
 * or o is not open.
 */
struct lane *durable_holder(struct open *o, uint64_t *conn_id);

/* A client that cannot be asked: what is disconnected, or about to be, is closed. Others stay as they are. */
void durable_forsake(struct open *o);
/*
 * Whoever has it, it is closed: w, of lane's worker, ends when that is done, or when it is worth another look. d is in the waiter.
 */
void durable_evict(struct open *o, struct lane *lane, struct open_drain *d,
		   struct wait *w);
/* All whose share is not in `now` any more. */
void durable_forsake_gone(struct smb_server *s, const struct snapshot *now);
/* No open stays from now on, and all that did are closed. */
void durable_stop(struct smb_server *s);
