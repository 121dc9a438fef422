/*
 * query_info.h - what the parts of QUERY_INFO share: one file for each kind of information.
 *
 *     query_info.c           decode, checks that concern all; the response
 *     query_info_file.c      file information classes
 *     query_info_ea.c        FileFullEaInformation
 *     query_info_fs.c        file system information classes
 *     query_info_security.c  the security descriptor
 *     query_info_quota.c     quotas
 *
 * Spec     [MS-SMB2] 2.2.37, 2.2.38, 3.3.5.20
 */
#pragma once

#include "cmd/cmd.h"
#include "cmd/open_call.h"

struct query_info {
	uint8_t type; /* SMB2_0_INFO_* */
	uint8_t class;
	uint32_t output_len; /* the client has room for so much */
	uint16_t input_off;  /* from the SMB2 header; looked at by those who want input */
	uint32_t input_len;
	uint32_t additional;
	uint32_t flags;
	struct file_id id;
};

/* Each answers, or returns STATUS_PENDING; a is what was asked for, in the request's arena. */
nt_status query_file(struct req *q, const struct query_info *a);
nt_status query_ea(struct req *q, const struct query_info *a);
nt_status query_fs(struct req *q, const struct query_info *a);
nt_status query_security(struct req *q, const struct query_info *a);
nt_status query_quota(struct req *q, const struct query_info *a);

/* Begin the response, with room for len bytes of information. Never NULL. */
struct wr *query_begin(struct req *q, size_t len);
/* End it: what lies behind the client's room is cut off, and st, if it was success, becomes STATUS_BUFFER_OVERFLOW. */
nt_status query_end(struct req *q, const struct query_info *a, nt_status st);
/* Not even the fixed part fits: STATUS_INFO_LENGTH_MISMATCH with its error data. */
nt_status query_too_short(struct req *q);
