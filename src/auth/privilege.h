/*
 * privilege.h - which privileges of Windows an account holds: what privilegedb gives it, its groups and its SIDs.
 *
 * Asked for when one matters, so that a changed file counts from the next request on.
 *
 * Threads  pure.
 * Spec     [MS-DTYP] 2.5.2.1.2
 */
#pragma once

#include "auth/principal.h"
#include "conf/privileges.h"

/* enum privilege, several. Guests and the anonymous never hold any. */
uint32_t privileges_of(const struct conf_privileges *ps, const struct principal *who);
