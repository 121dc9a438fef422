/*
 * A change of the configuration: the server and the file, or neither.
 */
#include "ctl/config.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char before[] =
	"[global]\n# mine\n[/global]\n\n[share]\nnetname = A\npath = "
	"/srv\n[/share]\n";

/* A server that does as it is told, and notes what it served by. */
struct fake {
	struct config config;
	char dir[64], path[128];
	struct conf *current;
	unsigned applied;
	bool refuses, loses_file;
};

static int fake_apply(void *arg, struct conf *conf, struct config_applied *ret)
{
	struct fake *f = arg;
	char path[256];

	f->applied++;
	if (f->refuses) {
		snprintf(ret->why, sizeof(ret->why), "not today");
		return -EBUSY;
	}
	if (f->loses_file) { /* what was prepared is gone: it cannot be committed */
		snprintf(path, sizeof(path), "%s.new", f->path);
		unlink(path);
	}
	ret->sessions_held = 7;
	conf_put(f->current);
	f->current = conf_get(conf);
	return 0;
}

static struct conf *fake_current(void *arg)
{
	return ((struct fake *)arg)->current;
}

static const struct config_ops fake_ops = {fake_apply, fake_current};

static void fake_start(struct fake *f, const char *text)
{
	struct conf_errors errs;
	FILE *out;

	*f = (struct fake){.config = {.ops = &fake_ops}};
	f->config.arg = f;
	snprintf(f->dir, sizeof(f->dir), "/tmp/tsmb-config-XXXXXX");
	CHECK(mkdtemp(f->dir) != NULL);
	snprintf(f->path, sizeof(f->path), "%s/c", f->dir);
	f->config.path = f->path;
	out = fopen(f->path, "we");
	CHECK(out != NULL);
	fputs(text, out);
	fclose(out);
	conf_errors_init(&errs);
	if (conf_load(f->path, &f->current, &errs) != 0)
		f->current = NULL;
	conf_errors_fini(&errs);
}

static void fake_end(struct fake *f)
{
	char path[256];

	conf_put(f->current);
	unlink(f->path);
	snprintf(path, sizeof(path), "%s.lock", f->path);
	unlink(path);
	CHECK_EQ(rmdir(f->dir), 0); /* nothing else was left */
}

static void check_file(const struct fake *f, const char *want)
{
	char text[4096] = "";
	FILE *in = fopen(f->path, "re");
	size_t n = fread(text, 1, sizeof(text) - 1, in);

	fclose(in);
	CHECK_EQ(n, strlen(want));
	CHECK_STR(text, want);
}

static json_t *call(struct fake *f, const char *name, const char *args,
		    struct ctl_error *e)
{
	json_t *a = json_loads(args, 0, NULL);
	json_t *result = config_call(&f->config, name, a, e);

	json_decref(a);
	return result;
}

TEST(config_change_is_in_force_and_in_the_file)
{
	struct ctl_error e;
	struct fake f;
	json_t *r, *c;

	fake_start(&f, before);
	r = call(&f, "config.set", "{\"set\":{\"encrypt_data\":true}}", &e);
	CHECK(r != NULL);
	CHECK_EQ(f.applied, 1);
	CHECK(f.current->encrypt_data);
	check_file(&f, "[global]\nencrypt_data = true\n# mine\n[/global]\n\n[share]\n"
		       "netname = A\npath = /srv\n[/share]\n");
	CHECK_EQ(json_integer_value(json_object_get(r, "sessions_held")), 7);
	CHECK(json_is_true(json_object_get(r, "written")));
	c = json_array_get(json_object_get(r, "changes"), 0);
	CHECK_STR(json_string_value(json_object_get(c, "applies")), "now");
	CHECK_EQ(json_array_size(json_object_get(r, "changes")), 2); /* and share A's */
	json_decref(r);
	fake_end(&f);
}

