#include "conf_check.h"

/* Accepted lines of [global], and how conf_print() spells them. */
static const struct {
	const char *line;
	const char *printed;
} globals[] = {
	{"encrypt_data = true", "encrypt_data = true\n"},
	{"encrypt_data = false", "encrypt_data = false\n"},
	{"reject_unencrypted_access = true", "reject_unencrypted_access = true\n"},
	{"dialects = SMB3.1.1  \t SMB2.1", "dialects = SMB2.1 SMB3.1.1\n"},
	{"encryption_ciphers = AES-256-GCM,AES-128-CCM",
	 "encryption_ciphers = AES-256-GCM, AES-128-CCM\n"},
	{"encryption_ciphers = AES-256-CCM", "encryption_ciphers = AES-256-CCM\n"},
	{"signing_algorithms = HMAC-SHA256, AES-CMAC, AES-GMAC",
	 "signing_algorithms = HMAC-SHA256, AES-CMAC, AES-GMAC\n"},
	{"server_name = fs-01_a", "server_name = FS-01_A\n"},
	{"server_name = ABCDEFGHIJKLMNO", "server_name = ABCDEFGHIJKLMNO\n"},
	{"server_comment = The server, #1 \xE2\x82\xAC",
	 "server_comment = The server, #1 \xE2\x82\xAC\n"},
	{"server_comment =", "server_comment =\n"},
	{"domain = ad.example.org", "domain = ad.example.org\n"},
	{"domain = ABCDEFGHIJKLMNO", "domain = ABCDEFGHIJKLMNO\n"},
	{"listen = eth0,192.0.2.1,IPv4,4450,DIRECT_TCP",
	 "listen = eth0,192.0.2.1,IPv4,4450,DIRECT_TCP\n"},
	{"listen = ANY , 2001:db8:0::1 , IPv6 , 445",
	 "listen = ANY,2001:db8::1,IPv6,445,DIRECT_TCP\n"},
	{"listen = ANY,::,IPv6,445,DIRECT_TCP,RSS=4",
	 "listen = ANY,::,IPv6,445,DIRECT_TCP,RSS=4\n"},
	{"listen = ANY,::,IPv6,445,DIRECT_TCP,RSS=0",
	 "listen = ANY,::,IPv6,445,DIRECT_TCP\n"},
	{"metrics_listen = off", "metrics_listen = off\n"},
	{"metrics_listen = 127.0.0.1:9445", "metrics_listen = 127.0.0.1:9445\n"},
	{"metrics_listen = [0:0::1]:65535", "metrics_listen = [::1]:65535\n"},
	{"connections_max = 0", "connections_max = 0\n"},
	{"connections_max = 1000000", "connections_max = 1000000\n"},
	{"sessions_max = 10", "sessions_max = 10\n"},
	{"open_files_max = 1", "open_files_max = 1\n"},
	{"sess_open_files_max = 16777216", "sess_open_files_max = 16777216\n"},
	{"memory_max = 16MiB", "memory_max = 16MiB\n"},
	{"memory_max = 2G", "memory_max = 2GiB\n"},
	{"memory_max = 1536 MiB", "memory_max = 1536MiB\n"},
	{"smb2_read_max = 65536", "smb2_read_max = 64KiB\n"},
	{"smb2_write_max = 8388608", "smb2_write_max = 8MiB\n"},
	{"smb2_trans_max = 100001", "smb2_trans_max = 100001\n"},
	{"smb2_trans_max = 65K", "smb2_trans_max = 65KiB\n"},
	{"transport_rx_threads = 256", "transport_rx_threads = 256\n"},
	{"transport_tx_threads = auto", "transport_tx_threads = auto\n"},
	{"vfs_data_threads = 1", "vfs_data_threads = 1\n"},
	{"vfs_metadata_threads = 2", "vfs_metadata_threads = 2\n"},
	{"userdb_type = text", "userdb_type = text\n"},
	{"userdb_file = /etc/tsmb/users", "userdb_file = /etc/tsmb/users\n"},
	{"ntlm = true", "ntlm = true\n"},
	{"enable_ipc = false", "enable_ipc = false\n"},
	{"access_based_share_enumeration = true",
	 "access_based_share_enumeration = true\n"},
	{"runstate_dir = /run/tsmb", "runstate_dir = /run/tsmb\n"},
	{"log_destination = syslog", "log_destination = syslog\n"},
	{"log_destination = file\nlog_params = path=/var/log/t.log",
	 "log_params = path=/var/log/t.log,timestamp=true\n"},
	{"log_level = 5", "log_level = 5\n"},
	{"log_level = 0", "log_level = 0\n"},
	{"log_params = timestamp = false", "log_params = timestamp=false\n"},
	{"audit_params = path=/var/log/audit",
	 "audit_params = path=/var/log/audit,days=0,sensitive_data=allow\n"},
	{"audit_enable = true\naudit_params = sensitive_data = hash, cn=nas 1, days=30, "
	 "gid=4, uid=0, path=/a",
	 "audit_enable = true\n"
	 "audit_params = path=/a,days=30,uid=0,gid=4,cn=nas 1,sensitive_data=hash\n"},
	{"audit_params = sensitive_data=strip",
	 "audit_params = days=0,sensitive_data=strip\n"},
};

