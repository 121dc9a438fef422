/*
 * passwd_import.h - tsmb-passwd --import: users of a smbpasswd file into the database, all of them or none.
 *
 * Threads  main.
 * Errors   told on standard error, with file, line and column, all of a file in one go.
 */
#pragma once

#include <stdbool.h>

struct import_args {
	const char *db_path;
	const char *from; /* a path, or "-": standard input */
	bool replace;     /* the passwords of users who are in the database */
};

/* True if it is done, and said on standard output. */
bool passwd_import(const struct import_args *a);
