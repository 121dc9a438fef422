/*
 * notify_queue.c - what the kernel has told and nobody has looked at yet, in its order.
 *
 * Who looks at one event may want to know what has happened since: a directory is listed, or its path asked for, as it is
 * now. So all that waits in the kernel can be read ahead, and walked, and is then looked at in its turn.
 */
#include "fs/notify_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CHUNK_BYTES = 65536, /* read at once */
	CHUNKS_MAX = 64,
};

/* What one read() gave. */
struct chunk {
	struct list_node node; /* notify_root->chunks */
	struct span rest;      /* what is behind the event that is looked at */
	_Alignas(max_align_t) uint8_t bytes[CHUNK_BYTES];
};

static struct chunk *chunk_of(struct list_node *node)
{
	return container_of(node, struct chunk, node);
}

int notify_queue_init(struct notify_root *r)
{
	r->spare = malloc(sizeof(*r->spare));
	return r->spare ? 0 : -ENOMEM;
}

void notify_queue_fini(struct notify_root *r)
{
	struct list_node *node;

	while ((node = list_pop(&r->chunks)))
		free(chunk_of(node));
	free(r->spare);
}

static struct chunk *chunk_get(struct notify_root *r)
{
	struct chunk *c = r->spare ? TAKE(r->spare) : malloc(sizeof(*c));

	r->chunk_count += c != NULL;
	return c;
}

static void chunk_put(struct notify_root *r, struct chunk *c)
{
	r->chunk_count--;
	free(r->spare);
	r->spare = c;
}

/* One read(). More than 0, or there is nothing, or -ENOBUFS: it is too much to remember. */
static ssize_t read_some(struct notify_root *r)
{
	struct chunk *c = r->chunk_count < CHUNKS_MAX ? chunk_get(r) : NULL;
	ssize_t n;

	if (!c)
		return -ENOBUFS;
	{
		LOCK_SCOPE(&r->lock);
		n = read(r->reader.fd, c->bytes, CHUNK_BYTES);
		c->rest = span_of(c->bytes, n > 0 ? (size_t)n : 0);
		if (list_empty(&r->chunks))
			r->seen = r->taken;
		r->taken += r->source->queued(c->rest);
	}
	if (n > 0)
		list_add_tail(&r->chunks, &c->node);
	else
		chunk_put(r, c);
	return n > 0 ? n : 0;
}

bool notify_read_ahead(struct notify_root *r)
{
	ssize_t n;

	do
		n = read_some(r);
	while (n > 0);
	return n == 0;
}

void notify_later(const struct notify_root *r, struct notify_later *ret)
{
	*ret = (struct notify_later){.chunk = r->chunks.next};
	if (!list_empty(&r->chunks))
		ret->rest = chunk_of(r->chunks.next)->rest;
}

struct span notify_later_next(const struct notify_root *r, struct notify_later *l)
{
	struct span event = r->source->next(&l->rest);

	while (!event.len && l->chunk != &r->chunks && l->chunk->next != &r->chunks) {
		l->chunk = l->chunk->next;
		l->rest = chunk_of(l->chunk)->rest;
		event = r->source->next(&l->rest);
	}
	return event;
}

/* What cannot be read of a chunk goes with it. */
static void look_at(struct notify_root *r, struct chunk *c)
{
	struct span event;

	while ((event = r->source->next(&c->rest)).len) {
		notify_reached(r);
		r->source->event(r, event);
		notify_tell(r);
		r->seen += r->source->queued(event);
	}
	list_del(&c->node);
	chunk_put(r, c);
}

bool notify_look(struct notify_root *r)
{
	bool any = false;

	do {
		while (!list_empty(&r->chunks)) {
			look_at(r, chunk_of(r->chunks.next));
			any = true;
		}
	} while (read_some(r) > 0);
	return any;
}
