/* SMB2 QUERY_INFO.  Spec: [MS-SMB2] 2.2.37, 2.2.38, 3.3.5.20 */
#include "cmd/query_info.h"

enum {
	OFF_OUTPUT_LENGTH = SMB2_HEADER_LEN + 4, /* in the request */
	OFF_INPUT_LENGTH = SMB2_HEADER_LEN + 12,
	RESPONSE_FIXED_LEN = 8,
	DATA_OFFSET = SMB2_HEADER_LEN + RESPONSE_FIXED_LEN,
};

uint32_t cmd_query_info_payload(struct req *q)
{
	struct rd r = rd_of(q->message);
	uint32_t output, input;

	rd_seek(&r, OFF_OUTPUT_LENGTH);
	output = rd_u32(&r);
	rd_seek(&r, OFF_INPUT_LENGTH);
	input = rd_u32(&r);
	return output > input ? output : input;
}

static nt_status query_decode(struct rd *r, struct query_info *a)
{
	rd_struct_size(r, 41);
	a->type = rd_u8(r);
	a->class = rd_u8(r);
	a->output_len = rd_u32(r);
	a->input_off = rd_u16(r);
	rd_skip(r, 2); /* Reserved */
	a->input_len = rd_u32(r);
	a->additional = rd_u32(r);
	a->flags = rd_u32(r);
	a->id = rd_file_id(r);
	return rd_ok(r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

nt_status cmd_query_info(struct req *q)
{
	struct query_info *a = arena_alloc(&q->arena, sizeof(*a));
	nt_status st;

	if (!a)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = query_decode(&q->body, a);
	if (nt_ok(st))
		st = req_open_get(q, a->id);
	if (!nt_ok(st))
		return st;
	if (a->output_len > q->conn->max_transact)
		return STATUS_INVALID_PARAMETER;
	switch (a->type) {
	case SMB2_0_INFO_FILE:
		return query_file(q, a);
	case SMB2_0_INFO_FILESYSTEM:
		return query_fs(q, a);
	case SMB2_0_INFO_SECURITY:
		return query_security(q, a);
	case SMB2_0_INFO_QUOTA:
		return query_quota(q, a);
	default:
		return STATUS_INVALID_PARAMETER;
	}
}

struct wr *query_begin(struct req *q, size_t len)
{
	struct wr *w = req_reply(q, RESPONSE_FIXED_LEN + len + 1);

	wr_u16(w, 9); /* StructureSize */
	wr_u16(w, DATA_OFFSET);
	wr_u32(w, 0); /* OutputBufferLength: query_end() */
	return w;
}

nt_status query_end(struct req *q, const struct query_info *a, nt_status st)
{
	struct wr *w = &q->w;
	size_t len;

	if (!wr_ok(w))
		return STATUS_INSUFFICIENT_RESOURCES;
	len = wr_pos(w) - DATA_OFFSET;
	if (len > a->output_len) {
		len = a->output_len & ~(size_t)1; /* no half of a character */
		wr_rewind(w, DATA_OFFSET + len);
		st = nt_ok(st) ? STATUS_BUFFER_OVERFLOW : st;
	}
	wr_fill_u32(w, DATA_OFFSET - sizeof(uint32_t), (uint32_t)len);
	if (len == 0)
		wr_u8(w, 0); /* Buffer: the structure counts one byte of it */
	return st;
}

nt_status query_too_short(struct req *q)
{
	static const uint8_t nothing[1];

	q->error_data = span_of(nothing, 0);
	return STATUS_INFO_LENGTH_MISMATCH;
}
