#include "conf/lint.h"

#include "base/log.h"
#include "conf/param.h"
#include "wire/smb2_proto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>

struct lint {
	const struct conf *conf;
	const struct conf_place *at;
	struct conf_errors *errs;
};

static struct conf_place place_of(const struct lint *l, const char *name)
{
	return l->at[param_index(param_find(PARAM_GLOBAL, span_of_str(name)))];
}

static bool listen_is_loopback(const struct conf_listen *l)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (strcmp(l->interface, "lo") == 0)
		return true;
	if (l->family == AF_INET)
		return l->address[0] == 127;
	return memcmp(l->address, loopback6, sizeof(loopback6)) == 0;
}

/* Without either demand anybody on the path may alter messages or relay a logon. */
static void lint_exposed(const struct lint *l)
{
	const struct conf_listens *ls = &l->conf->listen;

	if (l->conf->require_message_signing || l->conf->reject_unencrypted_access)
		return;
	for (size_t i = 0; i < ls->count; i++) {
		if (listen_is_loopback(&ls->list[i]))
			continue;
		conf_errors_warn(
			l->errs, place_of(l, "listen"), "listen",
			"open to the network, but neither require_message_signing nor "
			"reject_unencrypted_access is true: messages can be altered "
			"on their way");
		return;
	}
}

/* Guests and anonymous clients have no key to sign or encrypt with. */
static void lint_keyless(const struct lint *l)
{
	const struct conf *c = l->conf;
	const char *demand = c->require_message_signing ? "require_message_signing"
							: "reject_unencrypted_access";

	if (!c->require_message_signing && !c->reject_unencrypted_access)
		return;
	if (c->allow_guest)
		conf_errors_warn(l->errs, place_of(l, "allow_guest"), "allow_guest",
				 "without effect: %s refuses guests", demand);
	if (c->null_session_access)
		conf_errors_warn(l->errs, place_of(l, "null_session_access"),
				 "null_session_access",
				 "without effect: %s refuses anonymous clients", demand);
}

static void lint_logon(const struct lint *l)
{
	if (!l->conf->ntlm)
		conf_errors_warn(
			l->errs, place_of(l, "ntlm"), "ntlm",
			"false leaves nobody a way to log on by name: this version "
			"knows NTLM only");
}

/* Can a client of this dialect encrypt here? 3.0 and 3.0.2 know AES-128-CCM only: [MS-SMB2] 3.3.5.4 */
static bool dialect_encrypts(const struct conf *c, uint16_t dialect)
{
	if (dialect < SMB2_DIALECT_300 || !conf_dialect_offered(c, dialect))
		return false;
	return dialect == SMB2_DIALECT_311 || conf_cipher_allowed(c, SEAL_AES_128_CCM);
}

static void lint_encryption(const struct lint *l)
{
	const struct conf *c = l->conf;

	if (c->reject_unencrypted_access && !dialect_encrypts(c, SMB2_DIALECT_300) &&
	    !dialect_encrypts(c, SMB2_DIALECT_302) &&
	    !dialect_encrypts(c, SMB2_DIALECT_311))
		conf_errors_warn(
			l->errs, place_of(l, "reject_unencrypted_access"),
			"reject_unencrypted_access",
			"refuses everybody: no dialect is offered that can encrypt");
	for (size_t i = 0; c->reject_unencrypted_access && i < c->share_count; i++)
		if (!c->shares[i].encrypt_data && c->encrypt_data)
			conf_errors_warn(l->errs,
					 (struct conf_place){c->shares[i].line, 1},
					 "encrypt_data",
					 "false is without effect on this share: "
					 "reject_unencrypted_access demands encryption");
}

/* Dialects that are named, but cannot be used for lack of their one algorithm. */
static void lint_dialects(const struct lint *l)
{
	const struct conf *c = l->conf;
	struct conf_place at = place_of(l, "signing_algorithms");

	if ((c->dialects & (CONF_DIALECT_202 | CONF_DIALECT_210)) &&
	    !conf_signing_allowed(c, SIGN_HMAC_SHA256))
		conf_errors_warn(
			l->errs, at, "signing_algorithms",
			"without HMAC-SHA256 the dialects SMB2.002 and SMB2.1 are "
			"not offered");
	if ((c->dialects & (CONF_DIALECT_300 | CONF_DIALECT_302)) &&
	    !conf_signing_allowed(c, SIGN_AES_CMAC))
		conf_errors_warn(
			l->errs, at, "signing_algorithms",
			"without AES-CMAC the dialects SMB3.0 and SMB3.02 are not "
			"offered");
}

