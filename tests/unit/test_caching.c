/* test_caching.c - the rules of oplocks and leases, as tables. Sections of [MS-FSA] unless said otherwise. */
#include "fs/caching.h"
#include "test.h"
#include "wire/smb2_proto.h"

enum {
	R = CACHING_READ,
	RH = CACHING_READ | CACHING_HANDLE,
	RW = CACHING_READ | CACHING_WRITE,
	RWH = CACHING_ALL,
};

static const uint8_t states[] = {R, RH, RW, RWH};

/* ---- 2.1.4.12: breaks -------------------------------------------------------------------------------------- */

static const struct {
	bool lease;
	enum caching_use use;
	uint8_t held, left;
	bool told, waits;
} breaks[] = {
	/* OPEN takes WRITE; whoever has it is waited for */
	{true, CACHING_USE_OPEN, R, R, false, false},
	{true, CACHING_USE_OPEN, RH, RH, false, false},
	{true, CACHING_USE_OPEN, RW, R, true, true},
	{true, CACHING_USE_OPEN, RWH, RH, true, true},
	{false, CACHING_USE_OPEN, R, R, false, false},
	{false, CACHING_USE_OPEN, RW, R, true, true},
	{false, CACHING_USE_OPEN, RWH, R, true, true},
	/* with a disposition that replaces the contents it takes all; handles are not waited for */
	{true, CACHING_USE_OVERWRITE, R, 0, true, false},
	{true, CACHING_USE_OVERWRITE, RH, 0, true, false},
	{true, CACHING_USE_OVERWRITE, RW, 0, true, true},
	{true, CACHING_USE_OVERWRITE, RWH, 0, true, true},
	{false, CACHING_USE_OVERWRITE, R, 0, true, false},
	{false, CACHING_USE_OVERWRITE, RW, 0, true, true},
	{false, CACHING_USE_OVERWRITE, RWH, 0, true, true},
	/* OPEN_BREAK_H takes HANDLE; an exclusive oplock has none */
	{true, CACHING_USE_SHARE, R, R, false, false},
	{true, CACHING_USE_SHARE, RH, R, true, true},
	{true, CACHING_USE_SHARE, RW, RW, false, false},
	{true, CACHING_USE_SHARE, RWH, RW, true, true},
	{false, CACHING_USE_SHARE, R, R, false, false},
	{false, CACHING_USE_SHARE, RW, RW, false, false},
	{false, CACHING_USE_SHARE, RWH, R, true, true},
	/* WRITE, LOCK_CONTROL, sizes; handles are not waited for */
	{true, CACHING_USE_WRITE, R, 0, true, false},
	{true, CACHING_USE_WRITE, RH, 0, true, false},
	{true, CACHING_USE_WRITE, RW, 0, true, true},
	{true, CACHING_USE_WRITE, RWH, 0, true, true},
	{false, CACHING_USE_WRITE, R, 0, true, false},
	{false, CACHING_USE_WRITE, RWH, 0, true, true},
	{true, CACHING_USE_LOCK, RH, 0, true, false},
	{false, CACHING_USE_LOCK, R, 0, true, false},
	/* SET_INFORMATION of names and deletion, SET_SECURITY: HANDLE; a batch oplock goes whole */
	{true, CACHING_USE_NAME, R, R, false, false},
	{true, CACHING_USE_NAME, RH, R, true, true},
	{true, CACHING_USE_NAME, RW, RW, false, false},
	{true, CACHING_USE_NAME, RWH, RW, true, true},
	{false, CACHING_USE_NAME, R, R, false, false},
	{false, CACHING_USE_NAME, RW, RW, false, false},
	{false, CACHING_USE_NAME, RWH, 0, true, true},
	/* PARENT_OBJECT: directories cache READ and HANDLE */
	{true, CACHING_USE_ENTRIES, R, 0, true, false},
	{true, CACHING_USE_ENTRIES, RH, 0, true, false},
};

TEST(what_each_use_breaks)
{
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		struct caching c = {.lease = breaks[i].lease, .held = breaks[i].held};
		struct caching_notice n;
		bool waits = caching_break(&c, breaks[i].use, &n);
		bool ack = breaks[i].told && breaks[i].held != R;

		CHECK_EQ(waits, breaks[i].waits);
		CHECK_EQ(n.tell, breaks[i].told);
		CHECK_EQ(c.breaking, ack);
		CHECK_EQ(c.breaking ? c.told : c.held, breaks[i].left);
		if (!n.tell)
			continue;
		CHECK_EQ(n.from, breaks[i].held);
		CHECK_EQ(n.to, breaks[i].left);
		CHECK_EQ(n.ack, ack);
	}
}

