/* test_policy.c - the rules one by one: what the matrix does not cover */
#include "test.h"

#include "secure/policy.h"
#include "wire/smb2_proto.h"

/* A valid session of a named user on 3.1.1 with a cipher: what each test changes one thing of. */
static struct policy_in ordinary(uint16_t command, enum policy_protection protection)
{
	return (struct policy_in){
		.dialect = SMB2_DIALECT_311,
		.cipher = true,
		.session = POLICY_SESSION_VALID,
		.user = POLICY_USER_NAMED,
		.has_keys = true,
		.command = command,
		.protection = protection,
	};
}

static struct policy_in first_setup(void)
{
	return (struct policy_in){.dialect = SMB2_DIALECT_311,
				  .cipher = true,
				  .command = SMB2_SESSION_SETUP};
}

static struct policy_in keyless(uint16_t command, enum policy_user user)
{
	struct policy_in in = ordinary(command, POLICY_PLAIN);

	in.user = user;
	in.has_keys = false;
	in.null_session_access = true;
	return in;
}

static void check_verdict(struct policy_in in, enum policy_verdict want)
{
	CHECK_EQ(policy_admit(&in).verdict, want);
}

static void check_refused(struct policy_in in, nt_status want, enum policy_reason why)
{
	struct policy_out out = policy_admit(&in);

	CHECK_EQ(out.verdict, POLICY_REFUSE);
	CHECK_ST(out.status, want);
	CHECK_EQ(out.reason, why);
}

/* ---- NEGOTIATE ----------------------------------------------------------------------------------- */

TEST(policy_negotiate_comes_first_once_and_plain)
{
	struct policy_in in = {.command = SMB2_NEGOTIATE};

	check_verdict(in, POLICY_PROCESS);
	in.require_message_signing = in.reject_unencrypted_access = true;
	check_verdict(in, POLICY_PROCESS);
	in.dialect = SMB2_DIALECT_311;
	check_verdict(in, POLICY_DISCONNECT);
}

TEST(policy_signed_negotiate_is_an_invalid_parameter)
{
	static const enum policy_protection flagged[] = {
		POLICY_UNVERIFIED, POLICY_BAD_SIGNATURE, POLICY_SIGNED};

	for (size_t i = 0; i < ARRAY_LEN(flagged); i++) {
		struct policy_in in = {.command = SMB2_NEGOTIATE,
				       .protection = flagged[i]};

		check_refused(in, STATUS_INVALID_PARAMETER, POLICY_NEGOTIATE_SIGNED);
	}
}

TEST(policy_nothing_before_negotiate)
{
	for (uint16_t c = SMB2_SESSION_SETUP; c < SMB2_COMMAND_COUNT; c++)
		check_verdict((struct policy_in){.command = c}, POLICY_DISCONNECT);
}

/* ---- transforms ---------------------------------------------------------------------------------- */

TEST(policy_transform_needs_keys_here)
{
	struct policy_in good = ordinary(SMB2_READ, POLICY_ENCRYPTED);
	struct policy_in in = good;

	check_verdict(good, POLICY_PROCESS);
	in.dialect = SMB2_DIALECT_210;
	check_verdict(in, POLICY_DISCONNECT);
	in = good;
	in.cipher = false;
	check_verdict(in, POLICY_DISCONNECT);
	in = good;
	in.has_keys = false; /* guest or anonymous */
	check_verdict(in, POLICY_DISCONNECT);
	for (enum policy_session s = POLICY_SESSION_NONE; s <= POLICY_SESSION_EXPIRED;
	     s++) {
		in = good;
		in.session = s;
		in.command = SMB2_CLOSE;
		if (s != POLICY_SESSION_ELSEWHERE)
			check_verdict(in, s >= POLICY_SESSION_VALID ? POLICY_PROCESS
								    : POLICY_DISCONNECT);
	}
}

TEST(policy_transform_of_a_session_elsewhere_gets_a_sealed_refusal)
{
	struct policy_in in = ordinary(SMB2_CLOSE, POLICY_ENCRYPTED);

	in.session = POLICY_SESSION_ELSEWHERE;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.command = SMB2_CANCEL;
	check_verdict(in, POLICY_DROP);
}

/* ---- signing ------------------------------------------------------------------------------------- */

