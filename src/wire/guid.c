#include "wire/guid.h"

#include "base/env.h"

#include <errno.h>

/* The byte each pair of digits of the text stands for. */
static const uint8_t text_order[GUID_LEN] = {3, 2, 1,  0,  5,  4,  7,  6,
					     8, 9, 10, 11, 12, 13, 14, 15};

static bool dash_before(size_t pair)
{
	return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

struct guid rd_guid(struct rd *r)
{
	struct guid g = {0};

	rd_copy(r, g.bytes, sizeof(g.bytes));
	return g;
}

void wr_guid(struct wr *w, const struct guid *g)
{
	wr_bytes(w, span_of(g->bytes, sizeof(g->bytes)));
}

bool guid_eq(const struct guid *a, const struct guid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool guid_is_zero(const struct guid *g)
{
	return guid_eq(g, &(struct guid){0});
}

struct guid guid_random(struct env *env)
{
	struct guid g;

	env_random(env, mspan_of(g.bytes, sizeof(g.bytes)));
	g.bytes[7] = (uint8_t)(0x40 |
			       (g.bytes[7] & 0x0F)); /* version: top of the third group */
	g.bytes[8] = (uint8_t)(0x80 | (g.bytes[8] & 0x3F)); /* variant */
	return g;
}

const char *guid_text(const struct guid *g, char *buf)
{
	static const char hex[] = "0123456789abcdef";
	char *to = buf;

	for (size_t pair = 0; pair < GUID_LEN; pair++) {
		uint8_t byte = g->bytes[text_order[pair]];

		if (dash_before(pair))
			*to++ = '-';
		*to++ = hex[byte >> 4];
		*to++ = hex[byte & 0xF];
	}
	*to = '\0';
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int guid_parse(const char *text, struct guid *ret_guid)
{
	bool braced = *text == '{';
	struct guid g;

	text += braced;
	for (size_t pair = 0; pair < GUID_LEN; pair++) {
		int high, low;

		if (dash_before(pair) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		if (high < 0)
			return -EINVAL;
		low = hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		g.bytes[text_order[pair]] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (strcmp(text, braced ? "}" : "") != 0)
		return -EINVAL;
	*ret_guid = g;
	return 0;
}
