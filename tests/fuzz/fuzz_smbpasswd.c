/*
 * fuzz_smbpasswd.c - any bytes as a line of an smbpasswd file.
 *
 * Besides surviving: a fault lies within the line; who is taken could be written into the database, and nobody whose hash is the
 * empty password's.
 *
 * Target functions: smbpasswd_parse, userdb_name_fault
 */
#include "auth/smbpasswd.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smbpasswd_fault f = {.at = SIZE_MAX};
	struct smbpasswd_line l;

	if (!smbpasswd_parse(span_of(data, size), &l, &f)) {
		if (f.at > size || !f.text)
			abort();
		return 0;
	}
	if (userdb_name_fault(l.user.name) || l.user.account[0])
		abort();
	if (l.kind == SMBPASSWD_USER &&
	    memcmp(l.user.nt_hash.b, "\x31\xD6\xCF\xE0", 4) == 0 &&
	    memcmp(l.user.nt_hash.b + 4, "\xD1\x6A\xE9\x31", 4) == 0 &&
	    memcmp(l.user.nt_hash.b + 8, "\xB7\x3C\x59\xD7\xE0\xC0\x89\xC0", 8) == 0)
		abort();
	return 0;
}