TEST(policy_require_signing_drops_what_is_unproved)
{
	static const enum policy_protection unproved[] = {POLICY_PLAIN, POLICY_UNVERIFIED,
							  POLICY_BAD_SIGNATURE};

	for (uint16_t c = SMB2_LOGOFF; c < SMB2_COMMAND_COUNT; c++) {
		for (size_t i = 0; i < ARRAY_LEN(unproved); i++) {
			struct policy_in in = ordinary(c, unproved[i]);

			in.require_message_signing = true;
			check_verdict(in, POLICY_DROP);
			CHECK_STR(policy_admit(&in).parameter, "require_message_signing");
		}
		for (enum policy_protection p = POLICY_SIGNED; p <= POLICY_ENCRYPTED;
		     p++) {
			struct policy_in in = ordinary(c, p);

			in.require_message_signing = true;
			check_verdict(in, POLICY_PROCESS);
		}
	}
}

TEST(policy_require_signing_lets_a_first_logon_through)
{
	struct policy_in in = first_setup();

	in.require_message_signing = true;
	check_verdict(in, POLICY_PROCESS);
	in.session = POLICY_SESSION_IN_PROGRESS;
	check_verdict(in, POLICY_PROCESS);
	in.has_keys = true; /* a binding under way, continued without its flag */
	check_verdict(in, POLICY_DROP);
	in = first_setup();
	in.require_message_signing = true;
	in.session = POLICY_SESSION_UNKNOWN;
	check_verdict(in, POLICY_DROP);
	in.session = POLICY_SESSION_VALID; /* re-authentication */
	check_verdict(in, POLICY_DROP);
	in.protection = POLICY_SIGNED;
	check_verdict(in, POLICY_PROCESS);
}

TEST(policy_wrong_signature_is_refused_or_dropped)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_BAD_SIGNATURE);

	check_refused(in, STATUS_ACCESS_DENIED, POLICY_WRONG_SIGNATURE);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.require_message_signing = true;
	check_verdict(in, POLICY_DROP);
	CHECK_EQ(policy_admit(&in).reason, POLICY_WRONG_SIGNATURE);
}

TEST(policy_signature_that_cannot_be_checked_is_refused)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_UNVERIFIED);

	in.session = POLICY_SESSION_UNKNOWN;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in.session = POLICY_SESSION_ELSEWHERE; /* not bound */
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in.command = SMB2_SESSION_SETUP;
	in.session = POLICY_SESSION_IN_PROGRESS;
	check_refused(in, STATUS_NOT_SUPPORTED, POLICY_NO_KEY);
	in = keyless(SMB2_READ, POLICY_USER_GUEST);
	in.protection = POLICY_UNVERIFIED;
	check_refused(in, STATUS_NOT_SUPPORTED, POLICY_NO_KEY);
}

TEST(policy_client_that_demanded_signing_must_sign)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_PLAIN);

	check_verdict(in, POLICY_PROCESS);
	in.signing_required = true;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_UNSIGNED_CLIENT_DEMAND);
	in.command = SMB2_SESSION_SETUP; /* re-authentication, too */
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_UNSIGNED_CLIENT_DEMAND);
	in.command = SMB2_CANCEL;
	check_verdict(in, POLICY_PROCESS);
	in = ordinary(SMB2_READ, POLICY_SIGNED);
	in.signing_required = true;
	check_verdict(in, POLICY_PROCESS);
	in.protection = POLICY_ENCRYPTED;
	check_verdict(in, POLICY_PROCESS);
}

/* ---- 3.1.1 TREE_CONNECT -------------------------------------------------------------------------- */

TEST(policy_plain_tree_connect_ends_a_3_1_1_connection)
{
	struct policy_in in = ordinary(SMB2_TREE_CONNECT, POLICY_PLAIN);

	check_verdict(in, POLICY_DISCONNECT);
	in.user = POLICY_USER_ANONYMOUS; /* by re-authentication: the keys are there */
	in.null_session_access = true;
	check_verdict(in, POLICY_DISCONNECT);
	in.protection = POLICY_SIGNED;
	check_verdict(in, POLICY_PROCESS);
	in = ordinary(SMB2_TREE_CONNECT, POLICY_PLAIN);
	in.dialect = SMB2_DIALECT_302;
	check_verdict(in, POLICY_PROCESS);
	check_verdict(keyless(SMB2_TREE_CONNECT, POLICY_USER_GUEST), POLICY_PROCESS);
}

