/*
 * notify.c - changes of the memory file system for CHANGE_NOTIFY, as the thread of fs/notify would tell them: later, and
 *            one at a time.
 */
#include "sim/sim_impl.h"

#include "wire/fscc_proto.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_LEN = 1024, ALL_ATTRIBUTES = 0x1FC };

/* What the thread has to do, oldest first: begin to watch, or pass a change on. */
struct task {
	struct list_node node;
	struct notify *notify;
	/* begin */
	struct notify **ret;
	struct wait *wait;
	/* pass on */
	char *name;
	uint32_t action;
};

struct parked {
	struct list_node node;
	struct wait *wait;
};

struct notify {
	struct sim_notify *server;
	struct list_node node; /* server->watching; unlinked before it begins */
	struct vfile *dir;
	uint32_t filter;
	bool tree, overflow;
	struct list_node waits; /* parked, oldest first */
	size_t wait_count;
	struct list_node events; /* task: gathered, oldest first */
	size_t event_count;
};

struct sim_notify {
	struct notify_server server;
	struct sim *sim;
	struct list_node watching;
	struct list_node tasks;
	size_t count; /* struct notify there are */
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void task_free(struct task *t)
{
	list_del(&t->node);
	free(t->name);
	free(t);
}

/* Give the oldest waiting request what is there, unless somebody else has ended it. */
static void hand_over(struct notify *n)
{
	list_for_each (it, &n->waits) {
		struct parked *p = container_of(it, struct parked, node);
		struct wait *w = p->wait;

		if (!wait_claim(w, WAIT_GRANTED))
			continue; /* its claimer will forget it */
		list_del(it);
		free(p);
		n->wait_count--;
		wait_post(w, 0);
		return;
	}
}

static bool has_news(const struct notify *n)
{
	return n->overflow || !list_empty(&n->events);
}

/* ---- what the core calls -------------------------------------------------------------------------------- */

static void op_start(struct notify_server *s, struct vfile *dir, struct cred *cred,
		     uint32_t filter, bool tree, struct notify **ret, struct wait *w)
{
	struct sim_notify *server = container_of(s, struct sim_notify, server);
	struct notify *n = must(calloc(1, sizeof(*n)));
	struct task *t = must(calloc(1, sizeof(*t)));

	n->server = server;
	n->dir = vfile_get(dir);
	n->filter = filter;
	n->tree = tree;
	list_init(&n->waits);
	list_init(&n->events);
	server->count++;
	t->notify = n;
	t->ret = ret;
	t->wait = w;
	list_add_tail(&server->tasks, &t->node);
}

static void op_wait(struct notify *n, struct wait *w)
{
	struct parked *p;

	if (n->wait_count == NOTIFY_WAITS_MAX) {
		if (wait_claim(w, WAIT_GRANTED))
			wait_now(w, -ENOBUFS);
		return;
	}
	p = must(calloc(1, sizeof(*p)));
	p->wait = w;
	list_add_tail(&n->waits, &p->node);
	n->wait_count++;
	if (has_news(n))
		hand_over(n);
}

static void op_forget(struct notify *n, struct wait *w)
{
	list_for_each (it, &n->waits) {
		struct parked *p = container_of(it, struct parked, node);

		if (p->wait != w)
			continue;
		list_del(it);
		free(p);
		n->wait_count--;
	}
}

static struct notify_event *op_take(struct notify *n, struct arena *a, bool *ret_overflow)
{
	struct notify_event *first = NULL, **end = &first;

	*ret_overflow = n->overflow;
	n->overflow = false;
	n->event_count = 0;
	while (!list_empty(&n->events)) {
		struct task *t = container_of(n->events.next, struct task, node);
		struct notify_event *e = arena_alloc(a, sizeof(*e));

		if (!*ret_overflow && e) {
			e->action = t->action;
			e->name = arena_strdup(a, t->name);
			*end = e;
			end = &e->next;
		}
		task_free(t);
	}
	return first;
}

static void op_free(struct notify *n)
{
	assert(n->wait_count == 0);
	list_for_each (it, &n->server->tasks) {
		struct task *t = container_of(it, struct task, node);

		assert(t->notify != n || !t->ret); /* still beginning: nobody has it */
		if (t->notify == n)
			task_free(t);
	}
	while (!list_empty(&n->events))
		task_free(container_of(n->events.next, struct task, node));
	list_del(&n->node);
	vfile_put(n->dir);
	n->server->count--;
	free(n);
}

static const struct notify_ops ops = {
	.start = op_start,
	.wait = op_wait,
	.forget = op_forget,
	.take = op_take,
	.free = op_free,
};

/* ---- the thread ----------------------------------------------------------------------------------------- */

static void task_begin(struct sim_notify *s, struct task *t)
{
	static const int errs[] = {-EACCES, -ENOSPC, -ENOMEM};
	struct notify *n = t->notify;
	struct wait *w = t->wait;
	int err = 0;

	if (s->sim->fault_per_mille &&
	    rng_chance(&s->sim->rng, s->sim->fault_per_mille * 10))
		err = errs[rng_below(&s->sim->rng, ARRAY_LEN(errs))];
	if (!err) {
		list_add_tail(&s->watching, &n->node);
		*t->ret = n;
	}
	t->ret = NULL;
	task_free(t);
	if (err)
		op_free(n);
	wait_post(w, err);
}

static void task_pass_on(struct task *t)
{
	struct notify *n = t->notify;

	list_del(&t->node);
	if (n->overflow || n->event_count == NOTIFY_EVENTS_MAX) {
		n->overflow = true;
		task_free(t);
	} else {
		list_add_tail(&n->events, &t->node);
		n->event_count++;
	}
	hand_over(n);
}

bool sim_notify_due(const struct notify_server *s)
{
	return !list_empty(&container_of(s, const struct sim_notify, server)->tasks);
}

void sim_notify_do(struct notify_server *s)
{
	struct sim_notify *server = container_of(s, struct sim_notify, server);
	struct task *t = container_of(server->tasks.next, struct task, node);

	if (t->ret)
		task_begin(server, t);
	else
		task_pass_on(t);
}

void sim_notify_changed(struct notify_server *s, const struct memfs_change *c)
{
	struct sim_notify *server = container_of(s, struct sim_notify, server);
	char name[PATH_MAX_LEN];

	list_for_each (it, &server->watching) {
		struct notify *n = container_of(it, struct notify, node);
		struct task *t;

		if (!(n->filter & c->filter) ||
		    !memfs_below(n->dir, c, n->tree, name, sizeof(name)))
			continue;
		t = must(calloc(1, sizeof(*t)));
		t->notify = n;
		t->action = c->action;
		t->name = must(strdup(name));
		list_add_tail(&server->tasks, &t->node);
	}
}

struct notify_server *sim_notify_new(struct sim *s)
{
	struct sim_notify *n = must(calloc(1, sizeof(*n)));

	n->server.ops = &ops;
	n->sim = s;
	list_init(&n->watching);
	list_init(&n->tasks);
	return &n->server;
}

void sim_notify_free(struct notify_server *s)
{
	struct sim_notify *n = container_of(s, struct sim_notify, server);

	if (n->count)
		sim_fail(n->sim, "%zu notifies are left", n->count);
	free(n);
}
