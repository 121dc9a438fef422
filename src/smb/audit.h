/*
 * audit.h - whom a stricter setting would shut out: asked of the same functions that decide, with that setting.
 *
 * A line once for each address, user and setting; a count of every logon.
 *
 * Owns     a table of fixed size of what was said already.
 * Threads  any; a lock of its own (rank LEAF).
 */
#pragma once

#include "secure/policy.h"

struct conn;

enum audit_setting {
	AUDIT_SIGNING,    /* require_message_signing = true	*/
	AUDIT_ENCRYPTION, /* reject_unencrypted_access = true	*/
	AUDIT_NTLM,       /* ntlm = false			*/
	AUDIT_DIALECTS,   /* dialects without SMB2.002 and SMB2.1	*/
	AUDIT_COUNT,
};

struct audit;
struct audit *audit_new(void); /* NULL without memory */
void audit_free(struct audit *a);

/* What a logon that the configuration in force lets in is judged by. */
struct audit_logon {
	const struct conn *conn;
	struct policy_in in; /* as for policy_session() */
	bool client_requires_signing;
	bool needs_ntlm; /* it used NTLM, and nothing would be left without */
	const char *user;
};
void audit_logon(const struct audit_logon *l);

/* A guest was let in, whom his client may not like: said once for each address and user. */
void audit_guest(const struct conn *c, const char *user);

/* "ntlm = false". Static. */
const char *audit_setting_text(enum audit_setting s);
