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

static void write_anew(const struct dosattr *a, unsigned version)
{
	uint8_t room[DOSATTR_LEN];
	struct dosattr again;

	if (dosattr_decode(dosattr_encode(a, version, room), &again) != 0)
		abort();
	if (again.has_attributes != a->has_attributes ||
	    again.has_create_time != a->has_create_time ||
	    again.has_change_time != a->has_change_time)
		abort();
	if (a->has_attributes && again.attributes != a->attributes)
		abort();
	if (a->has_create_time && again.create_time != a->create_time)
		abort();
	if (a->has_change_time && (again.change_time != a->change_time ||
				   again.own_change_time != a->own_change_time ||
				   again.write_time != a->write_time))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dosattr a;

	if (dosattr_decode(span_of(data, size), &a) != 0)
		return 0;
	if (a.attributes & ~dosattr_kept())
		abort();
	for (unsigned version = 3; version <= 5; version++)
		write_anew(&a, version);
	return 0;
}