/* The tools would not find the server any more. */
TEST(config_runstate_dir_of_a_running_server_stays)
{
	static const char args[] = "{\"set\":{\"runstate_dir\":\"/elsewhere\"}}";
	struct ctl_error e;
	struct fake f;
	json_t *r;

	fake_start(&f, before);
	CHECK(call(&f, "config.set", args, &e) == NULL);
	CHECK_EQ(e.code, CTL_REFUSED);
	CHECK(strncmp(e.text, "runstate_dir: ", 14) == 0);
	CHECK_EQ(f.applied, 0);
	check_file(&f, before);
	f.config.ops = NULL; /* no server: it is the file's alone */
	r = call(&f, "config.set", args, &e);
	CHECK(r != NULL);
	json_decref(r);
	fake_end(&f);
}

static size_t warnings_of(json_t *r)
{
	size_t n = json_array_size(json_object_get(r, "warnings"));

	CHECK(r != NULL);
	json_decref(r);
	return n;
}

/* Who changes one thing is not told again what is doubtful elsewhere; who asks for all is. */
TEST(config_a_change_warns_of_what_it_changes)
{
	static const char share[] = "{\"set\":{\"netname\":\"%s\",\"path\":\"%s\"}}";
	char args[256];
	struct ctl_error e;
	struct fake f;

	fake_start(&f, before);
	CHECK_EQ(warnings_of(call(&f, "config.reload", "{}", &e)), 1); /* open to all */
	CHECK_EQ(warnings_of(
			 call(&f, "config.set", "{\"set\":{\"encrypt_data\":true}}", &e)),
		 0);
	for (unsigned i = 0; i < 2; i++) { /* of the second one, too */
		snprintf(args, sizeof(args), share, i ? "C" : "B", "/no/such/folder");
		CHECK_EQ(warnings_of(call(&f, "config.share-add", args, &e)), 1);
	}
	snprintf(args, sizeof(args), share, "D", "/");
	CHECK_EQ(warnings_of(call(&f, "config.share-add", args, &e)), 0);
	CHECK_EQ(warnings_of(call(&f, "config.reload", "{}", &e)), 3);
	fake_end(&f);
}

TEST(config_that_the_server_refuses_changes_nothing)
{
	struct ctl_error e;
	struct fake f;

	fake_start(&f, before);
	f.refuses = true;
	CHECK(!call(&f, "config.set", "{\"set\":{\"encrypt_data\":true}}", &e));
	CHECK_EQ(e.code, CTL_REFUSED);
	CHECK_STR(e.text, "not today");
	CHECK(!f.current->encrypt_data);
	check_file(&f, before);
	fake_end(&f);
}

TEST(config_that_cannot_be_written_is_taken_back)
{
	struct ctl_error e;
	struct fake f;

	fake_start(&f, before);
	f.loses_file = true;
	CHECK(!call(&f, "config.set", "{\"set\":{\"encrypt_data\":true}}", &e));
	CHECK(strstr(e.text, "cannot be replaced"));
	CHECK_EQ(f.applied, 2);
	CHECK(!f.current->encrypt_data);
	check_file(&f, before);
	fake_end(&f);
}

TEST(config_with_an_error_reaches_nobody)
{
	static const char wrong[] = "[global]\nencrypt_data = perhaps\nlog_level = x\n"
				    "[/global]\n";
	struct ctl_error e;
	struct fake f;

	fake_start(&f, wrong);
	CHECK(!call(&f, "config.reload", "{}", &e));
	CHECK(strstr(e.text, ":2:16: encrypt_data: expected true or false"));
	CHECK(strstr(e.text, ":3:13: log_level: expected"));
	CHECK(!call(&f, "config.share-add",
		    "{\"set\":{\"netname\":\"B\",\"path\":\"/srv\"}}", &e));
	CHECK_EQ(f.applied, 0);
	check_file(&f, wrong);
	fake_end(&f);
}

