/*
 * load.c - the loop: what answers bring is noted while they are received, and requests are sent when nothing is received any
 *          more, those of one turn that are short with one call.
 *
 *     a slot:  idle --conn_go: a new operation--> sent --its answer--> got() --> ready for the next step, or idle
 */
#include "load/load_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	EVENTS_MAX = 256,
	SILENCE_MAX_MS = 30000,
	OUTBOX_LEN = 64 * 1024,
	OUTBOX_FRAME_MAX = 8 * 1024, /* longer ones are not worth the copy */
};

static const uint64_t no_limit = UINT64_MAX;

const char *load_fault(const struct load *l)
{
	return l->fault;
}

const struct client *load_client(const struct load *l)
{
	return l->conns[0].sock->client;
}

bool load_fail(struct load *l, const char *format, ...)
{
	va_list args;

	if (l->failed)
		return false;
	va_start(args, format);
	vsnprintf(l->fault, sizeof(l->fault), format, args);
	va_end(args);
	l->failed = true;
	return false;
}

static bool conn_fail(struct conn *c, int err)
{
	const char *why = client_fault(c->sock->client);

	return load_fail(c->load, "connection %zu: %s", c->index,
			 err == -EBADMSG && *why ? why : strerror(-err));
}

/* ---- operations ---------------------------------------------------------------------------------------- */

void slot_fail(struct slot *s, const struct client_answer *a, const char *what)
{
	load_fail(s->conn->load, "%s, step %u, command %u: %s (%s)",
		  slot_settings(s)->work->info.name, s->step, a->command, what,
		  nt_status_name(a->status));
}

bool slot_expect(struct slot *s, const struct client_answer *a, nt_status want)
{
	if (nt_is(a->status, want))
		return true;
	slot_fail(s, a, "another status than expected");
	return false;
}

static void outbox_flush(struct conn *c)
{
	int err = 0;

	if (c->outbox_len)
		err = sock_raw(c->sock, span_of(c->outbox, c->outbox_len));
	c->outbox_len = 0;
	if (err)
		conn_fail(c, err);
}

static void conn_put(struct conn *c, struct span frame)
{
	int err;

	if (c->outbox_len + frame.len > OUTBOX_LEN || frame.len > OUTBOX_FRAME_MAX)
		outbox_flush(c);
	if (frame.len <= OUTBOX_FRAME_MAX) {
		memcpy(c->outbox + c->outbox_len, frame.p, frame.len);
		c->outbox_len += frame.len;
		return;
	}
	err = sock_raw(c->sock, frame);
	if (err)
		conn_fail(c, err);
}

void slot_sent(struct slot *s, uint64_t message_id)
{
	s->message_id = message_id;
	conn_put(s->conn, client_end(slot_client(s)));
}

void slot_next(struct slot *s, unsigned step)
{
	s->step = step;
	list_add_tail(&s->conn->ready, &s->node);
}

void slot_done(struct slot *s, uint64_t bytes)
{
	struct load *l = s->conn->load;

	latency_add(&l->result.latency, env_now_ns(&l->clock.env) - s->begun_ns);
	l->result.ops++;
	l->result.bytes += bytes;
	l->busy--;
	s->busy = false;
	slot_next(s, 0);
}

/* May another operation begin? */
static bool load_goes_on(struct load *l, uint64_t now)
{
	if (now >= l->stop_ns || l->ops_left == 0)
		l->stopping = true;
	if (l->stopping)
		return false;
	if (l->ops_left != no_limit)
		l->ops_left--;
	return true;
}

static bool slot_begin(struct slot *s)
{
	struct load *l = s->conn->load;
	uint64_t now = env_now_ns(&l->clock.env);

	if (!load_goes_on(l, now))
		return false;
	s->busy = true;
	s->begun_ns = now;
	l->busy++;
	return true;
}

static void conn_go(struct conn *c)
{
	struct load *l = c->load;
	const struct work *w = l->settings.work;
	size_t payload = w->payload ? w->payload(l) : 0;

	for (struct list_node *n; !l->failed && (n = list_pop(&c->ready)) != NULL;) {
		struct slot *s = container_of(n, struct slot, node);

		if (!client_may_send(c->sock->client, payload)) {
			list_add_head(&c->ready, n); /* for want of credits */
			if (!c->sock->client->pending_count)
				load_fail(l, "the server grants too few credits");
			break;
		}
		if (s->busy || slot_begin(s))
			w->step(s);
	}
	outbox_flush(c);
}

static void conn_got(void *arg, const struct client_answer *a)
{
	struct conn *c = arg;

	if (a->interim)
		return;
	for (size_t i = 0; i < c->load->settings.depth; i++) {
		struct slot *s = &c->slots[i];

		if (!s->busy || s->message_id != a->message_id)
			continue;
		c->load->settings.work->got(s, a);
		return;
	}
	load_fail(c->load, "connection %zu: an answer to nothing", c->index);
}

static bool conn_watch(struct conn *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	if (epoll_ctl(c->load->epoll, EPOLL_CTL_ADD, c->sock->fd, &e) != 0)
		return load_fail(c->load, "epoll: %s", strerror(errno));
	return true;
}

