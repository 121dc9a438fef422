/*
 * listen.c - the value of `listen`: interface,address,family,port[,DIRECT_TCP].
 */
#include "conf/conf.h"
#include "conf/value.h"

#include <arpa/inet.h>

enum { LISTEN_PART_MAX = 8 };

/* What the documented interface names besides. */
static const char *const protos_known[] = {"NBSS", "NBNS", "NBDS", "LLMNR", "WSD"};

static bool interface_parse(const struct value_in *in, struct span part,
			    struct conf_listen *l)
{
	if (value_is(part, "ANY"))
		return true;
	if (!part.len || part.len >= sizeof(l->interface) ||
	    memchr(part.p, '/', part.len) || memchr(part.p, ' ', part.len))
		return value_refuse(in, part, "ANY or the name of an interface");
	memcpy(l->interface, part.p, part.len);
	return true;
}

static bool address_parse(const struct value_in *in, struct span part, struct span family,
			  struct conf_listen *l)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (value_is(family, "IPv4"))
		l->family = AF_INET;
	else if (value_is(family, "IPv6"))
		l->family = AF_INET6;
	else
		return value_refuse(in, family, "IPv4 or IPv6");
	if (part.len < sizeof(text))
		memcpy(text, part.p, part.len);
	if (inet_pton(l->family, text, l->address) != 1)
		return value_refuse(in, part, "an %s address",
				    l->family == AF_INET ? "IPv4" : "IPv6");
	return true;
}

static bool proto_parse(const struct value_in *in, struct span part)
{
	for (size_t i = 0; i < ARRAY_LEN(protos_known); i++)
		if (value_is(part, protos_known[i]))
			return value_refuse_known(in, part, "DIRECT_TCP");
	return value_is(part, "DIRECT_TCP") || value_refuse(in, part, "DIRECT_TCP");
}

/* Behind the protocol: RSS= waits for clients to be told of interfaces. */
static bool extra_refuse(const struct value_in *in, struct span part)
{
	if (span_eq(span_head(part, 4), span_of_str("RSS=")))
		return value_refuse_known(in, part, "nothing behind DIRECT_TCP");
	return value_refuse(in, part, "nothing behind DIRECT_TCP");
}

static bool listen_known(const struct conf_listens *ls, const struct conf_listen *l)
{
	for (size_t i = 0; i < ls->count; i++) {
		const struct conf_listen *x = &ls->list[i];

		if (x->family == l->family && x->port == l->port &&
		    memcmp(x->address, l->address, sizeof(l->address)) == 0 &&
		    strcmp(x->interface, l->interface) == 0)
			return true;
	}
	return false;
}

static bool listen_add(const struct value_in *in, struct conf_listens *ls,
		       const struct conf_listen *l)
{
	if (listen_known(ls, l))
		return value_refuse_as(in, in->text, "this listener is there already");
	if (ls->count == CONF_LISTEN_MAX)
		return value_refuse_as(in, in->text, "more than %d listeners",
				       CONF_LISTEN_MAX);
	ls->list[ls->count++] = *l;
	return true;
}

bool listen_parse(const struct value_in *in, void *field)
{
	struct span rest = in->text, part[LISTEN_PART_MAX], item;
	struct conf_listen l = {0};
	size_t count = 0;
	uint64_t port;

	while (count < LISTEN_PART_MAX && value_next(&rest, ',', &item))
		part[count++] = item;
	if (count < 4 || count == LISTEN_PART_MAX)
		return value_refuse(in, in->text,
				    "interface,address,family,port,DIRECT_TCP");
	if (!interface_parse(in, part[0], &l) || !address_parse(in, part[1], part[2], &l))
		return false;
	if (!value_number(part[3], 1, UINT16_MAX, &port))
		return value_refuse(in, part[3], "a port from 1 to %d", UINT16_MAX);
	l.port = (uint16_t)port;
	if (count > 4 && !proto_parse(in, part[4]))
		return false;
	if (count > 5)
		return extra_refuse(in, part[5]);
	return listen_add(in, field, &l);
}

/* One listener a line. */
void listen_print(const struct param *p, const void *field, FILE *out)
{
	const struct conf_listens *ls = field;

	for (size_t i = 0; i < ls->count; i++) {
		const struct conf_listen *l = &ls->list[i];
		char address[INET6_ADDRSTRLEN];

		inet_ntop(l->family, l->address, address, sizeof(address));
		fprintf(out, "%s%s,%s,%s,%u,DIRECT_TCP", i ? "\n" : "",
			l->interface[0] ? l->interface : "ANY", address,
			l->family == AF_INET ? "IPv4" : "IPv6", l->port);
	}
}
