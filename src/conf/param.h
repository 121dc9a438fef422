/*
 * param.h - the one table of all parameters: behind the file, the command line, the manual and completion.
 *
 * Owns     nothing; static tables.
 * Threads  immutable.
 */
#pragma once

#include "base/span.h"

#include <stdio.h>

enum param_scope { PARAM_GLOBAL, PARAM_SHARE };

/* KNOWN: part of the documented interface, refused in a file as this version does not act on it. */
enum param_status { PARAM_EFFECTIVE, PARAM_KNOWN };

/* From when on a new value counts in a running server. */
enum param_apply {
	PARAM_DYNAMIC,     /* at once					*/
	PARAM_TIGHTENS,    /* true at once, false for sessions or trees made afterwards */
	PARAM_CONNECTIONS, /* for connections made afterwards		*/
	PARAM_TREES,       /* for who connects to the share afterwards	*/
	PARAM_RESTART,     /* accepted, and waits for the next start		*/
};

/* How the value is spelled, and the C type of its field. */
enum param_type {
	PARAM_BOOL,           /* bool					*/
	PARAM_INT,            /* uint32_t, min .. max			*/
	PARAM_THREADS,        /* uint32_t, min .. max, or auto: 0	*/
	PARAM_BYTES,          /* uint64_t, min .. max			*/
	PARAM_OCTAL,          /* uint32_t, up to max			*/
	PARAM_TEXT,           /* const char *, up to max bytes		*/
	PARAM_PATH,           /* const char *, absolute			*/
	PARAM_HOST,           /* const char *, NetBIOS name, upper case	*/
	PARAM_DOMAIN,         /* const char *, FQDN or workgroup	*/
	PARAM_NETNAME,        /* const char *, name of a share		*/
	PARAM_ACCOUNT,        /* const char *, Unix user or group	*/
	PARAM_ENUM,           /* an enum, index into words		*/
	PARAM_LISTEN,         /* struct conf_listens; each line appends	*/
	PARAM_ENDPOINT,       /* struct conf_endpoint			*/
	PARAM_DIALECTS,       /* uint32_t, a set			*/
	PARAM_CIPHERS,        /* struct conf_ciphers			*/
	PARAM_SIGNINGS,       /* struct conf_signings			*/
	PARAM_PERMISSIONS,    /* struct conf_permissions		*/
	PARAM_LOG_PARAMS,     /* struct conf_log_params			*/
	PARAM_AUDIT,          /* struct conf_audit_params		*/
	PARAM_MAP_ATTRIBUTES, /* struct conf_map_attributes		*/
	PARAM_SDDL,           /* struct conf_sddl			*/
	PARAM_TYPE_COUNT,
};

struct param {
	const char *name;
	enum param_scope scope;
	enum param_type type;
	enum param_status status;
	enum param_apply apply;
	bool required;
	const char *excludes; /* the parameter it takes the place of, or NULL	*/
	size_t field; /* offset in struct conf or struct conf_share; EFFECTIVE only */
	uint64_t min;
	uint64_t max;
	const char *const
		*words;                 /* ENUM: NULL-terminated				*/
	const char *const *words_known; /* ENUM: documented, not acted on; or NULL	*/
	const char *def; /* as it would stand in the file, one line a value; NULL: none */
	const char *def_text; /* for the manual where def does not say it		*/
	const char *syntax;   /* for the manual where the type does not say it	*/
	const char *flag;     /* long option of tsmb-cfg, without the dashes	*/
	char flag_short;      /* or 0						*/
	const char *help;     /* a sentence or two, plain text		*/
};

enum { PARAM_MAX = 128 }; /* for arrays beside the table */

extern const struct param param_table[];
extern const size_t param_count;

/* NULL if there is none of that name in that scope. */
const struct param *param_find(enum param_scope scope, struct span name);
/* The parameter of that scope whose name is the fewest edits away; the first such. Never NULL. */
const struct param *param_nearest(enum param_scope scope, struct span name);
/* The one that it and p must not stand beside; NULL: none. */
const struct param *param_excluded(const struct param *p);
/* By long option, or by its name, of which _ may be written -. NULL if there is none. */
const struct param *param_find_flag(enum param_scope scope, struct span flag);
/* The long option, of whatever scope, that is the fewest edits away; NULL if it takes more than half of the letters. */
const char *param_nearest_flag(struct span flag);
/* "global" or "share". */
const char *param_scope_name(enum param_scope scope);
/* May it stand several times, a value a line? */
static inline bool param_has_lines(const struct param *p)
{
	return p->type == PARAM_LISTEN;
}
static inline size_t param_index(const struct param *p)
{
	return (size_t)(p - param_table);
}

/* How its value is written: "true|false", "64KiB - 8MiB", ... */
const char *param_syntax(const struct param *p, char *buf, size_t buf_len);

/* The reference part of tsmb.conf(5), in scdoc's format. */
void param_print_scd(FILE *out);
