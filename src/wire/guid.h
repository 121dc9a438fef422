/*
 * guid.h - globally unique identifiers: 16 bytes, kept as they travel.
 *
 * Owns     nothing; a struct guid is a value.
 * Spec     [MS-DTYP] 2.3.4.2 (packet), 2.3.4.3 (text)
 */
#pragma once

#include "wire/rd.h"
#include "wire/wr.h"

struct env;

enum { GUID_LEN = 16, GUID_TEXT_MAX = 37 };

struct guid {
	uint8_t bytes[GUID_LEN];
};

struct guid rd_guid(struct rd *r);
void wr_guid(struct wr *w, const struct guid *g);

bool guid_eq(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *g);

/* A random one: version 4 of RFC 4122. */
struct guid guid_random(struct env *env);

/* "4d36e96e-e325-11ce-bfc1-08002be10318": the first three groups are little-endian numbers on the wire. buf holds
 * GUID_TEXT_MAX bytes. Returns buf. */
const char *guid_text(const struct guid *g, char *buf);
/* Parse that form, in either case, with or without braces; -EINVAL. */
MUST_CHECK int guid_parse(const char *text, struct guid *ret_guid);
