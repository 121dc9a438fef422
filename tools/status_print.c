#include "status_print.h"

#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAR_COLUMNS = 86, PAR_INDENT = 13 };

static uint64_t number_of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

/* "-" for null. */
static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "-";
}

static bool is_set(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static void cell_number(struct table *t, uint64_t n)
{
	table_printf(t, "%" PRIu64, n);
}

static void cell_bytes(struct table *t, uint64_t n)
{
	char buf[AMOUNT_MAX];

	table_text(t, amount_bytes(n, buf));
}

static void cell_since(struct table *t, const json_t *o, const struct screen *s)
{
	int64_t since = json_integer_value(json_object_get(o, "since"));
	char buf[AMOUNT_MAX];

	table_text(t, amount_seconds(s->now_s > since ? (uint64_t)(s->now_s - since) : 0,
				     buf));
}

/* Over all ways of protection. */
static uint64_t traffic_bytes(const json_t *o, const char *way)
{
	json_t *kinds = json_object_get(json_object_get(o, "traffic"), way), *v;
	const char *name;
	uint64_t sum = 0;

	json_object_foreach(kinds, name, v)
	{
		sum += number_of(v, "bytes");
	}
	return sum;
}

/* ---- stats ----------------------------------------------------------------------------------------------------- */

static void print_level(const json_t *stats, const char *name, const char *title,
			bool bytes, const struct screen *s)
{
	const json_t *level = json_object_get(json_object_get(stats, "resources"), name);
	const json_t *max = json_object_get(level, "max");
	char now_buf[AMOUNT_MAX], max_buf[AMOUNT_MAX];
	uint64_t now = number_of(level, "now");

	fprintf(s->out, "%-18s ", title);
	if (bytes)
		fputs(amount_bytes(now, now_buf), s->out);
	else
		fprintf(s->out, "%" PRIu64, now);
	if (bytes && json_is_integer(max))
		fprintf(s->out, " of %s",
			amount_bytes((uint64_t)json_integer_value(max), max_buf));
	else if (json_is_integer(max))
		fprintf(s->out, " of %" JSON_INTEGER_FORMAT, json_integer_value(max));
}

static void print_levels(const json_t *stats, const struct screen *s)
{
	print_level(stats, "connections", "connections", false, s);
	fprintf(s->out, "; %" PRIu64 " accepted\n",
		number_of(stats, "connections_accepted"));
	print_level(stats, "sessions", "sessions", false, s);
	fprintf(s->out, "; %" PRIu64 " logons, %" PRIu64 " failed\n",
		number_of(stats, "logons"), number_of(stats, "logons_failed"));
	print_level(stats, "open_files", "open files", false, s);
	fputs("\n", s->out);
	print_level(stats, "memory", "memory of buffers", true, s);
	fputs("\n\n", s->out);
}

static void print_traffic(const json_t *stats, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"MESSAGES", false, 0}, {"PLAIN", true, 0}, {"BYTES", true, 0},
		{"SIGNED", true, 0},    {"BYTES", true, 0}, {"ENCRYPTED", true, 0},
		{"BYTES", true, 0},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const char *way, *kind;
	json_t *kinds, *v;

	json_object_foreach(json_object_get(stats, "traffic"), way, kinds)
	{
		table_text(t, way);
		json_object_foreach(kinds, kind, v)
		{
			cell_number(t, number_of(v, "messages"));
			cell_bytes(t, number_of(v, "bytes"));
		}
	}
	table_end(t, s->columns, s->colours, s->out);
}

/* The limit below which `percent` of the latencies are; 0: there are none, or it is above all limits. */
static uint64_t percentile_ns(const json_t *stats, const json_t *command,
			      uint64_t percent)
{
	const json_t *counts = json_object_get(command, "latency");
	const json_t *limits = json_object_get(stats, "latency_limits_ns");
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < json_array_size(counts); i++)
		total += (uint64_t)json_integer_value(json_array_get(counts, i));
	for (size_t i = 0; total && i < json_array_size(counts); i++) {
		seen += (uint64_t)json_integer_value(json_array_get(counts, i));
		if (seen * 100 >= total * percent)
			return (uint64_t)json_integer_value(json_array_get(limits, i));
	}
	return 0;
}

static void cell_latency(struct table *t, const char *mark, uint64_t ns)
{
	char buf[AMOUNT_MAX];

	if (ns)
		table_printf(t, "%s%s", mark, amount_ns(ns, buf));
	else
		table_text(t, "-");
}

