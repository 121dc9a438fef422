/* test_trail_writer.c - the audit log's queue: nobody waits for the disk, nothing is lost without being counted. */
#include "test.h"

#include "base/attr.h"
#include "base/log.h"
#include "net/clock.h"
#include "trail/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a disk that does as it is told: there is no other way to have it hang ------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool hangs;
	int err; /* what writing fails with; 0: it works */
	unsigned waiting;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static ssize_t disk_write(int fd, const void *p, size_t len)
{
	int err;

	pthread_mutex_lock(&disk.lock);
	disk.waiting++;
	pthread_cond_broadcast(&disk.changed);
	while (disk.hangs)
		pthread_cond_wait(&disk.changed, &disk.lock);
	disk.waiting--;
	err = disk.err;
	pthread_mutex_unlock(&disk.lock);
	if (!err)
		return write(fd, p, len);
	errno = err;
	return -1;
}

static void disk_set(bool hangs, int err)
{
	pthread_mutex_lock(&disk.lock);
	disk.hangs = hangs;
	disk.err = err;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

/* Until somebody is in write(). */
static void disk_wait(void)
{
	pthread_mutex_lock(&disk.lock);
	while (!disk.waiting)
		pthread_cond_wait(&disk.changed, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
}

/* ---- a writer over it ------------------------------------------------------------------------------------ */

struct bench {
	struct clock clock;
	struct writer *writer;
	char dir[64];
	char path[96];
};

static void bench_make(struct bench *b)
{
	disk_set(false, 0);
	snprintf(b->dir, sizeof(b->dir), "/tmp/tsmb-writer-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	clock_init(&b->clock);
	CHECK_EQ(writer_new(&b->clock.env, &b->writer), 0);
	writer_write_by(b->writer, disk_write);
}

static void bench_clear(struct bench *b)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	CHECK_EQ(system(command), 0);
}

static void turn_to(struct bench *b, const char *name)
{
	struct conf_audit_params p = {
		.path = b->path, .uid = CONF_ID_NONE, .gid = CONF_ID_NONE};
	struct target *t;

	snprintf(b->path, sizeof(b->path), "%s/%s", b->dir, name ? name : "");
	CHECK_EQ(writer_open(b->writer, name ? &p : NULL, NULL, &t), 0);
	writer_turn(b->writer, t);
}

static uint64_t now(struct bench *b)
{
	return env_filetime(&b->clock.env);
}

/* An event that can be told from others, with so much of a path. */
static void note(struct bench *b, enum trail_kind kind, uint64_t number, size_t path_len)
{
	struct trail *t = writer_trail(b->writer);
	char *path = calloc(1, path_len + 1);
	struct trail_event e = {
		.kind = kind, .time = now(b), .session_id = number, .path = path};

	memset(path, 'x', path_len);
	t->note(t, &e);
	free(path);
}

/* All day files of a name, as one text. */
static char *text_of(const struct bench *b, const char *name)
{
	char command[160], *text = NULL;
	size_t len = 0;
	FILE *p, *out = open_memstream(&text, &len);

	snprintf(command, sizeof(command), "cat %s/%s.*", b->dir, name);
	p = popen(command, "r");
	for (int c; (c = fgetc(p)) != EOF;)
		fputc(c, out);
	pclose(p);
	fclose(out);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static unsigned long long lost(const struct bench *b)
{
	return atomic_load(&writer_trail(b->writer)->lost);
}

TEST(writer_writes_in_order_until_its_end)
{
	struct bench b;
	char *text, *at, want[64];

	bench_make(&b);
	turn_to(&b, "a");
	for (uint64_t i = 1; i <= 1000; i++)
		note(&b, TRAIL_CREATE, i, 10);
	CHECK_EQ(lost(&b), 0);
	CHECK_EQ(atomic_load(&writer_trail(b.writer)->noted), 1000);
	writer_free(b.writer);
	at = text = text_of(&b, "a");
	for (uint64_t i = 1; i <= 1000; i++) {
		snprintf(want, sizeof(want), "\"session\":%ju,", (uintmax_t)i);
		at = strstr(at, want);
		assert_non_null(at);
	}
	CHECK_EQ(count(text, "\n"), 1000);
	free(text);
	bench_clear(&b);
}

TEST(writer_turns_between_two_events)
{
	struct bench b;
	char *text;

	bench_make(&b);
	note(&b, TRAIL_CREATE, 1, 1); /* to nobody, who is not a loss */
	turn_to(&b, "a");
	note(&b, TRAIL_CREATE, 2, 1);
	turn_to(&b, "b");
	note(&b, TRAIL_CREATE, 3, 1);
	turn_to(&b, NULL);
	note(&b, TRAIL_CREATE, 4, 1);
	turn_to(&b, "a");
	note(&b, TRAIL_CREATE, 5, 1);
	CHECK_EQ(lost(&b), 0);
	writer_free(b.writer);
	text = text_of(&b, "a");
	CHECK_EQ(count(text, "\n"), 2);
	CHECK(strstr(text, "\"session\":2") && strstr(text, "\"session\":5"));
	free(text);
	text = text_of(&b, "b");
	CHECK_EQ(count(text, "\n"), 1);
	CHECK(strstr(text, "\"session\":3"));
	free(text);
	bench_clear(&b);
}

TEST(a_disk_that_hangs_holds_nobody_up_and_what_is_lost_is_counted)
{
	enum { LEN = 4000, EVENTS = 2 * WRITER_QUEUE_MAX / LEN };
	unsigned long long gone;
	char want[64], *text;
	struct bench b;

	bench_make(&b);
	turn_to(&b, "a");
	disk_set(true, 0);
	note(&b, TRAIL_CREATE, 1, 1);
	disk_wait();
	for (uint64_t i = 2; i <= EVENTS; i++)
		note(&b, TRAIL_CREATE, i, LEN); /* returns, or the test would never end */
	gone = lost(&b);
	CHECK(gone > 0 && gone < EVENTS);
	CHECK_EQ(atomic_load(&writer_trail(b.writer)->noted) + gone, EVENTS);
	disk_set(false, 0);
	writer_free(b.writer);
	text = text_of(&b, "a");
	CHECK_EQ(count(text, "\"event\":\"create\""), EVENTS - gone);
	snprintf(want, sizeof(want), "\"event\":\"events_lost\",\"count\":%llu}", gone);
	CHECK_EQ(count(text, want), 1);
	free(text);
	bench_clear(&b);
}

TEST(a_full_disk_is_tried_again)
{
	struct bench b;
	char *text;

	bench_make(&b);
	turn_to(&b, "a");
	disk_set(true, ENOSPC);
	note(&b, TRAIL_CREATE, 1, 1);
	disk_wait();
	note(&b, TRAIL_CREATE, 2, 1);
	disk_set(false, ENOSPC);
	note(&b, TRAIL_CREATE, 3, 1);
	disk_set(false, 0);
	writer_free(b.writer); /* tries once more */
	text = text_of(&b, "a");
	CHECK_EQ(count(text, "\n"), 3);
	CHECK_EQ(count(text, "events_lost"), 0);
	free(text);
	bench_clear(&b);
}

static int broken_fd = -1; /* writing to it fails, as long as it is set */
static _Atomic bool broken_seen;

static ssize_t write_unless_broken(int fd, const void *p, size_t len)
{
	if (broken_fd < 0)
		broken_fd = fd;
	if (fd != broken_fd)
		return write(fd, p, len);
	broken_seen = true;
	errno = EIO;
	return -1;
}

TEST(what_waits_for_a_broken_disk_goes_to_another_one)
{
	struct bench b;
	char *text;

	bench_make(&b);
	broken_fd = -1;
	broken_seen = false;
	writer_write_by(b.writer, write_unless_broken);
	turn_to(&b, "a");
	note(&b, TRAIL_CREATE, 1, 1);
	while (!broken_seen)
		usleep(1000);
	note(&b, TRAIL_CREATE, 2, 1);
	turn_to(&b, "b");
	note(&b, TRAIL_CREATE, 3, 1);
	writer_free(b.writer);
	text = text_of(&b, "b");
	CHECK_EQ(count(text, "\n"), 3);
	free(text);
	bench_clear(&b);
}

TEST(refusals_do_not_drive_out_what_users_did)
{
	enum { LEN = 4000, EVENTS = 2 * WRITER_QUEUE_MAX / LEN };
	struct bench b;
	unsigned long long gone;

	bench_make(&b);
	turn_to(&b, "a");
	disk_set(true, 0);
	note(&b, TRAIL_CREATE, 1, 1);
	disk_wait();
	for (uint64_t i = 2; i <= EVENTS; i++)
		note(&b, TRAIL_REFUSED, i, LEN);
	gone = lost(&b);
	CHECK(gone > 0);
	for (uint64_t i = 1; i <= WRITER_QUEUE_MAX / 4 / LEN; i++)
		note(&b, TRAIL_DELETE, i, LEN);
	CHECK_EQ(lost(&b), gone);
	disk_set(false, 0);
	writer_free(b.writer);
	bench_clear(&b);
}

TEST(long_texts_are_cut_between_characters)
{
	struct bench b;
	char *text, *path;
	struct trail *t;

	bench_make(&b);
	turn_to(&b, "a");
	t = writer_trail(b.writer);
	path = calloc(1, 2 * LINE_TEXT_MAX + 8);
	path[0] = 'a'; /* so that two bytes each do not end where it is cut */
	for (size_t i = 0; i < LINE_TEXT_MAX; i++)
		memcpy(path + 1 + 2 * i, "\xc3\xa4", 2);
	t->note(t, &(struct trail_event){.time = now(&b), .path = path, .user = "u"});
	writer_free(b.writer);
	text = text_of(&b, "a");
	CHECK_EQ(count(text, "\xc3\xa4"), LINE_TEXT_MAX / 2 - 1);
	CHECK(strstr(text, "\"clipped\":true"));
	CHECK(!strstr(text, "\\\\x"));
	free(text);
	free(path);
	bench_clear(&b);
}

struct crowd {
	struct bench *bench;
	uint64_t first;
};

enum { CROWD = 4, EACH = 500 };

static void *crowd_note(void *arg)
{
	const struct crowd *c = arg;

	for (uint64_t i = 0; i < EACH; i++)
		note(c->bench, TRAIL_CREATE, c->first + i, 20);
	return NULL;
}

TEST(many_note_at_once)
{
	pthread_t threads[CROWD];
	struct crowd crowd[CROWD];
	struct bench b;
	char *text;

	bench_make(&b);
	turn_to(&b, "a");
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i] = (struct crowd){&b, 1 + i * EACH};
		CHECK_EQ(pthread_create(&threads[i], NULL, crowd_note, &crowd[i]), 0);
	}
	for (size_t i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(lost(&b), 0);
	writer_free(b.writer);
	text = text_of(&b, "a");
	CHECK_EQ(count(text, "\n"), CROWD * EACH);
	free(text);
	bench_clear(&b);
}

TEST(writer_that_never_wrote_ends)
{
	struct bench b;

	bench_make(&b);
	note(&b, TRAIL_CREATE, 1, 1);
	writer_free(b.writer);
	bench_clear(&b);
}

TEST_MAIN()
