#include "smb/credits.h"
#include "test.h"

#include <stdlib.h>

TEST(a_connection_begins_with_message_id_0)
{
	struct credits c;

	credits_init(&c);
	CHECK(credits_fit(&c, 0, 0));
	CHECK(credits_fit(&c, 0, 1));
	CHECK(!credits_fit(&c, 0, 2));
	CHECK(!credits_fit(&c, 1, 1));
	CHECK(!credits_fit(&c, UINT64_MAX, 1));
	credits_use(&c, 0, 0);
	CHECK(!credits_fit(&c, 0, 1)); /* never again */
}

/* [MS-SMB2] 3.3.1.1: { 0 } and three more is { 0, 1, 2, 3 }, in any order. */
TEST(the_window_of_the_document)
{
	static const uint64_t order[] = {2, 0, 3, 1};
	struct credits c;

	credits_init(&c);
	CHECK_EQ(credits_grant(&c, 3, false), 3);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		CHECK(credits_fit(&c, order[i], 1));
		credits_use(&c, order[i], 1);
		CHECK(!credits_fit(&c, order[i], 1));
	}
	CHECK(!credits_fit(&c, 4, 1));
}

/* [MS-SMB2] 3.3.1.2 */
TEST(grants)
{
	static const struct {
		uint16_t held, asked;
		bool tight;
		uint16_t granted;
	} cases[] = {
		{1, 0, false, 0},
		{1, 1, false, 1},
		{1, 100, false, 100},
		{1, UINT16_MAX, false, CREDITS_MAX - 1},
		{1, 100, true, 0},
		{0, 0, false, 1}, /* else it could never speak again */
		{0, 0, true, 1},
		{0, 100, true, 1},
		{0, 100, false, 100},
		{0, UINT16_MAX, false, CREDITS_MAX},
		{CREDITS_MAX, 10, false, 0},
		{CREDITS_MAX - 3, 10, false, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct credits c;

		credits_init(&c);
		if (cases[i].held)
			(void)credits_grant(&c, (uint16_t)(cases[i].held - 1), false);
		else
			credits_use(&c, 0, 1);
		CHECK_EQ(credits_grant(&c, cases[i].asked, cases[i].tight),
			 cases[i].granted);
		CHECK_EQ(c.unused, cases[i].held + cases[i].granted);
	}
}

TEST(a_charge_takes_consecutive_ids)
{
	struct credits c;

	credits_init(&c);
	(void)credits_grant(&c, 20, false);
	credits_use(&c, 3, 4); /* 3 to 6 */
	CHECK(credits_fit(&c, 0, 3));
	CHECK(!credits_fit(&c, 0, 4));
	CHECK(!credits_fit(&c, 6, 2));
	CHECK(credits_fit(&c, 7, 14));
	CHECK(!credits_fit(&c, 7, 15)); /* past the last one granted */
	CHECK(!credits_fit(&c, 7, UINT16_MAX));
	CHECK_EQ(c.unused, 17);
}

/* A client that leaves out an id runs out of others until it uses it. */
TEST(a_skipped_id_narrows_the_window)
{
	struct credits c;
	uint64_t id = 1;

	credits_init(&c);
	(void)credits_grant(&c, 1, false);
	for (; credits_fit(&c, id, 1); id++) {
		credits_use(&c, id, 1);
		(void)credits_grant(&c, 1, false);
	}
	CHECK_EQ(id, CREDITS_MAX); /* 1 to 8191: with 0 the whole window */
	CHECK_EQ(credits_grant(&c, 100, false), 0);
	CHECK_EQ(c.unused, 1);
	CHECK(credits_fit(&c, 0, 1));
	credits_use(&c, 0, 1);
	CHECK_EQ(c.unused, 0);
	CHECK_EQ(credits_grant(&c, 100, false), 100);
	CHECK(credits_fit(&c, CREDITS_MAX, 100));
}

/* [MS-SMB2] 3.3.1.1: ids do not wrap. No client gets there; if one did, its credits would end. */
TEST(ids_do_not_wrap)
{
	struct credits c;

	credits_init(&c);
	c.low = UINT64_MAX - 5;
	c.high = UINT64_MAX - 2;
	c.unused = 3;
	CHECK(credits_fit(&c, UINT64_MAX - 5, 3));
	CHECK(!credits_fit(&c, UINT64_MAX - 5, 4));
	CHECK(!credits_fit(&c, UINT64_MAX - 3, UINT16_MAX));
	CHECK(!credits_fit(&c, 0, 1));
	CHECK(!credits_fit(&c, 0, UINT16_MAX));
	CHECK_EQ(credits_grant(&c, 100, false), 2);
	credits_use(&c, UINT64_MAX - 5, 5);
	CHECK_EQ(credits_grant(&c, 100, false), 0);
	CHECK(!credits_fit(&c, UINT64_MAX, 1));
	CHECK(!credits_fit(&c, 0, 1));
}

/* The model: each id is granted or not, used or not. */
enum { IDS = 1 << 20, GAP_MAX = 40, STEPS = 200000 };

struct model {
	bool *used;
	uint64_t low, high; /* all below low are used; for speed only */
	size_t held;
};

static bool model_fit(const struct model *m, uint64_t id, uint16_t charge)
{
	for (uint64_t i = id; i < id + (charge ? charge : 1); i++)
		if (i >= m->high || m->used[i])
			return false;
	return true;
}

static void model_use(struct model *m, uint64_t id, uint16_t charge)
{
	for (uint64_t i = id; i < id + (charge ? charge : 1); i++) {
		m->used[i] = true;
		m->held--;
	}
	while (m->used[m->low])
		m->low++;
}

/* A client: mostly in order, sometimes ahead, sometimes wrong. */
static void step(struct model *m, struct credits *c, unsigned *seed)
{
	uint64_t ahead = rand_r(seed) % 3 ? 0 : (uint64_t)rand_r(seed) % GAP_MAX;
	uint64_t id = m->low + ahead - (rand_r(seed) % 50 == 0 && m->low);
	uint16_t charge = (uint16_t)(rand_r(seed) % 4 ? 1 : rand_r(seed) % 20);
	uint16_t asked = (uint16_t)(rand_r(seed) % 8 ? rand_r(seed) % 6
						     : rand_r(seed) % 600);
	bool tight = rand_r(seed) % 10 == 0;
	bool fits = model_fit(m, id, charge);
	uint16_t granted;

	CHECK_EQ(credits_fit(c, id, charge), fits);
	if (fits) {
		credits_use(c, id, charge);
		model_use(m, id, charge);
	}
	granted = credits_grant(c, asked, tight);
	CHECK(granted <= asked || (granted == 1 && m->held == 0));
	CHECK(!tight || granted <= 1);
	m->high += granted;
	m->held += granted;
	CHECK(m->held >= 1);
	CHECK(m->high - m->low <= CREDITS_MAX);
	CHECK_EQ(c->unused, m->held);
	CHECK_EQ(c->low, m->low);
	CHECK_EQ(c->high, m->high);
}

TEST(credits_like_the_naive_model)
{
	struct model m = {.used = calloc(IDS, sizeof(bool)), .high = 1, .held = 1};
	unsigned seed = 11;
	struct credits c;

	CHECK(m.used);
	credits_init(&c);
	for (int i = 0; i < STEPS && m.high < IDS - CREDITS_MAX; i++)
		step(&m, &c, &seed);
	CHECK(m.high > 10 * CREDITS_MAX); /* went round the bitmap often */
	free(m.used);
}

TEST_MAIN()
