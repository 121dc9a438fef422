/*
 * test_policy_walk.c - every input there is, against what must hold whatever the rules say. A rule that is added or
 * moved in haste breaks one of these.
 */
#include "test.h"

#include "secure/policy.h"
#include "wire/smb2_proto.h"

/* Those with rules of their own, and one that stands for the rest. */
static const uint16_t commands[] = {SMB2_NEGOTIATE,    SMB2_SESSION_SETUP, SMB2_LOGOFF,
				    SMB2_TREE_CONNECT, SMB2_CLOSE,         SMB2_READ,
				    SMB2_LOCK,         SMB2_CANCEL,        SMB2_ECHO};
static const uint16_t dialects[] = {0,
				    SMB2_DIALECT_202,
				    SMB2_DIALECT_210,
				    SMB2_DIALECT_300,
				    SMB2_DIALECT_302,
				    SMB2_DIALECT_311};

typedef void (*check_fn)(const struct policy_in *in);

static bool bit(unsigned bits, unsigned n)
{
	return bits >> n & 1;
}

enum { SWITCHES = 13 };

/* False: the same as another combination, as two of the switches mean nothing then. */
static bool set_switches(struct policy_in *in, unsigned bits)
{
	in->require_message_signing = bit(bits, 0);
	in->encrypt_data = bit(bits, 1);
	in->any_share_unencrypted = bit(bits, 2);
	in->reject_unencrypted_access = bit(bits, 3);
	in->cipher = bit(bits, 4);
	in->has_keys = bit(bits, 5);
	in->signing_required = bit(bits, 6);
	in->session_encrypt_data = bit(bits, 7);
	in->has_tree = bit(bits, 8);
	in->share_encrypt_data = bit(bits, 9);
	in->null_session_access = bit(bits, 10);
	in->binding = bit(bits, 11);
	in->bind.multichannel = bit(bits, 12);
	return (in->has_tree || !in->share_encrypt_data) &&
	       (in->user == POLICY_USER_ANONYMOUS || !in->null_session_access) &&
	       (in->command == SMB2_SESSION_SETUP || !in->binding) &&
	       (in->binding || !in->bind.multichannel);
}

static void walk_message(struct policy_in *in, check_fn check)
{
	for (unsigned bits = 0; bits < 1u << SWITCHES; bits++) {
		if (!set_switches(in, bits))
			continue;
		for (enum policy_protection p = POLICY_PLAIN; p <= POLICY_ENCRYPTED;
		     p++) {
			in->protection = p;
			check(in);
		}
	}
}

static void walk(check_fn check)
{
	size_t combinations = ARRAY_LEN(commands) * ARRAY_LEN(dialects) *
			      (POLICY_SESSION_EXPIRED + 1);

	for (size_t i = 0; i < combinations; i++) {
		struct policy_in in = {
			.command = commands[i % ARRAY_LEN(commands)],
			.dialect =
				dialects[i / ARRAY_LEN(commands) % ARRAY_LEN(dialects)],
			.session = (enum policy_session)(i / ARRAY_LEN(commands) /
							 ARRAY_LEN(dialects)),
			.bind = {.state = POLICY_SESSION_VALID,
				 .session_dialect = SMB2_DIALECT_311,
				 .same_cipher = true},
		};

		for (enum policy_user u = POLICY_USER_NONE; u <= POLICY_USER_ANONYMOUS;
		     u++) {
			in.user = u;
			walk_message(&in, check);
		}
	}
}

/* cmocka's own check is a call each; there are millions here. */
static void must(bool holds, const struct policy_in *in, const char *what)
{
	if (!holds)
		fail_msg("%s: command %u dialect %x session %u user %u protection %u R%d "
			 "G%d "
			 "U%d keys%d binding%d",
			 what, in->command, in->dialect, in->session, in->user,
			 in->protection, in->require_message_signing, in->encrypt_data,
			 in->reject_unencrypted_access, in->has_keys, in->binding);
}

static bool proved(const struct policy_in *in)
{
	return in->protection == POLICY_SIGNED || in->protection == POLICY_ENCRYPTED;
}

static bool may_be_plain(const struct policy_in *in)
{
	return in->command == SMB2_NEGOTIATE ||
	       (in->command == SMB2_SESSION_SETUP && !in->binding &&
		(in->session == POLICY_SESSION_NONE ||
		 in->session == POLICY_SESSION_IN_PROGRESS));
}

/* ---- what a verdict promises --------------------------------------------------------------------- */

