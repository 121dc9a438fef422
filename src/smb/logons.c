#include "smb/logons.h"

#include "base/lock.h"
#include "base/map.h"
#include "base/recent.h"
#include "wire/utf16.h"
#include "wire/wr.h"

#include <stdlib.h>
#include <string.h>

enum {
	FAILURES_KEPT = 16384,
	ROW_LEN = 4096, /* counters of one row of the sketch */
	KEY_MAX =
		2048, /* bytes hashed: names too long for any account are one if they begin alike */
	GROUPS_KEPT = 4, /* of an IPv6 address: 64 bits */
};

struct logons {
	const uint8_t *hash_key; /* I */
	struct lock lock;
	size_t count;                    /* L */
	uint32_t by_address[2][ROW_LEN]; /* L */
	struct recent *failures;         /* L  when the last answer went, or goes */
};

struct logons *logons_new(const uint8_t hash_key[16])
{
	struct logons *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->hash_key = hash_key;
	l->failures = recent_new(FAILURES_KEPT);
	if (!l->failures) {
		free(l);
		return NULL;
	}
	lock_init(&l->lock, LOCK_RANK_LEAF);
	return l;
}

void logons_free(struct logons *l)
{
	if (!l)
		return;
	recent_free(l->failures);
	lock_fini(&l->lock);
	free(l);
}

/* The first 64 bits of an IPv6 address as text, in the one spelling inet_ntop() gives them. */
static size_t network_len(const char *text, size_t len)
{
	unsigned groups = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] == ':' && (++groups == GROUPS_KEPT || text[i + 1] == ':'))
			return i; /* what "::" begins inside of a network counts as zeros */
	return len;
}

uint64_t logons_address(const struct logons *l, const char *peer)
{
	const char *end = strrchr(peer, ':');
	size_t len = end ? (size_t)(end - peer) : strlen(peer);

	if (peer[0] == '[' && len > 1 && peer[len - 1] == ']')
		len = network_len(peer, len);
	return map_hash(l->hash_key, span_of(peer, len));
}

static uint32_t *counter(struct logons *l, unsigned row, uint64_t address)
{
	return &l->by_address[row][(address >> (row * 32)) % ROW_LEN];
}

bool logons_may_begin(struct logons *l, uint64_t address)
{
	LOCK_SCOPE(&l->lock);

	return l->count < LOGONS_MAX && (*counter(l, 0, address) < LOGONS_ADDRESS_MAX ||
					 *counter(l, 1, address) < LOGONS_ADDRESS_MAX);
}

void logons_began(struct logons *l, uint64_t address)
{
	LOCK_SCOPE(&l->lock);

	l->count++;
	for (unsigned row = 0; row < 2; row++)
		++*counter(l, row, address);
}

void logons_ended(struct logons *l, uint64_t address)
{
	LOCK_SCOPE(&l->lock);

	l->count--;
	for (unsigned row = 0; row < 2; row++)
		--*counter(l, row, address);
}

/* The domain behind a name counts no more here than when the user is looked up (auth/auth.c). */
static struct span account_name(const char *account)
{
	const char *at = strrchr(account, '@');

	return span_of(account, at ? (size_t)(at - account) : strlen(account));
}

static uint64_t failure_key(const struct logons *l, uint64_t address, const char *account)
{
	struct span name = account_name(account);
	uint8_t bytes[KEY_MAX];
	struct wr w = wr_of(mspan_of(bytes, sizeof(bytes)));
	uint64_t key;

	wr_u64(&w, address);
	while (name.len && wr_pos(&w) + sizeof(uint32_t) <= sizeof(bytes))
		wr_u32(&w, utf8_take_upper(&name));
	key = map_hash(l->hash_key, wr_done(&w));
	return key ? key : 1;
}

uint64_t logons_failed(struct logons *l, uint64_t address, const char *account,
		       uint64_t now_ns, uint64_t delay_ns)
{
	uint64_t key = failure_key(l, address, account);
	LOCK_SCOPE(&l->lock);
	uint64_t *last = recent_at(l->failures, key);

	*last = (*last > now_ns ? *last : now_ns) + delay_ns;
	return *last;
}
