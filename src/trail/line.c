#include "trail/line.h"

#include "base/utf8.h"
#include "crypto/mac.h"
#include "smb/conn.h"
#include "wire/filetime.h"
#include "wire/smb2_proto.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const kind_names[] = {
	[TRAIL_START] = "start",
	[TRAIL_STOP] = "stop",
	[TRAIL_CONFIG] = "config_change",
	[TRAIL_LOGON] = "logon",
	[TRAIL_LOGON_REFUSED] = "logon_refused",
	[TRAIL_LOGOFF] = "logoff",
	[TRAIL_CONNECT] = "tree_connect",
	[TRAIL_CONNECT_REFUSED] = "tree_connect_refused",
	[TRAIL_DISCONNECT] = "tree_disconnect",
	[TRAIL_REFUSED] = "refused",
	[TRAIL_CREATE] = "create",
	[TRAIL_OVERWRITE] = "overwrite",
	[TRAIL_DELETE] = "delete",
	[TRAIL_RENAME] = "rename",
	[TRAIL_LINK] = "link",
	[TRAIL_SECURITY] = "security_change",
	[TRAIL_REPARSE] = "reparse_change",
	[TRAIL_OPEN] = "open",
	[TRAIL_OPEN_REFUSED] = "open_refused",
	[TRAIL_QUOTA] = "quota_change",
	[TRAIL_ENDED] = "ended",
};

static_assert(ARRAY_LEN(kind_names) == TRAIL_KIND_COUNT, "a name for each event");

int line_style_init(struct line_style *s, const struct conf_audit_params *p,
		    const uint8_t *key)
{
	*s = (struct line_style){.sensitive = p->sensitive_data};
	if (p->cn) {
		s->cn = strdup(p->cn);
		if (!s->cn)
			return -ENOMEM;
	}
	if (s->sensitive != CONF_SENSITIVE_HASH)
		return 0;
	s->key = mac_key_new(MAC_HMAC_SHA256, span_of(key, LINE_KEY_LEN), CRYPTO_OPENSSL);
	return s->key ? 0 : -ENOMEM;
}

void line_style_fini(struct line_style *s)
{
	free(s->cn);
	mac_key_free(s->key);
	*s = (struct line_style){0};
}

/* One line under way. Without memory, or a hash, nothing of it is written. */
struct line {
	const struct line_style *style;
	json_t *object;
	bool failed;
};

static void put(struct line *l, const char *name, json_t *value)
{
	if (json_object_set_new(l->object, name, value) != 0)
		l->failed = true;
}

/* What a file system held, or a client sent, need not be UTF-8: what is not becomes \xNN. On the heap. */
static char *text_shown(const char *text)
{
	struct span rest = span_of_str(text);
	char *shown = NULL;
	size_t len;
	FILE *f = open_memstream(&shown, &len);

	if (!f)
		return NULL;
	while (rest.len) {
		uint32_t c;
		size_t n = utf8_get(rest, &c);

		if (n)
			fwrite(rest.p, 1, n, f);
		else
			fprintf(f, "\\x%02X", rest.p[0]);
		rest = span_from(rest, n ? n : 1);
	}
	if (fclose(f) == 0)
		return shown;
	free(shown);
	return NULL;
}

static void put_text(struct line *l, const char *name, const char *text)
{
	char *shown;

	if (!text)
		return;
	shown = text_shown(text);
	if (shown)
		put(l, name, json_string(shown));
	else
		l->failed = true;
	free(shown);
}

/* What it is a name of is part of what is hashed: a user and a file of one name have nothing in common. */
static void put_hash(struct line *l, const char *name, const char *of, const char *text)
{
	const struct span parts[] = {span_of(of, strlen(of) + 1), span_of_str(text)};
	uint8_t tag[MAC_TAG_LEN];
	char hex[2 * MAC_TAG_LEN + 1];

	if (mac_compute(l->style->key, NULL, parts, ARRAY_LEN(parts), tag) != 0) {
		l->failed = true;
		return;
	}
	for (size_t i = 0; i < sizeof(tag); i++)
		snprintf(hex + 2 * i, 3, "%02x", tag[i]);
	put(l, name, json_string(hex));
}

static void put_sensitive(struct line *l, const char *name, const char *of,
			  const char *text)
{
	if (!text)
		return;
	switch (l->style->sensitive) {
	case CONF_SENSITIVE_ALLOW:
		put_text(l, name, text);
		break;
	case CONF_SENSITIVE_HASH:
		put_hash(l, name, of, text);
		break;
	case CONF_SENSITIVE_STRIP:
		break;
	}
}

static void put_time(struct line *l, uint64_t filetime)
{
	struct timespec ts = filetime_to(filetime);
	char stamp[40];
	struct tm tm;
	size_t at;

	gmtime_r(&ts.tv_sec, &tm);
	at = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + at, sizeof(stamp) - at, ".%03ldZ", ts.tv_nsec / 1000000);
	put_text(l, "time", stamp);
}

/*
 * "192.0.2.1:50123" or "[2001:db8::1]:50123". The port says no more than that connections differ; port NULL: left out.
 */
static void put_client(struct line *l, const char *name, const char *port,
		       const char *client)
{
	const char *colon = client ? strrchr(client, ':') : NULL;
	char address[64];
	size_t len;

	if (!colon)
		return;
	len = (size_t)(colon - client);
	if (client[0] == '[' && len > 2) {
		client++;
		len -= 2;
	}
	snprintf(address, sizeof(address), "%.*s", (int)len, client);
	put_sensitive(l, name, "client", address);
	if (port && l->style->sensitive == CONF_SENSITIVE_ALLOW)
		put(l, port, json_integer((json_int_t)strtoull(colon + 1, NULL, 10)));
}

