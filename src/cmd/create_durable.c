/*
 * CREATE: durable handles. What makes a new open durable, and the way of a client that comes back for one:
 *
 *     create_reconnect  the open that is claimed
 *     nudge             the old connection's worker looks whether it has ended
 *     parted_with       if so, the old session has parted with it
 *     stat_lost         what the answer tells of the file
 *     lost_again        whose it is; then it is this session's
 *
 * Spec     [MS-SMB2] 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12; the rules: cmd/durable_rules.h
 */
#include "cmd/create.h"
#include "cmd/open_call.h"
#include "smb/breaks.h"
#include "smb/durable.h"
#include "wire/utf16.h"

#include <stdlib.h>
#include <string.h>

/* ---- a new open ------------------------------------------------------------------------------------------------ */

static bool holds_handle(const struct create *c)
{
	if (c->contexts.lease.version)
		return c->contexts.lease.state & CACHING_HANDLE;
	return c->oplock_level == SMB2_OPLOCK_LEVEL_BATCH;
}

/* How long an open that is granted now would stay, in milliseconds; 0: it would not. */
static uint32_t timeout_ms(const struct req *q)
{
	const struct create *c = q->state;
	const struct conf *conf = q->snap->conf;

	if (c->durable == DURABLE_ASK_V1)
		return conf->durable_v1_timeout * 1000;
	if (c->durable != DURABLE_ASK_V2 || !conf->durable_v2_timeout)
		return 0;
	return durable_v2_timeout_ms(c->contexts.durable.timeout_ms,
				     conf->durable_v2_timeout);
}

/*
 * Files only, and for users who have a name: all who are anonymous are the same one, whose files would be anybody's who comes
 * back for them.
 */
static bool may_stay(const struct open_new *in)
{
	return !in->directory && in->who->kind == PRINCIPAL_NAMED;
}

void create_durable_open_new(const struct req *q, struct open_new *in)
{
	const uint32_t replayed = FILE_READ_DATA | FILE_EXECUTE | FILE_WRITE_DATA |
				  FILE_APPEND_DATA | DELETE;
	struct create *c = q->state;
	struct create_durable *d = &c->contexts.durable;

	if (c->durable == DURABLE_ASK_V2) {
		in->has_create_guid = true;
		in->create_guid = d->create_guid;
		in->replay_eligible = !in->directory && (in->granted & replayed);
	}
	d->timeout_ms = timeout_ms(q);
	if (!d->timeout_ms || !holds_handle(c) || !may_stay(in))
		return;
	d->granted = c->durable == DURABLE_ASK_V1 ? 1 : 2;
	in->durable = d->granted;
	in->durable_timeout_ms = d->timeout_ms;
}

/* It is open in this request's tree, and stays so until this ends. */
static nt_status enter(struct req *q, struct open *o)
{
	nt_status st = open_enter(o, q);

	if (nt_ok(st))
		q->open = open_get(o);
	return st;
}

/* ---- the answer for one there is --------------------------------------------------------------------------------- */

static void answer(struct req *q, struct open *o, const struct state_result *held)
{
	struct create *c = q->state;
	struct create_lease *l = &c->contexts.lease;

	c->maximal = o->maximal;
	c->contexts.on_disk_id = false; /* 3.3.5.9.9 */
	l->version = 0;
	c->oplock_level = caching_level(held->caching);
	if (o->lease_version) {
		*l = (struct create_lease){.version = held->lease_version,
					   .state = held->caching,
					   .epoch = held->epoch};
		memcpy(l->key, o->lease.key, sizeof(l->key));
		c->oplock_level = SMB2_OPLOCK_LEVEL_LEASE;
	}
	if (l->version == 2 && o->has_parent_lease) {
		l->flags = SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET;
		memcpy(l->parent_key, o->parent_lease.key, sizeof(l->parent_key));
	}
	if (held->breaking)
		l->flags |= SMB2_LEASE_FLAG_BREAK_IN_PROGRESS;
	open_show(q, o->node, &c->stat);
	q->file_id = o->id;
	q->has_file_id = true;
	create_encode(q, c, o);
}

