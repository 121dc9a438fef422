/*
 * signature.c - with which key a request is signed, and whether it is.
 *
 * Spec     [MS-SMB2] 3.3.5.2.4, 3.3.5.5
 */
#include "smb/req.h"

/* The same bytes, not equal ones. */
static bool span_is(struct span a, struct span b)
{
	return a.p == b.p && a.len == b.len;
}

/* Else what leads to a channel, or what is sent where the session has none. */
static bool is_on_channel(const struct req *q)
{
	return q->channel && (!q->binding || q->channel->valid);
}

struct sign_key *req_sign_key(const struct req *q)
{
	if (is_on_channel(q))
		return q->channel->sign;
	return q->sess && sess_is_set_up(q->sess) ? q->sess->sign : NULL;
}

/*
 * Has s's user proved himself on this connection, in another session? Then what comes over it is his own, though it may be
 * the same, byte for byte, as what he sent over another.
 */
static bool is_users_own(const struct conn *c, struct sess *s)
{
	struct principal *who = sess_who(s);
	struct map_walk pos;
	bool own = false;

	for (struct map_node *n = map_walk_first(&c->channels, &pos); n && who && !own;
	     n = map_walk_next(&c->channels, &pos)) {
		const struct channel *ch = container_of(n, struct channel, by_session);
		struct principal *other = ch->valid && ch->sign ? sess_who(ch->sess)
								: NULL;

		own = other && principal_same(other, who);
		principal_put(other);
	}
	principal_put(who);
	return own;
}

/*
 * Under the session's key in AES-GMAC each request is answered once, wherever it comes from. Not so what leads to a
 * channel: there clients repeat themselves, MessageId and all, and the protocol has each answer signed.
 */
static bool is_replayed(struct req *q)
{
	struct sess *s = q->sess;
	bool home = q->channel && q->channel->home;

	if (s->sign_alg != SIGN_AES_GMAC || q->binding || (q->channel && !home) ||
	    q->header.command == SMB2_CANCEL) /* has no answer */
		return false;
	if (!home && is_users_own(q->conn, s))
		return false;
	if (home && q->header.message_id >= SIGNED_ONCE_HOME) /* as a rule: no lock */
		return false;
	LOCK_SCOPE(&s->lock);
	return home ? !signed_once_home(&s->signed_once, q->header.message_id,
					q->header.signature)
		    : !signed_once_away(&s->signed_once, q->header.message_id,
					q->header.signature);
}

/*
 * arrival.c may have looked already, if the key is still the same: the channel that held it is alive, so no other key has
 * come to lie there.
 */
static bool is_right(const struct req *q)
{
	const struct sign_key *key = req_sign_key(q);
	const struct frame *f = q->frame;

	if (f->peeked && f->peeked->sign == key &&
	    span_is(q->message, span_of_m(f->bytes)))
		return f->peeked_right;
	return nt_ok(sign_verify(key, q->message));
}

enum policy_protection req_prove(struct req *q)
{
	bool right = is_right(q);
	bool replayed = right && is_replayed(q);

	if (right && !replayed)
		return POLICY_SIGNED;
	if (replayed && q->channel) /* not even to refuse it */
		conn_disconnect(q->conn, "a request that another connection had sent");
	return q->channel || q->binding ? POLICY_BAD_SIGNATURE : POLICY_UNVERIFIED;
}
