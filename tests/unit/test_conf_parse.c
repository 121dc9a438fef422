#include "conf/param.h"
#include "conf_check.h"

/* Every kind of line and value, in one file. */
static const char sample[] =
	"# The file server of the office\n"
	"[global]\r\n"
	"\trequire_message_signing = true\n"
	"encrypt_data = true\n"
	"server_name = office\n"
	"server_comment = R\xC3\xA4ume & mehr\n"
	"listen = ANY,0.0.0.0,IPv4,445,DIRECT_TCP\n"
	"listen = lo,::1,IPv6,4450,DIRECT_TCP\n"
	"dialects = SMB3.0 SMB3.02 SMB3.1.1\n"
	"encryption_ciphers = AES-256-GCM, AES-128-CCM\n"
	"signing_algorithms = AES-GMAC, AES-CMAC\n"
	"memory_max = 512MiB\n"
	"transport_rx_threads = 3\n"
	"log_destination = file\n"
	"log_params = path=/var/log/tsmb.log, timestamp=false\n"
	"[/global]\n"
	"\n"
	"  ## two shares\n"
	"[share]\n"
	"netname = Public\n"
	"path = /srv/public\n"
	"encrypt_data = false\n"
	"permissions = everyone:read, @staff:change, *S-1-5-32-544:full\n"
	"[/share]\n"
	"[share]\n"
	"path = /srv/b\xC3\xBC"
	"cher\n"
	"netname = B\xC3\xBC"
	"cher\n"
	"force_user = librarian\n"
	"force_create_mode = 0640\n"
	"case_insensitive = false\n"
	"[/share]";

TEST(sample_is_accepted_without_a_word)
{
	CLEANUP(check_fini) struct check c = check_text(sample);

	CHECK_STR(c.report, "");
	CHECK_EQ(c.err, 0);
	CHECK_EQ(c.conf->share_count, 2);
	CHECK_EQ(c.conf->listen.count, 2);
	CHECK_STR(c.conf->server_name, "OFFICE");
	CHECK_STR(c.conf->shares[0].netname, "Public");
	CHECK_EQ(c.conf->shares[0].line, 19);
	CHECK_STR(c.conf->shares[1].force_user, "librarian");
	CHECK_EQ(c.conf->shares[1].force_create_mode, 0640);
}

TEST(every_truncation_of_the_sample_is_survived)
{
	for (size_t len = 0; len < strlen(sample); len++) {
		char *copy =
			malloc(len + 1); /* so that ASan sees a step beyond the end */

		memcpy(copy, sample, len);
		{
			CLEANUP(check_fini)
			struct check c = check_span(span_of(copy, len));

			CHECK_EQ(c.err == 0, c.conf != NULL);
		}
		free(copy);
	}
}

TEST(what_is_printed_is_read_back_equal)
{
	CLEANUP(check_fini) struct check c = check_text(sample);
	char *once = check_print(c.conf);
	CLEANUP(check_fini) struct check again = check_text(once);
	char *twice = check_print(again.conf);
	struct conf_changes changes;

	CHECK_STR(twice, once);
	CHECK_EQ(conf_diff(c.conf, again.conf, &changes), 0);
	CHECK_EQ(changes.count, 0);
	conf_changes_fini(&changes);
	free(once);
	free(twice);
}

