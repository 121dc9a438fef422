#include "ctl/status_json.h"

#include "base/log.h"
#include "base/utf8.h"
#include "conf/conf.h"

#include <stdio.h>

/* ---- objects that are built field by field --------------------------------------------------------------------- */

/* Sticky: after one step that failed there is no object. */
struct object {
	json_t *json;
	bool failed;
};

static struct object object_new(void)
{
	json_t *o = json_object();

	return (struct object){o, !o};
}

/* v is taken; NULL fails. */
static void put(struct object *o, const char *name, json_t *v)
{
	if (json_object_set_new(o->json, name, v) != 0)
		o->failed = true;
}

static json_t *object_end(struct object *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

static void put_u64(struct object *o, const char *name, uint64_t n)
{
	put(o, name, json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n)));
}

static void put_bool(struct object *o, const char *name, bool b)
{
	put(o, name, json_boolean(b));
}

static bool is_utf8(const char *text)
{
	uint32_t c;

	for (struct span s = span_of_str(text); s.len;) {
		size_t len = utf8_get(s, &c);

		if (!len)
			return false;
		s = span_from(s, len);
	}
	return true;
}

static json_t *text_json(const char *text)
{
	struct log_esc esc;

	return json_string_nocheck(is_utf8(text) ? text
						 : log_esc(&esc, span_of_str(text)));
}

static void put_text(struct object *o, const char *name, const char *text)
{
	put(o, name, text_json(text));
}

static void put_text_or_null(struct object *o, const char *name, const char *text)
{
	put(o, name, text[0] ? text_json(text) : json_null());
}

static void append(struct object *o, json_t *list, json_t *v)
{
	if (json_array_append_new(list, v) != 0)
		o->failed = true;
}

static void put_numbers(struct object *o, const char *name, const uint64_t *numbers,
			size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		append(o, list, json_integer((json_int_t)numbers[i]));
	put(o, name, list);
}

/* FILETIME */
static void put_time(struct object *o, const char *name, uint64_t filetime)
{
	const uint64_t unix_epoch = 11644473600;
	uint64_t seconds = filetime / 10000000;

	put_u64(o, name, seconds > unix_epoch ? seconds - unix_epoch : 0);
}

/* ---- what several have ----------------------------------------------------------------------------------------- */

/* {"received": {"plain": {"messages": N, "bytes": N}, ...}, "sent": ...} */
static json_t *traffic_json(const struct stats_traffic *t)
{
	struct object all = object_new();

	for (unsigned way = 0; way < STATS_WAY_COUNT; way++) {
		struct object one = object_new();

		for (unsigned kind = 0; kind < STATS_KIND_COUNT; kind++) {
			struct object n = object_new();

			put_u64(&n, "messages", t->messages[way][kind]);
			put_u64(&n, "bytes", t->bytes[way][kind]);
			put(&one, stats_kind_name(kind), object_end(&n));
		}
		put(&all, stats_way_name(way), object_end(&one));
	}
	return object_end(&all);
}

static void put_bytes(struct object *o, const uint64_t bytes[STATS_WAY_COUNT])
{
	put_u64(o, "bytes_received", bytes[STATS_IN]);
	put_u64(o, "bytes_sent", bytes[STATS_OUT]);
}

/* Of nothing negotiated there is nothing to say. */
static void put_algorithms(struct object *o, uint16_t dialect, enum seal_cipher cipher,
			   enum sign_alg sign_alg)
{
	put_text_or_null(o, "dialect", dialect ? conn_dialect_name(dialect) : "");
	put_text_or_null(o, "cipher", conf_cipher_name(cipher));
	put_text_or_null(o, "signing", dialect ? conf_signing_name(sign_alg) : "");
}

static void put_guid(struct object *o, const char *name, const uint8_t bytes[16])
{
	char text[33];

	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	put_text(o, name, text);
}

json_t *refused_json(const uint64_t counts[REFUSAL_COUNT], bool all)
{
	struct object o = object_new();

	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (i != POLICY_OK && (all || counts[i]))
			put_u64(&o, refusal_name(i), counts[i]);
	return object_end(&o);
}

/* ---- stats ----------------------------------------------------------------------------------------------------- */

static json_t *level_json(const struct stats_level *l)
{
	struct object o = object_new();

	put_u64(&o, "now", l->now);
	put(&o, "max", l->max ? json_integer((json_int_t)l->max) : json_null());
	return object_end(&o);
}

static json_t *resources_json(const struct stats *s)
{
	struct object o = object_new();

	put(&o, "connections", level_json(&s->connections));
	put(&o, "sessions", level_json(&s->sessions));
	put(&o, "open_files", level_json(&s->opens));
	put(&o, "memory", level_json(&s->memory));
	return object_end(&o);
}

static json_t *command_json(const struct stats_command *c)
{
	struct object o = object_new();

	put_u64(&o, "requests", c->requests);
	put_u64(&o, "errors", c->errors);
	put_u64(&o, "waited", c->waited);
	put_bytes(&o, c->bytes);
	put_u64(&o, "latency_ns", c->latency_ns);
	put_numbers(&o, "latency", c->latency, STATS_BUCKET_COUNT);
	return object_end(&o);
}

