#include "status_commands.h"

#include "help.h"
#include "status_print.h"

#include <string.h>

/* clang-format off */
const struct status_command status_commands[] = {
	{"stats", "status.stats", NULL, false, print_stats,
	 "Show resources against their limits, and what was counted since the start: messages by "
	 "their protection, commands, refusals. Without a command this is what is shown."},
	{"shares", "status.shares", "shares", false, print_shares,
	 "List the shares with how many connections to each there are and what was asked of it."},
	{"connections", "status.connections", "connections", false, print_connections,
	 "List the transport connections."},
	{"sessions", "status.sessions", "sessions", false, print_sessions,
	 "List the sessions: who is logged on, from where."},
	{"security", "status.security", "sessions", false, print_security,
	 "Show how each session is protected, who demanded that, how many messages were plain, "
	 "signed and encrypted each way, and what was refused."},
	{"files", "status.files", "files", false, print_files,
	 "List the open files and directories. A client that is away may come back for those marked "
	 "so."},
	{"locks", "status.locks", "locks", false, print_locks,
	 "List the byte-range locks, held and waited for."},
	{"close-session", "status.close-session", NULL, true, NULL,
	 "End the session ID, close all its files, and keep none of them for its client. The client "
	 "may log on again."},
	{"close-file", "status.close-file", NULL, true, NULL,
	 "Close the open file ID. What its client has cached and not written is lost."},
	{"disconnect", "status.disconnect", NULL, true, NULL,
	 "End the connection ID. Its client may come back, and for its durable files as well."},
};
/* clang-format on */

const size_t status_command_count = ARRAY_LEN(status_commands);

const struct status_command *status_command_find(const char *name)
{
	for (size_t i = 0; i < status_command_count; i++)
		if (strcmp(status_commands[i].name, name) == 0)
			return &status_commands[i];
	return NULL;
}

void status_help(FILE *out)
{
	fputs("usage: tsmb-status [-c FILE] [COMMAND] [OPTION]...\n"
	      "Show what goes on in the running tsmb SMB server, and end some of it.\n\n",
	      out);
	for (size_t i = 0; i < status_command_count; i++) {
		fprintf(out, "  %s%s\n", status_commands[i].name,
			status_commands[i].id ? " ID" : "");
		help_wrap(status_commands[i].help, HELP_INDENT, out);
	}
	fputs("\n"
	      "  -c, --config FILE\n"
	      "          the configuration (/etc/tsmb/tsmb.conf)\n"
	      "      --json\n"
	      "          print the answer as JSON; tsmb-status(8) has its fields\n"
	      "  -w, --watch[=SECONDS]\n"
	      "          show it again and again, in place; every 2 seconds\n"
	      "  -h, --help\n"
	      "          print this\n"
	      "  -v, --version\n"
	      "          print the version\n\n"
	      "Exit status: 0 done, 1 refused (standard error says why), 2 usage.\n",
	      out);
}
