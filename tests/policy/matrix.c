/*
 * matrix.c - the rows of tests/vectors/policy-matrix.txt that are about this server, and those that follow from them:
 * clients of 3.x without a cipher, guests, the anonymous.
 *
 * A row is two connections. On the first TREE_CONNECT is what is judged. On the second, which got to a tree and a file
 * as this server wants it, each of several later requests is; for each the disk says whether it was done. What was
 * dropped has left its MessageId to a proper request.
 */
#include "policy/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 512 };

struct row {
	int r, g, s, u;
	char dialect[CELL_MAX], client[CELL_MAX];
	char setup[CELL_MAX], tree[CELL_MAX], later[CELL_MAX];
	struct kind kind;
};

static const struct {
	const char *name;
	uint16_t value;
} dialects[] = {{"2.0.2", SMB2_DIALECT_202},
		{"2.1", SMB2_DIALECT_210},
		{"3.0", SMB2_DIALECT_300},
		{"3.0.2", SMB2_DIALECT_302},
		{"3.1.1", SMB2_DIALECT_311}};

static uint16_t dialect_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
		if (!strcmp(dialects[i].name, name))
			return dialects[i].value;
	fprintf(stderr, "policy: no dialect \"%s\"\n", name);
	exit(EXIT_FAILURE);
}

static enum client_protect protect_of(const struct row *row)
{
	if (!strcmp(row->client, "signed"))
		return CLIENT_SIGNED;
	return strcmp(row->client, "plain") ? CLIENT_SEALED : CLIENT_PLAIN;
}

static void judge(struct world *w, const struct row *row, const char *what,
		  const char *met, const char *want)
{
	static const char *const who[] = {
		[NAMED] = "", [GUEST] = " guest", [ANONYMOUS] = " anonymous"};

	if (!strcmp(met, want))
		return;
	wire_wrong(w, "R%d G%d S%d U%d %s %s%s%s: %s met %s, not %s", row->r, row->g,
		   row->s, row->u, row->dialect, row->client, who[row->kind.who],
		   row->kind.cipher || row->kind.dialect < SMB2_DIALECT_300
			   ? ""
			   : " (no cipher)",
		   what, met, want);
}

static bool is_word(const char *cell, const char *word)
{
	return !strncmp(cell, word, strlen(word));
}

/* ---- later requests --------------------------------------------------------------------------------------- */

static void op_write(struct wire *x)
{
	(void)wire_write(x, FORGED);
}

static bool was_written(const struct wire *x)
{
	return !share_file_is(x->share, "file", UNTOUCHED);
}

static void op_create(struct wire *x)
{
	struct client_create in = wire_create_in("made", FILE_CREATE);

	(void)client_create(x->s->client, x->tree, &in);
}

static bool was_made(const struct wire *x)
{
	return share_has(x->share, "made");
}

static void op_read(struct wire *x)
{
	(void)client_read(x->s->client, x->tree, x->file, 0, 4);
}

/* By then the file may have been written. */
static bool was_shown(const struct wire *x)
{
	return memmem(x->answer.p, x->answer.len, UNTOUCHED, 4) ||
	       memmem(x->answer.p, x->answer.len, FORGED, 4);
}

static void op_logoff(struct wire *x)
{
	(void)client_logoff(x->s->client);
}

static void op_disconnect(struct wire *x)
{
	(void)client_tree_disconnect(x->s->client, x->tree);
}

static const struct {
	const char *name;
	void (*add)(struct wire *x);
	bool (*done)(const struct wire *x); /* NULL: what comes after would not work */
} ops[] = {
	{"READ", op_read, was_shown},
	{"WRITE", op_write, was_written},
	{"CREATE", op_create, was_made},
	{"LOGOFF", op_logoff, NULL},
	{"TREE_DISCONNECT", op_disconnect, NULL},
};

