/*
 * cmd.h - the commands: one handler, one file each; cmd_table has a row for every command of [MS-SMB2] 2.2.1.
 *
 * A handler decodes, checks, acts, encodes. It never blocks: what may wait is started with req_wait() and goes on in its
 * continuation. It runs after all checks of 3.3.5.2 have passed, on the connection's worker.
 */
#pragma once

#include "smb/req.h"

extern const struct command cmd_table[SMB2_COMMAND_COUNT];

nt_status cmd_negotiate(struct req *q);
nt_status cmd_session_setup(struct req *q);
nt_status cmd_logoff(struct req *q);
nt_status cmd_tree_connect(struct req *q);
nt_status cmd_tree_disconnect(struct req *q);
nt_status cmd_create(struct req *q);
nt_status cmd_close(struct req *q);
nt_status cmd_flush(struct req *q);
nt_status cmd_read(struct req *q);
nt_status cmd_write(struct req *q);
nt_status cmd_lock(struct req *q);
nt_status cmd_ioctl(struct req *q);
nt_status cmd_cancel(struct req *q);
nt_status cmd_echo(struct req *q);
nt_status cmd_query_directory(struct req *q);
nt_status cmd_change_notify(struct req *q);
nt_status cmd_query_info(struct req *q);
nt_status cmd_set_info(struct req *q);
nt_status cmd_oplock_break(struct req *q);

/* Payload of a request for the CreditCharge check: [MS-SMB2] 3.3.5.2.5. */
uint32_t cmd_read_payload(struct req *q);
uint32_t cmd_write_payload(struct req *q);
uint32_t cmd_ioctl_payload(struct req *q);
uint32_t cmd_query_directory_payload(struct req *q);
uint32_t cmd_change_notify_payload(struct req *q);
uint32_t cmd_query_info_payload(struct req *q);
uint32_t cmd_set_info_payload(struct req *q);
