/*
 * keylog.h - --keylog FILE: the keys of every session, in the form in which Wireshark reads them.
 *
 * A line a session: "id,session key,server to client key,client to server key", hexadecimal, the id as on the wire. It is
 * what Wireshark keeps in its own file smb2_seskey_list.
 *
 * Owns     the open file.
 * Threads  made and freed by main, written to by any: a line is one write.
 * Errors   negative errno, logged with the path.
 */
#pragma once

#include "smb/keylog.h"

/*
 * Open path to append, made with mode 0600 if it is not there. -EPERM, and nothing is opened, for anything but a regular file of
 * our own that nobody else may read or write. Warns loudly.
 */
MUST_CHECK int keylog_open(const char *path, struct keylog **ret_keylog);
void keylog_close(struct keylog *k); /* NULL is fine */
