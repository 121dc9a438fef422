#include "ctl/metrics.h"

#include "ctl/view.h"
#include "smb/conn.h"
#include "smb/share.h"
#include "wire/filetime.h"

#include <inttypes.h>

/* ---- lines ----------------------------------------------------------------------------------------------------- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(FILE *out, const char *name, const char *help)
{
	head(out, name, "counter", help);
}

static void gauge(FILE *out, const char *name, const char *help)
{
	head(out, name, "gauge", help);
}

static void value(FILE *out, const char *name, uint64_t n)
{
	fprintf(out, "%s %" PRIu64 "\n", name, n);
}

void metrics_print_label(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fputs((const char[]){'\\', *text, '\0'}, out);
		else
			fputs((const char[]){*text, '\0'}, out);
	}
}

static void labelled(FILE *out, const char *name, const char *label, const char *text,
		     uint64_t n)
{
	fprintf(out, "%s{%s=\"", name, label);
	metrics_print_label(text, out);
	fprintf(out, "\"} %" PRIu64 "\n", n);
}

static void by_way(FILE *out, const char *name, const char *label, const char *text,
		   const uint64_t bytes[STATS_WAY_COUNT])
{
	for (unsigned way = 0; way < STATS_WAY_COUNT; way++) {
		fprintf(out, "%s{%s=\"", name, label);
		metrics_print_label(text, out);
		fprintf(out, "\",direction=\"%s\"} %" PRIu64 "\n", stats_way_name(way),
			bytes[way]);
	}
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* ---- the server ------------------------------------------------------------------------------------------------ */

static void print_server(const struct view *v, FILE *out)
{
	struct timespec start = filetime_to(v->stats.start_time);

	gauge(out, "tsmb_build_info", "The version that runs; always 1.");
	labelled(out, "tsmb_build_info", "version", TSMB_VERSION, 1);
	gauge(out, "tsmb_start_time_seconds", "When it was started, in Unix time.");
	fprintf(out, "tsmb_start_time_seconds %jd.%03ld\n", (intmax_t)start.tv_sec,
		start.tv_nsec / 1000000);
	gauge(out, "tsmb_workers", "Threads that serve connections.");
	value(out, "tsmb_workers", v->stats.workers);
}

/* Parameters that are true or false and decide who gets in how. */
static void print_settings(const struct conf *c, FILE *out)
{
	static const char name[] = "tsmb_setting";
	const struct {
		const char *parameter;
		bool on;
	} rows[] = {
		{"require_message_signing", c->require_message_signing},
		{"encrypt_data", c->encrypt_data},
		{"reject_unencrypted_access", c->reject_unencrypted_access},
		{"ntlm", c->ntlm},
		{"allow_guest", c->allow_guest},
		{"null_session_access", c->null_session_access},
		{"security_audit", c->security_audit},
	};

	gauge(out, name, "Parameters of security: 1 true, 0 false.");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		labelled(out, name, "parameter", rows[i].parameter, rows[i].on);
}

static void level(FILE *out, const char *name, const char *limit, const char *help,
		  const char *limit_help, const struct stats_level *l)
{
	gauge(out, name, help);
	value(out, name, l->now);
	gauge(out, limit, limit_help);
	if (l->max)
		value(out, limit, l->max);
	else
		fprintf(out, "%s +Inf\n", limit);
}

static void print_resources(const struct stats *s, FILE *out)
{
	level(out, "tsmb_connections", "tsmb_connections_limit", "Connections.",
	      "connections_max; +Inf: none.", &s->connections);
	level(out, "tsmb_sessions", "tsmb_sessions_limit",
	      "Sessions, those being set up included.", "sessions_max; +Inf: none.",
	      &s->sessions);
	level(out, "tsmb_open_files", "tsmb_open_files_limit",
	      "Open files and directories.", "open_files_max.", &s->opens);
	level(out, "tsmb_buffer_memory_bytes", "tsmb_buffer_memory_limit_bytes",
	      "Payload buffers, in use or kept for the next request.", "memory_max.",
	      &s->memory);
}