TEST(globals_are_accepted_and_printed)
{
	for (size_t i = 0; i < ARRAY_LEN(globals); i++) {
		CLEANUP(check_fini) struct check c = check_global(globals[i].line);
		char *text;

		CHECK_STR(c.report, "");
		text = check_print(c.conf);
		assert_non_null(strstr(text, globals[i].printed));
		free(text);
	}
}

/* Accepted lines of [share]. */
static const struct {
	const char *line;
	const char *printed;
} shares[] = {
	{"encrypt_data = true", "encrypt_data = true\n"},
	{"encrypt_data = false", "encrypt_data = false\n"},
	{"remark = Everybody's files", "remark = Everybody's files\n"},
	{"permissions = everyone:full", "permissions = everyone:full\n"},
	{"permissions = Everyone : no", "permissions = everyone:no\n"},
	{"permissions = alice:change,@domain users:read , *S-1-5-32-544:full",
	 "permissions = alice:change, @domain users:read, *S-1-5-32-544:full\n"},
	{"permissions = anonymous:read, authenticatedusers:change, EX\\bob:no",
	 "permissions = anonymous:read, authenticatedusers:change, EX\\bob:no\n"},
	{"security_descriptor = O:S-1-5-32-544D:(A;;0x1f01ff;;;S-1-1-0)",
	 "security_descriptor = O:BAD:(A;;FA;;;WD)\n"},
	{"security_descriptor = D:", "security_descriptor = D:\n"},
	{"security = windows", "security = windows\n"},
	{"security = posix", "security = posix\n"},
	{"security = none", "security = none\n"},
	{"map_acls = xattr", "map_acls = xattr\n"},
	{"map_acls = xattr:raw", "map_acls = xattr:raw\n"},
	{"map_attributes = xattr", "map_attributes = xattr:v5\n"},
	{"map_attributes = xattr:v3", "map_attributes = xattr:v3\n"},
	{"map_attributes = filename:hidden", "map_attributes = filename:hidden\n"},
	{"map_attributes = posix-exec:archive", "map_attributes = posix-exec:archive\n"},
	{"map_attributes = posix-exec: hidden ,archive,system",
	 "map_attributes = posix-exec:archive,system,hidden\n"},
	{"case_insensitive = false", "case_insensitive = false\n"},
	{"administrative = true", "administrative = true\n"},
	{"force_create_mode = 664", "force_create_mode = 0664\n"},
	{"force_create_mode = 0", "force_create_mode = 0000\n"},
	{"force_directory_mode = 02775", "force_directory_mode = 2775\n"},
	{"force_user = www-data", "force_user = www-data\n"},
	{"force_group = users", "force_group = users\n"},
};

TEST(share_values_are_accepted_and_printed)
{
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		CLEANUP(check_fini) struct check c = check_share(shares[i].line);
		char *text;

		CHECK_STR(c.report, "");
		text = check_print(c.conf);
		assert_non_null(strstr(text, shares[i].printed));
		free(text);
	}
}

