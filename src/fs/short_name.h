/*
 * short_name.h - names of eight characters and three, for programs that know no others, and for names that clients cannot
 *                spell.
 *
 * A name that fits is its own short name. For others one is made up from the name alone: its first character, '~', six
 * digits of its hash, and the extension cut to three.
 *
 *     "torture_smb2_getfinfo_access.html" -> "T~4K1ZQ7.HTM"
 *
 * So nothing has to be stored or counted: a name has the same short name for ever and on every server, and a listing tells
 * it without a look at the other entries. The way back goes by the cache of names (fs/posix_names.h), which keeps what a
 * directory's names are called for short from the first time on that somebody asks.
 *
 * Names that differ in case only have the same. Two others have by chance: one pair is to be expected among 66,000 names that
 * begin alike, with one extension; then the short name means neither. A file that really has such a name goes before one that
 * it was made up for.
 *
 * A name on disk that no client could spell (not UTF-8, a character that is reserved) is shown as its short name instead
 * of itself, and reached by that: short_name_shown().
 *
 * Deviation: [MS-FSCC] 2.1.5.2.1 leaves open how they are made, but wants them unique; and a search for "*.htm" does not
 * find "page.html" by its short name, as [MS-FSA] 2.1.5.6.3 would have it: who searches or deletes by pattern means
 * the names he sees.
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
/* Is there one made up for it? Not for "." and "..", nor for what no client may use. */
bool short_name_is_given(const char *on_disk);
/* on_disk: not empty. */
void short_name_of(const char *on_disk, char ret_short[SHORT_NAME_LEN + 1]);
/* Could the name have been made up? Most that do not exist could not, and need not be looked for. */
bool short_name_is_made(const char *name);
/* How clients are shown a name: itself, or its short name, in buf. NULL: not at all. */
const char *short_name_shown(const char *on_disk, char buf[SHORT_NAME_LEN + 1]);
