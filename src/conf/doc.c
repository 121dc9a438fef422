/*
 * doc.c - the reference part of tsmb.conf(5), written by the table itself.
 */
#include "conf/param.h"

/* scdoc's own characters are taken literally behind a backslash. */
static void scd_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("\\_*#[]|<>`", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void scd_bold(const char *text, FILE *out)
{
	fputc('*', out);
	scd_text(text, out);
	fputc('*', out);
}

static void scd_heading(const struct param *p, FILE *out)
{
	char syntax[256];

	scd_bold(p->name, out);
	fputs(" = _", out);
	scd_text(param_syntax(p, syntax, sizeof(syntax)), out);
	fputs("_\n", out);
}

static void scd_default(const struct param *p, FILE *out)
{
	const char *def = p->def_text ? p->def_text : p->def;

	if (p->required) {
		fputs("Required", out);
		return;
	}
	fputs("Default: ", out);
	for (; *def; def++)
		if (*def == '\n')
			fputs(" and ", out);
		else
			scd_text((const char[]){*def, '\0'}, out);
	if (!p->def_text && !*p->def)
		fputs("empty", out);
}

static const char *const apply_texts[] = {
	[PARAM_DYNAMIC] = "at once",
	[PARAM_TIGHTENS] =
		"at once if it is to true, else on clients that connect afterwards",
	[PARAM_CONNECTIONS] = "on clients that connect afterwards",
	[PARAM_TREES] = "on clients that connect to the share afterwards",
	[PARAM_RESTART] = "after a restart",
};

static void scd_param(const struct param *p, FILE *out)
{
	scd_heading(p, out);
	fputc('\t', out);
	scd_text(p->help, out);
	fputs("\n\n\t", out);
	scd_default(p, out);
	fprintf(out, ". A change acts %s.\n\n", apply_texts[p->apply]);
}

static void scd_scope(enum param_scope scope, FILE *out)
{
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == scope &&
		    param_table[i].status == PARAM_EFFECTIVE)
			scd_param(&param_table[i], out);
}

static void scd_known(enum param_scope scope, FILE *out)
{
	const char *sep = "";

	fprintf(out, "In \\[%s\\]: ", param_scope_name(scope));
	for (size_t i = 0; i < param_count; i++) {
		if (param_table[i].scope != scope || param_table[i].status != PARAM_KNOWN)
			continue;
		fputs(sep, out);
		scd_bold(param_table[i].name, out);
		sep = ", ";
	}
	fputs(".\n\n", out);
}

void param_print_scd(FILE *out)
{
	fputs("# GLOBAL PARAMETERS\n\n", out);
	scd_scope(PARAM_GLOBAL, out);
	fputs("# SHARE PARAMETERS\n\n", out);
	scd_scope(PARAM_SHARE, out);
	fputs("# PARAMETERS NOT YET ACTED ON\n\n"
	      "These belong to the interface, but this version does not act on them. A "
	      "file that\n"
	      "sets one is refused, so that nobody relies on it in vain.\n\n",
	      out);
	scd_known(PARAM_GLOBAL, out);
	scd_known(PARAM_SHARE, out);
}
