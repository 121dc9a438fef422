/*
 * syslog_line.h - the one file that includes <syslog.h>, whose names are those of our log levels.
 *
 * Threads  any, after syslog_begin().
 */
#pragma once

void syslog_begin(void);
/* level: enum log_level of base/log.h */
void syslog_line(int level, const char *line);
