#include "complete.h"

/* The first two words that are neither options nor the value of -c. */
static const char find_words[] =
	"\tfor word in \"${before[@]}\"; do\n"
	"\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
	"\t\tcase $word in\n"
	"\t\t-c | --config) skip=1 ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) if [ -z \"$group\" ]; then group=$word; elif [ -z "
	"\"$verb\" ]; then verb=$word; fi ;;\n"
	"\t\tesac\n"
	"\tdone\n";

static void begin_bash(const struct complete *c)
{
	fprintf(c->out,
		"# bash completion for %s(8), made from its tables\n"
		"%s() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
		"%s() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - "
		"1]} "
		"word skip= group= verb=\n"
		"\tlocal before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n\n",
		c->tool, c->say, c->function);
}

static void begin_zsh(const struct complete *c)
{
	fprintf(c->out,
		"#compdef %s\n"
		"# zsh completion for %s(8), made from its tables\n"
		"%s() { compadd -- ${=1} }\n"
		"%s() {\n"
		"\tlocal prev=${words[CURRENT-1]} word skip= group= verb=\n"
		"\tlocal -a before=(\"${(@)words[2,CURRENT-1]}\")\n\n",
		c->tool, c->tool, c->say, c->function);
}

void complete_begin(struct complete *c, enum shell shell, const char *tool, FILE *out)
{
	*c = (struct complete){.shell = shell, .tool = tool, .out = out};
	snprintf(c->function, sizeof(c->function), "_%s", tool);
	for (char *p = c->function; *p; p++)
		if (*p == '-')
			*p = '_';
	snprintf(c->say, sizeof(c->say), "%s_say", c->function);
	c->files = shell == SHELL_BASH
			   ? "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"
			   : "_files";
	if (shell == SHELL_BASH)
		begin_bash(c);
	else
		begin_zsh(c);
	fputs(find_words, out);
}

void complete_end(const struct complete *c)
{
	if (c->shell == SHELL_BASH)
		fprintf(c->out, "}\ncomplete -F %s %s\n", c->function, c->tool);
	else
		fprintf(c->out, "}\n%s \"$@\"\n", c->function);
}