TEST(words_and_lists_of_global_are_refused)
{
	static const struct check_row rows[] = {
		{"encrypt_data = yes",
		 "t:2:16: encrypt_data: expected true or false, found \"yes\"\n"},
		{"encrypt_data = True",
		 "t:2:16: encrypt_data: expected true or false, found \"True\"\n"},
		{"encrypt_data = 1",
		 "t:2:16: encrypt_data: expected true or false, found \"1\"\n"},
		{"encrypt_data =",
		 "t:2:15: encrypt_data: expected true or false, found nothing\n"},
		{"encrypt_data = true # on",
		 "t:2:16: encrypt_data: expected true or false, found \"true # on\"; a "
		 "comment needs a line of its own\n"},
		{"dialects = SMB3", "t:2:12: dialects: expected SMB2.002, SMB2.1, "
				    "SMB3.0, SMB3.02 or SMB3.1.1, found \"SMB3\"\n"},
		{"dialects =", "t:2:11: dialects: expected SMB2.002, SMB2.1, SMB3.0, "
			       "SMB3.02 or SMB3.1.1, found nothing\n"},
		{"dialects = SMB2.1 SMB1",
		 "t:2:19: dialects: expected SMB2.002, SMB2.1, SMB3.0, SMB3.02 or "
		 "SMB3.1.1, found \"SMB1\"\n"},
		{"dialects = SMB2.1 SMB2.1", "t:2:19: dialects: SMB2.1 is named twice\n"},
		{"encryption_ciphers = AES-128-GCM AES-256-GCM",
		 "t:2:22: encryption_ciphers: expected AES-256-GCM, AES-128-GCM, "
		 "AES-256-CCM or AES-128-CCM, found \"AES-128-GCM AES-256-GCM\"\n"},
		{"encryption_ciphers = AES-128-GCM,",
		 "t:2:34: encryption_ciphers: expected AES-256-GCM, AES-128-GCM, "
		 "AES-256-CCM or AES-128-CCM, found nothing\n"},
		{"encryption_ciphers = AES-128-GCM, AES-128-GCM",
		 "t:2:35: encryption_ciphers: AES-128-GCM is named twice\n"},
		{"signing_algorithms = MD5",
		 "t:2:22: signing_algorithms: expected AES-GMAC, AES-CMAC or "
		 "HMAC-SHA256, found \"MD5\"\n"},
		{"server_name = ABCDEFGHIJKLMNOP",
		 "t:2:15: server_name: expected 1 to 15 letters, digits, - and _, found "
		 "\"ABCDEFGHIJKLMNOP\"\n"},
		{"server_name = a.b", "t:2:15: server_name: expected 1 to 15 letters, "
				      "digits, - and _, found \"a.b\"\n"},
		{"server_comment = a\tb", "t:2:18: server_comment: expected text without "
					  "tabs, found \"a\\x09b\"\n"},
		{"domain = a..b",
		 "t:2:10: domain: expected a DNS domain, or a workgroup of 1 to 15 "
		 "letters, digits, - and _, found \"a..b\"\n"},
		{"domain = a. b",
		 "t:2:10: domain: expected a DNS domain, or a workgroup of 1 to 15 "
		 "letters, digits, - and _, found \"a. b\"\n"},
		{"domain = ABCDEFGHIJKLMNOP",
		 "t:2:10: domain: expected a DNS domain, or a workgroup of 1 to 15 "
		 "letters, digits, - and _, found \"ABCDEFGHIJKLMNOP\"\n"},
	};

	check_rows(check_global, rows, ARRAY_LEN(rows));
}

