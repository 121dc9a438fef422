/*
 * http_request.h - what a request asks for, and whether it is answered.
 *
 * A page of somebody else's may have its own name point to our address and then read through the browser of who looks at it,
 * as if it came from there ("DNS rebinding"). What the browser says in Host is that name. So a request is answered only if
 * Host is an address, or a name that nobody else can give to his page.
 *
 * Threads  pure.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

/* NULL or "": there is none. */
struct http_names {
	const char *host_name;   /* of the machine */
	const char *server_name; /* the parameters */
	const char *domain;
};

/*
 * host  the value of Host, with or without a port; NULL: there was none, which no browser does and is refused all the same
 *
 * True for an IP address, localhost, the two names, and each of them before the domain if that has a dot.
 */
bool http_host_is_ours(const char *host, const struct http_names *names);

enum http_what { HTTP_PAGE, HTTP_METRICS, HTTP_STATUS_JSON, HTTP_NOTHING };

/* path: without what follows a question mark. HTTP_NOTHING: it is refused with *ret_status, 403, 404 or 405. */
enum http_what http_request_judge(const char *method, const char *path, const char *host,
				  const struct http_names *names, unsigned *ret_status);
