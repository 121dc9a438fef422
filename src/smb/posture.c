#include "smb/posture.h"

#include "smb/inventory.h"
#include "smb/sess.h"

#include <assert.h>
#include <stdlib.h>

static int by_row(const void *a, const void *b)
{
	const struct posture_row *x = a, *y = b;

	if (x->dialect != y->dialect)
		return x->dialect < y->dialect ? -1 : 1;
	if (x->has_keys != y->has_keys)
		return x->has_keys ? 1 : -1;
	if (x->sign_alg != y->sign_alg)
		return x->sign_alg < y->sign_alg ? -1 : 1;
	return x->cipher < y->cipher ? -1 : x->cipher > y->cipher;
}

void posture_add(struct posture *p, const struct posture_row *one)
{
	for (size_t i = 0; i < p->row_count; i++)
		if (by_row(&p->rows[i], one) == 0) {
			p->rows[i].sessions++;
			return;
		}
	assert(p->row_count < POSTURE_ROWS_MAX);
	p->rows[p->row_count] = *one;
	p->rows[p->row_count++].sessions = 1;
}

static void sess_add(struct posture *p, const struct sess *s)
{
	struct posture_row row = {.dialect = s->dialect};

	if (!sess_is_set_up(s)) {
		p->setting_up++;
		return;
	}
	row.has_keys = s->has_keys;
	if (s->has_keys) {
		row.sign_alg = s->sign_alg;
		row.cipher = s->cipher;
	}
	p->users[s->user]++;
	p->signing_required += s->signing_required;
	p->encrypted += s->encrypt_data;
	posture_add(p, &row);
}

/* A piece of the table; false at its end. */
static bool piece_add(struct smb_server *s, struct map_cursor *pos, struct posture *p)
{
	struct map_node *n;
	LOCK_SCOPE(&s->lock);

	for (unsigned i = 0; i < INVENTORY_SLOTS; i++) {
		if (!map_cursor_next(&s->sessions, pos, &n))
			return false;
		for (; n; n = n->next)
			sess_add(p, container_of(n, struct sess, by_id));
	}
	return true;
}

void posture_gather(struct smb_server *s, struct posture *ret)
{
	struct map_cursor pos = {0};
	struct posture p = {0};

	while (piece_add(s, &pos, &p))
		;
	if (p.row_count)
		qsort(p.rows, p.row_count, sizeof(p.rows[0]), by_row);
	*ret = p;
}