static nt_status stat_lost(struct req *q, req_done then)
{
	struct create *c = q->state;
	struct vfs_statcall *s = &c->call.stat;
	const struct open *o = c->lost;

	memset(s, 0, sizeof(*s));
	s->file = o->node->file;
	s->call.raised = share_raises(o->share);
	vfs_run(open_vfs(o), &s->call, VFS_STAT, q->lane->lane,
		share_cred(o->share, o->who), &q->arena, req_wait(q, then));
	return STATUS_PENDING;
}

/* ---- coming back ------------------------------------------------------------------------------------------------- */

static bool same_stream(const struct create *c, struct node *n, struct arena *a)
{
	struct node *parent;
	const char *name;

	if (!n->base || !c->path.stream)
		return !n->base && !c->path.stream;
	return node_name(n, a, &parent, &name) == 0 &&
	       utf8_eq_nocase(name, c->path.stream);
}

static bool same_name(struct req *q, struct open *o)
{
	struct create *c = q->state;
	char *asked, *path = open_path(o, &q->arena);
	bool same;

	c->leaf = c->path.count ? c->path.names[c->path.count - 1] : "";
	asked = create_path(q);
	same = asked && path && utf8_eq_nocase(asked, path) &&
	       same_stream(c, o->node, &q->arena);
	open_path_free(q->conn->server, asked);
	return same;
}

static struct durable_open open_facts(struct open *o, const struct state_result *held,
				      bool holds)
{
	struct durable_open f = {
		.version = o->durable,
		.holds_handle = holds,
		.delete_on_close = o->delete_on_close,
		.lease_version = o->lease_version ? held->lease_version : 0,
		.lease = o->lease,
		.create_guid = o->create_guid,
	};
	LOCK_SCOPE(&o->lock);
	f.disconnected = o->state == OPEN_DISCONNECTED;
	return f;
}

bool create_same_share(const struct req *q, const struct open *o)
{
	const struct share *s = q->tree->share;

	return s->vfs == o->share->vfs && utf8_eq_nocase(s->name, o->share->name);
}

static struct durable_claim claim_facts(struct req *q, struct open *o)
{
	const struct create *c = q->state;

	return (struct durable_claim){
		.way = c->durable,
		.lease_version = c->contexts.lease.version,
		.lease = create_lease_id(q, c->contexts.lease.key),
		.create_guid = c->contexts.durable.create_guid,
		.flags = c->contexts.durable.flags,
		.same_share = create_same_share(q, o),
		.same_name = same_name(q, o),
		.same_user = principal_same(req_who(q), o->who),
	};
}

/* The file's facts are there: whose is it? */
static nt_status lost_again(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct open *o = c->lost;
	struct state_result held = {0};
	struct durable_open facts;
	struct durable_claim claim;
	nt_status st;

	if (err)
		return nt_from_errno(err);
	c->stat = c->call.stat.stat;
	facts = open_facts(o, &held, durable_holds_handle(o, &held));
	claim = claim_facts(q, o);
	st = durable_match(&facts, &claim);
	if (nt_ok(st) && (o->granted & ~tree_limit(q->tree)))
		st = STATUS_ACCESS_DENIED; /* the share gives less by now */
	if (nt_ok(st))
		st = durable_adopt(o, q);
	if (nt_ok(st))
		st = enter(q, o);
	if (!nt_ok(st))
		return st;
	if (q != q->frame->last)
		breaks_hold(q->frame, o);
	c->action = FILE_OPENED;
	answer(q, o, &held);
	return STATUS_SUCCESS;
}

static nt_status parted_with(struct req *q, int err, struct wr *w)
{
	return stat_lost(q, lost_again);
}

/*
 * The old connection's end may have arrived, but its worker has not come to it: let that take a turn, as it closes at the end of
 * one, and again for the session's next connection. A client that still is connected has its open and keeps it.
 */
