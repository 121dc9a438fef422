/* hmac_many.c - see hmac_many.h */
#include "crypto/hmac_many.h"

#include "base/ct.h"
#include "crypto/touch.h"

#include <errno.h>

enum { PAIR = 2, HALF_LEN = SHA256_DIGEST_LENGTH / 2 };

/* One message under way. */
struct stream {
	const struct hmac_message *message;
	const struct span *next; /* part */
	struct span part;        /* what is left of the one before */
	SHA256_CTX c;
	bool ok;
};

static void stream_begin(struct stream *s, const struct hmac_message *m)
{
	s->message = m;
	s->next = m->parts;
	s->part = span_of(NULL, 0);
	s->c = m->key->inner;
	s->ok = true;
}

static void update(struct stream *s, size_t len)
{
	s->ok = s->ok && SHA256_Update(&s->c, s->part.p, len) == 1;
	s->part = span_from(s->part, len);
}

/* To where whole blocks lie; how many. 0: the message has ended. */
static size_t stream_blocks(struct stream *s)
{
	const struct span *end = s->message->parts + s->message->part_count;

	for (;;) {
		size_t gap = -s->c.num % SHA256_CBLOCK;

		if (!s->part.len) {
			if (s->next == end)
				return 0;
			s->part = *s->next++;
			touch(s->part);
		} else if (!gap && s->part.len >= SHA256_CBLOCK) {
			return s->part.len / SHA256_CBLOCK;
		} else {
			update(s, gap && gap < s->part.len ? gap : s->part.len);
		}
	}
}

/* The pair has taken them: tell OpenSSL, which counts bits in two words. */
static void stream_took(struct stream *s, size_t blocks)
{
	uint64_t bits = ((uint64_t)s->c.Nh << 32 | s->c.Nl) + blocks * SHA256_CBLOCK * 8;

	s->c.Nl = (SHA_LONG)bits;
	s->c.Nh = (SHA_LONG)(bits >> 32);
	s->part = span_from(s->part, blocks * SHA256_CBLOCK);
}

static void stream_end(struct stream *s)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	s->ok = s->ok && SHA256_Final(digest, &s->c) == 1;
	s->c = s->message->key->outer;
	s->ok = s->ok && SHA256_Update(&s->c, digest, sizeof(digest)) == 1 &&
		SHA256_Final(digest, &s->c) == 1;
	if (s->ok)
		memcpy(s->message->ret_half, digest, HALF_LEN);
	*s->message->ret_err = s->ok ? 0 : -EIO;
	wipe(digest, sizeof(digest));
}

/* What is left of a message, alone. */
static void stream_finish(struct stream *s)
{
	while (stream_blocks(s))
		update(s, s->part.len);
	stream_end(s);
}

static void pair_run(sha256_pair pair, struct stream s[PAIR], size_t blocks)
{
	uint32_t *const states[PAIR] = {s[0].c.h, s[1].c.h};
	const uint8_t *const data[PAIR] = {s[0].part.p, s[1].part.p};

	pair(states, data, blocks);
	for (size_t i = 0; i < PAIR; i++)
		stream_took(&s[i], blocks);
}

void hmac_many(sha256_pair pair, const struct hmac_message *messages, size_t count)
{
	const struct hmac_message *next = messages, *end = messages + count;
	struct stream s[PAIR];
	size_t active = 0;

	while (active < PAIR && next < end)
		stream_begin(&s[active++], next++);
	while (active == PAIR) {
		size_t a = stream_blocks(&s[0]), b = stream_blocks(&s[1]);
		struct stream *done = !a ? &s[0] : &s[1];

		if (a && b) {
			pair_run(pair, s, a < b ? a : b);
			continue;
		}
		stream_end(done);
		if (next < end) {
			stream_begin(done, next++);
		} else {
			*done = s[1];
			active--;
		}
	}
	if (active)
		stream_finish(&s[0]);
	wipe(s, sizeof(s));
}
