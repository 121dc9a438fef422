#include "wire/sddl.h"

#include <stdio.h>
#include <string.h>

enum {
	ACES_MAX = 1024,
	ACE_TEXT_MAX = SID_TEXT_MAX + 64,
	HEAD_TEXT_MAX = 2 * (SID_TEXT_MAX + 2) + 32,
};

#define KNOWN_1(name_, authority_, a_)                                                   \
	{                                                                                \
		(name_),                                                                 \
		{                                                                        \
			.revision = 1, .authority = (authority_), .sub_count = 1,        \
			.sub = {(a_) }                                                   \
		}                                                                        \
	}
#define BUILTIN(name_, rid_)                                                             \
	{                                                                                \
		(name_),                                                                 \
		{                                                                        \
			.revision = 1, .authority = 5, .sub_count = 2,                   \
			.sub = { 32,                                                     \
				 (rid_) }                                                \
		}                                                                        \
	}

/* sid-token, but for those of a domain. */
static const struct {
	char name[3];
	struct sid sid;
} sids[] = {
	KNOWN_1("WD", 1, 0),     KNOWN_1("CO", 3, 0),      KNOWN_1("CG", 3, 1),
	KNOWN_1("OW", 3, 4),     KNOWN_1("NU", 5, 2),      KNOWN_1("IU", 5, 4),
	KNOWN_1("SU", 5, 6),     KNOWN_1("AN", 5, 7),      KNOWN_1("ED", 5, 9),
	KNOWN_1("PS", 5, 10),    KNOWN_1("AU", 5, 11),     KNOWN_1("RC", 5, 12),
	KNOWN_1("SY", 5, 18),    KNOWN_1("LS", 5, 19),     KNOWN_1("NS", 5, 20),
	KNOWN_1("WR", 5, 33),    BUILTIN("BA", 544),       BUILTIN("BU", 545),
	BUILTIN("BG", 546),      BUILTIN("PU", 547),       BUILTIN("AO", 548),
	BUILTIN("SO", 549),      BUILTIN("PO", 550),       BUILTIN("BO", 551),
	BUILTIN("RE", 552),      BUILTIN("RU", 554),       BUILTIN("RD", 555),
	BUILTIN("NO", 556),      BUILTIN("MU", 558),       BUILTIN("LU", 559),
	BUILTIN("IS", 568),      BUILTIN("CY", 569),       BUILTIN("ER", 573),
	BUILTIN("CD", 574),      BUILTIN("RA", 575),       BUILTIN("ES", 576),
	BUILTIN("MS", 577),      BUILTIN("HA", 578),       BUILTIN("AA", 579),
	BUILTIN("RM", 580),      KNOWN_1("LW", 16, 4096),  KNOWN_1("ME", 16, 8192),
	KNOWN_1("MP", 16, 8448), KNOWN_1("HI", 16, 12288), KNOWN_1("SI", 16, 16384),
};

struct word {
	char name[3];
	uint32_t bits;
};

/* Those that stand alone when they are printed come first. */
static const struct word rights[] = {
	{"FA", 0x001F01FF}, {"FR", 0x00120089}, {"FW", 0x00120116}, {"FX", 0x001200A0},
	{"GA", 0x10000000}, {"GX", 0x20000000}, {"GW", 0x40000000}, {"GR", 0x80000000},
	{"SD", 0x00010000}, {"RC", 0x00020000}, {"WD", 0x00040000}, {"WO", 0x00080000},
	{"CC", 0x00000001}, {"DC", 0x00000002}, {"LC", 0x00000004}, {"SW", 0x00000008},
	{"RP", 0x00000010}, {"WP", 0x00000020}, {"DT", 0x00000040}, {"LO", 0x00000080},
	{"CR", 0x00000100}, {"KA", 0x000F003F}, {"KR", 0x00020019}, {"KX", 0x00020019},
	{"KW", 0x00020006},
};
enum { RIGHTS_PRINTED = 8 };

static const struct word ace_flags[] = {
	{"OI", OBJECT_INHERIT_ACE},
	{"CI", CONTAINER_INHERIT_ACE},
	{"NP", NO_PROPAGATE_INHERIT_ACE},
	{"IO", INHERIT_ONLY_ACE},
	{"ID", INHERITED_ACE},
};

/* acl-flag of a DACL; "P" has one letter. */
static const struct word dacl_flags[] = {
	{"P", SE_DACL_PROTECTED},
	{"AR", SE_DACL_AUTO_INHERIT_REQ},
	{"AI", SE_DACL_AUTO_INHERITED},
};

/* ---- text to descriptor ---------------------------------------------------------------------------------------- */

