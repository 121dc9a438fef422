/*
 * posture.h - how the sessions there are protected, counted: for who shows it without showing who they are.
 *
 * Owns     nothing.
 * Threads  any, while it serves. The table is walked in pieces, its lock let go in between: what is counted was true at
 *          some moment of the walk.
 */
#pragma once

#include "secure/policy.h"
#include "secure/seal.h"
#include "secure/sign.h"

struct smb_server;

enum {
	POSTURE_USERS = POLICY_USER_ANONYMOUS + 1,
	/* Five dialects, three ways to sign, four ciphers; or neither where a session has no keys. */
	POSTURE_ROWS_MAX = 5 * (3 * 5 + 1),
};

struct posture_row {
	uint16_t dialect;
	bool has_keys; /* false: a guest or an anonymous client, who can neither sign nor encrypt */
	enum sign_alg sign_alg;  /* if it has keys */
	enum seal_cipher cipher; /* likewise; SEAL_NONE: its client cannot encrypt */
	uint64_t sessions;
};

struct posture {
	uint64_t setting_up;           /* nobody has logged on yet: in nothing below */
	uint64_t users[POSTURE_USERS]; /* by enum policy_user */
	uint64_t signing_required;
	uint64_t encrypted; /* all that is sent to it is */
	size_t row_count;   /* by dialect, without keys first */
	struct posture_row rows[POSTURE_ROWS_MAX];
};

void posture_gather(struct smb_server *s, struct posture *ret);

/* One session more. */
void posture_add(struct posture *p, const struct posture_row *one);
