/*
 * userline.h - lines of the user database, for userdb.c, useredit.c and smbpasswd.c only.
 *
 * Owns     struct userlines: its descriptor and buffer, until userlines_close().
 * Threads  one owner at a time.
 */
#pragma once

#include "auth/userdb.h"
#include "base/secret.h"

/* Record why, return err. */
int fault_set(struct userdb_fault *f, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* NULL, and *u set; or what is wrong with the line, and *u is anything. */
const char *userline_parse(struct span line, struct user *u);
bool userline_is_comment(struct span line);
/* 32 hexadecimal digits. */
MUST_CHECK bool userline_hash_parse(struct span hex, struct ntlm_key *ret_hash);

struct userlines {
	const char *path;
	int fd;
	uint8_t *buf; /* SECRET_LEN_MAX bytes */
	size_t start; /* of what was read and not yet handed out */
	size_t end;
	unsigned line; /* of the one handed out last, from 1 */
	bool eof;
};

/* -ENOENT without a fault: there is no file. To be closed whatever this returns. */
MUST_CHECK int userlines_open(struct userlines *l, const char *path,
			      struct userdb_fault *ret_fault);
void userlines_close(struct userlines *l);
/* 1, and the next line without its newline, borrowed until the next call; 0 at the end; or a
 * negative errno. */
MUST_CHECK int userlines_next(struct userlines *l, struct span *ret_line,
			      struct userdb_fault *ret_fault);
