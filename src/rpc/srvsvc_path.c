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
