/*
 * cfg_commands.h - what tsmb-cfg can do: one table behind its command line, its help, its manual page and completion.
 *
 * Threads  immutable.
 */
#pragma once

#include "conf/param.h"

enum cfg_params { CFG_NO_PARAMS, CFG_GLOBAL_PARAMS, CFG_SHARE_PARAMS };

struct cfg_command {
	const char *group; /* "share"; of a command of one word: that word	*/
	const char *verb;  /* "add"; or NULL				*/
	const char *call;  /* ctl/config.h				*/
	enum cfg_params params;
	bool changes_share; /* -n says which share; else it is a parameter like any other */
	bool value;         /* NAME VALUE follow				*/
	bool unset;         /* --unset PARAMETER				*/
	const char *help;
};

extern const struct cfg_command cfg_commands[];
extern const size_t cfg_command_count;

/* verb: NULL if there was one word only. NULL if there is no such command. */
const struct cfg_command *cfg_command_find(const char *group, const char *verb);
/* Is it the first word of commands that have a second one? */
bool cfg_is_group(const char *word);
/* "add, update, del, list or show"; buf is returned. */
const char *cfg_group_verbs(const char *group, char *buf, size_t buf_len);
/* Parameters that are options of the command: those that are acted on. */
bool cfg_has_param(const struct cfg_command *c, const struct param *p);

/* "tsmb-cfg share add -n NAME -p PATH [OPTION]..." */
void cfg_synopsis(const struct cfg_command *c, FILE *out);
/* --help of all, of those of a group, and of one. */
void cfg_help(FILE *out);
void cfg_group_help(const char *group, FILE *out);
void cfg_command_help(const struct cfg_command *c, FILE *out);
