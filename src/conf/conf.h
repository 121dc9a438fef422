/*
 * conf.h - the configuration: an immutable snapshot of tsmb.conf.
 *
 * Each field bears the name of its parameter (conf/param.h describes them all) and holds the value in force,
 * default included. A reload makes another snapshot; a request keeps the one it began with.
 *
 * Owns     everything it points to, until the last conf_put().
 * Threads  immutable after conf_parse(); the count is atomic.
 * Errors   0, -EINVAL with every fault of the file in struct conf_errors, or -ENOMEM.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "conf/errors.h"
#include "conf/param.h"
#include "conf/privileges.h"
#include "secure/seal.h"
#include "secure/sign.h"
#include "wire/sd.h"

#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

/* One listener. */
struct conf_listen {
	char interface[IF_NAMESIZE]; /* "" for ANY				*/
	sa_family_t family;          /* AF_INET or AF_INET6			*/
	uint8_t address[16];         /* network order; the first 4 for AF_INET	*/
	uint16_t port;               /* host order, never 0			*/
	uint16_t rss; /* queues that clients may spread connections over; 0: unknown	*/
};

enum { CONF_LISTEN_MAX = 64 };

struct conf_listens {
	size_t count; /* at least 1 */
	struct conf_listen list[CONF_LISTEN_MAX];
};

/* Where something is listened on; all zero: nowhere. */
struct conf_endpoint {
	sa_family_t family;  /* AF_INET or AF_INET6			*/
	uint8_t address[16]; /* network order; the first 4 for AF_INET	*/
	uint16_t port;       /* host order; 0: off			*/
};

enum { CONF_ENDPOINT_TEXT_MAX = 64 };

/* "127.0.0.1:9445", "[::1]:9445", "off". Returns buf. */
const char *conf_endpoint_text(const struct conf_endpoint *e,
			       char buf[CONF_ENDPOINT_TEXT_MAX]);
/* Of one that is not off. */
bool conf_endpoint_is_loopback(const struct conf_endpoint *e);

/* A set of dialects. */
enum conf_dialect {
	CONF_DIALECT_202 = 1 << 0,
	CONF_DIALECT_210 = 1 << 1,
	CONF_DIALECT_300 = 1 << 2,
	CONF_DIALECT_302 = 1 << 3,
	CONF_DIALECT_311 = 1 << 4,
};

/* Best first; what is not named is never used. */
struct conf_ciphers {
	size_t count; /* at least 1 */
	enum seal_cipher list[4];
};
struct conf_signings {
	size_t count; /* at least 1 */
	enum sign_alg list[3];
};

enum conf_userdb { CONF_USERDB_TEXT };
enum conf_log { CONF_LOG_CONSOLE, CONF_LOG_SYSLOG, CONF_LOG_FILE };

struct conf_log_params {
	const char *path; /* set if log_destination is file; may be NULL otherwise */
	bool timestamp;
};

/* What an audit log says of user names, addresses of clients, names of files and values of parameters. */
enum conf_sensitive {
	CONF_SENSITIVE_ALLOW,
	CONF_SENSITIVE_STRIP, /* nothing */
	CONF_SENSITIVE_HASH, /* by keyed hashes: equal ones can be told, and nothing else */
};

#define CONF_ID_NONE UINT32_MAX /* no uid, no gid */

struct conf_audit_params {
	const char *path; /* set if audit_enable is; may be NULL otherwise	*/
	uint32_t days;    /* day files kept, today's included; 0: all	*/
	uint32_t uid;     /* of the files; CONF_ID_NONE: the server's	*/
	uint32_t gid;
	const char *cn; /* name of this server in each event, or NULL	*/
	enum conf_sensitive sensitive_data;
};

/* How much of what happens on a share goes into the audit log. Each includes the ones before it. */
enum conf_audit_level {
	CONF_AUDIT_NONE,  /* what concerns no share, and refusals	*/
	CONF_AUDIT_TREES, /* who connects to it and leaves it		*/
	CONF_AUDIT_CHANGES, /* what is made, emptied, deleted, renamed; owners and permissions */
	CONF_AUDIT_WRITERS, /* what is opened to be written, or may not be opened	*/
	CONF_AUDIT_OPENS,   /* whatever is opened				*/
};

/* What a client may do on a share, before any file is looked at. Each includes the ones before it. */
enum conf_access {
	CONF_ACCESS_NO,
	CONF_ACCESS_READ,
	CONF_ACCESS_CHANGE, /* and write, create, delete			*/
	CONF_ACCESS_FULL,   /* and change permissions and owner		*/
};