/* ---- sessions ------------------------------------------------------------------------------------ */

TEST(policy_commands_need_a_session)
{
	for (uint16_t c = SMB2_LOGOFF; c < SMB2_COMMAND_COUNT; c++) {
		for (enum policy_session s = POLICY_SESSION_NONE;
		     s <= POLICY_SESSION_ELSEWHERE; s++) {
			struct policy_in in = ordinary(c, POLICY_PLAIN);

			in.session = s;
			in.has_keys = s == POLICY_SESSION_ELSEWHERE;
			if (c == SMB2_CANCEL ||
			    (c == SMB2_ECHO && s == POLICY_SESSION_NONE))
				check_verdict(in, POLICY_PROCESS);
			else
				check_refused(in, STATUS_USER_SESSION_DELETED,
					      POLICY_SESSION_NOT_FOUND);
		}
	}
}

TEST(policy_setup_of_a_session_that_is_not_here)
{
	struct policy_in in = first_setup();

	check_verdict(in, POLICY_PROCESS);
	in.session = POLICY_SESSION_UNKNOWN;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in.session = POLICY_SESSION_ELSEWHERE;
	in.has_keys = true;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in.session = POLICY_SESSION_NONE; /* it has just ended */
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in.require_message_signing = true;
	check_verdict(in, POLICY_DROP);
}

TEST(policy_session_in_progress_carries_nothing_else)
{
	for (uint16_t c = SMB2_SESSION_SETUP; c < SMB2_COMMAND_COUNT; c++) {
		struct policy_in in = first_setup();

		in.command = c;
		in.session = POLICY_SESSION_IN_PROGRESS;
		if (c == SMB2_SESSION_SETUP || c == SMB2_LOGOFF || c == SMB2_CANCEL)
			check_verdict(in, POLICY_PROCESS);
		else
			check_refused(in, STATUS_USER_SESSION_DELETED,
				      POLICY_SESSION_NOT_FOUND);
	}
}

TEST(policy_expired_session_may_finish)
{
	for (uint16_t c = SMB2_SESSION_SETUP; c < SMB2_COMMAND_COUNT; c++) {
		struct policy_in in = ordinary(c, POLICY_SIGNED);

		in.session = POLICY_SESSION_EXPIRED;
		if (c == SMB2_SESSION_SETUP || c == SMB2_LOGOFF || c == SMB2_CLOSE ||
		    c == SMB2_LOCK || c == SMB2_CANCEL)
			check_verdict(in, POLICY_PROCESS);
		else
			check_refused(in, STATUS_NETWORK_SESSION_EXPIRED,
				      POLICY_SESSION_HAS_EXPIRED);
	}
}

TEST(policy_anonymous_session_ends_when_it_is_forbidden)
{
	struct policy_in in = keyless(SMB2_TREE_CONNECT, POLICY_USER_ANONYMOUS);

	check_verdict(in, POLICY_PROCESS);
	in.null_session_access = false;
	check_verdict(in, POLICY_DISCONNECT);
	CHECK_STR(policy_admit(&in).parameter, "null_session_access");
	in.command = SMB2_SESSION_SETUP; /* to become somebody */
	check_verdict(in, POLICY_PROCESS);
	in = keyless(SMB2_TREE_CONNECT, POLICY_USER_GUEST);
	in.null_session_access = false;
	check_verdict(in, POLICY_PROCESS);
}

/* ---- reject_unencrypted_access ------------------------------------------------------------------- */

TEST(policy_reject_unencrypted_refuses_all_but_setup)
{
	for (uint16_t c = SMB2_SESSION_SETUP; c < SMB2_COMMAND_COUNT; c++) {
		for (enum policy_protection p = POLICY_PLAIN; p <= POLICY_SIGNED; p++) {
			struct policy_in in = ordinary(c, p);

			in.reject_unencrypted_access = true;
			if (p == POLICY_UNVERIFIED || p == POLICY_BAD_SIGNATURE)
				continue;
			if (c == SMB2_SESSION_SETUP)
				check_verdict(in, POLICY_PROCESS);
			else if (c == SMB2_CANCEL)
				check_verdict(in, POLICY_DROP);
			else
				check_refused(in, STATUS_ACCESS_DENIED,
					      POLICY_UNENCRYPTED);
		}
	}
}

