/*
 * interfaces.h - the addresses of this machine that its listeners serve, as clients are told of them.
 *
 * Threads  any that may block.
 */
#pragma once

#include "smb/server.h"

/* smb_server.net_addresses */
size_t interfaces_list(const struct conf *conf, struct net_address *ret, size_t max);
