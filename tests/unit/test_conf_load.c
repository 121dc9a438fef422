#include "conf_check.h"

#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[64];
	char file[96];
};

static struct place place_make(const char *text)
{
	struct place p = {.dir = "/tmp/tsmb-conf-XXXXXX"};

	assert_non_null(mkdtemp(p.dir));
	snprintf(p.file, sizeof(p.file), "%s/tsmb.conf", p.dir);
	if (text) {
		FILE *f = fopen(p.file, "we");

		fputs(text, f);
		fclose(f);
		chmod(p.file, 0644);
	}
	return p;
}

static void place_remove(struct place *p)
{
	unlink(p->file);
	rmdir(p->dir);
}

/* As check_span(), but from a file; its directory is shown as D. */
static struct check load(const char *path, const char *dir)
{
	struct conf_errors errs;
	struct check c = {0};
	size_t len;
	FILE *out = open_memstream(&c.report, &len);
	char line[1024], *at;

	conf_errors_init(&errs);
	c.err = conf_load(path, &c.conf, &errs);
	for (size_t i = 0; i < errs.count; i++) {
		conf_error_text(&errs, i, line, sizeof(line));
		while ((at = strstr(line, dir))) {
			*at = 'D';
			memmove(at + 1, at + strlen(dir), strlen(at + strlen(dir)) + 1);
		}
		fprintf(out, "%s\n", line);
	}
	fclose(out);
	conf_errors_fini(&errs);
	return c;
}

#define GLOBAL "[global]\nrequire_message_signing = true\n[/global]\n"

TEST(file_is_loaded)
{
	struct place p = place_make(GLOBAL
				    "[share]\nnetname = t\npath = /tmp\n[/share]\n");
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);

	CHECK_STR(c.report, "");
	CHECK_EQ(c.err, 0);
	CHECK_STR(c.conf->shares[0].path, "/tmp");
	CHECK(c.conf->server_name[0] != '\0');
	CHECK(c.conf->memory_max >= 16 << 20);
	place_remove(&p);
}

TEST(missing_file_is_told)
{
	struct place p = place_make(NULL);
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);

	CHECK_EQ(c.err, -EINVAL);
	CHECK_STR(c.report,
		  "D/tsmb.conf: file: cannot be read: No such file or directory\n");
	place_remove(&p);
}

TEST(directory_is_told)
{
	struct place p = place_make(NULL);
	CLEANUP(check_fini) struct check c = load(p.dir, p.dir);

	CHECK_EQ(c.err, -EINVAL);
	CHECK_STR(c.report, "D: file: cannot be read: Is a directory\n");
	place_remove(&p);
}

TEST(endless_file_is_told)
{
	CLEANUP(check_fini) struct check c = load("/dev/zero", "/none");

	CHECK_STR(c.report,
		  "/dev/zero: file: expected at most 4194304 bytes, found more\n");
}

TEST(unreadable_file_is_told)
{
	struct place p = place_make(GLOBAL);

	if (geteuid() == 0) {
		place_remove(&p);
		skip(); /* root reads everything */
	}
	chmod(p.file, 0);
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);
	CHECK_STR(c.report, "D/tsmb.conf: file: cannot be read: Permission denied\n");
	place_remove(&p);
}

TEST(faults_name_the_file)
{
	struct place p = place_make("[global]\nntlm = 0\n[/global]\n");
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);

	CHECK_STR(c.report,
		  "D/tsmb.conf:2:8: ntlm: expected true or false, found \"0\"\n");
	place_remove(&p);
}

TEST(what_a_share_lacks_in_the_world_is_a_warning)
{
	struct place p = place_make(
		GLOBAL
		"[share]\nnetname = a\npath = /nonexistent/a\n[/share]\n"
		"[share]\nnetname = b\npath = /dev/null\n"
		"force_user = no-such-user-x\nforce_group = no-such-group-x\npermissions "
		"= @no-such-group-y:no, @root:read\n[/share]\n");
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);

	CHECK_EQ(c.err, 0);
	CHECK_STR(c.report,
		  "D/tsmb.conf:4:1: warning: path: /nonexistent/a: No such file or "
		  "directory\n"
		  "D/tsmb.conf:8:1: warning: path: /dev/null: Not a directory\n"
		  "D/tsmb.conf:8:1: warning: force_user: no-such-user-x: no such user\n"
		  "D/tsmb.conf:8:1: warning: force_group: no-such-group-x: no such "
		  "group\n"
		  "D/tsmb.conf:8:1: warning: permissions: @no-such-group-y: no such "
		  "group\n");
	place_remove(&p);
}

TEST(file_that_anybody_may_write_is_a_warning)
{
	struct place p = place_make(GLOBAL);

	chmod(p.file, 0666);
	CLEANUP(check_fini) struct check c = load(p.file, p.dir);
	CHECK_STR(c.report,
		  "D/tsmb.conf: warning: file: mode 0666 lets everybody change it\n");
	place_remove(&p);
}

TEST(machine_is_read)
{
	struct conf_machine m;

	conf_machine_read(&m);
	CHECK(m.memory > 1 << 20);
	CHECK(m.cpu_count >= 1);
}

static char *file_text(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Two folders up from the vectors, which need not be there. */
static const char *sample_path(char *buf, size_t buf_len)
{
	const char *vectors = getenv("TSMB_VECTORS");

	assert_non_null(vectors);
	snprintf(buf, buf_len, "%.*spackaging/tsmb.conf",
		 (int)(strlen(vectors) - strlen("tests/vectors")), vectors);
	return buf;
}

TEST(packaged_sample_is_accepted)
{
	char path[4096];
	char *text = file_text(sample_path(path, sizeof(path)));
	CLEANUP(check_fini) struct check c = check_text(text);

	CHECK_STR(c.report, "");
	CHECK_EQ(c.err, 0);
	free(text);
}

/* Its settings that are commented out ("#name = value") are right as well. */
TEST(packaged_sample_is_accepted_with_every_setting_in_force)
{
	char path[4096];
	char *text = file_text(sample_path(path, sizeof(path)));

	for (char *c = text; *c; c++)
		if (c[0] == '#' && c[1] >= 'a' && c[1] <= 'z' &&
		    (c == text || c[-1] == '\n'))
			c[0] = ' ';
	CLEANUP(check_fini) struct check c = check_text(text);
	CHECK_STR(c.report, "");
	CHECK_EQ(c.err, 0);
	free(text);
}

TEST_MAIN()
