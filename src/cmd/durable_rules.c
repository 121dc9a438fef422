#include "cmd/durable_rules.h"

enum { TIMEOUT_MAX_MS = 300 * 1000 }; /* [MS-SMB2] 3.3.5.9.10 */

nt_status durable_way(const struct create_durable *d, uint16_t dialect,
		      enum durable_way *ret_way)
{
	bool ask_v2 = d->ask_v2 && dialect >= SMB2_DIALECT_300;
	bool again_v2 = d->again_v2 && dialect >= SMB2_DIALECT_300;

	if ((ask_v2 || again_v2) && (d->ask_v1 || d->again_v1))
		return STATUS_INVALID_PARAMETER;
	if (ask_v2 && again_v2)
		return STATUS_INVALID_PARAMETER;
	if (again_v2)
		*ret_way = DURABLE_AGAIN_V2;
	else if (ask_v2)
		*ret_way = DURABLE_ASK_V2;
	else if (d->again_v1)
		*ret_way = DURABLE_AGAIN_V1; /* a request beside it is ignored */
	else
		*ret_way = d->ask_v1 ? DURABLE_ASK_V1 : DURABLE_NONE;
	return STATUS_SUCCESS;
}

uint32_t durable_v2_timeout_ms(uint32_t asked, uint32_t default_s)
{
	if (!asked)
		return default_s * 1000;
	return asked < TIMEOUT_MAX_MS ? asked : TIMEOUT_MAX_MS;
}

/* A lease is claimed by its key, in the version it has; what has none, without one. */
static bool lease_matches(const struct durable_open *o, const struct durable_claim *c)
{
	if (o->lease_version != c->lease_version)
		return false;
	return !o->lease_version || lease_id_eq(&o->lease, &c->lease);
}

/* A claim of version 1 names no CreateGuid, and may be on any open; one of version 2 names the open's, zero if it has none. */
static bool guid_matches(const struct durable_open *o, const struct durable_claim *c)
{
	return c->way == DURABLE_AGAIN_V1 || guid_eq(&o->create_guid, &c->create_guid);
}

/*
 * Deviation: 3.3.5.9 refuses another key only where the open has a lease. One that has an oplock was not asked for with a
 * lease, so a CREATE with one is not the same; both are refused, as Samba does.
 */
static bool replay_lease_matches(const struct durable_open *o,
				 const struct replay_claim *c)
{
	if (!o->lease_version || !c->lease_version)
		return !o->lease_version && !c->lease_version;
	return lease_id_eq(&o->lease, &c->lease);
}

nt_status replay_match(const struct durable_open *o, const struct replay_claim *c)
{
	if (!c->replay)
		return STATUS_DUPLICATE_OBJECTID;
	if (!c->same_user || !replay_lease_matches(o, c))
		return STATUS_ACCESS_DENIED;
	return c->same_session ? STATUS_SUCCESS : STATUS_DUPLICATE_OBJECTID;
}

nt_status instance_check(const struct instance_version *o,
			 const struct instance_version *c, uint16_t dialect)
{
	bool versioned = c->there && dialect == SMB2_DIALECT_311;

	if (!o->there)
		return STATUS_SUCCESS;
	if (!versioned || o->high > c->high || (o->high == c->high && o->low >= c->low))
		return STATUS_FILE_FORCED_CLOSED;
	return STATUS_SUCCESS;
}

nt_status durable_match(const struct durable_open *o, const struct durable_claim *c)
{
	if (!o->version || !o->disconnected || !o->holds_handle)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (!guid_matches(o, c) || !lease_matches(o, c) || !c->same_share)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (o->lease_version && !o->delete_on_close && !c->same_name)
		return STATUS_INVALID_PARAMETER;
	if (c->way == DURABLE_AGAIN_V2 && (c->flags & SMB2_DHANDLE_FLAG_PERSISTENT))
		return STATUS_INVALID_PARAMETER; /* no open is */
	return c->same_user ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}
