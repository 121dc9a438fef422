/*
 * test_policy_matrix.c - all 240 rows of policy-matrix.txt, each played through as a client would: SESSION_SETUP,
 * TREE_CONNECT, a later request; verdict, session flag and protection of the answer at each step.
 */
#include "test.h"
#include "vectors.h"

#include "secure/policy.h"
#include "wire/smb2_proto.h"

#define MATRIX "policy-matrix.txt"

enum { CELL_MAX = 32, ROWS = 240 };

struct row {
	int r, g, s, u;
	char dialect[CELL_MAX], client[CELL_MAX];
	char setup[CELL_MAX], tree[CELL_MAX], later[CELL_MAX];
};

static uint16_t dialect_of(const char *name)
{
	static const struct {
		const char *name;
		uint16_t value;
	} dialects[] = {{"2.0.2", SMB2_DIALECT_202},
			{"2.1", SMB2_DIALECT_210},
			{"3.0", SMB2_DIALECT_300},
			{"3.0.2", SMB2_DIALECT_302},
			{"3.1.1", SMB2_DIALECT_311}};

	for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
		if (!strcmp(dialects[i].name, name))
			return dialects[i].value;
	}
	fail_msg("dialect %s", name);
	return 0;
}

static enum policy_protection protection_of(const char *client)
{
	if (!strcmp(client, "signed"))
		return POLICY_SIGNED;
	return !strcmp(client, "encrypted") ? POLICY_ENCRYPTED : POLICY_PLAIN;
}

static struct policy_in in_of(const struct row *row)
{
	struct policy_in in = {
		.require_message_signing = row->r,
		.encrypt_data = row->g,
		.any_share_unencrypted = !row->s, /* there is this share */
		.reject_unencrypted_access = row->u,
		.dialect = dialect_of(row->dialect),
	};

	in.cipher = in.dialect >= SMB2_DIALECT_300;
	return in;
}

static const char *answer_name(enum policy_answer a)
{
	static const char *const names[] = {[POLICY_ANSWER_PLAIN] = "/plain",
					    [POLICY_ANSWER_SIGNED] = "/signed",
					    [POLICY_ANSWER_ENCRYPTED] = "/enc"};

	return names[a];
}

/* What the matrix would write. */
static void cell(char text[CELL_MAX], struct policy_out out, const char *answer)
{
	switch (out.verdict) {
	case POLICY_DISCONNECT:
		snprintf(text, CELL_MAX, "DISC");
		return;
	case POLICY_DROP:
		snprintf(text, CELL_MAX, "DROP");
		return;
	case POLICY_REFUSE:
		CHECK_ST(out.status, STATUS_ACCESS_DENIED);
		snprintf(text, CELL_MAX, "ACC%s", answer);
		return;
	case POLICY_PROCESS:
		snprintf(text, CELL_MAX, "OK%s", answer);
		return;
	}
}

/* The logon: two plain legs, then the user is known. True if there is a session afterwards. */
static bool play_setup(struct policy_in *in, char text[CELL_MAX])
{
	struct policy_session_out so;
	struct policy_out out;

	in->command = SMB2_SESSION_SETUP;
	in->protection = POLICY_PLAIN;
	for (int leg = 0; leg < 2; leg++) {
		in->session = leg ? POLICY_SESSION_IN_PROGRESS : POLICY_SESSION_NONE;
		out = policy_admit(in);
		if (out.verdict != POLICY_PROCESS) {
			cell(text, out, "");
			return false;
		}
		CHECK_EQ(policy_answer(in, false, false), POLICY_ANSWER_PLAIN);
	}
	in->user = POLICY_USER_NAMED;
	so = policy_session(in, false);
	cell(text, so.out, so.encrypt_data ? "+ENC" : "");
	if (so.out.verdict != POLICY_PROCESS)
		return false;
	in->has_keys = true;
	in->session = POLICY_SESSION_VALID;
	in->signing_required = so.signing_required;
	in->session_encrypt_data = so.encrypt_data;
	CHECK_EQ(policy_answer(in, false, true), POLICY_ANSWER_SIGNED);
	return true;
}

static void play(struct policy_in *in, const struct row *row, uint16_t command,
		 char text[CELL_MAX])
{
	struct policy_out out;

	in->command = command;
	in->protection = protection_of(row->client);
	in->has_tree = false;
	out = policy_admit(in);
	if (out.verdict == POLICY_PROCESS) {
		in->has_tree = true;
		in->share_encrypt_data = row->s;
		out = policy_access(in);
	}
	cell(text, out, answer_name(policy_answer(in, false, false)));
}

/* "-": not reached. A 3.1.1 client whose plain TREE_CONNECT ends the connection signs it to get further. */
static void check_row(const struct row *row, const char *line)
{
	char setup[CELL_MAX], tree[CELL_MAX] = "-", later[CELL_MAX] = "-";
	struct policy_in in = in_of(row);

	if (play_setup(&in, setup)) {
		play(&in, row, SMB2_TREE_CONNECT, tree);
		if (strcmp(row->later, "-"))
			play(&in, row, SMB2_READ, later);
	}
	if (strcmp(setup, row->setup) || strcmp(tree, row->tree) ||
	    strcmp(later, row->later))
		fail_msg("%sgot %s %s %s", line, setup, tree, later);
}

TEST(policy_matrix)
{
	FILE *f = vec_open(MATRIX);
	char line[VEC_LINE_MAX];
	size_t rows = 0;

	while (fgets(line, sizeof(line), f)) {
		struct row row;

		if (line[0] != '0' && line[0] != '1')
			continue;
		CHECK_EQ(sscanf(line, "%d %d %d %d %31s %31s %31s %31s %31s", &row.r,
				&row.g, &row.s, &row.u, row.dialect, row.client,
				row.setup, row.tree, row.later),
			 9);
		check_row(&row, line);
		rows++;
	}
	fclose(f);
	CHECK_EQ(rows, ROWS);
}

/* "3.x without a cipher: read the 2.1 row, except that an unsigned TREE_CONNECT on 3.1.1 is DISC when R=0." */
TEST(policy_matrix_without_a_cipher)
{
	static const char *const dialects[] = {"3.0", "3.0.2", "3.1.1"};
	FILE *f = vec_open(MATRIX);
	char line[VEC_LINE_MAX];

	while (fgets(line, sizeof(line), f)) {
		char setup[CELL_MAX], tree[CELL_MAX] = "-", later[CELL_MAX] = "-";
		struct row row;

		if (sscanf(line, "%d %d %d %d %31s %31s %31s %31s %31s", &row.r, &row.g,
			   &row.s, &row.u, row.dialect, row.client, row.setup, row.tree,
			   row.later) != 9 ||
		    strcmp(row.dialect, "2.1"))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
			struct policy_in in = in_of(&row);
			bool disc = !strcmp(dialects[i], "3.1.1") && !row.r && !row.u &&
				    !strcmp(row.client, "plain");

			in.dialect = dialect_of(dialects[i]);
			in.cipher = false;
			if (play_setup(&in, setup)) {
				play(&in, &row, SMB2_TREE_CONNECT, tree);
				if (strcmp(row.later, "-"))
					play(&in, &row, SMB2_READ, later);
			}
			CHECK_STR(setup, row.setup);
			CHECK_STR(tree, disc ? "DISC" : row.tree);
			CHECK_STR(later, row.later);
		}
	}
	fclose(f);
}

TEST_MAIN()