struct reading {
	struct span rest;
	size_t len; /* of the whole text */
	struct arena *arena;
	struct sddl_error *error;
};

static bool refuse(const struct reading *r, const char *expected)
{
	*r->error = (struct sddl_error){r->len - r->rest.len, expected};
	return false;
}

/* Is it next? Then it is taken. */
static bool take(struct reading *r, const char *word)
{
	size_t len = strlen(word);

	if (r->rest.len < len || memcmp(r->rest.p, word, len) != 0)
		return false;
	r->rest = span_from(r->rest, len);
	return true;
}

static bool take_word(struct reading *r, const struct word *words, size_t count,
		      uint32_t *bits)
{
	for (size_t i = 0; i < count; i++) {
		if (!take(r, words[i].name))
			continue;
		*bits |= words[i].bits;
		return true;
	}
	return false;
}

/* "S-1-...": as many characters as may belong to it. */
static bool sid_value(struct reading *r, struct sid *ret)
{
	char text[SID_TEXT_MAX];
	size_t len = 2;

	while (len < r->rest.len && strchr("-0123456789xABCDEF", r->rest.p[len]) &&
	       r->rest.p[len])
		len++;
	/* "...-7D:": the letter belongs to what follows */
	while (len > 2 && strchr("ABCDEFx", r->rest.p[len - 1]) && len < r->rest.len &&
	       r->rest.p[len] == ':')
		len--;
	if (len >= sizeof(text))
		return refuse(r, "a security identifier");
	memcpy(text, r->rest.p, len);
	text[len] = '\0';
	if (sid_parse(text, ret) != 0)
		return refuse(r, "a security identifier");
	r->rest = span_from(r->rest, len);
	return true;
}

static bool sid_read(struct reading *r, struct sid *ret)
{
	if (r->rest.len >= 2 && memcmp(r->rest.p, "S-", 2) == 0)
		return sid_value(r, ret);
	for (size_t i = 0; i < ARRAY_LEN(sids); i++) {
		if (!take(r, sids[i].name))
			continue;
		*ret = sids[i].sid;
		return true;
	}
	return refuse(r, "an abbreviation such as WD or BA, or S-1-...");
}

static bool sid_part(struct reading *r, const struct sid **ret)
{
	struct sid *sid = arena_alloc(r->arena, sizeof(*sid));

	if (!sid)
		return refuse(r, "memory");
	*ret = sid;
	return sid_read(r, sid);
}

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* "0x1f01ff", "017", "42" */
static bool rights_number(struct reading *r, uint32_t *ret)
{
	unsigned base = take(r, "0x") ? 16 : r->rest.p[0] == '0' ? 8 : 10;
	uint64_t n = 0;
	size_t len = 0;

	while (len < r->rest.len && (unsigned)digit_of(r->rest.p[len]) < base &&
	       n <= UINT32_MAX)
		n = n * base + (unsigned)digit_of(r->rest.p[len++]);
	if (len == 0 || n > UINT32_MAX)
		return refuse(r, "a number of at most 32 bits");
	r->rest = span_from(r->rest, len);
	*ret = (uint32_t)n;
	return true;
}

static bool rights_read(struct reading *r, uint32_t *ret)
{
	if (r->rest.len && r->rest.p[0] >= '0' && r->rest.p[0] <= '9')
		return rights_number(r, ret);
	while (take_word(r, rights, ARRAY_LEN(rights), ret))
		;
	return true;
}

/* Behind the parenthesis. */
static bool ace_read(struct reading *r, struct ace *ace)
{
	uint32_t flags = 0;

	if (take(r, "A;"))
		ace->type = ACCESS_ALLOWED_ACE_TYPE;
	else if (take(r, "D;"))
		ace->type = ACCESS_DENIED_ACE_TYPE;
	else
		return refuse(r, "A; or D;");
	while (take_word(r, ace_flags, ARRAY_LEN(ace_flags), &flags))
		;
	ace->flags = (uint8_t)flags;
	if (!take(r, ";"))
		return refuse(r, "OI, CI, NP, IO, ID or ;");
	if (!rights_read(r, &ace->mask))
		return false;
	if (!take(r, ";;;"))
		return refuse(r, "rights such as FA, FR or 0x1200a9, then ;;;");
	if (!sid_read(r, &ace->sid))
		return false;
	return take(r, ")") || refuse(r, ")");
}

static size_t aces_count(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '(';
	return n < ACES_MAX ? n : ACES_MAX;
}

