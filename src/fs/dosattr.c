/* dosattr.c - reader and writer of "user.DOSATTRIB". */
#include "fs/dosattr.h"

#include "wire/filetime.h"
#include "wire/fscc_proto.h"
#include "wire/rd.h"
#include "wire/wr.h"

#include <errno.h>

/* Bits of `valid`. */
enum {
	VALID_ATTRIBUTES = 0x01,
	VALID_SIZE = 0x04,
	VALID_ALLOC_SIZE = 0x08,
	VALID_CREATE_TIME = 0x10,
	VALID_CHANGE_TIME = 0x20,
};

uint32_t dosattr_kept(void)
{
	return dosattr_settable() | FILE_ATTRIBUTE_SPARSE_FILE |
	       FILE_ATTRIBUTE_REPARSE_POINT;
}

uint32_t dosattr_settable(void)
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
	if (version == 3) {
		rd_skip(r, 4); /* ea_size */
		a->own_change_time = rd_u64(r);
		a->write_time = rd_u64(r);
	} else if (version == 4) {
		rd_skip(r, 8); /* itime */
	}
	a->create_time = rd_u64(r);
	if (version == 3)
		a->change_time = rd_u64(r);

	a->attributes = attributes & dosattr_kept();
	a->has_attributes = valid & VALID_ATTRIBUTES;
	a->has_create_time = (valid & VALID_CREATE_TIME) && a->create_time;
	a->has_change_time = (valid & VALID_CHANGE_TIME) &&
			     !(valid & (VALID_SIZE | VALID_ALLOC_SIZE)) &&
			     filetime_is_time(a->change_time);
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

static uint32_t valid_of(const struct dosattr *a)
{
	return (a->has_attributes ? VALID_ATTRIBUTES : 0) |
	       (a->has_create_time ? VALID_CREATE_TIME : 0) |
	       (a->has_change_time ? VALID_CHANGE_TIME : 0);
}

struct span dosattr_encode(const struct dosattr *attr, unsigned version,
			   uint8_t ret_xattr[DOSATTR_LEN])
{
	struct wr w = wr_of(mspan_of(ret_xattr, DOSATTR_LEN));

	if (attr->has_change_time)
		version = 3;
	wr_u8(&w, 0); /* no text */
	wr_align(&w, 2);
	wr_u16(&w, (uint16_t)version);
	wr_u16(&w, (uint16_t)version);
	wr_align(&w, 4);
	wr_u32(&w, valid_of(attr));
	wr_u32(&w, attr->has_attributes ? attr->attributes & dosattr_kept() : 0);
	if (version == 3) {
		wr_u32(&w, 0); /* ea_size */
		wr_u64(&w, attr->own_change_time);
		wr_u64(&w, attr->write_time);
	} else if (version == 4) {
		wr_u64(&w, 0); /* itime */
	}
	wr_u64(&w, attr->has_create_time ? attr->create_time : 0);
	if (version == 3)
		wr_u64(&w, attr->change_time);
	return wr_done(&w);
}

bool dosattr_change_time_holds(const struct dosattr *attr, uint64_t own_change_time,
			       uint64_t write_time)
{
	return attr->has_change_time && write_time == attr->write_time &&
	       own_change_time >= attr->own_change_time &&
	       own_change_time - attr->own_change_time <= DOSATTR_CHANGE_SLACK;
}
