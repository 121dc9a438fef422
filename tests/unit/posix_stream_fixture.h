/*
 * posix_stream_fixture.h - what tests of named streams do all the time.
 */
#pragma once

#include "fs/posix_stream.h"
#include "posix_fixture.h"

#include <dirent.h>

static inline int open_stream(struct fix *f, struct vfile *file, const char *name,
			      bool create, struct vfs_stream_open *o)
{
	*o = (struct vfs_stream_open){.file = file, .name = name, .create = create};
	return fix_run(f, &o->call, VFS_STREAM_OPEN);
}

/* A handle for contents; the stream is made if need be. */
static inline struct vfile *data_of(struct fix *f, struct vfile *file, const char *name)
{
	struct vfs_stream_open o;
	struct vfile *data;

	assert_int_equal(open_stream(f, file, name, true, &o), 0);
	data = fix_open(f, o.stream, true, true);
	vfile_put(o.stream);
	return data;
}

static inline int write_at(struct fix *f, struct vfile *data, uint64_t off,
			   const void *bytes, size_t len)
{
	struct vfs_io io = {
		.data = data, .off = off, .bytes = mspan_of((void *)bytes, len)};
	int err = fix_run(f, &io.call, VFS_WRITE);

	if (!err)
		CHECK_EQ(io.done, len);
	return err;
}

static inline struct span read_all(struct fix *f, struct vfile *data)
{
	enum { ROOM = 1 << 16 };
	struct vfs_io io = {.data = data,
			    .bytes = mspan_of(arena_alloc(&f->arena, ROOM), ROOM)};

	CHECK_EQ(fix_run(f, &io.call, VFS_READ), 0);
	return span_of(io.bytes.p, io.done);
}

static inline int resize(struct fix *f, struct vfile *data, uint64_t size)
{
	struct vfs_setattr s = {
		.file = data, .data = data, .what = VFS_SET_SIZE, .attr.size = size};

	return fix_run(f, &s.call, VFS_SETATTR);
}

static inline uint64_t size_of(struct fix *f, struct vfile *file)
{
	struct vfs_statcall s = {.file = file};

	CHECK_EQ(fix_run(f, &s.call, VFS_STAT), 0);
	CHECK(s.stat.key.stream != 0);
	CHECK_EQ(s.stat.type, VFS_FILE);
	return s.stat.size;
}

static inline struct vfs_stream_list list(struct fix *f, struct vfile *file)
{
	struct vfs_stream_list l = {.file = file};

	CHECK_EQ(fix_run(f, &l.call, VFS_STREAM_LIST), 0);
	return l;
}

static inline int remove_stream(struct fix *f, struct vfile *file, const char *name)
{
	struct vfs_stream_remove r = {0};
	struct vfs_stream_open o;
	int err = open_stream(f, file, name, false, &o);

	if (err)
		return err;
	r.file = o.stream;
	err = fix_run(f, &r.call, VFS_STREAM_REMOVE);
	vfile_put(o.stream);
	return err;
}

static inline int rename_stream(struct fix *f, struct vfile *file, const char *name,
				const char *to, bool replace)
{
	struct vfs_stream_rename r = {.name = to, .replace = replace};
	struct vfs_stream_open o;
	int err = open_stream(f, file, name, false, &o);

	if (err)
		return err;
	r.stream = o.stream;
	err = fix_run(f, &r.call, VFS_STREAM_RENAME);
	vfile_put(o.stream);
	return err;
}

static inline size_t content_files(struct fix *f)
{
	DIR *d = opendir(fix_path(f, "share/.tsmb/streams"));
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static inline struct vfile *fresh_file(struct fix *f)
{
	fix_init(f);
	fix_put(f, "share/file", "contents");
	return fix_find(f, "file");
}

static uint8_t pattern[8192];

static inline void fill_pattern(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
}
