/*
 * posix_closer.c - closing what takes its time, on a thread of the volume's own: the last handle of a large file
 *                  whose name is gone gives back its blocks, a network file system sends what it still holds, and what
 *                  was mapped of a large file is unmapped.
 *
 * Handles are closed wherever their last reference goes, which may be a worker. The thread is made when it is needed
 * first; if that fails, the closer does it himself.
 */
#include "fs/posix_impl.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

struct posix_closer {
	sem_t work;
	pthread_t thread;
	struct lock lock;       /* leaf */
	bool running, stop;     /* L */
	struct list_node files; /* L  posix_file.closing */
};

static struct posix_file *next(struct posix_closer *c, bool *ret_stop)
{
	struct list_node *node;

	LOCK_SCOPE(&c->lock);
	node = list_pop(&c->files);
	*ret_stop = c->stop && !node;
	return node ? container_of(node, struct posix_file, closing) : NULL;
}

static void *closer_run(void *data)
{
	struct posix_closer *c = data;
	struct posix_file *f;
	bool stop = false;

	while (!stop) {
		while (sem_wait(&c->work) < 0 && errno == EINTR)
			;
		f = next(c, &stop);
		if (f)
			posix_file_free(f);
	}
	return NULL;
}

struct posix_closer *posix_closer_new(void)
{
	struct posix_closer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (sem_init(&c->work, 0, 0) < 0) {
		free(c);
		return NULL;
	}
	lock_init(&c->lock, LOCK_RANK_LEAF);
	list_init(&c->files);
	return c;
}

void posix_closer_free(struct posix_closer *c)
{
	if (!c)
		return;
	{
		LOCK_SCOPE(&c->lock);
		c->stop = true;
	}
	sem_post(&c->work);
	if (c->running)
		pthread_join(c->thread, NULL);
	lock_fini(&c->lock);
	sem_destroy(&c->work);
	free(c);
}

static bool take(struct posix_closer *c, struct posix_file *f)
{
	LOCK_SCOPE(&c->lock);
	if (!c->running)
		c->running = pthread_create(&c->thread, NULL, closer_run, c) == 0;
	if (c->running)
		list_add_tail(&c->files, &f->closing);
	return c->running;
}

/*
 * Looking costs each close a call, so it is left out for what was small and cannot have been written to through f: if it
 * grew nevertheless, whoever wrote it, or removed its name, has seen that, and f may be its last handle.
 */
static bool is_slow(const struct posix_file *f)
{
	struct stat st;

	if (f->type != VFS_FILE)
		return false;
	if (!f->fs->local)
		return f->data;
	if (posix_windows_are_large(f->vol->windows, f))
		return true;
	if (f->small &&
	    f->ino != atomic_load_explicit(&f->vol->large_gone, memory_order_relaxed))
		return false;
	if (fstat(f->fd, &st) < 0 || st.st_nlink || st.st_blocks <= POSIX_QUICK_BLOCKS)
		return false;
	atomic_store_explicit(&f->vol->large_gone, st.st_ino, memory_order_relaxed);
	return true;
}

void posix_closer_close(struct posix_closer *c, struct posix_file *f)
{
	if (is_slow(f) && take(c, f))
		sem_post(&c->work);
	else
		posix_file_free(f);
}