enum conf_perm_kind {
	CONF_PERM_EVERYONE, /* all but the anonymous			*/
	CONF_PERM_ANONYMOUS,
	CONF_PERM_AUTHENTICATED, /* named accounts: neither guest nor anonymous */
	CONF_PERM_USER,
	CONF_PERM_GROUP,
	CONF_PERM_SID,
};

struct conf_perm {
	enum conf_perm_kind kind;
	const char *name; /* USER, GROUP: without the '@'; else NULL	*/
	struct sid sid;   /* SID					*/
	enum conf_access access;
};

/* `no` beats everything; otherwise the highest entry that matches counts; without a match, no access. An entry whose
 * account does not exist matches nobody, unless it says `no`: then it is unknown whom it shuts out, so everybody. */
struct conf_permissions {
	size_t count; /* 0: there is a security_descriptor */
	struct conf_perm *list;
};

/* A DACL is there, and not a NULL one. */
struct conf_sddl {
	const char *text; /* as sddl_print() spells it; NULL: not set */
	struct sd sd;
};

/* In the order of the words in param.c. */
enum conf_security { CONF_SECURITY_WINDOWS, CONF_SECURITY_POSIX, CONF_SECURITY_NONE };

/* The only place so far: user.tsmb.$sd, as it is. */
/* Where DOS attributes are. */
enum { CONF_EXEC_ARCHIVE = 1, CONF_EXEC_SYSTEM = 2, CONF_EXEC_HIDDEN = 4 };

struct conf_map_attributes {
	enum {
		CONF_MAP_ATTRIBUTES_XATTR,
		CONF_MAP_ATTRIBUTES_EXEC,
		CONF_MAP_ATTRIBUTES_NAME,
	} form;
	uint8_t version; /* XATTR: which is written */
	uint8_t exec;    /* EXEC: what execute bits stand for, CONF_EXEC_* */
};

enum conf_map_acls {
	CONF_MAP_ACLS_XATTR,
	CONF_MAP_ACLS_XATTR_RAW,
	CONF_MAP_ACLS_XATTR_V3,
	CONF_MAP_ACLS_XATTR_V4,
	CONF_MAP_ACLS_POSIX,
	CONF_MAP_ACLS_POSIX_FULL,
};

struct conf_share {
	const char *netname; /* as written					*/
	const char *path;    /* absolute					*/
	bool encrypt_data;   /* own value, else the global one		*/
	const char *remark;
	struct conf_permissions permissions;
	struct conf_sddl security_descriptor;
	enum conf_security security;
	enum conf_map_acls map_acls;
	struct conf_map_attributes map_attributes;
	bool case_insensitive;
	bool named_streams;
	bool access_based_enumeration;
	bool administrative;
	uint32_t audit_level;       /* enum conf_audit_level */
	uint32_t force_create_mode; /* bits added to the mode of new files; 0: none */
	uint32_t force_directory_mode;
	const char *
		force_user; /* NULL: the user's own account; unknown to the system: no access */
	const char *force_group; /* NULL: the user's own groups; likewise	*/

	unsigned line;        /* of its [share] in the file, for messages	*/
	struct map_node node; /* in conf.share_map				*/
};

struct conf {
	atomic_uint refs;
	struct arena arena;

	bool require_message_signing;
	bool encrypt_data;
	bool reject_unencrypted_access;
	const char *server_name; /* upper case */
	const char *server_comment;
	const char *domain;
	struct conf_listens listen;
	uint32_t dialects; /* enum conf_dialect; ask conf_dialect_offered() */
	struct conf_ciphers encryption_ciphers;
	struct conf_signings signing_algorithms;
	enum conf_userdb userdb_type;
	const char *userdb_file;
	bool enable_oplock;
	bool server_side_copy;
	bool allow_guest;
	bool null_session_access;
	bool ntlm;
	uint32_t auth_delay_ms; /* 0: none */
	bool security_audit;
	const char *runstate_dir;
	uint32_t connections_max; /* 0: no limit */
	uint32_t sessions_max;    /* 0: no limit */
	uint32_t open_files_max;
	uint32_t sess_open_files_max;
	uint32_t durable_v1_timeout,
		durable_v2_timeout; /* seconds; 0: none are granted */
	uint64_t memory_max;        /* bytes */
	uint64_t smb2_read_max;
	uint64_t smb2_write_max;
	uint64_t smb2_trans_max;
	uint32_t
		transport_rx_threads; /* these four: 0 is auto; ask conf_workers(), conf_pool_threads() */
	uint32_t transport_tx_threads;
	uint32_t vfs_data_threads;
	uint32_t vfs_metadata_threads;
	bool enable_ipc;
	bool access_based_share_enumeration;
	enum conf_log log_destination;
	uint32_t log_level; /* enum log_level */
	struct conf_log_params log_params;
	bool audit_enable;
	struct conf_audit_params audit_params;
	struct conf_endpoint metrics_listen;
	const char *privilegedb;
	struct conf_privileges privileges; /* what conf_load() read there */

