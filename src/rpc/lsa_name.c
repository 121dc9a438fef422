/* lsa_name.c - translation of names and SIDs.  Spec: [MS-LSAT] 3.1.1.1 */
#include "rpc/lsa.h"
#include "wire/utf16.h"

#define SID(authority_, ...)                                                             \
	{                                                                                \
		.revision = 1, .authority = (authority_),                                \
		.sub_count = sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
		.sub = {__VA_ARGS__},                                                    \
	}

/* A domain all of whose members we know. */
struct known_domain {
	const char *name;
	struct sid sid;
	bool is_principal; /* its own SID translates to its name */
};

enum domain_index {
	DOMAIN_NULL,
	DOMAIN_WORLD,
	DOMAIN_CREATOR,
	DOMAIN_NT_AUTHORITY,
	DOMAIN_BUILTIN,
	DOMAIN_UNIX_USER,
	DOMAIN_UNIX_GROUP,
};

static const struct known_domain domains[] = {
	[DOMAIN_NULL] = {"", {.revision = 1, .authority = 0}, false},
	[DOMAIN_WORLD] = {"", {.revision = 1, .authority = 1}, false},
	[DOMAIN_CREATOR] = {"", {.revision = 1, .authority = 3}, false},
	[DOMAIN_NT_AUTHORITY] = {"NT AUTHORITY", {.revision = 1, .authority = 5}, false},
	[DOMAIN_BUILTIN] = {"BUILTIN", SID(5, 32), true},
	[DOMAIN_UNIX_USER] = {"Unix User", SID(22, 1), true},
	[DOMAIN_UNIX_GROUP] = {"Unix Group", SID(22, 2), true},
};

struct known_name {
	enum domain_index domain;
	uint32_t rid;
	enum sid_use use;
	const char *name;
};

static const struct known_name names[] = {
	{DOMAIN_NULL, 0, SID_USE_WELL_KNOWN, "NULL SID"},
	{DOMAIN_WORLD, 0, SID_USE_WELL_KNOWN, "Everyone"},
	{DOMAIN_CREATOR, 0, SID_USE_WELL_KNOWN, "CREATOR OWNER"},
	{DOMAIN_CREATOR, 1, SID_USE_WELL_KNOWN, "CREATOR GROUP"},
	{DOMAIN_CREATOR, 4, SID_USE_WELL_KNOWN, "OWNER RIGHTS"},
	{DOMAIN_NT_AUTHORITY, 1, SID_USE_WELL_KNOWN, "DIALUP"},
	{DOMAIN_NT_AUTHORITY, 2, SID_USE_WELL_KNOWN, "NETWORK"},
	{DOMAIN_NT_AUTHORITY, 3, SID_USE_WELL_KNOWN, "BATCH"},
	{DOMAIN_NT_AUTHORITY, 4, SID_USE_WELL_KNOWN, "INTERACTIVE"},
	{DOMAIN_NT_AUTHORITY, 6, SID_USE_WELL_KNOWN, "SERVICE"},
	{DOMAIN_NT_AUTHORITY, 7, SID_USE_WELL_KNOWN, "ANONYMOUS LOGON"},
	{DOMAIN_NT_AUTHORITY, 10, SID_USE_WELL_KNOWN, "SELF"},
	{DOMAIN_NT_AUTHORITY, 11, SID_USE_WELL_KNOWN, "Authenticated Users"},
	{DOMAIN_NT_AUTHORITY, 15, SID_USE_WELL_KNOWN, "This Organization"},
	{DOMAIN_NT_AUTHORITY, 18, SID_USE_WELL_KNOWN, "SYSTEM"},
	{DOMAIN_NT_AUTHORITY, 19, SID_USE_WELL_KNOWN, "LOCAL SERVICE"},
	{DOMAIN_NT_AUTHORITY, 20, SID_USE_WELL_KNOWN, "NETWORK SERVICE"},
	{DOMAIN_BUILTIN, 544, SID_USE_ALIAS, "Administrators"},
	{DOMAIN_BUILTIN, 545, SID_USE_ALIAS, "Users"},
	{DOMAIN_BUILTIN, 546, SID_USE_ALIAS, "Guests"},
	{DOMAIN_BUILTIN, 547, SID_USE_ALIAS, "Power Users"},
	{DOMAIN_BUILTIN, 549, SID_USE_ALIAS, "Server Operators"},
	{DOMAIN_BUILTIN, 551, SID_USE_ALIAS, "Backup Operators"},
};

/* sid == domain + one more subauthority */
static bool sid_in_domain(const struct sid *sid, const struct sid *domain,
			  uint32_t *ret_rid)
{
	struct sid head = *sid;

	if (sid->sub_count == 0)
		return false;
	head.sub_count--;
	if (!sid_eq(&head, domain))
		return false;
	*ret_rid = sid->sub[sid->sub_count - 1];
	return true;
}

static struct sid sid_append(const struct sid *domain, uint32_t rid)
{
	struct sid sid = *domain;

	sid.sub[sid.sub_count++] = rid; /* domains are ours and short */
	return sid;
}

static struct lsa_name lsa_in_domain(const char *domain, const struct sid *domain_sid)
{
	return (struct lsa_name){
		.domain = domain, .domain_sid = *domain_sid, .use = SID_USE_UNKNOWN};
}

/* A domain as a principal. */
static struct lsa_name lsa_domain(const char *domain, const struct sid *domain_sid)
{
	struct lsa_name n = lsa_in_domain(domain, domain_sid);

	n.name = domain;
	n.sid = *domain_sid;
	n.use = SID_USE_DOMAIN;
	return n;
}

static struct lsa_name lsa_member(enum domain_index domain, uint32_t rid,
				  enum sid_use use, const char *name)
{
	struct lsa_name n = lsa_in_domain(domains[domain].name, &domains[domain].sid);

