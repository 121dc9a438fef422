/*
 * reparse_point.h - FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT, FSCTL_DELETE_REPARSE_POINT: what a file is instead of a
 *                   file, for clients that know what to do with it.
 *
 * Threads  the request's worker.
 * Spec     [MS-FSCC] 2.3.5, 2.3.6, 2.3.27, 2.3.28, 2.3.81, 2.3.82; [MS-FSA] 2.1.5.10.3, 2.1.5.10.14, 2.1.5.10.37;
 *          [MS-SMB2] 3.3.5.15.13
 */
#pragma once

#include "cmd/ioctl.h"

nt_status ioctl_get_reparse_point(struct req *q, const struct ioctl *c);
nt_status ioctl_set_reparse_point(struct req *q, const struct ioctl *c);
nt_status ioctl_delete_reparse_point(struct req *q, const struct ioctl *c);
