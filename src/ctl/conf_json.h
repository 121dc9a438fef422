/*
 * conf_json.h - configurations and what differs between them, as JSON.
 *
 * Threads  pure.
 * Errors   NULL: out of memory.
 */
#pragma once

#include "conf/conf.h"

#include <jansson.h>

/*
 * {"global": {...}, "shares": [{...}, ...]}: each parameter that is acted on under its name, with the value in force. Booleans
 * and numbers are JSON's, sizes in bytes, "auto" a text; what is absent, or another parameter stands in
 * place of, is null; what may have several lines an array.
 */
json_t *conf_json(const struct conf *c);
/* "changes" of config.h. */
json_t *conf_changes_json(const struct conf_changes *cs);
/* The messages, errors or warnings, as an array. */
json_t *conf_errors_json(const struct conf_errors *errs, bool warnings);
