/*
 * privileges.h - the file that privilegedb names: which accounts hold which privileges of Windows.
 *
 *     # comment
 *     account: SeBackupPrivilege, SeRestorePrivilege
 *
 * An account is the name of a user, @group, or *S-1-...; it stands once. A group that does not exist is nobody.
 *
 * Owns     nothing; entries live in the arena of their struct conf.
 * Threads  immutable once read.
 * Errors   among those of the configuration, under "privilegedb", with the place in the file.
 * Spec     [MS-LSAD] 3.1.1.2.1 (privileges), [MS-DTYP] 2.5.2 (tokens)
 */
#pragma once

#include "base/arena.h"
#include "conf/errors.h"
#include "wire/sid.h"

#include <stdio.h>
#include <sys/types.h>

enum privilege {
	PRIVILEGE_BACKUP = 1 << 0,
	PRIVILEGE_RESTORE = 1 << 1,
	PRIVILEGE_TAKE_OWNERSHIP = 1 << 2,
	PRIVILEGE_SECURITY = 1 << 3,
	PRIVILEGE_DISK_OPERATOR = 1 << 4,
};

enum {
	PRIVILEGES_FILE_MAX = 1 << 20, /* bytes */
	PRIVILEGES_ACCOUNTS_MAX = 4096,
};

enum conf_holder { CONF_HOLDER_USER, CONF_HOLDER_GROUP, CONF_HOLDER_SID };

struct conf_privilege {
	enum conf_holder kind;
	const char *name; /* USER, GROUP: without the '@' */
	uint32_t gid;     /* GROUP; UINT32_MAX: there is none */
	struct sid sid;   /* SID */
	uint32_t held;    /* enum privilege, several */
};

struct conf_privileges {
	struct conf_privilege *list;
	size_t count;
};

/* "SeBackupPrivilege"; static. NULL: past the end. */
const char *privilege_name(size_t i);

/* "alice: SeBackupPrivilege; @wheel: SeDiskOperatorPrivilege": on one line, for those who are told of a change. */
void privileges_print(const struct conf_privileges *ps, FILE *out);

/* Pure but for gids, which stay UINT32_MAX. `path` heads the places. False: there are errors. */
MUST_CHECK bool privileges_parse(struct span text, const char *path, struct arena *a,
				 struct conf_privileges *ret, struct conf_errors *errs);
/*
 * Read the file. One that is not there is empty, if may_miss. It must be a regular one that nobody but its owner can change:
 * root, the account of this process, or `owner`, that of the configuration.
 */
MUST_CHECK bool privileges_read(const char *path, bool may_miss, uid_t owner,
				struct arena *a, struct conf_privileges *ret,
				struct conf_errors *errs);
