/*
 * posix_pattern_fixture.h - a file that shows of each byte where it belongs.
 */
#pragma once

#include "fs/posix_impl.h"
#include "posix_stream_fixture.h"

static inline uint8_t pattern_at(size_t i)
{
	return (uint8_t)(i * 7 + i / 4096);
}

/* A data handle of a file with so many bytes of the pattern. */
static inline struct vfile *pattern_file(struct fix *f, size_t len)
{
	uint8_t *bytes = malloc(len + 1);
	struct vfile *file, *data;

	fix_put(f, "share/file", "");
	file = fix_find(f, "file");
	data = fix_open(f, file, true, true);
	vfile_put(file);
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_at(i);
	CHECK_EQ(pwrite(posix_file_of(data)->fd, bytes, len, 0), (ssize_t)len);
	free(bytes);
	f->jobs = 0;
	return data;
}
