#include "smb/watches.h"

#include "smb/req.h"

#include <errno.h>

struct search {
	const struct node *node;
	struct list_node
		claimed; /* req.drain.node, which nothing else uses in a watch; the claim keeps it alive */
};

static void claim_watches(struct open *o, struct search *s)
{
	LOCK_SCOPE(&o->lock);

	list_for_each (n, &o->inflight) {
		struct req *q = container_of(n, struct req, on_open);

		if (q->header.command == SMB2_CHANGE_NOTIFY && wait_is_parked(&q->wait) &&
		    wait_claim(&q->wait, WAIT_DELETED))
			list_add_tail(&s->claimed, &q->drain.node);
	}
}

static bool look(struct open *o, void *arg)
{
	struct search *s = arg;

	if (o->node == s->node)
		claim_watches(o, s);
	return true;
}

/* All opens are passed once, however many of them watch. */
void watches_end(struct smb_server *s, struct node *directory)
{
	struct search search = {.node = directory};

	if (!atomic_load(&directory->watchers))
		return;
	list_init(&search.claimed);
	(void)smb_server_each_open(s, look, &search);
	for (struct list_node *n; (n = list_pop(&search.claimed)) != NULL;)
		wait_post(&container_of(n, struct req, drain.node)->wait, -ECANCELED);
}
