/*
 * complete.h - the part of a shell's completion that all tools share, at build time.
 */
#pragma once

#include <stdio.h>

enum shell { SHELL_BASH, SHELL_ZSH };

/*
 * In between the tool prints a body in which $prev is the word before the cursor, $group and $verb the first two that are no
 * options nor the value of -c.
 */
struct complete {
	enum shell shell;
	char function[32]; /* "_tsmb_cfg" */
	char say[40];      /* followed by 'WORD WORD ...' it offers these */
	const char *files; /* offers files */
	const char *tool;
	FILE *out;
};

void complete_begin(struct complete *c, enum shell shell, const char *tool, FILE *out);
void complete_end(const struct complete *c);