static json_t *commands_json(const struct stats *s)
{
	struct object o = object_new();

	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		put(&o, i == STATS_UNKNOWN_COMMAND ? "unknown" : s->commands[i].name,
		    command_json(&s->commands[i]));
	return object_end(&o);
}

static json_t *audited_json(const struct stats *s)
{
	struct object o = object_new();

	put_u64(&o, "signing", s->audited[AUDIT_SIGNING]);
	put_u64(&o, "encryption", s->audited[AUDIT_ENCRYPTION]);
	put_u64(&o, "ntlm", s->audited[AUDIT_NTLM]);
	put_u64(&o, "dialects", s->audited[AUDIT_DIALECTS]);
	return object_end(&o);
}

static json_t *audit_log_json(const struct stats *s)
{
	struct object o = object_new();

	put_u64(&o, "noted", s->events_noted);
	put_u64(&o, "lost", s->events_lost);
	return object_end(&o);
}

static void put_limits(struct object *o)
{
	json_t *list = json_array();

	for (unsigned i = 0; i + 1 < STATS_BUCKET_COUNT; i++)
		append(o, list, json_integer((json_int_t)stats_bucket_limit_ns(i)));
	append(o, list, json_null());
	put(o, "latency_limits_ns", list);
}

json_t *stats_json(const struct stats *s)
{
	struct object o = object_new();

	put_text(&o, "version", TSMB_VERSION);
	put_time(&o, "started", s->start_time);
	put_u64(&o, "uptime_ms", s->uptime_ms);
	put_u64(&o, "workers", s->workers);
	put(&o, "resources", resources_json(s));
	put_u64(&o, "connections_accepted", s->connections_accepted);
	put_u64(&o, "logons", s->logons);
	put_u64(&o, "logons_failed", s->logons_failed);
	put(&o, "traffic", traffic_json(&s->traffic));
	put(&o, "commands", commands_json(s));
	put_limits(&o);
	put(&o, "refused", refused_json(s->refused, true));
	put(&o, "audited", audited_json(s));
	put(&o, "audit_log", audit_log_json(s));
	put_numbers(&o, "signed_together", s->signed_together, TOGETHER_COUNT);
	put_numbers(&o, "verified_together", s->verified_together, TOGETHER_COUNT);
	return object_end(&o);
}

json_t *stats_share_json(const struct stats_share *s)
{
	struct object o = object_new();

	put_text(&o, "share", s->name);
	put_bool(&o, "encrypt_data", s->encrypt_data);
	put_u64(&o, "trees", s->trees);
	put_u64(&o, "requests", s->requests);
	put_u64(&o, "errors", s->errors);
	put_bytes(&o, s->bytes);
	return object_end(&o);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

json_t *conn_row_json(const struct conn_row *r)
{
	struct object o = object_new();

	put_u64(&o, "id", r->id);
	put_text(&o, "client", r->peer);
	put_time(&o, "since", r->since);
	put_algorithms(&o, r->dialect, r->cipher, r->sign_alg);
	put_guid(&o, "client_guid", r->client_guid);
	put_u64(&o, "worker", r->lane);
	put_u64(&o, "sessions", r->sessions);
	put_u64(&o, "requests", r->requests);
	put_u64(&o, "answered", r->answered);
	put_u64(&o, "memory", r->memory);
	put_bool(&o, "ending", r->retired);
	put(&o, "traffic", traffic_json(&r->traffic));
	return object_end(&o);
}

static const char *sess_state_name(enum sess_state s)
{
	static const char *const names[] = {
		[SESS_IN_PROGRESS] = "in_progress",
		[SESS_VALID] = "valid",
		[SESS_EXPIRED] = "expired",
		[SESS_CLOSED] = "closed",
	};

	return names[s];
}

static const char *user_kind_name(enum policy_user k)
{
	static const char *const names[] = {
		[POLICY_USER_NONE] = "none",
		[POLICY_USER_NAMED] = "named",
		[POLICY_USER_GUEST] = "guest",
		[POLICY_USER_ANONYMOUS] = "anonymous",
	};

	return names[k];
}

/* What tells sessions apart. */
static void put_session(struct object *o, const struct sess_row *r)
{
	put_u64(o, "id", r->id);
	put_text(o, "user", r->user);
	put_text(o, "kind", user_kind_name(r->kind));
	put_text_or_null(o, "client", r->peer);
	put_algorithms(o, r->dialect, r->cipher, r->sign_alg);
}

json_t *sess_row_json(const struct sess_row *r)
{
	struct object o = object_new();

	put_session(&o, r);
	put_text(&o, "state", sess_state_name(r->state));
	put_text(&o, "domain", r->domain);
	put_time(&o, "since", r->since);
	put_guid(&o, "client_guid", r->client_guid);
	put_numbers(&o, "connections", r->conns, r->conn_count);
	put_u64(&o, "trees", r->trees);
	put_u64(&o, "open_files", r->opens);
	return object_end(&o);
}

/* One of several who may have demanded something. */
static void demand(struct object *o, json_t *list, bool did, const char *who)
{
	if (did)
		append(o, list, json_string(who));
}

/* Of sessions without keys nobody can demand a signature. */
static void put_signing_demands(struct object *o, const struct sess_row *r,
				const struct conf *now)
{
	bool named = r->kind == POLICY_USER_NAMED;
	json_t *list = json_array();

	demand(o, list, named && r->client_signs, "client");
	demand(o, list,
	       named && (r->require_message_signing || now->require_message_signing),
	       "require_message_signing");
	put(o, "signing_demanded_by", list);
}

/* Messages that came encrypted though nobody here asked for it: the client wants it so. */
static void put_encryption_demands(struct object *o, const struct sess_row *r,
				   const struct conf *now)
{
	bool named = r->kind == POLICY_USER_NAMED;
	bool conf = r->conf_encrypts || now->encrypt_data;
	bool reject = r->reject_unencrypted_access || now->reject_unencrypted_access;
	bool came = r->traffic.messages[STATS_IN][STATS_ENCRYPTED] != 0;
	json_t *list = json_array();

	demand(o, list, named && conf, "encrypt_data");
	demand(o, list, named && reject, "reject_unencrypted_access");
	demand(o, list, named && r->encrypting_count && !conf, "share");
	demand(o, list, came && !conf && !reject && !r->encrypting_count, "client");
	put(o, "encryption_demanded_by", list);
}

static void put_encrypting_shares(struct object *o, const struct sess_row *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(r->encrypting) && i < r->encrypting_count; i++)
		append(o, list, text_json(r->encrypting[i]));
	put(o, "encrypting_shares", list);
}

