/*
 * refuse.h - what was refused: one counter, one line (rate-limited), one consequence.
 *
 * The line says who, from where, by which dialect, what was missing, and which parameter is responsible.
 */
#pragma once

#include "base/status.h"
#include "secure/policy.h"

struct req;
struct smb_server;

/* What is refused elsewhere than in secure/policy.c. */
enum refusal {
	REFUSED_DIALECT,     /* none in common			*/
	REFUSED_NEGOTIATE,   /* altered on the way, says VALIDATE_NEGOTIATE_INFO */
	REFUSED_TRANSFORM,   /* encrypted, and not as it must be	*/
	REFUSED_CREDENTIALS, /* unknown user, wrong password or proof, no Unix account */
	REFUSED_DISABLED,
	REFUSED_ANONYMOUS,
	REFUSED_MECHANISM,  /* none in common, or one too weak	*/
	REFUSED_TOKEN,      /* malformed				*/
	REFUSED_OTHER_USER, /* than the session is of */
	REFUSED_LOGON,      /* otherwise				*/
	REFUSED_TOO_MANY,   /* sessions, or logons under way			*/
	REFUSED_COUNT,
};

/* All of them in one row: policy's reasons first, then the others. */
enum { REFUSAL_COUNT = POLICY_REASON_COUNT + REFUSED_COUNT };
/* "wrong_signature": for machines. Static. */
const char *refusal_name(unsigned i);
/* "the signature is wrong". Static. */
const char *refusal_text(unsigned i);

/* Count, and log. */
void refuse_report(const struct req *q, const struct policy_out *out);
/* Report unless PROCESS; the status to answer with; DISCONNECT happens here. */
MUST_CHECK nt_status refuse_apply(const struct req *q, const struct policy_out *out);
/* The same for what policy does not decide. st: what is answered. */
void refuse_other(const struct req *q, enum refusal r, nt_status st);
/* A logon failed with st, for no reason of policy's. */
void refuse_logon(const struct req *q, nt_status st);

/* One line, at the end: how many of each there were. */
void refuse_summary(const struct smb_server *s);
