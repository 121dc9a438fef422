/*
 * name.h - names as clients write them: backslash paths to components, and search patterns.
 *
 * Threads  pure.
 * Spec     [MS-FSCC] 2.1.5, [MS-FSA] 2.1.4.4 (wildcards), [MS-SMB2] 2.2.13 (Name)
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

struct name_path {
	const char **names; /* components, UTF-8 */
	size_t count;       /* 0: the share root */
	const char *stream; /* "name" of name:$DATA; NULL for none (or ::$DATA) */
	bool bad_stream;
};

/*
 * Split what a client sent.
 *
 * STATUS_OBJECT_NAME_INVALID   a reserved character, a component over 255 UTF-16 units or 255 bytes
 * STATUS_OBJECT_PATH_SYNTAX_BAD  "." or ".." as a component, or an empty one
 * STATUS_INVALID_PARAMETER     a leading backslash
 */
MUST_CHECK nt_status name_parse(struct span utf16le, struct arena *a,
				struct name_path *ret_path);

/* Does one component stand for something no client may reach (our own folders and attributes)? */
bool name_reserved(const char *component);

/* Match with * ? < > " as [MS-FSA] 2.1.4.4 says; both UTF-8; linear space, bounded time. */
MUST_CHECK bool name_match(const char *pattern, const char *name, bool ignore_case);
bool name_has_wildcards(const char *pattern);

/* A name as it may be shown to clients; false if it cannot (not UTF-8, reserved characters): then it is hidden. */
bool name_showable(const char *on_disk);
