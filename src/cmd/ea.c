#include "cmd/ea.h"

#include "wire/rd.h"

#include "wire/fscc_proto.h"

enum {
	EAS_MAX = 1024,     /* in one list; what a file can hold is far less */
	NAME_LEN_MAX = 254, /* [MS-FSCC] 2.4.16: less than 255 */
	HEADER_LEN = 8,     /* of FILE_FULL_EA_INFORMATION, to EaName */
	ALIGNMENT = 4,
};

static bool is_name_char(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && !strchr("\\/:*?\"<>|,+=[];", c);
}

/* len bytes of a name, followed by a NUL. */
static nt_status decode_name(struct rd *r, uint8_t len, struct arena *a,
			     const char **ret_name)
{
	struct span name = rd_bytes(r, len);
	uint8_t nul = rd_u8(r);

	if (!rd_ok(r) || nul != 0)
		return STATUS_EA_LIST_INCONSISTENT;
	if (len == 0 || len > NAME_LEN_MAX)
		return STATUS_INVALID_EA_NAME;
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_char(name.p[i]))
			return STATUS_INVALID_EA_NAME;
	*ret_name = arena_dup(a, name);
	return *ret_name ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static nt_status decode_full(struct rd *r, struct arena *a, struct vfs_ea *ea)
{
	uint8_t name_len;
	uint16_t value_len;
	nt_status st;

	ea->flags = rd_u8(r);
	name_len = rd_u8(r);
	value_len = rd_u16(r);
	st = decode_name(r, name_len, a, &ea->name);
	if (!nt_ok(st))
		return st;
	ea->value = rd_bytes(r, value_len);
	if (!rd_ok(r))
		return STATUS_EA_LIST_INCONSISTENT;
	return ea->flags & ~FILE_NEED_EA ? STATUS_INVALID_EA_NAME : STATUS_SUCCESS;
}

static nt_status decode_get(struct rd *r, struct arena *a, struct vfs_ea *ea)
{
	uint8_t name_len = rd_u8(r);

	*ea = (struct vfs_ea){0};
	return decode_name(r, name_len, a, &ea->name);
}

/* How many entries the NextEntryOffsets chain up; 0 if they do not. */
static size_t count_entries(struct span list)
{
	for (size_t n = 1; n <= EAS_MAX; n++) {
		struct rd r = rd_of(list);
		uint32_t next = rd_u32(&r);

		if (!rd_ok(&r) || next % ALIGNMENT || next >= list.len)
			return 0;
		if (next == 0)
			return n;
		list = span_from(list, next);
	}
	return 0;
}

/* Each entry is read within its own bytes. */
static nt_status decode_list(struct span list, struct arena *a,
			     nt_status (*decode)(struct rd *, struct arena *,
						 struct vfs_ea *),
			     struct vfs_ea **ret_eas, size_t *ret_count)
{
	size_t count = count_entries(list);
	struct vfs_ea *eas;

	if (count == 0)
		return STATUS_EA_LIST_INCONSISTENT;
	eas = arena_array(a, count, sizeof(*eas));
	if (!eas)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < count; i++) {
		struct rd r = rd_of(list);
		uint32_t next = rd_u32(&r);
		nt_status st;

		if (next)
			r = rd_of(span_head(list, next));
		rd_seek(&r, sizeof(next));
		st = decode(&r, a, &eas[i]);
		if (!nt_ok(st))
			return st;
		list = span_from(list, next);
	}
	*ret_eas = eas;
	*ret_count = count;
	return STATUS_SUCCESS;
}

nt_status ea_decode(struct span list, struct arena *a, struct vfs_ea **ret_eas,
		    size_t *ret_count)
{
	return decode_list(list, a, decode_full, ret_eas, ret_count);
}

nt_status ea_decode_names(struct span list, struct arena *a, struct vfs_ea **ret_eas,
			  size_t *ret_count)
{
	return decode_list(list, a, decode_get, ret_eas, ret_count);
}

static size_t entry_len(const struct vfs_ea *ea)
{
	return HEADER_LEN + strlen(ea->name) + 1 + ea->value.len;
}

static size_t align(size_t len)
{
	return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* More than the field can say is not told. */
static bool fits_wire(const struct vfs_ea *ea)
{
	return strlen(ea->name) <= NAME_LEN_MAX && ea->value.len <= UINT16_MAX;
}

size_t ea_len(const struct vfs_ea *eas, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		if (fits_wire(&eas[i]))
			len = align(len) + entry_len(&eas[i]);
	return len;
}

static void wr_entry(struct wr *w, const struct vfs_ea *ea)
{
	wr_u32(w, 0); /* NextEntryOffset: filled by the one that follows */
	wr_u8(w, ea->flags);
	wr_u8(w, (uint8_t)strlen(ea->name));
	wr_u16(w, (uint16_t)ea->value.len);
	wr_bytes(w, span_of(ea->name, strlen(ea->name) + 1));
	wr_bytes(w, ea->value);
}

nt_status ea_encode(const struct vfs_ea *eas, size_t count, struct wr *w,
		    size_t *ret_done)
{
	size_t start = wr_pos(w), last = SIZE_MAX;

	*ret_done = 0;
	for (size_t i = 0; i < count; i++) {
		size_t end = wr_pos(w), at;

		if (!fits_wire(&eas[i]))
			continue;
		at = start + align(end - start);
		if (at - end + entry_len(&eas[i]) > wr_left(w)) {
			*ret_done = i;
			return last == SIZE_MAX ? STATUS_BUFFER_TOO_SMALL
						: STATUS_BUFFER_OVERFLOW;
		}
		if (last != SIZE_MAX)
			wr_fill_u32(w, last, (uint32_t)(at - last));
		wr_zero(w, at - end);
		last = at;
		wr_entry(w, &eas[i]);
	}
	*ret_done = count;
	return STATUS_SUCCESS;
}