static void print_process(const struct view_process *p, FILE *out)
{
	level(out, "process_open_fds", "process_max_fds", "Open file descriptors.",
	      "The limit of open file descriptors.",
	      &(struct stats_level){p->descriptors, p->descriptors_max});
	gauge(out, "process_resident_memory_bytes", "Resident memory.");
	value(out, "process_resident_memory_bytes", p->memory_resident);
	gauge(out, "process_virtual_memory_bytes", "Virtual memory.");
	value(out, "process_virtual_memory_bytes", p->memory_virtual);
	counter(out, "process_cpu_seconds_total", "User and system time.");
	fprintf(out, "process_cpu_seconds_total %.6f\n", p->cpu_seconds);
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static const char *command_name(const struct stats *s, size_t i)
{
	return i == STATS_UNKNOWN_COMMAND ? "unknown" : s->commands[i].name;
}

/* A count of each command, or of each share. */
struct family {
	const char *name, *type, *help;
	size_t field; /* a uint64_t, in struct stats_command or struct stats_share */
};

static uint64_t field_of(const struct family *f, const void *counts)
{
	return *(const uint64_t *)((const char *)counts + f->field);
}

static void print_counts(const struct stats *s, FILE *out)
{
	static const struct family families[] = {
		{"tsmb_requests_total", "counter",
		 "Requests that were answered, and CANCELs.",
		 offsetof(struct stats_command, requests)},
		{"tsmb_request_errors_total", "counter",
		 "Of those: answered with an error.",
		 offsetof(struct stats_command, errors)},
		{"tsmb_requests_waited_total", "counter",
		 "Of those: with an interim answer first, as they waited for another "
		 "client.",
		 offsetof(struct stats_command, waited)},
	};

	for (const struct family *f = families; f < families + ARRAY_LEN(families); f++) {
		head(out, f->name, f->type, f->help);
		for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
			labelled(out, f->name, "command", command_name(s, i),
				 field_of(f, &s->commands[i]));
	}
	counter(out, "tsmb_request_bytes_total", "Bytes of requests and of answers.");
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		by_way(out, "tsmb_request_bytes_total", "command", command_name(s, i),
		       s->commands[i].bytes);
}

/* Sum and count are of what the buckets hold, so that the three agree. */
static void print_histogram(const struct stats_command *c, const char *command, FILE *out)
{
	static const char name[] = "tsmb_request_duration_seconds";
	uint64_t sum = 0;

	for (unsigned i = 0; i < STATS_BUCKET_COUNT; i++) {
		uint64_t limit_ns = stats_bucket_limit_ns(i);

		sum += c->latency[i];
		fprintf(out, "%s_bucket{command=\"%s\",le=\"", name, command);
		if (limit_ns == UINT64_MAX)
			fputs("+Inf", out);
		else
			fprintf(out, "%.9g", seconds(limit_ns));
		fprintf(out, "\"} %" PRIu64 "\n", sum);
	}
	fprintf(out, "%s_sum{command=\"%s\"} %.9f\n", name, command,
		seconds(c->latency_ns));
	fprintf(out, "%s_count{command=\"%s\"} %" PRIu64 "\n", name, command, sum);
}

static void print_latency(const struct stats *s, FILE *out)
{
	head(out, "tsmb_request_duration_seconds", "histogram",
	     "From when a request was read to its answer; without those that waited for "
	     "another client.");
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		print_histogram(&s->commands[i], command_name(s, i), out);
}

static void print_traffic_of(const char *name,
			     const uint64_t n[STATS_WAY_COUNT][STATS_KIND_COUNT],
			     FILE *out)
{
	for (unsigned way = 0; way < STATS_WAY_COUNT; way++)
		for (unsigned kind = 0; kind < STATS_KIND_COUNT; kind++)
			fprintf(out,
				"%s{direction=\"%s\",protection=\"%s\"} %" PRIu64 "\n",
				name, stats_way_name(way), stats_kind_name(kind),
				n[way][kind]);
}

static void print_traffic(const struct stats_traffic *t, FILE *out)
{
	counter(out, "tsmb_messages_total",
		"SMB2 messages by how they were protected on the wire.");
	print_traffic_of("tsmb_messages_total", t->messages, out);
	counter(out, "tsmb_message_bytes_total", "Their bytes.");
	print_traffic_of("tsmb_message_bytes_total", t->bytes, out);
}

static void print_batches(const char *name, const uint64_t counts[TOGETHER_COUNT],
			  FILE *out)
{
	static const char *const sizes[TOGETHER_COUNT] = {"1",   "2",    "3-4",
							  "5-8", "9-16", "17-64"};

	for (size_t i = 0; i < TOGETHER_COUNT; i++)
		labelled(out, name, "messages", sizes[i], counts[i]);
}

/* ---- shares ---------------------------------------------------------------------------------------------------- */

static void print_shares(const struct stats *s, FILE *out)
{
	static const struct family families[] = {
		{"tsmb_share_connections", "gauge", "Tree connects there are.",
		 offsetof(struct stats_share, trees)},
		{"tsmb_share_requests_total", "counter", "Requests on the share.",
		 offsetof(struct stats_share, requests)},
		{"tsmb_share_errors_total", "counter",
		 "Of those: answered with an error.",
		 offsetof(struct stats_share, errors)},
	};

	for (const struct family *f = families; f < families + ARRAY_LEN(families); f++) {
		head(out, f->name, f->type, f->help);
		for (size_t i = 0; i < s->share_count; i++)
			labelled(out, f->name, "share", s->shares[i].name,
				 field_of(f, &s->shares[i]));
	}
	gauge(out, "tsmb_share_encrypted", "1: encrypt_data is true for it.");
	for (size_t i = 0; i < s->share_count; i++)
		labelled(out, "tsmb_share_encrypted", "share", s->shares[i].name,
			 s->shares[i].encrypt_data);
	counter(out, "tsmb_share_bytes_total", "Bytes of requests and of answers.");
	for (size_t i = 0; i < s->share_count; i++)
		by_way(out, "tsmb_share_bytes_total", "share", s->shares[i].name,
		       s->shares[i].bytes);
}

/* ---- sessions, logons, refusals -------------------------------------------------------------------------------- */

static void print_posture_row(const struct posture_row *r, FILE *out)
{
	const char *cipher = r->has_keys ? conf_cipher_name(r->cipher) : "";

	fprintf(out,
		"tsmb_sessions_protection{dialect=\"%s\",signing=\"%s\",cipher=\"%s\"} "
		"%" PRIu64 "\n",
		conn_dialect_name(r->dialect),
		r->has_keys ? conf_signing_name(r->sign_alg) : "none",
		cipher[0] ? cipher : "none", r->sessions);
}

static void print_posture(const struct posture *p, FILE *out)
{
	gauge(out, "tsmb_sessions_protection",
	      "Sessions by what was negotiated; none: guests and anonymous clients, and "
	      "clients that cannot encrypt.");
	for (size_t i = 0; i < p->row_count; i++)
		print_posture_row(&p->rows[i], out);
	gauge(out, "tsmb_sessions_account", "Sessions by the kind of account.");
	labelled(out, "tsmb_sessions_account", "kind", "named",
		 p->users[POLICY_USER_NAMED]);
	labelled(out, "tsmb_sessions_account", "kind", "guest",
		 p->users[POLICY_USER_GUEST]);
	labelled(out, "tsmb_sessions_account", "kind", "anonymous",
		 p->users[POLICY_USER_ANONYMOUS]);
	gauge(out, "tsmb_sessions_setting_up", "Sessions nobody has logged on to yet.");
	value(out, "tsmb_sessions_setting_up", p->setting_up);
	gauge(out, "tsmb_sessions_signing_required",
	      "Sessions all of whose requests must be signed or encrypted.");
	value(out, "tsmb_sessions_signing_required", p->signing_required);
	gauge(out, "tsmb_sessions_encrypted",
	      "Sessions to which everything is sent encrypted.");
	value(out, "tsmb_sessions_encrypted", p->encrypted);
}

static void print_logons(const struct stats *s, FILE *out)
{
	counter(out, "tsmb_connections_accepted_total", "Connections.");
	value(out, "tsmb_connections_accepted_total", s->connections_accepted);
	counter(out, "tsmb_logons_total",
		"Logons that came to their end, renewals and bindings included.");
	labelled(out, "tsmb_logons_total", "result", "success", s->logons);
	labelled(out, "tsmb_logons_total", "result", "failure", s->logons_failed);
}

static void print_refusals(const struct stats *s, FILE *out)
{
	static const char *const settings[AUDIT_COUNT] = {
		[AUDIT_SIGNING] = "signing",
		[AUDIT_ENCRYPTION] = "encryption",
		[AUDIT_NTLM] = "ntlm",
		[AUDIT_DIALECTS] = "dialects",
	};

	counter(out, "tsmb_refusals_total", "What was refused, by reason.");
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (i != POLICY_OK)
			labelled(out, "tsmb_refusals_total", "reason", refusal_name(i),
				 s->refused[i]);
	counter(out, "tsmb_audited_logons_total",
		"Logons that a stricter setting would have shut out; security_audit.");
	for (unsigned i = 0; i < AUDIT_COUNT; i++)
		labelled(out, "tsmb_audited_logons_total", "setting", settings[i],
			 s->audited[i]);
}

static void print_audit(const struct stats *s, FILE *out)
{
	counter(out, "tsmb_audit_events_total",
		"Events of the audit log that were kept, and that were lost.");
	labelled(out, "tsmb_audit_events_total", "result", "noted", s->events_noted);
	labelled(out, "tsmb_audit_events_total", "result", "lost", s->events_lost);
}

static void print_local(const struct stats *s, FILE *out)
{
	static const char *const events[LOCAL_EVENT_COUNT] = {
		[LOCAL_OPENED] = "opened",
		[LOCAL_CHANGED] = "changed",
		[LOCAL_NAMES] = "names",
	};

	counter(out, "tsmb_local_events_total",
		"What processes of this machine did to files that clients cache.");
	for (unsigned i = 0; i < LOCAL_EVENT_COUNT; i++)
		labelled(out, "tsmb_local_events_total", "event", events[i], s->local[i]);
}

void metrics_print(const struct view *v, FILE *out)
{
	const struct stats *s = &v->stats;

	print_server(v, out);
	print_settings(v->snapshot->conf, out);
	print_resources(s, out);
	print_process(&v->process, out);
	print_posture(&v->posture, out);
	print_logons(s, out);
	print_refusals(s, out);
	print_traffic(&s->traffic, out);
	print_counts(s, out);
	print_latency(s, out);
	print_shares(s, out);
	counter(out, "tsmb_signed_batches_total",
		"Answers that were signed together, by how many.");
	print_batches("tsmb_signed_batches_total", s->signed_together, out);
	counter(out, "tsmb_verified_batches_total",
		"Requests whose signatures were checked together, by how many.");
	print_batches("tsmb_verified_batches_total", s->verified_together, out);
	print_audit(s, out);
	print_local(s, out);
}
