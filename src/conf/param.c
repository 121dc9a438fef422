#include "conf/param.h"

#include "conf/conf.h"
#include "conf/value.h"

#include <assert.h>

enum { KiB = 1 << 10, MiB = 1 << 20, NAME_MAX_LEN = 64 };
#define PiB (1ULL << 50)

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define GLOBAL(field_, type_)                                                            \
	.name = #field_, .scope = PARAM_GLOBAL, .type = PARAM_##type_,                   \
	.field = offsetof(struct conf, field_)
#define SHARE(field_, type_)                                                             \
	.name = #field_, .scope = PARAM_SHARE, .type = PARAM_##type_,                    \
	.field = offsetof(struct conf_share, field_)
#define KNOWN(scope_, name_, syntax_)                                                    \
	{                                                                                \
		.name = (name_), .scope = PARAM_##scope_, .status = PARAM_KNOWN,         \
		.syntax = (syntax_)                                                      \
	}

/* clang-format off */
const struct param param_table[] = {
	/* Security of the protocol */
	{GLOBAL(require_message_signing, BOOL),
	 .apply = PARAM_TIGHTENS, .def = "false", .flag = "require-signing",
	 .help = "Every message of a client must be signed or encrypted. One that is "
		 "neither, or whose signature is wrong, is dropped without an answer. Guests "
		 "and anonymous clients cannot sign and are refused when they log on."},
	{GLOBAL(encrypt_data, BOOL),
	 .apply = PARAM_TIGHTENS, .def = "false", .flag = "encrypt-data",
	 .help = "Encrypt everything sent to clients that can decrypt it, on every share "
		 "that does not say otherwise. What clients send unencrypted is still "
		 "processed: only reject_unencrypted_access forbids that. One share with "
		 "encrypt_data = false moves the announcement of encryption from the session "
		 "to the shares."},
	{GLOBAL(reject_unencrypted_access, BOOL),
	 .apply = PARAM_TIGHTENS, .def = "false",
	 .flag = "reject-unencrypted-access",
	 .help = "Refuse every unencrypted request after the logon, on all shares, whatever "
		 "their encrypt_data says. Clients that cannot encrypt (SMB 2, guests, "
		 "anonymous) are refused when they log on."},
	{GLOBAL(dialects, DIALECTS),
	 .apply = PARAM_CONNECTIONS, .def = "SMB2.002 SMB2.1 SMB3.0 SMB3.02 SMB3.1.1",
	 .flag = "dialects",
	 .help = "The dialects that clients may choose from, separated by blanks."},
	{GLOBAL(encryption_ciphers, CIPHERS), .apply = PARAM_CONNECTIONS,
	 .def = "AES-128-GCM, AES-256-GCM, AES-256-CCM, AES-128-CCM",
	 .flag = "encryption-ciphers",
	 .help = "Ciphers, the preferred one first. One that is not named is never used. SMB "
		 "3.0 and 3.0.2 know AES-128-CCM only."},
	{GLOBAL(signing_algorithms, SIGNINGS),
	 .apply = PARAM_CONNECTIONS, .def = "AES-GMAC, AES-CMAC, HMAC-SHA256",
	 .flag = "signing-algorithms",
	 .help = "Signing algorithms, the preferred one first. One that is not named is "
		 "never used: without HMAC-SHA256 the dialects SMB2.002 and SMB2.1 are not "
		 "offered, without AES-CMAC SMB3.0 and SMB3.02 are not."},

	{GLOBAL(security_audit, BOOL), .def = "false", .flag = "security-audit",
	 .help = "Log and count each client that require_message_signing, "
		 "reject_unencrypted_access, ntlm = false, or dialects without SMB2.002 and "
		 "SMB2.1 would shut out, once for each address, user and reason; serve it as "
		 "configured. To find out before making one of them stricter."},

	/* The server and its network */
	{GLOBAL(server_name, HOST), .def_text = "the host name, cut to 15 characters",
	 .flag = "server-name",
	 .help = "The server's NetBIOS name, told to clients when they log on and when they "
		 "list shares."},
	{GLOBAL(server_comment, TEXT), .max = 256, .def = "", .flag = "server-comment",
	 .help = "A comment on the server, shown where servers are listed."},
	{GLOBAL(domain, DOMAIN), .def = "WORKGROUP", .flag = "domain",
	 .help = "The DNS domain or the workgroup of the server."},
	{GLOBAL(listen, LISTEN),
	 .def = "ANY,0.0.0.0,IPv4,445,DIRECT_TCP\nANY,::,IPv6,445,DIRECT_TCP",
	 .flag = "listen",
	 .help = "Where to accept connections; may stand several times, a listener each. The "
		 "interface is its name or ANY, the family IPv4 or IPv6. Behind the "
		 "protocol RSS=n may say how many queues the network card has: clients "
		 "that use several connections a session then open more than one to it. "
		 "As soon as one line is there, the default does not apply."},
	{GLOBAL(connections_max, INT), .max = 1000000, .def = "1024", .flag = "connections-max",
	 .help = "Connections at a time; beyond it new ones are refused and existing ones "
		 "untouched. 0: no limit. Each takes a descriptor: where the process may not have "
		 "as many as connections and open files could take beside its shares, a quarter "
		 "is for connections and the rest for files, and what one of them does not want "
		 "is for the other. "
		 "The log says how many of each there may be."},
	{GLOBAL(sessions_max, INT), .max = 1000000, .def = "0", .flag = "sessions-max",
	 .help = "Sessions at a time. 0: no limit."},
	{GLOBAL(open_files_max, INT), .min = 1, .max = 16777216, .def = "1048576",
	 .flag = "open-files-max",
	 .help = "Open files and directories at a time, of all clients. Each takes two "
		 "descriptors; see connections_max."},
	{GLOBAL(sess_open_files_max, INT), .min = 1, .max = 16777216, .def = "1048576",
	 .flag = "sess-open-files-max",
	 .help = "Open files and directories at a time, of one session."},
	{GLOBAL(memory_max, BYTES), .min = 16 * MiB, .max = PiB,
	 .def_text = "a quarter of the memory", .flag = "memory-max",
	 .help = "Budget for the payload buffers of all connections together."},
	{GLOBAL(smb2_read_max, BYTES),
	 .apply = PARAM_CONNECTIONS, .min = 64 * KiB, .max = 8 * MiB, .def = "8MiB",
	 .flag = "smb2-read-max",
	 .help = "Longest READ offered to clients. SMB2.002 always gets 64KiB."},
	{GLOBAL(smb2_write_max, BYTES),
	 .apply = PARAM_CONNECTIONS, .min = 64 * KiB, .max = 8 * MiB, .def = "8MiB",
	 .flag = "smb2-write-max",
	 .help = "Longest WRITE offered to clients. SMB2.002 always gets 64KiB."},
	{GLOBAL(smb2_trans_max, BYTES),
	 .apply = PARAM_CONNECTIONS, .min = 64 * KiB, .max = 8 * MiB, .def = "8MiB",
	 .flag = "smb2-trans-max",
	 .help = "Longest query, listing or other transaction offered to clients. SMB2.002 "
		 "always gets 64KiB."},
	{GLOBAL(transport_rx_threads, THREADS), .min = 1, .max = 256, .def = "auto",
	 .apply = PARAM_RESTART, .flag = "transport-rx-threads",
	 .help = "Threads that serve connections. Each both receives and sends: there are as "
		 "many as the larger of transport_rx_threads and transport_tx_threads; auto "
		 "is one a CPU."},
	{GLOBAL(transport_tx_threads, THREADS), .min = 1, .max = 256, .def = "auto",
	 .apply = PARAM_RESTART, .flag = "transport-tx-threads",
	 .help = "See transport_rx_threads."},
	{GLOBAL(vfs_data_threads, THREADS), .min = 1, .max = 256, .def = "auto",
	 .apply = PARAM_RESTART, .flag = "vfs-data-threads",
	 .help = "Threads for file system calls that may wait. They do any kind of work: "
		 "there are as many as vfs_data_threads and vfs_metadata_threads together; "
		 "auto is one a CPU, but two at least."},
	{GLOBAL(vfs_metadata_threads, THREADS), .min = 1, .max = 256, .def = "auto",
	 .apply = PARAM_RESTART, .flag = "vfs-metadata-threads",
	 .help = "See vfs_data_threads."},

	/* Users */
	{GLOBAL(userdb_type, ENUM), .words = WORDS("text"), .words_known = WORDS("ldap", "ad"),
	 .def = "text", .flag = "userdb-type",
	 .help = "Where accounts are kept. This version acts on text only."},
	{GLOBAL(userdb_file, PATH), .def = "/var/lib/tsmb/users_db.txt", .flag = "userdb-file",
	 .help = "The text user database; see tsmb-passwd(8)."},
	{GLOBAL(allow_guest, BOOL), .def = "false", .flag = "allow-guest",
	 .help = "Let unknown users in as guests. A known user with a wrong password never "
		 "becomes one."},
	{GLOBAL(null_session_access, BOOL), .def = "false", .flag = "null-session-access",
	 .help = "Let clients in without any user name."},
	{GLOBAL(ntlm, BOOL), .def = "true", .flag = "ntlm",
	 .help = "Accept NTLM. This version has no other way to log on by name."},
	{GLOBAL(auth_delay_ms, INT), .max = 30000, .def = "2000", .flag = "auth-delay-ms",
	 .help = "Milliseconds that the answer to a wrong password or an unknown user waits, and "
		 "that lie between two such answers for one account from one address. A right "
		 "password is never made to wait. 0: no delay."},

	{GLOBAL(privilegedb, PATH), .def = "/var/lib/tsmb/privileges", .flag = "privilegedb",
	 .help = "The file that says which accounts hold privileges of Windows: to back up and "
		 "restore, to take ownership, to administer shares. See PRIVILEGES. Where it "
		 "has its default value the file may be missing."},

	/* What is shown, and to whom */
	{GLOBAL(enable_ipc, BOOL), .def = "true", .flag = "enable-ipc",
	 .help = "Offer the share IPC$, through which clients list shares."},
	{GLOBAL(access_based_share_enumeration, BOOL), .def = "false",
	 .flag = "access-based-share-enumeration",
	 .help = "List to a client only the shares whose permissions let it in."},

	/* Files and log of the server itself */
	{GLOBAL(runstate_dir, PATH), .def = "/var/lib/tsmb", .apply = PARAM_RESTART,
	 .flag = "runstate-dir",
	 .help = "Directory for the server's identity and its control socket, by which the tools find "
		 "the server: tsmb-cfg changes it only while none runs."},
	{GLOBAL(log_destination, ENUM), .words = WORDS("console", "syslog", "file"),
	 .def = "console", .flag = "log-destination",
	 .help = "Where log lines go; for file, log_params names it."},
	{GLOBAL(log_level, INT), .max = 5, .def = "3", .flag = "log-level",
	 .help = "0 nothing, 1 errors, 2 warnings, 3 information, 4 more of it, 5 debugging."},
	{GLOBAL(log_params, LOG_PARAMS), .def = "timestamp=true", .flag = "log-params",
	 .help = "path is the log file, which is opened anew on every reload: who rotates it has "
		 "logrotate reload the server afterwards. timestamp heads each line with the "
		 "time, which syslog does by itself."},

	{GLOBAL(audit_enable, BOOL), .def = "false", .flag = "audit-enable",
	 .help = "Write who did what to the files that audit_params names: logons, refusals and "
		 "changes of the configuration, and what audit_level says of each share. See "
		 "THE AUDIT LOG."},
	{GLOBAL(audit_params, AUDIT), .def = "days=0,sensitive_data=allow",
	 .flag = "audit-params",
	 .help = "path is what the names of the files begin with: a day, in UTC, has its file "
		 "path.YYYY-MM-DD. days is how many days are kept, today included; 0 keeps "
		 "all. uid and gid own the files, which their group may read if gid is given. "
		 "cn is the name of this server in each event, for logs of several put "
		 "together. sensitive_data says what becomes of user names, addresses of "
		 "clients, names of files and values of parameters: allow writes them, strip "
		 "leaves them out, hash writes keyed hashes of them, by which equal ones can be "
		 "told."},
	{GLOBAL(metrics_listen, ENDPOINT), .def = "off", .flag = "metrics-listen",
	 .help = "Where to show what the server does, by HTTP: metrics for Prometheus under "
		 "/metrics and a page for people under /. Whoever can connect may read it, "
		 "without a password: names of shares, counts, settings; no names of users, "
		 "clients or files. An address other than 127.0.0.1 or ::1 shows it to the "
		 "network."},

	/* What clients may cache */
	{GLOBAL(enable_oplock, BOOL), .def = "true", .flag = "enable-oplock",
	 .help = "Grant oplocks and leases: a client may cache what it reads and writes, and "
		 "keep files open, until another one wants the same file. Without them "
		 "clients are slower, and no less correct."},
	{GLOBAL(server_side_copy, BOOL), .def = "true", .flag = "server-side-copy",
	 .help = "Copy files for clients that ask for it, on the server, instead of sending "
		 "all of their contents back and forth."},

	{GLOBAL(durable_v1_timeout, INT), .max = 86400, .def = "960",
	 .flag = "durable-v1-timeout",
	 .help = "Seconds that a file stays open, with its locks, for a client that lost its "
		 "connection and may come back: where the client asked for a durable handle "
		 "of version 1, and until another one wants the file in a way that the lost "
		 "one would have to agree to. 0 grants none."},
	{GLOBAL(durable_v2_timeout, INT), .max = 86400, .def = "180",
	 .flag = "durable-v2-timeout",
	 .help = "The same for version 2, which clients of SMB 3 ask for, where the client "
		 "names no time itself; it may name up to 300 seconds. 0 grants none."},

	KNOWN(GLOBAL, "ca", "true|false"),
	KNOWN(GLOBAL, "ca_path", "path"),
	KNOWN(GLOBAL, "tcp_tickle", "true|false"),
	KNOWN(GLOBAL, "tcp_tickle_params", "path=..."),
	KNOWN(GLOBAL, "vss", "true|false"),
	KNOWN(GLOBAL, "vss_params", "path=...,share_root=..."),
	KNOWN(GLOBAL, "apple_extensions", "true|false"),
	KNOWN(GLOBAL, "apple_server_side_copy", "true|false"),
	KNOWN(GLOBAL, "ldap_uri", "URI"),
	KNOWN(GLOBAL, "ldap_bind_dn", "DN"),
	KNOWN(GLOBAL, "ldap_bind_pw", "password"),
	KNOWN(GLOBAL, "ldap_base_dn", "DN"),
	KNOWN(GLOBAL, "ldap_username_attr", "attribute"),
	KNOWN(GLOBAL, "ldap_nthash_attr", "attribute"),
	KNOWN(GLOBAL, "ldap_timeout", "seconds"),

	{SHARE(netname, NETNAME), .required = true, .flag = "netname", .flag_short = 'n',
	 .help = "The name of the share, as clients see it. Upper and lower case are one."},
	{SHARE(path, PATH),
	 .apply = PARAM_TREES, .required = true, .flag = "path", .flag_short = 'p',
	 .help = "The directory that is shared."},
	{SHARE(encrypt_data, BOOL),
	 .apply = PARAM_TIGHTENS, .def_text = "as in [global]", .flag = "encrypt-data",
	 .flag_short = 'e',
	 .help = "Overrides the global encrypt_data for this share, both ways. It does not "
		 "weaken reject_unencrypted_access."},
	{SHARE(remark, TEXT), .max = 256, .def = "", .flag = "remark",
	 .help = "A comment on the share, shown where shares are listed."},
	{SHARE(permissions, PERMISSIONS), .def = "everyone:read", .flag = "permissions",
	 .flag_short = 'P',
	 .help = "Who may do what on the share; the rights to each file come on top. The id "
		 "is everyone (all but the anonymous), anonymous, authenticatedusers, the "
		 "name of a user, @group or *S-1-... The access is no, read, change (write, "
		 "create, delete) or full (permissions and owner as well). no beats any "
		 "other entry that matches; of the others the highest counts. Whom no entry "
		 "matches, has no access."},
	{SHARE(security_descriptor, SDDL), .excludes = "permissions", .def_text = "none",
	 .flag = "security-descriptor",
	 .help = "The same as a security descriptor of Windows, in place of permissions: "
		 "D:(A;;FA;;;BA)(A;;0x1200a9;;;WD) lets Administrators do everything and "
		 "everyone but the anonymous read. Entries allow (A) or deny (D); rights "
		 "are FA, FR, FW, FX, others that SDDL knows, or a number. Who is allowed "
		 "nothing has no access. This is what the console Shared Folders of "
		 "Windows writes here."},
	{SHARE(security, ENUM),
	 .apply = PARAM_TREES, .words = WORDS("windows", "posix", "none"),
	 .def = "windows", .flag = "security",
	 .help = "How access to files is decided. windows: by the security descriptor "
		 "that clients gave the file or that it inherited; a file without one by "
		 "owner, mode and ACL. The server then acts with the user's identity but "
		 "overrides what the mode says, so a descriptor may give more than the "
		 "mode or less; local processes see the mode only. posix: by owner, mode "
		 "and ACL as for a local process of the user; descriptors are made from "
		 "them, and set them. none: the permissions of the share only."},
	{SHARE(map_acls, ENUM),
	 .apply = PARAM_TREES, .words = WORDS("xattr", "xattr:raw", "xattr:v3", "xattr:v4",
						"posix-acl", "posix-acl:map_full_control"),
	 .words_known = WORDS("native"),
	 .def = "xattr:raw", .flag = "map-acls",
	 .help = "Where security = windows keeps descriptors: xattr:raw (xattr means "
		 "the same), as they are in the extended attribute user.tsmb.$sd; xattr:v3 "
		 "or xattr:v4, as Samba's vfs_acl_xattr keeps them, in security.NTACL, of "
		 "which both versions are read. To set one of these takes CAP_SYS_ADMIN, "
		 "and Samba believes it with `acl_xattr:ignore system acls = yes` only. A "
		 "file system without extended attributes keeps none. posix-acl keeps none, "
		 "either: descriptors are made from owner, mode and ACL, and set them, as "
		 "with security = posix; with map_full_control, whoever may read and write "
		 "a file is shown as one who may do everything."},
	{SHARE(map_attributes, MAP_ATTRIBUTES),
	 .apply = PARAM_TREES, .def = "xattr:v5", .flag = "map-attributes",
	 .help = "Where DOS attributes and creation times are kept: xattr, in the extended "
		 "attribute user.DOSATTRIB, as Samba keeps them, written in version 3, 4 or 5 "
		 "(xattr alone: 5), all of which are read; a change time that a client sets, "
		 "in version 3 always. posix-exec keeps no times, and those attributes that it "
		 "names, in any order: archive in the execute bit of a file's owner, system in "
		 "that of its group, hidden in that of others. filename:hidden keeps none. With "
		 "these two, files without write permission for their owner are read-only, "
		 "names that begin with a dot are hidden, and what else a client sets is "
		 "ignored."},
	{SHARE(case_insensitive, BOOL),
	 .apply = PARAM_TREES, .def = "true", .flag = "case-insensitive",
	 .help = "Find files whose name differs in case, and by their short names (8.3), as "
		 "which those are shown whose own name clients cannot spell: not UTF-8, or "
		 "with characters like : and *. Without it such files are hidden."},
	{SHARE(named_streams, BOOL),
	 .apply = PARAM_TREES, .def = "true", .flag = "named-streams",
	 .help = "Let files and directories have named streams. Up to 1 KiB is kept in an extended "
		 "attribute of the file, more in the folder .tsmb/streams beneath path, which no "
		 "client sees; it must be backed up, moved and restored together with the files, "
		 "without new inodes."},
	{SHARE(access_based_enumeration, BOOL), .def = "false",
	 .flag = "access-based-enumeration",
	 .help = "Leave out of listings what the user may not read, so that everybody sees "
		 "his own files only. Who knows the name of a file is still told that he may "
		 "not open it. It costs a look at each entry."},
	{SHARE(audit_level, INT), .max = CONF_AUDIT_OPENS, .def = "0", .flag = "audit-level",
	 .help = "What of this share goes into the audit log, if audit_enable is true. 0: who "
		 "was refused. 1: and who connects to it and leaves it. 2: and what is made, "
		 "replaced, deleted, renamed or linked, and whose owner or permissions change. "
		 "3: and what is opened for writing, or may not be opened. 4: and whatever else "
		 "is opened."},
	{SHARE(administrative, BOOL), .def = "false", .flag = "administrative",
	 .help = "Mark the share as one for administration; clients do not show such shares."},
	{SHARE(force_create_mode, OCTAL),
	 .apply = PARAM_TREES, .max = 0777, .def = "0", .def_text = "none",
	 .flag = "force-create-mode",
	 .help = "Mode bits that every new file gets in addition."},
	{SHARE(force_directory_mode, OCTAL),
	 .apply = PARAM_TREES, .max = 07777, .def = "0", .def_text = "none",
	 .flag = "force-directory-mode",
	 .help = "Mode bits that every new directory gets in addition."},
	{SHARE(force_user, ACCOUNT),
	 .apply = PARAM_TREES, .def_text = "none", .flag = "force-user",
	 .help = "Unix user as whom every access to the share takes place, whoever logged on."},
	{SHARE(force_group, ACCOUNT),
	 .apply = PARAM_TREES, .def_text = "none", .flag = "force-group",
	 .help = "Unix group that every access to the share has as its primary one."},

	KNOWN(SHARE, "ca", "true|false"),
	KNOWN(SHARE, "ca_params", "[path][,durable]"),
	KNOWN(SHARE, "vfs", "libc[:force_sync][,nodirect] or module:name=...,path=..."),
	KNOWN(SHARE, "vss", "true|false"),
	KNOWN(SHARE, "vss_params", "path=...,share_root=..."),
};
/* clang-format on */

