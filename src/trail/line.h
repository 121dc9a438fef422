/*
 * line.h - a line of the audit log: one event as a JSON object.
 *
 *     {"time": "2026-11-29T09:30:00.123Z", "event": "rename", "cn": "nas1", "result": "STATUS_SUCCESS", "user": "alice",
 *      "client": "192.0.2.7", "port": 50123, "session": 2864434397, "dialect": "3.1.1", "share": "Public",
 *      "type": "file", "path": "a\\b", "to": "a\\c"}
 *
 * What an event does not have is left out. Nothing in a text ends the line, and what is not UTF-8 is shown as \xNN.
 *
 * Owns     struct line_style: its copies.
 * Threads  the writer's; a style is immutable.
 */
#pragma once

#include "smb/trail.h"

struct mac_key;

struct line_style {
	char *cn; /* or NULL */
	enum conf_sensitive sensitive;
	struct mac_key *key; /* for HASH */
};

/* Texts of an event are cut at so many bytes. */
enum { LINE_TEXT_MAX = 4096, LINE_KEY_LEN = 32 };

/* key: LINE_KEY_LEN bytes, looked at for CONF_SENSITIVE_HASH only. 0 or -ENOMEM. To be wiped whatever this returns. */
MUST_CHECK int line_style_init(struct line_style *s, const struct conf_audit_params *p,
			       const uint8_t *key);
void line_style_fini(struct line_style *s);

/* With its newline, from malloc. NULL without memory. clipped: some text of it was cut. */
char *line_print(const struct line_style *s, const struct trail_event *e, bool clipped);
/* The same of how many events were lost since the last such line, at a FILETIME. */
char *line_print_lost(const struct line_style *s, uint64_t time,
		      unsigned long long count);
