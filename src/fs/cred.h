/*
 * cred.h - the only code that changes who a thread acts as.
 *
 * Raw setfsuid, setfsgid, setgroups on this thread; real, effective and saved ids stay 0, so no user can signal
 * us, and libc's process-wide set*id calls are forbidden everywhere.
 *
 * Owns     the calling thread's identity (thread-local knowledge of it, so that an unchanged one costs nothing).
 * Threads  acts on the calling thread only.
 * Errors   any failure ends the process: going on with another's rights is worse.
 */
#pragma once

#include "base/cred.h"

/*
 * Act as c from now on; NULL: as the server itself. Does nothing if that is so already.
 *
 * A user acts without any capability over files; the server itself, and root, with those that override permissions
 * and ownership. Everything else (resource limits, quotas, keeping set-id bits) never counts.
 */
void cred_become(const struct cred *c);

/*
 * For what needs no rights but must not enjoy the server's (blocks kept back for root, set-id bits that survive a
 * write): act as c if the thread acts as the server, or as nobody knows whom; any user's identity is as good as c's.
 */
void cred_leave_server(const struct cred *c);

/*
 * Around one call that fs/access.c has allowed: on top of what the user may whom the thread acts as, override the
 * permissions of files (CAP_DAC_OVERRIDE, CAP_FOWNER); owner: give them to others as well (CAP_CHOWN). Quotas, reserved
 * blocks and set-id bits stay as for the user. Nothing for the server itself, for root, or where we cannot switch.
 */
void cred_raise(bool owner);
/* The end of it; does nothing if nothing is raised. Acting as somebody else ends it, too. */
void cred_lower(void);

/*
 * Around one call that takes CAP_SYS_ADMIN whoever the thread acts as: setxattr() of a name in "security.",
 * fanotify_mark() of a file system, what is about quotas. -EPERM, and nothing to end, where the process may not have it.
 */
MUST_CHECK int cred_security_begin(void);
void cred_security_end(void);
/* Would it begin? */
bool cred_security_possible(void);

/* Can this process act as others at all? If not, cred_become() does nothing and all is done as ourselves. */
bool cred_can_switch(void);

/* For the calling thread, once: keep only CAP_SETUID and CAP_SETGID in effect. No-op for an ordinary user. */
void cred_confine_thread(void);
