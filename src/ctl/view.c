#include "ctl/view.h"

#include "smb/share.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux 6.2 says it in the size of the directory; before, it has to be read. */
static uint64_t descriptors_count(void)
{
	uint64_t count = 0;
	struct stat st;
	DIR *d;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	d = opendir("/proc/self/fd");
	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(d);
	return count - 1; /* that of the directory itself */
}

static void memory_read(struct view_process *p)
{
	unsigned long long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return;
	if (fscanf(f, "%llu %llu", &pages, &resident) == 2) {
		p->memory_virtual = pages * (uint64_t)sysconf(_SC_PAGESIZE);
		p->memory_resident = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	fclose(f);
}

static double seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

void view_process_read(struct view_process *ret)
{
	struct view_process p = {.descriptors = descriptors_count()};
	struct rlimit limit;
	struct rusage usage;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		p.descriptors_max = limit.rlim_cur;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		p.cpu_seconds = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
	memory_read(&p);
	*ret = p;
}

int view_gather(const struct view_source *src, const struct view_history *history,
		struct view *ret)
{
	struct view v = {.snapshot = src->snapshot(src->arg)};
	int err = src->stats(src->arg, v.snapshot, &v.stats);

	if (err) {
		snapshot_put(v.snapshot);
		return err;
	}
	posture_gather(src->smb, &v.posture);
	view_process_read(&v.process);
	if (history)
		v.history = *history;
	*ret = v;
	return 0;
}

void view_fini(struct view *v)
{
	if (!v->snapshot)
		return;
	stats_fini(&v->stats);
	snapshot_put(v->snapshot);
	v->snapshot = NULL;
}

void view_history_add(struct view_history *h, const struct stats *s)
{
	struct view_sample *to = &h->ring[h->next];

	*to = (struct view_sample){.uptime_ms = s->uptime_ms};
	for (unsigned way = 0; way < STATS_WAY_COUNT; way++)
		for (unsigned kind = 0; kind < STATS_KIND_COUNT; kind++)
			to->bytes[way] += s->traffic.bytes[way][kind];
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		to->requests += s->commands[i].requests;
	h->next = (h->next + 1) % VIEW_SAMPLE_MAX;
	if (h->count < VIEW_SAMPLE_MAX)
		h->count++;
}

const struct view_sample *view_history_at(const struct view_history *h, size_t i)
{
	size_t first = h->count < VIEW_SAMPLE_MAX ? 0 : h->next;

	return &h->ring[(first + i) % VIEW_SAMPLE_MAX];
}