TEST(numbers_and_paths_of_global_are_refused)
{
	static const struct check_row rows[] = {
		{"connections_max = -1", "t:2:19: connections_max: expected a number "
					 "from 0 to 1000000, found \"-1\"\n"},
		{"connections_max = 1000001",
		 "t:2:19: connections_max: expected a number from 0 to 1000000, found "
		 "\"1000001\"\n"},
		{"connections_max = 18446744073709551616",
		 "t:2:19: connections_max: expected a number from 0 to 1000000, found "
		 "\"18446744073709551616\"\n"},
		{"sessions_max = 0x10", "t:2:16: sessions_max: expected a number from 0 "
					"to 1000000, found \"0x10\"\n"},
		{"open_files_max = 0", "t:2:18: open_files_max: expected a number from 1 "
				       "to 16777216, found \"0\"\n"},
		{"memory_max = 16383K",
		 "t:2:14: memory_max: expected a size from 16MiB "
		 "to 1048576GiB, in bytes, K, M or G, found \"16383K\"\n"},
		{"memory_max = 18446744073709551615G",
		 "t:2:14: memory_max: expected a size from 16MiB to 1048576GiB, in "
		 "bytes, K, M or G, found "
		 "\"18446744073709551615G\"\n"},
		{"smb2_read_max = 65535",
		 "t:2:17: smb2_read_max: expected a size from "
		 "64KiB to 8MiB, in bytes, K, M or G, found \"65535\"\n"},
		{"smb2_write_max = 9MiB",
		 "t:2:18: smb2_write_max: expected a size from "
		 "64KiB to 8MiB, in bytes, K, M or G, found \"9MiB\"\n"},
		{"smb2_trans_max = 1MB",
		 "t:2:18: smb2_trans_max: expected a size from "
		 "64KiB to 8MiB, in bytes, K, M or G, found \"1MB\"\n"},
		{"smb2_trans_max = MiB",
		 "t:2:18: smb2_trans_max: expected a size from "
		 "64KiB to 8MiB, in bytes, K, M or G, found \"MiB\"\n"},
		{"vfs_data_threads = 0", "t:2:20: vfs_data_threads: expected auto or a "
					 "number from 1 to 256, found \"0\"\n"},
		{"userdb_type = sql",
		 "t:2:15: userdb_type: expected text, found \"sql\"\n"},
		{"userdb_type = ldap", "t:2:15: userdb_type: ldap: known, but this "
				       "version does not act on it yet; allowed: text\n"},
		{"userdb_file = users",
		 "t:2:15: userdb_file: expected an absolute path, found \"users\"\n"},
		{"runstate_dir =",
		 "t:2:15: runstate_dir: expected an absolute path, found nothing\n"},
		{"log_destination = journal",
		 "t:2:19: log_destination: expected console, syslog or file, found "
		 "\"journal\"\n"},
		{"log_destination = file",
		 "t:2:19: log_destination: file needs a line log_params = path=...\n"},
		{"log_level = 6",
		 "t:2:13: log_level: expected a number from 0 to 5, found \"6\"\n"},
		{"log_params = path=x",
		 "t:2:19: log_params: expected an absolute path, found \"x\"\n"},
		{"log_params = path",
		 "t:2:18: log_params: expected an absolute path, found nothing\n"},
		{"log_params = timestamp=no",
		 "t:2:24: log_params: expected timestamp=true or timestamp=false, found "
		 "\"no\"\n"},
		{"log_params = timestamp=true,tid=true",
		 "t:2:29: log_params: expected path=... or timestamp=true|false, found "
		 "\"tid=true\"\n"},
		{"audit_enable = true",
		 "t:2:16: audit_enable: true needs a line audit_params = path=...\n"},
		{"audit_enable = true\naudit_params = days=3",
		 "t:2:16: audit_enable: true needs a line audit_params = path=...\n"},
		{"audit_params = path=a", "t:2:21: audit_params: expected an absolute "
					  "path, found \"a\"\n"},
		{"audit_params = path=/a,days=36501",
		 "t:2:29: audit_params: expected a number from 0 to 36500, found "
		 "\"36501\"\n"},
		{"audit_params = path=/a,days=-1",
		 "t:2:29: audit_params: expected a number from 0 to 36500, found "
		 "\"-1\"\n"},
		{"audit_params = path=/a,uid=4294967295",
		 "t:2:28: audit_params: expected a number from 0 to 4294967294, found "
		 "\"4294967295\"\n"},
		{"audit_params = path=/a,gid=adm",
		 "t:2:28: audit_params: expected a number from 0 to 4294967294, found "
		 "\"adm\"\n"},
		{"audit_params = path=/a,cn=",
		 "t:2:27: audit_params: expected a name, found nothing\n"},
		{"audit_params = path=/a,sensitive_data=no",
		 "t:2:39: audit_params: expected allow, strip or hash, found \"no\"\n"},
		{"audit_params = /a",
		 "t:2:16: audit_params: expected path=..., days=..., uid=..., gid=..., "
		 "cn=... or sensitive_data=allow|strip|hash, found \"/a\"\n"},
		{"log_params =", "t:2:13: log_params: expected path=... or "
				 "timestamp=true|false, found nothing\n"},
	};

	check_rows(check_global, rows, ARRAY_LEN(rows));
}

