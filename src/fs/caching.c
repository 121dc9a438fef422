#include "fs/caching.h"

#include "wire/smb2_proto.h"

enum {
	READ_WRITE = CACHING_READ | CACHING_WRITE,
	/* losing these has to be acknowledged: there may be data, or a handle, to give back first */
	NEEDS_ACK = CACHING_WRITE | CACHING_HANDLE,
	STAT_ACCESS = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE,
};

/* [MS-FSA] 2.1.4.12: what each use takes from a lease (BreakCacheState), and what it leaves of an oplock. */
static const struct {
	uint8_t lease_loses;
	uint8_t oplock_from; /* only an oplock that holds all of this is broken */
	uint8_t oplock_to;
} uses[CACHING_USE_COUNT] = {
	[CACHING_USE_OPEN] = {CACHING_WRITE, CACHING_WRITE, CACHING_READ},
	[CACHING_USE_OVERWRITE] = {READ_WRITE, CACHING_READ, 0},
	[CACHING_USE_SHARE] = {CACHING_HANDLE, CACHING_WRITE | CACHING_HANDLE,
			       CACHING_READ},
	[CACHING_USE_WRITE] = {READ_WRITE, CACHING_READ, 0},
	[CACHING_USE_LOCK] = {READ_WRITE, CACHING_READ, 0},
	[CACHING_USE_NAME] = {CACHING_HANDLE, CACHING_WRITE | CACHING_HANDLE, 0},
	[CACHING_USE_ENTRIES] = {READ_WRITE, CACHING_READ, 0},
};

bool caching_is_stat_open(uint32_t access, bool lease)
{
	uint32_t stat = lease ? STAT_ACCESS | READ_CONTROL : STAT_ACCESS;

	return !(access & ~stat);
}

/* Losing READ leaves nothing: WRITE or HANDLE alone is no state there is. */
static uint8_t without(uint8_t held, uint8_t lost)
{
	return lost & CACHING_READ ? 0 : held & (uint8_t)~lost;
}

bool caching_is_own_affair(const struct caching *c, enum caching_use use)
{
	bool level_2 = !c->lease && c->held == CACHING_READ;

	return !level_2 || (use != CACHING_USE_WRITE && use != CACHING_USE_LOCK);
}

/* What `use` would leave of `held`; the same if it takes nothing. */
static uint8_t left_by(const struct caching *c, uint8_t held, enum caching_use use)
{
	uint8_t from = uses[use].oplock_from;

	if (c->lease)
		return held & uses[use].lease_loses ? without(held, uses[use].lease_loses)
						    : held;
	return (held & from) == from ? held & uses[use].oplock_to : held;
}

/* Tell of a break; what needs no acknowledgement has happened with that. */
static void break_to(struct caching *c, uint8_t to, struct caching_notice *ret_notice)
{
	*ret_notice = (struct caching_notice){
		.tell = true,
		.from = c->held,
		.to = to,
		.ack = c->held & NEEDS_ACK,
	};
	c->breaking = ret_notice->ack;
	c->told = to;
	if (!c->breaking)
		c->held = to;
}

/* The next kind of caching to lose on the way to the target. */
static uint8_t next_step(const struct caching *c)
{
	static const uint8_t order[] = {CACHING_WRITE, CACHING_HANDLE};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (c->held & ~c->target & order[i])
			return c->held & (uint8_t)~order[i];
	return c->target;
}

/* What holds WRITE is waited for; a handle kept open only by what it is in the way of. */
static bool is_waited_for(const struct caching *c, enum caching_use use)
{
	return c->breaking &&
	       ((c->held & CACHING_WRITE) || (uses[use].lease_loses & CACHING_HANDLE));
}

bool caching_break(struct caching *c, enum caching_use use,
		   struct caching_notice *ret_notice)
{
	*ret_notice = (struct caching_notice){0};
	if (left_by(c, c->held, use) == c->held)
		return false;
	if (c->breaking) {
		c->target &= left_by(c, c->target, use);
	} else {
		c->target = left_by(c, c->held, use);
		break_to(c, c->target, ret_notice);
	}
	return is_waited_for(c, use);
}

/* [MS-FSA] 2.1.5.18: the combinations there are. */
static uint8_t legal(uint8_t caching)
{
	return caching & CACHING_READ ? caching : 0;
}

/* More than was told to keep. An oplock may also be given back whole, as the clients of old do. */
static nt_status ack_check(const struct caching *c, uint8_t held)
{
	if (!c->breaking)
		return c->lease ? STATUS_UNSUCCESSFUL : STATUS_INVALID_OPLOCK_PROTOCOL;
	if (!(held & ~c->told))
		return STATUS_SUCCESS;
	return c->lease ? STATUS_REQUEST_NOT_ACCEPTED : STATUS_INVALID_OPLOCK_PROTOCOL;
}

nt_status caching_ack(struct caching *c, uint8_t held, struct caching_notice *ret_notice)
{
	nt_status st = ack_check(c, held);

	*ret_notice = (struct caching_notice){0};
	if (!nt_ok(st)) {
		if (c->breaking && !c->lease) /* [MS-SMB2] 3.3.5.22.1 */
			caching_expire(c);
		return st;
	}
	c->breaking = false;
	c->held = legal(held);
	c->target &= c->held;
	if (c->held != c->target)
		break_to(c, next_step(c), ret_notice);
	return STATUS_SUCCESS;
}

void caching_expire(struct caching *c)
{
	c->breaking = false;
	c->held = c->told = c->target = 0;
}

static uint8_t grant_lease(uint8_t want, const struct caching_others *o)
{
	if (o->open || o->write || o->directory)
		want &= (uint8_t)~CACHING_WRITE;
	if (o->oplock)
		want &= (uint8_t)~CACHING_HANDLE;
	if (o->write || (o->locks && !(want & CACHING_WRITE)))
		want = 0;
	return want;
}

/* Whoever cannot be alone is content with level II. [MS-SMB2] 3.3.5.9, "Oplock Acquisition" */
static uint8_t grant_oplock(uint8_t want, const struct caching_others *o)
{
	if (o->directory)
		return 0;
	if (!o->open && !o->oplock && !o->handle && !o->write && (want & CACHING_WRITE))
		return want;
	if (o->handle || o->write || o->breaking || o->locks)
		return 0;
	return want & CACHING_READ;
}

uint8_t caching_grant(bool lease, uint8_t want, const struct caching_others *others)
{
	want = legal(want & CACHING_ALL);
	return lease ? grant_lease(want, others) : grant_oplock(want, others);
}

uint8_t caching_promote(const struct caching *c, uint8_t want,
			const struct caching_others *others)
{
	uint8_t grant = caching_grant(true, want, others);

	if (c->breaking || (grant & c->held) != c->held)
		return c->held;
	return c->held && grant != want ? c->held : grant;
}

static const struct {
	uint8_t level, caching;
} levels[] = {
	{SMB2_OPLOCK_LEVEL_BATCH, CACHING_ALL},
	{SMB2_OPLOCK_LEVEL_EXCLUSIVE, READ_WRITE},
	{SMB2_OPLOCK_LEVEL_II, CACHING_READ},
};

uint8_t caching_of_level(uint8_t level)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (levels[i].level == level)
			return levels[i].caching;
	return 0;
}

uint8_t caching_level(uint8_t held)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (levels[i].caching == held)
			return levels[i].level;
	return SMB2_OPLOCK_LEVEL_NONE;
}
