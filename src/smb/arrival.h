/*
 * arrival.h - from the transport to recv.c: requests that arrive together are verified together.
 *
 * AES-CMAC of several messages side by side is many times as fast as of one after the other (crypto/cmac_many.h), and
 * HMAC-SHA256 somewhat faster (crypto/hmac_many.h). So what is signed with them waits until the worker has read all its
 * sockets: it goes on as one of the worker's own messages, in the same turn. Nothing waits for more to come. All else is
 * received at once, except behind a frame of the same connection that waits: the order of a connection is kept.
 *
 * Only the question "is this signature right under this key" is answered ahead. Whether it is asked, and what follows from
 * the answer, is recv.c's, one frame after the other.
 *
 * Owns     frames that wait, on the lane's list; each counts as its connection's memory.
 * Threads  the lane's worker.
 */
#pragma once

#include "smb/conn.h"

void arrivals_init(struct smb_lane *l);
/* The lane ends: what waits goes unseen. */
void arrivals_drop(struct smb_lane *l);

/* One transport message. Takes over b. */
void arrival(struct conn *c, struct buf *b, struct mspan bytes);