static void print_command(struct table *t, const json_t *stats, const char *name,
			  const json_t *c)
{
	uint64_t requests = number_of(c, "requests");
	uint64_t timed = requests - number_of(c, "waited");

	if (!requests)
		return;
	table_text(t, name);
	cell_number(t, requests);
	cell_number(t, number_of(c, "errors"));
	cell_number(t, number_of(c, "waited"));
	cell_bytes(t, number_of(c, "bytes_received"));
	cell_bytes(t, number_of(c, "bytes_sent"));
	cell_latency(t, "", timed ? number_of(c, "latency_ns") / timed : 0);
	cell_latency(t, "<", percentile_ns(stats, c, 50));
	cell_latency(t, "<", percentile_ns(stats, c, 99));
}

static void print_commands(const json_t *stats, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"COMMAND", false, 0}, {"REQUESTS", true, 0}, {"ERRORS", true, 0},
		{"WAITED", true, 0},   {"RECEIVED", true, 0}, {"SENT", true, 0},
		{"MEAN", true, 0},     {"HALF", true, 0},     {"99%", true, 0},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const char *name;
	json_t *c;

	json_object_foreach(json_object_get(stats, "commands"), name, c)
	{
		print_command(t, stats, name, c);
	}
	table_end(t, s->columns, s->colours, s->out);
}

/* Those that are not 0, a line each; red, as somebody was turned away. */
static void print_counts(const json_t *counts, const char *title, const struct screen *s)
{
	const char *name;
	bool any = false;
	json_t *v;

	json_object_foreach((json_t *)counts, name, v)
	{
		if (json_integer_value(v) == 0)
			continue;
		if (!any)
			fprintf(s->out, "\n%s%s%s\n", s->colours ? "\033[1m" : "", title,
				s->colours ? "\033[0m" : "");
		any = true;
		fprintf(s->out, "%s%-26s %" JSON_INTEGER_FORMAT "%s\n",
			s->colours ? "\033[31m" : "", name, json_integer_value(v),
			s->colours ? "\033[0m" : "");
	}
}

/* Red, too: of these nobody will ever know who it was. */
static void print_lost(const json_t *audit_log, const struct screen *s)
{
	uint64_t lost = number_of(audit_log, "lost");

	if (lost)
		fprintf(s->out, "\n%sevents lost to the audit log  %" PRIu64 "%s\n",
			s->colours ? "\033[31m" : "", lost, s->colours ? "\033[0m" : "");
}

void print_stats(const json_t *result, const struct screen *s)
{
	char buf[AMOUNT_MAX];

	fprintf(s->out, "tsmb %s, up %s, %" PRIu64 " workers\n\n",
		text_of(result, "version"),
		amount_seconds(number_of(result, "uptime_ms") / 1000, buf),
		number_of(result, "workers"));
	print_levels(result, s);
	print_traffic(result, s);
	fputs("\n", s->out);
	print_commands(result, s);
	print_counts(json_object_get(result, "refused"), "REFUSED", s);
	print_counts(json_object_get(result, "audited"), "WOULD BE SHUT OUT BY", s);
	print_lost(json_object_get(result, "audit_log"), s);
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

void print_shares(const json_t *result, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"SHARE", false, 16},  {"ENCRYPTED", false, 0}, {"CONNECTED", true, 0},
		{"REQUESTS", true, 0}, {"ERRORS", true, 0},     {"RECEIVED", true, 0},
		{"SENT", true, 0},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(result, "shares"), i, r)
	{
		table_text(t, text_of(r, "share"));
		table_text(t, is_set(r, "encrypt_data") ? "yes" : "no");
		cell_number(t, number_of(r, "trees"));
		cell_number(t, number_of(r, "requests"));
		cell_number(t, number_of(r, "errors"));
		cell_bytes(t, number_of(r, "bytes_received"));
		cell_bytes(t, number_of(r, "bytes_sent"));
	}
	table_end(t, s->columns, s->colours, s->out);
}

static void cell_algorithms(struct table *t, const json_t *r)
{
	table_text(t, text_of(r, "dialect"));
	table_text(t, text_of(r, "cipher"));
	table_text(t, text_of(r, "signing"));
}

