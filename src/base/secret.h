/*
 * secret.h - memory for keys: one region of the process, never dumped, wiped in a forked child, between guard
 * pages, locked into RAM where the limit allows.
 *
 * Owns     the region. Slots come in powers of two; they are wiped when freed.
 * Threads  all functions are thread-safe; their lock is innermost, below every rank of lock.h.
 * Errors   NULL when memory is exhausted: the caller refuses the logon, never falls back to the heap.
 */
#pragma once

#include "base/span.h"

enum { SECRET_LEN_MAX = 4096 };

/* One zeroed slot of at least len bytes (len <= SECRET_LEN_MAX), aligned to 64 bytes at least. */
MUST_CHECK void *secret_alloc(size_t len);
/* Wipes and frees; NULL is fine. Ends the process if p is not a slot in use. */
void secret_free(void *p);

/* False once some page could not be locked into RAM: RLIMIT_MEMLOCK is too low for this many sessions. */
bool secret_is_locked(void);

/* Slots in use: zero when everything was released. */
size_t secret_count(void);
