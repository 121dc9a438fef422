/*
 * ndr.h - NDR32, the transfer syntax of our remote procedures, over struct rd and struct wr.
 *
 * Both cursors must start where the stub starts: every scalar is aligned to its own size relative to that. Structs with
 * pointers come in two parts, all fixed parts first and then the referents in the same order; the caller does both passes.
 *
 * Owns     nothing; strings that were read live in the caller's arena.
 * Threads  values of their user.
 * Errors   sticky in the cursor, as in wire/rd.h and wire/wr.h; memory running out fails the reader, too.
 * Spec     [C706] chapter 14, [MS-RPCE] 2.2.4, 2.2.5 (NDR64 is not spoken), [MS-DTYP] 2.3.10, 2.4.2.3
 */
#pragma once

#include "base/arena.h"
#include "wire/rd.h"
#include "wire/sid.h"
#include "wire/wr.h"

/* Length of a context handle on the wire: attributes and a UUID. [C706] appendix N */
enum { NDR_HANDLE_LEN = 20 };

/* Reading. */

uint16_t ndr_u16(struct rd *r);
uint32_t ndr_u32(struct rd *r);
/* A unique pointer's referent id: true if something follows. */
bool ndr_ptr(struct rd *r);

/*
 * [string] wchar_t *: conformant and varying, UTF-16 at offset 0 whose last character is NUL. The text ends at the first
 * NUL, as in C. UTF-8 in the arena; NULL when the cursor failed, also for text that is not valid UTF-16.
 */
const char *ndr_string(struct rd *r, struct arena *a);
/* [unique, string] parameter: pointer and, at once, its string. NULL for a null pointer (and for a failure). */
const char *ndr_string_ptr(struct rd *r, struct arena *a);

/* Fixed part of an RPC_UNICODE_STRING. */
struct ndr_ustr {
	uint16_t byte_len;
	uint16_t byte_max;
	bool present;
};
struct ndr_ustr ndr_ustr(struct rd *r);
/* Its referent, if there is one; "" if not. Lengths that contradict the fixed part, or odd ones, fail the cursor. */
const char *ndr_ustr_body(struct rd *r, struct arena *a, struct ndr_ustr fixed);

/* RPC_SID: the conformant form, whose count must agree with the SID's own. */
struct sid ndr_sid(struct rd *r);
/* 20 bytes of a context handle. */
void ndr_handle(struct rd *r, uint8_t ret_handle[NDR_HANDLE_LEN]);

/* Writing. Text is UTF-8; invalid text fails the writer. */

void ndr_put_u16(struct wr *w, uint16_t v);
void ndr_put_u32(struct wr *w, uint32_t v);
/* A referent id, unique in the stub, or 0. */
void ndr_put_ptr(struct wr *w, bool present);
/* [string] wchar_t: counts, text, NUL. */
void ndr_put_string(struct wr *w, const char *utf8);
/* RPC_UNICODE_STRING in two parts; NULL and "" have a null pointer and no body. */
void ndr_put_ustr(struct wr *w, const char *utf8);
void ndr_put_ustr_body(struct wr *w, const char *utf8);
void ndr_put_sid(struct wr *w, const struct sid *sid);
void ndr_put_handle(struct wr *w, const uint8_t handle[NDR_HANDLE_LEN]);
