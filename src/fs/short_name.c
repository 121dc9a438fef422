#include "fs/short_name.h"

#include "fs/name.h"
#include "wire/utf16.h"

#include <ctype.h>
#include <string.h>

enum {
	BASE_MAX = 8,
	EXTENSION_MAX = 3,
	KEPT = 1,   /* of the name's own characters */
	DIGITS = 6, /* of its hash */
};

/* ASCII only, as code pages differ. A table, as listings ask of each entry. */
static const bool allowed[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
	['!'] = true,         ['#' ... ')'] = true, ['-'] = true,
	['@'] = true,         ['^' ... '`'] = true, ['{'] = true,
	['}' ... '~'] = true,
};
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* How many characters from p on are allowed, counted up to max + 1. */
static size_t count_allowed(const char *p, size_t max)
{
	size_t n = 0;

	while (n <= max && allowed[(unsigned char)p[n]])
		n++;
	return n;
}

bool short_name_fits(const char *on_disk)
{
	size_t base = count_allowed(on_disk, BASE_MAX), extension;

	if (base == 0 || base > BASE_MAX)
		return false;
	if (on_disk[base] != '.')
		return on_disk[base] == '\0';
	extension = count_allowed(on_disk + base + 1, EXTENSION_MAX);
	return extension > 0 && extension <= EXTENSION_MAX &&
	       on_disk[base + 1 + extension] == '\0';
}

bool short_name_is_given(const char *on_disk)
{
	if (on_disk[0] == '.' && (!on_disk[1] || !strcmp(on_disk, "..")))
		return false;
	return on_disk[0] && !short_name_fits(on_disk) && !name_reserved(on_disk);
}

/* The first characters of [p, end) that are allowed and not `but`, in upper case, at most max. Returns behind them. */
static char *take_allowed(const char *p, const char *end, char but, size_t max, char *out)
{
	for (; p < end && max; p++) {
		if (!allowed[(unsigned char)*p] || *p == but)
			continue;
		*out++ = (char)toupper((unsigned char)*p);
		max--;
	}
	return out;
}

/*
 * FNV-1a over the characters in upper case, then mixed, as its low bits alone would repeat. It keeps no secret: whoever wants
 * two names with one hash can have them of any hash that is the same everywhere.
 */
static uint64_t hash_of(const char *on_disk)
{
	struct span s = span_of_str(on_disk);
	uint64_t hash = 0xCBF29CE484222325;

	while (s.len) {
		uint32_t c = s.p[0];

		if (c < 0x80) {
			c -= c >= 'a' && c <= 'z' ? 'a' - 'A' : 0;
			s = span_from(s, 1);
		} else {
			c = utf8_take_upper(&s);
		}
		hash = (hash ^ c) * 0x100000001B3;
	}
	hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCD;
	hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53;
	return hash ^ hash >> 33;
}

static char *put_hash(const char *on_disk, char *out)
{
	uint64_t hash = hash_of(on_disk);

	for (int i = 0; i < DIGITS; i++, hash /= 36)
		*out++ = digits[hash % 36];
	return out;
}

void short_name_of(const char *on_disk, char ret_short[SHORT_NAME_LEN + 1])
{
	const char *end = on_disk + strlen(on_disk);
	const char *dot = strrchr(on_disk, '.');
	char *out = ret_short, *extension;

	if (short_name_fits(on_disk)) {
		memcpy(ret_short, on_disk, (size_t)(end - on_disk) + 1);
		return;
	}
	if (!dot || dot == on_disk)
		dot = end;
	out = take_allowed(on_disk, dot, '~', KEPT,
			   out); /* one '~' stands before the hash */
	*out++ = '~';
	out = put_hash(on_disk, out);
	*out = '.';
	extension = out + 1;
	out = take_allowed(dot, end, '\0', EXTENSION_MAX, extension);
	if (out == extension)
		out--; /* no dot either */
	*out = '\0';
}

bool short_name_is_made(const char *name)
{
	const char *tilde = strchr(name, '~');

	return tilde && tilde - name <= KEPT && short_name_fits(name) &&
	       strcspn(tilde + 1, ".") == DIGITS;
}

const char *short_name_shown(const char *on_disk, char buf[SHORT_NAME_LEN + 1])
{
	if (name_showable(on_disk))
		return on_disk;
	if (!short_name_is_given(on_disk))
		return NULL;
	short_name_of(on_disk, buf);
	return buf;
}
