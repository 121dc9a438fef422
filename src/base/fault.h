/*
 * fault.h - reading memory that may go away: the pages of a mapped file, which somebody may cut, or whose disk may fail.
 *
 * The kernel says so by SIGBUS. A handler that is set up once at the start leads a thread back that was reading what it
 * said it would; every other SIGBUS, at another address, of another thread or sent by kill(), does what it did before.
 *
 * Owns     the process's handler of SIGBUS, from fault_catch() on. Nothing else in the program may set one.
 * Threads  fault_catch(): before there are others. The rest: any; what a thread guards concerns itself only.
 */
#pragma once

#include "base/span.h"

/* Set the handler up, if it is not. 0 or a negative errno. */
MUST_CHECK int fault_catch(void);
/* Has it been? Without, nothing can be guarded. */
bool fault_is_caught(void);

/*
 * Run run(arg), which reads from `shaky` what may not be there. Guards do not nest.
 *
 * run  is left in the middle when it touches what is not there: it must only compute, into memory whose contents do not
 *      matter then. No lock, no heap, no library that might use either. The part of the stack it used is wiped.
 *
 * 0: it ran to its end. -EFAULT: it did not. -ENOTSUP: there is no handler, nothing was run.
 */
MUST_CHECK int fault_guard(struct span shaky, void (*run)(void *arg), void *arg);
