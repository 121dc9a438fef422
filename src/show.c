#include "show.h"

#include "base/log.h"
#include "gather.h"
#include "smb/share.h"

#include <errno.h>
#include <string.h>

static struct snapshot *show_snapshot(void *arg)
{
	struct show *s = arg;
	LOCK_SCOPE(&s->lock);

	return snapshot_get(s->snapshot);
}

static int show_stats(void *arg, const struct snapshot *now, struct stats *ret)
{
	const struct show *s = arg;
	struct snapshot *snapshot = (struct snapshot *)now;
	const struct gather g = {.net = s->net, .smb = s->smb, .snapshot = &snapshot};

	return gather_stats(&g, ret);
}

void show_swap(struct show *s, struct snapshot *now)
{
	struct snapshot *old;

	{
		LOCK_SCOPE(&s->lock);
		old = s->snapshot;
		s->snapshot = snapshot_get(now);
	}
	snapshot_put(old);
}

static int http_make(struct show *s, const struct conf_endpoint *e)
{
	const struct view_source source = {
		.snapshot = show_snapshot,
		.stats = show_stats,
		.smb = s->smb,
		.arg = s,
	};
	char text[CONF_ENDPOINT_TEXT_MAX];
	struct http *fresh;
	int err = http_new(e, &source, &fresh);

	if (err) {
		log_error("metrics_listen %s: %s", conf_endpoint_text(e, text),
			  strerror(-err));
		return err;
	}
	http_free(s->http);
	s->http = fresh;
	log_info("metrics and status page at http://%s/", conf_endpoint_text(e, text));
	if (!conf_endpoint_is_loopback(e))
		log_warn("metrics_listen %s is open to the network: whoever can connect "
			 "may read them, without a password",
			 text);
	return 0;
}

/* Where an address and all addresses overlap, the old socket has to go first. */
static int http_replace(struct show *s, const struct conf_endpoint *e)
{
	int err;

	http_free(s->http);
	s->http = NULL;
	err = http_make(s, e);
	if (err)
		(void)!http_make(s, &s->listen);
	return err;
}

static bool endpoint_eq(const struct conf_endpoint *a, const struct conf_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

int show_listen(struct show *s, const struct conf_endpoint *e)
{
	bool same = endpoint_eq(e, &s->listen);
	int err = 0;

	if (same && s->http)
		return 0;
	if (!e->port) {
		http_free(s->http);
		s->http = NULL;
	} else if (s->http && s->listen.port == e->port) {
		err = http_replace(s, e);
	} else {
		err = http_make(s, e);
	}
	if (err && !same)
		return err;
	s->listen = *e;
	return 0;
}

void show_init(struct show *s, struct net *net, struct smb_server *smb,
	       struct snapshot *now)
{
	*s = (struct show){.net = net, .smb = smb, .snapshot = snapshot_get(now)};
	lock_init(&s->lock, LOCK_RANK_LEAF);
	s->listen = now->conf->metrics_listen;
	(void)!show_listen(s, &s->listen);
}

void show_fini(struct show *s)
{
	if (!s->snapshot)
		return;
	http_free(s->http);
	snapshot_put(s->snapshot);
	lock_fini(&s->lock);
	*s = (struct show){0};
}
