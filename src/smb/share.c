#include "smb/share.h"

#include "fs/access.h"
#include "smb/stats.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <stdlib.h>
#include <string.h>

/* Access masks behind the four words of `permissions`. [MS-SMB2] 2.2.13.1.1 */
static const uint32_t access_masks[] = {
	[CONF_ACCESS_NO] = 0,
	[CONF_ACCESS_READ] = 0x001200A9,   /* FILE_GENERIC_READ | FILE_GENERIC_EXECUTE */
	[CONF_ACCESS_CHANGE] = 0x001301BF, /* and write, append, delete */
	[CONF_ACCESS_FULL] = 0x001F01FF,   /* FILE_ALL_ACCESS */
};

struct share *share_get(struct share *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void share_put(struct share *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	vfile_put(s->root);
	vfs_put(s->vfs);
	cred_put(s->force_cred);
	principal_put(s->force_who);
	share_stats_put(s->stats);
	free(s->permission_gids);
	conf_put(s->owner);
	free(s);
}

uint32_t share_access_mask(enum conf_access access)
{
	return access_masks[access];
}

static bool permission_matches(const struct share *s, size_t i,
			       const struct principal *who)
{
	const struct conf_perm *p = &s->conf->permissions.list[i];

	switch (p->kind) {
	case CONF_PERM_EVERYONE:
		return who->kind != PRINCIPAL_ANONYMOUS;
	case CONF_PERM_ANONYMOUS:
		return who->kind == PRINCIPAL_ANONYMOUS;
	case CONF_PERM_AUTHENTICATED:
		return who->kind == PRINCIPAL_NAMED;
	case CONF_PERM_USER:
		return who->kind == PRINCIPAL_NAMED && utf8_eq_nocase(p->name, who->user);
	case CONF_PERM_GROUP:
		return who->kind == PRINCIPAL_NAMED &&
		       s->permission_gids[i] != UINT32_MAX &&
		       cred_in_group(who->cred, s->permission_gids[i]);
	case CONF_PERM_SID:
		return principal_has_sid(who, &p->sid);
	}
	return false;
}

/* A group that does not exist cannot be told to stay out: everybody must. */
static bool permission_shuts(const struct share *s, size_t i)
{
	const struct conf_perm *p = &s->conf->permissions.list[i];

	return p->kind == CONF_PERM_GROUP && p->access == CONF_ACCESS_NO &&
	       s->permission_gids[i] == UINT32_MAX;
}

/* [MS-SMB2] 3.3.5.7. Whose the share is gives no right to it: an owner could let himself in, but need not be in. */
static uint32_t described_access(const struct share *s, const struct principal *who)
{
	struct sd sd = s->conf->security_descriptor.sd;

	sd.owner = NULL;
	return access_check(who, &sd);
}

uint32_t share_access(const struct share *s, const struct principal *who)
{
	enum conf_access best = CONF_ACCESS_NO;

	if (s->kind == SHARE_PIPE)
		return access_masks[CONF_ACCESS_CHANGE];
	if (s->shut)
		return 0;
	if (s->conf->security_descriptor.text)
		return described_access(s, who);
	for (size_t i = 0; i < s->conf->permissions.count; i++) {
		enum conf_access access = s->conf->permissions.list[i].access;

		if (permission_shuts(s, i))
			return 0;
		if (!permission_matches(s, i, who))
			continue;
		if (access == CONF_ACCESS_NO)
			return 0; /* `no` beats everything */
		if (access > best)
			best = access;
	}
	return access_masks[best];
}

struct snapshot *snapshot_get(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void snapshot_put(struct snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->share_count; i++)
		share_put(s->shares[i]);
	free(s->shares);
	map_fini(&s->by_name);
	auth_server_fini(&s->auth);
	conf_put(s->conf);
	free(s);
}

/* The names are the administrator's, so no peer can choose them to collide. */
static uint64_t name_hash(const char *name)
{
	static const uint8_t key[16];

	return utf8_hash_nocase(key, name);
}

void snapshot_add(struct snapshot *s, struct share *share)
{
	if (!s->by_name.slots)
		map_init_few(&s->by_name, s->by_name_few);
	s->shares[s->share_count++] = share;
	map_add(&s->by_name, &share->by_name, name_hash(share->name));
}

struct share *snapshot_peek(const struct snapshot *s, const char *name)
{
	struct map_node *n = s->share_count ? map_first(&s->by_name, name_hash(name))
					    : NULL;

	for (; n; n = map_next(n)) {
		struct share *share = container_of(n, struct share, by_name);

		if (utf8_eq_nocase(share->name, name))
			return share;
	}
	return NULL;
}

struct share *snapshot_share(const struct snapshot *s, const char *name)
{
	struct share *share = snapshot_peek(s, name);

	return share ? share_get(share) : NULL;
}
