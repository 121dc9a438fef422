/* test_userdb.c - the text user database: lines, faults with their places, changes in one
 * step. */
#include "auth/userdb.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[96];
static struct userdb_fault fault;

static void write_mode(const char *text, mode_t mode)
{
	FILE *f;

	if (!dir[0]) {
		strncpy(dir, "/tmp/test_userdb.XXXXXX", sizeof(dir) - 1);
		assert_non_null(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/users_db.txt", dir);
	}
	unlink(path); /* it may be one that nobody may write */
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	fclose(f);
	fault.text[0] = '\0';
}

static void write_db(const char *text)
{
	write_mode(text, 0600);
}

static const char *read_db(void)
{
	static char text[8192];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

#define HASH1 "00112233445566778899AABBCCDDEEFF"
#define HASH2 "ffeeddccbbaa99887766554433221100"

static const char three[] = "# head\n"
			    "alice::" HASH1 ":\n"
			    "\n"
			    "  # in between\n"
			    "Bob Smith:bob:" HASH2 ":disabled\n"
			    "J\xc3\xbcrgen:1000:" HASH2 ":\n";

TEST(finds_users)
{
	struct user u;

	write_db(three);
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), 0);
	CHECK_STR(u.name, "alice");
	CHECK_STR(user_account(&u), "alice");
	CHECK_EQ(u.nt_hash.b[0], 0x00);
	CHECK_EQ(u.nt_hash.b[15], 0xff);
	CHECK(!u.disabled);
	CHECK_EQ(userdb_find(path, "BOB smith", &u, &fault), 0);
	CHECK_STR(u.name, "Bob Smith");
	CHECK_STR(user_account(&u), "bob");
	CHECK(u.disabled);
	CHECK_EQ(userdb_find(path, "J\xc3\x9cRGEN", &u, &fault), 0);
	CHECK_STR(user_account(&u), "1000");
}

TEST(unknown_users_and_no_file)
{
	struct user u;

	write_db(three);
	CHECK_EQ(userdb_find(path, "ali", &u, &fault), -ENOENT);
	CHECK_EQ(userdb_find(path, "", &u, &fault), -ENOENT);
	CHECK_EQ(userdb_find(path, "# head", &u, &fault), -ENOENT);
	CHECK_EQ(userdb_find("/nonexistent/users", "alice", &u, &fault), -ENOENT);
	CHECK_STR(fault.text, "");
}

TEST(last_line_without_newline)
{
	struct user u;

	write_db("alice::" HASH1 ":");
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), 0);
	write_db("");
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), -ENOENT);
}

/* One wrong line, and nobody is found: not even who stands above it. */
TEST(faults_name_their_line)
{
	static const struct {
		const char *line;
		const char *want;
	} cases[] = {
		{"bob", "expected name:account:hash:flags"},
		{"bob::" HASH1, "expected name:account:hash:flags"},
		{"bob:" HASH1 ":", "expected name:account:hash:flags"},
		{"::" HASH1 ":", "the name is empty"},
		{" bob::" HASH1 ":", "the name begins with # or has a blank at an end"},
		{"b/ob::" HASH1 ":",
		 "the name holds a control character or one of \"/\\[]:;|=,+*?<>"},
		{"b\x01::" HASH1 ":",
		 "the name holds a control character or one of \"/\\[]:;|=,+*?<>"},
		{"b\xff::" HASH1 ":", "the name is not UTF-8"},
		{"bob:b ob:" HASH1 ":",
		 "the Unix account holds a colon, blank or control character"},
		{"bob::" HASH1 "0:", "the hash is not 32 hexadecimal digits"},
		{"bob::0011:", "the hash is not 32 hexadecimal digits"},
		{"bob::0x112233445566778899AABBCCDDEEFF:",
		 "the hash is not 32 hexadecimal digits"},
		{"bob::" HASH1 ":Disabled", "unknown flag: expected nothing or disabled"},
		{"bob::" HASH1 ":disabled,,",
		 "unknown flag: expected nothing or disabled"},
		{"bob::" HASH1 ":\r", "unknown flag: expected nothing or disabled"},
		{"bob::" HASH1 "::", "unknown flag: expected nothing or disabled"},
		{"ALICE::" HASH1 ":", "the user of line 2 again"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[512], want[256];
		struct user u;

		snprintf(text, sizeof(text), "\nalice::" HASH1 ":\n%s\n", cases[i].line);
		write_db(text);
		CHECK_EQ(userdb_find(path, "alice", &u, &fault), -EINVAL);
		snprintf(want, sizeof(want), "%s:3: %s", path, cases[i].want);
		CHECK_STR(fault.text, want);
	}
}

TEST(line_too_long)
{
	char text[6000];
	struct user u;

	memset(text, 'x', sizeof(text));
	memcpy(text, "\n\n", 2);
	text[sizeof(text) - 1] = '\0';
	write_db(text);
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), -EINVAL);
	CHECK(strstr(fault.text, "users_db.txt:3: line of more than"));
}

