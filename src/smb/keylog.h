/*
 * keylog.h - the seam through which session keys leave the server, for whoever examines captures of his own traffic. There is
 *            nobody behind it unless the command line asked for that.
 *
 * Threads  session() is called from any worker, from several at once; it may write a file, so it may take its time.
 */
#pragma once

#include "base/span.h"

/* What a session was given. Borrowed for the call, wiped after it. */
struct keylog_entry {
	uint64_t session_id;
	struct span session_key;      /* as the authentication gave it */
	struct span server_to_client; /* empty: nothing can be encrypted */
	struct span client_to_server;
};

struct keylog {
	void (*session)(struct keylog *k, const struct keylog_entry *e);
};