TEST(endpoints_are_refused)
{
	static const struct check_row rows[] = {
		{"metrics_listen =", "t:2:17: metrics_listen: expected off, address:port "
				     "or [address]:port, found nothing\n"},
		{"metrics_listen = 9445", "t:2:18: metrics_listen: expected off, "
					  "address:port or [address]:port, found "
					  "\"9445\"\n"},
		{"metrics_listen = localhost:9445",
		 "t:2:18: metrics_listen: expected an IPv4 address, found "
		 "\"localhost\"\n"},
		{"metrics_listen = :9445",
		 "t:2:18: metrics_listen: expected an IPv4 address, found nothing\n"},
		{"metrics_listen = ::1:9445",
		 "t:2:18: metrics_listen: expected an IPv4 address, found \"::1\"\n"},
		{"metrics_listen = [127.0.0.1]:9445",
		 "t:2:19: metrics_listen: expected an IPv6 address, found "
		 "\"127.0.0.1\"\n"},
		{"metrics_listen = []:9445",
		 "t:2:19: metrics_listen: expected an IPv6 address, found nothing\n"},
		{"metrics_listen = 127.0.0.1:0",
		 "t:2:28: metrics_listen: expected a port from 1 to 65535, found "
		 "\"0\"\n"},
		{"metrics_listen = 127.0.0.1:65536",
		 "t:2:28: metrics_listen: expected a port from 1 to 65535, found "
		 "\"65536\"\n"},
		{"metrics_listen = 127.0.0.1:",
		 "t:2:28: metrics_listen: expected a port from 1 to 65535, found "
		 "nothing\n"},
	};

	check_rows(check_global, rows, ARRAY_LEN(rows));
}

TEST(listeners_are_refused)
{
	static const struct check_row rows[] = {
		{"listen = 445",
		 "t:2:10: listen: expected "
		 "interface,address,family,port,DIRECT_TCP, found \"445\"\n"},
		{"listen = ,0.0.0.0,IPv4,445", "t:2:10: listen: expected ANY or the name "
					       "of an interface, found nothing\n"},
		{"listen = a/b,0.0.0.0,IPv4,445",
		 "t:2:10: listen: expected ANY or the name of an interface, found "
		 "\"a/b\"\n"},
		{"listen = 0123456789abcdef,0.0.0.0,IPv4,445",
		 "t:2:10: listen: expected ANY or the name of an interface, found "
		 "\"0123456789abcdef\"\n"},
		{"listen = ANY,0.0.0,IPv4,445",
		 "t:2:14: listen: expected an IPv4 address, found \"0.0.0\"\n"},
		{"listen = ANY,,IPv4,445",
		 "t:2:14: listen: expected an IPv4 address, found nothing\n"},
		{"listen = ANY,::,IPv4,445",
		 "t:2:14: listen: expected an IPv4 address, found \"::\"\n"},
		{"listen = ANY,0.0.0.0,IPv6,445",
		 "t:2:14: listen: expected an IPv6 address, found \"0.0.0.0\"\n"},
		{"listen = ANY,0.0.0.0,ipv4,445",
		 "t:2:22: listen: expected IPv4 or IPv6, found \"ipv4\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,0",
		 "t:2:27: listen: expected a port from 1 to 65535, found \"0\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,65536",
		 "t:2:27: listen: expected a port from 1 to 65535, found \"65536\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,445,QUIC",
		 "t:2:31: listen: expected DIRECT_TCP, found \"QUIC\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,139,NBSS",
		 "t:2:31: listen: NBSS: known, but this version does not act on it yet; "
		 "allowed: DIRECT_TCP\n"},
		{"listen = ANY,0.0.0.0,IPv4,445,DIRECT_TCP,RSS=many",
		 "t:2:42: listen: expected RSS= and a number of queues up to 1024, found "
		 "\"RSS=many\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,445,DIRECT_TCP,RDMA",
		 "t:2:42: listen: expected RSS= and a number of queues up to 1024, found "
		 "\"RDMA\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,445,DIRECT_TCP,RSS=2,RSS=2",
		 "t:2:48: listen: expected nothing behind RSS=, found \"RSS=2\"\n"},
		{"listen = ANY,0.0.0.0,IPv4,445\nlisten = "
		 "ANY,0.0.0.0,IPv4,445,DIRECT_TCP",
		 "t:3:10: listen: this listener is there already\n"},
	};

	check_rows(check_global, rows, ARRAY_LEN(rows));
}

