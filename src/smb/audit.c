#include "smb/audit.h"

#include "base/log.h"
#include "base/recent.h"
#include "secure/negotiate.h"
#include "smb/conn.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SAID_KEPT = 4096, LINES_A_SECOND = 8, ABOUT_GUEST = AUDIT_COUNT };

struct audit {
	struct lock lock;
	struct recent *said; /* L */
	struct log_limit limit;
};

struct audit *audit_new(void)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->said = recent_new(SAID_KEPT);
	if (!a->said) {
		free(a);
		return NULL;
	}
	lock_init(&a->lock, LOCK_RANK_LEAF);
	return a;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	recent_free(a->said);
	lock_fini(&a->lock);
	free(a);
}

/* The first time for this address, user and subject, and not too many lines a second. */
static bool is_news(const struct conn *c, const char *user, unsigned about)
{
	struct audit *a = c->server->audit;
	const uint8_t *hash_key = c->server->hash_key;
	uint64_t now_ns = env_now_ns(c->server->env);
	uint64_t parts[] = {c->address, utf8_hash_nocase(hash_key, user), about};
	uint64_t key = map_hash(hash_key, span_of(parts, sizeof(parts)));
	LOCK_SCOPE(&a->lock);
	uint64_t *said = recent_at(a->said, key ? key : 1);

	if (*said || !log_limit_ok(&a->limit, LINES_A_SECOND, now_ns))
		return false;
	*said = now_ns ? now_ns : 1;
	return true;
}

/* What would be wrong with the logon under one stricter setting; NULL: nothing. */
static const char *shut_out_by_policy(const struct audit_logon *l, struct policy_in in)
{
	struct policy_session_out so = policy_session(&in, l->client_requires_signing);

	return so.out.verdict == POLICY_PROCESS ? NULL
						: policy_reason_text(so.out.reason);
}

static const char *shut_out_by_signing(const struct audit_logon *l)
{
	struct policy_in in = l->in;

	in.require_message_signing = true;
	return shut_out_by_policy(l, in);
}

static const char *shut_out_by_encryption(const struct audit_logon *l)
{
	struct policy_in in = l->in;

	in.reject_unencrypted_access = true;
	return shut_out_by_policy(l, in);
}

static const char *shut_out_by_ntlm(const struct audit_logon *l)
{
	return l->needs_ntlm ? "it logs on by NTLM" : NULL;
}

static const char *shut_out_by_dialects(const struct audit_logon *l)
{
	static const uint16_t left[] = {SMB2_DIALECT_300, SMB2_DIALECT_302,
					SMB2_DIALECT_311};
	struct negotiate_server server = {.dialects = left,
					  .dialect_count = ARRAY_LEN(left)};
	struct negotiate_client client = {.dialects = l->conn->client_dialects,
					  .dialect_count = l->conn->client_dialect_count};

	return negotiate_choose(&server, &client).dialect ? NULL
							  : "it knows no later dialect";
}

static const struct {
	const char *text;
	const char *(*shut_out)(const struct audit_logon *l);
} settings[] = {
	[AUDIT_SIGNING] = {"require_message_signing = true", shut_out_by_signing},
	[AUDIT_ENCRYPTION] = {"reject_unencrypted_access = true", shut_out_by_encryption},
	[AUDIT_NTLM] = {"ntlm = false", shut_out_by_ntlm},
	[AUDIT_DIALECTS] = {"dialects without SMB2.002 and SMB2.1", shut_out_by_dialects},
};

static_assert(ARRAY_LEN(settings) == AUDIT_COUNT, "a row for each setting");

const char *audit_setting_text(enum audit_setting s)
{
	return settings[s].text;
}

void audit_logon(const struct audit_logon *l)
{
	const struct conn *c = l->conn;
	struct log_esc esc;

	for (unsigned i = 0; i < AUDIT_COUNT; i++) {
		const char *why = settings[i].shut_out(l);

		if (!why)
			continue;
		atomic_fetch_add_explicit(&c->server->counters.audited[i], 1,
					  memory_order_relaxed);
		if (is_news(c, l->user, i))
			log_info("audit: conn %" PRIu64 " %s: user \"%s\", dialect %s, "
				 "would be shut out by %s: %s",
				 c->id, conn_peer(c), log_esc(&esc, span_of_str(l->user)),
				 conn_dialect_name(c->dialect), settings[i].text, why);
	}
}

void audit_guest(const struct conn *c, const char *user)
{
	struct log_esc esc;

	if (is_news(c, user, ABOUT_GUEST))
		log_warn(
			"conn %" PRIu64 " %s: user \"%s\" is not in the user database "
			"and was let in as a guest. Guests can neither sign nor encrypt, "
			"and Windows 11 24H2 and later do not accept that; an account "
			"helps: tsmb-passwd -a NAME",
			c->id, conn_peer(c), log_esc(&esc, span_of_str(user)));
}
