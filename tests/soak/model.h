/*
 * model.h - what is certain about the files that contending clients share, and what can therefore not be.
 *
 * An open is live from the moment its answer was read until something is sent that ends it (CLOSE, LOGOFF, hanging up).
 * The server has it all that time, and perhaps longer at both ends. So what holds between any two live opens of one file
 * is judged as it stands, in whatever order answers of different connections were read:
 *
 *     their share modes admit each other
 *     of two that may read or write data, none has a W lease (unless it is the other's, too), exclusive or batch oplock
 *     no two byte-range locks that overlap, one of them exclusive
 *
 * What an open caches is certain until its break was read: the server lets nobody else in before an acknowledgement,
 * which is sent later than that. So nothing is certain any more once one is sent unasked, either: it may meet a break
 * that is on its way. A lease is what the last CREATE said that was sent after all of that. What a READ
 * or WRITE was allowed is held against locks that were certain from before it was sent until after it was answered.
 *
 * Files are told apart by the id the server gives them, as names move.
 *
 * Owns     opens, their locks, leases.
 * Threads  one.
 * Errors   what cannot be is printed and counted in model.faults.
 * Spec     [MS-FSA] 2.1.4.12, 2.1.5.1.2, 2.1.5.8, 2.1.5.18; [MS-SMB2] 3.3.4.6, 3.3.4.7
 */
#pragma once

#include "client/contexts.h"

enum { MODEL_LOCKS_MAX = 16, MODEL_FAULTS_MAX = 10 };

struct model {
	uint64_t tick; /* counts what was sent and read */
	uint64_t unsure_at;
	struct list_node opens, leases;
	unsigned faults;
	bool quiet; /* for tests of the model itself */
	/* what happened, for the last line */
	unsigned long leases_granted, oplocks_granted, breaks;
};

struct model_lease {
	struct list_node node;
	unsigned conn; /* leases belong to a ClientGuid: one a connection */
	uint8_t key[SMB2_LEASE_KEY_LEN];
	uint32_t state; /* what is certain; 0 if that is nothing */
	uint64_t
		unsure_at; /* tick of its last break, or of the answer to the last acknowledgement */
	bool breaking;  /* and no acknowledgement was accepted so far */
	unsigned acks;  /* under way */
	unsigned opens; /* live */
};

struct model_lock {
	uint64_t offset, length, since;
	bool exclusive;
};

struct model_open {
	struct list_node node;
	unsigned conn, actor, refs;
	bool live;
	struct client_file id;
	uint64_t file, volume;
	uint32_t access, share;
	uint8_t granted; /* SMB2_OPLOCK_LEVEL_* */
	uint8_t oplock;  /* of it, what is certain now */
	struct model_lease *lease;
	struct model_lock locks[MODEL_LOCKS_MAX];
	size_t lock_count;
};

void model_init(struct model *m);
void model_fini(struct model *m);

/* Say what cannot be. */
__attribute__((format(printf, 2, 3))) void model_fault(struct model *m,
						       const char *format, ...);

/*
 * Nothing was read for so long that the server may have given up waiting for acknowledgements: what was cached until now
 * is not certain any more.
 */
void model_unsure(struct model *m);

/* What a CREATE led to; everything but the lease is filled in. It is live from now on, with one reference. */
struct model_open *model_opened(struct model *m, const struct model_open *o,
				const struct client_lease *lease, uint64_t sent);
/* From now on it may be gone. The caller's reference stays. */
void model_ends(struct model *m, struct model_open *o);
struct model_open *model_get(struct model_open *o);
void model_put(struct model *m, struct model_open *o);
/* The live one of that id on a connection; NULL. */
struct model_open *model_find(struct model *m, unsigned conn, struct client_file id);

/* Breaks were read. The lease is made if no open of it is known yet. */
void model_oplock_broken(struct model *m, struct model_open *o);
struct model_lease *model_lease_broken(struct model *m, unsigned conn,
				       const struct client_break *b);
/* An acknowledgement is being sent; it was answered. */
void model_ack_sent(struct model_open *o, struct model_lease *l);
void model_ack_answered(struct model *m, struct model_lease *l, bool accepted,
			uint64_t sent);

/* The server granted these. */
void model_locked(struct model *m, struct model_open *o, const struct client_lock *locks,
		  size_t count);
/* An unlock is being sent: certain no longer. False: it never was. */
bool model_unlocks(struct model_open *o, const struct client_lock *lock);
/* A READ or WRITE of these bytes was allowed. */
void model_transferred(struct model *m, struct model_open *o, bool writes,
		       uint64_t offset, uint64_t length, uint64_t sent);
