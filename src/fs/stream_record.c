/* stream_record.c - reader and writer of "user.tsmb.stream.*". */
#include "fs/stream_record.h"

#include "base/utf8.h"
#include "crypto/hash.h"
#include "wire/rd.h"
#include "wire/utf16.h"
#include "wire/wr.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { VERSION = 1, KIND_INLINE = 1, KIND_FILE = 2 };

static const char hex[] = "0123456789abcdef";

int stream_xattr_of(struct arena *a, const char *stream, struct stream_xattr *ret_xattr)
{
	struct stream_xattr x = {STREAM_XATTR_PREFIX};
	uint8_t hash[SHA256_LEN];
	struct span folded;
	char *upper, *end = x.name + strlen(x.name);
	int err;

	err = utf8_upper(a, stream, &upper);
	if (err)
		return err;
	folded = span_of_str(upper);
	err = sha256(&folded, 1, hash);
	if (err)
		return err;
	for (size_t i = 0; i < STREAM_ID_LEN; i++) {
		*end++ = hex[hash[i] >> 4];
		*end++ = hex[hash[i] & 15];
	}
	*ret_xattr = x;
	return 0;
}

int stream_check_name(struct span name)
{
	if (name.len > STREAM_NAME_MAX)
		return -ENAMETOOLONG;
	if (name.len == 0)
		return -EINVAL;
	while (name.len) {
		uint32_t c = 0;
		size_t n = utf8_get(name, &c);

		if (n == 0 || c == 0 || c == '\\' || c == '/' || c == ':')
			return -EINVAL;
		name = span_from(name, n);
	}
	return 0;
}

int stream_record_decode(struct span xattr, struct stream_record *ret_record)
{
	struct rd r = rd_of(xattr);
	struct stream_record s = {0};
	uint8_t version, kind;
	uint16_t name_len;
	struct span id;

	version = rd_u8(&r);
	kind = rd_u8(&r);
	name_len = rd_u16(&r);
	id = rd_bytes(&r, STREAM_ID_LEN);
	s.name = rd_bytes(&r, name_len);
	s.content = rd_rest(&r);
	if (!rd_ok(&r) || version != VERSION || stream_check_name(s.name) != 0)
		return -EBADMSG;
	if (kind != KIND_INLINE && kind != KIND_FILE)
		return -EBADMSG;
	s.in_file = kind == KIND_FILE;
	if (s.content.len > (s.in_file ? 0 : STREAM_INLINE_MAX))
		return -EBADMSG;
	memcpy(s.id, id.p, sizeof(s.id));
	if (stream_id_key(s.id) == 0)
		return -EBADMSG;
	*ret_record = s;
	return 0;
}

uint64_t stream_id_key(const uint8_t id[STREAM_ID_LEN])
{
	struct rd r = rd_of(span_of(id, STREAM_ID_LEN));

	return rd_u64(&r);
}

size_t stream_record_encode(const struct stream_record *s,
			    uint8_t ret_xattr[STREAM_RECORD_MAX])
{
	struct wr w = wr_of(mspan_of(ret_xattr, STREAM_RECORD_MAX));

	wr_u8(&w, VERSION);
	wr_u8(&w, s->in_file ? KIND_FILE : KIND_INLINE);
	wr_u16(&w, (uint16_t)s->name.len);
	wr_bytes(&w, span_of(s->id, sizeof(s->id)));
	wr_bytes(&w, s->name);
	if (!s->in_file)
		wr_bytes(&w, s->content);
	assert(wr_ok(&w));
	return wr_pos(&w);
}
