/*
 * auth.h - one logon: SPNEGO tokens in, a principal and a session key out.
 *
 * Who gets in as whom:
 *
 *     named      in the user database, response proven; acts as the record's Unix account. Any
 *                domain will do, before the name or, as name@domain, behind it
 *     guest      a name that is *not* in the database, if allow_guest; whatever its password. A
 *                known user with a wrong password never becomes a guest, nor does anybody while
 *                the database cannot be read
 *     anonymous  empty name and empty response, if allow_anonymous; else STATUS_ACCESS_DENIED:
 *                nothing was wrong with the credentials, the right is missing
 *
 * Owns     struct auth owns its negotiation state and, until taken, the principal and the key;
 *          it lies in base/secret.h memory as a whole.
 * Threads  one exchange is used by one thread at a time: auth_step() runs as an EXEC_AUTH job,
 *          as it may block (NSS, later LDAP and Kerberos), unless auth_step_is_quick();
 *          struct auth_server is immutable and shared.
 * Errors   statuses for the SESSION_SETUP answer. Unknown user, wrong password and bad proof are
 *          all STATUS_LOGON_FAILURE after the same amount of work. Malformed SPNEGO or NTLMSSP
 *          is STATUS_INVALID_PARAMETER. No common mechanism, or one too weak:
 *          STATUS_NOT_SUPPORTED. The right password of a disabled user: STATUS_ACCOUNT_DISABLED.
 *          Nothing secret is logged.
 * Spec     [MS-SMB2] 3.3.5.5.3, [MS-SPNG], RFC 4178, [MS-NLMP]
 */
#pragma once

#include "auth/principal.h"
#include "base/arena.h"
#include "base/env.h"
#include "base/log.h"
#include "base/status.h"

enum { AUTH_DNS_NAME_MAX = 511 };

struct conf;

/* Settings and databases that every logon of a configuration snapshot uses. */
struct auth_server {
	struct env *env;
	const char *server_name; /* NetBIOS/NTLM name, upper case		*/
	const char *domain;      /* workgroup or FQDN			*/
	char dns_name[AUTH_DNS_NAME_MAX + 1];
	const char *userdb_file; /* text user database, see userdb.h	*/
	bool allow_guest;
	bool allow_anonymous;
	bool ntlm; /* accept NTLM at all */
	/* Not root: everybody acts as this account. Else NULL. */
	struct cred *self;
	/* Guest and anonymous. NULL: no such account, so neither gets in. */
	struct cred *nobody;
	/* On lines that a peer can provoke; borrowed. NULL: none. */
	struct log_limit *log_limit;
};

/* From the configuration, which must outlive it; without log_limit. Looks up accounts, so it
 * may block. 0, or -ENOMEM, or -ENOTSUP if ntlm is on and OpenSSL cannot do it. */
MUST_CHECK int auth_server_init(struct auth_server *s, const struct conf *c,
				struct env *env);
/* A zeroed one is fine, too. */
void auth_server_fini(struct auth_server *s);

/* NegTokenInit2 for the NEGOTIATE answer: our mechanisms. In the arena; empty span if memory
 * fails or none is offered. */
struct span auth_negotiate_token(const struct auth_server *s, struct arena *a);

struct auth;
/* NULL without memory. The server settings must outlive it. */
struct auth *auth_new(const struct auth_server *s);
void auth_free(struct auth *a); /* wipes; NULL is fine */
static inline void auth_freep(struct auth **a)
{
	auth_free(*a);
}

/*
 * Take the client's next token.
 *
 * token      GSS-API SPNEGO, or raw NTLMSSP (old clients send it bare)
 * ret_token  our answer, in the arena; may be empty
 *
 * STATUS_MORE_PROCESSING_REQUIRED: send ret_token, wait for the next.
 * STATUS_SUCCESS: auth_principal() and auth_session_key() are there; ret_token may still hold
 * mechListMIC.
 * anything else: the logon failed; the exchange is over, and every further step is
 * STATUS_INVALID_PARAMETER.
 */
MUST_CHECK nt_status auth_step(struct auth *a, struct span token, struct arena *arena,
			       struct span *ret_token);
/* Would auth_step() with that token ask nobody, and not take long? Then it may run where nothing may block. */
bool auth_step_is_quick(const struct auth *a, struct span token);

/* After STATUS_SUCCESS: a new reference. */
struct principal *auth_principal(struct auth *a);
/* After STATUS_SUCCESS, named users: the whole GSS key, 16 to 64 bytes, borrowed; empty for
 * guest and anonymous. */
struct span auth_session_key(const struct auth *a);
/* Would the exchange have failed with these settings, for want of the mechanism it used? */
bool auth_needs_other(const struct auth *a, const struct auth_server *s);
/* For logs: the name the client claims, UTF-8, "" until it said so. Borrowed. */
const char *auth_claimed_user(const struct auth *a);