static void lint_log(const struct lint *l)
{
	if (l->conf->log_params.path && l->conf->log_destination != CONF_LOG_FILE)
		conf_errors_warn(l->errs, place_of(l, "log_params"), "log_params",
				 "path is without effect: log_destination is not file");
}

static void lint_audit(const struct lint *l)
{
	const struct conf *c = l->conf;

	for (size_t i = 0; !c->audit_enable && i < c->share_count; i++)
		if (c->shares[i].audit_level)
			conf_errors_warn(
				l->errs, (struct conf_place){c->shares[i].line, 1},
				"audit_level", "without effect: audit_enable is false");
}

static void lint_metrics(const struct lint *l)
{
	const struct conf_endpoint *e = &l->conf->metrics_listen;

	if (e->port && !conf_endpoint_is_loopback(e))
		conf_errors_warn(l->errs, place_of(l, "metrics_listen"), "metrics_listen",
				 "open to the network: whoever can connect may read "
				 "metrics and status, without a password");
}

void lint_conf(const struct conf *c, const struct conf_place *at,
	       struct conf_errors *errs)
{
	struct lint l = {.conf = c, .at = at, .errs = errs};

	lint_exposed(&l);
	lint_keyless(&l);
	lint_logon(&l);
	lint_encryption(&l);
	lint_dialects(&l);
	lint_log(&l);
	lint_audit(&l);
	lint_metrics(&l);
}

/* The world */

static void lint_directory(const struct conf_share *s, struct conf_errors *errs)
{
	struct conf_place at = {s->line, 1};
	struct log_esc esc;
	struct stat st;

	if (stat(s->path, &st) < 0)
		conf_errors_warn(errs, at, "path", "%s: %s",
				 log_esc(&esc, span_of_str(s->path)), strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		conf_errors_warn(errs, at, "path", "%s: %s",
				 log_esc(&esc, span_of_str(s->path)), strerror(ENOTDIR));
}

enum { NSS_BUF_LEN = 1 << 16 };

/* A data base that cannot be asked is not held against the name. */
static bool user_is_missing(const char *name, char *buf)
{
	struct passwd pw, *found;

	return getpwnam_r(name, &pw, buf, NSS_BUF_LEN, &found) == 0 && !found;
}

static bool group_is_missing(const char *name, char *buf)
{
	struct group gr, *found;

	return getgrnam_r(name, &gr, buf, NSS_BUF_LEN, &found) == 0 && !found;
}

/* Users in `permissions` are those of the user database, not of the system: not looked up. */
static void lint_accounts(const struct conf_share *s, char *buf, struct conf_errors *errs)
{
	const struct conf_permissions *ps = &s->permissions;
	struct conf_place at = {s->line, 1};
	struct log_esc esc;

	if (s->force_user && user_is_missing(s->force_user, buf))
		conf_errors_warn(errs, at, "force_user", "%s: no such user",
				 log_esc(&esc, span_of_str(s->force_user)));
	if (s->force_group && group_is_missing(s->force_group, buf))
		conf_errors_warn(errs, at, "force_group", "%s: no such group",
				 log_esc(&esc, span_of_str(s->force_group)));
	for (size_t i = 0; i < ps->count; i++)
		if (ps->list[i].kind == CONF_PERM_GROUP &&
		    group_is_missing(ps->list[i].name, buf))
			conf_errors_warn(errs, at, "permissions", "@%s: no such group",
					 log_esc(&esc, span_of_str(ps->list[i].name)));
}

void lint_world(const struct conf *c, struct conf_errors *errs)
{
	char *buf = malloc(NSS_BUF_LEN);

	for (size_t i = 0; i < c->share_count; i++) {
		lint_directory(&c->shares[i], errs);
		if (buf)
			lint_accounts(&c->shares[i], buf, errs);
	}
	free(buf);
}
