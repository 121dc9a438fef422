#include "cmd/cmd.h"

enum { NEED_BOTH = NEED_SESSION | NEED_TREE };

const struct command cmd_table[SMB2_COMMAND_COUNT] = {
	[SMB2_NEGOTIATE] = {"NEGOTIATE", cmd_negotiate, NEED_NOTHING, NULL},
	[SMB2_SESSION_SETUP] = {"SESSION_SETUP", cmd_session_setup, NEED_NOTHING, NULL},
	[SMB2_LOGOFF] = {"LOGOFF", cmd_logoff, NEED_SESSION, NULL},
	[SMB2_TREE_CONNECT] = {"TREE_CONNECT", cmd_tree_connect, NEED_SESSION, NULL},
	[SMB2_TREE_DISCONNECT] = {"TREE_DISCONNECT", cmd_tree_disconnect, NEED_BOTH,
				  NULL},
	[SMB2_CREATE] = {"CREATE", cmd_create, NEED_BOTH, NULL},
	[SMB2_CLOSE] = {"CLOSE", cmd_close, NEED_BOTH, NULL},
	[SMB2_FLUSH] = {"FLUSH", cmd_flush, NEED_BOTH, NULL},
	[SMB2_READ] = {"READ", cmd_read, NEED_BOTH, cmd_read_payload},
	[SMB2_WRITE] = {"WRITE", cmd_write, NEED_BOTH, cmd_write_payload},
	[SMB2_LOCK] = {"LOCK", cmd_lock, NEED_BOTH, NULL},
	[SMB2_IOCTL] = {"IOCTL", cmd_ioctl, NEED_BOTH, cmd_ioctl_payload},
	[SMB2_CANCEL] = {"CANCEL", cmd_cancel, NEED_NOTHING, NULL},
	[SMB2_ECHO] = {"ECHO", cmd_echo, NEED_NOTHING, NULL},
	[SMB2_QUERY_DIRECTORY] = {"QUERY_DIRECTORY", cmd_query_directory, NEED_BOTH,
				  cmd_query_directory_payload},
	[SMB2_CHANGE_NOTIFY] = {"CHANGE_NOTIFY", cmd_change_notify, NEED_BOTH,
				cmd_change_notify_payload},
	[SMB2_QUERY_INFO] = {"QUERY_INFO", cmd_query_info, NEED_BOTH,
			     cmd_query_info_payload},
	[SMB2_SET_INFO] = {"SET_INFO", cmd_set_info, NEED_BOTH, cmd_set_info_payload},
	[SMB2_OPLOCK_BREAK] = {"OPLOCK_BREAK", cmd_oplock_break, NEED_BOTH, NULL},
};
