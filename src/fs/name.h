/*
 * name.h - names as clients write them: backslash paths to components, and search patterns.
 *
 * Deviation: Windows takes any sequence of 16-bit units for a name; here it must be UTF-16, without lone surrogates, as
 * it becomes UTF-8 on disk, in logs and in JSON.
 *
 * Threads  pure.
 * Spec     [MS-FSCC] 2.1.5, [MS-FSA] 2.1.4.4 (wildcards), 2.1.5.1 (phases 1, 5 to 7), [MS-SMB2] 2.2.13 (Name)
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

/* What the type behind the last name's second colon says. */
enum name_type {
	NAME_ANY,       /* nothing			*/
	NAME_DATA,      /* $DATA: contents		*/
	NAME_DIRECTORY, /* $INDEX_ALLOCATION		*/
};

struct name_path {
	const char **names; /* components, UTF-8		*/
	size_t count;       /* 0: the share root		*/
	const char *stream; /* of the last one; NULL for none	*/
	enum name_type type;
	bool slash; /* ends in a backslash: only a directory will do */
};

/*
 * Split what a client sent.
 *
 * STATUS_OBJECT_NAME_INVALID     not UTF-16, a reserved character, an empty component, one over 255 UTF-16 units or 255
 *                                bytes, an unknown type of stream, a stream before the last component
 * STATUS_OBJECT_PATH_SYNTAX_BAD  "." as a component; ".." that would lead above the root
 * STATUS_INVALID_PARAMETER       a leading backslash, an index other than $I30
 * STATUS_INSUFFICIENT_RESOURCES  the arena is full
 */
MUST_CHECK nt_status name_parse(struct span utf16le, struct arena *a,
				struct name_path *ret_path);

/* Is it the index of quotas that a volume of Windows has, "$Extend\\$Quota:$Q:$INDEX_ALLOCATION"? [MS-FSA] 2.1.5.1 phase 7 */
bool name_is_quota_index(struct span utf16le);

/* Of what a client sent and name_parse() took: bytes behind the component that has `behind` others behind it, the separator and
 * the name of a stream included. */
size_t name_tail_len(struct span utf16le, size_t behind);

/* What names begin with that are about to take the place of others. */
#define NAME_ASIDE ":tsmb:"

/* Does one component stand for something no client may reach (our own folder, what is being made)? */
bool name_reserved(const char *component);

/*
 * Can clients be shown it as it is? Not what is no UTF-8 or has reserved characters: fs/short_name.h. Nor what no client may
 * reach.
 */
bool name_showable(const char *on_disk);

enum { NAME_PATTERN_UNITS_MAX = 256 }; /* names have 255; runs of '*' count once */

/* An expression of * ? < > " made ready: prepared once, matched against every name of a directory. */
struct name_pattern {
	bool everything; /* matches all names		*/
	bool ignore_case;
	size_t len;
	uint16_t units[NAME_PATTERN_UNITS_MAX];
};

/* An empty pattern is "*": [MS-FSA] 2.1.5.6. STATUS_OBJECT_NAME_INVALID if it is too long or not UTF-8. */
MUST_CHECK nt_status name_pattern_init(struct name_pattern *p, const char *pattern,
				       bool ignore_case);

/* Is the name in the expression? Linear in pattern x name, without allocation. Spec: [MS-FSA] 2.1.4.4 */
MUST_CHECK bool name_pattern_match(const struct name_pattern *p, const char *name);

bool name_has_wildcards(const char *pattern);
