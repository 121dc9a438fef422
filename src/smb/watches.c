#include "smb/watches.h"

#include "smb/req.h"

#include <errno.h>

struct search {
	const struct node *node;
	struct open *found; /* counted */
};

static bool is_watch(const struct req *q)
{
	return q->header.command == SMB2_CHANGE_NOTIFY && wait_is_parked(&q->wait);
}

static bool has_watch(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	list_for_each (n, &o->inflight)
		if (is_watch(container_of(n, struct req, on_open)))
			return true;
	return false;
}

/* False ends the search. */
static bool look(struct open *o, void *arg)
{
	struct search *s = arg;

	if (o->node == s->node && has_watch(o))
		s->found = open_get_unless_gone(o);
	return !s->found;
}

/* One that this call has claimed, or NULL. The claim keeps it alive. */
static struct req *claim_watch(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	list_for_each (n, &o->inflight) {
		struct req *q = container_of(n, struct req, on_open);

		if (is_watch(q) && wait_claim(&q->wait, WAIT_DELETED))
			return q;
	}
	return NULL;
}

void watches_end(struct smb_server *s, struct node *directory)
{
	while (atomic_load(&directory->watchers)) {
		struct search search = {.node = directory};

		if (smb_server_each_open(s, look, &search))
			return;
		for (struct req *q; (q = claim_watch(search.found)) != NULL;)
			wait_post(&q->wait, -ECANCELED);
		open_put(search.found);
	}
}
