/* cmac_many.c - see cmac_many.h */
#include "crypto/cmac_many.h"

#include "base/ct.h"
#include "base/secret.h"
#include "crypto/touch.h"

struct cmac_schedule {
	struct cmac_rounds rounds;
	struct cmac_subkeys subkeys;
};

_Static_assert(sizeof(struct cmac_schedule) <= 256, "one slot of the slab");

/* What is left of a message, as runs of whole blocks: those of a part where they lie, others copied. */
struct feed {
	const struct cmac_message *message;
	const struct span *next;      /* part */
	struct span part;             /* what is left of the one before */
	size_t left;                  /* bytes of the message not handed out yet */
	size_t blocks;                /* in the run that was handed out */
	bool ended;                   /* it is the last one */
	uint8_t held[CMAC_BLOCK_LEN]; /* a block that lies in two parts, or the last */
};

/* Messages under way. The first `active` lanes have one. */
struct batch {
	struct cmac_lanes lanes;
	struct feed feeds[CMAC_LANES_MAX];
	unsigned active;
	unsigned keyed; /* lanes that have keys and a chain, be they of nobody any more */
};

static void add_block(uint8_t block[CMAC_BLOCK_LEN], const uint8_t other[CMAC_BLOCK_LEN])
{
	for (size_t i = 0; i < CMAC_BLOCK_LEN; i++)
		block[i] ^= other[i];
}

/* A chain begins with zero, and with the first round key added as the kernels want it. */
static void chain_begin(const struct cmac_schedule *s, uint8_t chain[CMAC_BLOCK_LEN])
{
	memcpy(chain, s->rounds.row[0], CMAC_BLOCK_LEN);
}

static void chain_end(const struct cmac_schedule *s, const uint8_t chain[CMAC_BLOCK_LEN],
		      uint8_t *ret_tag)
{
	memcpy(ret_tag, chain, CMAC_BLOCK_LEN);
	add_block(ret_tag, s->rounds.row[0]);
}

struct cmac_schedule *cmac_schedule_new(const struct cmac_isa *isa, struct span key)
{
	struct cmac_schedule *s = secret_alloc(sizeof(*s));
	uint8_t block[CMAC_BLOCK_LEN] = {0};
	uint8_t chain[CMAC_BLOCK_LEN];

	if (!s)
		return NULL;
	touch(key);
	isa->expand(key.p, &s->rounds);
	chain_begin(s, chain);
	isa->run_one(&s->rounds, chain, block, 1);
	chain_end(s, chain, block);
	cmac_subkeys_derive(block, &s->subkeys);
	wipe(block, sizeof(block));
	wipe(chain, sizeof(chain));
	return s;
}

void cmac_schedule_free(struct cmac_schedule *s)
{
	secret_free(s);
}

/* ---- one message as runs of blocks ---- */

static void feed_begin(struct feed *f, const struct cmac_message *m)
{
	f->message = m;
	f->next = m->parts;
	f->part = span_of(NULL, 0);
	f->left = m->len;
	f->ended = false;
}

/* There is more in this part. */
static bool feed_part(struct feed *f)
{
	while (!f->part.len) {
		if (f->next == f->message->parts + f->message->part_count)
			return false;
		f->part = *f->next++;
		touch(f->part);
	}
	return true;
}

/* Copy len bytes, at most a block, out of as many parts as they lie in. */
static void feed_hold(struct feed *f, size_t len)
{
	size_t have = 0;

	while (have < len && feed_part(f)) {
		struct span s = span_head(f->part, len - have);

		memcpy(f->held + have, s.p, s.len);
		f->part = span_from(f->part, s.len);
		have += s.len;
	}
	f->left -= len;
	f->blocks = 1;
}

/* The last block, whole or padded. RFC 4493, 2.4 */
static const uint8_t *feed_last(struct feed *f)
{
	const struct cmac_subkeys *k = &f->message->key->subkeys;
	size_t len = f->left;

	feed_hold(f, len);
	if (len < CMAC_BLOCK_LEN) {
		memset(f->held + len, 0, CMAC_BLOCK_LEN - len);
		f->held[len] = 0x80;
	}
	add_block(f->held, len < CMAC_BLOCK_LEN ? k->k2 : k->k1);
	f->ended = true;
	return f->held;
}

/* The next run, f->blocks long, at least one. Not to be asked again after the last. */
static const uint8_t *feed_next(struct feed *f)
{
	const uint8_t *p;
	size_t len;

	if (f->left <= CMAC_BLOCK_LEN)
		return feed_last(f);
	if (!feed_part(f) || f->part.len < CMAC_BLOCK_LEN) {
		feed_hold(f, CMAC_BLOCK_LEN);
		return f->held;
	}
	len = f->part.len < f->left ? f->part.len : f->left - 1; /* the last is apart */
	f->blocks = len / CMAC_BLOCK_LEN;
	len = f->blocks * CMAC_BLOCK_LEN;
	p = f->part.p;
	f->part = span_from(f->part, len);
	f->left -= len;
	return p;
}