TEST(empty_global_has_the_documented_defaults)
{
	static const char defaults[] =
		"[global]\n"
		"require_message_signing = false\n"
		"encrypt_data = false\n"
		"reject_unencrypted_access = false\n"
		"dialects = SMB2.002 SMB2.1 SMB3.0 SMB3.02 SMB3.1.1\n"
		"encryption_ciphers = AES-128-GCM, AES-256-GCM, AES-256-CCM, "
		"AES-128-CCM\n"
		"signing_algorithms = AES-GMAC, AES-CMAC, HMAC-SHA256\n"
		"security_audit = false\n"
		"server_name = FILES\n"
		"server_comment =\n"
		"domain = WORKGROUP\n"
		"listen = ANY,0.0.0.0,IPv4,445,DIRECT_TCP\n"
		"listen = ANY,::,IPv6,445,DIRECT_TCP\n"
		"connections_max = 1024\n"
		"sessions_max = 0\n"
		"open_files_max = 1048576\n"
		"sess_open_files_max = 1048576\n"
		"memory_max = 2GiB\n"
		"smb2_read_max = 8MiB\n"
		"smb2_write_max = 8MiB\n"
		"smb2_trans_max = 8MiB\n"
		"transport_rx_threads = auto\n"
		"transport_tx_threads = auto\n"
		"vfs_data_threads = auto\n"
		"vfs_metadata_threads = auto\n"
		"userdb_type = text\n"
		"userdb_file = /var/lib/tsmb/users_db.txt\n"
		"allow_guest = false\n"
		"null_session_access = false\n"
		"ntlm = true\n"
		"auth_delay_ms = 2000\n"
		"privilegedb = /var/lib/tsmb/privileges\n"
		"enable_ipc = true\n"
		"access_based_share_enumeration = false\n"
		"runstate_dir = /var/lib/tsmb\n"
		"log_destination = console\n"
		"log_level = 3\n"
		"log_params = timestamp=true\n"
		"audit_enable = false\n"
		"audit_params = days=0,sensitive_data=allow\n"
		"metrics_listen = off\n"
		"enable_oplock = true\n"
		"server_side_copy = true\n"
		"durable_v1_timeout = 960\n"
		"durable_v2_timeout = 180\n"
		"[/global]\n"
		"[share]\n"
		"netname = a\n"
		"path = /a\n"
		"encrypt_data = false\n"
		"remark =\n"
		"permissions = everyone:read\n"
		"security = windows\n"
		"map_acls = xattr:raw\n"
		"map_attributes = xattr:v5\n"
		"case_insensitive = true\n"
		"named_streams = true\n"
		"access_based_enumeration = false\n"
		"audit_level = 0\n"
		"administrative = false\n"
		"force_create_mode = 0000\n"
		"force_directory_mode = 0000\n"
		"[/share]\n";
	CLEANUP(check_fini)
	struct check c = check_text(
		"[global]\n[/global]\n[share]\nnetname=a\npath=/a\n[/share]\n");
	char *text = check_print(c.conf);

	CHECK_STR(text, defaults);
	free(text);
}

TEST(all_faults_are_told_in_the_order_of_the_file)
{
	CLEANUP(check_fini)
	struct check c = check_text("[global]\n"
				    "encrypt_data = yes\n"
				    "log_destination = file\n"
				    "log_level = 9\n"
				    "loglevel = 3\n"
				    "[/global]\n"
				    "[share]\n"
				    "netname = a\n"
				    "[/share]\n"
				    "[share]\n"
				    "path = b\n"
				    "netname = A\n");

	CHECK_EQ(c.err, -EINVAL);
	CHECK_STR(
		c.report,
		"t:2:16: encrypt_data: expected true or false, found \"yes\"\n"
		"t:3:19: log_destination: file needs a line log_params = path=...\n"
		"t:4:13: log_level: expected a number from 0 to 5, found \"9\"\n"
		"t:5:1: loglevel: unknown parameter of [global]; the nearest known name "
		"is log_level\n"
		"t:7:1: path: expected once in [share], found none\n"
		"t:10:1: section: expected [/share] before the end of the file, found "
		"none\n"
		"t:11:8: path: expected an absolute path, found \"b\"\n"
		"t:12:11: netname: \"A\" is the name of the share on line 7 already\n");
}

#define G  "[global]\n"
#define GG "[global]\nrequire_message_signing = true\n[/global]\n"
#define S  "[share]\nnetname = a\npath = /a\n"

static struct check check_whole(const char *text)
{
	return check_text(text);
}

