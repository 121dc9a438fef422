/*
 * identity.h - Unix accounts: from a name to credentials.
 *
 * Owns     nothing.
 * Threads  any; calls may block for long (NSS may ask LDAP), so they run as EXEC_AUTH jobs or at
 *          start.
 * Errors   -ENOENT: there is no such account; else what the name service said.
 */
#pragma once

#include "base/cred.h"

/* account: a name, or a uid in decimal digits. With its groups as they are now. */
MUST_CHECK int identity_lookup(const char *account, struct cred **ret_cred);

/* Who this process is. */
MUST_CHECK int identity_self(struct cred **ret_cred);
