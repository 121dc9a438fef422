/* test_posix_closer.c - which handles are looked at before they are closed, as closing them may take its time. */
#include "posix_fixture.h"

#include "fs/posix_impl.h"

enum { LARGE = 2 * POSIX_QUICK_BLOCKS * 512 };

/* A file that was small when it was found, and is large now, without a name. */
struct grown {
	struct fix *fix;
	struct vfile *path, *reads, *writes;
	uint64_t inode;
};

static void grown_init(struct grown *g, struct fix *f)
{
	struct vfs_lookup l;
	const char *path;
	int fd;

	g->fix = f;
	fix_put(f, "share/file", "text");
	CHECK_EQ(fix_lookup(f, NULL, "file", &l), 0);
	g->path = l.file;
	g->inode = l.stat.key.inode;
	g->reads = fix_open(f, g->path, true, false);
	g->writes = fix_open(f, g->path, true, true);
	path = fix_path(f, "share/file");
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(posix_fallocate(fd, 0, LARGE), 0);
	close(fd);
	CHECK_EQ(unlink(path), 0);
}

static uint64_t large_gone(struct grown *g)
{
	return posix_volume_of(g->fix->vfs)->large_gone;
}

TEST(who_wrote_sees_that_it_is_large_and_gone)
{
	struct grown g;
	struct fix f;

	fix_init(&f);
	grown_init(&g, &f);
	vfile_put(g.reads); /* was small, and cannot have written */
	CHECK_EQ(large_gone(&g), 0);
	vfile_put(g.writes);
	CHECK_EQ(large_gone(&g), g.inode);
	vfile_put(g.path); /* the last one: the closer's */
	fix_fini(&f);
}

TEST(what_has_a_name_or_is_small_is_quick)
{
	struct vfile *path, *writes;
	struct fix f;

	fix_init(&f);
	fix_put(&f, "share/file", "text");
	path = fix_find(&f, "file");
	writes = fix_open(&f, path, true, true);
	CHECK_EQ(unlink(fix_path(&f, "share/file")), 0);
	vfile_put(writes);
	CHECK_EQ(posix_volume_of(f.vfs)->large_gone, 0);
	vfile_put(path);
	fix_fini(&f);
}

TEST_MAIN()
