/* identity.c - see identity.h */
#include "auth/identity.h"

#include "base/span.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { PASSWD_BUF_MIN = 1024, PASSWD_BUF_MAX = 1 << 20, GROUPS_MIN = 32 };

static void freep(void *p)
{
	free(*(void **)p);
}

/* True, and *ret_uid set, if account is a number. */
static bool account_is_uid(const char *account, uid_t *ret_uid)
{
	char *end;
	unsigned long v;

	if (!account[0] || account[strspn(account, "0123456789")])
		return false;
	errno = 0;
	v = strtoul(account, &end, 10);
	if (errno || v >= (uid_t)-1)
		return false;
	*ret_uid = (uid_t)v;
	return true;
}

/* The entry, its strings in *ret_buf, which the caller frees. */
static int passwd_lookup(const char *account, struct passwd *ret_entry, char **ret_buf)
{
	bool by_uid;
	uid_t uid;

	by_uid = account_is_uid(account, &uid);
	for (size_t len = PASSWD_BUF_MIN; len <= PASSWD_BUF_MAX; len *= 2) {
		CLEANUP(freep) char *buf = malloc(len);
		struct passwd *found = NULL;
		int err;

		if (!buf)
			return -ENOMEM;
		if (by_uid)
			err = getpwuid_r(uid, ret_entry, buf, len, &found);
		else
			err = getpwnam_r(account, ret_entry, buf, len, &found);
		if (err == ERANGE)
			continue;
		if (err == ESRCH || (!err && !found))
			return -ENOENT;
		if (err)
			return -err;
		*ret_buf = TAKE(buf);
		return 0;
	}
	return -E2BIG;
}

static int cred_make(const struct passwd *pw, struct cred **ret_cred)
{
	for (int want = GROUPS_MIN; want <= 2 * NGROUPS_MAX; want *= 2) {
		int count = want;
		CLEANUP(freep) gid_t *groups = calloc((size_t)count, sizeof(*groups));
		struct cred *c;

		if (!groups)
			return -ENOMEM;
		if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
			continue; /* not all fitted */
		c = cred_new(pw->pw_uid, pw->pw_gid, groups, (size_t)count);
		if (!c)
			return -ENOMEM;
		*ret_cred = c;
		return 0;
	}
	return -E2BIG;
}

int identity_lookup(const char *account, struct cred **ret_cred)
{
	CLEANUP(freep) char *buf = NULL;
	struct passwd pw;
	int err = passwd_lookup(account, &pw, &buf);

	return err ? err : cred_make(&pw, ret_cred);
}

int identity_self(struct cred **ret_cred)
{
	CLEANUP(freep) gid_t *groups = NULL;
	int count = getgroups(0, NULL);
	struct cred *c;

	if (count < 0)
		return -errno;
	groups = calloc((size_t)count + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	count = getgroups(count, groups);
	if (count < 0)
		return -errno;
	c = cred_new(geteuid(), getegid(), groups, (size_t)count);
	if (!c)
		return -ENOMEM;
	*ret_cred = c;
	return 0;
}