TEST(nothing_held_is_never_broken)
{
	for (unsigned lease = 0; lease < 2; lease++) {
		for (unsigned use = 0; use < CACHING_USE_COUNT; use++) {
			struct caching c = {.lease = lease};
			struct caching_notice n;

			CHECK(!caching_break(&c, use, &n));
			CHECK(!n.tell);
		}
	}
}

/* Told once; a further use only lowers what it must come to. */
TEST(a_second_use_waits_for_the_same_break)
{
	for (unsigned first = 0; first < CACHING_USE_COUNT; first++) {
		for (unsigned second = 0; second < CACHING_USE_COUNT; second++) {
			struct caching c = {.lease = true, .held = RWH};
			struct caching_notice n;

			CHECK(caching_break(&c, first, &n));
			uint8_t told = c.told;
			CHECK(caching_break(&c, second, &n));
			CHECK(!n.tell);
			CHECK_EQ(c.told, told);
			CHECK(!(c.target & ~told));
		}
	}
}

/* 2.1.5.18: level II promises its holder no protection from his own writes; everything else is his own affair. */
TEST(own_writes_break_level_ii)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		for (unsigned use = 0; use < CACHING_USE_COUNT; use++) {
			struct caching lease = {.lease = true, .held = states[i]};
			struct caching oplock = {.held = states[i]};
			bool writes = use == CACHING_USE_WRITE || use == CACHING_USE_LOCK;

			CHECK(caching_is_own_affair(&lease, use));
			CHECK_EQ(caching_is_own_affair(&oplock, use),
				 states[i] != R || !writes);
		}
	}
}

TEST(stat_opens)
{
	static const struct {
		uint32_t access;
		bool oplock, lease;
	} cases[] = {
		{0, true, true},
		{FILE_READ_ATTRIBUTES, true, true},
		{FILE_WRITE_ATTRIBUTES | SYNCHRONIZE, true, true},
		{READ_CONTROL, false, true},
		{FILE_READ_ATTRIBUTES | READ_CONTROL, false, true},
		{FILE_READ_DATA, false, false},
		{FILE_READ_EA, false, false},
		{DELETE, false, false},
		{WRITE_DAC, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(caching_is_stat_open(cases[i].access, false), cases[i].oplock);
		CHECK_EQ(caching_is_stat_open(cases[i].access, true), cases[i].lease);
	}
}

/* ---- 2.1.5.19, [MS-SMB2] 3.3.5.22: acknowledgements ---------------------------------------------------------- */

TEST(acknowledged_to_what_was_told_or_less)
{
	for (uint8_t kept = 0; kept <= RWH; kept++) {
		struct caching c = {.lease = true, .held = RWH};
		struct caching_notice n;

		CHECK(caching_break(&c, CACHING_USE_OPEN, &n));
		if (kept & CACHING_WRITE) {
			CHECK_ST(caching_ack(&c, kept, &n), STATUS_REQUEST_NOT_ACCEPTED);
			CHECK(c.breaking); /* it may try again */
			continue;
		}
		CHECK_ST(caching_ack(&c, kept, &n), STATUS_SUCCESS);
		CHECK(!c.breaking);
		CHECK_EQ(c.held, kept & CACHING_READ ? kept : 0);
		CHECK(!n.tell);
	}
}

/* RWH, to RH for an open; meanwhile it is overwritten: RH, R, nothing. */
TEST(what_may_not_be_kept_goes_step_by_step)
{
	static const uint8_t steps[] = {RH, R, 0};
	struct caching c = {.lease = true, .held = RWH};
	struct caching_notice n;

	CHECK(caching_break(&c, CACHING_USE_OPEN, &n));
	CHECK(caching_break(&c, CACHING_USE_OVERWRITE, &(struct caching_notice){0}));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		CHECK(n.tell);
		CHECK_EQ(n.to, steps[i]);
		if (n.ack)
			CHECK_ST(caching_ack(&c, n.to, &n), STATUS_SUCCESS);
	}
	CHECK(!c.breaking);
	CHECK_EQ(c.held, 0);
}

TEST(acknowledging_what_is_not_broken)
{
	struct caching lease = {.lease = true, .held = RWH}, oplock = {.held = RWH};
	struct caching_notice n;

	CHECK_ST(caching_ack(&lease, R, &n), STATUS_UNSUCCESSFUL);
	CHECK_ST(caching_ack(&oplock, R, &n), STATUS_INVALID_OPLOCK_PROTOCOL);
	CHECK_EQ(lease.held, RWH);
	CHECK_EQ(oplock.held, RWH);
}

/* [MS-SMB2] 3.3.5.22.1: an oplock whose acknowledgement is wrong is lost. */
TEST(an_oplock_kept_too_high_is_lost)
{
	struct caching c = {.held = RWH};
	struct caching_notice n;

	CHECK(caching_break(&c, CACHING_USE_OPEN, &n));
	CHECK_ST(caching_ack(&c, RW, &n), STATUS_INVALID_OPLOCK_PROTOCOL);
	CHECK(!c.breaking);
	CHECK_EQ(c.held, 0);
}

