#include "wire/utf16.h"

#include "base/map.h"
#include "base/utf8.h"

#include <errno.h>
#include <unicase.h>

/* One character; fails r on a lone surrogate. */
static uint32_t rd_utf16(struct rd *r)
{
	uint32_t high = rd_u16(r), low;

	if (high < 0xD800 || high > 0xDFFF)
		return high;
	low = rd_u16(r);
	if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
		rd_fail(r);
		return 0;
	}
	return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

int utf16_to_utf8(struct arena *a, struct span utf16le, char **ret_utf8)
{
	struct rd r = rd_of(utf16le), measure = r;
	uint8_t c8[UTF8_CHAR_MAX];
	size_t len = 0;
	uint8_t *text;

	if (utf16le.len % 2)
		return -EINVAL;
	while (rd_left(&measure)) {
		uint32_t c = rd_utf16(&measure);

		if (!rd_ok(&measure) || c == 0)
			return -EILSEQ;
		len += utf8_put(c8, c);
	}
	text = arena_alloc(a, len + 1);
	if (!text)
		return -ENOMEM;
	*ret_utf8 = (char *)text;
	for (size_t at = 0; rd_left(&r);) {
		size_t n = utf8_put(c8, rd_utf16(&r));

		memcpy(text + at, c8, n);
		at += n;
	}
	return 0;
}

/* Most names are nothing else. */
static size_t count_ascii(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] < 0x80)
		n++;
	return n;
}

static void wr_ascii(struct wr *w, struct span s)
{
	uint8_t *p = wr_room(w, 2 * s.len);

	for (size_t i = 0; p && i < s.len; i++) {
		p[2 * i] = s.p[i];
		p[2 * i + 1] = 0;
	}
}

size_t wr_utf16(struct wr *w, const char *utf8)
{
	struct span s = span_of_str(utf8);
	size_t start = wr_pos(w), ascii = count_ascii(s);

	wr_ascii(w, span_of(s.p, ascii));
	for (s = span_from(s, ascii); s.len;) {
		uint32_t c = 0;
		size_t n = utf8_get(s, &c);

		if (n == 0)
			wr_fail(w);
		if (c >= 0x10000) {
			wr_u16(w, (uint16_t)(0xD800 + ((c - 0x10000) >> 10)));
			wr_u16(w, (uint16_t)(0xDC00 + (c & 0x3FF)));
		} else {
			wr_u16(w, (uint16_t)c);
		}
		if (!wr_ok(w))
			return 0;
		s = span_from(s, n);
	}
	return wr_ok(w) ? wr_pos(w) - start : 0;
}

int64_t utf16_len(const char *utf8)
{
	struct span s = span_of_str(utf8);
	size_t ascii = count_ascii(s);
	int64_t len = 2 * (int64_t)ascii;

	for (s = span_from(s, ascii); s.len;) {
		uint32_t c;
		size_t n = utf8_get(s, &c);

		if (n == 0)
			return -EILSEQ;
		len += c >= 0x10000 ? 4 : 2;
		s = span_from(s, n);
	}
	return len;
}

/*
 * Windows upper-cases file names by a table of 16-bit units, one to one. libunistring's simple mapping is taken
 * where it is one of a pair that leads back (and for the final sigma, which Windows maps as well): so dotless i
 * does not become I, nor long s S, nor micro sign Mu, and no name outside ASCII equals one inside.
 */
static uint32_t upper(uint32_t c)
{
	enum { FINAL_SIGMA = 0x3C2, CAPITAL_SIGMA = 0x3A3 };
	uint32_t u;

	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
	if (c >= 0x10000)
		return c;
	if (c == FINAL_SIGMA)
		return CAPITAL_SIGMA;
	u = uc_toupper(c);
	return u < 0x10000 && uc_tolower(u) == c ? u : c;
}

/* Linux allows any bytes in a name: one that is no UTF-8 stands above all characters. */
uint32_t utf8_take_upper(struct span *s)
{
	uint32_t c;
	size_t n = utf8_get(*s, &c);

	if (n)
		c = upper(c);
	else
		c = 0x110000u + s->p[0];
	*s = span_from(*s, n ? n : 1);
	return c;
}

int utf8_upper(struct arena *a, const char *utf8, char **ret_upper)
{
	struct span s = span_of_str(utf8);
	size_t at = 0, max = s.len + s.len / 2 +
			     1; /* two bytes can become three, nothing grows more */
	uint8_t *to;

	to = arena_alloc(a, max);
	if (!to)
		return -ENOMEM;
	while (s.len) {
		uint8_t c8[UTF8_CHAR_MAX];
		uint32_t c = utf8_take_upper(&s);
		size_t n;

		if (c > 0x10FFFF)
			return -EILSEQ;
		n = utf8_put(c8, c);
		memcpy(to + at, c8, n);
		at += n;
	}
	*ret_upper = (char *)to;
	return 0;
}

bool utf8_eq_nocase(const char *a, const char *b)
{
	struct span x = span_of_str(a), y = span_of_str(b);

	while (x.len && y.len) {
		if (utf8_take_upper(&x) != utf8_take_upper(&y))
			return false;
	}
	return x.len == y.len; /* both 0 */
}

uint64_t utf8_hash_nocase(const uint8_t key[16], const char *name)
{
	struct span s = span_of_str(name);
	uint8_t block[256];
	uint64_t hash = 0;

	/* Each block carries the hash of those before it; most names fit the first. */
	do {
		struct wr w = wr_of(mspan_of(block, sizeof(block)));

		wr_u64(&w, hash);
		while (s.len && wr_left(&w) >= sizeof(uint32_t))
			wr_u32(&w, utf8_take_upper(&s));
		hash = map_hash(key, wr_done(&w));
	} while (s.len);
	return hash;
}
