#include "fs/posix_tunnel.h"

#include "base/lock.h"
#include "fs/short_name.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A name that went. */
struct gone {
	uint64_t dev, ino; /* of its directory	*/
	time_t when;       /* monotonic; 0: none	*/
	char made[SHORT_NAME_LEN + 1];
	char name[NAME_MAX + 1];
};

struct posix_tunnel {
	struct lock lock;                    /* leaf */
	size_t next;                         /* L  the oldest */
	struct gone names[POSIX_TUNNEL_MAX]; /* L */
};

struct posix_tunnel *posix_tunnel_new(void)
{
	struct posix_tunnel *t = calloc(1, sizeof(*t));

	if (t)
		lock_init(&t->lock, LOCK_RANK_LEAF);
	return t;
}

void posix_tunnel_free(struct posix_tunnel *t)
{
	if (!t)
		return;
	lock_fini(&t->lock);
	free(t);
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec + 1;
}

static uint64_t dev_of(const struct statx *stx)
{
	return (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor;
}

void posix_tunnel_gone(struct posix_tunnel *t, const struct statx *dir_stx,
		       const char *name)
{
	struct gone g = {
		.dev = dev_of(dir_stx), .ino = dir_stx->stx_ino, .when = now_s()};
	size_t len = strlen(name);

	if (len > NAME_MAX || !short_name_is_given(name))
		return;
	short_name_of(name, g.made);
	memcpy(g.name, name, len + 1);

	LOCK_SCOPE(&t->lock);
	t->names[t->next] = g;
	t->next = (t->next + 1) % POSIX_TUNNEL_MAX;
}

/* The one that went last, if there are several. */
bool posix_tunnel_find(struct posix_tunnel *t, const struct statx *dir_stx,
		       const char *made, char *real)
{
	time_t now = now_s();

	LOCK_SCOPE(&t->lock);
	for (size_t i = 1; i <= POSIX_TUNNEL_MAX; i++) {
		size_t at = (t->next + POSIX_TUNNEL_MAX - i) % POSIX_TUNNEL_MAX;
		const struct gone *g = &t->names[at];

		if (!g->when || now - g->when > POSIX_TUNNEL_S)
			return false;
		if (g->ino != dir_stx->stx_ino || g->dev != dev_of(dir_stx) ||
		    strcasecmp(g->made, made) != 0)
			continue;
		memcpy(real, g->name, strlen(g->name) + 1);
		return true;
	}
	return false;
}
