/*
 * short_name.h - names of eight characters and three, for programs that know no others.
 *
 * A name that fits is its own short name. For others one is made up from the name alone, so that nothing has to be stored:
 * two of its characters, '~', five digits of its hash, and the extension cut to three. Names that differ in case only
 * have the same. Two names may have the same by chance: then the first that a directory lists is meant.
 *
 *     "torture_smb2_getfinfo_access.html" -> "TO~4K1ZQ.HTM"
 *
 * Owns     nothing.
 * Threads  pure.
 * Spec     [MS-FSCC] 2.1.5.2.1, [MS-FSA] 2.1.5.12.4
 */
#pragma once

#include "base/attr.h"

enum { SHORT_NAME_LEN = 12 };

/* Does the name fit as it is? */
bool short_name_fits(const char *on_disk);
/* on_disk: not empty. */
void short_name_of(const char *on_disk, char ret_short[SHORT_NAME_LEN + 1]);
/* Could the name have been made up? Most that do not exist could not, and need not be looked for. */
bool short_name_is_made(const char *name);
