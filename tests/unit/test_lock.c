#include "base/lock.h"
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

TEST(lock_in_order_is_fine)
{
	struct lock table, sess, node;

	lock_init(&table, LOCK_RANK_TABLE);
	lock_init(&sess, LOCK_RANK_SESS);
	lock_init(&node, LOCK_RANK_NODE);
	for (int i = 0; i < 2; i++) {
		LOCK_SCOPE(&table);
		{
			LOCK_SCOPE(&sess);
			LOCK_SCOPE(&node);
		}
		LOCK_SCOPE(&node);
	}
	lock_fini(&table);
	lock_fini(&sess);
	lock_fini(&node);
}

struct tally {
	struct lock lock;
	unsigned count;
};

static void *count_up(void *arg)
{
	struct tally *t = arg;

	for (int i = 0; i < 10000; i++) {
		LOCK_SCOPE(&t->lock);
		t->count++;
	}
	return NULL;
}

TEST(lock_excludes)
{
	struct tally t = {0};
	pthread_t a, b;

	lock_init(&t.lock, LOCK_RANK_LEAF);
	CHECK_EQ(pthread_create(&a, NULL, count_up, &t), 0);
	CHECK_EQ(pthread_create(&b, NULL, count_up, &t), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	CHECK_EQ(t.count, 20000);
	lock_fini(&t.lock);
}

#ifdef TSMB_DEBUG
static bool dies(enum lock_rank first, enum lock_rank second)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct lock a, b;

		close(STDERR_FILENO);
		lock_init(&a, first);
		lock_init(&b, second);
		lock_take(&a);
		lock_take(&b);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(lock_out_of_order_aborts_in_debug_builds)
{
	CHECK(!dies(LOCK_RANK_SESS, LOCK_RANK_OPEN));
	CHECK(dies(LOCK_RANK_OPEN, LOCK_RANK_SESS));
	CHECK(dies(LOCK_RANK_SESS, LOCK_RANK_SESS));
	CHECK(dies(LOCK_RANK_LEAF, LOCK_RANK_TABLE));
}
#endif

TEST_MAIN()
