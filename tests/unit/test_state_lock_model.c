/* test_state_lock_model.c - byte-range locks against a naive model, and among threads. */
#include "state_rig.h"

/*
 * The model: locks in an array, in the order they were taken; waiting ones in another. Every operation is done to
 * both, and every byte compared for everyone.
 */
enum { OPENS = 4, MODEL_MAX = 256, WAITING_MAX = 16, BYTES_COUNT = 12 };

struct model_lock {
	uint64_t open;
	struct state_range range;
};

struct model {
	struct model_lock locks[MODEL_MAX];
	size_t count;
	struct rig_op *waiting[WAITING_MAX];
	size_t waiting_count;
};

static bool model_conflicts(const struct model *m, uint64_t open, struct state_range r,
			    bool lock_intent)
{
	if (r.offset == 0 && r.length == 0)
		return false;
	for (size_t i = 0; i < m->count; i++) {
		struct state_range l = m->locks[i].range;

		if ((l.offset == 0 && l.length == 0) ||
		    r.offset > l.offset + l.length - 1 ||
		    r.offset + r.length - 1 < l.offset)
			continue;
		if (l.exclusive &&
		    (m->locks[i].open != open || (r.exclusive && lock_intent)))
			return true;
		if (!l.exclusive && r.exclusive)
			return true;
	}
	return false;
}

static void model_remove(struct model *m, size_t i)
{
	memmove(&m->locks[i], &m->locks[i + 1], (m->count - i - 1) * sizeof(m->locks[0]));
	m->count--;
}

static void model_grant(struct model *m)
{
	for (size_t i = 0; i < m->waiting_count;) {
		struct rig_op *o = m->waiting[i];
		struct state_range r = o->op->ranges[0];
		bool granted = !model_conflicts(m, o->op->open, r, true);

		CHECK_EQ(o->ended, granted);
		if (!granted) {
			i++;
			continue;
		}
		m->locks[m->count++] = (struct model_lock){o->op->open, r};
		rig_end(o);
		free(o);
		memmove(&m->waiting[i], &m->waiting[i + 1],
			(m->waiting_count - i - 1) * sizeof(m->waiting[0]));
		m->waiting_count--;
	}
}

static void model_lock(struct model *m, struct rig *r, const struct state_op *op,
		       const struct state_range *ranges)
{
	struct state_result res = rig_do(r, op, ranges);
	size_t before = m->count;

	for (uint16_t i = 0; i < op->range_count; i++) {
		if (model_conflicts(m, op->open, ranges[i], true)) {
			CHECK_ST(res.status, STATUS_LOCK_NOT_GRANTED);
			CHECK_EQ(res.failed_range, i);
			m->count = before;
			return;
		}
		m->locks[m->count++] = (struct model_lock){op->open, ranges[i]};
	}
	CHECK_ST(res.status, STATUS_SUCCESS);
}

/* SIZE_MAX: no such lock */
static size_t model_find(const struct model *m, uint64_t open, struct state_range r)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < m->count; i++) {
		const struct model_lock *l = &m->locks[i];

		if (l->open != open || l->range.offset != r.offset ||
		    l->range.length != r.length)
			continue;
		found = i;
		if (l->range.exclusive)
			break;
	}
	return found;
}

static void model_unlock(struct model *m, struct rig *r, const struct state_op *op,
			 const struct state_range *ranges)
{
	struct state_result res = rig_do(r, op, ranges);
	nt_status want = STATUS_SUCCESS;

	for (uint16_t i = 0; i < op->range_count && nt_ok(want); i++) {
		size_t at = model_find(m, op->open, ranges[i]);

		if (at == SIZE_MAX) {
			CHECK_EQ(res.failed_range, i);
			want = STATUS_RANGE_NOT_LOCKED;
		} else {
			model_remove(m, at);
		}
	}
	CHECK_ST(res.status, want);
	model_grant(m);
}

