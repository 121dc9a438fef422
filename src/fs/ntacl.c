/* ntacl.c - Samba's extended attribute for security descriptors. */
#include "fs/ntacl.h"

#include "wire/rd.h"

#include <errno.h>

enum {
	HASH_LEN = 64,
	HASH_SHA256 = 1,
	REFERENCE = 0x20000, /* any number but 0; each is one step further */
	REFERENCE_STEP = 4,
	TEXT_MAX = 64,
	SD_OFFSETS = 4, /* how many, and where: owner, group, SACL, DACL */
	SD_OFFSETS_AT = 4,
};

/* Which file system's ACL the second hash would be of. */
static const char system_acl[] = "posix_acl";

static void skip_text(struct rd *r)
{
	for (size_t i = 0; rd_ok(r) && i < TEXT_MAX; i++)
		if (rd_u8(r) == 0)
			return;
	rd_fail(r);
}

/* Up to the descriptor. */
static void skip_head(struct rd *r)
{
	uint16_t version = rd_u16(r);
	uint16_t again = rd_u16(r);
	uint32_t first = rd_u32(r);
	uint32_t second = rd_u32(r);

	if (version != again || (version != 3 && version != 4) || !first || !second)
		rd_fail(r);
	rd_skip(r, sizeof(uint16_t) + HASH_LEN);
	if (version == 4) {
		skip_text(r);
		rd_align(r, 4);
		rd_skip(r, sizeof(uint64_t) + HASH_LEN);
	}
	rd_align(r, 4);
}

/* Of a descriptor's first bytes, each offset that is not 0 by so much more; w: over the same bytes, or a copy. */
static bool move_offsets(struct rd *r, struct wr *w, uint32_t by)
{
	wr_bytes(w, rd_bytes(r, SD_OFFSETS_AT));
	for (int i = 0; i < SD_OFFSETS; i++) {
		uint32_t off = rd_u32(r);

		if (off && off + by > INT32_MAX)
			return false; /* it pointed before the descriptor, or is none at all */
		wr_u32(w, off ? off + by : 0);
	}
	return rd_ok(r) && wr_ok(w);
}

int ntacl_decode(struct mspan xattr, struct span *ret_sd)
{
	struct rd r = rd_of(span_of(xattr.p, xattr.len));
	struct mspan sd;
	struct rd from;
	struct wr to;

	skip_head(&r);
	if (!rd_ok(&r))
		return -EBADMSG;
	sd = mspan_of(xattr.p + rd_pos(&r), rd_left(&r));
	from = rd_of(span_of(sd.p, sd.len));
	to = wr_of(sd);
	if (!move_offsets(&from, &to, -(uint32_t)rd_pos(&r)))
		return -EBADMSG;
	*ret_sd = span_of(sd.p, sd.len);
	return 0;
}

static void write_head(struct wr *w, unsigned version)
{
	wr_u16(w, (uint16_t)version);
	wr_u16(w, (uint16_t)version);
	wr_u32(w, REFERENCE);
	wr_u32(w, REFERENCE + REFERENCE_STEP);
	wr_u16(w, HASH_SHA256);
	wr_zero(w, HASH_LEN);
	if (version == 4) {
		wr_bytes(w, span_of(system_acl, sizeof(system_acl)));
		wr_align(w, 4);
		wr_zero(w, sizeof(uint64_t) + HASH_LEN);
	}
	wr_align(w, 4);
}

void ntacl_encode(struct wr *w, unsigned version, struct span sd)
{
	struct rd r = rd_of(sd);

	write_head(w, version);
	if (!move_offsets(&r, w, (uint32_t)wr_pos(w)))
		wr_fail(w);
	wr_bytes(w, rd_rest(&r));
}