json_t *sess_security_json(const struct sess_row *r, const struct conf *now)
{
	struct object o = object_new();
	uint64_t refused[REFUSAL_COUNT];

	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		refused[i] = r->refused[i];
	put_session(&o, r);
	put_bool(&o, "signing_required", r->signing_required);
	put_signing_demands(&o, r, now);
	put_bool(&o, "session_encrypted", r->encrypt_data);
	put_encryption_demands(&o, r, now);
	put_encrypting_shares(&o, r);
	put(&o, "traffic", traffic_json(&r->traffic));
	put(&o, "refused", refused_json(refused, false));
	return object_end(&o);
}

/* "RWH" of those that are cached; "" for none */
static void put_caching(struct object *o, const struct open_row *r)
{
	char text[4] = "", *p = text;

	if (r->caching & CACHING_READ)
		*p++ = 'R';
	if (r->caching & CACHING_WRITE)
		*p++ = 'W';
	if (r->caching & CACHING_HANDLE)
		*p++ = 'H';
	*p = '\0';
	put_text_or_null(o, "cached_by",
			 !r->holds          ? ""
			 : r->lease_version ? "lease"
					    : "oplock");
	put_text(o, "caching", text);
	put_bool(o, "breaking", r->breaking);
}

static void put_sharing(struct object *o, uint32_t share)
{
	char text[4] = "", *p = text;

	if (share & FILE_SHARE_READ)
		*p++ = 'R';
	if (share & FILE_SHARE_WRITE)
		*p++ = 'W';
	if (share & FILE_SHARE_DELETE)
		*p++ = 'D';
	*p = '\0';
	put_text(o, "sharing", text);
}

static void put_session_id(struct object *o, uint64_t id)
{
	put(o, "session", id ? json_integer((json_int_t)id) : json_null());
}

json_t *open_row_json(const struct open_row *r)
{
	struct object o = object_new();

	put_u64(&o, "id", r->id);
	put_session_id(&o, r->session_id);
	put_text(&o, "user", r->user);
	put_text(&o, "share", r->share);
	put_text(&o, "path", r->path);
	put_bool(&o, "directory", r->directory);
	put_u64(&o, "access", r->granted);
	put_sharing(&o, r->share_access);
	put_caching(&o, r);
	put_bool(&o, "encrypted", r->encrypted);
	put_bool(&o, "durable", r->durable != 0);
	put_bool(&o, "delete_pending", r->delete_pending || r->delete_on_close);
	put_u64(&o, "locks", r->locks);
	return object_end(&o);
}

json_t *lock_row_json(const struct lock_row *r)
{
	struct object o = object_new();
	char text[24];

	put_u64(&o, "file", r->open_id);
	put_session_id(&o, r->session_id);
	put_text(&o, "user", r->user);
	put_text(&o, "share", r->share);
	put_text(&o, "path", r->path);
	/* beyond what a JSON number holds there are ranges, too */
	snprintf(text, sizeof(text), "%llu", (unsigned long long)r->range.offset);
	put_text(&o, "offset", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)r->range.length);
	put_text(&o, "length", text);
	put_bool(&o, "exclusive", r->range.exclusive);
	put_bool(&o, "waiting", r->waiting);
	return object_end(&o);
}
