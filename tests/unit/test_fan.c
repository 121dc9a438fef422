/* test_fan.c - masks and file handles of fanotify. */
#include "test.h"

#include "fs/fan.h"
#include "fs/local_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

TEST(what_is_asked_for_is_what_its_events_mean)
{
	for (unsigned what = 0; what < 1U << LOCAL_EVENT_COUNT; what++)
		CHECK_EQ(fan_what(fan_mask(what)), what);
	CHECK_EQ(fan_what(FAN_ACCESS | FAN_ATTRIB | FAN_ONDIR), 0);
	CHECK_EQ(fan_mask(WATCH_NAMES) & FAN_ONDIR, FAN_ONDIR);
}

TEST(a_handle_stands_for_its_file_however_it_is_opened)
{
	struct fan_handle a, b, other;
	int data = open("/proc/self/exe", O_RDONLY),
	    path = open("/proc/self/exe", O_PATH);
	int dir = open("/tmp", O_PATH);
	int err = fan_handle_read(data, &a);

	if (err == -EOPNOTSUPP) {
		print_message("[  REASON  ] the file system has no file handles\n");
		skip();
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(fan_handle_read(path, &b), 0);
	CHECK_EQ(fan_handle_read(dir, &other), 0);
	CHECK(fan_handle_eq(&a, &b));
	CHECK(!fan_handle_eq(&a, &other));
	close(data);
	close(path);
	close(dir);
	CHECK_EQ(fan_handle_read(data, &a), -EBADF);
}

/* A record as the kernel makes them, with a handle of 8 bytes. */
static struct span record_make(uint8_t *buf, uint8_t type, unsigned handle_len)
{
	struct fanotify_event_info_fid info = {
		.hdr = {.info_type = type, .len = sizeof(info) + 16}, .fsid = {{7, 9}}};
	struct file_handle fh = {.handle_bytes = handle_len, .handle_type = 3};

	memcpy(buf, &info, sizeof(info));
	memcpy(buf + sizeof(info), &fh, sizeof(fh));
	memcpy(buf + sizeof(info) + sizeof(fh), "handle!!", 8);
	return span_of(buf, sizeof(info) + sizeof(fh) + 8);
}

TEST(a_record_is_read_and_no_cut_one)
{
	struct fan_handle h;
	uint8_t buf[64];
	struct span record = record_make(buf, FAN_EVENT_INFO_TYPE_FID, 8);

	CHECK(fan_handle_parse(record, &h));
	CHECK_EQ(h.type, 3);
	CHECK_EQ(h.len, 8);
	CHECK_MEM(h.bytes, "handle!!", 8);
	for (size_t len = 0; len < record.len; len++)
		CHECK(!fan_handle_parse(span_head(record, len), &h));
}

TEST(other_records_and_long_handles_are_none)
{
	struct fan_handle h;
	uint8_t buf[64];

	CHECK(!fan_handle_parse(record_make(buf, FAN_EVENT_INFO_TYPE_PIDFD, 8), &h));
	CHECK(!fan_handle_parse(record_make(buf, FAN_EVENT_INFO_TYPE_FID, 9), &h));
	CHECK(!fan_handle_parse(
		record_make(buf, FAN_EVENT_INFO_TYPE_FID, FAN_HANDLE_MAX + 1), &h));
	CHECK(!fan_handle_parse(record_make(buf, FAN_EVENT_INFO_TYPE_FID, UINT32_MAX),
				&h));
}

TEST_MAIN()