static void check_verdict(const struct policy_in *in)
{
	struct policy_out out = policy_admit(in);
	bool processed = out.verdict == POLICY_PROCESS;
	bool answered = processed || out.verdict == POLICY_REFUSE;
	/* the one thing an unprovable signature is told */
	bool told_session_is_gone = in->protection == POLICY_UNVERIFIED && !processed &&
				    nt_is(out.status, STATUS_USER_SESSION_DELETED);

	must(processed == (out.reason == POLICY_OK), in, "every no has a reason");
	must((out.verdict == POLICY_REFUSE) <= nt_is_error(out.status), in,
	     "a refusal has a status");
	must(!processed || (in->protection != POLICY_BAD_SIGNATURE &&
			    in->protection != POLICY_UNVERIFIED),
	     in, "nothing with a doubtful signature is processed");
	must(out.verdict != POLICY_REFUSE || in->command != SMB2_CANCEL, in,
	     "no answer to a CANCEL");
	must(!processed || in->command == SMB2_NEGOTIATE || in->dialect, in,
	     "nothing before NEGOTIATE");
	if (in->require_message_signing && answered && !told_session_is_gone)
		must(proved(in) || may_be_plain(in), in,
		     "under require_message_signing only the proved is answered");
	if (in->reject_unencrypted_access && processed)
		must(in->protection == POLICY_ENCRYPTED ||
			     in->command == SMB2_NEGOTIATE ||
			     in->command == SMB2_SESSION_SETUP,
		     in,
		     "under reject_unencrypted_access only the encrypted is processed");
	if (in->protection == POLICY_ENCRYPTED && answered)
		must(in->dialect >= SMB2_DIALECT_300 && in->cipher && in->has_keys &&
			     (in->session >= POLICY_SESSION_VALID ||
			      (in->session == POLICY_SESSION_ELSEWHERE && !processed)),
		     in,
		     "an encrypted message has a session with keys here, or is refused");
	if (in->signing_required && processed && in->session >= POLICY_SESSION_VALID)
		must(proved(in) || in->command == SMB2_CANCEL, in,
		     "a session that demands signing gets it");
	if (in->command == SMB2_TREE_CONNECT && in->dialect == SMB2_DIALECT_311 &&
	    in->has_keys && processed)
		must(proved(in), in, "3.1.1 TREE_CONNECT proves the handshake");
	if (processed && in->binding && in->command == SMB2_SESSION_SETUP)
		must(proved(in) && in->has_keys && in->bind.multichannel, in,
		     "a binding is signed with the session's key");
	if (processed && in->session < POLICY_SESSION_VALID)
		must(in->command == SMB2_NEGOTIATE || in->command == SMB2_SESSION_SETUP ||
			     in->command == SMB2_CANCEL || in->command == SMB2_ECHO ||
			     in->command == SMB2_LOGOFF,
		     in, "work needs a session that is set up here");
}

TEST(policy_walk_verdicts)
{
	walk(check_verdict);
}

/* ---- what an answer promises --------------------------------------------------------------------- */

static void check_answer(const struct policy_in *in)
{
	for (int how = 0; how < 3; how++) {
		bool interim = how == 1;
		bool final_setup = how == 2;
		enum policy_answer a = policy_answer(in, interim, final_setup);
		bool can = in->dialect >= SMB2_DIALECT_300 && in->cipher && in->has_keys;

		must(a == POLICY_ANSWER_PLAIN || in->has_keys, in,
		     "no protection without keys");
		must(a != POLICY_ANSWER_ENCRYPTED || can, in,
		     "no encryption without a cipher");
		must(!interim || a != POLICY_ANSWER_SIGNED, in,
		     "interim answers are not signed");
		must(!final_setup || !in->has_keys || in->command == SMB2_NEGOTIATE ||
			     a == POLICY_ANSWER_SIGNED,
		     in, "the end of a setup is signed");
		if (in->protection == POLICY_ENCRYPTED && can && !final_setup &&
		    in->command != SMB2_NEGOTIATE)
			must(a == POLICY_ANSWER_ENCRYPTED, in,
			     "what came encrypted is answered encrypted");
		if (in->session_encrypt_data && can && !final_setup &&
		    in->session >= POLICY_SESSION_VALID &&
		    in->command != SMB2_NEGOTIATE && in->command != SMB2_SESSION_SETUP)
			must(a == POLICY_ANSWER_ENCRYPTED, in,
			     "a session announced as encrypted is never answered plain");
	}
}

