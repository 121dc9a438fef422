#include "rpc/pdu.h"

/* NDR 2.0, 8a885d04-1ceb-11c9-9fe8-08002b104860. [C706] appendix I, [MS-RPCE] 2.2.4.12 */
static const struct rpc_syntax ndr_syntax = {
	.uuid = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00,
		 0x2b, 0x10, 0x48, 0x60},
	.major = 2,
};

/* 6cb71c2c-9812-4540, then the client's bitmask. [MS-RPCE] 3.3.1.5.3 */
static const uint8_t feature_prefix[8] = {0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45};

/* Little-endian integers, ASCII. Floats do not occur in our interfaces. [C706] 14.1 */
enum { DREP_LITTLE_ASCII = 0x10 };

bool pdu_header_decode(struct span pdu, struct pdu_header *ret_header)
{
	struct rd r = rd_of(pdu);
	struct pdu_header h = {0};
	uint8_t drep;

	h.rpc_vers = rd_u8(&r);
	h.rpc_vers_minor = rd_u8(&r);
	h.type = rd_u8(&r);
	h.flags = rd_u8(&r);
	drep = rd_u8(&r);
	rd_skip(&r, 3); /* floating point format, reserved */
	h.frag_length = rd_u16(&r);
	h.auth_length = rd_u16(&r);
	h.call_id = rd_u32(&r);
	if (!rd_ok(&r))
		return false;
	h.foreign = drep != DREP_LITTLE_ASCII;
	if ((drep & 0xf0) == 0) { /* big-endian: enough to find the end and to answer */
		h.frag_length = __builtin_bswap16(h.frag_length);
		h.auth_length = __builtin_bswap16(h.auth_length);
		h.call_id = __builtin_bswap32(h.call_id);
	}
	*ret_header = h;
	return true;
}

static struct rpc_syntax pdu_syntax(struct rd *r)
{
	struct rpc_syntax s;

	rd_copy(r, s.uuid, sizeof(s.uuid));
	s.major = rd_u16(r);
	s.minor = rd_u16(r);
	return s;
}

/* p_cont_elem_t */
static struct pdu_elem pdu_elem(struct rd *r)
{
	struct pdu_elem e = {0};
	struct rpc_syntax s;
	uint8_t count;

	e.ctx_id = rd_u16(r);
	count = rd_u8(r);
	rd_skip(r, 1);
	e.abstract = pdu_syntax(r);
	for (size_t i = 0; i < count && rd_ok(r); i++) {
		s = pdu_syntax(r);
		if (memcmp(s.uuid, ndr_syntax.uuid, sizeof(s.uuid)) == 0 &&
		    s.major == ndr_syntax.major && s.minor == ndr_syntax.minor)
			e.offers_ndr = true;
		if (count == 1 && s.major == 1 && s.minor == 0 &&
		    memcmp(s.uuid, feature_prefix, sizeof(feature_prefix)) == 0) {
			e.negotiates = true;
			e.feature_bits = s.uuid[sizeof(feature_prefix)];
		}
	}
	return e;
}

bool pdu_bind_decode(struct span pdu, struct pdu_bind *ret_bind)
{
	struct rd r = rd_of(pdu);
	struct pdu_bind b = {0};
	struct pdu_elem e;
	uint8_t count;

	rd_skip(&r, PDU_HEADER_LEN);
	b.max_xmit_frag = rd_u16(&r);
	b.max_recv_frag = rd_u16(&r);
	b.assoc_group_id = rd_u32(&r);
	count = rd_u8(&r);
	rd_skip(&r, 3);
	for (size_t i = 0; i < count && rd_ok(&r); i++) {
		e = pdu_elem(&r);
		if (i < PDU_ELEMS_MAX)
			b.elems[b.elem_count++] = e;
		else
			b.too_many = true;
	}
	if (!rd_ok(&r) || count == 0)
		return false;
	*ret_bind = b;
	return true;
}

bool pdu_request_decode(const struct pdu_header *h, struct span pdu,
			struct pdu_request *ret_request)
{
	struct rd r = rd_of(pdu);
	struct pdu_request q;

	rd_skip(&r, PDU_HEADER_LEN);
	rd_skip(&r, 4); /* alloc_hint: a hint, and the peer's; we allocate what arrives */
	q.ctx_id = rd_u16(&r);
	q.opnum = rd_u16(&r);
	if (h->flags & PFC_OBJECT_UUID)
		rd_skip(&r, 16); /* our interfaces have one object each */
	q.stub = rd_rest(&r);
	if (!rd_ok(&r))
		return false;
	*ret_request = q;
	return true;
}

/* Starts a PDU; its frag_length, at 8, is filled in by pdu_end(). */
static void pdu_begin(struct wr *w, enum pdu_type type, uint8_t flags, uint32_t call_id)
{
	wr_u8(w, 5);
	wr_u8(w, 0);
	wr_u8(w, (uint8_t)type);
	wr_u8(w, flags);
	wr_u8(w, DREP_LITTLE_ASCII);
	wr_zero(w, 3);
	wr_hole_u16(w);
	wr_u16(w, 0); /* auth_length */
	wr_u32(w, call_id);
}

