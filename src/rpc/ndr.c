#include "rpc/ndr.h"

#include "wire/utf16.h"

/* Where Windows starts counting referent ids; ours are this plus the pointer's own offset, so never equal, never 0. */
enum { REFERENT_BASE = 0x00020000 };

uint16_t ndr_u16(struct rd *r)
{
	rd_align(r, 2);
	return rd_u16(r);
}

uint32_t ndr_u32(struct rd *r)
{
	rd_align(r, 4);
	return rd_u32(r);
}

bool ndr_ptr(struct rd *r)
{
	return ndr_u32(r) != 0;
}

/* Counts of a conformant varying array of 16-bit units, then the units. Empty span after a failure. */
static struct span ndr_wchars(struct rd *r, uint32_t *ret_max)
{
	uint32_t max = ndr_u32(r);
	uint32_t offset = ndr_u32(r);
	uint32_t actual = ndr_u32(r);
	size_t count;

	if (offset != 0 || actual > max)
		rd_fail(r);
	count = rd_fit(r, actual, 2);
	*ret_max = max;
	return rd_bytes(r, count * 2);
}

static const char *ndr_text(struct rd *r, struct arena *a, struct span utf16le)
{
	char *text;

	if (!rd_ok(r))
		return NULL;
	if (utf16_to_utf8(a, utf16le, &text) < 0) {
		rd_fail(r);
		return NULL;
	}
	return text;
}

const char *ndr_string(struct rd *r, struct arena *a)
{
	uint32_t max;
	struct span s = ndr_wchars(r, &max);
	size_t len = 0;

	if (s.len < 2 || s.p[s.len - 1] != 0 || s.p[s.len - 2] != 0) {
		rd_fail(r);
		return NULL;
	}
	while (s.p[len] != 0 || s.p[len + 1] != 0)
		len += 2;
	return ndr_text(r, a, span_head(s, len));
}

const char *ndr_string_ptr(struct rd *r, struct arena *a)
{
	if (!ndr_ptr(r))
		return NULL;
	return ndr_string(r, a);
}

struct ndr_ustr ndr_ustr(struct rd *r)
{
	struct ndr_ustr u;

	rd_align(r, 4);
	u.byte_len = ndr_u16(r);
	u.byte_max = ndr_u16(r);
	u.present = ndr_ptr(r);
	return u;
}

const char *ndr_ustr_body(struct rd *r, struct arena *a, struct ndr_ustr fixed)
{
	struct span s;
	uint32_t max;

	if (fixed.byte_len > fixed.byte_max || fixed.byte_len % 2 != 0 ||
	    (!fixed.present && fixed.byte_len != 0)) {
		rd_fail(r);
		return NULL;
	}
	if (!fixed.present)
		return "";
	s = ndr_wchars(r, &max);
	if (max != fixed.byte_max / 2 || s.len != fixed.byte_len) {
		rd_fail(r);
		return NULL;
	}
	return ndr_text(r, a, s);
}

struct sid ndr_sid(struct rd *r)
{
	uint32_t count = ndr_u32(r);
	struct sid sid = rd_sid(r);

	if (sid.sub_count != count)
		rd_fail(r);
	return sid;
}

void ndr_handle(struct rd *r, uint8_t ret_handle[NDR_HANDLE_LEN])
{
	rd_align(r, 4);
	rd_copy(r, ret_handle, NDR_HANDLE_LEN);
}

void ndr_put_u16(struct wr *w, uint16_t v)
{
	wr_align(w, 2);
	wr_u16(w, v);
}

void ndr_put_u32(struct wr *w, uint32_t v)
{
	wr_align(w, 4);
	wr_u32(w, v);
}

void ndr_put_ptr(struct wr *w, bool present)
{
	wr_align(w, 4);
	wr_u32(w, present ? REFERENT_BASE + (uint32_t)wr_pos(w) : 0);
}

/* Bytes of the text as UTF-16; an untranslatable text fails the writer. */
static uint32_t ndr_text_len(struct wr *w, const char *utf8)
{
	int64_t len = utf16_len(utf8);

	if (len < 0 || len > UINT16_MAX - 1) {
		wr_fail(w);
		return 0;
	}
	return (uint32_t)len;
}

void ndr_put_string(struct wr *w, const char *utf8)
{
	uint32_t units = ndr_text_len(w, utf8) / 2 + 1;

	ndr_put_u32(w, units);
	ndr_put_u32(w, 0);
	ndr_put_u32(w, units);
	wr_utf16(w, utf8);
	wr_u16(w, 0);
}

void ndr_put_ustr(struct wr *w, const char *utf8)
{
	uint16_t len = utf8 ? (uint16_t)ndr_text_len(w, utf8) : 0;

	wr_align(w, 4);
	wr_u16(w, len);
	wr_u16(w, len);
	ndr_put_ptr(w, len != 0);
}

void ndr_put_ustr_body(struct wr *w, const char *utf8)
{
	uint32_t units = utf8 ? ndr_text_len(w, utf8) / 2 : 0;

	if (units == 0)
		return;
	ndr_put_u32(w, units);
	ndr_put_u32(w, 0);
	ndr_put_u32(w, units);
	wr_utf16(w, utf8);
}

void ndr_put_sid(struct wr *w, const struct sid *sid)
{
	ndr_put_u32(w, sid->sub_count);
	wr_sid(w, sid);
}

void ndr_put_handle(struct wr *w, const uint8_t handle[NDR_HANDLE_LEN])
{
	wr_align(w, 4);
	wr_bytes(w, span_of(handle, NDR_HANDLE_LEN));
}