const size_t param_count = ARRAY_LEN(param_table);

static_assert(ARRAY_LEN(param_table) <= PARAM_MAX,
	      "arrays beside the table are too short");

/* Where the type alone says it. */
static const char *const type_syntax[PARAM_TYPE_COUNT] = {
	[PARAM_BOOL] = "true|false",
	[PARAM_OCTAL] = "octal mode",
	[PARAM_TEXT] = "text",
	[PARAM_PATH] = "absolute path",
	[PARAM_HOST] = "name",
	[PARAM_DOMAIN] = "name",
	[PARAM_NETNAME] = "1 to 80 characters without \\ / : * ? \" < > |",
	[PARAM_ACCOUNT] = "name",
	[PARAM_LISTEN] = "interface,address,family,port,DIRECT_TCP",
	[PARAM_ENDPOINT] = "off, address:port or [address]:port",
	[PARAM_DIALECTS] = "any of SMB2.002 SMB2.1 SMB3.0 SMB3.02 SMB3.1.1",
	[PARAM_CIPHERS] = "any of AES-256-GCM, AES-128-GCM, AES-256-CCM, AES-128-CCM",
	[PARAM_SIGNINGS] = "any of AES-GMAC, AES-CMAC, HMAC-SHA256",
	[PARAM_PERMISSIONS] = "id:access, ...",
	[PARAM_LOG_PARAMS] = "[path=...][,timestamp=true|false]",
	[PARAM_MAP_ATTRIBUTES] = "xattr[:v3|v4|v5], posix-exec:archive,system,hidden or "
				 "filename:hidden",
	[PARAM_SDDL] = "security descriptor in SDDL",
	[PARAM_AUDIT] = "path=...[,days=,uid=,gid=,cn=,sensitive_data=allow|strip|hash]",
};

