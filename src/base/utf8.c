#include "base/utf8.h"

size_t utf8_get(struct span s, uint32_t *ret_c)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first;
	uint32_t c;
	size_t len;

	if (s.len == 0)
		return 0;
	first = s.p[0];
	if (first < 0x80) {
		*ret_c = first;
		return 1;
	}
	len = first < 0xC2   ? 0
	      : first < 0xE0 ? 2
	      : first < 0xF0 ? 3
	      : first < 0xF5 ? 4
			     : 0;
	if (len == 0 || len > s.len)
		return 0;
	c = first & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s.p[i] & 0x3Fu);
	}
	if (c < min[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
		return 0;
	*ret_c = c;
	return len;
}

size_t utf8_put(uint8_t to[UTF8_CHAR_MAX], uint32_t c)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (len == 1) {
		to[0] = (uint8_t)c;
		return 1;
	}
	for (size_t i = len - 1; i > 0; i--) {
		to[i] = (uint8_t)(0x80 | (c & 0x3F));
		c >>= 6;
	}
	to[0] = (uint8_t)((0xF00u >> len) | c);
	return len;
}
