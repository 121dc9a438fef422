#include "accounts.h"

#include <grp.h>
#include <pwd.h>

enum { RECORD_MAX = 16384 };

static bool by_id(struct arena *a, bool group, uint32_t id, const char **ret_name)
{
	char *buf = arena_alloc(a, RECORD_MAX);
	struct passwd pw, *user = NULL;
	struct group gr, *found = NULL;

	if (!buf)
		return false;
	if (group) {
		if (getgrgid_r(id, &gr, buf, RECORD_MAX, &found) != 0 || !found)
			return false;
		*ret_name = found->gr_name;
		return true;
	}
	if (getpwuid_r(id, &pw, buf, RECORD_MAX, &user) != 0 || !user)
		return false;
	*ret_name = user->pw_name;
	return true;
}

static bool by_name(const char *name, bool *ret_group, uint32_t *ret_id)
{
	char buf[RECORD_MAX];
	struct passwd pw, *user = NULL;
	struct group gr, *found = NULL;

	if (getpwnam_r(name, &pw, buf, sizeof(buf), &user) == 0 && user) {
		*ret_group = false;
		*ret_id = user->pw_uid;
		return true;
	}
	if (getgrnam_r(name, &gr, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*ret_group = true;
	*ret_id = found->gr_gid;
	return true;
}

const struct account_names unix_accounts = {.by_id = by_id, .by_name = by_name};