static void run_alone(const struct cmac_isa *isa, struct feed *f, const uint8_t *data,
		      uint8_t chain[CMAC_BLOCK_LEN])
{
	const struct cmac_schedule *key = f->message->key;

	isa->run_one(&key->rounds, chain, data, f->blocks);
	while (!f->ended) {
		data = feed_next(f);
		isa->run_one(&key->rounds, chain, data, f->blocks);
	}
	chain_end(key, chain, f->message->ret_tag);
}

void cmac_one(const struct cmac_isa *isa, const struct cmac_message *m)
{
	uint8_t chain[CMAC_BLOCK_LEN];
	struct feed f;

	feed_begin(&f, m);
	chain_begin(m->key, chain);
	run_alone(isa, &f, feed_next(&f), chain);
	wipe(f.held, sizeof(f.held)); /* it would give a subkey away */
	wipe(chain, sizeof(chain));
}

/* ---- many ---- */

static void lane_keys(struct batch *b, unsigned lane, const struct cmac_schedule *s)
{
	for (size_t r = 0; r < CMAC_ROWS; r++)
		memcpy(b->lanes.rows[r][lane], s->rounds.row[r], CMAC_BLOCK_LEN);
	if (lane >= b->keyed)
		b->keyed = lane + 1;
}

static void lane_feed(struct batch *b, unsigned lane)
{
	b->lanes.data[lane] = feed_next(&b->feeds[lane]);
}

static void lane_begin(struct batch *b, unsigned lane, const struct cmac_message *m)
{
	lane_keys(b, lane, m->key);
	chain_begin(m->key, b->lanes.chain[lane]);
	feed_begin(&b->feeds[lane], m);
	lane_feed(b, lane);
}

/* The message of the lane behind the last active one goes on in this one. A block held there stays there: no message begins
 * any more. */
static void lane_move(struct batch *b, unsigned lane)
{
	unsigned from = b->active;

	lane_keys(b, lane, b->feeds[from].message->key);
	memcpy(b->lanes.chain[lane], b->lanes.chain[from], CMAC_BLOCK_LEN);
	b->feeds[lane] = b->feeds[from];
	b->lanes.data[lane] = b->lanes.data[from];
}

/* Its message is done. next: the one that takes its place, or NULL. */
static void lane_end(struct batch *b, unsigned lane, const struct cmac_message *next)
{
	const struct cmac_message *m = b->feeds[lane].message;

	chain_end(m->key, b->lanes.chain[lane], m->ret_tag);
	if (next)
		lane_begin(b, lane, next);
	else if (lane != --b->active)
		lane_move(b, lane);
}

static const struct cmac_kernel *kernel_for(const struct cmac_isa *isa, unsigned active)
{
	const struct cmac_kernel *k = isa->kernels;

	while (k->width < active)
		k++;
	return k;
}

/* Lanes without a message read what the first one reads; what comes out goes nowhere. */
static void lanes_fill(struct batch *b, unsigned width)
{
	const struct cmac_schedule *key = b->feeds[0].message->key;

	while (b->keyed < width) {
		chain_begin(key, b->lanes.chain[b->keyed]);
		lane_keys(b, b->keyed, key);
	}
	for (unsigned i = b->active; i < width; i++)
		b->lanes.data[i] = b->lanes.data[0];
}

/* As far as the shortest run goes. */
static void lanes_run(struct batch *b, const struct cmac_isa *isa)
{
	const struct cmac_kernel *k = kernel_for(isa, b->active);
	size_t blocks = b->feeds[0].blocks;

	for (unsigned i = 1; i < b->active; i++)
		if (b->feeds[i].blocks < blocks)
			blocks = b->feeds[i].blocks;
	lanes_fill(b, k->width);
	k->run(&b->lanes, blocks);
	for (unsigned i = 0; i < b->active; i++) {
		b->lanes.data[i] += blocks * CMAC_BLOCK_LEN;
		b->feeds[i].blocks -= blocks;
	}
}

static void batch_run(struct batch *b, const struct cmac_isa *isa,
		      const struct cmac_message *messages, size_t count)
{
	const struct cmac_message *next = messages, *end = messages + count;
	unsigned width = isa->kernels[isa->kernel_count - 1].width;

	for (b->active = b->keyed = 0; b->active < width && next < end; b->active++)
		lane_begin(b, b->active, next++);
	while (b->active > 1) {
		lanes_run(b, isa);
		for (unsigned i = b->active; i-- > 0;) {
			const struct feed *f = &b->feeds[i];

			if (!f->blocks && !f->ended)
				lane_feed(b, i);
			else if (!f->blocks)
				lane_end(b, i, next < end ? next++ : NULL);
		}
	}
	if (b->active)
		run_alone(isa, &b->feeds[0], b->lanes.data[0], b->lanes.chain[0]);
}

/* Aligned by hand: under the address sanitizer GCC 12 aligns no local variable to more than 32 bytes. */
static struct batch *batch_in(uint8_t *room)
{
	return (void *)(room + -(uintptr_t)room % alignof(struct batch));
}

void cmac_many(const struct cmac_isa *isa, const struct cmac_message *messages,
	       size_t count)
{
	uint8_t room[sizeof(struct batch) + alignof(struct batch)];

	batch_run(batch_in(room), isa, messages, count); /* writes before it reads */
	wipe(room, sizeof(room));
}
