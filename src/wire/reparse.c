#include "wire/reparse.h"

#include "wire/fscc_proto.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#define TAG_MICROSOFT 0x80000000u

enum {
	GUID_LEN = 16,
	SYMLINK_FIXED_LEN = 12, /* before PathBuffer */
	SYMLINK_LENGTH_LEN = 4, /* SymLinkLength does not count itself */
	LX_SYMLINK_VERSION = 2,
};

/* ---- what the tags stand for -------------------------------------------------------------------- */

/* A string of a PathBuffer: whole characters within it. */
static bool path_is_in(const struct rd *paths, uint16_t off, uint16_t len)
{
	struct rd r = *paths;

	(void)rd_at(&r, off, len);
	return rd_ok(&r) && off % 2 == 0 && len % 2 == 0;
}

/* [MS-FSCC] 2.1.2.4 */
static bool symlink_is_valid(struct span data)
{
	struct rd r = rd_of(data), paths;
	uint16_t target_off = rd_u16(&r);
	uint16_t target_len = rd_u16(&r);
	uint16_t print_off = rd_u16(&r);
	uint16_t print_len = rd_u16(&r);
	uint32_t flags = rd_u32(&r);

	paths = rd_of(rd_rest(&r));
	return rd_ok(&r) && target_len > 0 && !(flags & ~SYMLINK_FLAG_RELATIVE) &&
	       path_is_in(&paths, target_off, target_len) &&
	       path_is_in(&paths, print_off, print_len);
}

/* [MS-FSCC] 2.1.2.6 */
static bool nfs_is_valid(struct span data)
{
	struct rd r = rd_of(data);
	uint64_t type = rd_u64(&r);
	size_t len = rd_left(&r);

	if (!rd_ok(&r))
		return false;
	switch (type) {
	case NFS_SPECFILE_LNK:
		return len > 0 && len % 2 == 0;
	case NFS_SPECFILE_CHR:
	case NFS_SPECFILE_BLK:
		return len == 8;
	case NFS_SPECFILE_FIFO:
	case NFS_SPECFILE_SOCK:
		return len == 0;
	default:
		return false;
	}
}

/* [MS-FSCC] 2.1.2.7 */
static bool lx_symlink_is_valid(struct span data)
{
	struct rd r = rd_of(data);
	uint32_t version = rd_u32(&r);

	return version == LX_SYMLINK_VERSION && rd_left(&r) > 0;
}

/* Kind and numbers are in the tag and in extended attributes. */
static bool is_nothing(struct span data)
{
	return data.len == 0;
}

static const struct {
	uint32_t tag;
	bool (*is_valid)(struct span data);
} known[] = {
	{IO_REPARSE_TAG_SYMLINK, symlink_is_valid},
	{IO_REPARSE_TAG_NFS, nfs_is_valid},
	{IO_REPARSE_TAG_LX_SYMLINK, lx_symlink_is_valid},
	{IO_REPARSE_TAG_AF_UNIX, is_nothing},
	{IO_REPARSE_TAG_LX_FIFO, is_nothing},
	{IO_REPARSE_TAG_LX_CHR, is_nothing},
	{IO_REPARSE_TAG_LX_BLK, is_nothing},
};

static nt_status check_known(const struct reparse *r)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].tag == r->tag)
			return known[i].is_valid(r->data)
				       ? STATUS_SUCCESS
				       : STATUS_IO_REPARSE_DATA_INVALID;
	return STATUS_IO_REPARSE_TAG_INVALID;
}

/* ---- buffers ------------------------------------------------------------------------------------ */

/* Tags 0 and 1 are nobody's. [MS-FSCC] 2.1.2.1 */
static bool is_reserved(uint32_t tag)
{
	return tag <= 1;
}

static nt_status decode_frame(struct span buffer, struct reparse *r)
{
	struct rd in = rd_of(buffer);
	uint16_t len;

	*r = (struct reparse){.tag = rd_u32(&in)};
	len = rd_u16(&in);
	rd_skip(&in, 2); /* Reserved */
	if (!(r->tag & TAG_MICROSOFT))
		r->guid = rd_bytes(&in, GUID_LEN);
	r->data = rd_bytes(&in, len);
	if (!rd_ok(&in) || rd_left(&in) || buffer.len > REPARSE_BUFFER_MAX)
		return STATUS_IO_REPARSE_DATA_INVALID;
	return is_reserved(r->tag) ? STATUS_IO_REPARSE_TAG_INVALID : STATUS_SUCCESS;
}

