/* The judge of contending clients: each thing that cannot be is a fault, and its lawful neighbour is none. */
#include "test.h"

#include "soak/model.h"

enum {
	ALL_SHARES = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	R = SMB2_LEASE_READ_CACHING,
	RH = R | SMB2_LEASE_HANDLE_CACHING,
	RWH = RH | SMB2_LEASE_WRITE_CACHING,
	FILE_A = 1,
	FILE_B = 2,
};

static struct model m;
static uint64_t next_id;

static void begin(void)
{
	model_init(&m);
	m.quiet = true;
}

static void end(unsigned faults)
{
	CHECK_EQ(m.faults, faults);
	model_fini(&m);
}

static struct model_open *opened(uint64_t file, uint32_t access, uint32_t share,
				 uint8_t oplock)
{
	struct model_open o = {
		.id = {++next_id, next_id},
		.file = file,
		.access = access,
		.share = share,
		.oplock = oplock,
	};

	return model_opened(&m, &o, NULL, ++m.tick);
}

/* On connection `conn`, with that lease, by a CREATE sent at `sent`. */
static struct model_open *leased(unsigned conn, uint8_t key, uint32_t state,
				 uint64_t sent)
{
	struct client_lease l = {.key = {key}, .state = state};
	struct model_open o = {
		.conn = conn,
		.id = {++next_id, next_id},
		.file = FILE_A,
		.access = FILE_READ_DATA,
		.share = ALL_SHARES,
		.oplock = SMB2_OPLOCK_LEVEL_LEASE,
	};

	return model_opened(&m, &o, &l, sent);
}

static struct model_lease *broken(unsigned conn, uint8_t key, uint32_t to)
{
	struct client_break b = {.lease = true,
				 .key = {key},
				 .from = RWH,
				 .to = to,
				 .must_acknowledge = true};

	return model_lease_broken(&m, conn, &b);
}

static struct client_lock lock(uint64_t offset, uint64_t length, uint32_t flags)
{
	return (struct client_lock){offset, length, flags};
}

/* ---- share modes ------------------------------------------------------------------------------------------ */

static unsigned faults_of_shares(uint32_t access1, uint32_t share1, uint32_t access2,
				 uint32_t share2)
{
	unsigned faults;

	begin();
	opened(FILE_A, access1, share1, 0);
	opened(FILE_A, access2, share2, 0);
	faults = m.faults;
	model_fini(&m);
	return faults;
}