/* Which line serves an address; 0: none. */
TEST(listener_for_an_address)
{
	static const struct {
		const char *interface;
		int family;
		uint8_t address[16];
		bool loopback;
		int line;
	} rows[] = {
		{"eth0", AF_INET, {192, 0, 2, 1}, false, 1},
		{"eth0", AF_INET, {192, 0, 2, 2}, false, 0},
		{"eth1", AF_INET, {192, 0, 2, 1}, false, 1},
		{"eth1", AF_INET6, {0x20, 1}, false, 2},
		{"eth0", AF_INET6, {0x20, 1}, false, 0},
		{"lo", AF_INET6, {[15] = 1}, true, 0},
		{"lo", AF_INET, {127, 0, 0, 1}, true, 3},
		{"lo", AF_INET, {127, 0, 0, 2}, true, 0},
	};
	CLEANUP(check_fini)
	struct check c = check_global("listen = ANY,192.0.2.1,IPv4,445\n"
				      "listen = eth1,::,IPv6,445\n"
				      "listen = ANY,127.0.0.1,IPv4,445");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf_listen *l =
			conf_listen_for(c.conf, rows[i].interface, rows[i].family,
					rows[i].address, rows[i].loopback);

		CHECK_EQ(l ? l - c.conf->listen.list + 1 : 0, rows[i].line);
	}
}

/* To clients elsewhere loopback means themselves. */
TEST(listener_of_any_address_does_not_serve_loopback)
{
	static const uint8_t loopback[16] = {127, 0, 0, 1};
	CLEANUP(check_fini) struct check any = check_global("");
	CLEANUP(check_fini)
	struct check lo = check_global("listen = lo,0.0.0.0,IPv4,445");

	CHECK(!conf_listen_for(any.conf, "lo", AF_INET, loopback, true));
	CHECK(conf_listen_for(any.conf, "eth0", AF_INET, loopback, false) != NULL);
	CHECK(conf_listen_for(lo.conf, "lo", AF_INET, loopback, true) != NULL);
}

