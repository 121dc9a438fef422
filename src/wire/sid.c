#include "wire/sid.h"

#include <errno.h>
#include <stdio.h>

#define SID_1(auth, a)                                                                   \
	{                                                                                \
		.revision = 1, .sub_count = 1, .authority = (auth), .sub = {(a) }        \
	}
#define SID_2(auth, a, b)                                                                \
	{                                                                                \
		.revision = 1, .sub_count = 2, .authority = (auth), .sub = {(a), (b) }   \
	}

const struct sid sid_everyone = SID_1(1, 0);
const struct sid sid_creator_owner = SID_1(3, 0);
const struct sid sid_creator_group = SID_1(3, 1);
const struct sid sid_owner_rights = SID_1(3, 4);
const struct sid sid_network = SID_1(5, 2);
const struct sid sid_anonymous = SID_1(5, 7);
const struct sid sid_authenticated_users = SID_1(5, 11);
const struct sid sid_system = SID_1(5, 18);
const struct sid sid_administrators = SID_2(5, 32, 544);
const struct sid sid_users = SID_2(5, 32, 545);
const struct sid sid_guests = SID_2(5, 32, 546);

/* The authority that Samba made customary for Unix ids, and what stands behind it. */
enum { UNIX_AUTHORITY = 22, UNIX_USER = 1, UNIX_GROUP = 2 };

struct sid sid_of_uid(uint32_t uid)
{
	return (struct sid)SID_2(UNIX_AUTHORITY, UNIX_USER, uid);
}

struct sid sid_of_gid(uint32_t gid)
{
	return (struct sid)SID_2(UNIX_AUTHORITY, UNIX_GROUP, gid);
}

static bool is_unix(const struct sid *sid, uint32_t kind, uint32_t *ret_id)
{
	if (sid->revision != 1 || sid->authority != UNIX_AUTHORITY ||
	    sid->sub_count != 2 || sid->sub[0] != kind)
		return false;
	*ret_id = sid->sub[1];
	return true;
}

bool sid_is_uid(const struct sid *sid, uint32_t *ret_uid)
{
	return is_unix(sid, UNIX_USER, ret_uid);
}

bool sid_is_gid(const struct sid *sid, uint32_t *ret_gid)
{
	return is_unix(sid, UNIX_GROUP, ret_gid);
}

bool sid_eq(const struct sid *a, const struct sid *b)
{
	return a->revision == b->revision && a->sub_count == b->sub_count &&
	       a->authority == b->authority &&
	       memcmp(a->sub, b->sub, a->sub_count * sizeof(a->sub[0])) == 0;
}

size_t sid_len(const struct sid *sid)
{
	return 8 + (size_t)sid->sub_count * 4;
}

struct sid rd_sid(struct rd *r)
{
	struct sid sid = {0};

	sid.revision = rd_u8(r);
	sid.sub_count = rd_u8(r);
	for (int i = 0; i < 6; i++) /* IdentifierAuthority: the one big-endian field */
		sid.authority = sid.authority << 8 | rd_u8(r);
	if (sid.revision != 1 || sid.sub_count > SID_SUB_MAX)
		rd_fail(r);
	if (!rd_ok(r))
		return (struct sid){0};
	for (size_t i = 0; i < sid.sub_count; i++)
		sid.sub[i] = rd_u32(r);
	return rd_ok(r) ? sid : (struct sid){0};
}

void wr_sid(struct wr *w, const struct sid *sid)
{
	wr_u8(w, sid->revision);
	wr_u8(w, sid->sub_count);
	for (int shift = 40; shift >= 0; shift -= 8)
		wr_u8(w, (uint8_t)(sid->authority >> shift));
	for (size_t i = 0; i < sid->sub_count; i++)
		wr_u32(w, sid->sub[i]);
}

const char *sid_text(const struct sid *sid, char *buf)
{
	const char *form = sid->authority > UINT32_MAX ? "S-%u-0x%012llX" : "S-%u-%llu";
	int len = snprintf(buf, SID_TEXT_MAX, form, sid->revision,
			   (unsigned long long)sid->authority);

	for (size_t i = 0; i < sid->sub_count; i++)
		len += snprintf(buf + len, SID_TEXT_MAX - (size_t)len, "-%u",
				sid->sub[i]);
	return buf;
}

/* A decimal number up to UINT32_MAX without leading zeroes; moves *text behind it. */
static bool decimal(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	while (*p >= '0' && *p <= '9' && v <= UINT32_MAX)
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == *text || v > UINT32_MAX || (**text == '0' && p != *text + 1))
		return false;
	*text = p;
	*ret = (uint32_t)v;
	return true;
}

/* "0x" and exactly twelve digits: 48 bits, of which the low 32 do not suffice. */
static bool hex_authority(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	if (p[0] != '0' || (p[1] | 0x20) != 'x')
		return false;
	p += 2;
	for (int i = 0; i < 12; i++, p++) {
		char c = (char)(*p | 0x20);

		if (*p >= '0' && *p <= '9')
			v = v << 4 | (uint64_t)(*p - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*text = p;
	*ret = v;
	return true;
}

int sid_parse(const char *text, struct sid *ret_sid)
{
	struct sid sid = {.revision = 1};
	uint32_t low;

	if ((text[0] | 0x20) != 's' || strncmp(text + 1, "-1-", 3) != 0)
		return -EINVAL;
	text += 4;
	if (!hex_authority(&text, &sid.authority)) {
		if (!decimal(&text, &low))
			return -EINVAL;
		sid.authority = low;
	}
	while (*text == '-') {
		text++;
		if (sid.sub_count == SID_SUB_MAX ||
		    !decimal(&text, &sid.sub[sid.sub_count]))
			return -EINVAL;
		sid.sub_count++;
	}
	if (*text)
		return -EINVAL;
	*ret_sid = sid;
	return 0;
}