void print_connections(const json_t *result, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"ID", true, 0},       {"CLIENT", false, 12}, {"FOR", true, 0},
		{"DIALECT", false, 0}, {"CIPHER", false, 0},  {"SIGNING", false, 0},
		{"SESS", true, 0},     {"ANSWERED", true, 0}, {"RECEIVED", true, 0},
		{"SENT", true, 0},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(result, "connections"), i, r)
	{
		cell_number(t, number_of(r, "id"));
		table_text(t, text_of(r, "client"));
		cell_since(t, r, s);
		cell_algorithms(t, r);
		cell_number(t, number_of(r, "sessions"));
		cell_number(t, number_of(r, "answered"));
		cell_bytes(t, traffic_bytes(r, "received"));
		cell_bytes(t, traffic_bytes(r, "sent"));
	}
	table_end(t, s->columns, s->colours, s->out);
}

/* A user, or what there is in place of one. */
static const char *who_of(const json_t *r)
{
	const char *kind = text_of(r, "kind");

	if (strcmp(kind, "anonymous") == 0)
		return "(anonymous)";
	if (strcmp(kind, "none") == 0)
		return "(logging on)";
	return text_of(r, "user");
}

void print_sessions(const json_t *result, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"ID", true, 0},       {"USER", false, 8},    {"CLIENT", false, 12},
		{"FOR", true, 0},      {"DIALECT", false, 0}, {"CIPHER", false, 0},
		{"SIGNING", false, 0}, {"CONN", true, 0},     {"SHARES", true, 0},
		{"FILES", true, 0},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(result, "sessions"), i, r)
	{
		cell_number(t, number_of(r, "id"));
		table_text(t, who_of(r));
		table_text(t, text_of(r, "client"));
		cell_since(t, r, s);
		cell_algorithms(t, r);
		cell_number(t, json_array_size(json_object_get(r, "connections")));
		cell_number(t, number_of(r, "trees"));
		cell_number(t, number_of(r, "open_files"));
	}
	table_end(t, s->columns, s->colours, s->out);
}

static void cell_session(struct table *t, const json_t *r)
{
	if (json_is_integer(json_object_get(r, "session")))
		cell_number(t, number_of(r, "session"));
	else
		table_text(t, "away");
}

/* "lease RH" */
static void cell_caching(struct table *t, const json_t *r)
{
	table_printf(t, "%s%s%s%s", text_of(r, "cached_by"),
		     text_of(r, "caching")[0] ? " " : "", text_of(r, "caching"),
		     is_set(r, "breaking") ? "!" : "");
}

void print_files(const json_t *result, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"ID", true, 0},      {"SESSION", true, 0},  {"USER", false, 6},
		{"ACCESS", false, 0}, {"SHARING", false, 0}, {"CACHED", false, 0},
		{"LOCKS", true, 0},   {"SHARE", false, 6},   {"PATH", false, 16},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(result, "files"), i, r)
	{
		cell_number(t, number_of(r, "id"));
		cell_session(t, r);
		table_text(t, text_of(r, "user"));
		table_printf(t, "%08" PRIx64, number_of(r, "access"));
		table_text(t, text_of(r, "sharing"));
		cell_caching(t, r);
		cell_number(t, number_of(r, "locks"));
		table_text(t, text_of(r, "share"));
		table_printf(t, "%s%s%s%s", text_of(r, "path"),
			     is_set(r, "directory") ? "\\" : "",
			     is_set(r, "durable") ? " (durable)" : "",
			     is_set(r, "delete_pending") ? " (to be deleted)" : "");
	}
	table_end(t, s->columns, s->colours, s->out);
}

void print_locks(const json_t *result, const struct screen *s)
{
	static const struct table_column columns[] = {
		{"FILE", true, 0},   {"USER", false, 6}, {"OFFSET", true, 0},
		{"LENGTH", true, 0}, {"KIND", false, 0}, {"SHARE", false, 6},
		{"PATH", false, 16},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(result, "locks"), i, r)
	{
		cell_number(t, number_of(r, "file"));
		table_text(t, text_of(r, "user"));
		table_text(t, text_of(r, "offset"));
		table_text(t, text_of(r, "length"));
		table_printf(t, "%s%s", is_set(r, "exclusive") ? "exclusive" : "shared",
			     is_set(r, "waiting") ? ", waits" : "");
		table_text(t, text_of(r, "share"));
		table_text(t, text_of(r, "path"));
	}
	table_end(t, s->columns, s->colours, s->out);
}

/* ---- security -------------------------------------------------------------------------------------------------- */

