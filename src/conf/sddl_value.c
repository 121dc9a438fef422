/*
 * sddl_value.c - the value of `security_descriptor`: who may do what on a share, as Windows says it.
 */
#include "conf/conf.h"
#include "conf/value.h"
#include "wire/sddl.h"

bool sddl_value_parse(const struct value_in *in, void *field)
{
	struct conf_sddl v = {0};
	struct sddl_error e;

	if (!sddl_parse(in->text, in->arena, &v.sd, &e))
		return value_refuse(in, span_from(in->text, e.at), "%s", e.expected);
	if (!v.sd.dacl) /* that of NO_ACCESS_CONTROL would let everybody do everything */
		return value_refuse(in, in->text, "a list of entries, D:(...)");
	v.text = sddl_print(&v.sd, in->arena);
	if (!v.text)
		return value_refuse_as(in, in->text, "out of memory");
	*(struct conf_sddl *)field = v;
	return true;
}

void sddl_value_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_sddl *v = field;

	fputs(v->text ? v->text : "", out);
}