TEST(sections_are_judged)
{
	static const struct check_row rows[] = {
		{GG, ""},
		{GG S "[/share]\n", ""},
		{"", "t:1:1: section: expected [global], found none\n"},
		{"# nothing\n", "t:1:1: section: expected [global], found none\n"},
		{S "[/share]\n",
		 "t:1:1: section: expected [global] first, found [share]\n"},
		{"a = b\n" GG,
		 "t:1:1: a: expected inside [global] or [share], found outside\n"},
		{GG "\n  path = /\n",
		 "t:5:3: path: expected inside [global] or [share], found outside\n"},
		{GG GG, "t:4:1: section: expected [global] once, found it again; the "
			"first is on line 1\n"
			"t:5:1: require_message_signing: expected once, found again; the "
			"first is on line 2\n"},
		{GG "[Share]\nfoo = bar\n[/Share]\n",
		 "t:4:1: section: expected [global] or [share], found [Share]\n"},
		{G, "t:1:1: section: expected [/global] before the end of the file, "
		    "found none\n"},
		{GG S, "t:4:1: section: expected [/share] before the end of the file, "
		       "found none\n"},
		{G "[/share]\n[/global]\n",
		 "t:2:1: section: expected [/global], as [global] is open since line 1; "
		 "found [/share]\n"},
		{G S "[/share]\n", "t:2:1: section: expected [/global], as [global] is "
				   "open since line 1; found [share]\n"},
		{GG "[/global]\n",
		 "t:4:1: section: expected [global] or [share], found [/global]\n"},
		{GG "[share\n",
		 "t:4:1: line: expected [name] or [/name] and nothing after it\n"},
		{GG "[/share\n]\n",
		 "t:4:1: line: expected [name] or [/name] and nothing after it\n"
		 "t:5:1: line: expected name = value, [section] or # comment\n"},
		{GG "[share]\n[/share]\n",
		 "t:4:1: netname: expected once in [share], found none\n"
		 "t:4:1: path: expected once in [share], found none\n"},
	};

	check_rows(check_whole, rows, ARRAY_LEN(rows));
}

TEST(lines_are_judged)
{
	static const struct check_row rows[] = {
		{"encrypt_data = true\nencrypt_data = true",
		 "t:3:1: encrypt_data: expected once, found again; the first is on line "
		 "2\n"},
		{"encrypt_data = x\nencrypt_data = true",
		 "t:2:16: encrypt_data: expected true or false, found \"x\"\n"
		 "t:3:1: encrypt_data: expected once, found again; the first is on line "
		 "2\n"},
		{"encrypt_dat = true",
		 "t:2:1: encrypt_dat: unknown parameter of [global]; the nearest known "
		 "name is encrypt_data\n"},
		{"require_signing = true",
		 "t:2:1: require_signing: unknown parameter of [global]; the nearest "
		 "known name is require_message_signing\n"},
		{"Encrypt_Data = true",
		 "t:2:1: Encrypt_Data: unknown parameter of [global]; the nearest known "
		 "name is encrypt_data\n"},
		{"remark = x", "t:2:1: remark: belongs in [share], found in [global]\n"},
		{"  tcp_tickle = true", "t:2:3: tcp_tickle: known, but this version "
					"does not act on it yet; remove the line\n"},
		{"encrypt_data: true",
		 "t:2:1: line: expected name = value, [section] or # comment\n"},
		{" = true", "t:2:2: line: expected a name before the =, found nothing\n"},
		{"\x01 = true",
		 "t:2:1: line: expected text, found the control character 0x01\n"},
	};

	check_rows(check_global, rows, ARRAY_LEN(rows));
}

TEST(share_lines_are_judged)
{
	static const struct check_row rows[] = {
		{"remark = a\nremark = b",
		 "t:7:1: remark: expected once, found again; the first is on line 6\n"},
		{"listen = x", "t:6:1: listen: belongs in [global], found in [share]\n"},
		{"pat = /x", "t:6:1: pat: unknown parameter of [share]; the nearest "
			     "known name is path\n"},
		{"ca = true", "t:6:1: ca: known, but this version does not act on it "
			      "yet; remove the line\n"},
	};

	check_rows(check_share, rows, ARRAY_LEN(rows));
}

/* None is accepted and then ignored. */
TEST(every_parameter_not_acted_on_is_refused_by_name)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *p = &param_table[i];
		char line[64], want[160];

		if (p->status != PARAM_KNOWN)
			continue;
		snprintf(line, sizeof(line), "%s = true", p->name);
		snprintf(want, sizeof(want),
			 "t:%d:1: %s: known, but this version does not act on it yet; "
			 "remove the line\n",
			 p->scope == PARAM_GLOBAL ? 2 : 6, p->name);
		CLEANUP(check_fini)
		struct check c = p->scope == PARAM_GLOBAL ? check_global(line)
							  : check_share(line);
		CHECK_STR(c.report, want);
	}
}

TEST(password_of_a_refused_line_is_not_shown)
{
	CLEANUP(check_fini) struct check c = check_global("ldap_bind_pw = hunter2");

	assert_null(strstr(c.report, "hunter2"));
}

