/*
 * show.h - metrics and status page of the running server: metrics_listen.
 *
 * Owns     what answers there, and a reference to the snapshot in force.
 * Threads  main.
 * Errors   negative errno, logged.
 */
#pragma once

#include "base/lock.h"
#include "ctl/http.h"

struct net;

struct show {
	struct net *net;
	struct smb_server *smb;
	struct lock lock;            /* rank LEAF */
	struct snapshot *snapshot;   /* L */
	struct conf_endpoint listen; /* where it was asked to listen */
	struct http *http;           /* NULL: nowhere */
};

/* now: in force. Listens where that says, if it can: files are served without it, and the log says why. */
void show_init(struct show *s, struct net *net, struct smb_server *smb,
	       struct snapshot *now);
/* Another one is in force. */
void show_swap(struct show *s, struct snapshot *now);
/*
 * Listen at e, or nowhere if it is off. On failure all is as before; that what did not work before still does not is none.
 */
MUST_CHECK int show_listen(struct show *s, const struct conf_endpoint *e);
/* Before the workers end. Fine if it was never made. */
void show_fini(struct show *s);
