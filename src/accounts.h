/*
 * accounts.h - names of Unix accounts and groups, as remote procedures show them.
 *
 * Threads  any that may block.
 */
#pragma once

#include "smb/server.h"

extern const struct account_names unix_accounts;
