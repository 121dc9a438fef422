/*
 * State of an association:
 *
 *     new ──bind──► bound ──request, not last──► receiving ──last fragment──► bound
 *                     │ ▲                            │
 *                     └─┘ alter_context              └──fault, orphaned──► bound
 */
#include "rpc/dcerpc.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

enum {
	/* Bounds the replies that pile up: a backlog, then one response in the smallest fragments. */
	OUT_MAX = DCERPC_BACKLOG_MAX + 2 * DCERPC_STUB_OUT_MAX,
	/* Late fragments of calls this recent are ignored. [MS-RPCE] 3.3.3.5.6 */
	OLD_CALLS = 150,
	/* KeepConnectionOnOrphanSupported: we do. Security context multiplexing: no security contexts. [MS-RPCE] 2.2.2.14 */
	FEATURES = 0x02,
};

void dcerpc_init(struct dcerpc *d, const struct rpc_iface *iface)
{
	*d = (struct dcerpc){.iface = iface};
}

void dcerpc_fini(struct dcerpc *d)
{
	bytes_free(&d->stub);
	bytes_free(&d->out);
}

static int dcerpc_fault(struct dcerpc *d, uint32_t call_id, uint16_t ctx_id,
			enum rpc_fault fault, bool executed)
{
	if (!pdu_put_fault(&d->out, OUT_MAX, call_id, ctx_id, fault, executed))
		return -ENOBUFS;
	return 0;
}

static int dcerpc_nak(struct dcerpc *d, uint32_t call_id, enum pdu_nak reason)
{
	if (!pdu_put_bind_nak(&d->out, OUT_MAX, call_id, reason))
		return -ENOBUFS;
	return 0;
}

/* What answers a PDU that we refuse as a whole. */
static int dcerpc_refuse(struct dcerpc *d, const struct pdu_header *h,
			 enum pdu_nak reason, enum rpc_fault fault)
{
	if (h->type == PDU_BIND)
		return dcerpc_nak(d, h->call_id, reason);
	return dcerpc_fault(d, h->call_id, 0, fault, false);
}

/*
 * The request under way, if any, is given up; d->call_id stays, so that its late fragments are recognised.
 */
static void dcerpc_drop_request(struct dcerpc *d)
{
	d->receiving = false;
	bytes_free(&d->stub);
}

static bool dcerpc_has_context(const struct dcerpc *d, uint16_t ctx_id)
{
	for (size_t i = 0; i < d->context_count; i++) {
		if (d->contexts[i] == ctx_id)
			return true;
	}
	return false;
}

static bool dcerpc_speaks(const struct dcerpc *d, const struct rpc_syntax *s)
{
	const struct rpc_syntax *own = &d->iface->syntax;

	return memcmp(s->uuid, own->uuid, sizeof(s->uuid)) == 0 &&
	       s->major == own->major && s->minor <= own->minor;
}

/* Judge one proposed context, and remember it if accepted. False: there are too many. Spec: [MS-RPCE] 3.3.1.5.6, 3.3.1.5.3 */
static bool dcerpc_negotiate(struct dcerpc *d, const struct pdu_elem *e, bool features,
			     struct pdu_outcome *ret_outcome)
{
	if (e->negotiates && features) {
		*ret_outcome = (struct pdu_outcome){PDU_NEGOTIATE_ACK,
						    e->feature_bits & FEATURES};
		return true;
	}
	if (!dcerpc_speaks(d, &e->abstract)) {
		*ret_outcome = (struct pdu_outcome){PDU_PROVIDER_REJECTION,
						    PDU_ABSTRACT_SYNTAX_NOT_SUPPORTED};
		return true;
	}
	if (!e->offers_ndr) { /* NDR64, for one: the client offers NDR in another context */
		*ret_outcome = (struct pdu_outcome){PDU_PROVIDER_REJECTION,
						    PDU_TRANSFER_SYNTAXES_NOT_SUPPORTED};
		return true;
	}
	*ret_outcome = (struct pdu_outcome){PDU_ACCEPTANCE, PDU_REASON_NONE};
	if (dcerpc_has_context(d, e->ctx_id))
		return true;
	if (d->context_count == DCERPC_CONTEXTS_MAX)
		return false;
	d->contexts[d->context_count++] = e->ctx_id;
	return true;
}

static uint16_t dcerpc_frag_max(uint16_t wanted)
{
	if (wanted < PDU_FRAG_MIN)
		return PDU_FRAG_MIN;
	return wanted < PDU_FRAG_MAX ? wanted : PDU_FRAG_MAX;
}

/*
 * Deviation: [MS-RPCE] 3.3.1.5.7 knows associations of several connections, which share context handles. Ours have one
 * each; a client that wants to join another gets the id it asked for, and handles that do not exist here.
 */
