/*
 * page.h - the status page, and what it draws. Its parts lie in page/; the build makes one document of them.
 *
 * Threads  pure.
 * Errors   NULL, or false: out of memory.
 */
#pragma once

#include "base/span.h"

#include <jansson.h>
#include <stdio.h>

struct view;

/* Made by page/embed; each ends with a NUL that is none of it. */
extern const uint8_t page_head[]; /* up to what is drawn, ... */
extern const uint8_t page_tail[]; /* ... and behind it */
/* Content-Security-Policy: nothing but its own style and script, which may ask this server. */
extern const uint8_t page_policy[];

/*
 * {"server": {...}, "settings": {...}, "stats": as of status.stats, "shares": [as of status.shares], "sessions": {...},
 *  "refusals": [{...}], "process": {...}, "history": {...}}; doc/METRICS.md has the fields.
 */
json_t *page_json(const struct view *v);
bool page_print_json(const struct view *v, FILE *out);
/* The page, with the JSON inside it: whatever stands in a text there, it stays a text. */
bool page_print(const struct view *v, FILE *out);
