/*
 * fuzz_create_contexts.c - any bytes as the context list of a CREATE, and the answer.
 *
 * Besides surviving: what is borrowed lies inside the list, and the answer has room, is well-formed, and answers what
 * was asked.
 *
 * Target functions: create_contexts_decode, create_contexts_encode
 */
#include "cmd/create_contexts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 22 };

static void check_borrowed(const struct create_contexts *c, struct span list)
{
	for (size_t i = 0; i < c->ea_count; i++) {
		struct span v = c->eas[i].value;

		if (c->eas[i].name[0] == '\0' ||
		    (v.len && (v.p < list.p || v.p + v.len > list.p + list.len)))
			abort();
	}
}

static void check_answer(const struct create_contexts *c, struct arena *a)
{
	const struct node_key key = {.volume = 1, .inode = 2};
	uint8_t answer[CREATE_CONTEXTS_LEN_MAX];
	struct wr w = wr_of(mspan_of(answer, sizeof(answer)));
	struct create_contexts again;
	nt_status st;

	create_contexts_encode(&w, c, 0x001F01FF, &key);
	if (!wr_ok(&w) ||
	    (wr_pos(&w) > 0) != (c->maximal_access || c->on_disk_id || c->lease.version))
		abort();
	/* as a request: MxAc may hold eight bytes, QFid none */
	st = create_contexts_decode(wr_done(&w), a, &again);
	if (nt_ok(st) == c->on_disk_id ||
	    (nt_ok(st) && again.maximal_access != c->maximal_access))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span list = span_of(data, size);
	struct create_contexts c;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	if (nt_ok(create_contexts_decode(list, &a, &c))) {
		check_borrowed(&c, list);
		check_answer(&c, &a);
	}
	arena_fini(&a);
	return 0;
}
