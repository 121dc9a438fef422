/*
 * attr_map.h - DOS attributes that are not stored but follow from a file's mode and name: map_attributes.
 *
 *     posix-exec   execute bits of files stand for what they are mapped to, as with Samba's `map archive`, `map system` and
 *                  `map hidden`; a new file has those of the attributes it is made with
 *     filename     nothing but what mode and name say
 *
 * With both, READONLY is the owner's right to write, and a name that begins with a dot is HIDDEN. What cannot be said so
 * is not kept, and asking for it is no error: a client that copies a file sets what it can.
 *
 * Threads  pure.
 * Spec     [MS-FSCC] 2.6
 */
#pragma once

#include "conf/conf.h"

/* Are they stored in an extended attribute? Then this is not asked. */
static inline bool attr_map_stores(const struct conf_map_attributes *m)
{
	return m->form == CONF_MAP_ATTRIBUTES_XATTR;
}

/* Those of a file or directory of that mode, but for DIRECTORY and NORMAL. */
uint32_t attr_map_read(const struct conf_map_attributes *m, uint32_t mode, bool directory,
		       bool dot_name);

/* The mode with which it has as many of the attributes as can be. A directory's never says any. */
uint32_t attr_map_mode(const struct conf_map_attributes *m, uint32_t mode, bool directory,
		       uint32_t attributes);
