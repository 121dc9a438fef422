/*
 * compression.h - FSCTL_GET_COMPRESSION, FSCTL_SET_COMPRESSION, where nothing is ever compressed.
 *
 * Threads  the request's worker.
 * Spec     [MS-FSA] 2.1.5.10.9, 2.1.5.10.30; [MS-FSCC] 2.3.18, 2.3.67
 */
#pragma once

#include "cmd/ioctl.h"

nt_status ioctl_get_compression(struct req *q, const struct ioctl *c);
nt_status ioctl_set_compression(struct req *q, const struct ioctl *c);
