/*
 * smbpasswd.h - lines of Samba's smbpasswd(5), which is also what `pdbedit -Lw` prints:
 *
 *     name:uid:LANMAN hash:NT hash:[flags]:LCT-last change:
 *
 * A hash is 32 hexadecimal digits, 32 times X where there is none, or NO PASSWORD and Xs. Of the flags, D and L make a user
 * disabled, N says that no password is asked for, and W, S and I are of machines and domains. uid and LANMAN hash are looked
 * at and not used: Samba goes by the name, too.
 *
 * Owns     nothing.
 * Threads  pure.
 * Errors   false, with the place and the reason; what was asked for is then untouched.
 */
#pragma once

#include "auth/userdb.h"

enum smbpasswd_kind {
	SMBPASSWD_USER,
	SMBPASSWD_NO_HASH,     /* a user who has no password: never let in here	*/
	SMBPASSWD_NO_PASSWORD, /* a user of whom none is asked, or the empty one: likewise */
	SMBPASSWD_MACHINE,     /* no user					*/
};

struct smbpasswd_line {
	enum smbpasswd_kind kind;
	struct user user; /* NO_HASH, NO_PASSWORD, MACHINE: but for its hash */
};

struct smbpasswd_fault {
	size_t at; /* byte of the line that it is about */
	const char *text;
};

/* A line without its newline. *ret_line is to be wiped. */
MUST_CHECK bool smbpasswd_parse(struct span line, struct smbpasswd_line *ret_line,
				struct smbpasswd_fault *ret_fault);