static void model_wait(struct model *m, struct rig *r, const struct state_op *op,
		       const struct state_range *ranges)
{
	struct rig_op *o = malloc(sizeof(*o));
	struct state_op waiting = *op;

	CHECK(o);
	waiting.wait_if_held = true;
	waiting.range_count = 1;
	rig_start(r, o, &waiting, ranges);
	CHECK_EQ(o->ended, !model_conflicts(m, op->open, ranges[0], true));
	m->waiting[m->waiting_count++] = o;
	if (o->ended)
		model_grant(m);
}

static void model_cancel(struct model *m, struct rig *r, size_t i)
{
	struct rig_op *o = m->waiting[i];

	CHECK(wait_claim(&o->wait, WAIT_CANCELLED));
	state_lock_forget(r->state, o->op, &o->wait);
	wait_now(&o->wait, -ECANCELED);
	box_run(&r->box);
	rig_end(o);
	free(o);
	memmove(&m->waiting[i], &m->waiting[i + 1],
		(m->waiting_count - i - 1) * sizeof(m->waiting[0]));
	m->waiting_count--;
}

/* As SMB2 CLOSE does it: what waits is cancelled first. */
static void model_reopen(struct model *m, struct rig *r, uint64_t open)
{
	for (size_t i = 0; i < m->waiting_count;)
		if (m->waiting[i]->op->open == open)
			model_cancel(m, r, i);
		else
			i++;
	CHECK_ST(rig_simple(r, STATE_CLOSE, open).status, STATUS_SUCCESS);
	for (size_t i = 0; i < m->count;)
		if (m->locks[i].open == open)
			model_remove(m, i);
		else
			i++;
	model_grant(m);
	rig_open(r, open);
}

static void model_compare(const struct model *m, struct rig *r)
{
	for (uint64_t open = 0; open < OPENS; open++) {
		for (uint64_t at = 0; at < BYTES_COUNT * 2; at++) {
			struct state_range one = {at / 2, 1, at % 2};
			bool conflict = model_conflicts(m, open, one, false);

			CHECK_ST(state_io_check(r->node, 0, open, at / 2, 1, at % 2),
				 conflict ? STATUS_FILE_LOCK_CONFLICT : STATUS_SUCCESS);
		}
	}
}

static void model_step(struct model *m, struct rig *r, unsigned *seed)
{
	unsigned what = (unsigned)rand_r(seed) % 16;
	struct state_op op = {.open = (uint64_t)rand_r(seed) % OPENS,
			      .range_count = (uint16_t)(1 + rand_r(seed) % 3)};
	struct state_range ranges[3];

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		ranges[i] = (struct state_range){(uint64_t)rand_r(seed) % BYTES_COUNT,
						 (uint64_t)rand_r(seed) % 4,
						 rand_r(seed) % 2};
	op.code = what < 7 ? STATE_LOCK : STATE_UNLOCK;
	if (what < 7 && m->count + op.range_count + WAITING_MAX < MODEL_MAX)
		model_lock(m, r, &op, ranges);
	else if (what < 13)
		model_unlock(m, r, &op, ranges);
	else if (what < 14 && m->waiting_count)
		model_cancel(m, r, (size_t)rand_r(seed) % m->waiting_count);
	else if (what < 15)
		model_reopen(m, r, op.open);
	op.code = STATE_LOCK;
	if (rand_r(seed) % 4 == 0 && m->waiting_count < WAITING_MAX)
		model_wait(m, r, &op, ranges);
}

TEST(locks_like_the_naive_model)
{
	struct model m = {0};
	unsigned seed = 3;
	struct rig r;

	rig_init(&r);
	for (uint64_t i = 0; i < OPENS; i++)
		rig_open(&r, i);
	for (int i = 0; i < 20000; i++) {
		model_step(&m, &r, &seed);
		model_compare(&m, &r);
	}
	for (uint64_t i = 0; i < OPENS; i++)
		model_reopen(&m, &r, i);
	CHECK_EQ(m.count, 0);
	CHECK_EQ(m.waiting_count, 0);
	for (uint64_t i = 0; i < OPENS; i++)
		rig_simple(&r, STATE_CLOSE, i);
	rig_fini(&r);
}

