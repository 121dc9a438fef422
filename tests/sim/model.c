#include "sim/model.h"

#include "base/list.h"
#include "wire/smb2_proto.h"

#include <inttypes.h>
#include <stdlib.h>

/* An open, or a lock of it. */
struct claim {
	struct list_node node;
	struct model_who who;
	bool lock;
	uint64_t file;
	uint32_t access, share;
	uint64_t lease;
	enum model_write write;
	uint64_t broken_ns;
	uint64_t offset, length;
	bool exclusive;
};

/* A break that was told since then cannot have been taken for acknowledged. */
#define SURE_NS UINT64_C(30000000000)

struct model {
	struct sim *sim;
	struct list_node claims;
	uint64_t settled_step; /* of the last model_settled(), and what was said then */
	struct model_debts debts;
};

struct model *model_new(struct sim *s)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->sim = s;
	list_init(&m->claims);
	return m;
}

static void claim_free(struct claim *c)
{
	list_del(&c->node);
	free(c);
}

void model_free(struct model *m)
{
	while (!list_empty(&m->claims))
		claim_free(container_of(m->claims.next, struct claim, node));
	free(m);
}

static bool is_whose(const struct claim *c, struct model_who who)
{
	return c->who.client == who.client && c->who.open == who.open;
}

/* [MS-FSA] 2.1.5.1.2.2 */
static bool excluded(uint32_t access, uint32_t share)
{
	return ((access & (FILE_READ_DATA | FILE_EXECUTE)) &&
		!(share & FILE_SHARE_READ)) ||
	       ((access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) &&
		!(share & FILE_SHARE_WRITE)) ||
	       ((access & DELETE) && !(share & FILE_SHARE_DELETE));
}

static bool takes_part(const struct claim *c)
{
	return excluded(c->access, 0);
}

static bool opens_clash(const struct claim *a, const struct claim *b)
{
	return takes_part(a) && takes_part(b) &&
	       (excluded(a->access, b->share) || excluded(b->access, a->share));
}

static bool locks_clash(const struct claim *a, const struct claim *b)
{
	return (a->exclusive || b->exclusive) && a->offset < b->offset + b->length &&
	       b->offset < a->offset + a->length;
}

/* Opens of the same lease, or the very same. */
static bool are_one(const struct claim *a, const struct claim *b)
{
	return a->who.client == b->who.client &&
	       (a->lease ? a->lease == b->lease : a->who.open == b->who.open);
}

/* Whoever waits for an acknowledgement goes on after 35 seconds. */
static bool caches_writes(const struct model *m, const struct claim *c)
{
	return c->write == MODEL_CACHES ||
	       (c->write == MODEL_BROKEN &&
		env_now_ns(sim_env(m->sim)) - c->broken_ns < SURE_NS);
}

static void check_alone(struct model *m, const struct claim *a, const struct claim *b)
{
	if (a->lock || b->lock || a->file != b->file || are_one(a, b))
		return;
	if ((caches_writes(m, a) && takes_part(b)) ||
	    (caches_writes(m, b) && takes_part(a)))
		sim_fail(m->sim,
			 "file %" PRIu64 ": one caches what it writes beside another",
			 a->file);
}

static void claim_add(struct model *m, const struct claim *fresh)
{
	struct claim *c = malloc(sizeof(*c));

	if (!c)
		abort();
	list_for_each (n, &m->claims) {
		const struct claim *other = container_of(n, struct claim, node);

		if (other->file != fresh->file || other->lock != fresh->lock ||
		    (fresh->lock && is_whose(other, fresh->who)))
			continue;
		check_alone(m, fresh, other);
		if (fresh->lock ? locks_clash(fresh, other) : opens_clash(fresh, other))
			sim_fail(m->sim, "file %" PRIu64 ": two %s exclude each other",
				 fresh->file, fresh->lock ? "locks" : "opens");
	}
	*c = *fresh;
	list_add_tail(&m->claims, &c->node);
}

void model_open(struct model *m, struct model_who who, uint64_t file, uint32_t access,
		uint32_t share, uint64_t lease)
{
	const struct claim c = {.who = who,
				.file = file,
				.access = access,
				.share = share,
				.lease = lease};

	claim_add(m, &c);
}

void model_write_caching(struct model *m, struct model_who who, enum model_write w,
			 uint64_t broken_ns)
{
	list_for_each (n, &m->claims) {
		struct claim *c = container_of(n, struct claim, node);

		if (c->lock || !is_whose(c, who))
			continue;
		c->broken_ns = broken_ns;
		c->write = w;
		list_for_each (it, &m->claims)
			check_alone(m, c, container_of(it, struct claim, node));
	}
}

void model_close(struct model *m, struct model_who who)
{
	list_for_each (n, &m->claims) {
		struct claim *c = container_of(n, struct claim, node);

		if (is_whose(c, who))
			claim_free(c);
	}
}

void model_close_all(struct model *m, const void *client)
{
	list_for_each (n, &m->claims) {
		struct claim *c = container_of(n, struct claim, node);

		if (c->who.client == client)
			claim_free(c);
	}
}

static void check_debts(struct model *m)
{
	const struct model_debts *d = &m->debts;

	if (d->waits && !d->owes)
		sim_fail(m->sim, "at step %" PRIu64 " %zu waited for nobody",
			 m->settled_step, d->waits);
	if (d->waits_long && !d->owes_yet)
		sim_fail(m->sim,
			 "at step %" PRIu64 " %zu waited for what nobody owes any more",
			 m->settled_step, d->waits_long);
}

void model_settled(struct model *m, const struct model_debts *d)
{
	if (m->settled_step != sim_steps(m->sim)) {
		check_debts(m);
		m->settled_step = sim_steps(m->sim);
		m->debts = (struct model_debts){0};
	}
	m->debts.waits += d->waits;
	m->debts.owes += d->owes;
	m->debts.waits_long += d->waits_long;
	m->debts.owes_yet += d->owes_yet;
}

void model_lock(struct model *m, struct model_who who, uint64_t offset, uint64_t length,
		bool exclusive)
{
	struct claim c = {
		.who = who,
		.lock = true,
		.offset = offset,
		.length = length,
		.exclusive = exclusive,
	};

	list_for_each (n, &m->claims) {
		const struct claim *open = container_of(n, struct claim, node);

		if (!open->lock && is_whose(open, who))
			c.file = open->file;
	}
	if (c.file)
		claim_add(m, &c);
}

void model_unlock(struct model *m, struct model_who who, uint64_t offset, uint64_t length)
{
	list_for_each (n, &m->claims) {
		struct claim *c = container_of(n, struct claim, node);

		if (c->lock && is_whose(c, who) && c->offset == offset &&
		    c->length == length)
			claim_free(c);
	}
}
