/*
 * doc_main.c - TOOL-doc bash | zsh | scd PAGE: writes completion, or TOOL.8.scd: the hand-written page with the line
 * "@COMMANDS@" replaced by what the table says.
 */
#include "doc.h"

#include <string.h>

static int page_print(const char *path)
{
	char line[1024];
	FILE *page = fopen(path, "re");

	if (!page) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof(line), page))
		if (strcmp(line, "@COMMANDS@\n") == 0)
			doc_print_scd(stdout);
		else
			fputs(line, stdout);
	fclose(page);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int rc = 0;

	if (argc == 2 && strcmp(what, "bash") == 0) {
		doc_print_bash(stdout);
	} else if (argc == 2 && strcmp(what, "zsh") == 0) {
		doc_print_zsh(stdout);
	} else if (argc == 3 && strcmp(what, "scd") == 0) {
		rc = page_print(argv[2]);
	} else {
		fprintf(stderr, "usage: %s bash | zsh | scd PAGE\n", argv[0]);
		return 2;
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? rc : 1;
}