static void conn_pump(struct conn *c)
{
	const struct work *w = c->load->settings.work;
	int err = sock_pump(c->sock, 0);

	if (err)
		conn_fail(c, err);
	if (c->renew && !c->load->failed) {
		c->renew = false;
		if (!w->renew(c) || (w->info.reconnects && !conn_watch(c)))
			return;
	}
	conn_go(c);
}

/* ---- a run ----------------------------------------------------------------------------------------------- */

static void run_begin(struct load *l, double seconds, uint64_t count)
{
	uint64_t now = env_now_ns(&l->clock.env);

	l->result = (struct load_result){0};
	l->stopping = false;
	l->stop_ns = seconds > 0 ? now + (uint64_t)(seconds * 1e9) : no_limit;
	l->ops_left = count ? count : no_limit;
	for (size_t i = 0; i < l->settings.connections && !l->failed; i++) {
		struct conn *c = &l->conns[i];

		list_init(&c->ready);
		for (size_t j = 0; j < l->settings.depth; j++)
			slot_next(&c->slots[j], 0);
		conn_go(c);
	}
}

bool load_run(struct load *l, double seconds, uint64_t count, struct load_result *ret)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t begun = env_now_ns(&l->clock.env);

	run_begin(l, seconds, count);
	while (l->busy && !l->failed) {
		int n = epoll_wait(l->epoll, events, EVENTS_MAX, SILENCE_MAX_MS);

		if (n < 0 && errno != EINTR)
			return load_fail(l, "epoll: %s", strerror(errno));
		if (n == 0)
			return load_fail(l, "no answer for %d seconds",
					 SILENCE_MAX_MS / 1000);
		for (int i = 0; i < n && !l->failed; i++)
			conn_pump(events[i].data.ptr);
	}
	l->result.wall_s = (double)(env_now_ns(&l->clock.env) - begun) / 1e9;
	*ret = l->result;
	return !l->failed;
}

/* ---- begin and end ----------------------------------------------------------------------------------------- */

static void *need(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		abort();
	return p;
}

static void conn_init(struct load *l, struct conn *c, size_t index)
{
	c->load = l;
	c->index = index;
	c->random = 0x9e3779b97f4a7c15u * (index + 1);
	c->slots = need(l->settings.depth, sizeof(*c->slots));
	c->outbox = need(1, OUTBOX_LEN);
	list_init(&c->ready);
	for (size_t i = 0; i < l->settings.depth; i++)
		c->slots[i] = (struct slot){.conn = c, .index = i};
	/* connections are not all at the same place of a file */
	c->next_off = index * 7 % (l->settings.file / (l->settings.size + 1) + 1) *
		      l->settings.size;
}

static bool conn_open(struct conn *c)
{
	const struct work *w = c->load->settings.work;

	if (!conn_connect(c))
		return false;
	if (c->load->settings.assume) {
		client_assume(c->sock->client);
		c->tree = 1;
		c->file = (struct client_file){1, 1};
		return conn_watch(c);
	}
	if (!w->no_session && (!conn_logon(c) || (w->prepare && !w->prepare(c))))
		return false;
	return conn_watch(c);
}

static void tell(const struct load *l, const char *what, size_t done, size_t of)
{
	if (l->settings.progress)
		l->settings.progress(what, done, of);
}

static void load_init(struct load *l, const struct load_settings *settings)
{
	uint8_t *payload = need(1, LOAD_SIZE_MAX);

	l->settings = *settings;
	clock_init(&l->clock);
	env_random(&l->clock.env, mspan_of(payload, LOAD_SIZE_MAX));
	l->payload = span_of(payload, LOAD_SIZE_MAX);
	l->settings.sock.client.env = &l->clock.env;
	l->settings.sock.got = conn_got;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->conns = need(settings->connections, sizeof(*l->conns));
	l->idle = need(settings->idle + 1, sizeof(struct sock *));
	for (size_t i = 0; i < settings->connections; i++)
		conn_init(l, &l->conns[i], i);
}

bool load_open(const struct load_settings *settings, struct load **ret_load)
{
	struct load *l = need(1, sizeof(*l));

	*ret_load = l;
	load_init(l, settings);
	if (settings->assume && !settings->work->assumable)
		return load_fail(l, "%s: not without a server",
				 settings->work->info.name);
	for (size_t i = 0; i < settings->connections; i++) {
		if (!conn_open(&l->conns[i]))
			return false;
		tell(l, "connections", i + 1, settings->connections);
	}
	return prepare_idle(l) && prepare_held(l);
}

void load_close(struct load *l)
{
	if (!l)
		return;
	for (size_t i = l->settings.connections; i-- > 0;) { /* channels go first */
		sock_close(l->conns[i].sock, false);
		free(l->conns[i].slots);
		free(l->conns[i].outbox);
	}
	for (size_t i = 0; i < l->idle_count; i++)
		sock_close(l->idle[i], false);
	close(l->epoll);
	free(l->conns);
	free(l->idle);
	free((void *)(uintptr_t)l->payload.p);
	free(l);
}
