#include "ctl/http.h"

#include "base/env.h"
#include "base/log.h"
#include "ctl/http_request.h"
#include "ctl/metrics.h"
#include "ctl/page.h"
#include "fs/cred.h"
#include "net/thread.h"
#include "smb/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BACKLOG = 128, HOST_NAME_LEN = 256, COMPLAINTS_A_SECOND = 1 };

/* A connection, from accept() to its end. */
struct http_conn {
	int fd; /* -1: free */
	uint64_t since_ms;
	bool cut; /* told to end */
};

struct http {
	struct view_source source;
	struct MHD_Daemon *daemon;
	int listen_fd, stop_fd, epoll_fd;
	pthread_t thread;
	bool running;

	/* The thread's own. */
	struct http_conn conns[HTTP_CONNS_MAX];
	size_t conn_count;
	struct view view; /* without a snapshot: there is none */
	uint64_t view_ms;
	struct MHD_Response *answers[HTTP_NOTHING]; /* made of it; NULL: not yet */
	struct view_history history;
	uint64_t sampled_ms;
	struct log_limit complaints;
};

static uint64_t now_ms(const struct http *h)
{
	return env_now_ns(h->source.smb->env) / 1000000;
}

/* ---- who is connected ------------------------------------------------------------------------------------------ */

/* The thread notices that the socket has ended, and closes it. */
static void conn_cut(struct http_conn *c)
{
	c->cut = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

static void cut_oldest(struct http *h)
{
	struct http_conn *oldest = NULL;

	for (size_t i = 0; i < HTTP_CONNS_MAX; i++) {
		struct http_conn *c = &h->conns[i];

		if (c->fd >= 0 && !c->cut && (!oldest || c->since_ms < oldest->since_ms))
			oldest = c;
	}
	if (oldest)
		conn_cut(oldest);
}

static void cut_late(struct http *h, uint64_t now)
{
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++) {
		struct http_conn *c = &h->conns[i];

		if (c->fd >= 0 && !c->cut && now - c->since_ms >= HTTP_DEADLINE_MS)
			conn_cut(c);
	}
}

static struct http_conn *conn_slot(struct http *h)
{
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		if (h->conns[i].fd < 0)
			return &h->conns[i];
	return NULL;
}

static void conn_began(struct http *h, struct MHD_Connection *connection, void **slot)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_conn *c = conn_slot(h);

	if (!c || !info)
		return;
	if (h->conn_count >= HTTP_CONNS_FULL)
		cut_oldest(h);
	*c = (struct http_conn){.fd = info->connect_fd, .since_ms = now_ms(h)};
	h->conn_count++;
	*slot = c;
}

static void conn_changed(void *arg, struct MHD_Connection *connection, void **slot,
			 enum MHD_ConnectionNotificationCode what)
{
	struct http *h = arg;
	struct http_conn *c = *slot;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		conn_began(h, connection, slot);
	} else if (c) {
		c->fd = -1;
		h->conn_count--;
	}
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void view_drop(struct http *h)
{
	for (size_t i = 0; i < ARRAY_LEN(h->answers); i++) {
		if (h->answers[i]) /* who is still being sent it keeps it */
			MHD_destroy_response(h->answers[i]);
		h->answers[i] = NULL;
	}
	view_fini(&h->view);
}

/* What is true now, or was a moment ago; NULL without memory. */
static const struct view *view_now(struct http *h)
{
	uint64_t now = now_ms(h);

	if (h->view.snapshot && now - h->view_ms < HTTP_VIEW_MS)
		return &h->view;
	view_drop(h);
	h->view_ms = now;
	return view_gather(&h->source, &h->history, &h->view) == 0 ? &h->view : NULL;
}

struct body {
	char *text; /* from malloc */
	size_t len;
};

static bool body_print(enum http_what what, const struct view *v, FILE *out)
{
	switch (what) {
	case HTTP_PAGE:
		return page_print(v, out);
	case HTTP_STATUS_JSON:
		return page_print_json(v, out);
	case HTTP_METRICS:
		metrics_print(v, out);
		return true;
	case HTTP_NOTHING:
		break;
	}
	return false;
}