TEST(config_all_errors_of_a_change_are_told)
{
	struct ctl_error e;
	struct fake f;

	fake_start(&f, before);
	CHECK(!call(&f, "config.share-add", "{\"set\":{\"netname\":\"B\"}}", &e));
	CHECK(strstr(e.text, "path: expected once in [share], found none"));
	CHECK(!call(&f, "config.set", "{\"set\":{\"log_destination\":\"file\"}}", &e));
	CHECK(strstr(e.text, "file needs a line log_params"));
	CHECK_EQ(f.applied, 0);
	check_file(&f, before);
	fake_end(&f);
}

TEST(config_lines_are_added_to_the_default)
{
	struct ctl_error e;
	struct fake f;
	json_t *r;

	fake_start(&f, "[global]\n[/global]\n");
	r = call(&f, "config.add",
		 "{\"name\":\"listen\",\"value\":\"lo,127.0.0.1,IPv4,4450\"}", &e);
	CHECK(r != NULL);
	json_decref(r);
	check_file(&f,
		   "[global]\nlisten = ANY,0.0.0.0,IPv4,445,DIRECT_TCP\nlisten = ANY,::,"
		   "IPv6,445,DIRECT_TCP\nlisten = lo,127.0.0.1,IPv4,4450\n[/global]\n");
	CHECK(!call(
		&f, "config.add",
		"{\"name\":\"listen\",\"value\":\"lo,127.0.0.1,IPv4,4450,DIRECT_TCP\"}",
		&e));
	CHECK(strstr(e.text, "is there already"));
	r = call(&f, "config.del",
		 "{\"name\":\"listen\",\"value\":\"ANY,::,IPv6,445,DIRECT_TCP\"}", &e);
	CHECK(r != NULL);
	json_decref(r);
	CHECK_EQ(f.current->listen.count, 2);
	fake_end(&f);
}

TEST(config_what_is_unset_has_its_default)
{
	struct ctl_error e;
	struct fake f;
	json_t *r;

	fake_start(&f, "[global]\nsessions_max = 5\n[/global]\n");
	r = call(&f, "config.set", "{\"set\":{\"sessions_max\":null,\"log_level\":4}}",
		 &e);
	CHECK(r != NULL);
	json_decref(r);
	check_file(&f, "[global]\nlog_level = 4\n[/global]\n");
	CHECK_EQ(f.current->sessions_max, 0);
	fake_end(&f);
}

TEST(config_file_alone)
{
	struct ctl_error e;
	struct fake f;
	json_t *r;

	fake_start(&f, before);
	f.config.ops = NULL;
	r = call(&f, "config.share-update",
		 "{\"share\":\"a\",\"set\":{\"netname\":\"B\",\"remark\":\"x\"}}", &e);
	CHECK(r != NULL);
	CHECK(json_is_false(json_object_get(r, "running")));
	json_decref(r);
	check_file(&f, "[global]\n# mine\n[/global]\n\n[share]\nnetname = B\npath = "
		       "/srv\nremark = x\n[/share]\n");
	r = call(&f, "config.show", "{}", &e);
	CHECK_EQ(json_array_size(json_object_get(r, "shares")), 1);
	json_decref(r);
	r = call(&f, "config.share-del", "{\"share\":\"b\"}", &e);
	CHECK(r != NULL);
	json_decref(r);
	check_file(&f, "[global]\n# mine\n[/global]\n");
	CHECK_EQ(f.applied, 0);
	fake_end(&f);
}

TEST(config_show_has_every_parameter)
{
	struct ctl_error e;
	struct fake f;
	json_t *r, *share;

	fake_start(&f, before);
	r = call(&f, "config.show", "{}", &e);
	share = json_array_get(json_object_get(r, "shares"), 0);
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];
		const json_t *owner = p->scope == PARAM_GLOBAL
					      ? json_object_get(r, "global")
					      : share;

		CHECK_EQ(json_object_get(owner, p->name) != NULL,
			 p->status == PARAM_EFFECTIVE);
	}
	json_decref(r);
	fake_end(&f);
}

TEST_MAIN()