/* Lines lie across the ends of what is read at once. */
TEST(many_users)
{
	static char text[64 * 1024];
	size_t len = 0;
	struct user u;

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"user%d::" HASH1 ":\n", i);
	write_db(text);
	for (int i = 0; i < 1000; i += 37) {
		char name[32];

		snprintf(name, sizeof(name), "USER%d", i);
		CHECK_EQ(userdb_find(path, name, &u, &fault), 0);
		CHECK(strcasecmp(u.name, name) == 0);
	}
}

TEST(file_open_to_others_is_refused)
{
	static const mode_t modes[] = {0644, 0640, 0604, 0660, 0601};
	struct user u;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		write_mode(three, modes[i]);
		CHECK_EQ(userdb_find(path, "alice", &u, &fault), -EPERM);
		CHECK(strstr(fault.text, "chmod 600"));
	}
	write_mode(three, 0400);
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), 0);
}

TEST(file_of_somebody_else_is_refused)
{
	struct user u;

	write_db(three);
	if (geteuid() != 0) {
		skip();
		return;
	}
	CHECK_EQ(chown(path, 12345, 0), 0);
	CHECK_EQ(userdb_find(path, "alice", &u, &fault), -EPERM);
	CHECK(strstr(fault.text, "belongs to uid 12345"));
	CHECK_EQ(chown(path, 0, 0), 0);
}

TEST(directory_and_pipe_are_refused)
{
	char fifo[128];
	struct user u;

	write_db(three);
	CHECK_EQ(userdb_find(dir, "alice", &u, &fault), -EINVAL);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	CHECK_EQ(userdb_find(fifo, "alice", &u, &fault), -EINVAL);
	unlink(fifo);
}

static int count_users(const struct user *u, unsigned line, void *arg)
{
	return ++*(int *)arg == 100 ? -E2BIG : 0;
}

TEST(walk_sees_all)
{
	int count = 0;

	write_db(three);
	CHECK_EQ(userdb_walk(path, count_users, &count, &fault), 0);
	CHECK_EQ(count, 3);
	count = 98;
	CHECK_EQ(userdb_walk(path, count_users, &count, &fault), -E2BIG);
}

/* ---- changes ---- */

static int disable(struct user *u, bool exists, void *arg)
{
	if (!exists)
		return -ENOENT;
	u->disabled = true;
	return USERDB_PUT;
}

static int add(struct user *u, bool exists, void *arg)
{
	memset(u->nt_hash.b, 0xab, sizeof(u->nt_hash.b));
	snprintf(u->account, sizeof(u->account), "%s", (const char *)arg);
	return USERDB_PUT;
}

static int delete (struct user *u, bool exists, void *arg)
{
	return exists ? USERDB_DELETE : -ENOENT;
}

#define HASH_AB "ABABABABABABABABABABABABABABABAB"

TEST(edit_keeps_everything_else)
{
	write_db(three);
	CHECK_EQ(userdb_edit(path, "ALICE", disable, NULL, &fault), 0);
	CHECK_STR(read_db(), "# head\nalice::" HASH1
			     ":disabled\n\n  # in between\nBob Smith:bob:" HASH2
			     ":disabled\nJ\xc3\xbcrgen:1000:" HASH2 ":\n");
}

TEST(add_appends)
{
	write_db("alice::" HASH1 ":");
	CHECK_EQ(userdb_edit(path, "carol", add, (void *)"www", &fault), 0);
	CHECK_STR(read_db(), "alice::" HASH1 ":\ncarol:www:" HASH_AB ":\n");
}

TEST(add_makes_the_file)
{
	struct stat st;

	write_db("");
	unlink(path);
	umask(0);
	CHECK_EQ(userdb_edit(path, "carol", add, (void *)"", &fault), 0);
	CHECK(strncmp(read_db(), "# ", 2) == 0);
	CHECK(strstr(read_db(), "\ncarol::" HASH_AB ":\n"));
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
}

TEST(delete_drops_the_line)
{
	write_db(three);
	CHECK_EQ(userdb_edit(path, "bob smith", delete, NULL, &fault), 0);
	CHECK_STR(read_db(), "# head\nalice::" HASH1
			     ":\n\n  # in between\nJ\xc3\xbcrgen:1000:" HASH2 ":\n");
}

TEST(refused_change_changes_nothing)
{
	write_db(three);
	CHECK_EQ(userdb_edit(path, "nobody", disable, NULL, &fault), -ENOENT);
	CHECK_STR(fault.text, "");
	CHECK_STR(read_db(), three);
	CHECK_EQ(userdb_edit(path, "a:b", add, (void *)"", &fault), -EINVAL);
	CHECK(fault.text[0]);
	CHECK_STR(read_db(), three);
}