/* False without memory. */
static bool body_make(const struct view *v, enum http_what what, struct body *ret)
{
	struct body b = {0};
	FILE *out = open_memstream(&b.text, &b.len);
	bool good;

	if (!out)
		return false;
	good = body_print(what, v, out) && !ferror(out);
	good = fclose(out) == 0 && good;
	if (!good)
		free(b.text);
	else
		*ret = b;
	return good;
}

static bool refusal_make(unsigned status, struct body *ret)
{
	const char *text = status == 403   ? "Host does not name this server\n"
			   : status == 404 ? "there is /, /metrics, /status.json\n"
			   : status == 405 ? "GET and HEAD only\n"
					   : "not now\n";

	ret->text = strdup(text);
	ret->len = strlen(text);
	return ret->text != NULL;
}

static const char *content_type(enum http_what what)
{
	switch (what) {
	case HTTP_PAGE:
		return "text/html; charset=utf-8";
	case HTTP_STATUS_JSON:
		return "application/json";
	case HTTP_METRICS:
		return METRICS_CONTENT_TYPE;
	case HTTP_NOTHING:
		break;
	}
	return "text/plain; charset=utf-8";
}

static bool add_headers(struct MHD_Response *r, enum http_what what, unsigned status)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{"Content-Type", content_type(what)},
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Content-Security-Policy",
		 what == HTTP_PAGE ? (const char *)page_policy : "default-src 'none'"},
		{"Connection", "close"},
		{"Allow", status == 405 ? "GET, HEAD" : NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].value &&
		    MHD_add_response_header(r, rows[i].name, rows[i].value) != MHD_YES)
			return false;
	return true;
}

/* b is taken. NULL without memory. */
static struct MHD_Response *response_new(enum http_what what, unsigned status,
					 struct body *b)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(b->len, b->text,
								 MHD_RESPMEM_MUST_FREE);

	if (!r) {
		free(b->text);
		return NULL;
	}
	if (add_headers(r, what, status))
		return r;
	MHD_destroy_response(r);
	return NULL;
}

/* Made once a view, however many ask for it; borrowed. NULL without memory. */
static struct MHD_Response *shown(struct http *h, enum http_what what)
{
	const struct view *v = view_now(h);
	struct body b;

	if (!v)
		return NULL;
	if (!h->answers[what] && body_make(v, what, &b))
		h->answers[what] = response_new(what, 200, &b);
	return h->answers[what];
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status)
{
	struct MHD_Response *r;
	enum MHD_Result done;
	struct body b;

	if (!refusal_make(status, &b) || !(r = response_new(HTTP_NOTHING, status, &b)))
		return MHD_NO;
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum http_what judge(struct http *h, struct MHD_Connection *connection,
			    const char *path, const char *method, unsigned *ret_status)
{
	struct snapshot *now = h->source.snapshot(h->source.arg);
	char host_name[HOST_NAME_LEN] = "";
	struct http_names names = {
		.host_name = host_name,
		.server_name = now->conf->server_name,
		.domain = now->conf->domain,
	};
	enum http_what what;

	if (gethostname(host_name, sizeof(host_name) - 1) != 0)
		host_name[0] = '\0';
	what = http_request_judge(method, path,
				  MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							      MHD_HTTP_HEADER_HOST),
				  &names, ret_status);
	snapshot_put(now);
	return what;
}

