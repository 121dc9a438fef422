/*
 * status_json.h - what goes on, as JSON. tsmb-status(8) has the names of the fields.
 *
 * Texts that are no UTF-8 come with their bytes as \xNN. Times are seconds since 1970. A field that does not apply is null.
 *
 * Threads  pure.
 * Errors   NULL: out of memory.
 */
#pragma once

#include "smb/inventory.h"
#include "smb/stats.h"

#include <jansson.h>

json_t *stats_json(const struct stats *s);
json_t *stats_share_json(const struct stats_share *s);
json_t *conn_row_json(const struct conn_row *r);
json_t *sess_row_json(const struct sess_row *r);
/* How the session is protected, who demanded that, and what it was refused. now: what is in force. */
json_t *sess_security_json(const struct sess_row *r, const struct conf *now);
json_t *open_row_json(const struct open_row *r);
json_t *lock_row_json(const struct lock_row *r);
/* {"wrong_signature": 3}: those that are not 0; or all. */
json_t *refused_json(const uint64_t counts[REFUSAL_COUNT], bool all);
