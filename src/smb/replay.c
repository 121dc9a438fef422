#include "smb/replay.h"

#include "smb/open.h"

#include <string.h>

uint64_t replay_key(const struct smb_server *s, const uint8_t client_guid[16],
		    const struct guid *create_guid)
{
	uint8_t both[16 + GUID_LEN];

	memcpy(both, client_guid, 16);
	memcpy(both + 16, create_guid->bytes, GUID_LEN);
	return map_hash(s->hash_key, span_of(both, sizeof(both)));
}

static bool is_open_of(const struct open *o, const struct create_under_way *u)
{
	return memcmp(o->client_guid, u->client_guid, sizeof(o->client_guid)) == 0 &&
	       guid_eq(&o->create_guid, &u->create_guid);
}

/*
 * Under opens_lock, as the next. Opens that something was done with are passed once: a client may give all of its opens one
 * CreateGuid.
 */
static struct open *find_open(struct smb_server *s, const struct create_under_way *u,
			      uint64_t key)
{
	for (struct map_node *n = map_first(&s->creates, key), *next; n; n = next) {
		struct open *o = container_of(n, struct open, by_create);

		next = map_next(n);
		if (!is_open_of(o, u))
			continue;
		if (!atomic_load(&o->replay_eligible)) {
			map_del(&s->creates, n);
			o->in_creates = false;
			continue;
		}
		if (open_get_unless_gone(o))
			return o;
	}
	return NULL;
}

static bool is_under_way(struct smb_server *s, const struct create_under_way *u,
			 uint64_t key)
{
	for (struct map_node *n = map_first(&s->creates_under_way, key); n;
	     n = map_next(n)) {
		const struct create_under_way *other =
			container_of(n, struct create_under_way, by_create);

		if (memcmp(other->client_guid, u->client_guid, sizeof(u->client_guid)) ==
			    0 &&
		    guid_eq(&other->create_guid, &u->create_guid))
			return true;
	}
	return false;
}

nt_status replay_begin(struct smb_server *s, struct create_under_way *u, bool replay,
		       struct open **ret_open)
{
	uint64_t key = replay_key(s, u->client_guid, &u->create_guid);
	struct open *o;
	LOCK_SCOPE(&s->opens_lock);

	o = find_open(s, u, key);
	/* Deviation: 3.3.5.9.10 knows opens only, and Windows says ACCESS_DENIED; as Samba, so that the client tries again */
	if (!o && is_under_way(s, u, key))
		return replay ? STATUS_FILE_NOT_AVAILABLE : STATUS_DUPLICATE_OBJECTID;
	*ret_open = o;
	if (o)
		return STATUS_SUCCESS;
	map_add(&s->creates_under_way, &u->by_create, key);
	u->listed = true;
	return STATUS_SUCCESS;
}

void replay_end(struct smb_server *s, struct create_under_way *u)
{
	LOCK_SCOPE(&s->opens_lock);

	if (u->listed)
		map_del(&s->creates_under_way, &u->by_create);
	u->listed = false;
}