	n.name = name;
	n.sid = sid_append(&domains[domain].sid, rid);
	n.use = use;
	return n;
}

static struct lsa_name lsa_account_of_rid(const struct rpc_call *c,
					  enum domain_index domain, uint32_t id)
{
	const struct rpc_info *info = c->info;
	bool group = domain == DOMAIN_UNIX_GROUP;
	const char *name;

	if (!info->account_by_id(info->ctx, c->arena, group, id, &name))
		return lsa_in_domain(domains[domain].name, &domains[domain].sid);
	return lsa_member(domain, id, group ? SID_USE_GROUP : SID_USE_USER, name);
}

static struct lsa_name lsa_known_of_rid(const struct rpc_call *c,
					enum domain_index domain, uint32_t rid)
{
	if (domain == DOMAIN_UNIX_USER || domain == DOMAIN_UNIX_GROUP)
		return lsa_account_of_rid(c, domain, rid);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].domain == domain && names[i].rid == rid)
			return lsa_member(domain, rid, names[i].use, names[i].name);
	}
	return lsa_in_domain(domains[domain].name, &domains[domain].sid);
}

/* A domain whose members we do not know: the machine's own, or the one it belongs to. */
static bool lsa_other_domain(const struct sid *sid, const char *domain,
			     const struct sid *domain_sid, struct lsa_name *ret_name)
{
	uint32_t rid;

	if (sid_eq(sid, domain_sid)) {
		*ret_name = lsa_domain(domain, domain_sid);
		return true;
	}
	if (sid_in_domain(sid, domain_sid, &rid)) {
		*ret_name = lsa_in_domain(domain, domain_sid);
		return true;
	}
	return false;
}

struct lsa_name lsa_name_of_sid(const struct rpc_call *c, const struct sid *sid)
{
	const struct rpc_info *info = c->info;
	struct lsa_name n;
	uint32_t rid;

	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		if (domains[i].is_principal && sid_eq(sid, &domains[i].sid))
			return lsa_domain(domains[i].name, &domains[i].sid);
	}
	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		if (sid_in_domain(sid, &domains[i].sid, &rid))
			return lsa_known_of_rid(c, (enum domain_index)i, rid);
	}
	if (lsa_other_domain(sid, info->server_name, &info->machine_sid, &n))
		return n;
	if (info->domain_sid && lsa_other_domain(sid, info->domain, info->domain_sid, &n))
		return n;
	return (struct lsa_name){.use = SID_USE_UNKNOWN};
}

/* The part before the backslash; NULL if there is none (or no memory: then nothing is found). */
static const char *lsa_domain_part(const struct rpc_call *c, const char *name)
{
	const char *end = strchr(name, '\\');
	char *part;

	if (!end)
		return NULL;
	part = arena_alloc(c->arena, (size_t)(end - name) + 1);
	if (part)
		memcpy(part, name, (size_t)(end - name));
	return part ? part : "\\";
}

static bool lsa_account_of_name(const struct rpc_call *c, const char *domain,
				const char *name, struct lsa_name *ret_name)
{
	const struct rpc_info *info = c->info;
	enum domain_index index;
	bool group;
	uint32_t id;

	if (!info->account_by_name(info->ctx, name, &group, &id))
		return false;
	index = group ? DOMAIN_UNIX_GROUP : DOMAIN_UNIX_USER;
	if (domain && !utf8_eq_nocase(domain, info->server_name) &&
	    !utf8_eq_nocase(domain, domains[index].name))
		return false;
	*ret_name = lsa_account_of_rid(c, index, id); /* with the name as it is spelt */
	return ret_name->use != SID_USE_UNKNOWN;
}

static bool lsa_known_of_name(const char *domain, const char *name,
			      struct lsa_name *ret_name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct known_name *k = &names[i];

		if (!utf8_eq_nocase(name, k->name))
			continue;
		if (domain && !utf8_eq_nocase(domain, domains[k->domain].name))
			continue;
		*ret_name = lsa_member(k->domain, k->rid, k->use, k->name);
		return true;
	}
	return false;
}

static bool lsa_domain_of_name(const struct rpc_call *c, const char *name,
			       struct lsa_name *ret_name)
{
	const struct rpc_info *info = c->info;

	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		if (domains[i].is_principal && utf8_eq_nocase(name, domains[i].name)) {
			*ret_name = lsa_domain(domains[i].name, &domains[i].sid);
			return true;
		}
	}
	if (utf8_eq_nocase(name, info->server_name)) {
		*ret_name = lsa_domain(info->server_name, &info->machine_sid);
		return true;
	}
	if (info->domain_sid && utf8_eq_nocase(name, info->domain)) {
		*ret_name = lsa_domain(info->domain, info->domain_sid);
		return true;
	}
	return false;
}

/* Spec: [MS-LSAT] 3.1.4.5, order of 2.2.16 LsapLookupWksta */
struct lsa_name lsa_name_of_text(const struct rpc_call *c, const char *name)
{
	const char *domain = lsa_domain_part(c, name);
	struct lsa_name n;

	if (domain)
		name = strchr(name, '\\') + 1;
	if (*name == '\0') {
		if (domain && lsa_domain_of_name(c, domain, &n))
			return n;
		return (struct lsa_name){.use = SID_USE_UNKNOWN};
	}
	if (lsa_known_of_name(domain, name, &n) ||
	    lsa_account_of_name(c, domain, name, &n))
		return n;
	if (!domain && lsa_domain_of_name(c, name, &n))
		return n;
	if (domain && lsa_domain_of_name(c, domain, &n))
		return lsa_in_domain(n.domain, &n.domain_sid);
	return (struct lsa_name){.use = SID_USE_UNKNOWN};
}