struct bit {
	uint32_t bits;
	const char *name;
};

static void put_bits(struct line *l, const char *name, uint32_t value,
		     const struct bit *bits, size_t count)
{
	json_t *list;

	if (!value)
		return;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		if ((value & bits[i].bits) &&
		    json_array_append_new(list, json_string(bits[i].name)) != 0)
			l->failed = true;
	put(l, name, list);
}

static void put_access(struct line *l, uint32_t access)
{
	static const struct bit bits[] = {
		{FILE_READ_DATA, "read"},
		{FILE_WRITE_DATA | FILE_APPEND_DATA, "write"},
		{FILE_EXECUTE, "execute"},
		{FILE_READ_EA | FILE_READ_ATTRIBUTES, "read_attributes"},
		{FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES, "write_attributes"},
		{DELETE, "delete"},
		{FILE_DELETE_CHILD, "delete_child"},
		{READ_CONTROL, "read_security"},
		{WRITE_DAC, "write_permissions"},
		{WRITE_OWNER, "write_owner"},
		{ACCESS_SYSTEM_SECURITY, "audit_list"},
		{MAXIMUM_ALLOWED, "maximum"},
	};

	put_bits(l, "access", access, bits, ARRAY_LEN(bits));
}

static void put_parts(struct line *l, uint32_t parts)
{
	static const struct bit bits[] = {
		{OWNER_SECURITY_INFORMATION, "owner"},
		{GROUP_SECURITY_INFORMATION, "group"},
		{DACL_SECURITY_INFORMATION, "permissions"},
		{SACL_SECURITY_INFORMATION, "audit_list"},
	};

	put_bits(l, "changed", parts, bits, ARRAY_LEN(bits));
}

static void put_limit(struct line *l, const char *name, uint64_t bytes)
{
	if (bytes != UINT64_MAX)
		put(l, name, json_integer((json_int_t)bytes));
}

static void put_tag(struct line *l, uint32_t tag)
{
	char text[11];

	if (!tag)
		return;
	snprintf(text, sizeof(text), "0x%08X", tag);
	put_text(l, "tag", text);
}

/* What an administrator ended, and what is somebody else's than who did it. */
static void put_whose(struct line *l, const struct trail_event *e)
{
	if (e->kind == TRAIL_ENDED) {
		put_text(l, "ended", e->name);
		put(l, "id", json_integer((json_int_t)e->id));
	}
	put_sensitive(l, "of", "user", e->of);
	put_client(l, "of_client", NULL, e->of_client);
	if (e->kind != TRAIL_QUOTA)
		return;
	put_limit(l, "warning", e->soft);
	put_limit(l, "limit", e->hard);
}

static const char *result_text(const struct trail_event *e)
{
	bool refused = e->kind == TRAIL_LOGON_REFUSED || e->kind == TRAIL_REFUSED ||
		       e->kind == TRAIL_CONNECT_REFUSED;

	return refused && nt_ok(e->status) ? "dropped" : nt_status_name(e->status);
}

static void put_who(struct line *l, const struct trail_event *e)
{
	put_text(l, "by", e->by);
	put_sensitive(l, "user", "user", e->user);
	put_text(l, "user_kind", e->user_kind);
	put_client(l, "client", "port", e->client);
	if (e->session_id)
		put(l, "session", json_integer((json_int_t)e->session_id));
	if (e->dialect)
		put_text(l, "dialect", conn_dialect_name(e->dialect));
}

static void put_what(struct line *l, const struct trail_event *e)
{
	bool config = e->kind == TRAIL_CONFIG;

	put_text(l, "share", e->share);
	if (e->kind >= TRAIL_CREATE && e->kind <= TRAIL_OPEN)
		put_text(l, "type", e->directory ? "directory" : "file");
	put_sensitive(l, "path", "path", e->path);
	put_whose(l, e);
	if (e->kind != TRAIL_ENDED)
		put_text(l, config ? "parameter" : "command", e->name);
	put_sensitive(l, "from", "value", e->from);
	put_sensitive(l, "to", config ? "value" : "path", e->to);
	put_access(l, e->access);
	put_parts(l, e->parts);
	put_tag(l, e->tag);
	put_text(l, "reason", e->reason);
	put_text(l, "parameter", config ? NULL : e->parameter);
}

static struct line line_begin(const struct line_style *s, uint64_t time,
			      const char *event)
{
	struct line l = {.style = s, .object = json_object()};

	l.failed = !l.object;
	if (l.failed)
		return l;
	put_time(&l, time);
	put_text(&l, "event", event);
	put_text(&l, "cn", s->cn);
	return l;
}

/* Frees l. */
static char *line_end(struct line *l)
{
	char *json = l->failed ? NULL : json_dumps(l->object, JSON_COMPACT), *text = NULL;

	json_decref(l->object);
	if (json && asprintf(&text, "%s\n", json) < 0)
		text = NULL;
	free(json);
	return text;
}

char *line_print(const struct line_style *s, const struct trail_event *e, bool clipped)
{
	struct line l = line_begin(s, e->time, kind_names[e->kind]);

	if (l.failed)
		return NULL;
	put_text(&l, "result", result_text(e));
	put_who(&l, e);
	put_what(&l, e);
	if (clipped)
		put(&l, "clipped", json_true());
	return line_end(&l);
}

char *line_print_lost(const struct line_style *s, uint64_t time, unsigned long long count)
{
	struct line l = line_begin(s, time, "events_lost");

	if (l.failed)
		return NULL;
	put(&l, "count", json_integer((json_int_t)count));
	return line_end(&l);
}