nt_status reparse_decode(struct span buffer, struct reparse *ret_reparse)
{
	struct reparse r;
	nt_status st = decode_frame(buffer, &r);

	if (nt_ok(st) && !r.guid.len)
		st = check_known(&r);
	if (nt_ok(st))
		*ret_reparse = r;
	return st;
}

nt_status reparse_delete_decode(struct span buffer, struct reparse *ret_reparse)
{
	struct reparse r;
	nt_status st = decode_frame(buffer, &r);

	if (nt_ok(st) && r.data.len)
		return STATUS_IO_REPARSE_DATA_INVALID;
	if (nt_ok(st))
		*ret_reparse = r;
	return st;
}

void wr_reparse(struct wr *w, const struct reparse *r)
{
	wr_u32(w, r->tag);
	wr_u16(w, (uint16_t)r->data.len);
	wr_u16(w, 0); /* Reserved */
	wr_bytes(w, r->guid);
	wr_bytes(w, r->data);
}

bool reparse_is_relative_link(const struct reparse *r)
{
	struct rd in = rd_of(r->data);

	rd_skip(&in, 2 + 2 + 2 + 2); /* where the names are */
	return r->tag == IO_REPARSE_TAG_SYMLINK && (rd_u32(&in) & SYMLINK_FLAG_RELATIVE);
}

/* ---- what the file system has of its own -------------------------------------------------------- */

size_t reparse_link_room(size_t target_len)
{
	return REPARSE_HEADER_LEN + SYMLINK_FIXED_LEN + 2 * 2 * target_len;
}

/* A name of the file system with the separators of the wire; bytes written. */
static size_t wr_target(struct wr *w, const char *target)
{
	size_t start = wr_pos(w), len = wr_utf16(w, target);

	for (size_t i = 0; wr_ok(w) && i < len; i += 2) {
		uint8_t *unit = w->p + start + i;

		if (unit[0] == '/' && unit[1] == 0)
			unit[0] = '\\';
	}
	return len;
}

void wr_reparse_link(struct wr *w, const char *target)
{
	int64_t len = utf16_len(target);

	if (len <= 0 || 2 * len + SYMLINK_FIXED_LEN > UINT16_MAX ||
	    strchr(target, '\\')) {
		wr_fail(w);
		return;
	}
	wr_u32(w, IO_REPARSE_TAG_SYMLINK);
	wr_u16(w, (uint16_t)(SYMLINK_FIXED_LEN + 2 * len));
	wr_u16(w, 0);             /* Reserved */
	wr_u16(w, 0);             /* SubstituteNameOffset */
	wr_u16(w, (uint16_t)len); /* SubstituteNameLength */
	wr_u16(w, (uint16_t)len); /* PrintNameOffset */
	wr_u16(w, (uint16_t)len); /* PrintNameLength */
	wr_u32(w, target[0] == '/' ? 0 : SYMLINK_FLAG_RELATIVE);
	wr_target(w, target);
	wr_target(w, target);
}

void wr_reparse_nfs(struct wr *w, uint64_t type, uint32_t major, uint32_t minor)
{
	bool device = type == NFS_SPECFILE_CHR || type == NFS_SPECFILE_BLK;

	wr_u32(w, IO_REPARSE_TAG_NFS);
	wr_u16(w, device ? 16 : 8);
	wr_u16(w, 0); /* Reserved */
	wr_u64(w, type);
	if (!device)
		return;
	wr_u32(w, major);
	wr_u32(w, minor);
}

/* From ReparseDataLength on, UnparsedPathLength aside, it is the buffer of the link. */
void wr_symlink_error(struct wr *w, const struct reparse *r, uint16_t unparsed_len)
{
	wr_u32(w,
	       (uint32_t)(SYMLINK_ERROR_HEADER_LEN - SYMLINK_LENGTH_LEN + r->data.len));
	wr_u32(w, SMB2_SYMLINK_ERROR_TAG);
	wr_u32(w, r->tag);
	wr_u16(w, (uint16_t)r->data.len);
	wr_u16(w, unparsed_len);
	wr_bytes(w, r->data);
}
