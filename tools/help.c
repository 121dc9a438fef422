#include "help.h"

#include <string.h>

void help_wrap(const char *text, int indent, FILE *out)
{
	int column = 0;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > 0 && column + 1 + len > HELP_COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0)
			column = fprintf(out, "%*s%.*s", indent, "", len, text);
		else
			column += fprintf(out, " %.*s", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void scd_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("\\_*#[]|<>`", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}