TEST(share_values_are_refused)
{
	static const struct check_row rows[] = {
		{"encrypt_data = on",
		 "t:6:16: encrypt_data: expected true or false, found \"on\"\n"},
		{"security_descriptor = D:NO_ACCESS_CONTROL",
		 "t:6:23: security_descriptor: expected a list of entries, D:(...), "
		 "found \"D:NO_ACCESS_CONTROL\"\n"},
		{"security_descriptor = O:BA",
		 "t:6:23: security_descriptor: expected a list of entries, D:(...), "
		 "found \"O:BA\"\n"},
		{"security_descriptor =", "t:6:22: security_descriptor: expected a list "
					  "of entries, D:(...), found nothing\n"},
		{"security_descriptor = D:(A;;FA;;;DA)",
		 "t:6:34: security_descriptor: expected an abbreviation such as WD or "
		 "BA, or S-1-..., found \"DA)\"\n"},
		{"security_descriptor = D:(A;;FA;;;WD)\npermissions = everyone:full",
		 "t:6:23: security_descriptor: excludes permissions, which is on line "
		 "7\n"},
		{"permissions =",
		 "t:6:14: permissions: expected id:access, ..., found nothing\n"},
		{"permissions = everyone",
		 "t:6:15: permissions: expected id:access, ..., found \"everyone\"\n"},
		{"permissions = everyone:write",
		 "t:6:24: permissions: expected no, read, change or full, found "
		 "\"write\"\n"},
		{"permissions = everyone:", "t:6:24: permissions: expected no, read, "
					    "change or full, found nothing\n"},
		{"permissions = everyone:read,",
		 "t:6:29: permissions: expected id:access, ..., found nothing\n"},
		{"permissions = a:b:read",
		 "t:6:15: permissions: expected id:access, ..., found \"a:b:read\"\n"},
		{"permissions = :read",
		 "t:6:15: permissions: expected the name of an account, found nothing\n"},
		{"permissions = @:read",
		 "t:6:16: permissions: expected the name of an account, found nothing\n"},
		{"permissions = a/b:read",
		 "t:6:15: permissions: expected the name of an account, found \"a/b\"\n"},
		{"permissions = *S-1-x:read",
		 "t:6:15: permissions: expected a security identifier such as "
		 "*S-1-5-32-545, found \"*S-1-x\"\n"},
		{"permissions = alice:read, ALICE:full",
		 "t:6:27: permissions: named twice\n"},
		{"permissions = everyone:read, EVERYONE:full",
		 "t:6:30: permissions: named twice\n"},
		{"permissions = *S-1-1-0:read, *S-1-1-0:full",
		 "t:6:30: permissions: named twice\n"},
		{"map_attributes = mode",
		 "t:6:18: map_attributes: expected xattr, xattr:v3, xattr:v4, xattr:v5, "
		 "filename:hidden, or posix-exec: and any of archive, system, hidden, "
		 "found "
		 "\"mode\"\n"},
		{"map_attributes = posix-exec:",
		 "t:6:29: map_attributes: expected archive, system or hidden, found "
		 "nothing\n"},
		{"map_attributes = posix-exec:archive,readonly",
		 "t:6:37: map_attributes: expected archive, system or hidden, found "
		 "\"readonly\"\n"},
		{"map_attributes = posix-exec:system,system",
		 "t:6:36: map_attributes: named twice\n"},
		{"security = nt",
		 "t:6:12: security: expected windows, posix or none, found "
		 "\"nt\"\n"},
		{"map_acls = native",
		 "t:6:12: map_acls: native: known, but this version does not act on it "
		 "yet; allowed: xattr, xattr:raw, xattr:v3, xattr:v4, posix-acl or "
		 "posix-acl:map_full_control\n"},
		{"map_acls = raw", "t:6:12: map_acls: expected xattr, xattr:raw, "
				   "xattr:v3, xattr:v4, posix-acl or "
				   "posix-acl:map_full_control, found \"raw\"\n"},
		{"force_create_mode = 0888", "t:6:21: force_create_mode: expected an "
					     "octal mode up to 777, found \"0888\"\n"},
		{"force_create_mode = 1777", "t:6:21: force_create_mode: expected an "
					     "octal mode up to 777, found \"1777\"\n"},
		{"force_create_mode =", "t:6:20: force_create_mode: expected an octal "
					"mode up to 777, found nothing\n"},
		{"force_directory_mode = 10000",
		 "t:6:24: force_directory_mode: expected an octal mode up to 7777, found "
		 "\"10000\"\n"},
		{"force_user =",
		 "t:6:13: force_user: expected the name of an account, found nothing\n"},
		{"force_group = a:b",
		 "t:6:15: force_group: expected the name of an account, found \"a:b\"\n"},
	};

	check_rows(check_share, rows, ARRAY_LEN(rows));
}

static struct check check_netname(const char *name)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "[global]\nrequire_message_signing = true\n[/global]\n"
		 "[share]\nnetname = %s\npath = /srv\n[/share]\n",
		 name);
	return check_text(text);
}

