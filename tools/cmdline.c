#include "cmdline.h"

#include <stdarg.h>
#include <stdio.h>

bool usage(const char *tool, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "%s: ", tool);
	vfprintf(stderr, format, ap);
	fprintf(stderr, "; see %s --help\n", tool);
	va_end(ap);
	return false;
}

bool option_is(const struct cmdline_option *o, const char *long_name,
	       const char *short_name)
{
	struct span name = span_of(o->name, o->name_len);

	return span_eq(name, span_of_str(long_name)) ||
	       (short_name && span_eq(name, span_of_str(short_name)));
}

static bool option_unknown(const struct cmdline *c, const struct cmdline_option *o)
{
	const char *nearest = c->nearest ? c->nearest(o) : NULL;

	return usage(c->tool, "there is no option %.*s%s%s", (int)o->name_len, o->name,
		     nearest ? "; the nearest is --" : "", nearest ? nearest : "");
}

/* "--name", "--name=value", "-n", "-nvalue"; the value may be the next argument. */
static bool option_take(struct cmdline *c, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	bool is_long = arg[1] == '-';
	struct cmdline_option o = {.name = arg};
	enum cmdline_value takes;

	o.name_len = !is_long ? 2 : equals ? (size_t)(equals - arg) : strlen(arg);
	takes = c->takes(&o);
	if (takes == CMDLINE_UNKNOWN)
		return option_unknown(c, &o);
	if (takes != CMDLINE_NO_VALUE && arg[o.name_len])
		o.value = arg + o.name_len + is_long;
	else if (takes == CMDLINE_VALUE && argv[*i + 1])
		o.value = argv[++*i];
	else if (takes == CMDLINE_VALUE)
		return usage(c->tool, "%s: expected a value", arg);
	else if (arg[o.name_len])
		return usage(c->tool, "%s: takes no value", arg);
	if (c->option_count == CMDLINE_OPTIONS_MAX)
		return usage(c->tool, "too many options");
	c->options[c->option_count++] = o;
	return true;
}

bool cmdline_split(struct cmdline *c, int argc, char **argv)
{
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && argv[i][0] == '-' && argv[i][1]) {
			if (!option_take(c, argv, &i))
				return false;
		} else if (c->word_count < CMDLINE_WORDS_MAX) {
			c->words[c->word_count++] = argv[i];
		} else {
			return usage(c->tool, "unexpected argument \"%s\"", argv[i]);
		}
	}
	return true;
}
