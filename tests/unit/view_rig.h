/*
 * A view by hand: what is shown, without a server.
 */
#pragma once

#include "ctl/view.h"
#include "smb/share.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

struct view_rig {
	struct conf conf;
	struct snapshot snapshot;
	struct stats_share shares[2];
	struct view view;
};

static inline void view_rig_start(struct view_rig *r, const char *share_name)
{
	*r = (struct view_rig){.conf = {.server_name = "FS", .server_comment = ""}};
	r->snapshot = (struct snapshot){.refs = 1, .conf = &r->conf};
	snprintf(r->shares[0].name, sizeof(r->shares[0].name), "%s", share_name);
	snprintf(r->shares[1].name, sizeof(r->shares[1].name), "IPC$");
	r->view.snapshot = &r->snapshot;
	r->view.stats.shares = r->shares;
	r->view.stats.share_count = 2;
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		r->view.stats.commands[i].name = i == 8 ? "READ" : "OTHER";
}

/* What fn writes; from malloc. Inlined, gcc takes the text for the variable that points to it. */
static __attribute__((noinline)) char *view_rig_text(const struct view_rig *r,
						     void (*fn)(const struct view *v,
								FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	CHECK(out != NULL);
	fn(&r->view, out);
	CHECK_EQ(fclose(out), 0);
	return text;
}