static void nudged(struct msg *m)
{
	struct create *c = container_of(m, struct create, nudge.msg);

	c->nudge.again = !c->nudge.again;
	if (c->nudge.again)
		mailbox_post(c->nudge.lane->mailbox, &c->nudge.msg);
	else
		wait_post(c->nudge.wait, 0);
}

static nt_status nudge(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;

	c->nudge.lane = durable_holder(c->lost, &c->nudge.conn_id);
	if (c->nudge.lane) {
		c->nudge.msg.run = nudged;
		c->nudge.wait = req_wait(q, nudge);
		mailbox_post(c->nudge.lane->mailbox, &c->nudge.msg);
		return STATUS_PENDING;
	}
	/* what was done last on the lost connection may still be under way */
	durable_wait(c->lost, &q->drain, req_wait(q, parted_with));
	return STATUS_PENDING;
}

nt_status create_reconnect(struct req *q)
{
	struct create *c = q->state;

	c->lost = durable_find(q->conn->server, c->contexts.durable.persistent_id);
	return c->lost ? nudge(q, 0, NULL) : STATUS_OBJECT_NAME_NOT_FOUND;
}

/* ---- the same CREATE once more ------------------------------------------------------------------------------------ */

static nt_status replayed(struct req *q, int err, struct wr *w)
{
	struct create *c = q->state;
	struct state_result held = {0};

	if (err)
		return nt_from_errno(err);
	c->stat = c->call.stat.stat;
	(void)durable_holds_handle(c->lost, &held);
	c->action = c->lost->create_action;
	/* Deviation: Open.OplockLevel, but no more than was asked for this time, as Samba does */
	if (!c->lost->lease_version)
		held.caching &= caching_of_level(c->oplock_level);
	if (c->lost->lease_version || (held.caching & CACHING_HANDLE))
		c->contexts.durable.granted = c->lost->durable;
	c->contexts.durable.timeout_ms = c->lost->durable_timeout_ms;
	answer(q, c->lost, &held);
	return STATUS_SUCCESS;
}

static struct sess *sess_of(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	return o->sess;
}

static struct replay_claim replay_facts(struct req *q, struct open *o)
{
	const struct create *c = q->state;
	const struct create_lease *l = &c->contexts.lease;

	return (struct replay_claim){
		.replay = q->header.flags & SMB2_FLAGS_REPLAY_OPERATION,
		.same_user = principal_same(req_who(q), o->who),
		.same_session = sess_of(o) == q->sess, /* only compared */
		.lease_version = c->oplock_level == SMB2_OPLOCK_LEVEL_LEASE ? l->version
									    : 0,
		.lease = create_lease_id(q, l->key),
	};
}

/* There is an open: answer for it. */
static nt_status replay_open(struct req *q)
{
	struct create *c = q->state;
	struct state_result held = {0};
	struct durable_open facts;
	struct replay_claim claim;
	nt_status st;

	facts = open_facts(c->lost, &held, durable_holds_handle(c->lost, &held));
	claim = replay_facts(q, c->lost);
	st = replay_match(&facts, &claim);
	if (!nt_ok(st))
		return st;
	if (!nt_ok(enter(q, c->lost))) /* another tree's, or it is going */
		return STATUS_DUPLICATE_OBJECTID;
	return stat_lost(q, replayed);
}

nt_status create_replay(struct req *q)
{
	struct create *c = q->state;
	nt_status st;

	if (c->durable != DURABLE_ASK_V2)
		return STATUS_SUCCESS;
	memcpy(c->under_way.client_guid, q->sess->client_guid,
	       sizeof(c->under_way.client_guid));
	c->under_way.create_guid = c->contexts.durable.create_guid;
	st = replay_begin(q->conn->server, &c->under_way,
			  q->header.flags & SMB2_FLAGS_REPLAY_OPERATION, &c->lost);
	if (nt_ok(st) && c->lost)
		return replay_open(q);
	q->outlives = nt_ok(st);
	return st;
}
