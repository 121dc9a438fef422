#include "syslog_line.h"

#include <syslog.h>

/* In the order of enum log_level: none, error, warn, info, verbose, debug. */
static const int priorities[] = {LOG_NOTICE, LOG_ERR,  LOG_WARNING,
				 LOG_INFO,   LOG_INFO, LOG_DEBUG};

void syslog_begin(void)
{
	openlog("tsmb", LOG_PID, LOG_DAEMON);
}

void syslog_line(int level, const char *line)
{
	syslog(priorities[level], "%s", line);
}
