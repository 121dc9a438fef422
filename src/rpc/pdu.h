/*
 * pdu.h - the messages of connection-oriented DCE/RPC: decoding what clients send, building what we send.
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   false for what cannot be decoded (or does not fit the bound of the output).
 * Spec     [C706] 12.6, [MS-RPCE] 2.2.2
 */
#pragma once

#include "rpc/bytes.h"
#include "rpc/call.h"

enum {
	PDU_HEADER_LEN = 16,
	PDU_RESPONSE_HEADER_LEN = 24,
	/* Largest fragment we take or send, and what every implementation must take. [C706] 12.6.3.1 */
	PDU_FRAG_MAX = 4280,
	PDU_FRAG_MIN = 1432,
	/* Presentation contexts in one bind. Each has at least 24 bytes, so a bind could hold 177. */
	PDU_ELEMS_MAX = 32,
};

enum pdu_type {
	PDU_REQUEST = 0,
	PDU_RESPONSE = 2,
	PDU_FAULT = 3,
	PDU_BIND = 11,
	PDU_BIND_ACK = 12,
	PDU_BIND_NAK = 13,
	PDU_ALTER_CONTEXT = 14,
	PDU_ALTER_CONTEXT_RESP = 15,
	PDU_AUTH3 = 16,
	PDU_CO_CANCEL = 18,
	PDU_ORPHANED = 19,
};

enum {
	PFC_FIRST_FRAG = 0x01,
	PFC_LAST_FRAG = 0x02,
	PFC_DID_NOT_EXECUTE = 0x20,
	PFC_OBJECT_UUID = 0x80,
};

struct pdu_header {
	uint8_t rpc_vers; /* 5 */
	uint8_t rpc_vers_minor;
	uint8_t type; /* enum pdu_type */
	uint8_t flags;
	bool foreign; /* data representation other than little-endian ASCII: only the header is readable */
	uint16_t frag_length; /* of the whole PDU, this header included */
	uint16_t auth_length;
	uint32_t call_id;
};

/* The first PDU_HEADER_LEN bytes of a PDU. Checks nothing but their presence. */
MUST_CHECK bool pdu_header_decode(struct span pdu, struct pdu_header *ret_header);

/* One proposed presentation context. */
struct pdu_elem {
	uint16_t ctx_id;
	struct rpc_syntax abstract;
	bool offers_ndr;      /* NDR32 is among its transfer syntaxes		*/
	bool negotiates;      /* it is no context but bind time feature negotiation */
	uint8_t feature_bits; /* first byte of that bitmask			*/
};

/* bind and alter_context; in `elem_count` and not beyond. */
struct pdu_bind {
	uint16_t max_xmit_frag;
	uint16_t max_recv_frag;
	uint32_t assoc_group_id;
	size_t elem_count;
	struct pdu_elem elems[PDU_ELEMS_MAX];
	bool too_many; /* the peer proposed more than PDU_ELEMS_MAX */
};

MUST_CHECK bool pdu_bind_decode(struct span pdu, struct pdu_bind *ret_bind);

struct pdu_request {
	uint16_t ctx_id;
	uint16_t opnum;
	struct span stub; /* of this fragment, borrowed */
};

MUST_CHECK bool pdu_request_decode(const struct pdu_header *h, struct span pdu,
				   struct pdu_request *ret_request);

/* p_result_t. [C706] 12.6.3.1, [MS-RPCE] 2.2.2.4 */
enum pdu_result {
	PDU_ACCEPTANCE = 0,
	PDU_PROVIDER_REJECTION = 2,
	PDU_NEGOTIATE_ACK = 3,
};
enum pdu_reason {
	PDU_REASON_NONE = 0,
	PDU_ABSTRACT_SYNTAX_NOT_SUPPORTED = 1,
	PDU_TRANSFER_SYNTAXES_NOT_SUPPORTED = 2,
};

struct pdu_outcome {
	uint16_t result; /* enum pdu_result */
	uint16_t reason; /* enum pdu_reason, or the feature bits of a PDU_NEGOTIATE_ACK */
};

struct pdu_ack {
	enum pdu_type type; /* PDU_BIND_ACK or PDU_ALTER_CONTEXT_RESP */
	uint32_t call_id;
	uint16_t max_xmit_frag;
	uint16_t max_recv_frag;
	uint32_t assoc_group_id;
	const char *pipe; /* secondary address \PIPE\name of a bind_ack */
	const struct pdu_outcome *outcomes;
	size_t outcome_count; /* <= PDU_ELEMS_MAX */
};

/* Each appends one whole PDU to out, which may grow to max bytes. */
MUST_CHECK bool pdu_put_ack(struct bytes *out, size_t max, const struct pdu_ack *ack);

/* provider_reject_reason. [MS-RPCE] 2.2.2.5 */
enum pdu_nak {
	PDU_NAK_REASON_NOT_SPECIFIED = 0,
	PDU_NAK_LOCAL_LIMIT_EXCEEDED = 2,
	PDU_NAK_PROTOCOL_VERSION = 4,
	PDU_NAK_AUTHENTICATION_TYPE = 8,
};
MUST_CHECK bool pdu_put_bind_nak(struct bytes *out, size_t max, uint32_t call_id,
				 enum pdu_nak reason);

MUST_CHECK bool pdu_put_fault(struct bytes *out, size_t max, uint32_t call_id,
			      uint16_t ctx_id, enum rpc_fault fault, bool executed);

/* One response in as many fragments of at most frag_max bytes as it takes; at least one. */
MUST_CHECK bool pdu_put_response(struct bytes *out, size_t max, uint32_t call_id,
				 uint16_t ctx_id, uint16_t frag_max, struct span stub);