	struct conf_share *shares; /* in the order of the file */
	size_t share_count;
	struct map share_map;       /* by folded netname		*/
	bool any_share_unencrypted; /* some share's effective encrypt_data is false */
};

/* What defaults depend on besides the file. */
struct conf_machine {
	char host_name[256];
	uint64_t
		memory; /* bytes this process may use: RAM, or the limit of its control group */
	unsigned cpu_count;
};

void conf_machine_read(struct conf_machine *ret_machine);

/* Read and check a file; `path` heads every message. Faults of reading are in errs, too. Besides the file
 * itself it looks whether the shares' directories and accounts exist: warnings only, as they may appear later. */
MUST_CHECK int conf_load(const char *path, struct conf **ret_conf,
			 struct conf_errors *errs);

/* The same for what `path` may soon hold. */
MUST_CHECK int conf_load_text(struct span text, const char *path, struct conf **ret_conf,
			      struct conf_errors *errs);

/* The same for text in memory; pure. `file` heads every message. */
MUST_CHECK int conf_parse(struct span text, const char *file,
			  const struct conf_machine *machine, struct conf **ret_conf,
			  struct conf_errors *errs);

struct conf *conf_get(struct conf *c);
void conf_put(struct conf *c); /* NULL is fine */
static inline void conf_putp(struct conf **c)
{
	conf_put(*c);
}

/* "AES-128-GCM", "AES-CMAC": as in the file; "" for none. Static. */
const char *conf_cipher_name(enum seal_cipher cipher);
const char *conf_signing_name(enum sign_alg alg);

/* By name as a client wrote it, case-insensitively; NULL if there is none. Borrowed from c. */
const struct conf_share *conf_share_find(const struct conf *c, const char *netname);

/*
 * May this dialect (0x0202 .. 0x0311) be negotiated? It must be named in `dialects`; and where the dialect has
 * but one signing algorithm (HMAC-SHA256 for 2.x, AES-CMAC for 3.0 and 3.0.2) that must be named in
 * `signing_algorithms`, as what is not named there is never used. [MS-SMB2] 3.1.4.1
 */
bool conf_dialect_offered(const struct conf *c, uint16_t dialect);
bool conf_cipher_allowed(const struct conf *c, enum seal_cipher cipher);
bool conf_signing_allowed(const struct conf *c, enum sign_alg alg);

/* Event loops: the larger of transport_rx_threads and transport_tx_threads, auto being one a CPU. */
unsigned conf_workers(const struct conf *c, unsigned cpu_count);
/* Threads that may sleep: vfs_data_threads + vfs_metadata_threads, auto being one a CPU each and at least 2. */
unsigned conf_pool_threads(const struct conf *c, unsigned cpu_count);

/* The whole snapshot in the syntax of the file, every value spelled out. conf_parse() of it gives an equal one. */
void conf_print(const struct conf *c, FILE *out);

/* One difference between two snapshots. */
struct conf_change {
	const char *share;         /* netname, or NULL for [global]		*/
	const struct param *param; /* NULL: the whole share came or went		*/
	const char *from;          /* as conf_print() spells it; NULL: share came	*/
	const char *to;            /* NULL: share went				*/
};

struct conf_changes {
	struct arena arena;
	struct conf_change *list;
	size_t count;
	size_t restart_count; /* of these, how many wait for a restart */
};

/* What a reload from `from` to `to` changes, in the order of the table, then of the shares. 0 or -ENOMEM. */
MUST_CHECK int conf_diff(const struct conf *from, const struct conf *to,
			 struct conf_changes *ret_changes);
void conf_changes_fini(struct conf_changes *cs);
/*
 * The listener that serves an address of an interface, or NULL. Loopback is served by those that name it, as to clients
 * elsewhere it means themselves.
 */
const struct conf_listen *conf_listen_for(const struct conf *c, const char *interface,
					  int family, const uint8_t *address,
					  bool loopback);

/* From when on it counts: the parameter's, but DYNAMIC or, of a loosening, CONNECTIONS or TREES in place of TIGHTENS. */
enum param_apply conf_change_applies(const struct conf_change *c);
/* "encrypt_data: false -> true", "runstate_dir: ... (needs a restart)", "share Public: added". Without newline. */
void conf_change_print(const struct conf_change *c, FILE *out);
