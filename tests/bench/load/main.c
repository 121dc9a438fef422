/* main.c - tsmb-bench: the command line; a load is opened, warmed up, measured. */
#include "load/load.h"
#include "load/options.h"
#include "load/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { REST_MS = 20000, REST_STEP_MS = 50, DESCRIPTORS_SPARE = 64 };

static void nap_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000,
				     .tv_nsec = (long)(ms % 1000) * 1000000},
		  NULL);
}

static double own_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool sample(const struct options *o, enum usage_of what, struct usage *ret)
{
	int err;

	if (!o->pid)
		return true;
	err = usage_sample(o->pid, o->cgroup, what, ret);
	if (err)
		fprintf(stderr, "tsmb-bench: process %d%s%s: %s\n", (int)o->pid,
			o->cgroup ? ", cgroup " : "", o->cgroup ? o->cgroup : "",
			strerror(-err));
	return !err;
}

/* Where a process serves a connection and ends with it: until those that worked have been waited for. */
static bool sample_at_rest(const struct options *o, struct usage *ret)
{
	struct usage last = {0};

	if (!o->pid || !load_work_info(o->load.work)->reconnects)
		return sample(o, USAGE_CPU, ret);
	for (unsigned ms = 0; ms < REST_MS; ms += REST_STEP_MS) {
		if (!sample(o, USAGE_CPU, ret))
			return false;
		if (ms && ret->processes == last.processes &&
		    ret->cpu_s - last.cpu_s < 0.0005)
			return true;
		last = *ret;
		nap_ms(REST_STEP_MS);
	}
	return true;
}

/* Each connection takes one; the system may let us have more than the usual. */
static bool descriptors_for(size_t connections)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return false;
	if (r.rlim_cur >= connections + DESCRIPTORS_SPARE)
		return true;
	r.rlim_cur = connections + DESCRIPTORS_SPARE;
	if (r.rlim_max < r.rlim_cur)
		r.rlim_max = r.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &r) == 0;
}

static bool measure(const struct options *o, struct load *l, struct report *r)
{
	struct load_result warm;
	double client;

	if (o->warmup_s > 0 && !load_run(l, o->warmup_s, 0, &warm))
		return false;
	if (!sample_at_rest(o, &r->before))
		return false;
	client = own_cpu();
	if (!load_run(l, o->seconds, o->count, &r->result))
		return false;
	r->client_cpu_s = own_cpu() - client;
	return sample_at_rest(o, &r->after);
}

static bool run(const struct options *o, struct load **ret_load, struct report *r)
{
	if (!sample(o, USAGE_MEMORY, &r->empty))
		return false;
	if (!load_open(&o->load, ret_load))
		return false;
	if (o->settle_s > 0)
		nap_ms((unsigned)(o->settle_s * 1000));
	if (!sample(o, USAGE_MEMORY, &r->full))
		return false;
	if (!measure(o, *ret_load, r))
		return false;
	r->client = load_client(*ret_load); /* logons have replaced it */
	return true;
}

int main(int argc, char **argv)
{
	static struct options o;
	static struct report r;
	struct load *l = NULL;
	int status = options_parse(argc, argv, &o);
	bool done;

	if (status >= 0)
		return status;
	r.options = &o;
	if (!descriptors_for(o.load.connections + o.load.idle)) {
		fprintf(stderr,
			"tsmb-bench: the system does not allow so many connections: %s\n",
			strerror(errno));
		return EXIT_FAILURE;
	}
	done = run(&o, &l, &r);
	if (done && o.json)
		report_json(&r);
	else if (done)
		report_table(&r);
	else if (l && *load_fault(l))
		fprintf(stderr, "tsmb-bench: %s\n", load_fault(l));
	load_close(l);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
