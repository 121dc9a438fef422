#include "ctl/http_request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 255, PORT_DIGITS_MAX = 5 };

/* ":9445", or nothing. */
static bool is_port(const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return true;
	return text[0] == ':' && len > 1 && len <= 1 + PORT_DIGITS_MAX &&
	       strspn(text + 1, "0123456789") == len - 1;
}

static bool is_address(int family, const char *text)
{
	uint8_t bytes[16];

	return inet_pton(family, text, bytes) == 1;
}

/* "[::1]:9445" */
static bool is_bracketed(const char *host)
{
	const char *end = strchr(host, ']');
	char text[INET6_ADDRSTRLEN] = "";
	size_t len;

	if (host[0] != '[' || !end || !is_port(end + 1))
		return false;
	len = (size_t)(end - host) - 1;
	if (len >= sizeof(text))
		return false;
	memcpy(text, host + 1, len);
	return is_address(AF_INET6, text);
}

static bool is_name(const char *host, const char *name)
{
	return name && name[0] && strcasecmp(host, name) == 0;
}

/* name.domain */
static bool is_full_name(const char *host, const char *name, const char *domain)
{
	size_t len = name ? strlen(name) : 0;

	return len && domain && strchr(domain, '.') &&
	       strncasecmp(host, name, len) == 0 && host[len] == '.' &&
	       strcasecmp(host + len + 1, domain) == 0;
}

bool http_host_is_ours(const char *host, const struct http_names *names)
{
	char name[HOST_MAX + 1] = "";
	size_t len;

	if (!host)
		return false;
	if (host[0] == '[')
		return is_bracketed(host);
	len = strcspn(host, ":");
	if (len == 0 || len > HOST_MAX || !is_port(host + len))
		return false;
	memcpy(name, host, len);
	if (name[len - 1] == '.') /* the same name, written from the root */
		name[len - 1] = '\0';
	return is_address(AF_INET, name) || is_name(name, "localhost") ||
	       is_name(name, names->host_name) || is_name(name, names->server_name) ||
	       is_full_name(name, names->host_name, names->domain) ||
	       is_full_name(name, names->server_name, names->domain);
}

static const struct {
	const char *path;
	enum http_what what;
} paths[] = {
	{"/", HTTP_PAGE},
	{"/metrics", HTTP_METRICS},
	{"/status.json", HTTP_STATUS_JSON},
};

enum http_what http_request_judge(const char *method, const char *path, const char *host,
				  const struct http_names *names, unsigned *ret_status)
{
	*ret_status = 403;
	if (!http_host_is_ours(host, names))
		return HTTP_NOTHING;
	*ret_status = 405;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return HTTP_NOTHING;
	*ret_status = 404;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (strcmp(path, paths[i].path) == 0) {
			*ret_status = 200;
			return paths[i].what;
		}
	return HTTP_NOTHING;
}
