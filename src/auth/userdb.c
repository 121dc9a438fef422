/* userdb.c - see userdb.h. Replacing the file is in useredit.c. */
#include "auth/userdb.h"

#include "auth/userline.h"
#include "base/ct.h"
#include "wire/utf16.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void user_wipe(struct user *u)
{
	wipe(u, sizeof(*u));
}

const char *user_account(const struct user *u)
{
	return u->account[0] ? u->account : u->name;
}

int fault_set(struct userdb_fault *f, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return err;
}

static bool has_byte_of(const char *s, const char *set)
{
	return s[strcspn(s, set)] != '\0';
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

const char *userdb_name_fault(const char *name)
{
	int64_t len = utf16_len(name);

	if (len < 0)
		return "the name is not UTF-8";
	if (len == 0)
		return "the name is empty";
	if (len > 2 * USER_NAME_MAX)
		return "the name is longer than 256 characters";
	if (has_control(name) || has_byte_of(name, "\"/\\[]:;|=,+*?<>"))
		return "the name holds a control character or one of \"/\\[]:;|=,+*?<>";
	if (name[0] == '#' || name[0] == ' ' || name[strlen(name) - 1] == ' ')
		return "the name begins with # or has a blank at an end";
	return NULL;
}

const char *userdb_account_fault(const char *account)
{
	if (strlen(account) > USER_ACCOUNT_MAX)
		return "the Unix account is longer than 255 bytes";
	if (has_control(account) || has_byte_of(account, ": "))
		return "the Unix account holds a colon, blank or control character";
	return NULL;
}

/* Up to the next colon; *rest continues behind it. False if there is none. */
static bool field_cut(struct span *rest, struct span *ret_field)
{
	const uint8_t *colon = rest->len ? memchr(rest->p, ':', rest->len) : NULL;

	if (!colon)
		return false;
	*ret_field = span_head(*rest, (size_t)(colon - rest->p));
	*rest = span_from(*rest, ret_field->len + 1);
	return true;
}

/* False if it does not fit with its NUL, or holds one. */
static bool text_copy(struct span s, char *dst, size_t dst_len)
{
	if (s.len >= dst_len || (s.len && memchr(s.p, '\0', s.len)))
		return false;
	if (s.len)
		memcpy(dst, s.p, s.len);
	dst[s.len] = '\0';
	return true;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool userline_hash_parse(struct span hex, struct ntlm_key *ret_hash)
{
	if (hex.len != 2 * sizeof(ret_hash->b))
		return false;
	for (size_t i = 0; i < sizeof(ret_hash->b); i++) {
		int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_hash->b[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool flags_parse(struct span flags, struct user *u)
{
	while (flags.len > 0) {
		const uint8_t *comma = memchr(flags.p, ',', flags.len);
		struct span word = flags;

		if (comma)
			word.len = (size_t)(comma - flags.p);
		if (!span_eq(word, span_of_str("disabled")))
			return false;
		u->disabled = true;
		flags = span_from(flags, word.len + (comma ? 1 : 0));
	}
	return true;
}

const char *userline_parse(struct span line, struct user *u)
{
	struct span name, account, hash;
	const char *fault;

	if (!field_cut(&line, &name) || !field_cut(&line, &account) ||
	    !field_cut(&line, &hash))
		return "expected name:account:hash:flags";
	if (!text_copy(name, u->name, sizeof(u->name)))
		return "the name is too long";
	fault = userdb_name_fault(u->name);
	if (fault)
		return fault;
	if (!text_copy(account, u->account, sizeof(u->account)))
		return "the Unix account is too long";
	fault = userdb_account_fault(u->account);
	if (fault)
		return fault;
	if (!userline_hash_parse(hash, &u->nt_hash))
		return "the hash is not 32 hexadecimal digits";
	u->disabled = false;
	return flags_parse(line, u) ? NULL : "unknown flag: expected nothing or disabled";
}

bool userline_is_comment(struct span line)
{
	size_t i = 0;

	while (i < line.len && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	return i == line.len || line.p[i] == '#';
}

static int file_check(int fd, const char *path, struct userdb_fault *ret_fault)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fault_set(ret_fault, -errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return fault_set(ret_fault, -EINVAL, "%s: not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fault_set(ret_fault, -EPERM,
				 "%s: belongs to uid %u: must be root or uid %u", path,
				 (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 077)
		return fault_set(ret_fault, -EPERM,
				 "%s: open to others (mode %04o): chmod 600 it, and have "
				 "the passwords changed if somebody may have read it",
				 path, (unsigned)st.st_mode & 07777);
	return 0;
}

int userlines_open(struct userlines *l, const char *path, struct userdb_fault *ret_fault)
{
	int err;

	*l = (struct userlines){.path = path, .fd = -1};
	l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (l->fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (l->fd < 0)
		return fault_set(ret_fault, -errno, "%s: %m", path);
	err = file_check(l->fd, path, ret_fault);
	if (err)
		return err;
	l->buf = secret_alloc(SECRET_LEN_MAX);
	if (!l->buf)
		return fault_set(ret_fault, -ENOMEM, "%s: out of memory", path);
	return 0;
}

void userlines_close(struct userlines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	secret_free(l->buf);
}

/* More bytes behind those not yet handed out. */
static int refill(struct userlines *l, struct userdb_fault *ret_fault)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	if (l->end == SECRET_LEN_MAX)
		return fault_set(ret_fault, -EINVAL, "%s:%u: line of more than %d bytes",
				 l->path, l->line + 1, (int)SECRET_LEN_MAX - 1);
	do
		n = read(l->fd, l->buf + l->end, SECRET_LEN_MAX - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault_set(ret_fault, -errno, "%s: %m", l->path);
	l->eof = n == 0;
	l->end += (size_t)n;
	return 0;
}

int userlines_next(struct userlines *l, struct span *ret_line,
		   struct userdb_fault *ret_fault)
{
	for (;;) {
		struct span left = span_of(l->buf + l->start, l->end - l->start);
		const uint8_t *nl = left.len ? memchr(left.p, '\n', left.len) : NULL;
		int err;

		if (nl || (l->eof && left.len > 0)) {
			*ret_line = nl ? span_head(left, (size_t)(nl - left.p)) : left;
			l->start += ret_line->len + (nl ? 1 : 0);
			l->line++;
			return 1;
		}
		if (l->eof)
			return 0;
		err = refill(l, ret_fault);
		if (err)
			return err;
	}
}

int userdb_walk(const char *path,
		int (*fn)(const struct user *u, unsigned line, void *arg), void *arg,
		struct userdb_fault *ret_fault)
{
	CLEANUP(userlines_close) struct userlines l;
	CLEANUP(user_wipe) struct user u;
	struct span line;
	int more, err;

	err = userlines_open(&l, path, ret_fault);
	if (err)
		return err == -ENOENT ? 0 : err;
	while ((more = userlines_next(&l, &line, ret_fault)) > 0) {
		const char *fault;

		if (userline_is_comment(line))
			continue;
		fault = userline_parse(line, &u);
		if (fault)
			return fault_set(ret_fault, -EINVAL, "%s:%u: %s", path, l.line,
					 fault);
		err = fn(&u, l.line, arg);
		if (err)
			return err;
	}
	return more;
}

struct search {
	const char *path;
	const char *name;
	struct user *found;
	unsigned line; /* where; 0: nowhere yet */
	struct userdb_fault *fault;
};

static int search_one(const struct user *u, unsigned line, void *arg)
{
	struct search *s = arg;

	if (!utf8_eq_nocase(u->name, s->name))
		return 0;
	if (s->line)
		return fault_set(s->fault, -EINVAL, "%s:%u: the user of line %u again",
				 s->path, line, s->line);
	*s->found = *u;
	s->line = line;
	return 0;
}

int userdb_find(const char *path, const char *name, struct user *ret_user,
		struct userdb_fault *ret_fault)
{
	CLEANUP(user_wipe) struct user found = {0};
	struct search s = {
		.path = path, .name = name, .found = &found, .fault = ret_fault};
	int err = userdb_walk(path, search_one, &s, ret_fault);

	if (err)
		return err;
	if (!s.line)
		return -ENOENT;
	*ret_user = found;
	return 0;
}
