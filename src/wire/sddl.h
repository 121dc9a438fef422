/*
 * sddl.h - security descriptors as text: "O:BAG:BAD:P(A;;FA;;;BA)(A;OICI;0x1200a9;;;WD)".
 *
 * Owner, group and DACL, with allow and deny ACEs. What names a SID of a domain ("DA") has no meaning without one and is refused;
 * so are SACLs, object and conditional ACEs.
 *
 * Owns     nothing; descriptors and text live in the caller's arena.
 * Threads  pure.
 * Spec     [MS-DTYP] 2.5.1.1
 */
#pragma once

#include "base/arena.h"
#include "wire/sd.h"

struct sddl_error {
	size_t at; /* byte of the text, or its length */
	const char *expected;
};

/* False, and where and what was expected; `expected` is static. */
MUST_CHECK bool sddl_parse(struct span text, struct arena *a, struct sd *ret_sd,
			   struct sddl_error *ret_error);

/*
 * As sddl_parse() takes it, and always in the same spelling. NULL: something of it cannot be said, or no memory. A SACL, if
 * there is one, is left out.
 */
MUST_CHECK const char *sddl_print(const struct sd *sd, struct arena *a);
