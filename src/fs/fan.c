#include "fs/fan.h"

#include "fs/local_watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>

/* Linux 6.5: a handle that need not be good for opening, as fanotify uses them; <fcntl.h> may lack it. */
#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

/* Closing after a write stands for stores through a mapping, which the kernel does not see one by one. */
static const uint64_t event_masks[LOCAL_EVENT_COUNT] = {
	[LOCAL_OPENED] = FAN_OPEN,
	[LOCAL_CHANGED] = FAN_MODIFY | FAN_CLOSE_WRITE,
	[LOCAL_NAMES] = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO,
};

uint64_t fan_mask(unsigned what)
{
	uint64_t mask = 0;

	for (unsigned e = 0; e < LOCAL_EVENT_COUNT; e++)
		if (what & 1U << e)
			mask |= event_masks[e];
	return what & WATCH_NAMES ? mask | FAN_ONDIR : mask;
}

unsigned fan_what(uint64_t mask)
{
	unsigned what = 0;

	for (unsigned e = 0; e < LOCAL_EVENT_COUNT; e++)
		if (mask & event_masks[e])
			what |= 1U << e;
	return what;
}

int fan_handle_read(int fd, struct fan_handle *ret)
{
	struct {
		struct file_handle h;
		uint8_t bytes[FAN_HANDLE_MAX];
	} buf = {.h.handle_bytes = FAN_HANDLE_MAX};
	struct fan_handle h = {0};
	struct statfs fs;
	int mount, err;

	err = name_to_handle_at(fd, "", &buf.h, &mount, AT_EMPTY_PATH | AT_HANDLE_FID);
	if (err < 0 && errno == EINVAL)
		err = name_to_handle_at(fd, "", &buf.h, &mount, AT_EMPTY_PATH);
	if (err < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	h.fsid = fs.f_fsid;
	h.type = buf.h.handle_type;
	h.len = buf.h.handle_bytes;
	memcpy(h.bytes, buf.h.f_handle, h.len);
	*ret = h;
	return 0;
}

/* A record of a handle: that and what follows it. */
static bool handle_parse(struct span record, struct fan_handle *ret, int *ret_type,
			 struct span *ret_rest)
{
	struct fanotify_event_info_fid info;
	struct file_handle fh;
	struct fan_handle h = {0};
	struct span rest;

	if (record.len < sizeof(info) + sizeof(fh))
		return false;
	memcpy(&info, record.p, sizeof(info));
	memcpy(&fh, record.p + sizeof(info), sizeof(fh));
	rest = span_from(record, sizeof(info) + sizeof(fh));
	if (fh.handle_bytes > FAN_HANDLE_MAX || fh.handle_bytes > rest.len)
		return false;
	static_assert(sizeof(h.fsid) == sizeof(info.fsid), "the same in both headers");
	memcpy(&h.fsid, &info.fsid, sizeof(h.fsid));
	h.type = fh.handle_type;
	h.len = fh.handle_bytes;
	memcpy(h.bytes, rest.p, h.len);
	*ret = h;
	*ret_type = info.hdr.info_type;
	*ret_rest = span_from(rest, h.len);
	return true;
}

bool fan_handle_parse(struct span record, struct fan_handle *ret)
{
	struct fan_handle h;
	struct span rest;
	int type;

	if (!handle_parse(record, &h, &type, &rest) || type != FAN_EVENT_INFO_TYPE_FID)
		return false;
	*ret = h;
	return true;
}

bool fan_name_parse(struct span record, struct fan_name *ret)
{
	struct fan_handle h;
	struct span rest;
	size_t len;
	int type;

	if (!handle_parse(record, &h, &type, &rest) ||
	    (type != FAN_EVENT_INFO_TYPE_DFID_NAME &&
	     type != FAN_EVENT_INFO_TYPE_OLD_DFID_NAME &&
	     type != FAN_EVENT_INFO_TYPE_NEW_DFID_NAME))
		return false;
	len = strnlen((const char *)rest.p, rest.len);
	if (len == 0 || len == rest.len || len > NAME_MAX)
		return false;
	ret->dir = h;
	memcpy(ret->name, rest.p, len + 1);
	return true;
}

bool fan_record_next(struct span *records, int *ret_type, struct span *ret_record)
{
	struct fanotify_event_info_header head;

	if (records->len < sizeof(head))
		return false;
	memcpy(&head, records->p, sizeof(head));
	if (head.len < sizeof(head) || head.len > records->len)
		return false;
	*ret_type = head.info_type;
	*ret_record = span_head(*records, head.len);
	*records = span_from(*records, head.len);
	return true;
}

bool fan_names_parse(struct span records, struct fan_names *ret)
{
	struct fan_names f = {0};
	struct span record;
	int type;

	while (records.len) {
		if (!fan_record_next(&records, &type, &record))
			return false;
		if (type == FAN_EVENT_INFO_TYPE_FID)
			f.has_self = fan_handle_parse(record, &f.self);
		else if (type == FAN_EVENT_INFO_TYPE_DFID_NAME)
			f.has_in = fan_name_parse(record, &f.in);
		else if (type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME)
			f.has_from = fan_name_parse(record, &f.from);
		else if (type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME)
			f.has_to = fan_name_parse(record, &f.to);
	}
	*ret = f;
	return true;
}

/* Events are aligned to 4 bytes, which is less than they want. */
bool fan_event_next(struct span *events, struct fanotify_event_metadata *ret,
		    struct span *ret_records)
{
	struct fanotify_event_metadata e;

	if (events->len < sizeof(e))
		return false;
	memcpy(&e, events->p, sizeof(e));
	if (e.vers != FANOTIFY_METADATA_VERSION || e.metadata_len < sizeof(e) ||
	    e.event_len < e.metadata_len || e.event_len > events->len)
		return false;
	*ret = e;
	*ret_records = span_of(events->p + e.metadata_len, e.event_len - e.metadata_len);
	*events = span_from(*events, e.event_len);
	return true;
}

/* One character of a path there; a few are written as a backslash and three octal digits. */
static char mount_char(const char **at)
{
	const char *c = *at;
	int value = 0;

	*at += 1;
	if (*c != '\\')
		return *c;
	for (int i = 1; i <= 3; i++) {
		if (c[i] < '0' || c[i] > '7')
			return *c;
		value = value * 8 + (c[i] - '0');
	}
	*at += 3;
	return (char)value;
}

bool fan_mount_is_below(const char *line, const char *top)
{
	bool root = strcmp(top, "/") == 0;

	for (int field = 0; field < 4; field++) {
		line = strchr(line, ' ');
		if (!line)
			return false;
		line++;
	}
	while (*top && *line && *line != ' ')
		if (mount_char(&line) != *top++)
			return false;
	return !*top && (root ? *line != ' ' : *line == '/');
}

bool fan_handle_eq(const struct fan_handle *a, const struct fan_handle *b)
{
	return memcmp(&a->fsid, &b->fsid, sizeof(a->fsid)) == 0 && a->type == b->type &&
	       a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
