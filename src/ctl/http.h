/*
 * http.h - what the server does, shown by HTTP: /metrics for Prometheus, / for people, /status.json for the page.
 *
 * Whoever can connect may read it; nothing can be changed: GET and HEAD are all there is. A request must name us in Host
 * (ctl/http_request.h). Each connection carries one request, has HTTP_DEADLINE_MS for it, and gives way to newer ones when
 * there are HTTP_CONNS_FULL: who is slow, or many, keeps nobody out. A view is kept for HTTP_VIEW_MS, so that asking often
 * costs no more than that.
 *
 * Owns     the socket, and one thread that does it all: reads, answers, and takes a sample for the history now and then.
 * Threads  http_new(), http_free(): main. The source's functions run on the thread.
 * Errors   negative errno of the socket; -ENOMEM.
 */
#pragma once

#include "conf/conf.h"
#include "ctl/view.h"

enum {
	HTTP_CONNS_MAX = 64,
	HTTP_CONNS_FULL = 48,
	HTTP_IDLE_S = 10,
	HTTP_DEADLINE_MS = 30000,
	HTTP_REQUEST_MAX = 16384, /* bytes of a request, headers included */
	HTTP_VIEW_MS = 250,
};

struct http;

/* Listen at e, which is not off, and answer; src is copied. */
MUST_CHECK int http_new(const struct conf_endpoint *e, const struct view_source *src,
			struct http **ret_http);
/* Cuts off who is connected; NULL is fine. */
void http_free(struct http *h);
