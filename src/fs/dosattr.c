/* dosattr.c - reader and writer of "user.DOSATTRIB". */
#include "fs/dosattr.h"

#include "wire/fscc_proto.h"
#include "wire/rd.h"
#include "wire/wr.h"

#include <errno.h>

/* Bits of `valid`. */
enum {
	VALID_ATTRIBUTES = 0x01,
	VALID_CREATE_TIME = 0x10,
};

uint32_t dosattr_kept(void)
{
	return FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
	       FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_TEMPORARY |
	       FILE_ATTRIBUTE_OFFLINE | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
}

static void decode_body(struct rd *r, uint16_t version, struct dosattr *a)
{
	uint32_t valid, attributes;

	valid = rd_u32(r);
	attributes = rd_u32(r);
	if (version == 3)
		rd_skip(r, 4 + 8 + 8); /* ea_size, size, alloc_size */
	else if (version == 4)
		rd_skip(r, 8); /* itime */
	a->create_time = rd_u64(r);
	if (version == 3)
		rd_skip(r, 8); /* change_time */

	a->attributes = attributes & dosattr_kept();
	a->has_attributes = valid & VALID_ATTRIBUTES;
	a->has_create_time = (valid & VALID_CREATE_TIME) && a->create_time;
}

int dosattr_decode(struct span xattr, struct dosattr *ret_attr)
{
	struct rd r = rd_of(xattr);
	struct dosattr a = {0};
	uint16_t version, again;

	while (rd_ok(&r) && rd_u8(&r) != 0)
		; /* the text says what `attributes` says */
	rd_align(&r, 2);
	version = rd_u16(&r);
	again = rd_u16(&r);
	rd_align(&r, 4);
	if (version != again || version < 3 || version > 5)
		return -EBADMSG;
	decode_body(&r, version, &a);
	if (!rd_ok(&r) || rd_left(&r) != 0)
		return -EBADMSG;
	*ret_attr = a;
	return 0;
}

void dosattr_encode(const struct dosattr *attr, uint8_t ret_xattr[DOSATTR_LEN])
{
	struct wr w = wr_of(mspan_of(ret_xattr, DOSATTR_LEN));

	wr_u8(&w, 0); /* no text */
	wr_align(&w, 2);
	wr_u16(&w, 5);
	wr_u16(&w, 5);
	wr_align(&w, 4);
	wr_u32(&w, (attr->has_attributes ? VALID_ATTRIBUTES : 0) |
			   (attr->has_create_time ? VALID_CREATE_TIME : 0));
	wr_u32(&w, attr->has_attributes ? attr->attributes & dosattr_kept() : 0);
	wr_u64(&w, attr->has_create_time ? attr->create_time : 0);
}
