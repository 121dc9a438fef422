/* test_policy_binding.c - binding a session to one more connection: each refusal, and their order */
#include "test.h"

#include "secure/policy.h"
#include "wire/smb2_proto.h"

/* A second connection of the same client, everything in order: what each test changes one thing of. */
static struct policy_in bindable(void)
{
	return (struct policy_in){
		.dialect = SMB2_DIALECT_311,
		.cipher = true,
		.session = POLICY_SESSION_ELSEWHERE,
		.user = POLICY_USER_NAMED,
		.has_keys = true,
		.command = SMB2_SESSION_SETUP,
		.binding = true,
		.bind = {.multichannel = true,
			 .state = POLICY_SESSION_VALID,
			 .session_dialect = SMB2_DIALECT_311,
			 .same_cipher = true},
		.protection = POLICY_SIGNED,
	};
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

TEST(policy_binding_that_is_in_order)
{
	struct policy_in in = bindable();

	check_verdict(in, POLICY_PROCESS);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	CHECK_EQ(policy_answer(&in, false, true), POLICY_ANSWER_SIGNED);
	in.session = POLICY_SESSION_IN_PROGRESS; /* its second leg */
	check_verdict(in, POLICY_PROCESS);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.bind.session_gmac = in.bind.connection_gmac = true;
	check_verdict(in, POLICY_PROCESS);
	in.require_message_signing = in.reject_unencrypted_access = true;
	check_verdict(in, POLICY_PROCESS);
}

/* Each row breaks one thing more than the one behind it, so the order is checked as well. */
TEST(policy_binding_refusals_in_their_order)
{
	static const uint32_t want[] = {
		0xC00000D0, /* not offered: REQUEST_NOT_ACCEPTED	*/
		0xC000000D, /* SessionId 0: INVALID_PARAMETER		*/
		0xC000042A, /* GMAC there only: REQUEST_OUT_OF_SEQUENCE	*/
		0xC000000D, /* not signed: INVALID_PARAMETER		*/
		0xC000000D, /* another dialect				*/
		0xC000000D, /* another cipher				*/
		0xC000035C, /* expired: NETWORK_SESSION_EXPIRED		*/
		0xC00000BB, /* guest: NOT_SUPPORTED			*/
	};
	struct policy_in in = bindable();

	in.bind.multichannel = false;
	in.session = POLICY_SESSION_NONE;
	in.bind.session_gmac = true;
	in.protection = POLICY_PLAIN;
	in.bind.session_dialect = SMB2_DIALECT_302;
	in.bind.same_cipher = false;
	in.bind.state = POLICY_SESSION_EXPIRED;
	in.has_keys = false;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		CHECK_EQ(policy_admit(&in).verdict, POLICY_REFUSE);
		CHECK_EQ(policy_admit(&in).status.v, want[i]);
		if (i == 0)
			in.bind.multichannel = true;
		else if (i == 1)
			in.session = POLICY_SESSION_ELSEWHERE;
		else if (i == 2)
			in.bind.session_gmac = false;
		else if (i == 3)
			in.protection = POLICY_SIGNED;
		else if (i == 4)
			in.bind.session_dialect = SMB2_DIALECT_311;
		else if (i == 5)
			in.bind.same_cipher = true;
		else if (i == 6)
			in.bind.state = POLICY_SESSION_VALID;
		else
			in.has_keys = true;
	}
	check_verdict(in, POLICY_PROCESS);
}

TEST(policy_binding_other_refusals)
{
	struct policy_in in = bindable();

	in.session = POLICY_SESSION_UNKNOWN;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	in = bindable();
	in.protection = POLICY_PLAIN;
	check_refused(in, STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED);
	in = bindable();
	in.bind.connection_gmac = true;
	check_refused(in, STATUS_NOT_SUPPORTED, POLICY_BINDING_REFUSED);
	in = bindable();
	in.dialect = SMB2_DIALECT_210;
	check_refused(in, STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED);
	in = bindable();
	in.bind.state = POLICY_SESSION_IN_PROGRESS;
	check_refused(in, STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED);
	in = bindable();
	in.session = POLICY_SESSION_VALID; /* bound here already */
	check_refused(in, STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED);
	in = bindable();
	in.user = POLICY_USER_GUEST; /* the new authentication */
	CHECK_EQ(policy_session(&in, false).out.verdict, POLICY_REFUSE);
	check_verdict((struct policy_in){.dialect = SMB2_DIALECT_311,
					 .command = SMB2_SESSION_SETUP,
					 .binding = true},
		      POLICY_REFUSE);
}

/* A signed answer to somebody who is not the client would be a second message under one GMAC nonce. */
TEST(policy_binding_is_not_proved_by_encryption)
{
	struct policy_in in = bindable();

	in.protection = POLICY_ENCRYPTED;
	check_refused(in, STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED);
	in.session = POLICY_SESSION_VALID; /* bound here already */
	check_refused(in, STATUS_INVALID_PARAMETER, POLICY_BINDING_REFUSED);
}

TEST(policy_binding_with_a_wrong_signature_gets_a_plain_refusal)
{
	struct policy_in in = bindable();

	in.protection = POLICY_BAD_SIGNATURE;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_WRONG_SIGNATURE);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
	in.session = POLICY_SESSION_VALID;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
	in = bindable();
	in.protection = POLICY_UNVERIFIED;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_WRONG_SIGNATURE);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
}

/* Over a channel that is bound already a binding is signed with the channel's key or wrongly. */
TEST(policy_binding_again_is_refused_if_its_signature_holds)
{
	struct policy_in in = bindable();

	in.session = POLICY_SESSION_VALID;
	check_refused(in, STATUS_REQUEST_NOT_ACCEPTED, POLICY_BINDING_REFUSED);
	in.protection = POLICY_BAD_SIGNATURE;
	check_refused(in, STATUS_ACCESS_DENIED, POLICY_WRONG_SIGNATURE);
}

/* That the session is not here is told signed to those who have its key, plain to the others. */
TEST(policy_session_elsewhere_is_told_signed_to_its_client)
{
	struct policy_in in = bindable();

	in.binding = false;
	in.command = SMB2_READ;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_SIGNED);
	in.protection = POLICY_UNVERIFIED;
	check_refused(in, STATUS_USER_SESSION_DELETED, POLICY_SESSION_NOT_FOUND);
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
	in.protection = POLICY_PLAIN;
	CHECK_EQ(policy_answer(&in, false, false), POLICY_ANSWER_PLAIN);
}

TEST_MAIN()
