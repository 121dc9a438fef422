/* report.c - see report.h. Figures that were not measured are left out. */
#include "load/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const double gib = 1024.0 * 1024 * 1024;

static bool has_server(const struct report *r)
{
	return r->options->pid != 0;
}

static double server_cpu(const struct report *r)
{
	return r->after.cpu_s - r->before.cpu_s;
}

static bool has_cgroup(const struct report *r)
{
	return has_server(r) && r->after.cgroup_s >= 0;
}

static double cgroup_cpu(const struct report *r)
{
	return r->after.cgroup_s - r->before.cgroup_s;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* What the connections beside the first one cost; they are what there is of the idle. */
static size_t connections(const struct report *r)
{
	return r->options->load.connections + r->options->load.idle;
}

static double each(const struct report *r, uint64_t full, uint64_t empty)
{
	return ((double)full - (double)empty) / (double)connections(r);
}

static void print_usage(const struct report *r)
{
	const struct load_result *x = &r->result;
	double cpu = server_cpu(r);

	printf("server CPU       %12.3f s  %.1f us an operation", cpu,
	       ratio(cpu * 1e6, (double)x->ops));
	if (x->bytes)
		printf(", %.3f s a GiB", ratio(cpu, (double)x->bytes / gib));
	if (x->entries)
		printf(", %.3f us an entry", ratio(cpu * 1e6, (double)x->entries));
	putchar('\n');
	if (has_cgroup(r))
		printf("of the cgroup    %12.3f s\n", cgroup_cpu(r));
	if (r->options->load.idle)
		printf("server memory    %12.1f MiB resident, %.1f KiB a connection (by "
		       "share of "
		       "pages %.1f KiB); sockets %.1f KiB\n",
		       (double)r->full.rss / 1048576,
		       each(r, r->full.rss, r->empty.rss) / 1024,
		       each(r, r->full.pss, r->empty.pss) / 1024,
		       each(r, r->full.sockets, r->empty.sockets) / 1024);
}

void report_table(const struct report *r)
{
	const struct load_settings *s = &r->options->load;
	const struct load_result *x = &r->result;
	const struct client *c = r->client;

	printf("%s, %zu connections%s, %zu under way on each, %zu bytes; SMB %s, %s",
	       load_work_info(s->work)->name, s->connections,
	       s->channels ? " of one session" : "", s->depth, s->size,
	       option_dialect(s->sock.client.dialects[0]),
	       option_protect(s->sock.client.protect));
	if (s->sock.client.protect == CLIENT_SEALED && c->dialect)
		printf(" %s", option_cipher(c->cipher));
	if (s->sock.client.protect == CLIENT_SIGNED && c->dialect)
		printf(" %s", option_signing(c->sign_alg));
	printf("\n\noperations       %12" PRIu64 "    in %.3f s, %.1f a second\n", x->ops,
	       x->wall_s, ratio((double)x->ops, x->wall_s));
	if (x->bytes)
		printf("throughput       %12.3f GiB/s\n",
		       ratio((double)x->bytes / gib, x->wall_s));
	if (x->entries)
		printf("entries          %12.1f a second\n",
		       ratio((double)x->entries, x->wall_s));
	printf("latency          %12.1f us median, p99 %.1f, p99.9 %.1f\n",
	       (double)latency_at(&x->latency, 0.5) / 1e3,
	       (double)latency_at(&x->latency, 0.99) / 1e3,
	       (double)latency_at(&x->latency, 0.999) / 1e3);
	printf("client CPU       %12.3f s  %.0f %% of the time\n", r->client_cpu_s,
	       100 * ratio(r->client_cpu_s, x->wall_s));
	if (has_server(r))
		print_usage(r);
}

static void set(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) != 0)
		abort();
}

static void set_settings(json_t *o, const struct report *r)
{
	const struct load_settings *s = &r->options->load;
	const struct client *c = r->client;

	set(o, "work", json_string(load_work_info(s->work)->name));
	set(o, "connections", json_integer((json_int_t)s->connections));
	set(o, "depth", json_integer((json_int_t)s->depth));
	set(o, "idle", json_integer((json_int_t)s->idle));
	set(o, "held", json_integer((json_int_t)s->held));
	set(o, "channels", json_boolean(s->channels));
	set(o, "size", json_integer((json_int_t)s->size));
	set(o, "dialect", json_string(option_dialect(s->sock.client.dialects[0])));
	set(o, "protect", json_string(option_protect(s->sock.client.protect)));
	set(o, "signing", json_string(option_signing(c->sign_alg)));
	set(o, "cipher", json_string(option_cipher(c->cipher)));
}

static void set_usage(json_t *o, const struct report *r)
{
	set(o, "server_cpu_s", json_real(server_cpu(r)));
	if (has_cgroup(r))
		set(o, "server_cgroup_cpu_s", json_real(cgroup_cpu(r)));
	set(o, "server_processes", json_integer((json_int_t)r->full.processes));
	set(o, "rss_empty", json_integer((json_int_t)r->empty.rss));
	set(o, "rss", json_integer((json_int_t)r->full.rss));
	set(o, "pss_empty", json_integer((json_int_t)r->empty.pss));
	set(o, "pss", json_integer((json_int_t)r->full.pss));
	set(o, "socket_bytes_empty", json_integer((json_int_t)r->empty.sockets));
	set(o, "socket_bytes", json_integer((json_int_t)r->full.sockets));
}

void report_json(const struct report *r)
{
	const struct load_result *x = &r->result;
	json_t *o = json_object();

	set_settings(o, r);
	set(o, "wall_s", json_real(x->wall_s));
	set(o, "ops", json_integer((json_int_t)x->ops));
	set(o, "bytes", json_integer((json_int_t)x->bytes));
	set(o, "entries", json_integer((json_int_t)x->entries));
	set(o, "p50_us", json_real((double)latency_at(&x->latency, 0.5) / 1e3));
	set(o, "p99_us", json_real((double)latency_at(&x->latency, 0.99) / 1e3));
	set(o, "p999_us", json_real((double)latency_at(&x->latency, 0.999) / 1e3));
	set(o, "client_cpu_s", json_real(r->client_cpu_s));
	if (has_server(r))
		set_usage(o, r);
	json_dumpf(o, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(o);
}