static uint32_t dcerpc_group(const struct rpc_info *info, uint32_t wanted)
{
	uint32_t id;

	if (wanted != 0)
		return wanted;
	env_random(info->env, mspan_of((uint8_t *)&id, sizeof(id)));
	return id | 1;
}

/* bind and alter_context with well-formed contents. */
static int dcerpc_contexts(struct dcerpc *d, const struct pdu_header *h,
			   const struct pdu_bind *b)
{
	struct pdu_outcome outcomes[PDU_ELEMS_MAX];
	struct pdu_ack ack = {
		.type = h->type == PDU_BIND ? PDU_BIND_ACK : PDU_ALTER_CONTEXT_RESP,
		.call_id = h->call_id,
		.max_xmit_frag = d->frag_max,
		.max_recv_frag = PDU_FRAG_MAX,
		.assoc_group_id = d->assoc_group_id,
		.pipe = d->iface->pipe,
		.outcomes = outcomes,
		.outcome_count = b->elem_count,
	};
	size_t before = d->context_count;

	if (b->too_many) /* [MS-RPCE] 3.3.3.5.5, also for alter_context */
		return dcerpc_nak(d, h->call_id, PDU_NAK_LOCAL_LIMIT_EXCEEDED);
	for (size_t i = 0; i < b->elem_count; i++) {
		if (!dcerpc_negotiate(d, &b->elems[i], h->type == PDU_BIND,
				      &outcomes[i])) {
			d->context_count = before;
			return dcerpc_nak(d, h->call_id, PDU_NAK_LOCAL_LIMIT_EXCEEDED);
		}
	}
	return pdu_put_ack(&d->out, OUT_MAX, &ack) ? 0 : -ENOBUFS;
}

static int dcerpc_bind(struct dcerpc *d, const struct rpc_info *info,
		       const struct pdu_header *h, struct span pdu)
{
	struct pdu_bind b;

	if (d->bound)
		return dcerpc_nak(d, h->call_id, PDU_NAK_REASON_NOT_SPECIFIED);
	if (!pdu_bind_decode(pdu, &b))
		return dcerpc_nak(d, h->call_id, PDU_NAK_PROTOCOL_VERSION);
	if (!b.too_many) {
		d->bound = true;
		d->frag_max = dcerpc_frag_max(b.max_recv_frag);
		d->assoc_group_id = dcerpc_group(info, b.assoc_group_id);
	}
	return dcerpc_contexts(d, h, &b);
}

static int dcerpc_alter(struct dcerpc *d, const struct pdu_header *h, struct span pdu)
{
	struct pdu_bind b;

	if (!d->bound || d->receiving || !pdu_bind_decode(pdu, &b))
		return dcerpc_fault(d, h->call_id, 0, RPC_FAULT_PROTOCOL, false);
	return dcerpc_contexts(d, h, &b);
}

static const struct rpc_op *dcerpc_op(const struct rpc_iface *iface, uint16_t opnum)
{
	for (size_t i = 0; i < iface->op_count; i++) {
		if (iface->ops[i].opnum == opnum)
			return &iface->ops[i];
	}
	return NULL;
}

/* Run the operation on the whole stub, results into stub_out. */
static enum rpc_fault dcerpc_run(struct dcerpc *d, const struct rpc_info *info,
				 const struct rpc_op *op, struct mspan stub_out,
				 struct span *ret_stub)
{
	CLEANUP(arena_fini) struct arena arena;
	struct rpc_call c = {
		.info = info,
		.handles = &d->handles,
		.arena = &arena,
		.in = rd_of(span_of(d->stub.p, d->stub.len)),
		.out = wr_of(stub_out),
	};
	enum rpc_fault fault;

	arena_init(&arena, DCERPC_ARENA_MAX);
	fault = op->fn(&c);
	if (fault)
		return fault;
	if (!wr_ok(&c.out))
		return RPC_FAULT_OUT_ARGS_TOO_BIG;
	*ret_stub = wr_done(&c.out);
	return RPC_OK;
}

static void freep(uint8_t **p)
{
	free(*p);
}

/* The request is complete. */
static int dcerpc_dispatch(struct dcerpc *d, const struct rpc_info *info)
{
	const struct rpc_op *op = dcerpc_op(d->iface, d->opnum);
	CLEANUP(freep) uint8_t *buf = NULL;
	struct span stub = {0};
	enum rpc_fault fault;

	if (!op) {
		log_debug("rpc: %s: no operation %u", d->iface->pipe, d->opnum);
		return dcerpc_fault(d, d->call_id, d->ctx_id, RPC_FAULT_OP_RANGE, false);
	}
	/* Taken whole: pages that the response does not reach are never touched. */
	buf = malloc(DCERPC_STUB_OUT_MAX);
	if (!buf)
		return dcerpc_fault(d, d->call_id, d->ctx_id, RPC_FAULT_NO_MEMORY, false);
	fault = dcerpc_run(d, info, op, mspan_of(buf, DCERPC_STUB_OUT_MAX), &stub);
	log_debug("rpc: %s: %s: fault %08x, %zu bytes", d->iface->pipe, op->name,
		  (unsigned)fault, stub.len);
	if (fault)
		return dcerpc_fault(d, d->call_id, d->ctx_id, fault, true);
	if (!pdu_put_response(&d->out, OUT_MAX, d->call_id, d->ctx_id, d->frag_max, stub))
		return -ENOBUFS;
	return 0;
}