/* Once its headers are there; a body is not read, as the connection ends with the answer. MHD_NO ends it without one. */
static enum MHD_Result request(void *arg, struct MHD_Connection *connection,
			       const char *path, const char *method, const char *version,
			       const char *data, size_t *data_len, void **slot)
{
	struct http *h = arg;
	struct MHD_Response *r;
	unsigned status;
	enum http_what what = judge(h, connection, path, method, &status);

	if (what == HTTP_NOTHING)
		return refuse(connection, status);
	r = shown(h, what);
	return r ? MHD_queue_response(connection, 200, r) : refuse(connection, 503);
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static void complain(void *arg, const char *fmt, va_list ap)
{
	struct http *h = arg;
	struct log_esc esc;
	char text[256];

	if (!log_limit_ok(&h->complaints, COMPLAINTS_A_SECOND,
			  env_now_ns(h->source.smb->env)))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_verbose("metrics: %s", log_esc(&esc, span_of_str(text)));
}

static void sample(struct http *h, uint64_t now)
{
	struct snapshot *snapshot = h->source.snapshot(h->source.arg);
	struct stats s;

	h->sampled_ms = now;
	if (h->source.stats(h->source.arg, snapshot, &s) == 0) {
		view_history_add(&h->history, &s);
		stats_fini(&s);
	}
	snapshot_put(snapshot);
}

/* Until the next sample, or until MHD wants to end somebody. */
static int wait_ms(const struct http *h, uint64_t now)
{
	uint64_t due = h->sampled_ms + VIEW_STEP_MS;
	uint64_t ms = due > now ? due - now : 0;
	MHD_UNSIGNED_LONG_LONG theirs;

	if (MHD_get_timeout(h->daemon, &theirs) == MHD_YES && theirs < ms)
		ms = theirs;
	return (int)ms;
}

static void *serve(void *arg)
{
	struct http *h = arg;
	struct pollfd p[] = {
		{.fd = h->stop_fd, .events = POLLIN},
		{.fd = h->epoll_fd, .events = POLLIN},
	};

	cred_confine_thread();
	sample(h, now_ms(h));
	for (;;) {
		uint64_t now = now_ms(h);

		if (poll(p, ARRAY_LEN(p), wait_ms(h, now)) < 0 && errno != EINTR)
			log_error("metrics: poll: %s", strerror(errno));
		if (p[0].revents)
			return NULL;
		(void)MHD_run(h->daemon);
		now = now_ms(h);
		cut_late(h, now);
		if (now - h->sampled_ms >= VIEW_STEP_MS)
			sample(h, now);
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static socklen_t address_of(const struct conf_endpoint *e, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = e->family;
	if (e->family == AF_INET) {
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->address, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_port = htons(e->port);
	memcpy(&v6->sin6_addr, e->address, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static int listen_at(struct http *h, const struct conf_endpoint *e)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(e, &address);
	const int on = 1;

	h->listen_fd = socket(e->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (h->listen_fd < 0 ||
	    setsockopt(h->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (e->family == AF_INET6 &&
	    setsockopt(h->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(h->listen_fd, (struct sockaddr *)&address, len) < 0 ||
	    listen(h->listen_fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

/* Driven by our thread: MHD starts none. */
static int daemon_start(struct http *h)
{
	const union MHD_DaemonInfo *info;

	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, request, h,
		MHD_OPTION_EXTERNAL_LOGGER, complain, h, MHD_OPTION_LISTEN_SOCKET,
		h->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, conn_changed, h, MHD_OPTION_END);
	if (!h->daemon)
		return -ENOMEM;
	h->listen_fd = -1; /* the daemon's now */
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return -ENOSYS;
	h->epoll_fd = info->epoll_fd;
	return 0;
}

int http_new(const struct conf_endpoint *e, const struct view_source *src,
	     struct http **ret_http)
{
	struct http *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->source = *src;
	h->listen_fd = h->epoll_fd = -1;
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		h->conns[i].fd = -1;
	h->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = h->stop_fd < 0 ? -errno : listen_at(h, e);
	if (!err)
		err = daemon_start(h);
	if (!err)
		err = thread_start(&h->thread, "metrics", serve, h);
	h->running = !err;
	if (err) {
		http_free(h);
		return err;
	}
	*ret_http = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->running) {
		(void)eventfd_write(h->stop_fd, 1);
		pthread_join(h->thread, NULL);
	}
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	if (h->listen_fd >= 0)
		close(h->listen_fd);
	if (h->stop_fd >= 0)
		close(h->stop_fd);
	view_drop(h);
	free(h);
}
