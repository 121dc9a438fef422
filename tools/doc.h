/*
 * doc.h - what the tables of a tool say of themselves, for its manual page and completion; at build time.
 */
#pragma once

#include <stdio.h>

/* The command part of the manual page, in scdoc's format. */
void doc_print_scd(FILE *out);
void doc_print_bash(FILE *out);
void doc_print_zsh(FILE *out);
