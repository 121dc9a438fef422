/*
 * writer.h - the audit log: what stands behind smb/trail.h. Events are copied, queued without a lock, and written by a thread
 *            of its own.
 *
 * Nobody waits for the disk but that thread. While the disk is full or hangs the queue grows to WRITER_QUEUE_MAX bytes;
 * what comes then is lost and counted, in a record `events_lost` as soon as something can be written again, in the log, and
 * in trail.lost. What strangers can cause without end, refusals, gets half of the queue and WRITER_REFUSALS_A_SECOND.
 *
 *     note() --copy--> mailq --> writer's list --> lines, up to WRITER_BATCH_MAX bytes --> dayfile
 *
 * Owns     its thread, which begins when there is something to write to; files; copies of events.
 * Threads  note() any; the rest main.
 * Errors   negative errno.
 */
#pragma once

#include "base/env.h"
#include "smb/trail.h"
#include "trail/dayfile.h"
#include "trail/line.h"

enum {
	WRITER_QUEUE_MAX = 8 << 20,
	WRITER_BATCH_MAX = 64 << 10,
	WRITER_REFUSALS_A_SECOND = 200,
	WRITER_RETRY_MS = 1000,
	WRITER_STOP_MS = 5000,
};

struct writer;
struct target; /* where to write to, and how */

/* Nothing is written until writer_turn(). env is borrowed. */
MUST_CHECK int writer_new(struct env *env, struct writer **ret_writer);
struct trail *writer_trail(struct writer *w);
/*
 * Open the files of p, so that nothing can fail any more when they are turned to. NULL: to write nothing from then on.
 *
 * key  LINE_KEY_LEN bytes, for CONF_SENSITIVE_HASH; wiped by the caller
 */
MUST_CHECK int writer_open(struct writer *w, const struct conf_audit_params *p,
			   const uint8_t *key, struct target **ret_target);
/* What was noted before goes to the old files, unless those cannot be written. Takes t over. */
void writer_turn(struct writer *w, struct target *t);
void writer_close(struct target *t); /* instead */
/* For tests: in place of write(2), from the next writer_open() on. */
void writer_write_by(struct writer *w,
		     ssize_t (*write)(int fd, const void *p, size_t len));
/*
 * Write what is queued, and end: once nothing got away for WRITER_STOP_MS what is left is lost, and that logged. A thread that hangs in the
 * disk is left behind, with what it owns. Nobody may note anything any more. NULL is fine.
 */
void writer_free(struct writer *w);
