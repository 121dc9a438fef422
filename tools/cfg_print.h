/*
 * cfg_print.h - what tsmb-cfg says of an answer, to people.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A change: what differs now, and what of it counts when. Warnings go to standard error. */
void cfg_print_change(const json_t *result, FILE *out);
/* In at most `columns`. */
void cfg_print_shares(const json_t *shown, size_t columns, FILE *out);
/* False: there is no such share. */
bool cfg_print_share(const json_t *shown, const char *netname, FILE *out);
void cfg_print_global(const json_t *shown, FILE *out);
void cfg_print_check(const json_t *result, FILE *out);
/* The share of that name, case-insensitively; NULL. */
const json_t *cfg_share_of(const json_t *shown, const char *netname);