const struct param *param_find(enum param_scope scope, struct span name)
{
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == scope &&
		    span_eq(name, span_of_str(param_table[i].name)))
			return &param_table[i];
	return NULL;
}

const struct param *param_excluded(const struct param *p)
{
	if (p->excludes)
		return param_find(p->scope, span_of_str(p->excludes));
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == p->scope && param_table[i].excludes &&
		    strcmp(param_table[i].excludes, p->name) == 0)
			return &param_table[i];
	return NULL;
}

/* Its own, or the parameter's name as a file has it, with _ or -. */
static bool flag_is(const struct param *p, struct span flag)
{
	if (p->flag && span_eq(flag, span_of_str(p->flag)))
		return true;
	if (flag.len != strlen(p->name))
		return false;
	for (size_t i = 0; i < flag.len; i++)
		if (flag.p[i] != p->name[i] && !(flag.p[i] == '-' && p->name[i] == '_'))
			return false;
	return true;
}

const struct param *param_find_flag(enum param_scope scope, struct span flag)
{
	for (size_t i = 0; i < param_count; i++)
		if (param_table[i].scope == scope && flag_is(&param_table[i], flag))
			return &param_table[i];
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein, one row at a time. Both at most NAME_MAX_LEN long. */
static unsigned edit_distance(struct span a, struct span b)
{
	unsigned row[NAME_MAX_LEN + 1];

	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned above = row[j];
			unsigned swap = diagonal + (a.p[i - 1] != b.p[j - 1]);

			row[j] = min3(above + 1, row[j - 1] + 1, swap);
			diagonal = above;
		}
	}
	return row[b.len];
}

