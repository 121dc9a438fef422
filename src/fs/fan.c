#include "fs/fan.h"

#include "fs/local_watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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

bool fan_handle_parse(struct span record, struct fan_handle *ret)
{
	struct fanotify_event_info_fid info;
	struct file_handle fh;
	struct fan_handle h = {0};

	if (record.len < sizeof(info) + sizeof(fh))
		return false;
	memcpy(&info, record.p, sizeof(info));
	memcpy(&fh, record.p + sizeof(info), sizeof(fh));
	if (info.hdr.info_type != FAN_EVENT_INFO_TYPE_FID ||
	    fh.handle_bytes > FAN_HANDLE_MAX ||
	    fh.handle_bytes > record.len - sizeof(info) - sizeof(fh))
		return false;
	static_assert(sizeof(h.fsid) == sizeof(info.fsid), "the same in both headers");
	memcpy(&h.fsid, &info.fsid, sizeof(h.fsid));
	h.type = fh.handle_type;
	h.len = fh.handle_bytes;
	memcpy(h.bytes, record.p + sizeof(info) + sizeof(fh), h.len);
	*ret = h;
	return true;
}

bool fan_handle_eq(const struct fan_handle *a, const struct fan_handle *b)
{
	return memcmp(&a->fsid, &b->fsid, sizeof(a->fsid)) == 0 && a->type == b->type &&
	       a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