TEST(model_share_modes_admit_each_other)
{
	static const struct {
		uint32_t access1, share1, access2, share2;
		unsigned faults;
	} rows[] = {
		{FILE_READ_DATA, ALL_SHARES, FILE_WRITE_DATA, ALL_SHARES, 0},
		{FILE_READ_DATA, FILE_SHARE_READ, FILE_READ_DATA, FILE_SHARE_READ, 0},
		{FILE_READ_DATA, FILE_SHARE_READ, FILE_WRITE_DATA, ALL_SHARES, 1},
		{FILE_APPEND_DATA, ALL_SHARES, FILE_READ_DATA, FILE_SHARE_READ, 1},
		{DELETE, ALL_SHARES, FILE_READ_DATA, FILE_SHARE_READ, 1},
		{DELETE, ALL_SHARES, FILE_READ_DATA, FILE_SHARE_READ | FILE_SHARE_DELETE,
		 0},
		{FILE_READ_ATTRIBUTES, 0, FILE_READ_DATA, 0,
		 0}, /* none of their business */
		{FILE_READ_DATA, 0, FILE_READ_DATA, ALL_SHARES, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(faults_of_shares(rows[i].access1, rows[i].share1,
					  rows[i].access2, rows[i].share2),
			 rows[i].faults);
}

TEST(model_judges_live_opens_of_one_file)
{
	struct model_open *o;

	begin();
	o = opened(FILE_A, FILE_READ_DATA, 0, 0);
	opened(FILE_B, FILE_READ_DATA, 0, 0);
	CHECK_EQ(m.faults, 0);
	model_ends(&m, o);
	opened(FILE_A, FILE_READ_DATA, 0, 0);
	end(0);
}

/* ---- caching ---------------------------------------------------------------------------------------------- */

TEST(model_oplocks_are_alone_until_they_break)
{
	struct model_open *o;

	begin();
	o = opened(FILE_A, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_BATCH);
	opened(FILE_A, FILE_READ_ATTRIBUTES, ALL_SHARES, 0);
	CHECK_EQ(m.faults, 0);
	opened(FILE_A, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_II);
	CHECK_EQ(m.faults, 1);
	model_oplock_broken(&m, o);
	opened(FILE_A, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_II);
	end(1);
}

TEST(model_write_leases_are_of_one_key)
{
	begin();
	leased(1, 'a', RWH, ++m.tick);
	leased(1, 'a', RWH, ++m.tick);
	CHECK_EQ(m.faults, 0);
	leased(2, 'a', R, ++m.tick); /* another client's key, though the same bytes */
	CHECK_EQ(m.faults, 2);       /* both opens of the first */
	end(2);
}

TEST(model_a_broken_lease_is_no_longer_certain)
{
	struct model_lease *l;
	uint64_t sent;

	begin();
	leased(1, 'a', RWH, ++m.tick);
	l = broken(1, 'a', RH);
	leased(2, 'b', RH, ++m.tick);
	sent = ++m.tick;
	model_ack_sent(NULL, l);
	model_ack_answered(&m, l, true, sent);
	leased(1, 'a', RH, ++m.tick);
	CHECK_EQ(l->state, RH); /* certain again */
	end(0);
}

/* Answers that were on their way when the break came say what was. */
TEST(model_an_old_answer_makes_nothing_certain)
{
	struct model_lease *l;
	uint64_t sent;

	begin();
	sent = ++m.tick;
	l = broken(1, 'a', R);
	leased(2, 'b', R, ++m.tick);
	leased(1, 'a', RWH, sent);
	CHECK_EQ(l->state, 0);
	end(0);
}

/* An acknowledgement on its way may meet a break on its way. */
TEST(model_an_acknowledgement_under_way_makes_nothing_certain)
{
	struct model_open *o, *p;
	uint64_t sent;

	begin();
	o = leased(1, 'a', RWH, ++m.tick);
	sent = ++m.tick;
	model_ack_sent(NULL, o->lease);
	leased(2, 'b', R, ++m.tick);
	leased(1, 'a', RWH, ++m.tick);
	CHECK_EQ(o->lease->state, 0);
	model_ack_answered(&m, o->lease, false, sent);
	p = opened(FILE_B, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_BATCH);
	model_ack_sent(p, NULL);
	opened(FILE_B, FILE_READ_DATA, ALL_SHARES, 0);
	end(0);
}

TEST(model_after_a_long_silence_no_cache_is_certain)
{
	uint64_t sent;

	begin();
	sent = ++m.tick;
	leased(1, 'a', RWH, ++m.tick);
	opened(FILE_B, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_BATCH);
	model_unsure(&m);
	leased(2, 'b', RWH, sent);
	leased(3, 'c', R, ++m.tick);
	opened(FILE_B, FILE_READ_DATA, ALL_SHARES, SMB2_OPLOCK_LEVEL_II);
	end(0);
}

/* ---- locks ------------------------------------------------------------------------------------------------ */

TEST(model_exclusive_locks_overlap_with_nothing)
{
	struct client_lock exclusive = lock(10, 10, SMB2_LOCKFLAG_EXCLUSIVE_LOCK);
	struct client_lock shared = lock(15, 10, SMB2_LOCKFLAG_SHARED_LOCK);
	struct client_lock beside = lock(20, 1, SMB2_LOCKFLAG_EXCLUSIVE_LOCK);
	struct model_open *a, *b, *c;

	begin();
	a = opened(FILE_A, FILE_READ_DATA, ALL_SHARES, 0);
	b = opened(FILE_A, FILE_READ_DATA, ALL_SHARES, 0);
	c = opened(FILE_B, FILE_READ_DATA, ALL_SHARES, 0);
	model_locked(&m, a, &exclusive, 1);
	model_locked(&m, b, &beside, 1);
	model_locked(&m, c, &exclusive, 1);
	CHECK_EQ(m.faults, 0);
	model_locked(&m, b, &shared, 1);
	CHECK_EQ(m.faults, 1);
	CHECK(model_unlocks(a, &exclusive));
	CHECK(!model_unlocks(a, &exclusive));
	model_locked(&m, a, &shared, 1);
	CHECK_EQ(m.faults, 2); /* `beside` of b */
	end(2);
}

TEST(model_transfers_respect_locks_that_were_there)
{
	struct client_lock exclusive = lock(10, 10, SMB2_LOCKFLAG_EXCLUSIVE_LOCK);
	struct client_lock shared = lock(30, 10, SMB2_LOCKFLAG_SHARED_LOCK);
	struct model_open *a, *b;
	uint64_t before;

	begin();
	a = opened(FILE_A, FILE_READ_DATA, ALL_SHARES, 0);
	b = opened(FILE_A, FILE_READ_DATA, ALL_SHARES, 0);
	before = ++m.tick;
	model_locked(&m, a, &exclusive, 1);
	model_locked(&m, a, &shared, 1);
	model_transferred(&m, b, false, 0, 20, before); /* perhaps it came first */
	model_transferred(&m, b, false, 0, 10, ++m.tick);
	model_transferred(&m, b, false, 30, 10, ++m.tick);
	model_transferred(&m, a, true, 10, 10, ++m.tick);
	CHECK_EQ(m.faults, 0);
	model_transferred(&m, b, false, 19, 1, ++m.tick);
	CHECK_EQ(m.faults, 1);
	model_transferred(&m, b, true, 30, 1, ++m.tick);
	end(2);
}

TEST_MAIN()