TEST(share_inherits_or_overrides_encryption)
{
	static const struct {
		const char *global, *share;
		bool effective;
	} rows[] = {
		{"", "", false},
		{"", "encrypt_data = true\n", true},
		{"encrypt_data = true\n", "", true},
		{"encrypt_data = true\n", "encrypt_data = false\n", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];

		snprintf(text, sizeof(text), G "%s[/global]\n" S "%s[/share]\n",
			 rows[i].global, rows[i].share);
		CLEANUP(check_fini) struct check c = check_text(text);
		CHECK_EQ(c.conf->shares[0].encrypt_data, rows[i].effective);
		CHECK_EQ(c.conf->any_share_unencrypted, !rows[i].effective);
	}
}

TEST(no_share_means_none_is_unencrypted)
{
	CLEANUP(check_fini) struct check c = check_text(GG);

	CHECK(!c.conf->any_share_unencrypted);
}

TEST(shares_are_found_in_any_case_and_keep_their_order)
{
	CLEANUP(check_fini) struct check c = check_text(sample);

	CHECK(conf_share_find(c.conf, "PUBLIC") == &c.conf->shares[0]);
	CHECK(conf_share_find(c.conf, "b\xC3\x9C"
				      "CHER") == &c.conf->shares[1]);
	CHECK(conf_share_find(c.conf, "Publi") == NULL);
	CHECK(conf_share_find(c.conf, "") == NULL);
	CHECK(conf_share_find(c.conf, "IPC$") == NULL);
}

TEST(many_shares_are_found)
{
	enum { MANY = 2000 };
	char *text = malloc(MANY * 64 + 64), *at = text;

	at += sprintf(at, G "[/global]\n");
	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "[share]\nnetname = Share%d\npath = /s/%d\n[/share]\n",
			      i, i);
	CLEANUP(check_fini) struct check c = check_text(text);
	free(text);
	CHECK_EQ(c.conf->share_count, MANY);
	for (int i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "sHARE%d", i);
		CHECK(conf_share_find(c.conf, name) == &c.conf->shares[i]);
	}
}

TEST(server_name_comes_from_the_host_name)
{
	static const struct {
		const char *host, *name;
	} rows[] = {
		{"files.example.org", "FILES"},
		{"a-very-long-host-name", "A-VERY-LONG-HOS"},
		{"caf\xC3\xA9", "CAF--"},
		{"", "TSMB"},
		{".", "TSMB"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_machine m = {.memory = 1 << 30, .cpu_count = 1};
		CLEANUP(conf_putp) struct conf *c = NULL;
		struct conf_errors errs;

		snprintf(m.host_name, sizeof(m.host_name), "%s", rows[i].host);
		conf_errors_init(&errs);
		CHECK_EQ(conf_parse(span_of_str(GG), "t", &m, &c, &errs), 0);
		CHECK_STR(c->server_name, rows[i].name);
		conf_errors_fini(&errs);
	}
}

TEST(memory_default_stays_in_its_range)
{
	static const struct {
		uint64_t machine, budget;
	} rows[] = {
		{0, 16ULL << 20},
		{1ULL << 20, 16ULL << 20},
		{4ULL << 30, 1ULL << 30},
		{UINT64_MAX, 1ULL << 50},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_machine m = {.host_name = "h", .memory = rows[i].machine};
		CLEANUP(conf_putp) struct conf *c = NULL;
		struct conf_errors errs;

		conf_errors_init(&errs);
		CHECK_EQ(conf_parse(span_of_str(GG), "t", &m, &c, &errs), 0);
		CHECK_EQ(c->memory_max, rows[i].budget);
		conf_errors_fini(&errs);
	}
}

TEST(file_size_is_bounded)
{
	enum { LIMIT = 4 << 20 };
	char *text = malloc(LIMIT + 1);

	memset(text, '\n', LIMIT + 1);
	memcpy(text, GG, strlen(GG));
	{
		CLEANUP(check_fini) struct check c = check_span(span_of(text, LIMIT));

		CHECK_STR(c.report, "");
	}
	{
		CLEANUP(check_fini) struct check c = check_span(span_of(text, LIMIT + 1));

		CHECK_STR(c.report,
			  "t: file: expected at most 4194304 bytes, found 4194305\n");
	}
	free(text);
}

TEST_MAIN()
