#include "trail/writer.h"

#include "base/log.h"
#include "net/mailq.h"
#include "net/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LOSSES_SAID_A_SECOND = 4 };

/* An event, or the order to write to another target. */
struct item;

/* Where events go, and how they look there. */
struct target {
	struct item *order;   /* until writer_turn(): for the message */
	struct dayfile *file; /* NULL: nothing is written */
	struct line_style style;
};

struct item {
	struct msg msg;
	size_t len; /* counted in `queued`; 0: an order */
	struct target *target;
	bool clipped;
	struct trail_event event; /* its texts lie behind it */
	char text[];
};

struct writer {
	struct trail trail;
	struct env *env;
	ssize_t (*write)(int fd, const void *p, size_t len);
	struct mailq queue;
	atomic_size_t queued; /* A  bytes of events not written yet */
	atomic_bool losing;   /* A  said so in the log, until it can be written again */
	atomic_bool stopping;
	struct log_limit refusals;
	struct log_limit said; /* strangers can cause what is said of losses */
	int wake;              /* eventfd */
	pthread_t thread;
	bool started;

	/* the thread's own */
	struct msg *list, **list_end;
	struct target *target;
	char *batch; /* lines of one day, under way */
	size_t batch_len, batch_done;
	uint64_t batch_time;
	unsigned long long told; /* lost events that the file tells of */
	bool failing;            /* the last write did not work */
};

/* ---- noting: any thread ---------------------------------------------------------- */

static void wake(struct writer *w)
{
	const uint64_t one = 1;

	(void)!write(w->wake, &one, sizeof(one));
}

static void put(struct writer *w, struct item *i)
{
	if (mailq_put(&w->queue, &i->msg))
		wake(w);
}

static void lose(struct writer *w)
{
	atomic_fetch_add(&w->trail.lost, 1);
	if (!atomic_exchange(&w->losing, true) &&
	    log_limit_ok(&w->said, LOSSES_SAID_A_SECOND, env_now_ns(w->env)))
		log_warn("audit log: events are lost: they come faster than they can be "
			 "written");
}

/* The texts of an event. */
static const size_t text_fields[] = {
	offsetof(struct trail_event, client),    offsetof(struct trail_event, user),
	offsetof(struct trail_event, user_kind), offsetof(struct trail_event, share),
	offsetof(struct trail_event, path),      offsetof(struct trail_event, to),
	offsetof(struct trail_event, from),      offsetof(struct trail_event, name),
	offsetof(struct trail_event, reason),    offsetof(struct trail_event, parameter),
	offsetof(struct trail_event, by),        offsetof(struct trail_event, of),
	offsetof(struct trail_event, of_client),
};

static const char **text_of(struct trail_event *e, size_t i)
{
	return (const char **)(void *)((char *)e + text_fields[i]);
}

/* Its length once cut, not within a character. */
static size_t text_len(const char *text, bool *clipped)
{
	size_t len = strnlen(text, LINE_TEXT_MAX + 1);

	if (len <= LINE_TEXT_MAX)
		return len;
	*clipped = true;
	for (len = LINE_TEXT_MAX; len && ((uint8_t)text[len] & 0xC0) == 0x80;)
		len--;
	return len;
}

static struct item *item_new(const struct trail_event *e)
{
	struct trail_event copy = *e;
	size_t lens[ARRAY_LEN(text_fields)] = {0}, len = sizeof(struct item);
	bool clipped = false;
	struct item *i;
	char *at;

	for (size_t n = 0; n < ARRAY_LEN(text_fields); n++) {
		const char *text = *text_of(&copy, n);

		if (text)
			lens[n] = text_len(text, &clipped) + 1;
		len += lens[n];
	}
	i = malloc(len);
	if (!i)
		return NULL;
	*i = (struct item){.len = len, .clipped = clipped, .event = copy};
	at = i->text;
	for (size_t n = 0; n < ARRAY_LEN(text_fields); n++) {
		if (!lens[n])
			continue;
		memcpy(at, *text_of(&copy, n), lens[n] - 1);
		at[lens[n] - 1] = '\0';
		*text_of(&i->event, n) = at;
		at += lens[n];
	}
	return i;
}

static bool is_refusal(const struct trail_event *e)
{
	return e->kind == TRAIL_LOGON_REFUSED || e->kind == TRAIL_CONNECT_REFUSED ||
	       e->kind == TRAIL_REFUSED;
}

/* Is there room in the queue? Then it is taken. */
static bool room_take(struct writer *w, const struct item *i)
{
	size_t max = is_refusal(&i->event) ? WRITER_QUEUE_MAX / 2 : WRITER_QUEUE_MAX;
	size_t before = atomic_fetch_add(&w->queued, i->len);

	if (before + i->len <= max)
		return true;
	atomic_fetch_sub(&w->queued, i->len);
	return false;
}

