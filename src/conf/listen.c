/*
 * listen.c - the value of `listen`: interface,address,family,port[,DIRECT_TCP[,RSS=queues]].
 */
#include "conf/conf.h"
#include "conf/value.h"

#include <arpa/inet.h>

enum { LISTEN_PART_MAX = 8, RSS_MAX = 1024 };

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

/* Behind the protocol. */
static bool rss_parse(const struct value_in *in, struct span part, struct conf_listen *l)
{
	uint64_t queues;

	if (!span_eq(span_head(part, 4), span_of_str("RSS=")) ||
	    !value_number(span_from(part, 4), 0, RSS_MAX, &queues))
		return value_refuse(in, part, "RSS= and a number of queues up to %d",
				    RSS_MAX);
	l->rss = (uint16_t)queues;
	return true;
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
	if (count > 5 && !rss_parse(in, part[5], &l))
		return false;
	if (count > 6)
		return value_refuse(in, part[6], "nothing behind RSS=");
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
		if (l->rss)
			fprintf(out, ",RSS=%u", l->rss);
	}
}

static size_t address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static bool listen_serves(const struct conf_listen *l, const char *interface, int family,
			  const uint8_t *address, bool loopback)
{
	static const uint8_t any[sizeof(l->address)];
	size_t len = address_len(family);
	bool names_address = memcmp(l->address, any, len) != 0;

	if (l->family != family)
		return false;
	if (l->interface[0] && strcmp(l->interface, interface) != 0)
		return false;
	if (names_address && memcmp(l->address, address, len) != 0)
		return false;
	return !loopback || names_address || l->interface[0];
}

const struct conf_listen *conf_listen_for(const struct conf *c, const char *interface,
					  int family, const uint8_t *address,
					  bool loopback)
{
	for (size_t i = 0; i < c->listen.count; i++)
		if (listen_serves(&c->listen.list[i], interface, family, address,
				  loopback))
			return &c->listen.list[i];
	return NULL;
}
