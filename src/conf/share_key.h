/*
 * share_key.h - the key of a share in conf.share_map.
 *
 * The hash needs no secret: only the administrator puts names into the map.
 */
#pragma once

#include "wire/utf16.h"

static inline uint64_t share_key(const char *netname)
{
	static const uint8_t key[16];

	return utf8_hash_nocase(key, netname);
}
