#include "ctl/page.h"

#include "ctl/status_json.h"
#include "ctl/view.h"
#include "smb/share.h"

#include <stdlib.h>

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

/* NULL: 0, which stands for no limit, or not known. */
static json_t *number_or_null(uint64_t n)
{
	return n ? number(n) : json_null();
}

/* v is taken, NULL fails; and so is list, if it fails. */
static bool append(json_t **list, json_t *v)
{
	if (*list && json_array_append_new(*list, v) == 0)
		return true;
	json_decref(*list);
	*list = NULL;
	return false;
}

static json_t *server_json(const struct conf *c)
{
	return json_pack("{s:s, s:s}", "name", c->server_name, "comment",
			 c->server_comment ? c->server_comment : "");
}

static json_t *settings_json(const struct conf *c)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "require_message_signing",
			 c->require_message_signing, "encrypt_data", c->encrypt_data,
			 "reject_unencrypted_access", c->reject_unencrypted_access,
			 "ntlm", c->ntlm, "allow_guest", c->allow_guest,
			 "null_session_access", c->null_session_access, "security_audit",
			 c->security_audit);
}

static json_t *shares_json(const struct stats *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->share_count; i++)
		if (!append(&list, stats_share_json(&s->shares[i])))
			break;
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *protection_json(const struct posture *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->row_count; i++) {
		const struct posture_row *r = &p->rows[i];
		json_t *row = json_pack(
			"{s:s, s:o, s:o, s:o}", "dialect", conn_dialect_name(r->dialect),
			"signing",
			text_or_null(r->has_keys ? conf_signing_name(r->sign_alg) : ""),
			"cipher",
			text_or_null(r->has_keys ? conf_cipher_name(r->cipher) : ""),
			"sessions", number(r->sessions));

		if (!append(&list, row))
			break;
	}
	return list;
}

static json_t *sessions_json(const struct posture *p)
{
	json_t *accounts = json_pack("{s:o, s:o, s:o}", "named",
				     number(p->users[POLICY_USER_NAMED]), "guest",
				     number(p->users[POLICY_USER_GUEST]), "anonymous",
				     number(p->users[POLICY_USER_ANONYMOUS]));

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "setting_up", number(p->setting_up),
			 "signing_required", number(p->signing_required), "encrypted",
			 number(p->encrypted), "accounts", accounts, "protection",
			 protection_json(p));
}

static json_t *refusals_json(const struct stats *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (i != POLICY_OK &&
		    !append(&list, json_pack("{s:s, s:s, s:o}", "reason", refusal_name(i),
					     "text", refusal_text(i), "count",
					     number(s->refused[i]))))
			break;
	return list;
}

static json_t *process_json(const struct view_process *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:f}", "descriptors",
			 number(p->descriptors), "descriptors_max",
			 number_or_null(p->descriptors_max), "memory_resident",
			 number(p->memory_resident), "memory_virtual",
			 number(p->memory_virtual), "cpu_seconds", p->cpu_seconds);
}

/* Columns: one number a sample each. */
static json_t *history_json(const struct view_history *h)
{
	json_t *at = json_array(), *received = json_array(), *sent = json_array(),
	       *requests = json_array();

	for (size_t i = 0; i < h->count; i++) {
		const struct view_sample *s = view_history_at(h, i);

		if (!append(&at, number(s->uptime_ms)) ||
		    !append(&received, number(s->bytes[STATS_IN])) ||
		    !append(&sent, number(s->bytes[STATS_OUT])) ||
		    !append(&requests, number(s->requests)))
			break;
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "uptime_ms", at, "received", received,
			 "sent", sent, "requests", requests);
}

json_t *page_json(const struct view *v)
{
	const struct conf *c = v->snapshot->conf;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "server",
			 server_json(c), "settings", settings_json(c), "stats",
			 stats_json(&v->stats), "shares", shares_json(&v->stats),
			 "sessions", sessions_json(&v->posture), "refusals",
			 refusals_json(&v->stats), "process", process_json(&v->process),
			 "history", history_json(&v->history));
}

/* On the heap; NULL without memory. */
static char *view_text(const struct view *v)
{
	json_t *j = page_json(v);
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	json_decref(j);
	return text;
}

bool page_print_json(const struct view *v, FILE *out)
{
	char *text = view_text(v);

	if (!text)
		return false;
	fprintf(out, "%s\n", text);
	free(text);
	return true;
}

/* Inside <script> nothing may look like its end: < stands in texts only, where JSON has another spelling for it. */
static void print_inside_script(const char *json, FILE *out)
{
	for (; *json; json++) {
		if (*json == '<')
			fputs("\\u003c", out);
		else
			fputs((const char[]){*json, '\0'}, out);
	}
}

bool page_print(const struct view *v, FILE *out)
{
	char *text = view_text(v);

	if (!text)
		return false;
	fputs((const char *)page_head, out);
	print_inside_script(text, out);
	fputs((const char *)page_tail, out);
	free(text);
	return true;
}
