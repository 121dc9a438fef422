/*
 * lock_sequence.h - which LOCK requests of an open were done already, so that one sent again is not done again.
 *
 * A client that does not know whether its LOCK arrived (a channel or the connection broke) repeats it with the same
 * LockSequenceIndex and LockSequenceNumber: it is answered with success and nothing else happens.
 *
 * Owns     nothing; a value in struct open.
 * Threads  its open's lock.
 * Spec     [MS-SMB2] 2.2.26, 3.3.1.10 Open.LockSequenceArray, 3.3.5.14
 */
#pragma once

#include "base/attr.h"

enum { LOCK_SEQUENCE_COUNT = 64 };

/* LockSequenceArray[1 .. 64]: SequenceNumber + 1, or 0 while the entry is not valid. */
struct lock_sequences {
	uint8_t entry[LOCK_SEQUENCE_COUNT];
};

/*
 * Do LOCK requests on an open have to be remembered? durable: Open.IsDurable, IsResilient or IsPersistent.
 * server_capabilities: what NEGOTIATE announced on this connection.
 */
bool lock_sequence_applies(uint16_t dialect, uint32_t server_capabilities, bool durable);

/* field: LockSequenceNumber and LockSequenceIndex as they were sent. Another number than the one remembered makes the
 * entry invalid: that request is new. */
MUST_CHECK bool lock_sequence_seen(struct lock_sequences *s, uint32_t field);
/* The request was done, all of it. */
void lock_sequence_done(struct lock_sequences *s, uint32_t field);
