/*
 * metrics.h - a view as text for Prometheus: the exposition format, version 0.0.4. doc/METRICS.md has all names.
 *
 * Units are seconds and bytes; what ends in _total only grows until the server ends. Names of shares are the only labels
 * that somebody may choose.
 *
 * Threads  pure.
 */
#pragma once

#include <stdio.h>

struct view;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_print(const struct view *v, FILE *out);

/* The value of a label, between its quotation marks: \ " and line feeds escaped. */
void metrics_print_label(const char *text, FILE *out);
