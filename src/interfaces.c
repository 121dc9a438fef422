#include "interfaces.h"

#include "conf/conf.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint64_t MEGABIT = 1000000;

enum {
	SPEED_ASSUMED = 1000
}; /* Mbit/s, where the kernel does not say: clients pass over what has none */

/* Of loopback and most virtual interfaces there is none, of one without a carrier -1. */
static uint64_t link_speed(const char *interface)
{
	char path[64 + IF_NAMESIZE];
	long long megabits = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/speed", interface);
	f = fopen(path, "re");
	if (f && fscanf(f, "%lld", &megabits) != 1)
		megabits = 0;
	if (f)
		fclose(f);
	return (uint64_t)(megabits > 0 && megabits < INT32_MAX ? megabits
							       : SPEED_ASSUMED) *
	       MEGABIT;
}

/* False: neither IPv4 nor IPv6, or an IPv6 address that means something on its own link only. */
static bool address_of(const struct ifaddrs *a, struct net_address *ret)
{
	const struct sockaddr_in6 *in6 = (const void *)a->ifa_addr;
	const struct sockaddr_in *in4 = (const void *)a->ifa_addr;

	if (!a->ifa_addr)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		memcpy(ret->address, &in4->sin_addr, sizeof(in4->sin_addr));
		return true;
	}
	if (a->ifa_addr->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		return false;
	ret->ipv6 = true;
	memcpy(ret->address, &in6->sin6_addr, sizeof(in6->sin6_addr));
	return true;
}

static bool served(const struct conf *conf, const struct ifaddrs *a,
		   struct net_address *ret)
{
	const unsigned up = IFF_UP | IFF_RUNNING;
	const struct conf_listen *l;
	struct net_address found = {0};

	if ((a->ifa_flags & up) != up || !address_of(a, &found))
		return false;
	l = conf_listen_for(conf, a->ifa_name, a->ifa_addr->sa_family, found.address,
			    a->ifa_flags & IFF_LOOPBACK);
	found.if_index = if_nametoindex(a->ifa_name);
	if (!l || !found.if_index)
		return false;
	found.rss = l->rss != 0;
	found.link_speed = link_speed(a->ifa_name);
	*ret = found;
	return true;
}

size_t interfaces_list(const struct conf *conf, struct net_address *ret, size_t max)
{
	struct ifaddrs *all;
	size_t count = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *a = all; a && count < max; a = a->ifa_next)
		if (served(conf, a, &ret[count]))
			count++;
	freeifaddrs(all);
	return count;
}
