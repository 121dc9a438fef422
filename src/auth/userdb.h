/*
 * userdb.h - the text user database: who may log on, and the hashes of their passwords.
 *
 * A line a user, four fields between colons; blank lines and lines that begin with '#' are
 * comments:
 *
 *     name:account:hash:flags
 *     alice::A4F49C406510BDCAB6824EE7C30FD852:
 *     Bob Smith:bob:69943C5E63B4D2C104DBBCC15138B72B:disabled
 *
 *     name     as the client gives it, case-insensitively; UTF-8; no control characters, none of
 *              "/\[]:;|=,+*?<>
 *     account  the Unix account it acts as: a name or a uid; empty: the same as name
 *     hash     MD4 of the password in UTF-16LE, 32 hexadecimal digits. As good as the password
 *              to an attacker
 *     flags    words with commas between them: `disabled`; nothing else is known, and what is not
 *              known is an error
 *
 * The file is read anew for each logon, from its first to its last line: a change counts at
 * once, no hash stays in memory, and the time taken does not tell whether a name exists. It must
 * belong to root or to the caller and be readable by nobody else. A file with any fault is
 * refused as a whole: a user missed for a typing error could become a guest. Reading costs about
 * 0.13 us a user; who has tens of thousands wants a directory service.
 *
 * Owns     nothing between calls. Hashes pass through base/secret.h memory and struct user, born
 *          with CLEANUP(user_wipe).
 * Threads  any. Readers need no lock, as the file is only ever replaced as a whole; writers
 *          exclude each other by flock() on FILE.lock.
 * Errors   negative errno, and a sentence that names file, line and reason in struct
 *          userdb_fault.
 */
#pragma once

#include "auth/ntlmkey.h"
#include "base/map.h"

enum { USER_NAME_MAX = 256 /* UTF-16 code units */, USER_ACCOUNT_MAX = 255 /* bytes */ };

struct user {
	char name[3 * USER_NAME_MAX + 1];
	char account[USER_ACCOUNT_MAX +
		     1]; /* as in the file; user_account() knows the default */
	struct ntlm_key nt_hash;
	bool disabled;
};

void user_wipe(struct user *u);
/* The Unix account to act as: never empty. Borrowed. */
const char *user_account(const struct user *u);

struct userdb_fault {
	char text[512];
};

/* Why a name cannot stand in the database, or NULL if it can. */
const char *userdb_name_fault(const char *name);
const char *userdb_account_fault(const char *account);

/* -ENOENT, and no fault: not in the database, or there is no such file. Any other error:
 * nobody can be looked up. */
MUST_CHECK int userdb_find(const char *path, const char *name, struct user *ret_user,
			   struct userdb_fault *ret_fault);

/* All users in the order of the file. A negative result of fn ends the walk and is returned. */
MUST_CHECK int userdb_walk(const char *path,
			   int (*fn)(const struct user *u, unsigned line, void *arg),
			   void *arg, struct userdb_fault *ret_fault);

enum userdb_verdict { USERDB_PUT, USERDB_DELETE };

/*
 * Change one user: fn gets the record (exists), or an empty one with the name set, and alters
 * it. What it returns is done: the record written back or added, the line deleted, or for a
 * negative errno nothing at all (and no fault). All other lines and comments stay as they are.
 * The new file replaces the old one in one step and is on the disk when this returns; a file
 * that does not exist is made. A symbolic link in place of the file is refused.
 */
MUST_CHECK int userdb_edit(const char *path, const char *name,
			   int (*fn)(struct user *u, bool exists, void *arg), void *arg,
			   struct userdb_fault *ret_fault);

/* One of many users that are added together. */
struct userdb_entry {
	struct user user;
	bool existed;         /* in the database */
	struct map_node node; /* userdb_import()'s own */
};

/*
 * Add all of them, or none. Of one that is there the hash is replaced and whether it is disabled, and its Unix account kept;
 * unless replace is set, that is -EEXIST, without a fault, and each one's `existed` is told. Names must differ, without regard
 * to case.
 */
MUST_CHECK int userdb_import(const char *path, struct userdb_entry *entries, size_t count,
			     bool replace, struct userdb_fault *ret_fault);
