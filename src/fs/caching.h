/*
 * caching.h - what a client may cache of a file, and what takes that away: the rules of oplocks and leases as plain
 *             values. Who holds what, and who waits for whom, is fs/state.h's.
 *
 * An oplock is treated as the caching it allows: batch is READ|WRITE|HANDLE, exclusive READ|WRITE, level II READ. What tells
 * it from a lease is that an operation breaks it to level II or to none, nothing between.
 *
 *     held --use takes some away, which must be acknowledged--> breaking --caching_ack()--> held (less), or breaking again
 *       \--use takes READ away, which was all--> nothing held        \--caching_expire()--> nothing held
 *
 * Threads  pure.
 * Spec     [MS-FSA] 2.1.4.12 (breaks), 2.1.5.18 (requests), 2.1.5.19 (acknowledgements); [MS-SMB2] 3.3.5.22
 */
#pragma once

#include "base/status.h"

/* SMB2_LEASE_*_CACHING, or'ed. */
enum {
	CACHING_READ = 0x01,
	CACHING_HANDLE = 0x02,
	CACHING_WRITE = 0x04,
	CACHING_ALL = 0x07,
};

/* What one oplock, or all opens of one lease, may cache. */
struct caching {
	bool lease; /* else an oplock */
	uint8_t held;
	bool breaking; /* a break was told and is not acknowledged */
	uint8_t told;  /* breaking: to what, as the client knows it */
	uint8_t target; /* breaking: to what it must come; less than `told` if more was asked meanwhile */
};

/* What somebody else does to the file. The names in [MS-FSA] 2.1.4.12, whose switch this is. */
enum caching_use {
	CACHING_USE_OPEN,      /* OPEN that leaves the contents alone		*/
	CACHING_USE_OVERWRITE, /* OPEN that replaces them			*/
	CACHING_USE_SHARE, /* OPEN_BREAK_H: share modes conflict, a handle is in the way */
	CACHING_USE_WRITE, /* WRITE, sizes, zeroes				*/
	CACHING_USE_LOCK,  /* LOCK_CONTROL					*/
	CACHING_USE_NAME, /* rename, link, deletion, security: SET_INFORMATION, SET_SECURITY */
	CACHING_USE_ENTRIES, /* PARENT_OBJECT: entries of the directory		*/
	CACHING_USE_COUNT,
};

/* A break to tell the client of. */
struct caching_notice {
	bool tell;
	uint8_t from, to;
	bool ack; /* an acknowledgement is expected */
};

/* An open that asks for nothing but attributes breaks no caching, and none has to be broken for it. */
bool caching_is_stat_open(uint32_t access, bool lease);

/* Does `use` by the holder itself count? Level II says that others may write: its own writes break it, too. */
bool caching_is_own_affair(const struct caching *c, enum caching_use use);

/* Somebody else does `use`. True: it has to wait until c's holder has acknowledged. */
MUST_CHECK bool caching_break(struct caching *c, enum caching_use use,
			      struct caching_notice *ret_notice);

/*
 * The client acknowledges a break down to `held`; without READ that is nothing. What it may not keep of that is told to
 * it at once, as another break, one kind of caching a time: WRITE, then HANDLE, then READ.
 *
 * STATUS_UNSUCCESSFUL (lease), STATUS_INVALID_OPLOCK_PROTOCOL (oplock)  no break is under way
 * STATUS_REQUEST_NOT_ACCEPTED  a lease would keep more than it was told
 * STATUS_INVALID_OPLOCK_PROTOCOL  likewise for an oplock, which is lost
 */
MUST_CHECK nt_status caching_ack(struct caching *c, uint8_t held,
				 struct caching_notice *ret_notice);

/* No acknowledgement came in time: nothing is held any more. [MS-SMB2] 3.3.6.1, 3.3.6.5 */
void caching_expire(struct caching *c);

/* What there is besides the asker: other opens and holders of the same stream, with another lease key. */
struct caching_others {
	bool open;     /* one that reads, writes or deletes, or caches */
	bool oplock;   /* an oplock is held			*/
	bool handle;   /* a lease with HANDLE			*/
	bool write;    /* WRITE is held, or being broken		*/
	bool breaking; /* an acknowledgement is awaited		*/
	bool locks;    /* byte ranges of the stream are locked	*/
	bool directory;
};

/* The most of `want` that may be granted beside them. */
uint8_t caching_grant(bool lease, uint8_t want, const struct caching_others *others);
/* What a lease that holds `held` is promoted to: to all that is wanted, or not at all. [MS-SMB2] 3.3.5.9.8 */
uint8_t caching_promote(const struct caching *c, uint8_t want,
			const struct caching_others *others);

/* SMB2_OPLOCK_LEVEL_* as caching, and back; 0 for a level there is not. */
uint8_t caching_of_level(uint8_t level);
uint8_t caching_level(uint8_t held);
