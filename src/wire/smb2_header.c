#include "wire/smb2_header.h"

struct smb2_header rd_smb2_header(struct rd *r)
{
	struct smb2_header h = {0};

	if (rd_u32(r) != SMB2_PROTOCOL_ID)
		rd_fail(r);
	rd_struct_size(r, SMB2_HEADER_LEN);
	h.credit_charge = rd_u16(r);
	h.status = rd_u32(r);
	h.command = rd_u16(r);
	h.credits = rd_u16(r);
	h.flags = rd_u32(r);
	h.next_command = rd_u32(r);
	h.message_id = rd_u64(r);
	if (smb2_header_is_async(&h)) {
		h.async_id = rd_u64(r);
	} else {
		h.process_id = rd_u32(r);
		h.tree_id = rd_u32(r);
	}
	h.session_id = rd_u64(r);
	rd_copy(r, h.signature, sizeof(h.signature));
	return h;
}

void wr_smb2_header(struct wr *w, const struct smb2_header *h)
{
	wr_u32(w, SMB2_PROTOCOL_ID);
	wr_u16(w, SMB2_HEADER_LEN);
	wr_u16(w, h->credit_charge);
	wr_u32(w, h->status);
	wr_u16(w, h->command);
	wr_u16(w, h->credits);
	wr_u32(w, h->flags);
	wr_u32(w, h->next_command);
	wr_u64(w, h->message_id);
	if (smb2_header_is_async(h)) {
		wr_u64(w, h->async_id);
	} else {
		wr_u32(w, h->process_id);
		wr_u32(w, h->tree_id);
	}
	wr_u64(w, h->session_id);
	wr_bytes(w, span_of(h->signature, sizeof(h->signature)));
}
