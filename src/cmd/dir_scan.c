#include "cmd/dir_scan.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_ARENA_MAX = 256 * 1024 };

struct dir_scan *dir_scan_new(void)
{
	struct dir_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	arena_init(&s->arena, BATCH_ARENA_MAX);
	if (nt_ok(dir_scan_set_pattern(s, "*", true)))
		return s;
	dir_scan_free(s);
	return NULL;
}

void dir_scan_free(struct dir_scan *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	free(s->pattern);
	free(s);
}

nt_status dir_scan_set_pattern(struct dir_scan *s, const char *pattern, bool ignore_case)
{
	struct name_pattern matcher;
	nt_status st = name_pattern_init(&matcher, pattern, ignore_case);
	char *fresh;

	if (!nt_ok(st))
		return st;
	fresh = strdup(pattern);
	if (!fresh)
		return STATUS_INSUFFICIENT_RESOURCES;
	free(s->pattern);
	s->pattern = fresh;
	s->matcher = matcher;
	s->wildcards = name_has_wildcards(fresh);
	return STATUS_SUCCESS;
}

void dir_scan_drop(struct dir_scan *s)
{
	arena_fini(&s->arena);
	arena_init(&s->arena, BATCH_ARENA_MAX);
	s->entries = NULL;
	s->count = s->next = 0;
}

void dir_scan_rewind(struct dir_scan *s)
{
	dir_scan_drop(s);
	s->dots = 0;
	s->end = false;
	s->cookie = 0;
}

struct vfs_dirent *dir_scan_peek(struct dir_scan *s)
{
	return s->next < s->count ? &s->entries[s->next] : NULL;
}

void dir_scan_take(struct dir_scan *s)
{
	s->cookie = s->entries[s->next++].cookie;
}