TEST(policy_reject_unencrypted_knows_no_exempt_share)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_SIGNED);

	in.has_tree = true;
	CHECK_EQ(policy_access(&in).verdict, POLICY_PROCESS);
	in.share_encrypt_data = true; /* asks nothing of the client */
	CHECK_EQ(policy_access(&in).verdict, POLICY_PROCESS);
	in.reject_unencrypted_access = true;
	for (int share = 0; share < 2; share++) {
		in.share_encrypt_data = share;
		CHECK_EQ(policy_access(&in).verdict, POLICY_REFUSE);
		CHECK_ST(policy_access(&in).status, STATUS_ACCESS_DENIED);
		CHECK_STR(policy_access(&in).parameter, "reject_unencrypted_access");
	}
	in.protection = POLICY_ENCRYPTED;
	CHECK_EQ(policy_access(&in).verdict, POLICY_PROCESS);
}

TEST(policy_reject_unencrypted_refuses_incapable_clients_before_the_token)
{
	struct policy_in in = first_setup();

	in.reject_unencrypted_access = true;
	check_verdict(in, POLICY_PROCESS);
	in.cipher = false;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_CANNOT_ENCRYPT);
	in.cipher = true;
	in.dialect = SMB2_DIALECT_210;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_CANNOT_ENCRYPT);
}

TEST(policy_signing_is_judged_before_encryption)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_PLAIN);

	in.require_message_signing = in.reject_unencrypted_access = true;
	check_verdict(in, POLICY_DROP);
	in.protection = POLICY_SIGNED;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_UNENCRYPTED);
	in.protection = POLICY_ENCRYPTED;
	check_verdict(in, POLICY_PROCESS);
}

/* ---- new sessions -------------------------------------------------------------------------------- */

TEST(policy_guests_and_anonymous_cannot_satisfy_either_parameter)
{
	static const enum policy_user users[] = {POLICY_USER_GUEST,
						 POLICY_USER_ANONYMOUS};

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		struct policy_in in = first_setup();
		struct policy_session_out so;

		in.user = users[i];
		in.null_session_access = true;
		so = policy_session(&in, true);
		CHECK_EQ(so.out.verdict, POLICY_PROCESS);
		CHECK(!so.signing_required && !so.encrypt_data);
		in.encrypt_data = true; /* plain then: there is nothing to encrypt with */
		so = policy_session(&in, false);
		CHECK_EQ(so.out.verdict, POLICY_PROCESS);
		CHECK(!so.encrypt_data);

		in.require_message_signing = true;
		so = policy_session(&in, false);
		CHECK_EQ(so.out.verdict, POLICY_REFUSE);
		CHECK_ST(so.out.status, STATUS_ACCESS_DENIED);
		CHECK_EQ(so.out.reason, POLICY_CANNOT_SIGN);
		in.require_message_signing = false;
		in.reject_unencrypted_access = true;
		so = policy_session(&in, false);
		CHECK_EQ(so.out.verdict, POLICY_REFUSE);
		CHECK_EQ(so.out.reason, POLICY_CANNOT_ENCRYPT);
	}
}

TEST(policy_nobody_has_no_session)
{
	struct policy_in in = first_setup();

	CHECK_EQ(policy_session(&in, false).out.verdict, POLICY_REFUSE);
	in.user = POLICY_USER_ANONYMOUS;
	CHECK_EQ(policy_session(&in, false).out.verdict, POLICY_REFUSE);
	in.user = POLICY_USER_NAMED;
	CHECK_EQ(policy_session(&in, false).out.verdict, POLICY_PROCESS);
}

TEST(policy_signing_required_when_either_side_asks)
{
	struct policy_in in = first_setup();

	in.user = POLICY_USER_NAMED;
	CHECK(!policy_session(&in, false).signing_required);
	CHECK(policy_session(&in, true).signing_required);
	in.require_message_signing = true;
	CHECK(policy_session(&in, false).signing_required);
}

