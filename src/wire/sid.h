/*
 * sid.h - security identifiers.
 *
 * Owns     nothing; a struct sid is a value.
 * Spec     [MS-DTYP] 2.4.2
 */
#pragma once

#include "wire/rd.h"
#include "wire/wr.h"

enum { SID_SUB_MAX = 15, SID_TEXT_MAX = 192 };

struct sid {
	uint8_t revision;   /* 1 */
	uint8_t sub_count;  /* 0 .. SID_SUB_MAX */
	uint64_t authority; /* 48 bits */
	uint32_t sub[SID_SUB_MAX];
};

extern const struct sid sid_everyone;            /* S-1-1-0	*/
extern const struct sid sid_creator_owner;       /* S-1-3-0	*/
extern const struct sid sid_creator_group;       /* S-1-3-1	*/
extern const struct sid sid_owner_rights;        /* S-1-3-4	*/
extern const struct sid sid_anonymous;           /* S-1-5-7	*/
extern const struct sid sid_authenticated_users; /* S-1-5-11	*/
extern const struct sid sid_system;              /* S-1-5-18	*/
extern const struct sid sid_administrators;      /* S-1-5-32-544 */
extern const struct sid sid_users;               /* S-1-5-32-545 */
extern const struct sid sid_guests;              /* S-1-5-32-546 */
extern const struct sid sid_network;             /* S-1-5-2	*/

/* S-1-22-1-uid and S-1-22-2-gid: an account or group of this Unix machine. */
struct sid sid_of_uid(uint32_t uid);
struct sid sid_of_gid(uint32_t gid);
/* True, and *ret set, if sid is of that form. */
bool sid_is_uid(const struct sid *sid, uint32_t *ret_uid);
bool sid_is_gid(const struct sid *sid, uint32_t *ret_gid);

bool sid_eq(const struct sid *a, const struct sid *b);
size_t sid_len(const struct sid *sid); /* bytes on the wire */
struct sid rd_sid(struct rd *r); /* fails the cursor on revision != 1 or sub_count > 15 */
void wr_sid(struct wr *w, const struct sid *sid);
/* "S-1-5-32-544". buf holds SID_TEXT_MAX bytes. Returns buf. */
const char *sid_text(const struct sid *sid, char *buf);
/* Parse that form; -EINVAL. */
MUST_CHECK int sid_parse(const char *text, struct sid *ret_sid);
