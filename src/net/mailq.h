/*
 * mailq.h - many threads put messages in, one takes them all out, without a lock.
 *
 * It also knows whether its reader sleeps, in the same word: a writer is told to wake the
 * reader up exactly when it is the first to write since the reader went to sleep. A busy
 * reader is never woken.
 *
 * Owns     nothing; messages are embedded in what they concern.
 * Threads  mailq_put() any; the others the reader.
 */
#pragma once

#include "base/wait.h"

struct mailq {
	_Atomic(struct msg *)
		newest; /* A  NULL: empty; MAILQ_ASLEEP: empty, reader sleeps */
};

void mailq_init(struct mailq *q);

/* True if the reader sleeps and this caller must wake it. */
MUST_CHECK bool mailq_put(struct mailq *q, struct msg *m);

/* The reader is about to sleep: false if there are messages, then it must not. */
MUST_CHECK bool mailq_sleep(struct mailq *q);
/* The reader is awake again: writers need not wake it any more. */
void mailq_wake(struct mailq *q);

/* A look without taking any. The reader only. */
bool mailq_empty(struct mailq *q);
/* All messages, oldest first, linked by next; NULL if there are
 * none. The reader is awake. */
struct msg *mailq_take(struct mailq *q);
