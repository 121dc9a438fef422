/* usage.c - see usage.h; the fields are those of proc(5). */
#include "load/usage.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LEN = 4096, STAT_LEN = 1024 };

struct process {
	pid_t pid, parent;
	double waited_s; /* CPU of children that it has waited for */
	bool ours;
};

struct processes {
	struct process *list;
	size_t count, cap;
};

static bool read_text(const char *path, char *room, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(room, 1, size - 1, f);
	room[n] = '\0';
	fclose(f);
	return n > 0;
}

static bool process_read(pid_t pid, struct process *ret)
{
	char path[64], text[STAT_LEN], *fields;
	long cutime, cstime;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	fields = strrchr(text, ')'); /* the name may hold anything */
	if (!fields || sscanf(fields + 1,
			      " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld "
			      "%ld",
			      &parent, &cutime, &cstime) != 3)
		return false;
	*ret = (struct process){
		.pid = pid,
		.parent = parent,
		.waited_s = (double)(cutime + cstime) / (double)sysconf(_SC_CLK_TCK),
	};
	return true;
}

static void process_add(struct processes *all, struct process p)
{
	if (all->count == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 256;
		all->list = realloc(all->list, all->cap * sizeof(*all->list));
		if (!all->list)
			abort();
	}
	all->list[all->count++] = p;
}

static int processes_read(struct processes *all)
{
	DIR *d = opendir("/proc");

	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct process p;
		long pid = strtol(e->d_name, NULL, 10);

		if (pid > 0 && process_read((pid_t)pid, &p))
			process_add(all, p);
	}
	closedir(d);
	return 0;
}

static bool is_ours(const struct processes *all, const struct process *p)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].ours && all->list[i].pid == p->parent)
			return true;
	return false;
}

/* Mark the descendants of root. They need not come after their parents: numbers wrap. */
static bool processes_mark(struct processes *all, pid_t root)
{
	bool found = false, more = true;

	for (size_t i = 0; i < all->count; i++)
		found |= all->list[i].ours = all->list[i].pid == root;
	while (more) {
		more = false;
		for (size_t i = 0; i < all->count; i++)
			if (!all->list[i].ours && is_ours(all, &all->list[i]))
				more = all->list[i].ours = true;
	}
	return found;
}

static double process_cpu(const struct process *p)
{
	struct timespec ts = {0};
	clockid_t clock;

	if (clock_getcpuclockid(p->pid, &clock) == 0)
		(void)clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 + p->waited_s;
}

/* A line "key: N kB". */
static uint64_t kilobytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

static void process_memory(const struct process *p, struct usage *u)
{
	char path[64], text[PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)p->pid);
	if (!read_text(path, text, sizeof(text)))
		return;
	u->rss += kilobytes(text, "\nRss:");
	u->pss += kilobytes(text, "\nPss:");
}

static uint64_t socket_bytes(void)
{
	char text[PATH_LEN];
	const char *at;

	if (!read_text("/proc/net/sockstat", text, sizeof(text)))
		return 0;
	at = strstr(text, "\nTCP:");
	at = at ? strstr(at, " mem ") : NULL;
	return at ? strtoull(at + 5, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int cgroup_cpu(const char *cgroup, double *ret_s)
{
	char path[PATH_LEN], text[PATH_LEN];
	const char *at;

	*ret_s = -1;
	if (!cgroup)
		return 0;
	snprintf(path, sizeof(path), "%s/cpu.stat", cgroup);
	if (!read_text(path, text, sizeof(text)))
		return -ENOENT;
	at = strstr(text, "usage_usec ");
	if (!at)
		return -ENOENT;
	*ret_s = (double)strtoull(at + strlen("usage_usec "), NULL, 10) / 1e6;
	return 0;
}

int usage_sample(pid_t root, const char *cgroup, enum usage_of what, struct usage *ret)
{
	struct processes all = {0};
	struct usage u = {0};
	int err = processes_read(&all);

	if (!err && !processes_mark(&all, root))
		err = -ESRCH;
	if (!err)
		err = cgroup_cpu(cgroup, &u.cgroup_s);
	for (size_t i = 0; !err && i < all.count; i++) {
		if (!all.list[i].ours)
			continue;
		u.processes++;
		u.cpu_s += process_cpu(&all.list[i]);
		if (what == USAGE_MEMORY)
			process_memory(&all.list[i], &u);
	}
	if (!err && what == USAGE_MEMORY)
		u.sockets = socket_bytes();
	free(all.list);
	if (!err)
		*ret = u;
	return err;
}