enum { THREADS = 3, ROUNDS = 3000 };

static struct state_result unlock(struct rig *r, uint64_t open, uint64_t offset,
				  uint64_t length)
{
	return rig_do(
		r,
		&(struct state_op){.code = STATE_UNLOCK, .open = open, .range_count = 1},
		&(struct state_range){offset, length, false});
}

/* A worker with one open: it waits for the lock, holds it, gives it back, closes now and then. */
struct locker {
	pthread_t thread;
	struct rig rig;
	uint64_t open;
	struct wait wait;
	struct state_result result;
	struct state_op *op;
	int *holders; /* touched by who has the lock: plain on purpose, TSan watches */
	int rounds, granted;
};

static void locker_next(struct locker *k);

static void locker_done(struct wait *w)
{
	struct locker *k = container_of(w, struct locker, wait);

	if (w->err) {
		CHECK_EQ(w->err, -ECANCELED);
		state_lock_forget(k->rig.state, k->op, w);
	} else {
		CHECK_ST(k->result.status, STATUS_SUCCESS);
		CHECK_EQ(++*k->holders, 1);
		--*k->holders;
		k->granted++;
		if (k->rounds % 3)
			unlock(&k->rig, k->open, 0, 1);
	}
	if (w->err || k->rounds % 3 == 0) {
		rig_simple(&k->rig, STATE_CLOSE, k->open);
		rig_open(&k->rig, k->open);
	}
	if (++k->rounds < ROUNDS)
		locker_next(k);
	else
		box_stop(&k->rig.box);
}

static void locker_next(struct locker *k)
{
	k->op->wait_id = (uint64_t)k->rounds + 1;
	state_apply(k->rig.state, NULL, k->op, &k->result,
		    wait_park(&k->wait, locker_done));
}

static void *locker_run(void *arg)
{
	struct locker *k = arg;

	rig_open(&k->rig, k->open);
	locker_next(k);
	box_loop(&k->rig.box);
	rig_simple(&k->rig, STATE_CLOSE, k->open);
	return NULL;
}

struct canceller {
	struct locker *lockers;
	atomic_bool stop;
};

static void *cancel_run(void *arg)
{
	struct canceller *c = arg;

	for (size_t i = 0; !atomic_load(&c->stop); i++) {
		struct wait *w = &c->lockers[i % THREADS].wait;

		if (wait_claim(w, WAIT_CANCELLED))
			wait_post(w, -ECANCELED);
		sched_yield();
	}
	return NULL;
}

TEST(grant_cancel_and_close_compete_among_threads)
{
	struct locker k[THREADS];
	struct canceller c = {.lockers = k};
	pthread_t canceller;
	int holders = 0;
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < THREADS; i++) {
		k[i] = (struct locker){.rig = r, .open = i, .holders = &holders};
		k[i].op = calloc(1, state_op_len(1));
		*k[i].op = (struct state_op){.code = STATE_LOCK,
					     .node = rig_key,
					     .open = i,
					     .range_count = 1,
					     .wait_if_held = true};
		k[i].op->ranges[0] = (struct state_range){0, 1, true};
		box_init(&k[i].rig.box);
		wait_init(&k[i].wait, &k[i].rig.box.mb);
	}
	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&k[i].thread, NULL, locker_run, &k[i]), 0);
	CHECK_EQ(pthread_create(&canceller, NULL, cancel_run, &c), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(k[i].thread, NULL);
		CHECK(k[i].granted > 0);
		free(k[i].op);
	}
	atomic_store(&c.stop, true);
	pthread_join(canceller, NULL);
	CHECK_EQ(state_open_count(r.node), 0);
	CHECK_ST(state_io_check(r.node, 0, 9, 0, 1, true), STATUS_SUCCESS);
	rig_fini(&r);
}

TEST_MAIN()
