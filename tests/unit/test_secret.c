#include "base/secret.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(secret_slots_are_zeroed_and_aligned)
{
	for (size_t len = 0; len <= SECRET_LEN_MAX; len += 61) {
		uint8_t *p = secret_alloc(len);

		CHECK(p);
		CHECK_EQ((uintptr_t)p % 64, 0);
		for (size_t i = 0; i < len; i++)
			CHECK_EQ(p[i], 0);
		memset(p, 0xFF, len);
		secret_free(p);
	}
	CHECK_EQ(secret_count(), 0);
}

TEST(secret_longer_than_the_longest_slot)
{
	CHECK(!secret_alloc(SECRET_LEN_MAX + 1));
	CHECK(!secret_alloc(SIZE_MAX));
	secret_free(NULL);
}

TEST(secret_free_wipes)
{
	uint8_t *keep = secret_alloc(32),
		*p = secret_alloc(32); /* keep: the run stays open */

	CHECK(keep && p);
	memset(p, 0xAA, 32);
	secret_free(p);
	for (size_t i = 0; i < 32; i++)
		CHECK_EQ(((volatile uint8_t *)p)[i], 0);
	secret_free(keep);
}

/* Property: random lengths and life times; nothing overlaps, everything comes back wiped. */
TEST(secret_random_lives)
{
	enum { COUNT = 2000 };
	static struct {
		uint8_t *p;
		size_t len;
	} s[COUNT];
	unsigned seed = 5;

	for (int step = 0; step < 40000; step++) {
		size_t i = (size_t)rand_r(&seed) % COUNT;

		if (s[i].p) {
			for (size_t k = 0; k < s[i].len; k += 16)
				CHECK_EQ(s[i].p[k], (uint8_t)i);
			secret_free(s[i].p);
			s[i].p = NULL;
			continue;
		}
		s[i].len = (size_t)rand_r(&seed) % (SECRET_LEN_MAX >> rand_r(&seed) % 7);
		s[i].p = secret_alloc(s[i].len);
		CHECK(s[i].p);
		for (size_t k = 0; k < s[i].len; k++)
			CHECK_EQ(s[i].p[k], 0);
		memset(s[i].p, (int)i, s[i].len);
	}
	for (size_t i = 0; i < COUNT; i++)
		secret_free(s[i].p);
	CHECK_EQ(secret_count(), 0);
}

enum deed {
	WRITE_BEHIND_RUN,
	WRITE_BEFORE_REGION,
	FREE_TWICE,
	FREE_INSIDE,
	FREE_FOREIGN
};

static void do_deed(enum deed d)
{
	static uint8_t foreign[64];
	uint8_t *p = secret_alloc(SECRET_LEN_MAX);

	switch (d) {
	case WRITE_BEHIND_RUN:
		p[64 * 1024] = 1;
		break;
	case WRITE_BEFORE_REGION:
		p = secret_alloc(64);
		for (size_t i = 0; i < 128 * 1024; i += 64)
			((volatile uint8_t *)p)[-(ptrdiff_t)i] = 1;
		break;
	case FREE_TWICE:
		secret_free(p);
		secret_free(p);
		break;
	case FREE_INSIDE:
		secret_free(p + 64);
		break;
	case FREE_FOREIGN:
		secret_free(foreign);
	}
}

TEST(secret_misuse_ends_the_process)
{
	for (enum deed d = WRITE_BEHIND_RUN; d <= FREE_FOREIGN; d++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			signal(SIGSEGV,
			       SIG_DFL); /* cmocka would go on with the next test */
			setrlimit(RLIMIT_CORE, &(struct rlimit){0});
			do_deed(d);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), d <= WRITE_BEFORE_REGION ? SIGSEGV : SIGABRT);
	}
}

TEST(secret_is_not_seen_by_a_forked_child)
{
	uint8_t *p = secret_alloc(64);
	pid_t child;
	int status;

	CHECK(p);
	memset(p, 0x55, 64);
	child = fork();
	if (child == 0)
		_exit(*p);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK_EQ(*p, 0x55);
	secret_free(p);
}

/* "dd" in VmFlags: the kernel leaves the mapping out of core files. */
TEST(secret_is_left_out_of_core_files)
{
	uint8_t *p = secret_alloc(64);
	unsigned long from, to, at = (unsigned long)p;
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false, found = false;
	char line[512];

	CHECK(p && f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = at >= from && at < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") && strstr(line, " wf");
	}
	fclose(f);
	CHECK(found);
	secret_free(p);
}

TEST_MAIN()
