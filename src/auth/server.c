/* server.c - the settings of logons, from the configuration: see auth.h */
#include "auth/auth.h"

#include "auth/identity.h"
#include "conf/conf.h"
#include "crypto/legacy.h"

#include <errno.h>
#include <unistd.h>

/* The server's name in lower case, in the domain if that is one of the DNS. */
static void dns_name_set(struct auth_server *s)
{
	bool is_fqdn = strchr(s->domain, '.');

	snprintf(s->dns_name, sizeof(s->dns_name), "%s%s%s", s->server_name,
		 is_fqdn ? "." : "", is_fqdn ? s->domain : "");
	for (char *p = s->dns_name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
}

static int accounts_set(struct auth_server *s)
{
	int err = 0;

	if (geteuid() != 0)
		return identity_self(&s->self);
	if (s->allow_guest || s->allow_anonymous)
		err = identity_lookup("nobody", &s->nobody);
	if (!err || err == -ENOMEM)
		return err;
	log_error("guests and anonymous clients are refused: no Unix account \"nobody\": "
		  "%s",
		  strerror(-err));
	return 0;
}

int auth_server_init(struct auth_server *s, const struct conf *c, struct env *env)
{
	int err;

	*s = (struct auth_server){
		.env = env,
		.server_name = c->server_name,
		.domain = c->domain,
		.userdb_file = c->userdb_file,
		.allow_guest = c->allow_guest,
		.allow_anonymous = c->null_session_access,
		.ntlm = c->ntlm,
	};
	dns_name_set(s);
	err = accounts_set(s);
	if (!err && s->ntlm)
		err = legacy_check();
	if (err)
		auth_server_fini(s);
	return err;
}

void auth_server_fini(struct auth_server *s)
{
	cred_put(s->self);
	cred_put(s->nobody);
	*s = (struct auth_server){0};
}