static void note(struct trail *t, const struct trail_event *e)
{
	struct writer *w = container_of(t, struct writer, trail);
	struct item *i = NULL;

	if (!is_refusal(e) ||
	    log_limit_ok(&w->refusals, WRITER_REFUSALS_A_SECOND, env_now_ns(w->env)))
		i = item_new(e);
	if (!i || !room_take(w, i)) {
		free(i);
		lose(w);
		return;
	}
	atomic_fetch_add(&t->noted, 1);
	put(w, i);
}

/* ---- the list: the writer's thread from here on ------------------------------------ */

static void collect(struct writer *w)
{
	for (struct msg *next, *m = mailq_take(&w->queue); m; m = next) {
		next = m->next;
		m->next = NULL;
		*w->list_end = m;
		w->list_end = &m->next;
	}
}

static struct item *first(const struct writer *w)
{
	return w->list ? container_of(w->list, struct item, msg) : NULL;
}

static void first_free(struct writer *w)
{
	struct item *i = first(w);

	w->list = i->msg.next;
	if (!w->list)
		w->list_end = &w->list;
	atomic_fetch_sub(&w->queued, i->len);
	free(i);
}

/* ---- targets ----------------------------------------------------------------------- */

static void target_free(struct target *t)
{
	if (!t)
		return;
	dayfile_close(t->file);
	line_style_fini(&t->style);
	free(t);
}

static bool has_file(const struct writer *w)
{
	return w->target && w->target->file;
}

/* What the old one has of a line that it did not take as a whole the new one gets as a whole. */
static void target_set(struct writer *w, struct target *t)
{
	target_free(w->target);
	w->target = t;
	w->failing = false;
	while (w->batch_done && w->batch[w->batch_done - 1] != '\n')
		w->batch_done--;
	if (!t->file)
		w->batch_len = w->batch_done = 0;
}

/* The old target does not work: what waits for it goes to the one that was ordered last. */
static void orders_first(struct writer *w)
{
	struct msg **at = &w->list;

	while (*at) {
		struct item *i = container_of(*at, struct item, msg);

		if (i->len) {
			at = &i->msg.next;
			continue;
		}
		*at = i->msg.next;
		target_set(w, i->target);
		free(i);
	}
	w->list_end = at;
}

/* ---- lines ------------------------------------------------------------------------- */

/* Takes text over. */
static bool batch_add(struct writer *w, uint64_t time, char *text)
{
	size_t len = strlen(text);
	char *batch = realloc(w->batch, w->batch_len + len);

	if (batch) {
		w->batch = batch;
		memcpy(batch + w->batch_len, text, len);
		w->batch_len += len;
		w->batch_time = time;
	}
	free(text);
	return batch != NULL;
}

static void batch_lost(struct writer *w)
{
	unsigned long long lost = atomic_load(&w->trail.lost);
	uint64_t now = env_filetime(w->env);
	char *text;

	if (lost == w->told)
		return;
	text = line_print_lost(&w->target->style, now, lost - w->told);
	if (text && batch_add(w, now, text))
		w->told = lost;
}

/* False: it has to wait for what is in the batch. */
static bool batch_item(struct writer *w, const struct item *i)
{
	char *text;

	if (w->batch_len && (w->batch_len >= WRITER_BATCH_MAX ||
			     !dayfile_same_day(w->batch_time, i->event.time)))
		return false;
	text = line_print(&w->target->style, &i->event, i->clipped);
	if (!text || !batch_add(w, i->event.time, text))
		lose(w);
	return true;
}

static void batch_fill(struct writer *w)
{
	struct item *i;

	if (has_file(w))
		batch_lost(w);
	else
		w->told = atomic_load(&w->trail.lost);
	while ((i = first(w)) != NULL) {
		if (!i->len) {
			if (w->batch_len)
				return;
			target_set(w, i->target);
		} else if (has_file(w) && !batch_item(w, i)) {
			return;
		}
		first_free(w);
	}
}

static void say_failing(struct writer *w, int err)
{
	if (!w->failing)
		log_error("audit log: %s: %s; tried again every second",
			  dayfile_name(w->target->file), strerror(-err));
	w->failing = true;
}

static void say_works(struct writer *w)
{
	if (w->failing)
		log_info("audit log: %s is written again", dayfile_name(w->target->file));
	w->failing = false;
}

