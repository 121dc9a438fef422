/*
 * cfg_doc.c - the table of commands as manual page and completion, at build time.
 */
#include "cfg_commands.h"
#include "complete.h"
#include "doc.h"
#include "help.h"

/* ---- manual page ---- */

static void scd_param(const struct param *p, FILE *out)
{
	char syntax[256];

	if (p->flag_short)
		fprintf(out, "*-%c*, ", p->flag_short);
	fprintf(out, "*--%s* _", p->flag);
	scd_text(param_syntax(p, syntax, sizeof(syntax)), out);
	fputs("_\n\tThe parameter *", out);
	scd_text(p->name, out);
	fputs("*.\n\n", out);
}

static void scd_params(const char *title, enum param_scope scope, FILE *out)
{
	fprintf(out,
		"# %s\n\nEach is described in *tsmb.conf*(5), under the name of its "
		"parameter.\n\n",
		title);
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == scope &&
		    param_table[i].status == PARAM_EFFECTIVE)
			scd_param(&param_table[i], out);
}

void doc_print_scd(FILE *out)
{
	fputs("# COMMANDS\n\n", out);
	for (size_t i = 0; i < cfg_command_count; i++) {
		const struct cfg_command *c = &cfg_commands[i];

		fprintf(out, "*%s%s%s*%s%s\n\t", c->group, c->verb ? " " : "",
			c->verb ? c->verb : "", c->value ? " _PARAMETER_ _VALUE_" : "",
			c->changes_share ? " *-n* _NAME_" : "");
		scd_text(c->help, out);
		fputs("\n\n", out);
	}
	scd_params("OPTIONS OF SHARE ADD AND SHARE UPDATE", PARAM_SHARE, out);
	scd_params("OPTIONS OF GLOBAL UPDATE", PARAM_GLOBAL, out);
}

/* ---- completion ---- */

/* The options of a command, separated by blanks. */
static void options_print(const struct cfg_command *c, FILE *out)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (!cfg_has_param(c, p))
			continue;
		if (p->flag_short)
			fprintf(out, "-%c ", p->flag_short);
		fprintf(out, "--%s ", p->flag);
	}
	fprintf(out, "%s-c --config --json -h --help", c->unset ? "--unset " : "");
}

/* What may follow the first word. */
static void verbs_print(const char *group, FILE *out)
{
	const char *sep = "";

	for (size_t i = 0; i < cfg_command_count; i++)
		if (cfg_commands[i].verb && strcmp(cfg_commands[i].group, group) == 0) {
			fprintf(out, "%s%s", sep, cfg_commands[i].verb);
			sep = " ";
		}
}

static void groups_print(FILE *out)
{
	const char *last = "";

	for (size_t i = 0; i < cfg_command_count; i++) {
		if (strcmp(cfg_commands[i].group, last) != 0)
			fprintf(out, "%s%s", *last ? " " : "", cfg_commands[i].group);
		last = cfg_commands[i].group;
	}
}

/* "-e | --encrypt-data": options whose value is one of few words, or of another kind, as a pattern of `case`. */
static bool pattern_print(bool (*wanted)(const struct param *p), FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->status != PARAM_EFFECTIVE || !wanted(p))
			continue;
		if (p->flag_short)
			fprintf(out, "%s-%c", any ? " | " : "", p->flag_short);
		fprintf(out, "%s--%s", any || p->flag_short ? " | " : "", p->flag);
		any = true;
	}
	return any;
}

static bool is_bool(const struct param *p)
{
	return p->type == PARAM_BOOL;
}

static bool is_path(const struct param *p)
{
	return p->type == PARAM_PATH;
}

static void words_print(FILE *out, const char *how)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];

		if (p->status != PARAM_EFFECTIVE || p->type != PARAM_ENUM)
			continue;
		fprintf(out, "\t--%s) %s '", p->flag, how);
		for (const char *const *w = p->words; *w; w++)
			fprintf(out, "%s%s", w == p->words ? "" : " ", *w);
		fputs("'; return ;;\n", out);
	}
}

/* Both shells: what the word before the cursor asks for, then what the command has. `say` completes from a list. */
static void body_print(FILE *out, const char *say, const char *files)
{
	fputs("\tcase $prev in\n\t", out);
	pattern_print(is_bool, out);
	fprintf(out, ") %s 'true false'; return ;;\n\t-c | --config | ", say);
	pattern_print(is_path, out);
	fprintf(out, ") %s; return ;;\n", files);
	words_print(out, say);
	fputs("\tesac\n\tcase \"$group $verb\" in\n", out);
	for (size_t i = 0; i < cfg_command_count; i++) {
		const struct cfg_command *c = &cfg_commands[i];

		fprintf(out, "\t'%s %s') %s '", c->group, c->verb ? c->verb : "", say);
		options_print(c, out);
		fputs("' ;;\n", out);
	}
	for (size_t i = 0; i < cfg_command_count; i++) {
		const char *group = cfg_commands[i].group;

		if (!cfg_commands[i].verb ||
		    (i > 0 && strcmp(cfg_commands[i - 1].group, group) == 0))
			continue;
		fprintf(out, "\t'%s '*) %s '", group, say);
		verbs_print(group, out);
		fputs("' ;;\n", out);
	}
	fprintf(out, "\t*) %s '", say);
	groups_print(out);
	fputs(" -c --config -h --help -v --version' ;;\n\tesac\n", out);
}

static void completion_print(enum shell shell, FILE *out)
{
	struct complete c;

	complete_begin(&c, shell, "tsmb-cfg", out);
	body_print(out, c.say, c.files);
	complete_end(&c);
}

void doc_print_bash(FILE *out)
{
	completion_print(SHELL_BASH, out);
}

void doc_print_zsh(FILE *out)
{
	completion_print(SHELL_ZSH, out);
}
