#include "conf/conf.h"

#include "conf/share_key.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <stdlib.h>

struct conf *conf_get(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conf_put(struct conf *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	map_fini(&c->share_map);
	free(c->shares);
	arena_fini(&c->arena);
	free(c);
}

const struct conf_share *conf_share_find(const struct conf *c, const char *netname)
{
	struct map_node *n = map_first(&c->share_map, share_key(netname));

	for (; n; n = map_next(n)) {
		const struct conf_share *s = container_of(n, struct conf_share, node);

		if (utf8_eq_nocase(s->netname, netname))
			return s;
	}
	return NULL;
}

bool conf_cipher_allowed(const struct conf *c, enum seal_cipher cipher)
{
	for (size_t i = 0; i < c->encryption_ciphers.count; i++)
		if (c->encryption_ciphers.list[i] == cipher)
			return true;
	return false;
}

bool conf_signing_allowed(const struct conf *c, enum sign_alg alg)
{
	for (size_t i = 0; i < c->signing_algorithms.count; i++)
		if (c->signing_algorithms.list[i] == alg)
			return true;
	return false;
}

bool conf_dialect_offered(const struct conf *c, uint16_t dialect)
{
	switch (dialect) {
	case SMB2_DIALECT_202:
		return (c->dialects & CONF_DIALECT_202) &&
		       conf_signing_allowed(c, SIGN_HMAC_SHA256);
	case SMB2_DIALECT_210:
		return (c->dialects & CONF_DIALECT_210) &&
		       conf_signing_allowed(c, SIGN_HMAC_SHA256);
	case SMB2_DIALECT_300:
		return (c->dialects & CONF_DIALECT_300) &&
		       conf_signing_allowed(c, SIGN_AES_CMAC);
	case SMB2_DIALECT_302:
		return (c->dialects & CONF_DIALECT_302) &&
		       conf_signing_allowed(c, SIGN_AES_CMAC);
	case SMB2_DIALECT_311:
		return c->dialects & CONF_DIALECT_311;
	default:
		return false;
	}
}

unsigned conf_workers(const struct conf *c, unsigned cpu_count)
{
	unsigned n = c->transport_rx_threads > c->transport_tx_threads
			     ? c->transport_rx_threads
			     : c->transport_tx_threads;

	if (n)
		return n;
	return cpu_count ? cpu_count : 1;
}

unsigned conf_pool_threads(const struct conf *c, unsigned cpu_count)
{
	unsigned each = cpu_count < 2 ? 2 : cpu_count;

	return (c->vfs_data_threads ? c->vfs_data_threads : each) +
	       (c->vfs_metadata_threads ? c->vfs_metadata_threads : each);
}