TEST(policy_walk_answers)
{
	walk(check_answer);
}

/* ---- tightening ---------------------------------------------------------------------------------- */

static bool is_answered(struct policy_out out)
{
	return out.verdict == POLICY_PROCESS || out.verdict == POLICY_REFUSE;
}

/* A logon: nobody is let in who was not, and what the session's flags promised stays promised. */
static void check_tighter_session(const struct policy_in *loose,
				  const struct policy_in *tight, bool client_signs)
{
	struct policy_session_out l = policy_session(loose, client_signs);
	struct policy_session_out t = policy_session(tight, client_signs);

	must(l.out.verdict == POLICY_PROCESS || t.out.verdict != POLICY_PROCESS, tight,
	     "tightening lets nobody more log on");
	must(!l.signing_required || t.signing_required, tight,
	     "tightening takes no demand for signing away");
	must(!l.encrypt_data || t.encrypt_data, tight,
	     "tightening takes no session's encryption away");
}

static void check_tighter(const struct policy_in *loose, const struct policy_in *tight)
{
	must(policy_admit(loose).verdict != POLICY_DROP ||
		     !is_answered(policy_admit(tight)),
	     tight, "tightening answers nothing that was dropped");
	must(policy_admit(loose).verdict == POLICY_PROCESS ||
		     policy_admit(tight).verdict != POLICY_PROCESS,
	     tight, "tightening admits nothing more");
	must(policy_access(loose).verdict == POLICY_PROCESS ||
		     policy_access(tight).verdict != POLICY_PROCESS,
	     tight, "tightening gives access to nothing more");
	for (int how = 0; how < 3; how++)
		must(policy_answer(loose, how == 1, how == 2) !=
				     POLICY_ANSWER_ENCRYPTED ||
			     policy_answer(tight, how == 1, how == 2) ==
				     POLICY_ANSWER_ENCRYPTED,
		     tight, "tightening makes no encrypted answer plain");
	if (tight->command != SMB2_SESSION_SETUP || tight->protection != POLICY_PLAIN)
		return;
	check_tighter_session(loose, tight, false);
	check_tighter_session(loose, tight, true);
}

static void check_tightening(const struct policy_in *in)
{
	struct policy_in tight[] = {*in, *in, *in, *in, *in, *in, *in, *in};

	tight[0].require_message_signing = true;
	tight[1].reject_unencrypted_access = true;
	tight[2].encrypt_data = true;
	tight[3].share_encrypt_data = true;
	tight[4].null_session_access = false;
	tight[5].any_share_unencrypted = false;
	tight[6].signing_required = true;
	tight[7].session_encrypt_data = true;
	for (size_t i = 0; i < ARRAY_LEN(tight); i++) {
		if (memcmp(in, &tight[i], sizeof(*in)))
			check_tighter(in, &tight[i]);
	}
}

TEST(policy_walk_tightening)
{
	walk(check_tightening);
}

/* ---- new sessions -------------------------------------------------------------------------------- */

static void check_session(const struct policy_in *in)
{
	if (in->command != SMB2_SESSION_SETUP || in->protection != POLICY_PLAIN)
		return;
	for (int client_signs = 0; client_signs < 2; client_signs++) {
		struct policy_session_out so = policy_session(in, client_signs);
		bool processed = so.out.verdict == POLICY_PROCESS;
		bool again = in->session >= POLICY_SESSION_VALID || in->binding;
		bool keys = again ? in->has_keys : in->user == POLICY_USER_NAMED;
		bool can = keys && in->dialect >= SMB2_DIALECT_300 && in->cipher;

		must(processed || so.out.verdict == POLICY_REFUSE, in,
		     "a setup is answered");
		must(!processed || in->user != POLICY_USER_NONE, in,
		     "somebody has logged on");
		must(!processed || !in->require_message_signing || keys, in,
		     "who must sign can");
		must(!processed || !in->reject_unencrypted_access || can, in,
		     "who must encrypt can");
		if (!again) {
			must(!so.encrypt_data || can, in, "the flag is kept");
			must(!so.signing_required || keys, in, "the demand can be met");
			must(!processed || !client_signs || !keys || so.signing_required,
			     in, "the client's demand is honoured");
			must(!processed || !in->reject_unencrypted_access ||
				     so.encrypt_data,
			     in, "the client is told to encrypt");
		}
	}
}

TEST(policy_walk_sessions)
{
	walk(check_session);
}

TEST_MAIN()