static bool dacl_read(struct reading *r, struct sd *sd)
{
	struct acl *acl = arena_alloc(r->arena, sizeof(*acl));
	size_t max = aces_count(r->rest);
	uint32_t control = SE_DACL_PRESENT;

	while (take_word(r, dacl_flags, ARRAY_LEN(dacl_flags), &control))
		;
	sd->control |= (uint16_t)control;
	if (take(r, "NO_ACCESS_CONTROL"))
		return true;
	if (!acl || !(acl->aces = arena_array(r->arena, max, sizeof(*acl->aces))))
		return refuse(r, "memory");
	acl->revision = ACL_REVISION;
	while (take(r, "(")) {
		if (acl->count == max)
			return refuse(r, "fewer entries");
		if (!ace_read(r, &acl->aces[acl->count++]))
			return false;
	}
	sd->dacl = acl;
	return true;
}

bool sddl_parse(struct span text, struct arena *a, struct sd *ret_sd,
		struct sddl_error *ret_error)
{
	struct reading r = {
		.rest = text, .len = text.len, .arena = a, .error = ret_error};
	struct sd sd = {.control = SE_SELF_RELATIVE};

	if (take(&r, "O:") && !sid_part(&r, &sd.owner))
		return false;
	if (take(&r, "G:") && !sid_part(&r, &sd.group))
		return false;
	if (take(&r, "D:") && !dacl_read(&r, &sd))
		return false;
	if (r.rest.len)
		return refuse(&r, sd.dacl    ? "( or the end"
				  : sd.group ? "D:"
				  : sd.owner ? "G: or D:"
					     : "O:, G: or D:");
	*ret_sd = sd;
	return true;
}

/* ---- descriptor to text ---------------------------------------------------------------------------------------- */

static void put(struct wr *w, const char *text)
{
	wr_bytes(w, span_of_str(text));
}

static void put_sid(struct wr *w, const struct sid *sid)
{
	char text[SID_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(sids); i++) {
		if (sid_eq(sid, &sids[i].sid)) {
			put(w, sids[i].name);
			return;
		}
	}
	put(w, sid_text(sid, text));
}

static void put_words(struct wr *w, const struct word *words, size_t count, uint32_t bits)
{
	for (size_t i = 0; i < count; i++)
		if (bits & words[i].bits)
			put(w, words[i].name);
}

static void put_rights(struct wr *w, uint32_t mask)
{
	char hex[16];

	for (size_t i = 0; i < RIGHTS_PRINTED; i++) {
		if (mask == rights[i].bits) {
			put(w, rights[i].name);
			return;
		}
	}
	snprintf(hex, sizeof(hex), "0x%x", mask);
	put(w, hex);
}

static bool ace_is_sayable(const struct ace *ace)
{
	uint32_t known = 0;

	for (size_t i = 0; i < ARRAY_LEN(ace_flags); i++)
		known |= ace_flags[i].bits;
	return ace_is_plain(ace) && !(ace->flags & ~known);
}

static void put_ace(struct wr *w, const struct ace *ace)
{
	put(w, ace->type == ACCESS_ALLOWED_ACE_TYPE ? "(A;" : "(D;");
	put_words(w, ace_flags, ARRAY_LEN(ace_flags), ace->flags);
	put(w, ";");
	put_rights(w, ace->mask);
	put(w, ";;;");
	put_sid(w, &ace->sid);
	put(w, ")");
}

static bool put_dacl(struct wr *w, const struct sd *sd)
{
	put(w, "D:");
	put_words(w, dacl_flags, ARRAY_LEN(dacl_flags), sd->control);
	if (!sd->dacl) {
		put(w, "NO_ACCESS_CONTROL");
		return true;
	}
	for (size_t i = 0; i < sd->dacl->count; i++) {
		if (!ace_is_sayable(&sd->dacl->aces[i]))
			return false;
		put_ace(w, &sd->dacl->aces[i]);
	}
	return true;
}

const char *sddl_print(const struct sd *sd, struct arena *a)
{
	size_t count = sd->dacl ? sd->dacl->count : 0;
	size_t max = HEAD_TEXT_MAX + count * ACE_TEXT_MAX;
	char *text = count <= ACES_MAX ? arena_alloc(a, max) : NULL;
	struct wr w;

	if (!text)
		return NULL;
	w = wr_of(mspan_of((uint8_t *)text, max));
	if (sd->owner) {
		put(&w, "O:");
		put_sid(&w, sd->owner);
	}
	if (sd->group) {
		put(&w, "G:");
		put_sid(&w, sd->group);
	}
	if ((sd->control & SE_DACL_PRESENT) && !put_dacl(&w, sd))
		return NULL;
	wr_u8(&w, 0);
	return wr_ok(&w) ? text : NULL;
}
