/*
 * doc_main.c - writes doc/tsmb.conf.5.scd: the hand-written page given as argument, with the line
 * "@PARAMETERS@" replaced by what the parameter table says of itself.
 */
#include "conf/param.h"

#include <string.h>

int main(int argc, char **argv)
{
	char line[1024];
	FILE *page;

	if (argc != 2) {
		fprintf(stderr, "usage: %s tsmb.conf.5.scd.in > tsmb.conf.5.scd\n",
			argv[0]);
		return 2;
	}
	page = fopen(argv[1], "re");
	if (!page) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), page))
		if (strcmp(line, "@PARAMETERS@\n") == 0)
			param_print_scd(stdout);
		else
			fputs(line, stdout);
	fclose(page);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
