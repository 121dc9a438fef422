/*
 * value.h - one value of a parameter: from its text to its field, and back.
 *
 * Owns     nothing; strings go into the caller's arena.
 * Threads  pure.
 * Errors   false, with the place and the reason in struct value_error; the field is then untouched.
 */
#pragma once

#include "base/arena.h"
#include "conf/param.h"

struct conf_perm;

struct value_error {
	size_t at;      /* byte of the value that it is about	*/
	char text[640]; /* "expected true or false, found \"yes\"" */
};

/*
 * text   valid UTF-8 without control characters except tabs, no blanks around it
 * field  the parameter's field in a struct conf or struct conf_share; a listener is appended
 */
MUST_CHECK bool value_parse(const struct param *p, struct span text, struct arena *a,
			    void *field, struct value_error *ret_err);

/* As value_parse() takes it, and always in the same spelling. A list of listeners takes a line each. */
void value_print(const struct param *p, const void *field, FILE *out);

/* It has no value, and no default: it prints as nothing, and belongs in no file. */
bool value_is_absent(const struct param *p, const void *field);

/* "64KiB": with the largest unit that leaves a whole number. */
void value_size_text(uint64_t bytes, char *buf, size_t buf_len);
/* "a, b or c". Returns buf. */
const char *value_words_text(const char *const *words, char *buf, size_t buf_len);

/*
 * For the types: struct value_in is a value being parsed. The value_refuse functions return false.
 */
struct value_in {
	const struct param *param;
	struct span text;
	struct arena *arena;
	struct value_error *err;
};

/* "expected ..., found "part""; part lies in in->text, or is empty and stands at its end. */
bool value_refuse(const struct value_in *in, struct span part, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Just the message. */
bool value_refuse_as(const struct value_in *in, struct span part, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* "part: known, but this version does not act on it yet; allowed: ..." */
bool value_refuse_known(const struct value_in *in, struct span part, const char *allowed);

/* Cut the next item off *rest, blanks around it removed; false when there is none. An empty list has one empty
 * item, and so has the place behind a trailing separator. *rest.p is NULL when all is taken. For the separator ' ' a tab is one, too. */
bool value_next(struct span *rest, char separator, struct span *ret_item);

bool value_is(struct span part, const char *word);
/* Decimal digits only, min .. max; says nothing. */
MUST_CHECK bool value_number(struct span part, uint64_t min, uint64_t max, uint64_t *ret);
/* NULL-terminated copy; refuses when memory runs out. */
MUST_CHECK bool value_copy(const struct value_in *in, struct span part, const char **ret);
MUST_CHECK bool value_path(const struct value_in *in, struct span part, const char **ret);
MUST_CHECK bool value_account(const struct value_in *in, struct span part,
			      const char **ret);

typedef bool value_parse_fn(const struct value_in *in, void *field);
typedef void value_print_fn(const struct param *p, const void *field, FILE *out);

value_parse_fn dialects_parse, ciphers_parse, signings_parse, log_params_parse;
value_print_fn dialects_print, ciphers_print, signings_print, log_params_print;
value_parse_fn listen_parse;
value_print_fn listen_print;
value_parse_fn audit_params_parse;
value_print_fn audit_params_print;
value_parse_fn sddl_value_parse;
value_print_fn sddl_value_print;
value_parse_fn endpoint_parse;
value_print_fn endpoint_print;
value_parse_fn map_attributes_parse;
value_print_fn map_attributes_print;
/* everyone, a user, @group, *S-1-...: fills in p but for its access */
MUST_CHECK bool perm_id_parse(const struct value_in *in, struct span id,
			      struct conf_perm *p);
value_parse_fn permissions_parse;
value_print_fn permissions_print;