/* With a share exempt from encrypt_data the flag would overrule it: the shares announce it instead. */
TEST(policy_session_flag_gives_way_to_an_exempt_share)
{
	struct policy_in in = first_setup();

	in.user = POLICY_USER_NAMED;
	CHECK(!policy_session(&in, false).encrypt_data);
	in.encrypt_data = true;
	CHECK(policy_session(&in, false).encrypt_data);
	in.any_share_unencrypted = true;
	CHECK(!policy_session(&in, false).encrypt_data);
	in.reject_unencrypted_access = true;
	CHECK(policy_session(&in, false).encrypt_data);
	in.reject_unencrypted_access = false;
	in.any_share_unencrypted = false;
	in.cipher = false;
	CHECK(!policy_session(&in, false).encrypt_data);
}

TEST(policy_reauthentication_changes_no_flag)
{
	for (unsigned bits = 0; bits < 16; bits++) {
		struct policy_in in = ordinary(SMB2_SESSION_SETUP, POLICY_SIGNED);
		struct policy_session_out so;

		in.signing_required = bits & 1;
		in.session_encrypt_data = bits & 2;
		in.encrypt_data = bits & 4;
		in.user = bits & 8 ? POLICY_USER_ANONYMOUS : POLICY_USER_NAMED;
		in.null_session_access = true;
		so = policy_session(&in, true);
		CHECK_EQ(so.out.verdict, POLICY_PROCESS);
		CHECK_EQ(so.signing_required, in.signing_required);
		CHECK_EQ(so.encrypt_data, in.session_encrypt_data);
	}
}

TEST(policy_guest_session_does_not_get_keys_by_reauthentication)
{
	struct policy_in in = keyless(SMB2_SESSION_SETUP, POLICY_USER_NAMED);

	CHECK_EQ(policy_session(&in, false).out.verdict, POLICY_PROCESS);
	in.require_message_signing = true;
	CHECK_EQ(policy_session(&in, false).out.reason, POLICY_CANNOT_SIGN);
}

/* ---- answers ------------------------------------------------------------------------------------- */

TEST(policy_answers_mirror_the_request)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_PLAIN);

	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
	in.protection = POLICY_SIGNED;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.protection = POLICY_ENCRYPTED;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
}

TEST(policy_interim_answers_are_never_signed)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_SIGNED);

	CHECK_EQ(policy_answer(&in, true, false), POLICY_ANSWER_PLAIN);
	in.protection = POLICY_ENCRYPTED;
	CHECK_EQ(policy_answer(&in, true, false), POLICY_ANSWER_ENCRYPTED);
	in.protection = POLICY_SIGNED;
	in.session_encrypt_data = true;
	CHECK_EQ(policy_answer(&in, true, false), POLICY_ANSWER_ENCRYPTED);
}

TEST(policy_final_setup_answer_is_signed_unless_there_is_no_key)
{
	struct policy_in in = ordinary(SMB2_SESSION_SETUP, POLICY_PLAIN);

	in.reject_unencrypted_access = in.session_encrypt_data = true;
	CHECK_EQ(policy_answer(&in, false, true), POLICY_ANSWER_SIGNED);
	in = keyless(SMB2_SESSION_SETUP, POLICY_USER_GUEST);
	CHECK_EQ(policy_answer(&in, false, true), POLICY_ANSWER_PLAIN);
}

TEST(policy_reauthentication_answer_mirrors)
{
	struct policy_in in = ordinary(SMB2_SESSION_SETUP, POLICY_SIGNED);

	in.session_encrypt_data = true;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.protection = POLICY_ENCRYPTED;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
}

TEST(policy_share_encryption_begins_after_tree_connect)
{
	struct policy_in in = ordinary(SMB2_TREE_CONNECT, POLICY_SIGNED);

	in.has_tree = in.share_encrypt_data = true;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.command = SMB2_CREATE;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.cipher = false;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
}

TEST(policy_share_is_called_encrypted_to_who_can_encrypt)
{
	struct policy_in in = ordinary(SMB2_TREE_CONNECT, POLICY_SIGNED);

	CHECK(!policy_announces_encryption(&in));
	in.has_tree = in.share_encrypt_data = true;
	CHECK(policy_announces_encryption(&in));
	in.cipher = false;
	CHECK(!policy_announces_encryption(&in));
	in.cipher = true;
	in.dialect = SMB2_DIALECT_210;
	CHECK(!policy_announces_encryption(&in));
	in.dialect = SMB2_DIALECT_311;
	in.has_keys = false; /* a guest */
	CHECK(!policy_announces_encryption(&in));
}

