/*
 * CREATE: oplocks and leases. Who may hold what is decided in fs/state, when the open is reserved and committed.
 *
 * Spec     [MS-SMB2] 3.3.5.9 (Oplock Acquisition), 3.3.5.9.8, 3.3.5.9.11; [MS-FSA] 2.1.4.12
 */
#include "cmd/create.h"
#include "smb/breaks.h"

#include <string.h>

/* [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11: a context that does not fit the dialect or the level is ignored. */
static bool lease_counts(const struct req *q, const struct create *c)
{
	const struct create_lease *l = &c->contexts.lease;

	if (c->oplock_level != SMB2_OPLOCK_LEVEL_LEASE || l->version == 0)
		return false;
	return (q->conn->server_capabilities & SMB2_GLOBAL_CAP_LEASING) &&
	       (l->version == 1 || q->conn->dialect >= SMB2_DIALECT_300);
}

struct lease_id create_lease_id(const struct req *q, const uint8_t *key)
{
	struct lease_id id;

	memcpy(id.client, q->sess->client_guid, sizeof(id.client));
	memcpy(id.key, key, sizeof(id.key));
	return id;
}

void create_cache_ask(struct req *q)
{
	struct create *c = q->state;
	struct create_lease *l = &c->contexts.lease;

	c->op.server = q->conn->server->server_id;
	c->op.open = c->state_id;
	if (!lease_counts(q, c))
		l->version = 0;
	if (l->version) {
		c->op.lease_version = l->version;
		c->op.lease = create_lease_id(q, l->key);
		c->op.epoch = l->epoch;
		c->op.caching = l->state & CACHING_ALL;
	} else if (q->snap->conf->enable_oplock) {
		c->op.caching = caching_of_level(c->oplock_level);
	}
	c->oplock_level = SMB2_OPLOCK_LEVEL_NONE;
}

void create_cache_of_directory(struct req *q)
{
	struct create *c = q->state;

	if (!(q->conn->server_capabilities & SMB2_GLOBAL_CAP_DIRECTORY_LEASING) ||
	    c->op.lease_version != 2)
		c->op.caching = 0;
}

static nt_status again(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	node_put(TAKE(c->node));
	return create_walk(q);
}

void create_let_go(struct req *q)
{
	struct create *c = q->state;

	turn_give(&c->node_ref);
	if (c->stream_name)
		name_turn_give(TAKE(c->stream_name), &c->stream_ref);
	node_put(TAKE(c->base));
	if (c->name)
		name_turn_give(TAKE(c->name), &c->name_ref);
	node_put(TAKE(c->parent));
	vfile_put(TAKE(c->file));
	vfile_put(TAKE(c->data));
}

nt_status create_cache_wait(struct req *q)
{
	struct create *c = q->state;

	if (c->made || c->stream_made) /* ours alone: nobody can hold anything of it */
		return create_fail(q, STATUS_SHARING_VIOLATION);
	create_let_go(q);
	return break_wait(q, c->node, &c->op, again);
}

void create_cache_granted(struct create *c)
{
	struct create_lease *l = &c->contexts.lease;

	if (!l->version) {
		c->oplock_level = caching_level(c->result.caching);
		return;
	}
	c->oplock_level = SMB2_OPLOCK_LEVEL_LEASE;
	l->state = c->result.caching;
	l->version = c->result.lease_version;
	l->flags &= l->version == 2 ? SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET : 0;
	if (c->result.breaking)
		l->flags |= SMB2_LEASE_FLAG_BREAK_IN_PROGRESS;
	l->epoch = c->result.epoch;
}

static nt_status settled(struct req *q, int err, struct wr *w)
{
	return create_succeed(q);
}

/* Who watches the tree is to be told of what the client does in the directory once it knows that it is there. */
static nt_status entered(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct notify_server *s = q->conn->server->notify;

	if (c->stat.type != VFS_DIR || !s || !atomic_load(&s->lagging))
		return create_succeed(q);
	s->ops->settle(s, &c->settle, req_wait(q, settled));
	return STATUS_PENDING;
}

nt_status create_cache_entries(struct req *q)
{
	const struct create *c = q->state;
	const struct create_lease *l = &c->contexts.lease;
	const struct lease_id parent = create_lease_id(q, l->parent_key);
	bool known = l->version && (l->flags & SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET);

	return cache_entries(q, c->parent, &c->op, known ? &parent : NULL, entered);
}

void create_cache_open_new(const struct req *q, struct open_new *in)
{
	const struct create *c = q->state;
	const struct create_lease *l = &c->contexts.lease;

	in->made_on = q->conn;
	memcpy(in->client_guid, q->sess->client_guid, sizeof(in->client_guid));
	in->sealed = q->protection == POLICY_ENCRYPTED;
	in->lease_version = c->op.lease_version;
	if (!in->lease_version)
		return;
	in->lease = c->op.lease;
	in->has_parent_lease = l->flags & SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET;
	in->parent_lease = create_lease_id(q, l->parent_key);
}

/* One answered by itself is on its way when others hear of the open. */
void create_cache_opened(struct req *q, struct open *o)
{
	const struct create *c = q->state;

	if (c->oplock_level == SMB2_OPLOCK_LEVEL_NONE)
		return;
	if (q != q->frame->last)
		breaks_hold(q->frame, o);
	state_tell_again(o->node->state, &c->op);
}
