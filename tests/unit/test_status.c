#include "base/status.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

TEST(nt_from_errno_maps)
{
	static const struct {
		int err;
		nt_status want;
	} cases[] = {
		{0, STATUS_SUCCESS},
		{-ENOENT, STATUS_OBJECT_NAME_NOT_FOUND},
		{-EACCES, STATUS_ACCESS_DENIED},
		{-EPERM, STATUS_ACCESS_DENIED},
		{-EEXIST, STATUS_OBJECT_NAME_COLLISION},
		{-ENAMETOOLONG, STATUS_OBJECT_NAME_INVALID},
		{-ENOTEMPTY, STATUS_DIRECTORY_NOT_EMPTY},
		{-ENOSPC, STATUS_DISK_FULL},
		{-EDQUOT, STATUS_DISK_FULL},
		{-EROFS, STATUS_MEDIA_WRITE_PROTECTED},
		{-ENOMEM, STATUS_INSUFFICIENT_RESOURCES},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_ST(nt_from_errno(cases[i].err), cases[i].want);
}

/* No errno, known or not, may pass for success. */
TEST(nt_from_errno_of_an_error_is_an_error)
{
	for (int err = 1; err < 200; err++)
		CHECK(nt_is_error(nt_from_errno(-err)));
	CHECK_ST(nt_from_errno(-12345), STATUS_UNSUCCESSFUL);
}

TEST(nt_severities)
{
	CHECK(nt_ok(STATUS_SUCCESS));
	CHECK(!nt_ok(STATUS_PENDING));
	CHECK(!nt_ok(STATUS_BUFFER_OVERFLOW));
	CHECK(!nt_is_error(STATUS_BUFFER_OVERFLOW));
	CHECK(!nt_is_error(STATUS_STOPPED_ON_SYMLINK));
	CHECK(nt_is_error(STATUS_ACCESS_DENIED));
}

TEST(nt_status_name_of_an_unknown_value)
{
	CHECK_STR(nt_status_name(NT_STATUS(0xC0001234)), "0xC0001234");
	CHECK_STR(nt_status_name(NT_STATUS(0x00000001)), "0x00000001");
}

/* The table of names is kept by hand: compare it with the header itself. */
TEST(nt_status_name_knows_the_whole_header)
{
	const char *vectors = getenv("TSMB_VECTORS"), *tail = strstr(vectors, "tests/");
	char path[4096], line[256], name[128];
	unsigned value, count = 0;
	FILE *f;

	CHECK(tail);
	snprintf(path, sizeof(path), "%.*ssrc/base/status.h", (int)(tail - vectors),
		 vectors);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "#define %127s NT_STATUS(0x%x)", name, &value) != 2)
			continue;
		CHECK_STR(nt_status_name(NT_STATUS(value)), name);
		count++;
	}
	fclose(f);
	CHECK(count > 70); /* the file was really read */
}

TEST_MAIN()
