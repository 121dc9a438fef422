/* srvsvc_path.c - see srvsvc.h.  Spec: [MS-SRVS] 2.2.4.24 (shi2_path), 2.2.4.7 (fi3_pathname) */
#include "rpc/srvsvc.h"

static const char drive[] = "C:";

static char *put_backslashes(char *to, const char *from)
{
	for (; *from; from++)
		*to++ = *from == '/' ? '\\' : *from;
	return to;
}

const char *srvsvc_path_shown(struct arena *a, const char *path, const char *below)
{
	size_t len = strlen(path);
	char *shown = arena_alloc(a, sizeof(drive) + len + 1 + strlen(below) + 1);
	char *to = shown;

	if (!shown)
		return NULL;
	to = put_backslashes(to, drive);
	to = put_backslashes(to, path);
	if (below[0] && (len == 0 || path[len - 1] != '/'))
		*to++ = '\\';
	memcpy(to, below, strlen(below) + 1);
	return shown;
}

/* "." and ".." would lead elsewhere than it says. */
static bool is_plain(const char *path)
{
	for (const char *p = path; *p; p++) {
		size_t len = strcspn(p, "/");

		if ((len == 1 && p[0] == '.') || (len == 2 && memcmp(p, "..", 2) == 0))
			return false;
		p += len;
		if (!*p)
			break;
	}
	return true;
}

const char *srvsvc_path_given(struct arena *a, const char *path)
{
	char *given;
	size_t len;

	if ((path[0] == drive[0] || path[0] == 'c') && path[1] == ':')
		path += 2;
	given = arena_strdup(a, path);
	if (!given)
		return NULL;
	for (char *p = given; *p; p++)
		if (*p == '\\')
			*p = '/';
	len = strlen(given);
	while (len > 1 && given[len - 1] == '/')
		given[--len] = '\0';
	return given[0] == '/' && is_plain(given) ? given : NULL;
}
