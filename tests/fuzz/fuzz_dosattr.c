/*
 * fuzz_dosattr.c - any bytes as a stored "user.DOSATTRIB".
 *
 * Besides surviving: only attributes that are kept come out, and what is accepted means the same once written anew.
 *
 * Target functions: dosattr_decode, dosattr_encode
 */
#include "fs/dosattr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t xattr[DOSATTR_LEN];
	struct dosattr a, again;

	if (dosattr_decode(span_of(data, size), &a) != 0)
		return 0;
	if (a.attributes & ~dosattr_kept())
		abort();
	dosattr_encode(&a, xattr);
	if (dosattr_decode(span_of(xattr, sizeof(xattr)), &again) != 0)
		abort();
	if (again.has_attributes != a.has_attributes ||
	    again.has_create_time != a.has_create_time)
		abort();
	if (a.has_attributes && again.attributes != a.attributes)
		abort();
	if (a.has_create_time && again.create_time != a.create_time)
		abort();
	return 0;
}
