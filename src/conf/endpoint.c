/*
 * endpoint.c - the value of `metrics_listen`: address:port, [IPv6 address]:port, or off.
 */
#include "conf/conf.h"
#include "conf/value.h"

#include <arpa/inet.h>

static bool endpoint_address(const struct value_in *in, struct span part, int family,
			     struct conf_endpoint *e)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (part.len && part.len < sizeof(text))
		memcpy(text, part.p, part.len);
	if (inet_pton(family, text, e->address) != 1)
		return value_refuse(in, part, "an %s address",
				    family == AF_INET ? "IPv4" : "IPv6");
	e->family = (sa_family_t)family;
	return true;
}

bool endpoint_parse(const struct value_in *in, void *field)
{
	struct conf_endpoint e = {0};
	struct span address, port;
	uint64_t number;
	size_t colon = in->text.len;
	bool brackets;

	while (colon > 0 && in->text.p[colon - 1] != ':')
		colon--;
	if (value_is(in->text, "off")) {
		*(struct conf_endpoint *)field = e;
		return true;
	}
	if (colon == 0)
		return value_refuse(in, in->text, "off, address:port or [address]:port");
	port = span_from(in->text, colon);
	address = span_head(in->text, colon - 1);
	brackets = address.len >= 2 && address.p[0] == '[' &&
		   address.p[address.len - 1] == ']';
	if (brackets)
		address = span_head(span_from(address, 1), address.len - 2);
	if (!endpoint_address(in, address, brackets ? AF_INET6 : AF_INET, &e))
		return false;
	if (!value_number(port, 1, UINT16_MAX, &number))
		return value_refuse(in, port, "a port from 1 to %d", UINT16_MAX);
	e.port = (uint16_t)number;
	*(struct conf_endpoint *)field = e;
	return true;
}

void endpoint_print(const struct param *p, const void *field, FILE *out)
{
	char text[CONF_ENDPOINT_TEXT_MAX];

	fputs(conf_endpoint_text(field, text), out);
}

const char *conf_endpoint_text(const struct conf_endpoint *e,
			       char buf[CONF_ENDPOINT_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN];

	if (!e->port) {
		snprintf(buf, CONF_ENDPOINT_TEXT_MAX, "off");
		return buf;
	}
	inet_ntop(e->family, e->address, address, sizeof(address));
	snprintf(buf, CONF_ENDPOINT_TEXT_MAX, e->family == AF_INET ? "%s:%u" : "[%s]:%u",
		 address, e->port);
	return buf;
}

bool conf_endpoint_is_loopback(const struct conf_endpoint *e)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return e->family == AF_INET
		       ? e->address[0] == 127
		       : memcmp(e->address, loopback6, sizeof(loopback6)) == 0;
}
