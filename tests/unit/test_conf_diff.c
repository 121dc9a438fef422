#include "conf/param.h"
#include "conf_check.h"

#define SHARE(name, more)                                                                \
	"[share]\nnetname = " name "\npath = /" name "\n" more "[/share]\n"

/* The changes as a reload logs them, a line each; the caller frees. */
static char *diff_text(const char *from, const char *to, size_t *ret_restarts)
{
	CLEANUP(check_fini) struct check a = check_text(from);
	CLEANUP(check_fini) struct check b = check_text(to);
	struct conf_changes changes;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(conf_diff(a.conf, b.conf, &changes), 0);
	for (size_t i = 0; i < changes.count; i++) {
		conf_change_print(&changes.list[i], out);
		fputc('\n', out);
	}
	*ret_restarts = changes.restart_count;
	conf_changes_fini(&changes);
	fclose(out);
	return text;
}

static void check_diff(const char *from, const char *to, const char *want,
		       size_t restarts)
{
	size_t found;
	char *text = diff_text(from, to, &found);

	CHECK_STR(text, want);
	CHECK_EQ(found, restarts);
	free(text);
}

TEST(equal_snapshots_do_not_differ)
{
	static const char text[] = "[global]\nlog_level = 4\n[/global]\n" SHARE("a", "");

	check_diff(text, text, "", 0);
}

TEST(spelling_alone_is_no_difference)
{
	check_diff("[global]\nsmb2_read_max = 1048576\ndialects = SMB3.1.1 "
		   "SMB2.1\n[/global]\n",
		   "[global]\n# a comment\nsmb2_read_max = 1M\ndialects = SMB2.1 "
		   "SMB3.1.1\n[/global]",
		   "", 0);
}

TEST(changed_globals_are_told)
{
	check_diff("[global]\n[/global]\n",
		   "[global]\nencrypt_data = true\nserver_comment = x\n[/global]\n",
		   "encrypt_data: false -> true\nserver_comment: nothing -> x\n", 0);
}

TEST(what_waits_for_a_restart_says_so)
{
	check_diff(
		"[global]\n[/global]\n",
		"[global]\nlisten = lo,::1,IPv6,445\nmemory_max = 64MiB\nrunstate_dir = "
		"/x\nvfs_data_threads = 3\n[/global]\n",
		"listen: ANY,0.0.0.0,IPv4,445,DIRECT_TCP; ANY,::,IPv6,445,DIRECT_TCP -> "
		"lo,::1,IPv6,445,DIRECT_TCP\n"
		"memory_max: 2GiB -> 64MiB\n"
		"vfs_data_threads: auto -> 3 (needs a restart)\n"
		"runstate_dir: /var/lib/tsmb -> /x (needs a restart)\n",
		2);
}

TEST(what_waits_for_clients_to_come_anew_says_so)
{
	check_diff(
		"[global]\nrequire_message_signing = true\n[/global]\n" SHARE(
			"a", "encrypt_data = true\n"),
		"[global]\nsmb2_read_max = 64KiB\n[/global]\n" SHARE(
			"a", "named_streams = false\n"),
		"require_message_signing: true -> false (counts for clients that "
		"connect from now on)\n"
		"smb2_read_max: 8MiB -> 64KiB (counts for clients that connect from "
		"now on)\n"
		"share a: encrypt_data: true -> false (counts for clients that connect "
		"to the share from now on)\n"
		"share a: named_streams: true -> false (counts for clients that "
		"connect to the share from now on)\n",
		0);
}

TEST(shares_come_go_and_change)
{
	check_diff("[global]\n[/global]\n" SHARE("a", "") SHARE("b", "remark = old\n"),
		   "[global]\n[/global]\n" SHARE("c", "") SHARE("b", "force_user = x\n"),
		   "share a: removed (/a)\nshare b: remark: old -> nothing\n"
		   "share b: force_user: nothing -> x (counts for clients that connect "
		   "to the share from now on)\nshare c: added (/c)\n",
		   0);
}

TEST(order_of_shares_is_no_difference)
{
	check_diff("[global]\n[/global]\n" SHARE("a", "") SHARE("b", ""),
		   "[global]\n[/global]\n" SHARE("b", "") SHARE("a", ""), "", 0);
}

/* A share without a value of its own follows the global one, and the log says so. */
TEST(inherited_change_is_told_for_each_share)
{
	check_diff("[global]\n[/global]\n" SHARE("a", ""),
		   "[global]\nencrypt_data = true\n[/global]\n" SHARE("a", ""),
		   "encrypt_data: false -> true\nshare a: encrypt_data: false -> true\n",
		   0);
}

TEST_MAIN()