/* One request, and that it left no trace if it was not to be done. */
static bool play_op(struct wire *x, const struct row *row, size_t i)
{
	uint64_t mid = x->s->client->next_id;
	bool wanted = is_word(row->later, "OK"), dropped = is_word(row->later, "DROP");
	char met[CELL_MAX];

	x->answer.len = 0;
	client_begin_as(x->s->client, protect_of(row));
	ops[i].add(x);
	wire_send(x);
	wire_meets(x, dropped ? SILENCE_MS : 0, met);
	judge(x->world, row, ops[i].name, met, row->later);
	if (ops[i].done)
		judge(x->world, row, ops[i].name, ops[i].done(x) ? "done" : "not done",
		      wanted ? "done" : "not done");
	return !strcmp(met, row->later) &&
	       wire_alive(x, dropped ? mid : x->s->client->next_id);
}

/* After all that was refused or dropped, a proper WRITE is served. */
static void play_proper_write(struct wire *x, const struct row *row)
{
	char met[CELL_MAX];

	client_begin_as(x->s->client, wire_proper(x));
	op_write(x);
	wire_send(x);
	wire_meets(x, 0, met);
	judge(x->world, row, "a proper WRITE",
	      is_word(met, "OK") && was_written(x) ? "done" : met, "done");
}

static void play_later(struct world *w, const struct row *row)
{
	const struct share *share = &w->shares[row->s];
	struct wire x;
	bool goes_on;

	share_remove(share, "made");
	goes_on = wire_ready(&x, w, &row->kind, share);
	if (goes_on)
		wire_fake_keys(&x);
	for (size_t i = 0; goes_on && i < ARRAY_LEN(ops); i++)
		if (ops[i].done || !is_word(row->later, "OK"))
			goes_on = play_op(&x, row, i);
	if (goes_on)
		play_proper_write(&x, row);
	wire_close(&x);
}

/* ---- TREE_CONNECT ----------------------------------------------------------------------------------------- */

static void tree_connect(struct wire *x, const struct share *share,
			 enum client_protect how, int timeout_ms, char met[CELL_MAX])
{
	client_begin_as(x->s->client, how);
	(void)client_tree_connect(x->s->client, share->name);
	wire_send(x);
	wire_meets(x, timeout_ms, met);
}

/* Who was refused at logon is not let in without one either. */
static void play_uninvited(struct wire *x, const struct row *row)
{
	char met[CELL_MAX];

	tree_connect(x, &x->world->shares[row->s], CLIENT_PLAIN, row->r ? SILENCE_MS : 0,
		     met);
	judge(x->world, row, "TREE_CONNECT after all", met,
	      row->r ? "DROP" : "STATUS_USER_SESSION_DELETED/plain");
}

static void play_tree(struct wire *x, const struct row *row)
{
	const struct share *share = &x->world->shares[row->s];
	bool dropped = is_word(row->tree, "DROP");
	uint64_t mid = x->s->client->next_id;
	char met[CELL_MAX];

	tree_connect(x, share, protect_of(row), dropped ? SILENCE_MS : 0, met);
	judge(x->world, row, "TREE_CONNECT", met, row->tree);
	if (strcmp(met, row->tree) || is_word(met, "DISC"))
		return;
	if (!wire_alive(x, dropped ? mid : x->s->client->next_id))
		return;
	tree_connect(x, share, wire_proper(x), 0, met);
	judge(x->world, row, "a proper TREE_CONNECT", is_word(met, "OK") ? "OK" : met,
	      "OK");
}

static void play(struct world *w, const struct row *row)
{
	char met[CELL_MAX];
	struct wire x;

	w->played++;
	wire_open(&x, w, &row->kind);
	wire_negotiate(&x);
	wire_logon(&x, met);
	judge(w, row, "SESSION_SETUP", met, row->setup);
	if (row->u && !row->kind.cipher)
		judge(w, row, "who cannot encrypt",
		      x.legs == 1 ? "at once" : "with a challenge", "at once");
	if (is_word(met, "OK")) {
		wire_fake_keys(&x);
		play_tree(&x, row);
	} else {
		play_uninvited(&x, row);
	}
	wire_close(&x);
	if (is_word(met, "OK") && strcmp(row->later, "-"))
		play_later(w, row);
}

