/*
 * CREATE: an application that moved to another machine takes its file over from the one it left behind, which may not know yet
 * that it is dead.
 *
 * Spec     [MS-SMB2] 3.3.5.9.13; the rules: cmd/durable_rules.h
 */
#include "cmd/create.h"
#include "smb/durable.h"

/* The open goes, and with it what others had of it. Then all is looked at anew. */
static nt_status evicted(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	open_put(TAKE(c->lost));
	node_put(TAKE(c->node));
	return create_walk(q);
}

static bool is_of(const struct open *o, const struct req *q)
{
	return create_same_share(q, o);
}

nt_status create_instance(struct req *q)
{
	struct create *c = q->state;
	const struct create_instance *i = &c->contexts.instance;
	struct open *o;
	nt_status st;

	if (!i->there || q->conn->dialect < SMB2_DIALECT_300 || c->made || c->stream_made)
		return STATUS_SUCCESS;
	/* Deviation: by the file, whatever path leads to it */
	o = durable_find_instance(q, &i->id, c->node, is_of);
	if (!o)
		return STATUS_SUCCESS;
	st = instance_check(&o->instance_version, &i->version, q->conn->dialect);
	if (!nt_ok(st) || (FILE_GENERIC_READ & ~c->maximal)) {
		open_put(o);
		return nt_ok(st) ? st : create_fail(q, st);
	}
	c->lost = o;
	create_let_go(q);
	durable_evict(o, q->lane->lane, &q->drain, req_wait(q, evicted));
	return STATUS_PENDING;
}

void create_instance_open_new(const struct req *q, struct open_new *in)
{
	const struct create *c = q->state;
	const struct create_instance *i = &c->contexts.instance;

	if (!i->there || q->conn->dialect < SMB2_DIALECT_300)
		return;
	in->has_instance = true;
	in->instance = i->id;
	if (q->conn->dialect == SMB2_DIALECT_311)
		in->instance_version = i->version;
}
