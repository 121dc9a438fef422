/*
 * network_interfaces.h - FSCTL_QUERY_NETWORK_INTERFACE_INFO: where else a client may connect to, to bind its session.
 *
 * Spec     [MS-SMB2] 2.2.32.5, 3.3.5.15.11
 */
#pragma once

#include "cmd/ioctl.h"

nt_status cmd_network_interfaces(struct req *q, const struct ioctl *c);

enum { NETWORK_INTERFACE_INFO_LEN = 152 };

/* One NETWORK_INTERFACE_INFO an address. */
void network_interfaces_encode(struct wr *w, const struct net_address *list,
			       size_t count);
