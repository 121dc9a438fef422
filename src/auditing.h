/*
 * auditing.h - the audit log of the running server, as audit_enable and audit_params say.
 *
 * Owns     the writer (trail/writer.h). The key of hashes lies in runstate_dir, made when it is first needed.
 * Threads  main.
 * Errors   negative errno, with a reason; what is written stays as it was.
 */
#pragma once

#include "base/env.h"
#include "conf/conf.h"

struct auditing;
struct trail;

enum { AUDITING_WHY_MAX = 512 };

MUST_CHECK int auditing_new(struct env *env, struct auditing **ret_auditing);
struct trail *auditing_trail(struct auditing *a);

/* Who changes the configuration. */
struct changer {
	const char *by;   /* "uid 0", "SIGHUP", "srvsvc" */
	const char *user; /* of a client; else NULL */
};

/* A change of what is written where: begun, then made or given up. */
struct auditing_change {
	struct target *target; /* NULL: nothing changes */
};
/* Open what `to` names. from: in force so far, or NULL at the start. why: AUDITING_WHY_MAX bytes. */
MUST_CHECK int auditing_begin(struct auditing *a, const struct conf *from,
			      const struct conf *to, struct auditing_change *ret_change,
			      char *why);
void auditing_give_up(struct auditing_change *c);
/*
 * The configuration changes from `from` to `to`; NULL: the server starts. It is noted where events went so far and where they
 * go from now on. who: not needed where the server starts.
 */
void auditing_finish(struct auditing *a, struct auditing_change *c,
		     const struct conf *from, const struct conf *to,
		     const struct changer *who);

/* Nobody notes anything any more. The last record, then the end; see writer_free(). NULL is fine. */
void auditing_free(struct auditing *a, const struct conf *conf);
