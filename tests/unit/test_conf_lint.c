#include "conf_check.h"

#define EXPOSED                                                                          \
	"listen: open to the network, but neither require_message_signing nor "          \
	"reject_unencrypted_access is true: messages can be altered on their way\n"

static struct check check_lines(const char *lines)
{
	char text[1024];

	snprintf(text, sizeof(text), "[global]\n%s\n[/global]\n", lines);
	return check_text(text);
}

TEST(exposed_listener_without_a_demand_is_warned_of)
{
	static const struct check_row rows[] = {
		{"", "t:1:1: warning: " EXPOSED},
		{"encrypt_data = true", "t:1:1: warning: " EXPOSED},
		{"listen = ANY,192.0.2.1,IPv4,445", "t:2:10: warning: " EXPOSED},
		{"listen = ANY,::,IPv6,445", "t:2:10: warning: " EXPOSED},
		{"listen = lo,::1,IPv6,445\nlisten = ANY,0.0.0.0,IPv4,445",
		 "t:2:10: warning: " EXPOSED},
		{"listen = ANY,127.0.0.1,IPv4,445", ""},
		{"listen = ANY,127.9.9.9,IPv4,445\nlisten = ANY,::1,IPv6,445", ""},
		{"listen = lo,0.0.0.0,IPv4,445", ""},
		{"require_message_signing = true", ""},
		{"reject_unencrypted_access = true", ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}

TEST(guests_that_will_be_refused_are_warned_of)
{
	static const struct check_row rows[] = {
		{"require_message_signing = true\nallow_guest = true",
		 "t:3:15: warning: allow_guest: without effect: require_message_signing "
		 "refuses guests\n"},
		{"reject_unencrypted_access = true\nallow_guest = true",
		 "t:3:15: warning: allow_guest: without effect: "
		 "reject_unencrypted_access refuses guests\n"},
		{"require_message_signing = true\nnull_session_access = true",
		 "t:3:23: warning: null_session_access: without effect: "
		 "require_message_signing refuses "
		 "anonymous clients\n"},
		{"listen = lo,::1,IPv6,445\nallow_guest = true\nnull_session_access = "
		 "true",
		 ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}

TEST(encryption_nobody_can_do_is_warned_of)
{
	static const char refused[] = "t:2:29: warning: reject_unencrypted_access: "
				      "refuses everybody: no dialect is offered "
				      "that can encrypt\n";
	static const struct check_row rows[] = {
		{"reject_unencrypted_access = true\ndialects = SMB2.002 SMB2.1", refused},
		{"reject_unencrypted_access = true\ndialects = "
		 "SMB3.0\nencryption_ciphers = AES-128-GCM",
		 refused},
		{"reject_unencrypted_access = true\ndialects = "
		 "SMB3.0\nencryption_ciphers = AES-128-CCM",
		 ""},
		{"reject_unencrypted_access = true\ndialects = "
		 "SMB3.1.1\nencryption_ciphers = AES-256-GCM",
		 ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}

TEST(dialects_without_their_algorithm_are_warned_of)
{
	static const struct check_row rows[] = {
		{"require_message_signing = true\nsigning_algorithms = AES-GMAC",
		 "t:3:22: warning: signing_algorithms: without HMAC-SHA256 the dialects "
		 "SMB2.002 and SMB2.1 are "
		 "not offered\n"
		 "t:3:22: warning: signing_algorithms: without AES-CMAC the dialects "
		 "SMB3.0 and SMB3.02 are not "
		 "offered\n"},
		{"require_message_signing = true\nsigning_algorithms = "
		 "AES-GMAC\ndialects = SMB3.1.1",
		 ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}

TEST(an_audit_level_without_a_log_is_warned_of)
{
	static const char share[] = "[share]\nnetname = a\npath = /a\naudit_level = 2\n"
				    "[/share]\n";
	static const struct {
		const char *global, *report;
	} rows[] = {
		{"[global]\nrequire_message_signing = true\n[/global]\n",
		 "t:4:1: warning: audit_level: without effect: audit_enable is false\n"},
		{"[global]\nrequire_message_signing = true\naudit_enable = true\n"
		 "audit_params = path=/a\n[/global]\n",
		 ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s%s", rows[i].global, share);
		CLEANUP(check_fini) struct check c = check_text(text);

		CHECK_STR(c.report, rows[i].report);
	}
}

TEST(other_lines_without_effect_are_warned_of)
{
	static const struct check_row rows[] = {
		{"require_message_signing = true\nntlm = false",
		 "t:3:8: warning: ntlm: false leaves nobody a way to log on by name: "
		 "this version knows NTLM only\n"},
		{"require_message_signing = true\nlog_params = path=/l",
		 "t:3:14: warning: log_params: path is without effect: log_destination "
		 "is not file\n"},
		{"require_message_signing = true\nlog_params = path=/l\nlog_destination "
		 "= file",
		 ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}

TEST(share_that_opens_no_hole_is_warned_of)
{
	CLEANUP(check_fini)
	struct check c = check_text(
		"[global]\nencrypt_data = true\nreject_unencrypted_access = "
		"true\n[/global]\n"
		"[share]\nnetname = a\npath = /a\nencrypt_data = false\n[/share]\n");

	CHECK_STR(c.report,
		  "t:5:1: warning: encrypt_data: false is without effect on this share: "
		  "reject_unencrypted_access demands encryption\n");
}

TEST_MAIN()

TEST(metrics_shown_to_the_network_are_warned_of)
{
	static const char open[] = "t:3:18: warning: metrics_listen: open to the "
				   "network: whoever can connect may read metrics and "
				   "status, without a password\n";
	static const struct check_row rows[] = {
		{"require_message_signing = true\nmetrics_listen = 0.0.0.0:9445", open},
		{"require_message_signing = true\nmetrics_listen = [::]:9445", open},
		{"require_message_signing = true\nmetrics_listen = 127.0.0.1:9445", ""},
		{"require_message_signing = true\nmetrics_listen = [::1]:9445", ""},
		{"require_message_signing = true\nmetrics_listen = off", ""},
	};

	check_rows(check_lines, rows, ARRAY_LEN(rows));
}