TEST(what_expires_is_gone)
{
	struct caching c = {.lease = true, .held = RWH};
	struct caching_notice n;

	CHECK(caching_break(&c, CACHING_USE_SHARE, &n));
	caching_expire(&c);
	CHECK_EQ(c.held, 0);
	CHECK_ST(caching_ack(&c, RW, &n), STATUS_UNSUCCESSFUL);
}

/* ---- 2.1.5.18: requests -------------------------------------------------------------------------------------- */

static const struct {
	bool lease;
	uint8_t want;
	struct caching_others others;
	uint8_t grant;
} grants[] = {
	/* alone */
	{true, R, {0}, R},
	{true, RH, {0}, RH},
	{true, RW, {0}, RW},
	{true, RWH, {0}, RWH},
	{false, R, {0}, R},
	{false, RW, {0}, RW},
	{false, RWH, {0}, RWH},
	/* no combinations there are */
	{true, CACHING_HANDLE, {0}, 0},
	{true, CACHING_WRITE, {0}, 0},
	{true, CACHING_WRITE | CACHING_HANDLE, {0}, 0},
	{true, 0, {0}, 0},
	/* beside another open nobody writes behind */
	{true, RW, {.open = true}, R},
	{true, RWH, {.open = true}, RH},
	{false, RW, {.open = true}, R},
	{false, RWH, {.open = true}, R},
	/* leases beside oplocks keep no handles, and oplocks beside such leases nothing */
	{true, RH, {.open = true, .oplock = true}, R},
	{true, RWH, {.open = true, .oplock = true}, R},
	{false, R, {.open = true, .oplock = true}, R},
	{false, RWH, {.open = true, .oplock = true}, R},
	{false, R, {.open = true, .handle = true}, 0},
	{false, RWH, {.open = true, .handle = true}, 0},
	/* while somebody may still write behind: nothing */
	{true, RWH, {.open = true, .write = true}, 0},
	{true, R, {.open = true, .write = true}, 0},
	{false, R, {.open = true, .write = true, .breaking = true}, 0},
	/* what is locked may change unseen, but by nobody who is alone */
	{true, R, {.locks = true}, 0},
	{true, RH, {.locks = true}, 0},
	{true, RWH, {.locks = true}, RWH},
	{true, RWH, {.open = true, .locks = true}, 0},
	{false, R, {.locks = true}, 0},
	/* a directory's contents are not written */
	{true, RWH, {.directory = true}, RH},
	{true, RH, {.directory = true}, RH},
	{true, R, {.directory = true}, R},
	{false, RWH, {.directory = true}, 0},
	{false, R, {.directory = true}, 0},
};

TEST(what_is_granted)
{
	for (size_t i = 0; i < ARRAY_LEN(grants); i++)
		CHECK_EQ(
			caching_grant(grants[i].lease, grants[i].want, &grants[i].others),
			grants[i].grant);
}

/* [MS-SMB2] 3.3.5.9.8 */
TEST(leases_are_promoted_whole_or_not_at_all)
{
	static const struct {
		uint8_t held, want;
		bool open;
		uint8_t becomes;
	} cases[] = {
		{0, RWH, false, RWH}, {0, RWH, true, RH},   {R, RH, false, RH},
		{R, RWH, false, RWH}, {R, RWH, true, R},    {R, RH, true, RH},
		{R, RW, true, R},     {RH, RW, false, RH},  {RH, RWH, false, RWH},
		{RW, RH, false, RW},  {RWH, R, false, RWH}, {RW, RWH, false, RWH},
		{RH, 0, false, RH},   {R, R, true, R},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct caching c = {.lease = true, .held = cases[i].held};
		struct caching_others others = {.open = cases[i].open};

		CHECK_EQ(caching_promote(&c, cases[i].want, &others), cases[i].becomes);
		c.breaking = true;
		CHECK_EQ(caching_promote(&c, cases[i].want, &others), cases[i].held);
	}
}

TEST(levels)
{
	static const uint8_t levels[] = {SMB2_OPLOCK_LEVEL_NONE, SMB2_OPLOCK_LEVEL_II,
					 SMB2_OPLOCK_LEVEL_EXCLUSIVE,
					 SMB2_OPLOCK_LEVEL_BATCH};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		CHECK_EQ(caching_level(caching_of_level(levels[i])), levels[i]);
	CHECK_EQ(caching_of_level(SMB2_OPLOCK_LEVEL_LEASE), 0);
	CHECK_EQ(caching_of_level(0x77), 0);
	CHECK_EQ(caching_level(RH), SMB2_OPLOCK_LEVEL_NONE);
}

TEST_MAIN()