const struct param *param_nearest(enum param_scope scope, struct span name)
{
	const struct param *best = NULL;
	unsigned best_distance = UINT32_MAX;

	name = span_head(name, NAME_MAX_LEN);
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];
		unsigned distance;

		if (p->scope != scope)
			continue;
		distance = edit_distance(name, span_of_str(p->name));
		if (distance >= best_distance)
			continue;
		best = p;
		best_distance = distance;
	}
	return best;
}

const char *param_nearest_flag(struct span flag)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;

	flag = span_head(flag, NAME_MAX_LEN);
	for (size_t i = 0; i < param_count; i++) {
		const char *name = param_table[i].flag;
		unsigned distance;

		if (!name)
			continue;
		distance = edit_distance(flag, span_of_str(name));
		if (distance >= best_distance)
			continue;
		best = name;
		best_distance = distance;
	}
	return best_distance <= flag.len / 2 ? best : NULL;
}

const char *param_scope_name(enum param_scope scope)
{
	return scope == PARAM_GLOBAL ? "global" : "share";
}

const char *param_syntax(const struct param *p, char *buf, size_t buf_len)
{
	char min[32], max[32];

	if (p->syntax || type_syntax[p->type]) {
		snprintf(buf, buf_len, "%s",
			 p->syntax ? p->syntax : type_syntax[p->type]);
		return buf;
	}
	switch (p->type) {
	case PARAM_ENUM:
		return value_words_text(p->words, buf, buf_len);
	case PARAM_BYTES:
		value_size_text(p->min, min, sizeof(min));
		value_size_text(p->max, max, sizeof(max));
		snprintf(buf, buf_len, "%s to %s", min, max);
		return buf;
	default:
		snprintf(buf, buf_len, "%s%ju to %ju",
			 p->type == PARAM_THREADS ? "auto or " : "", (uintmax_t)p->min,
			 (uintmax_t)p->max);
		return buf;
	}
}
