#include "auth/smbpasswd.h"

#include "auth/userline.h"
#include "base/ct.h"

#include <string.h>

enum { HASH_LEN = 32, LCT_LEN = 12 };

/* A line being read: what it is about is the field that was cut last. */
struct fields {
	struct span line;
	struct span rest;
	struct span field;
	struct smbpasswd_fault *fault;
};

static bool refuse_at(struct fields *f, size_t in_field, const char *why)
{
	f->fault->at = (size_t)(f->field.p - f->line.p) + in_field;
	f->fault->text = why;
	return false;
}

static bool refuse(struct fields *f, const char *why)
{
	return refuse_at(f, 0, why);
}

/* Up to the next colon. */
static bool next(struct fields *f, const char *why)
{
	const uint8_t *colon = f->rest.len ? memchr(f->rest.p, ':', f->rest.len) : NULL;

	if (!colon) {
		f->field = f->rest;
		return refuse_at(f, f->rest.len, why);
	}
	f->field = span_head(f->rest, (size_t)(colon - f->rest.p));
	f->rest = span_from(f->rest, f->field.len + 1);
	return true;
}

static bool take_name(struct fields *f, struct user *u)
{
	const char *why;

	if (!next(f, "expected name:uid:LANMAN hash:NT hash:[flags]:LCT-time:"))
		return false;
	if (f->field.len >= sizeof(u->name))
		return refuse(f, "the name is too long");
	if (f->field.len && memchr(f->field.p, '\0', f->field.len))
		return refuse(f, "the name holds a NUL");
	memcpy(u->name, f->field.p, f->field.len);
	u->name[f->field.len] = '\0';
	why = userdb_name_fault(u->name);
	return why ? refuse(f, why) : true;
}

/* Up to 4294967295, which stands for none. */
static bool take_uid(struct fields *f)
{
	uint64_t n = 0;

	if (!next(f, "expected a colon behind the uid"))
		return false;
	for (size_t i = 0; i < f->field.len; i++) {
		uint8_t c = f->field.p[i];

		n = n * 10 + (uint64_t)(c - '0');
		if (c < '0' || c > '9' || n > UINT32_MAX)
			return refuse(f, "expected a uid, a number");
	}
	return f->field.len ? true : refuse(f, "expected a uid, a number");
}

static bool all_x(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != 'X' && s.p[i] != 'x' && s.p[i] != '*')
			return false;
	return true;
}

static bool take_hash(struct fields *f, const char *why_colon,
		      enum smbpasswd_kind *ret_kind, struct ntlm_key *ret_hash)
{
	static const char none[] = "NO PASSWORD";
	struct span told;

	if (!next(f, why_colon))
		return false;
	told = span_head(f->field, sizeof(none) - 1);
	if (f->field.len != HASH_LEN)
		return refuse(f, "a hash has 32 characters");
	if (all_x(f->field))
		*ret_kind = SMBPASSWD_NO_HASH;
	else if (span_eq(told, span_of_str(none)) && all_x(span_from(f->field, told.len)))
		*ret_kind = SMBPASSWD_NO_PASSWORD;
	else if (userline_hash_parse(f->field, ret_hash))
		*ret_kind = SMBPASSWD_USER;
	else
		return refuse(f, "a hash is 32 hexadecimal digits, 32 times X, or NO "
				 "PASSWORD and as many X");
	return true;
}

static bool take_flags(struct fields *f, struct smbpasswd_line *l)
{
	size_t len;

	if (!next(f, "expected a colon behind the flags"))
		return false;
	len = f->field.len;
	if (len < 2 || f->field.p[0] != '[' || f->field.p[len - 1] != ']')
		return refuse(f, "expected account flags, in [ and ]");
	for (size_t i = 1; i + 1 < len; i++) {
		uint8_t c = f->field.p[i];

		if (!c || !strchr("NDHTUMWSLXI ", c))
			return refuse_at(f, i, "unknown account flag");
		if (c == 'D' || c == 'L')
			l->user.disabled = true;
		if (c == 'N' && l->kind != SMBPASSWD_MACHINE)
			l->kind = SMBPASSWD_NO_PASSWORD;
		if (c == 'W' || c == 'S' || c == 'I')
			l->kind = SMBPASSWD_MACHINE;
	}
	return true;
}

/* What comes behind it means nothing. */
static bool take_time(struct fields *f)
{
	f->field = f->rest;
	if (f->rest.len < LCT_LEN || memcmp(f->rest.p, "LCT-", 4) != 0)
		return refuse(f, "expected LCT- and 8 hexadecimal digits");
	for (size_t i = 4; i < LCT_LEN; i++)
		if (!strchr("0123456789abcdefABCDEF", f->rest.p[i]) || !f->rest.p[i])
			return refuse_at(f, i, "expected LCT- and 8 hexadecimal digits");
	if (f->rest.len > LCT_LEN && f->rest.p[LCT_LEN] != ':')
		return refuse_at(f, LCT_LEN, "expected a colon, or nothing more");
	return true;
}

/* It lets in whoever knows the name. */
static bool is_of_empty_password(const struct ntlm_key *hash)
{
	static const uint8_t empty[] = {0x31, 0xD6, 0xCF, 0xE0, 0xD1, 0x6A, 0xE9, 0x31,
					0xB7, 0x3C, 0x59, 0xD7, 0xE0, 0xC0, 0x89, 0xC0};

	return ct_eq(hash->b, empty, sizeof(empty));
}

static void line_wipe(struct smbpasswd_line *l)
{
	wipe(l, sizeof(*l));
}

bool smbpasswd_parse(struct span line, struct smbpasswd_line *ret_line,
		     struct smbpasswd_fault *ret_fault)
{
	CLEANUP(line_wipe) struct smbpasswd_line l = {0};
	struct fields f = {.line = line, .rest = line, .fault = ret_fault};
	enum smbpasswd_kind unused;

	/* the LANMAN hash goes where the NT hash comes next */
	if (!take_name(&f, &l.user) || !take_uid(&f) ||
	    !take_hash(&f, "expected a colon behind the LANMAN hash", &unused,
		       &l.user.nt_hash) ||
	    !take_hash(&f, "expected a colon behind the NT hash", &l.kind,
		       &l.user.nt_hash) ||
	    !take_flags(&f, &l) || !take_time(&f))
		return false;
	if (l.kind == SMBPASSWD_USER && is_of_empty_password(&l.user.nt_hash))
		l.kind = SMBPASSWD_NO_PASSWORD;
	if (l.kind != SMBPASSWD_USER)
		wipe(&l.user.nt_hash, sizeof(l.user.nt_hash));
	*ret_line = l;
	return true;
}
