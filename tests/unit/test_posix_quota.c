/* test_posix_quota.c - quotas of a volume, by a source that the test has in its hands. */
#include "fs/quota.h"
#include "posix_fixture.h"

enum { MANY = 3 };

static struct {
	int err; /* instead of anything else */
	int asked;
	struct vfs_quota entries[MANY];
	struct vfs_quota set;
} fake;

static int fake_get(int fd, uint32_t uid, struct vfs_quota *ret)
{
	fake.asked++;
	if (fake.err)
		return fake.err;
	*ret = (struct vfs_quota){
		.uid = uid, .soft = VFS_QUOTA_NONE, .hard = VFS_QUOTA_NONE};
	for (size_t i = 0; i < MANY; i++)
		if (fake.entries[i].uid == uid)
			*ret = fake.entries[i];
	return 0;
}

static int fake_next(int fd, uint32_t uid, struct vfs_quota *ret)
{
	if (fake.err)
		return fake.err;
	for (size_t i = 0; i < MANY; i++)
		if (fake.entries[i].uid >= uid) {
			*ret = fake.entries[i];
			return 0;
		}
	return -ENOENT;
}

static int fake_set(int fd, const struct vfs_quota *q)
{
	fake.set = *q;
	return fake.err;
}

static const struct quota_source fake_source = {fake_get, fake_next, fake_set};

static void begin(struct fix *f)
{
	memset(&fake, 0, sizeof(fake));
	fake.entries[0] = (struct vfs_quota){.uid = 7, .hard = VFS_QUOTA_NONE};
	fake.entries[1] = (struct vfs_quota){.uid = geteuid() ? geteuid() : 8,
					     .used = 1 << 20,
					     .soft = VFS_QUOTA_NONE,
					     .hard = 5 << 20};
	fake.entries[2] = (struct vfs_quota){.uid = UINT32_MAX, .hard = 1};
	fix_init_at(f, "/tmp",
		    (struct posix_settings){.case_insensitive = true,
					    .quotas = &fake_source});
}

static struct vfs_statfs statfs_now(struct fix *f)
{
	struct vfs_statfs s = {0};

	CHECK_EQ(fix_run(f, &s.call, VFS_STATFS), 0);
	return s;
}

/* Less is there for a user with a limit than for the volume. */
TEST(a_limit_bounds_what_a_user_may_have)
{
	struct vfs_statfs s;
	struct fix f;

	begin(&f);
	fake.entries[1].uid = geteuid();
	s = statfs_now(&f);
	CHECK(s.quotas);
	CHECK_EQ(s.blocks, (5 << 20) / s.block_size);
	CHECK_EQ(s.blocks_available, (4 << 20) / s.block_size);
	CHECK(s.blocks_free > s.blocks_available);
	fake.entries[1].used = 6 << 20; /* less was allowed afterwards */
	CHECK_EQ(statfs_now(&f).blocks_available, 0);
	fake.entries[1].hard = VFS_QUOTA_NONE;
	CHECK(statfs_now(&f).blocks_available > (4 << 20) / s.block_size);
	fix_fini(&f);
}

TEST(where_there_are_none_nobody_asks_all_the_time)
{
	struct vfs_statfs s;
	struct fix f;

	begin(&f);
	fake.err = -EOPNOTSUPP;
	for (int i = 0; i < 3; i++) {
		s = statfs_now(&f);
		CHECK(!s.quotas);
	}
	CHECK_EQ(fake.asked, 1);
	fix_fini(&f);
}

TEST(quotas_are_listed_in_order_and_by_name)
{
	const uint32_t uids[] = {9, 7};
	struct vfs_quota_list l = {.max = 2};
	struct fix f;

	begin(&f);
	CHECK_EQ(fix_run(&f, &l.call, VFS_QUOTA_LIST), 0);
	CHECK_EQ(l.count, 2);
	CHECK_EQ(l.list[0].uid, 7);
	l.from = (uint64_t)l.list[1].uid + 1;
	CHECK_EQ(fix_run(&f, &l.call, VFS_QUOTA_LIST), 0);
	CHECK_EQ(l.count, 1);
	CHECK_EQ(l.list[0].uid, UINT32_MAX);
	l.from = (uint64_t)UINT32_MAX + 1;
	CHECK_EQ(fix_run(&f, &l.call, VFS_QUOTA_LIST), 0);
	CHECK_EQ(l.count, 0);
	l.uids = uids;
	l.uid_count = 2;
	CHECK_EQ(fix_run(&f, &l.call, VFS_QUOTA_LIST), 0);
	CHECK_EQ(l.count, 2);
	CHECK_EQ(l.list[0].hard, VFS_QUOTA_NONE);
	CHECK_EQ(l.list[1].uid, 7);
	fake.err = -EOPNOTSUPP;
	CHECK_EQ(fix_run(&f, &l.call, VFS_QUOTA_LIST), -EOPNOTSUPP);
	fix_fini(&f);
}

TEST(limits_are_set_one_by_one)
{
	const struct vfs_quota quotas[] = {{.uid = 7, .hard = 1}, {.uid = 8, .hard = 2}};
	struct vfs_quota_set s = {.quotas = quotas, .count = 2};
	struct fix f;

	begin(&f);
	CHECK_EQ(fix_run(&f, &s.call, VFS_QUOTA_SET), 0);
	CHECK_EQ(fake.set.uid, 8);
	fake.err = -EPERM;
	CHECK_EQ(fix_run(&f, &s.call, VFS_QUOTA_SET), -EPERM);
	CHECK_EQ(fake.set.uid, 7);
	fix_fini(&f);
}

/* Whatever the kernel of this machine has: no quota, or one that makes sense. */
TEST(the_kernel_is_asked_in_its_own_words)
{
	struct vfs_quota q = {0};
	int fd = open("/tmp", O_PATH), err;

	err = quota_kernel.get(fd, geteuid(), &q);
	CHECK(err == 0 || err == -EOPNOTSUPP);
	if (!err)
		CHECK_EQ(q.uid, geteuid());
	close(fd);
}

TEST_MAIN()
