#include "cfg_commands.h"

#include "conf/value.h"
#include "help.h"

enum { CFG_VERBS_MAX = 16 };

/* clang-format off */
const struct cfg_command cfg_commands[] = {
	{"share", "add", "config.share-add", CFG_SHARE_PARAMS, false, false, false,
	 "Add a share. -n and -p are required."},
	{"share", "update", "config.share-update", CFG_SHARE_PARAMS, true, false, true,
	 "Change what is given of a share. -n says which one."},
	{"share", "del", "config.share-del", CFG_NO_PARAMS, true, false, false,
	 "Remove a share: clients lose what they have open there, and nothing else. The directory stays."},
	{"share", "list", "config.show", CFG_NO_PARAMS, false, false, false,
	 "List the shares."},
	{"share", "show", "config.show", CFG_NO_PARAMS, true, false, false,
	 "Show all parameters of a share, as they are in force."},
	{"global", "update", "config.set", CFG_GLOBAL_PARAMS, false, false, true,
	 "Change what is given of the whole server."},
	{"global", "show", "config.show", CFG_NO_PARAMS, false, false, false,
	 "Show all parameters of the whole server, as they are in force."},
	{"global", "add", "config.add", CFG_NO_PARAMS, false, true, false,
	 "Add a line to a parameter that may have several, as listen."},
	{"global", "del", "config.del", CFG_NO_PARAMS, false, true, false,
	 "Remove one of these lines."},
	{"check", NULL, "config.check", CFG_NO_PARAMS, false, false, false,
	 "Check the file, and say all that is wrong with it. Exit status 1 if there is anything."},
	{"reload", NULL, "config.reload", CFG_NO_PARAMS, false, false, false,
	 "Let the running server take over what the file says, as after editing it by hand. "
	 "Exit status 1 if none runs."},
};
/* clang-format on */

const size_t cfg_command_count = ARRAY_LEN(cfg_commands);

static bool word_is(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const struct cfg_command *cfg_command_find(const char *group, const char *verb)
{
	for (size_t i = 0; i < cfg_command_count; i++)
		if (word_is(cfg_commands[i].group, group) &&
		    word_is(cfg_commands[i].verb, verb))
			return &cfg_commands[i];
	return NULL;
}

static bool in_group(const struct cfg_command *c, const char *group)
{
	return c->verb && strcmp(c->group, group) == 0;
}

bool cfg_is_group(const char *word)
{
	for (size_t i = 0; i < cfg_command_count; i++)
		if (in_group(&cfg_commands[i], word))
			return true;
	return false;
}

const char *cfg_group_verbs(const char *group, char *buf, size_t buf_len)
{
	const char *verbs[CFG_VERBS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cfg_command_count && n + 1 < CFG_VERBS_MAX; i++)
		if (in_group(&cfg_commands[i], group))
			verbs[n++] = cfg_commands[i].verb;
	verbs[n] = NULL;
	return value_words_text(verbs, buf, buf_len);
}

bool cfg_has_param(const struct cfg_command *c, const struct param *p)
{
	enum param_scope scope = c->params == CFG_GLOBAL_PARAMS ? PARAM_GLOBAL
								: PARAM_SHARE;

	if (p->status != PARAM_EFFECTIVE || p->scope != scope)
		return false;
	if (c->params != CFG_NO_PARAMS)
		return true;
	return c->changes_share && p->type == PARAM_NETNAME;
}

void cfg_synopsis(const struct cfg_command *c, FILE *out)
{
	fprintf(out, "tsmb-cfg %s", c->group);
	if (c->verb)
		fprintf(out, " %s", c->verb);
	if (c->value)
		fputs(" PARAMETER VALUE", out);
	if (c->changes_share || c->params == CFG_SHARE_PARAMS)
		fputs(" -n NAME", out);
	if (c->params == CFG_SHARE_PARAMS && !c->changes_share)
		fputs(" -p PATH", out);
	fputs(" [OPTION]...", out);
}

/* ---- --help ---- */

static void param_help(const struct param *p, FILE *out)
{
	char syntax[256];

	if (p->flag_short)
		fprintf(out, "  -%c, ", p->flag_short);
	else
		fputs("      ", out);
	fprintf(out, "--%s VALUE\n", p->flag);
	fprintf(out, "%*s%s: %s\n", HELP_INDENT, "", p->name,
		param_syntax(p, syntax, sizeof(syntax)));
	help_wrap(p->help, HELP_INDENT, out);
}

static const char common_help[] = "  -c, --config FILE\n"
				  "          the configuration (/etc/tsmb/tsmb.conf)\n"
				  "      --json\n"
				  "          print the answer as JSON\n"
				  "  -h, --help\n"
				  "          print this\n";

void cfg_command_help(const struct cfg_command *c, FILE *out)
{
	fputs("usage: ", out);
	cfg_synopsis(c, out);
	fputs("\n", out);
	help_wrap(c->help, 0, out);
	fputs("\n", out);
	for (size_t i = 0; i < param_count; i++)
		if (cfg_has_param(c, &param_table[i]))
			param_help(&param_table[i], out);
	if (c->unset)
		fputs("      --unset PARAMETER\n"
		      "          take the parameter out of the file: its default "
		      "counts\n",
		      out);
	fputs(common_help, out);
}

static void command_line(const struct cfg_command *c, FILE *out)
{
	fprintf(out, "  %s%s%s\n", c->group, c->verb ? " " : "", c->verb ? c->verb : "");
	help_wrap(c->help, HELP_INDENT, out);
}

void cfg_group_help(const char *group, FILE *out)
{
	fprintf(out, "usage: tsmb-cfg %s COMMAND [OPTION]...\n\n", group);
	for (size_t i = 0; i < cfg_command_count; i++)
		if (in_group(&cfg_commands[i], group))
			command_line(&cfg_commands[i], out);
	fprintf(out, "\ntsmb-cfg %s COMMAND --help has the options of a command.\n",
		group);
}

void cfg_help(FILE *out)
{
	fputs("usage: tsmb-cfg [-c FILE] COMMAND [OPTION]...\n"
	      "Show and change the configuration of the tsmb SMB server. A change acts "
	      "at once and\n"
	      "is written to FILE; with no server running, it is written to FILE.\n\n",
	      out);
	for (size_t i = 0; i < cfg_command_count; i++)
		command_line(&cfg_commands[i], out);
	fputs("\n", out);
	fputs(common_help, out);
	fputs("  -v, --version\n"
	      "          print the version\n\n"
	      "tsmb-cfg COMMAND --help has the options of a command.\n"
	      "Exit status: 0 done, 1 refused (standard error says why), 2 usage.\n",
	      out);
}
