/*
 * help.h - --help of the tools.
 */
#pragma once

#include <stdio.h>

enum { HELP_COLUMNS = 80, HELP_INDENT = 10 };

/* Words of text on lines that are indented. */
void help_wrap(const char *text, int indent, FILE *out);

/* For scdoc: text with its special characters escaped. */
void scd_text(const char *text, FILE *out);
