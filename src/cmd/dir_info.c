#include "cmd/dir_info.h"

#include "wire/fscc_proto.h"
#include "wire/utf16.h"

#include <string.h>

enum { SHORT_NAME_ROOM = 24 };

/*
 * Deviation: the length of extended attributes is told as 0, as it would take a look at each file; QUERY_INFO tells
 * the true one. Of a reparse point this field is the tag.
 */
static void wr_ea_size(struct wr *w, const struct vfs_stat *s)
{
	wr_u32(w, s->reparse_tag);
}

/* The later classes have a field for the tag. */
static void wr_ea_size_and_tag(struct wr *w, const struct vfs_stat *s)
{
	wr_u32(w, 0);
	wr_u32(w, s->reparse_tag);
}

static void wr_short_name(struct wr *w, const char *short_name)
{
	size_t len = 2 * strlen(short_name); /* ASCII */

	wr_u8(w, (uint8_t)len); /* ShortNameLength */
	wr_u8(w, 0);            /* Reserved1 */
	if (len)
		wr_utf16(w, short_name);
	wr_zero(w, SHORT_NAME_ROOM - len);
}

static void wr_id64(struct wr *w, const struct vfs_stat *s)
{
	wr_u64(w, s->key.inode);
}

static void wr_id128(struct wr *w, const struct vfs_stat *s)
{
	wr_u64(w, s->key.inode);
	wr_u64(w, s->key.generation);
}

static void tail_none(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
}

static void tail_full(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	wr_ea_size(w, s);
}

static void tail_both(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	wr_ea_size(w, s);
	wr_short_name(w, short_name);
}

static void tail_id_full(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	wr_ea_size(w, s);
	wr_u32(w, 0); /* Reserved */
	wr_id64(w, s);
}

static void tail_id_both(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	tail_both(w, s, short_name);
	wr_u16(w, 0); /* Reserved2 */
	wr_id64(w, s);
}

static void tail_id_extd(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	wr_ea_size_and_tag(w, s);
	wr_id128(w, s);
}

static void tail_id64_extd(struct wr *w, const struct vfs_stat *s, const char *short_name)
{
	wr_ea_size_and_tag(w, s);
	wr_id64(w, s);
}

static void tail_id64_extd_both(struct wr *w, const struct vfs_stat *s,
				const char *short_name)
{
	tail_id64_extd(w, s, short_name);
	wr_short_name(w, short_name);
}

static void tail_id_all_extd(struct wr *w, const struct vfs_stat *s,
			     const char *short_name)
{
	tail_id64_extd(w, s, short_name);
	wr_id128(w, s);
}

static void tail_id_all_extd_both(struct wr *w, const struct vfs_stat *s,
				  const char *short_name)
{
	tail_id_all_extd(w, s, short_name);
	wr_short_name(w, short_name);
}

static const struct dir_info_class classes[] = {
	{FileNamesInformation, 12, false, false, tail_none},
	{FileDirectoryInformation, 64, true, false, tail_none},
	{FileFullDirectoryInformation, 68, true, false, tail_full},
	{FileIdFullDirectoryInformation, 80, true, false, tail_id_full},
	{FileBothDirectoryInformation, 94, true, true, tail_both},
	{FileIdBothDirectoryInformation, 104, true, true, tail_id_both},
	{FileIdExtdDirectoryInformation, 88, true, false, tail_id_extd},
	{FileId64ExtdDirectoryInformation, 80, true, false, tail_id64_extd},
	{FileId64ExtdBothDirectoryInformation, 106, true, true, tail_id64_extd_both},
	{FileIdAllExtdDirectoryInformation, 96, true, false, tail_id_all_extd},
	{FileIdAllExtdBothDirectoryInformation, 122, true, true, tail_id_all_extd_both},
};

const struct dir_info_class *dir_info_class(uint8_t class)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			return &classes[i];
	return NULL;
}

void dir_info_encode(const struct dir_info_class *c, struct wr *w, const char *name,
		     const char *short_name, const struct vfs_stat *s)
{
	size_t name_len;

	wr_u32(w, 0); /* NextEntryOffset */
	wr_u32(w, 0); /* FileIndex */
	if (c->with_stat) {
		wr_u64(w, s->create_time);
		wr_u64(w, s->access_time);
		wr_u64(w, s->write_time);
		wr_u64(w, s->change_time);
		wr_u64(w, s->size);
		wr_u64(w, s->allocated);
		wr_u32(w, s->dos_attributes);
	}
	name_len = wr_hole_u32(w);
	c->encode_tail(w, s, short_name);
	wr_fill_u32(w, name_len, (uint32_t)wr_utf16(w, name));
}
