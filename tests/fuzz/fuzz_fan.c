/*
 * fuzz_fan.c - any bytes as what fanotify tells, and as a line of /proc/self/mountinfo.
 *
 * Besides surviving: the buffer is walked to an end, and names and handles fit where they are kept.
 *
 * Target functions: fan_event_next, fan_names_parse, fan_handle_parse, fan_name_parse, fan_mount_is_below
 */
#include "fs/fan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(bool has, const struct fan_name *n)
{
	if (has && (n->dir.len > FAN_HANDLE_MAX || n->name[0] == '\0' ||
		    strnlen(n->name, sizeof(n->name)) > NAME_MAX))
		abort();
}

static void check_names(struct span records)
{
	struct fan_names n;

	if (!fan_names_parse(records, &n))
		return;
	check_name(n.has_in, &n.in);
	check_name(n.has_from, &n.from);
	check_name(n.has_to, &n.to);
	if (n.has_self &&
	    (n.self.len > FAN_HANDLE_MAX || !fan_handle_eq(&n.self, &n.self)))
		abort();
}

static void check_mount(struct span line)
{
	char *text = strndup((const char *)line.p, line.len);

	if (text && fan_mount_is_below(text, "/srv/a b") &&
	    !fan_mount_is_below(text, "/"))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span events = span_of(data, size), records;
	struct fanotify_event_metadata e;

	for (size_t left = size; fan_event_next(&events, &e, &records);
	     left = events.len) {
		if (events.len >= left || records.len > left)
			abort();
		check_names(records);
	}
	check_names(span_of(data, size));
	if (size)
		check_mount(span_of(data, size));
	return 0;
}
