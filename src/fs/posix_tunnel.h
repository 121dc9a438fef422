/*
 * posix_tunnel.h - which long name a short one stood for a moment ago.
 *
 * A program that knows short names only saves a file by removing it and making it again. For 15 s the file that it makes by the
 * short name gets the long one back.
 *
 * Deviation: [MS-FSA] 2.1.1.2 keeps the creation time as well, and knows it again by the long name, too. Here it does not: a
 * removal would have to read what is stored for the file, and local programs would be surprised.
 *
 * Owns     the names that went last, up to POSIX_TUNNEL_MAX of a volume; the oldest is forgotten first.
 * Threads  any; a leaf lock inside.
 * Spec     [MS-FSA] 2.1.1.2, 2.1.5.1.1
 */
#pragma once

#include "base/span.h"

#include <sys/stat.h>

struct posix_tunnel;

enum { POSIX_TUNNEL_MAX = 64, POSIX_TUNNEL_S = 15 };

struct posix_tunnel *posix_tunnel_new(void); /* NULL without memory */
void posix_tunnel_free(struct posix_tunnel *t);

/* A name left the directory. */
void posix_tunnel_gone(struct posix_tunnel *t, const struct statx *dir_stx,
		       const char *name);
/* The name that `made` stood for, into real, which holds 256 bytes; false: none that is remembered. */
MUST_CHECK bool posix_tunnel_find(struct posix_tunnel *t, const struct statx *dir_stx,
				  const char *made, char *real);