/* ---- the rows --------------------------------------------------------------------------------------------- */

static bool is_ours(const struct world *w, const struct row *row)
{
	return row->r == w->r && row->g == w->g && row->u == w->u &&
	       w->shares[row->s].folder;
}

/* "3.x without a cipher: read the 2.1 row, except that an unsigned TREE_CONNECT on 3.1.1 is DISC when R=0." */
static void play_without_cipher(struct world *w, const struct row *from)
{
	for (size_t i = 2; i < ARRAY_LEN(dialects); i++) {
		struct row row = *from;

		snprintf(row.dialect, CELL_MAX, "%s", dialects[i].name);
		row.kind.dialect = dialects[i].value;
		if (row.kind.dialect == SMB2_DIALECT_311 && !row.r && !row.u &&
		    !strcmp(row.client, "plain"))
			snprintf(row.tree, CELL_MAX, "DISC");
		play(w, &row);
	}
}

static unsigned play_file(struct world *w, FILE *f)
{
	char line[LINE_MAX_LEN];
	unsigned rows = 0;

	while (fgets(line, sizeof(line), f)) {
		struct row row = {0};

		if (sscanf(line, "%d %d %d %d %47s %47s %47s %47s %47s", &row.r, &row.g,
			   &row.s, &row.u, row.dialect, row.client, row.setup, row.tree,
			   row.later) != 9 ||
		    !is_ours(w, &row))
			continue;
		row.kind = (struct kind){.dialect = dialect_of(row.dialect),
					 .signing = SIGN_AES_GMAC};
		row.kind.cipher = row.kind.dialect >= SMB2_DIALECT_300;
		play(w, &row);
		rows++;
		if (row.kind.dialect == SMB2_DIALECT_210)
			play_without_cipher(w, &row);
	}
	return rows;
}

/*
 * Who has no key: refused where one is needed, else served in plain whatever encrypt_data says. What claims to be
 * protected is not believed.
 */
static void play_keyless(struct world *w, enum who who, uint16_t s)
{
	static const struct {
		const char *client, *tree, *later;
	} cells[] = {
		{"plain", "OK/plain", "OK/plain"},
		{"signed", "STATUS_NOT_SUPPORTED/plain", "STATUS_NOT_SUPPORTED/plain"},
		{"encrypted", "DISC", "-"}};

	for (size_t i = 0; i < ARRAY_LEN(dialects) * ARRAY_LEN(cells); i++) {
		size_t cell = i % ARRAY_LEN(cells), d = i / ARRAY_LEN(cells);
		struct row row = {.r = w->r, .g = w->g, .s = s, .u = w->u};

		snprintf(row.dialect, CELL_MAX, "%s", dialects[d].name);
		snprintf(row.client, CELL_MAX, "%s", cells[cell].client);
		snprintf(row.setup, CELL_MAX, w->r || w->u ? "ACC" : "OK");
		snprintf(row.tree, CELL_MAX, "%s", cells[cell].tree);
		snprintf(row.later, CELL_MAX, "%s", cells[cell].later);
		row.kind = (struct kind){.dialect = dialects[d].value,
					 .cipher = dialects[d].value >= SMB2_DIALECT_300,
					 .who = who};
		play(w, &row);
	}
}

void matrix_play(struct world *w, const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned rows, named;

	if (!f) {
		fprintf(stderr, "policy: %s: cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	rows = play_file(w, f);
	fclose(f);
	named = w->played;
	for (uint16_t s = 0; s < 2; s++)
		if (w->shares[s].folder) {
			play_keyless(w, GUEST, s);
			play_keyless(w, ANONYMOUS, s);
		}
	printf("rows %u, without a cipher %u, without keys %u, wrong %u\n", rows,
	       named - rows, w->played - named, w->wrong);
}
