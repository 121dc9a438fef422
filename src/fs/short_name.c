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

/* ASCII only, as code pages differ. */
static const char allowed[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	"!#$%&'()-@^_`{}~";
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool short_name_fits(const char *on_disk)
{
	size_t base = strspn(on_disk, allowed), extension = 0;

	if (on_disk[base] == '.') {
		extension = strspn(on_disk + base + 1, allowed);
		if (extension == 0 || on_disk[base + 1 + extension])
			return false;
	} else if (on_disk[base]) {
		return false;
	}
	return base >= 1 && base <= BASE_MAX && extension <= EXTENSION_MAX;
}

bool short_name_is_given(const char *on_disk)
{
	return on_disk[0] && strcmp(on_disk, ".") != 0 && strcmp(on_disk, "..") != 0 &&
	       !name_reserved(on_disk) && !short_name_fits(on_disk);
}

/* The next characters of [p, end) that are allowed, in upper case, at most max. Returns behind them. */
static char *take_allowed(const char *p, const char *end, size_t max, char *out)
{
	for (; p < end && max; p++) {
		if (!strchr(allowed, *p))
			continue;
		*out++ = (char)toupper((unsigned char)*p);
		max--;
	}
	return out;
}

static char *put_hash(const char *on_disk, char *out)
{
	static const uint8_t key[16] = {0}; /* the same everywhere: it keeps no secret */
	uint64_t hash = utf8_hash_nocase(key, on_disk);

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
	out = take_allowed(on_disk, dot, KEPT, out);
	*out++ = '~';
	out = put_hash(on_disk, out);
	*out = '.';
	extension = out + 1;
	out = take_allowed(dot, end, EXTENSION_MAX, extension);
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
