/*
 * seer.h - one who watches a directory of a volume of its own, and what it is told.
 */
#pragma once

#include "posix_fixture.h"

#include "fs/cred.h"
#include "fs/notify_impl.h"
#include "wire/smb2_proto.h"

#include <pthread.h>
#include <semaphore.h>

/* Every filter there is. */
enum { ALL = 0xfff };

/* A worker that waits for what the notify thread posts. */
struct home {
	struct mailbox mailbox;
	sem_t posted;
	struct msg *msgs[4]; /* the oldest is msgs[done % 4] */
	atomic_uint posts;
	unsigned done;
};

/* One open directory that is watched. */
struct seer {
	struct fix fix;
	struct home home;
	struct notify_server *server;
	struct vfile *dir;
	struct cred *cred;
	struct notify *notify;
	struct wait wait;
	int ended;
};

static inline void home_post(struct mailbox *mb, struct msg *m)
{
	struct home *h = container_of(mb, struct home, mailbox);

	h->msgs[atomic_fetch_add(&h->posts, 1) % ARRAY_LEN(h->msgs)] = m;
	sem_post(&h->posted);
}

static const struct mailbox_ops home_ops = {.post = home_post, .here = home_post};

static inline void seer_ended(struct wait *w)
{
	container_of(w, struct seer, wait)->ended++;
}

/* Until something has been posted here; a test that never gets there fails by the runner's limit. */
static inline void seer_run_one(struct seer *s)
{
	struct msg *m;

	while (sem_wait(&s->home.posted) < 0)
		;
	m = s->home.msgs[s->home.done++ % ARRAY_LEN(s->home.msgs)];
	m->run(m);
}

/* Until the wait has ended. */
static inline int seer_await(struct seer *s)
{
	seer_run_one(s);
	return s->wait.err;
}

static inline int seer_start(struct seer *s, uint32_t filter, bool tree)
{
	s->server->ops->start(s->server, s->dir, s->cred, filter, tree, &s->notify,
			      wait_arm(&s->wait, seer_ended));
	return seer_await(s);
}

static inline void seer_init_at(struct seer *s, enum notify_way way, const char *parent)
{
	*s = (struct seer){.home.mailbox.ops = &home_ops};
	fix_init_at(&s->fix, parent,
		    (struct posix_settings){.switch_credentials = cred_can_switch()});
	CHECK_EQ(sem_init(&s->home.posted, 0, 0), 0);
	wait_init(&s->wait, &s->home.mailbox);
	/* as a server that begins, which has given up nothing yet */
	bool admin = cred_security_begin() == 0;
	CHECK_EQ(kernel_notify_new(way, &s->server), 0);
	if (admin)
		cred_security_end();
	s->dir = vfile_get(s->fix.root);
}

static inline void seer_init_by(struct seer *s, enum notify_way way)
{
	seer_init_at(s, way, "/tmp");
}

static inline void seer_init(struct seer *s)
{
	seer_init_by(s, NOTIFY_BEST);
}

static inline void seer_fini(struct seer *s)
{
	if (s->notify)
		s->server->ops->free(s->notify);
	kernel_notify_free(s->server);
	vfile_put(s->dir);
	sem_destroy(&s->home.posted);
	fix_fini(&s->fix);
}

/* The notify thread comes no further than to what this one is told first. */
struct holder {
	struct notify *held;
	sem_t holds, go;
	pthread_t thread;
};

static inline void *hold(void *arg)
{
	struct holder *h = arg;

	LOCK_SCOPE(&h->held->lock);
	sem_post(&h->holds);
	while (sem_wait(&h->go) < 0)
		;
	return NULL;
}

static inline void holder_begin(struct holder *h, struct notify *held)
{
	h->held = held;
	CHECK_EQ(sem_init(&h->holds, 0, 0), 0);
	CHECK_EQ(sem_init(&h->go, 0, 0), 0);
	CHECK_EQ(pthread_create(&h->thread, NULL, hold, h), 0);
	while (sem_wait(&h->holds) < 0)
		;
}

static inline void holder_end(struct holder *h)
{
	sem_post(&h->go);
	pthread_join(h->thread, NULL);
	sem_destroy(&h->holds);
	sem_destroy(&h->go);
}

/* One character for each action, to write expectations in a line: "+new -old" and so on. */
static inline char action_char(uint32_t action)
{
	static const char chars[] = {
		[FILE_ACTION_ADDED] = '+',
		[FILE_ACTION_REMOVED] = '-',
		[FILE_ACTION_MODIFIED] = '!',
		[FILE_ACTION_RENAMED_OLD_NAME] = '<',
		[FILE_ACTION_RENAMED_NEW_NAME] = '>',
	};

	return action < ARRAY_LEN(chars) ? chars[action] : '?';
}

/* What the request that has just ended is told: "+a !a". */
static inline const char *seer_told(struct seer *s)
{
	bool overflow = false;
	struct notify_event *e = s->server->ops->take(s->notify, &s->fix.arena,
						      &overflow);
	char *text = arena_alloc(&s->fix.arena, 65536);
	size_t at = 0;

	for (text[0] = '\0'; e; e = e->next)
		at += (size_t)snprintf(text + at, 65536 - at, "%s%c%s", at ? " " : "",
				       action_char(e->action), e->name);
	return overflow ? "overflow" : text;
}

/* Wait for news, then all of them until nothing comes for 30 ms: "+a !a -b". */
static inline const char *seer_news(struct seer *s)
{
	char *text = arena_alloc(&s->fix.arena, 65536);
	bool overflow = false;
	size_t at = 0;

	s->server->ops->wait(s->notify, wait_park(&s->wait, seer_ended));
	CHECK_EQ(seer_await(s), 0);
	for (int quiet = 0; quiet < 2; quiet++) {
		struct notify_event *e = s->server->ops->take(s->notify, &s->fix.arena,
							      &overflow);

		if (overflow)
			return "overflow";
		for (; e; e = e->next) {
			at += (size_t)snprintf(text + at, 65536 - at, "%s%c%s",
					       at ? " " : "", action_char(e->action),
					       e->name);
			quiet = -1;
		}
		usleep(30000);
	}
	return text;
}

/* As many requests as it takes to be told of `last`: "+a !a -b". */
static inline const char *seer_told_up_to(struct seer *s, const char *last)
{
	char *text = arena_alloc(&s->fix.arena, 65536);
	size_t at = 0, len = strlen(last);

	do {
		s->server->ops->wait(s->notify, wait_park(&s->wait, seer_ended));
		CHECK_EQ(seer_await(s), 0);
		at += (size_t)snprintf(text + at, 65536 - at, "%s%s", at ? " " : "",
				       seer_told(s));
	} while (at < len || strcmp(text + at - len, last) != 0);
	return text;
}

static inline void do_write(struct seer *s, const char *rel)
{
	int fd = open(fix_path(&s->fix, rel), O_WRONLY);

	CHECK_EQ(write(fd, "x", 1), 1);
	close(fd);
}

static inline void do_rename(struct seer *s, const char *from, const char *to)
{
	CHECK_EQ(rename(fix_path(&s->fix, from), fix_path(&s->fix, to)), 0);
}
