/*
 * status_doc.c - the tables of commands and fields as manual page and completion, at build time.
 */
#include "complete.h"
#include "doc.h"
#include "help.h"
#include "status_commands.h"

void doc_print_scd(FILE *out)
{
	fputs("# COMMANDS\n\n", out);
	for (size_t i = 0; i < status_command_count; i++) {
		fprintf(out, "*%s*%s\n\t", status_commands[i].name,
			status_commands[i].id ? " _ID_" : "");
		scd_text(status_commands[i].help, out);
		fputs("\n\n", out);
	}
	fputs("# FIELDS\n\n"
	      "What *--json* prints: *stats* and *security* an object, the lists an "
	      "array of objects with these fields. A star "
	      "stands for any name, brackets for each element of an array.\n",
	      out);
	for (size_t i = 0; i < status_field_count; i++) {
		const struct status_field *f = &status_fields[i];

		if (f->command)
			fprintf(out, "\n## %s\n\n", f->command);
		fputs("*", out);
		scd_text(f->name, out);
		fprintf(out, "*%s%s\n\n", f->help[0] ? "\n\t" : "", f->help);
	}
}

static void completion_print(enum shell shell, FILE *out)
{
	struct complete c;

	complete_begin(&c, shell, "tsmb-status", out);
	fprintf(out,
		"\tcase $prev in\n"
		"\t-c | --config) %s; return ;;\n"
		"\tesac\n"
		"\tcase $group in\n"
		"\t'') %s '",
		c.files, c.say);
	for (size_t i = 0; i < status_command_count; i++)
		fprintf(out, "%s ", status_commands[i].name);
	fprintf(out,
		"-c --config --json -w --watch -h --help -v --version' ;;\n"
		"\t*) %s '-c --config --json -w --watch' ;;\n"
		"\tesac\n",
		c.say);
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