TEST(netnames_are_judged)
{
	/* clang-format off */
	static const struct check_row rows[] = {
		{"a", ""},
		{"Year 2024 $", ""},
		{"\xC3\x84pfel", ""},
		{"IPC", ""},
		{"", "t:5:10: netname: expected 1 to 80 characters, found 0\n"},
		{"IPC$", "t:5:11: netname: IPC$ is the server's own; see enable_ipc\n"},
		{"ipc$", "t:5:11: netname: IPC$ is the server's own; see enable_ipc\n"},
		{"a/b", "t:5:12: netname: expected a name without \\ / : * ? \" < > |, found \"a/b\"\n"},
		{"\xC3\xA4\\b",
		 "t:5:12: netname: expected a name without \\ / : * ? \" < > |, found \"\xC3\xA4\\x5Cb\"\n"},
	};
	/* clang-format on */

	check_rows(check_netname, rows, ARRAY_LEN(rows));
}

TEST(netname_is_counted_in_characters)
{
	char name[2 * 81 + 1] = "";

	for (size_t i = 0; i < 80; i++)
		memcpy(name + 2 * i, "\xC3\xA4", 2);
	{
		CLEANUP(check_fini) struct check c = check_netname(name);

		CHECK_STR(c.report, "");
	}
	memcpy(name + 160, "\xC3\xA4", 2);
	{
		CLEANUP(check_fini) struct check c = check_netname(name);

		CHECK_STR(c.report,
			  "t:5:11: netname: expected 1 to 80 characters, found 81\n");
	}
}

TEST(values_reach_their_fields)
{
	CLEANUP(check_fini)
	struct check c = check_global("listen = lo,127.0.0.1,IPv4,4450,DIRECT_TCP\n"
				      "dialects = SMB3.0 SMB3.1.1\nencryption_ciphers = "
				      "AES-256-GCM, AES-128-GCM\n"
				      "signing_algorithms = AES-CMAC\nmemory_max = "
				      "1GiB\nlog_destination = syslog");

	CHECK_EQ(c.conf->listen.count, 1);
	CHECK_STR(c.conf->listen.list[0].interface, "lo");
	CHECK_EQ(c.conf->listen.list[0].family, AF_INET);
	CHECK_MEM(c.conf->listen.list[0].address, "\x7F\0\0\1", 4);
	CHECK_EQ(c.conf->listen.list[0].port, 4450);
	CHECK_EQ(c.conf->dialects, CONF_DIALECT_300 | CONF_DIALECT_311);
	CHECK_EQ(c.conf->encryption_ciphers.count, 2);
	CHECK_EQ(c.conf->encryption_ciphers.list[0], SEAL_AES_256_GCM);
	CHECK_EQ(c.conf->signing_algorithms.list[0], SIGN_AES_CMAC);
	CHECK_EQ(c.conf->memory_max, 1ULL << 30);
	CHECK_EQ(c.conf->log_destination, CONF_LOG_SYSLOG);
}

TEST(permissions_reach_their_fields)
{
	CLEANUP(check_fini)
	struct check c =
		check_share("permissions = @staff:change, *S-1-5-32-545:no, bob:full");
	const struct conf_permissions *ps = &c.conf->shares[0].permissions;

	CHECK_EQ(ps->count, 3);
	CHECK_EQ(ps->list[0].kind, CONF_PERM_GROUP);
	CHECK_STR(ps->list[0].name, "staff");
	CHECK_EQ(ps->list[0].access, CONF_ACCESS_CHANGE);
	CHECK_EQ(ps->list[1].kind, CONF_PERM_SID);
	CHECK(sid_eq(&ps->list[1].sid, &sid_users));
	CHECK_EQ(ps->list[1].access, CONF_ACCESS_NO);
	CHECK_EQ(ps->list[2].kind, CONF_PERM_USER);
	CHECK_STR(ps->list[2].name, "bob");
	CHECK_EQ(ps->list[2].access, CONF_ACCESS_FULL);
}

TEST_MAIN()