/* A paragraph under a session: its title, then words that go on in further lines. */
struct par {
	FILE *out;
	size_t column, columns;
};

static void par_add(struct par *p, const char *text)
{
	char *shown = text_shown(text);
	size_t len = shown ? strlen(shown) : 0;

	if (p->column && p->column + 1 + len > p->columns) {
		fprintf(p->out, "\n%*s", PAR_INDENT, "");
		p->column = 0;
	}
	fprintf(p->out, "%s%s", p->column ? " " : "", shown ? shown : "");
	p->column += len + 1;
	free(shown);
}

static struct par par_begin(const struct screen *s, const char *title)
{
	size_t room = s->columns > 2 * PAR_INDENT ? s->columns - PAR_INDENT : PAR_INDENT;

	fprintf(s->out, "  %-*s", PAR_INDENT - 2, title);
	return (struct par){.out = s->out,
			    .columns = room < PAR_COLUMNS ? room : PAR_COLUMNS};
}

/* "demanded by client require_message_signing" */
static struct par par_demands(const struct screen *s, const json_t *r, const char *title,
			      const char *list_name)
{
	const json_t *list = json_object_get(r, list_name), *v;
	struct par p = par_begin(s, title);
	size_t i;

	par_add(&p, "demanded by");
	if (json_array_size(list) == 0)
		par_add(&p, "nobody");
	json_array_foreach(list, i, v)
	{
		par_add(&p, json_string_value(v));
	}
	return p;
}

static void par_traffic(const struct screen *s, const json_t *r, const char *way)
{
	struct par p = par_begin(s, way);
	char text[96], buf[AMOUNT_MAX];
	const char *kind;
	json_t *v;

	json_object_foreach(json_object_get(json_object_get(r, "traffic"), way), kind, v)
	{
		snprintf(text, sizeof(text), "%s %" PRIu64 " (%s)", kind,
			 number_of(v, "messages"),
			 amount_bytes(number_of(v, "bytes"), buf));
		par_add(&p, text);
	}
	fputs("\n", s->out);
}

static void par_refused(const struct screen *s, const json_t *r)
{
	json_t *counts = json_object_get(r, "refused"), *v;
	struct par p;
	char text[96];
	const char *name;

	if (json_object_size(counts) == 0)
		return;
	p = par_begin(s, "refused");
	fputs(s->colours ? "\033[31m" : "", s->out);
	json_object_foreach(counts, name, v)
	{
		snprintf(text, sizeof(text), "%s %" JSON_INTEGER_FORMAT, name,
			 json_integer_value(v));
		par_add(&p, text);
	}
	fputs(s->colours ? "\033[0m\n" : "\n", s->out);
}

static void print_demands(const struct screen *s, const json_t *r)
{
	const json_t *shares = json_object_get(r, "encrypting_shares"), *v;
	struct par p;
	size_t i;

	par_demands(s, r, "signing", "signing_demanded_by");
	fputs("\n", s->out);
	p = par_demands(s, r, "encryption", "encryption_demanded_by");
	if (json_array_size(shares))
		par_add(&p, "| shares:");
	json_array_foreach(shares, i, v)
	{
		par_add(&p, json_string_value(v));
	}
	fputs("\n", s->out);
}

static void print_session_security(const json_t *r, const struct screen *s)
{
	char *user = text_shown(who_of(r));

	fprintf(s->out, "%ssession %" PRIu64 " %.40s%s %s, SMB %s, %s, %s\n",
		s->colours ? "\033[1m" : "", number_of(r, "id"), user ? user : "",
		s->colours ? "\033[0m" : "", text_of(r, "client"), text_of(r, "dialect"),
		text_of(r, "cipher"), text_of(r, "signing"));
	free(user);
	print_demands(s, r);
	par_traffic(s, r, "received");
	par_traffic(s, r, "sent");
	par_refused(s, r);
}

void print_security(const json_t *result, const struct screen *s)
{
	const json_t *r, *demands = json_object_get(result, "demands");
	const char *name;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)demands, name, v)
	{
		fprintf(s->out, "%-26s %s\n", name, json_is_true(v) ? "true" : "false");
	}
	json_array_foreach(json_object_get(result, "sessions"), i, r)
	{
		fputs("\n", s->out);
		print_session_security(r, s);
	}
	print_counts(json_object_get(result, "refused"), "REFUSED SINCE THE START", s);
}
