/*
 * load.c - the parts of loading that ask the system.
 */
#include "conf/conf.h"
#include "conf/file.h"
#include "conf/lex.h"
#include "conf/lint.h"
#include "conf/param.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void free_p(char **p)
{
	free(*p);
}

/* The limit of the control group we are in; UINT64_MAX if there is none (version 2 only). */
static uint64_t cgroup_memory_max(void)
{
	enum { SMALL = 4096 };
	CLEANUP(free_p) char *self = NULL, *limit = NULL;
	char path[2 * SMALL];
	size_t len;
	char *group, *end;
	uint64_t max;

	if (conf_file_read("/proc/self/cgroup", SMALL, &self, &len, NULL))
		return UINT64_MAX;
	group = strstr(self, "0::/");
	if (!group)
		return UINT64_MAX;
	group += strlen("0::");
	group[strcspn(group, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
	if (conf_file_read(path, SMALL, &limit, &len, NULL))
		return UINT64_MAX;
	errno = 0;
	max = strtoull(limit, &end, 10);
	return end == limit || errno ? UINT64_MAX : max;
}

static uint64_t memory_size(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_len = sysconf(_SC_PAGESIZE);
	uint64_t ram = pages > 0 && page_len > 0 ? (uint64_t)pages * (uint64_t)page_len
						 : 0;
	uint64_t limit = cgroup_memory_max();

	return limit < ram ? limit : ram;
}

void conf_machine_read(struct conf_machine *ret_machine)
{
	struct conf_machine m = {.memory = memory_size(), .cpu_count = 1};
	cpu_set_t cpus;

	if (gethostname(m.host_name, sizeof(m.host_name) - 1) < 0)
		m.host_name[0] = '\0';
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0)
		m.cpu_count = (unsigned)CPU_COUNT(&cpus);
	*ret_machine = m;
}

static void check_mode(const char *path, struct conf_errors *errs)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH))
		conf_errors_warn(errs, (struct conf_place){0}, "file",
				 "mode %04o lets everybody change it",
				 (unsigned)(st.st_mode & 07777));
}

/* Whoever owns the configuration could name another file. */
static bool privileges_load(struct conf *c, const char *path, struct conf_errors *errs)
{
	const struct param *p = param_find(PARAM_GLOBAL, span_of_str("privilegedb"));
	struct stat st;
	uid_t owner = stat(path, &st) == 0 ? st.st_uid : 0;

	return privileges_read(c->privilegedb, strcmp(c->privilegedb, p->def) == 0, owner,
			       &c->arena, &c->privileges, errs);
}

int conf_load_text(struct span text, const char *path, struct conf **ret_conf,
		   struct conf_errors *errs)
{
	struct conf_machine machine;
	CLEANUP(conf_putp) struct conf *c = NULL;
	int err;

	conf_machine_read(&machine);
	err = conf_parse(text, path, &machine, &c, errs);
	if (err)
		return err;
	check_mode(path, errs);
	lint_world(c, errs);
	if (!privileges_load(c, path, errs))
		err = -EINVAL;
	conf_errors_sort(errs);
	if (!err)
		*ret_conf = TAKE(c);
	return err;
}

int conf_load(const char *path, struct conf **ret_conf, struct conf_errors *errs)
{
	CLEANUP(free_p) char *text = NULL;
	size_t len;
	int err;

	conf_errors_file(errs, path);
	err = conf_file_read(path, LEX_FILE_MAX, &text, &len, NULL);
	if (err == -EFBIG)
		conf_errors_add(errs, (struct conf_place){0}, "file",
				"expected at most %d bytes, found more", LEX_FILE_MAX);
	else if (err)
		conf_errors_add(errs, (struct conf_place){0}, "file",
				"cannot be read: %s", strerror(-err));
	if (err)
		return err == -ENOMEM ? -ENOMEM : -EINVAL;
	return conf_load_text(span_of(text, len), path, ret_conf, errs);
}
