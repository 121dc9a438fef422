/*
 * ioctl.h - a decoded IOCTL, and its answer.
 *
 * Spec     [MS-SMB2] 2.2.31, 2.2.32
 */
#pragma once

#include "cmd/cmd.h"

struct ioctl {
	uint32_t code;
	struct file_id id;
	struct span input; /* in the frame's buffer */
	uint32_t max_output;
};

/* q->open is the file or directory that c names, and the client takes `len` bytes of output. STATUS_INVALID_DEVICE_REQUEST: a
 * pipe; STATUS_INVALID_PARAMETER: it does not; STATUS_FILE_CLOSED. */
nt_status ioctl_file(struct req *q, const struct ioctl *c, size_t len);
/* Room for `len` bytes of output in the response; NULL p without memory. Then the fixed part around them. */
struct mspan ioctl_room(struct req *q, size_t len);
void ioctl_encode(struct req *q, const struct ioctl *c, size_t len);
/* An answer without output. STATUS_SUCCESS */
nt_status ioctl_answer_nothing(struct req *q, const struct ioctl *c);