/* May this fragment be the next one? Spec: [MS-RPCE] 3.3.3.5.2, 3.3.3.5.6 */
static enum rpc_fault dcerpc_in_sequence(const struct dcerpc *d,
					 const struct pdu_header *h,
					 const struct pdu_request *q)
{
	if (h->flags & PFC_FIRST_FRAG) {
		if (d->receiving)
			return RPC_FAULT_PROTOCOL;
		return dcerpc_has_context(d, q->ctx_id) ? RPC_OK : RPC_FAULT_UNKNOWN_IF;
	}
	if (!d->receiving || h->call_id != d->call_id || q->ctx_id != d->ctx_id ||
	    q->opnum != d->opnum)
		return RPC_FAULT_PROTOCOL;
	return RPC_OK;
}

/* A later fragment of a call that was answered, by a fault say, before it was all here. */
static bool dcerpc_is_late(const struct dcerpc *d, const struct pdu_header *h)
{
	return !(h->flags & PFC_FIRST_FRAG) && !d->receiving &&
	       h->call_id <= d->call_id && d->call_id - h->call_id < OLD_CALLS;
}

static int dcerpc_request(struct dcerpc *d, const struct rpc_info *info,
			  const struct pdu_header *h, struct span pdu)
{
	struct pdu_request q;
	enum rpc_fault fault;
	int err;

	if (!d->bound || !pdu_request_decode(h, pdu, &q))
		return dcerpc_fault(d, h->call_id, 0, RPC_FAULT_PROTOCOL, false);
	if (dcerpc_is_late(d, h))
		return 0;
	fault = dcerpc_in_sequence(d, h, &q);
	if (fault) {
		dcerpc_drop_request(d);
		d->call_id = h->call_id;
		return dcerpc_fault(d, h->call_id, q.ctx_id, fault, false);
	}
	d->receiving = true;
	d->call_id = h->call_id;
	d->ctx_id = q.ctx_id;
	d->opnum = q.opnum;
	if (!bytes_add(&d->stub, q.stub, DCERPC_STUB_IN_MAX)) {
		dcerpc_drop_request(d);
		return dcerpc_fault(d, d->call_id, d->ctx_id, RPC_FAULT_ACCESS_DENIED,
				    false);
	}
	if (!(h->flags & PFC_LAST_FRAG))
		return 0;
	err = dcerpc_dispatch(d, info);
	dcerpc_drop_request(d);
	return err;
}

/* The client gives up on a call. One that is not being received has been answered already. */
static int dcerpc_orphaned(struct dcerpc *d, const struct pdu_header *h)
{
	if (d->receiving && h->call_id == d->call_id)
		dcerpc_drop_request(d);
	return 0;
}

int dcerpc_feed(struct dcerpc *d, const struct rpc_info *info, struct span pdu)
{
	struct pdu_header h;

	if (!pdu_header_decode(pdu, &h))
		return -EPROTO;
	if (h.rpc_vers != 5 || h.rpc_vers_minor > 1 || h.foreign)
		return dcerpc_refuse(d, &h, PDU_NAK_PROTOCOL_VERSION, RPC_FAULT_PROTOCOL);
	if (h.type == PDU_CO_CANCEL)
		return 0; /* calls complete before a cancel can be read */
	if (h.type == PDU_ORPHANED)
		return dcerpc_orphaned(d, &h);
	if (h.type == PDU_AUTH3)
		return -EPROTO; /* ends a logon that was never begun; has no answer */
	if (h.auth_length != 0) /* [MS-RPCE] 3.3.3.5.3 */
		return dcerpc_refuse(d, &h, PDU_NAK_AUTHENTICATION_TYPE,
				     RPC_FAULT_UNKNOWN_AUTHN);
	switch (h.type) {
	case PDU_BIND:
		return dcerpc_bind(d, info, &h, pdu);
	case PDU_ALTER_CONTEXT:
		return dcerpc_alter(d, &h, pdu);
	case PDU_REQUEST:
		return dcerpc_request(d, info, &h, pdu);
	default: /* what only servers send */
		return -EPROTO;
	}
}
