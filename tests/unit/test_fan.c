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

/* A record of a directory with a handle of 8 bytes, and a name with its NUL. */
static struct span name_make(uint8_t *buf, uint8_t type, const char *name,
			     size_t name_len)
{
	struct span record = record_make(buf, type, 8);

	uint16_t len = (uint16_t)(record.len + name_len);

	memcpy(buf + record.len, name, name_len);
	memcpy(buf + offsetof(struct fanotify_event_info_header, len), &len, sizeof(len));
	return span_of(buf, len);
}

TEST(a_name_is_read_with_its_directory)
{
	static const uint8_t types[] = {FAN_EVENT_INFO_TYPE_DFID_NAME,
					FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
					FAN_EVENT_INFO_TYPE_NEW_DFID_NAME};
	struct fan_name n;
	uint8_t buf[64];

	for (size_t i = 0; i < sizeof(types); i++) {
		struct span record = name_make(buf, types[i], "file\0\0\0", 8);

		CHECK(fan_name_parse(record, &n));
		CHECK_STR(n.name, "file");
		CHECK_EQ(n.dir.len, 8);
		CHECK_MEM(n.dir.bytes, "handle!!", 8);
	}
}

TEST(records_of_one_event_are_told_apart)
{
	uint8_t buf[256];
	struct fan_names n;
	size_t len = 0, cut;

	len += name_make(buf, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "old", 4).len;
	cut = len;
	len += record_make(buf + len, FAN_EVENT_INFO_TYPE_PIDFD, 8).len;
	len += name_make(buf + len, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "new", 4).len;
	len += record_make(buf + len, FAN_EVENT_INFO_TYPE_FID, 8).len;
	CHECK(fan_names_parse(span_of(buf, len), &n));
	CHECK(n.has_from && n.has_to && n.has_self && !n.has_in);
	CHECK_STR(n.from.name, "old");
	CHECK_STR(n.to.name, "new");
	CHECK(!fan_names_parse(span_of(buf, len - 1), &n));
	CHECK(!fan_names_parse(span_of(buf, cut - 1), &n));
	CHECK(fan_names_parse(span_of(buf, 0), &n) && !n.has_from && !n.has_self);
}

TEST(a_name_that_is_cut_or_too_long_is_none)
{
	uint8_t buf[64 + NAME_MAX + 2];
	char name[NAME_MAX + 2];
	struct fan_name n;
	struct span record = name_make(buf, FAN_EVENT_INFO_TYPE_DFID_NAME, "file", 5);

	for (size_t len = 0; len < record.len; len++)
		CHECK(!fan_name_parse(span_head(record, len), &n));
	CHECK(!fan_name_parse(name_make(buf, FAN_EVENT_INFO_TYPE_FID, "file", 5), &n));
	CHECK(!fan_name_parse(name_make(buf, FAN_EVENT_INFO_TYPE_DFID_NAME, "", 1), &n));
	memset(name, 'x', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	CHECK(!fan_name_parse(
		name_make(buf, FAN_EVENT_INFO_TYPE_DFID_NAME, name, sizeof(name)), &n));
	name[NAME_MAX] = '\0';
	CHECK(fan_name_parse(
		name_make(buf, FAN_EVENT_INFO_TYPE_DFID_NAME, name, NAME_MAX + 1), &n));
}

static struct span event_make(uint8_t *buf, uint64_t mask, struct span records)
{
	struct fanotify_event_metadata e = {
		.event_len = (uint32_t)(sizeof(e) + records.len),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = sizeof(e),
		.mask = mask,
	};

	memcpy(buf, &e, sizeof(e));
	memcpy(buf + sizeof(e), records.p, records.len);
	return span_of(buf, e.event_len);
}

TEST(events_and_records_follow_each_other)
{
	static const uint8_t two[] = {1, 0, 4, 0, 2, 0, 6, 0, 'a', 'b'};
	struct fanotify_event_metadata e;
	struct span events, records, record;
	uint8_t buf[256];
	int type;

	events = event_make(buf, FAN_CREATE, span_of(two, sizeof(two)));
	records = event_make(buf + events.len, FAN_DELETE, span_of(two, 0));
	events.len += records.len;
	CHECK(fan_event_next(&events, &e, &records));
	CHECK_EQ(e.mask, FAN_CREATE);
	CHECK(fan_record_next(&records, &type, &record));
	CHECK_EQ(type, 1);
	CHECK_EQ(record.len, 4);
	CHECK(fan_record_next(&records, &type, &record));
	CHECK_EQ(type, 2);
	CHECK_EQ(record.len, 6);
	CHECK(!fan_record_next(&records, &type, &record));
	CHECK(fan_event_next(&events, &e, &records));
	CHECK_EQ(e.mask, FAN_DELETE);
	CHECK_EQ(records.len, 0);
	CHECK(!fan_event_next(&events, &e, &records));
}

TEST(events_that_are_cut_end_the_buffer)
{
	static const uint8_t zero[] = {1, 0, 0, 0}, more[] = {1, 0, 5, 0};
	struct fanotify_event_metadata e;
	struct span whole, records, record;
	uint8_t buf[256];
	int type;

	whole = event_make(buf, FAN_CREATE, span_of(more, sizeof(more)));
	for (size_t len = 0; len < whole.len; len++) {
		struct span cut = span_head(whole, len);

		CHECK(!fan_event_next(&cut, &e, &records));
	}
	records = span_of(zero, sizeof(zero));
	CHECK(!fan_record_next(&records, &type, &record));
	records = span_of(more, sizeof(more));
	CHECK(!fan_record_next(&records, &type, &record));
}

TEST(mounts_below_are_found)
{
	static const struct {
		const char *line, *top;
		bool below;
	} cases[] = {
		{"36 35 98:0 / /srv/data rw - ext4 /dev/x rw\n", "/srv", true},
		{"36 35 98:0 / /srv/data rw - ext4 /dev/x rw\n", "/srv/data", false},
		{"36 35 98:0 / /srv/data rw - ext4 /dev/x rw\n", "/srv/da", false},
		{"36 35 98:0 / /srv/data rw - ext4 /dev/x rw\n", "/srv/data/x", false},
		{"36 35 98:0 / / rw - ext4 /dev/x rw\n", "/", false},
		{"36 35 98:0 / /srv rw - ext4 /dev/x rw\n", "/", true},
		{"36 35 98:0 / /a\\040b/c rw - ext4 /dev/x rw\n", "/a b", true},
		{"36 35 98:0 / /a\\134b/c rw - ext4 /dev/x rw\n", "/a\\b", true},
		{"36 35 98:0 / /a\\9", "/a", false},
		{"36 35", "/", false},
		{"", "/srv", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(fan_mount_is_below(cases[i].line, cases[i].top), cases[i].below);
}

TEST_MAIN()