/* False: the disk does not take it. */
static bool batch_write(struct writer *w)
{
	while (w->batch_done < w->batch_len) {
		struct span rest = span_of(w->batch + w->batch_done,
					   w->batch_len - w->batch_done);
		ssize_t n = dayfile_write(w->target->file, w->batch_time, rest);

		if (n == -EINTR)
			continue;
		if (n < 0) {
			say_failing(w, (int)n);
			return false;
		}
		w->batch_done += (size_t)n;
	}
	say_works(w);
	free(TAKE(w->batch));
	w->batch_len = w->batch_done = 0;
	return true;
}

/* As much as there is. False: the disk does not take it. */
static bool write_all(struct writer *w)
{
	do {
		if (!w->batch_len)
			batch_fill(w);
		if (w->batch_len && !batch_write(w))
			return false;
	} while (w->list);
	return true;
}

static void say_caught_up(struct writer *w)
{
	if (atomic_exchange(&w->losing, false) &&
	    log_limit_ok(&w->said, LOSSES_SAID_A_SECOND, env_now_ns(w->env)))
		log_warn("audit log: written again; %llu events have been lost since the "
			 "start",
			 (unsigned long long)atomic_load(&w->trail.lost));
}

/* Until somebody wakes us, or for a while. */
static void pause_for(struct writer *w, int ms)
{
	struct pollfd p = {.fd = w->wake, .events = POLLIN};
	uint64_t count;

	(void)!poll(&p, 1, ms);
	(void)!read(w->wake, &count, sizeof(count));
}

static void *run(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		bool stopping = atomic_load(&w->stopping);

		collect(w);
		if (w->failing)
			orders_first(w);
		if (!write_all(w)) {
			if (stopping)
				return NULL;
			pause_for(w, WRITER_RETRY_MS);
			continue;
		}
		if (has_file(w))
			say_caught_up(w);
		if (stopping)
			return NULL;
		if (mailq_sleep(&w->queue)) {
			pause_for(w, -1);
			mailq_wake(&w->queue);
		}
	}
}

/* ---- from main --------------------------------------------------------------------- */

int writer_new(struct env *env, struct writer **ret_writer)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0) {
		free(w);
		return -errno;
	}
	w->trail.note = note;
	w->env = env;
	w->write = write;
	w->list_end = &w->list;
	mailq_init(&w->queue);
	*ret_writer = w;
	return 0;
}

struct trail *writer_trail(struct writer *w)
{
	return &w->trail;
}

void writer_write_by(struct writer *w,
		     ssize_t (*write_fn)(int fd, const void *p, size_t len))
{
	w->write = write_fn;
}

static int target_open(struct writer *w, const struct conf_audit_params *p,
		       const uint8_t *key, struct target *t)
{
	struct dayfile_settings s = {
		.path = p->path,
		.days = p->days,
		.uid = p->uid,
		.gid = p->gid,
		.write = w->write,
	};
	int err = line_style_init(&t->style, p, key);

	return err ? err : dayfile_open(&s, env_filetime(w->env), &t->file);
}

int writer_open(struct writer *w, const struct conf_audit_params *p, const uint8_t *key,
		struct target **ret_target)
{
	struct target *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return -ENOMEM;
	t->order = calloc(1, sizeof(*t->order));
	if (!t->order)
		err = -ENOMEM;
	if (!err && p)
		err = target_open(w, p, key, t);
	if (!err && !w->started) {
		err = thread_start(&w->thread, "tsmb-audit", run, w);
		w->started = !err;
	}
	if (err)
		writer_close(t);
	else
		*ret_target = t;
	return err;
}

void writer_close(struct target *t)
{
	free(TAKE(t->order));
	target_free(t);
}

void writer_turn(struct writer *w, struct target *t)
{
	struct item *order = TAKE(t->order);

	order->target = t;
	put(w, order);
}

static bool thread_join_within(struct writer *w, time_t seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	return pthread_timedjoin_np(w->thread, NULL, &until) == 0;
}

/* False: it hangs. However slow the disk is, it is waited for while it takes anything. */
static bool thread_end(struct writer *w)
{
	size_t left = SIZE_MAX;

	atomic_store(&w->stopping, true);
	wake(w);
	while (atomic_load(&w->queued) < left) {
		left = atomic_load(&w->queued);
		if (thread_join_within(w, WRITER_STOP_MS / 1000))
			return true;
	}
	log_error("audit log: the disk hangs: %zu bytes of events are not written", left);
	pthread_detach(w->thread);
	return false;
}

void writer_free(struct writer *w)
{
	if (!w || (w->started && !thread_end(w)))
		return;
	collect(w);
	if (has_file(w) && (w->list || w->batch_len))
		log_error("audit log: %zu bytes of events could not be written",
			  atomic_load(&w->queued) + w->batch_len - w->batch_done);
	while (w->list) {
		if (!first(w)->len)
			target_free(first(w)->target);
		first_free(w);
	}
	target_free(w->target);
	free(w->batch);
	close(w->wake);
	free(w);
}
