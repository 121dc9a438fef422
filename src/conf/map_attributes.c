/* map_attributes.c - the value of `map_attributes`: where DOS attributes are kept. */
#include "conf/conf.h"
#include "conf/lex.h"
#include "conf/value.h"

static const char allowed[] =
	"xattr, xattr:v3, xattr:v4, xattr:v5, filename:hidden, or posix-exec: "
	"and any of archive, system, hidden";

static const struct {
	const char *word;
	unsigned exec;
} execs[] = {
	{"archive", CONF_EXEC_ARCHIVE},
	{"system", CONF_EXEC_SYSTEM},
	{"hidden", CONF_EXEC_HIDDEN},
};

static const struct {
	const char *word;
	struct conf_map_attributes value;
} words[] = {
	{"xattr", {.form = CONF_MAP_ATTRIBUTES_XATTR, .version = 5}},
	{"xattr:v3", {.form = CONF_MAP_ATTRIBUTES_XATTR, .version = 3}},
	{"xattr:v4", {.form = CONF_MAP_ATTRIBUTES_XATTR, .version = 4}},
	{"xattr:v5", {.form = CONF_MAP_ATTRIBUTES_XATTR, .version = 5}},
	{"filename:hidden", {.form = CONF_MAP_ATTRIBUTES_NAME}},
};

static bool exec_parse(const struct value_in *in, struct span item, unsigned *exec)
{
	for (size_t i = 0; i < ARRAY_LEN(execs); i++) {
		if (!value_is(item, execs[i].word))
			continue;
		if (*exec & execs[i].exec)
			return value_refuse_as(in, item, "named twice");
		*exec |= execs[i].exec;
		return true;
	}
	return value_refuse(in, item, "archive, system or hidden");
}

bool map_attributes_parse(const struct value_in *in, void *field)
{
	struct conf_map_attributes m = {.form = CONF_MAP_ATTRIBUTES_EXEC};
	struct span rest = in->text, head, item;
	unsigned exec = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!value_is(in->text, words[i].word))
			continue;
		*(struct conf_map_attributes *)field = words[i].value;
		return true;
	}
	if (!value_next(&rest, ':', &head) || !value_is(head, "posix-exec") || !rest.p)
		return value_refuse(in, in->text, "%s", allowed);
	while (value_next(&rest, ',', &item))
		if (!exec_parse(in, item, &exec))
			return false;
	m.exec = (uint8_t)exec;
	*(struct conf_map_attributes *)field = m;
	return true;
}

void map_attributes_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_map_attributes *m = field;
	const char *before = "posix-exec:";

	switch (m->form) {
	case CONF_MAP_ATTRIBUTES_XATTR:
		fprintf(out, "xattr:v%u", m->version);
		return;
	case CONF_MAP_ATTRIBUTES_NAME:
		fputs("filename:hidden", out);
		return;
	case CONF_MAP_ATTRIBUTES_EXEC:
		break;
	}
	for (size_t i = 0; i < ARRAY_LEN(execs); i++) {
		if (!(m->exec & execs[i].exec))
			continue;
		fprintf(out, "%s%s", before, execs[i].word);
		before = ",";
	}
}