static bool pdu_end(struct wr *w, struct bytes *out, size_t max)
{
	enum { FRAG_LENGTH_AT = 8 };

	wr_fill_u16(w, FRAG_LENGTH_AT, (uint16_t)wr_pos(w));
	return wr_ok(w) && bytes_add(out, wr_done(w), max);
}

static void pdu_put_outcome(struct wr *w, struct pdu_outcome o)
{
	wr_u16(w, o.result);
	wr_u16(w, o.reason);
	if (o.result != PDU_ACCEPTANCE) {
		wr_zero(w, 20);
		return;
	}
	wr_bytes(w, span_of(ndr_syntax.uuid, sizeof(ndr_syntax.uuid)));
	wr_u16(w, ndr_syntax.major);
	wr_u16(w, ndr_syntax.minor);
}

bool pdu_put_ack(struct bytes *out, size_t max, const struct pdu_ack *ack)
{
	uint8_t buf
		[PDU_FRAG_MIN]; /* the least a client must be able to take holds PDU_ELEMS_MAX outcomes */
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
	size_t addr_len;

	pdu_begin(&w, ack->type, PFC_FIRST_FRAG | PFC_LAST_FRAG, ack->call_id);
	wr_u16(&w, ack->max_xmit_frag);
	wr_u16(&w, ack->max_recv_frag);
	wr_u32(&w, ack->assoc_group_id);
	if (ack->type == PDU_BIND_ACK) {
		addr_len = wr_hole_u16(&w);
		wr_bytes(&w, span_of_str("\\PIPE\\"));
		wr_bytes(&w, span_of_str(ack->pipe));
		wr_u8(&w, 0);
		wr_fill_u16(&w, addr_len, (uint16_t)(wr_pos(&w) - addr_len - 2));
	} else {
		wr_u16(&w, 0);
	}
	wr_align(&w, 4);
	wr_u8(&w, (uint8_t)ack->outcome_count);
	wr_zero(&w, 3);
	for (size_t i = 0; i < ack->outcome_count; i++)
		pdu_put_outcome(&w, ack->outcomes[i]);
	return pdu_end(&w, out, max);
}

bool pdu_put_bind_nak(struct bytes *out, size_t max, uint32_t call_id,
		      enum pdu_nak reason)
{
	uint8_t buf[32];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));

	pdu_begin(&w, PDU_BIND_NAK, PFC_FIRST_FRAG | PFC_LAST_FRAG, call_id);
	wr_u16(&w, (uint16_t)reason);
	wr_u8(&w, 1); /* one version supported: 5.0 */
	wr_u8(&w, 5);
	wr_u8(&w, 0);
	return pdu_end(&w, out, max);
}

bool pdu_put_fault(struct bytes *out, size_t max, uint32_t call_id, uint16_t ctx_id,
		   enum rpc_fault fault, bool executed)
{
	uint8_t buf[32];
	struct wr w = wr_of(mspan_of(buf, sizeof(buf)));
	uint8_t flags = PFC_FIRST_FRAG | PFC_LAST_FRAG;

	if (!executed)
		flags |= PFC_DID_NOT_EXECUTE;
	pdu_begin(&w, PDU_FAULT, flags, call_id);
	wr_u32(&w, 0); /* alloc_hint */
	wr_u16(&w, ctx_id);
	wr_u8(&w, 0); /* cancel_count */
	wr_u8(&w, 0); /* no extended error information */
	wr_u32(&w, (uint32_t)fault);
	wr_zero(&w, 4);
	return pdu_end(&w, out, max);
}

bool pdu_put_response(struct bytes *out, size_t max, uint32_t call_id, uint16_t ctx_id,
		      uint16_t frag_max, struct span stub)
{
	/* Stub data of all fragments but the last comes in multiples of 8, so that alignment survives the cut. */
	size_t part_max = (frag_max - (size_t)PDU_RESPONSE_HEADER_LEN) & ~(size_t)7;
	uint8_t flags = PFC_FIRST_FRAG;
	uint8_t buf[PDU_FRAG_MAX];
	struct span part;
	struct wr w;

	do {
		part = span_head(stub, part_max);
		if (part.len == stub.len)
			flags |= PFC_LAST_FRAG;
		w = wr_of(mspan_of(buf, sizeof(buf)));
		pdu_begin(&w, PDU_RESPONSE, flags, call_id);
		wr_u32(&w,
		       (uint32_t)stub
			       .len); /* alloc_hint: what is left. [MS-RPCE] 2.2.2.6 */
		wr_u16(&w, ctx_id);
		wr_zero(&w, 2); /* cancel_count, reserved */
		wr_bytes(&w, part);
		if (!pdu_end(&w, out, max))
			return false;
		stub = span_from(stub, part.len);
		flags = 0;
	} while (stub.len > 0);
	return true;
}