/* LOGOFF: the session is gone when its answer is protected. */
TEST(policy_answer_outlives_the_session)
{
	struct policy_in in = ordinary(SMB2_LOGOFF, POLICY_ENCRYPTED);

	in.session = POLICY_SESSION_NONE;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.protection = POLICY_PLAIN;
	in.session_encrypt_data = true;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.session_encrypt_data = false;
	in.protection = POLICY_SIGNED;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
}

TEST(policy_guests_are_never_signed_for)
{
	for (enum policy_protection p = POLICY_PLAIN; p <= POLICY_ENCRYPTED; p++) {
		struct policy_in in = keyless(SMB2_READ, POLICY_USER_GUEST);

		in.protection = p;
		in.encrypt_data = in.reject_unencrypted_access = true;
		CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
	}
}

/* Tightened while the session lives: it was announced as plain, and is answered encrypted from now on. */
TEST(policy_tightening_acts_on_living_sessions)
{
	struct policy_in in = ordinary(SMB2_READ, POLICY_SIGNED);

	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.encrypt_data = true;
	check_verdict(in, POLICY_PROCESS);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.reject_unencrypted_access = true;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_UNENCRYPTED);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_ENCRYPTED);
	in.require_message_signing = true;
	in.protection = POLICY_PLAIN;
	check_verdict(in, POLICY_DROP);
}

TEST(policy_security_mode_promises_what_is_kept)
{
	CHECK_EQ(policy_security_mode(false, false), 1);
	CHECK_EQ(policy_security_mode(true, false), 3);
	CHECK_EQ(policy_security_mode(false, true), 3);
	CHECK_EQ(policy_security_mode(true, true), 3);
}

TEST(policy_every_reason_has_a_text)
{
	for (enum policy_reason r = POLICY_OK; r < POLICY_REASON_COUNT; r++) {
		CHECK(policy_reason_text(r) != NULL);
		CHECK(strlen(policy_reason_text(r)) > 5);
	}
}

/* ---- living sessions and a configuration that became stricter ------------------------------------- */

static struct policy_in rejected(void)
{
	struct policy_in in = ordinary(SMB2_CREATE, POLICY_SIGNED);

	in.reject_unencrypted_access = true;
	return in;
}

TEST(policy_refusal_that_a_tightening_caused_is_outdated)
{
	struct policy_in in = rejected();

	CHECK(policy_is_outdated(&in, false, false));
	CHECK(!policy_is_outdated(&in, false, true)); /* it was so from the start */
	in.protection = POLICY_ENCRYPTED;
	CHECK(!policy_is_outdated(&in, false, false)); /* nothing is refused */
}

TEST(policy_client_that_cannot_do_better_is_not_outdated)
{
	struct policy_in in = rejected();

	in.cipher = false;
	CHECK(!policy_is_outdated(&in, false, false));
	in = rejected();
	in.dialect = SMB2_DIALECT_210;
	CHECK(!policy_is_outdated(&in, false, false));
	in = keyless(SMB2_CREATE, POLICY_USER_GUEST);
	in.reject_unencrypted_access = true;
	CHECK(!policy_is_outdated(&in, false, false));
}

TEST(policy_message_wrong_in_itself_is_not_outdated)
{
	struct policy_in in = rejected();

	in.protection = POLICY_BAD_SIGNATURE;
	CHECK(!policy_is_outdated(&in, false, false));
	in = rejected();
	in.session = POLICY_SESSION_ELSEWHERE;
	CHECK(!policy_is_outdated(&in, false, false));
}

/* A drop leaves no trace: an injected message must not end the connection. */
TEST(policy_dropped_message_is_not_outdated)
{
	struct policy_in in = ordinary(SMB2_CREATE, POLICY_PLAIN);

	in.require_message_signing = true;
	check_verdict(in, POLICY_DROP);
	CHECK(!policy_is_outdated(&in, false, false));
}

TEST_MAIN()
