#include "smb/credits.h"

#include <string.h>

enum { WORD_BITS = 64 };

static bool used(const struct credits *c, uint64_t id)
{
	uint64_t bit = id % CREDITS_MAX;

	return (c->used[bit / WORD_BITS] >> (bit % WORD_BITS)) & 1;
}

static void set_used(struct credits *c, uint64_t id, bool value)
{
	uint64_t bit = id % CREDITS_MAX;
	uint64_t mask = UINT64_C(1) << (bit % WORD_BITS);

	if (value)
		c->used[bit / WORD_BITS] |= mask;
	else
		c->used[bit / WORD_BITS] &= ~mask;
}

void credits_init(struct credits *c)
{
	memset(c, 0, sizeof(*c));
	c->high = 1;
	c->unused = 1;
}

bool credits_fit(const struct credits *c, uint64_t id, uint16_t charge)
{
	uint64_t count = charge ? charge : 1;

	/* high - id cannot wrap once id < high */
	if (id < c->low || id >= c->high || c->high - id < count)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (used(c, id + i))
			return false;
	return true;
}

void credits_use(struct credits *c, uint64_t id, uint16_t charge)
{
	uint32_t count = charge ? charge : 1;

	for (uint32_t i = 0; i < count; i++)
		set_used(c, id + i, true);
	c->unused -= count;
	while (c->low < c->high && used(c, c->low)) {
		set_used(c, c->low, false); /* its bit serves id low + CREDITS_MAX next */
		c->low++;
	}
}

uint16_t credits_grant(struct credits *c, uint16_t asked, bool tight)
{
	uint64_t room = CREDITS_MAX - (c->high - c->low);
	uint32_t n = tight ? 0 : asked;

	if (room > UINT64_MAX - c->high)
		room = UINT64_MAX - c->high; /* ids do not wrap */
	if (n == 0 && c->unused == 0)
		n = 1; /* else the client could never speak again */
	if (n > room)
		n = (uint32_t)room;
	c->high += n;
	c->unused += n;
	return (uint16_t)n;
}