TEST(faulty_file_is_not_edited)
{
	write_db("alice::" HASH1 ":\nrubbish\n");
	CHECK_EQ(userdb_edit(path, "alice", disable, NULL, &fault), -EINVAL);
	CHECK(strstr(fault.text, "users_db.txt:2: expected"));
	CHECK_STR(read_db(), "alice::" HASH1 ":\nrubbish\n");
	write_mode(three, 0644);
	CHECK_EQ(userdb_edit(path, "alice", disable, NULL, &fault), -EPERM);
	CHECK_STR(read_db(), three);
}

TEST(symbolic_link_is_refused)
{
	char link[128];

	write_db(three);
	snprintf(link, sizeof(link), "%s/link", dir);
	CHECK_EQ(symlink(path, link), 0);
	CHECK_EQ(userdb_edit(link, "alice", disable, NULL, &fault), -ELOOP);
	CHECK_STR(read_db(), three);
	unlink(link);
}

/* A reader sees the old file or the new one, whole, and a descriptor on the old one keeps it. */
TEST(replaced_in_one_step)
{
	struct stat before, after, held;
	int fd;

	write_db(three);
	fd = open(path, O_RDONLY);
	CHECK_EQ(fstat(fd, &before), 0);
	CHECK_EQ(userdb_edit(path, "alice", disable, NULL, &fault), 0);
	CHECK_EQ(stat(path, &after), 0);
	CHECK(before.st_ino != after.st_ino);
	CHECK_EQ(fstat(fd, &held), 0);
	CHECK_EQ(held.st_size, before.st_size);
	close(fd);
}

TEST(what_a_dead_writer_left_does_not_matter)
{
	char draft[128];
	FILE *f;

	write_db(three);
	snprintf(draft, sizeof(draft), "%s.new", path);
	f = fopen(draft, "w");
	fputs("half a l", f);
	fclose(f);
	CHECK_EQ(userdb_edit(path, "alice", delete, NULL, &fault), 0);
	CHECK_EQ(access(draft, F_OK), -1);
	CHECK(!strstr(read_db(), "alice"));
}

/* Eight writers at once, ten users each: none is lost. */
TEST(writers_do_not_lose_each_other)
{
	int count = 0;

	write_db("");
	for (int w = 0; w < 8; w++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < 10; i++) {
			char name[32];

			snprintf(name, sizeof(name), "u%d-%d", w, i);
			if (userdb_edit(path, name, add, (void *)"", &fault) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int w = 0; w < 8; w++) {
		int status;

		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	CHECK_EQ(userdb_walk(path, count_users, &count, &fault), 0);
	CHECK_EQ(count, 80);
}

static void entry(struct userdb_entry *e, const char *name, uint8_t hash, bool disabled)
{
	*e = (struct userdb_entry){.user = {.disabled = disabled}};
	snprintf(e->user.name, sizeof(e->user.name), "%s", name);
	memset(e->user.nt_hash.b, hash, sizeof(e->user.nt_hash.b));
}

TEST(import_adds_all_or_none)
{
	struct userdb_entry e[3];

	write_db(three);
	entry(&e[0], "carol", 0x11, false);
	entry(&e[1], "BOB smith", 0x22, false);
	entry(&e[2], "dave", 0x33, true);
	CHECK_EQ(userdb_import(path, e, 3, false, &fault), -EEXIST);
	CHECK_STR(fault.text, "");
	CHECK_STR(read_db(), three);
	CHECK(!e[0].existed);
	CHECK(e[1].existed);
	CHECK_EQ(userdb_import(path, e, 3, true, &fault), 0);
	CHECK_STR(read_db(), "# head\n"
			     "alice::" HASH1 ":\n"
			     "\n"
			     "  # in between\n"
			     "Bob Smith:bob:22222222222222222222222222222222:\n"
			     "J\xc3\xbcrgen:1000:" HASH2 ":\n"
			     "carol::11111111111111111111111111111111:\n"
			     "dave::33333333333333333333333333333333:disabled\n");
}

TEST(import_into_a_faulty_file_changes_nothing)
{
	struct userdb_entry e;

	write_db("alice::" HASH1 ":\nbob\n");
	entry(&e, "carol", 0x11, false);
	CHECK_EQ(userdb_import(path, &e, 1, true, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, ":2: expected name:account:hash:flags"));
	CHECK_STR(read_db(), "alice::" HASH1 ":\nbob\n");
}

TEST(import_makes_a_file)
{
	struct userdb_entry e;
	struct user u;
	struct stat st;

	write_db("");
	CHECK_EQ(unlink(path), 0);
	entry(&e, "carol", 0x11, false);
	CHECK_EQ(userdb_import(path, &e, 1, false, &fault), 0);
	CHECK_EQ(userdb_find(path, "CAROL", &u, &fault), 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
}

TEST(cleans_up)
{
	char lock[128];

	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
	CHECK_EQ(rmdir(dir), 0); /* nothing was left behind */
}

TEST_MAIN()
