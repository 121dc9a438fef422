#include "auditing.h"

#include "base/ct.h"
#include "base/log.h"
#include "runstate.h"
#include "trail/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auditing {
	struct env *env;
	struct writer *writer;
};

int auditing_new(struct env *env, struct auditing **ret_auditing)
{
	struct auditing *a = calloc(1, sizeof(*a));
	int err = a ? writer_new(env, &a->writer) : -ENOMEM;

	if (err) {
		free(a);
		return err;
	}
	a->env = env;
	*ret_auditing = a;
	return 0;
}

struct trail *auditing_trail(struct auditing *a)
{
	return writer_trail(a->writer);
}

static bool text_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct conf *a, const struct conf *b)
{
	const struct conf_audit_params *p = &a->audit_params, *q = &b->audit_params;

	return a->audit_enable == b->audit_enable &&
	       (!a->audit_enable ||
		(text_eq(p->path, q->path) && text_eq(p->cn, q->cn) &&
		 p->days == q->days && p->uid == q->uid && p->gid == q->gid &&
		 p->sensitive_data == q->sensitive_data));
}

struct hash_key {
	uint8_t bytes[LINE_KEY_LEN];
};

static void hash_key_wipe(struct hash_key *k)
{
	wipe(k, sizeof(*k));
}

int auditing_begin(struct auditing *a, const struct conf *from, const struct conf *to,
		   struct auditing_change *ret_change, char *why)
{
	const struct conf_audit_params *p = to->audit_enable ? &to->audit_params : NULL;
	CLEANUP(hash_key_wipe) struct hash_key key = {0};
	struct log_esc esc;
	int err = 0;

	*ret_change = (struct auditing_change){0};
	if (from ? same(from, to) : !p)
		return 0;
	if (p && p->sensitive_data == CONF_SENSITIVE_HASH)
		err = runstate_key(to->runstate_dir, a->env, key.bytes,
				   sizeof(key.bytes));
	if (err) {
		snprintf(why, AUDITING_WHY_MAX,
			 "audit_params: the key of hashes in %s: %s",
			 log_esc(&esc, span_of_str(to->runstate_dir)), strerror(-err));
		return err;
	}
	err = writer_open(a->writer, p, key.bytes, &ret_change->target);
	if (err)
		snprintf(why, AUDITING_WHY_MAX, "audit_params: %s: %s%s",
			 p ? log_esc(&esc, span_of_str(p->path)) : "", strerror(-err),
			 err == -EPERM
				 ? ": its files must be regular ones of the server's "
				   "account, or of uid, that others can neither "
				   "read nor write"
				 : "");
	return err;
}

void auditing_give_up(struct auditing_change *c)
{
	if (c->target)
		writer_close(TAKE(c->target));
}

static void note(struct auditing *a, struct trail_event *e)
{
	struct trail *t = writer_trail(a->writer);

	e->time = env_filetime(a->env);
	t->note(t, e);
}

static void note_change(struct auditing *a, const struct conf_change *c,
			const struct changer *who)
{
	struct trail_event e = {
		.kind = TRAIL_CONFIG,
		.by = who->by,
		.user = who->user,
		.share = c->share,
		.name = c->param ? c->param->name : NULL,
		.from = c->param ? c->from : NULL,
		.to = c->param ? c->to : NULL,
		.reason = c->param  ? NULL
			  : c->from ? "share removed"
				    : "share added",
	};

	note(a, &e);
}

static void note_changes(struct auditing *a, const struct conf *from,
			 const struct conf *to, const struct changer *who)
{
	struct conf_changes changes;

	if (conf_diff(from, to, &changes) != 0) {
		log_error(
			"audit log: out of memory: a change of the configuration is not "
			"in it");
		return;
	}
	for (size_t i = 0; i < changes.count; i++)
		note_change(a, &changes.list[i], who);
	conf_changes_fini(&changes);
}

static void note_start(struct auditing *a)
{
	struct trail_event e = {.kind = TRAIL_START, .reason = "tsmb " TSMB_VERSION};

	note(a, &e);
}

void auditing_finish(struct auditing *a, struct auditing_change *c,
		     const struct conf *from, const struct conf *to,
		     const struct changer *who)
{
	bool turns = c->target != NULL;

	if (from && from->audit_enable)
		note_changes(a, from, to, who);
	if (turns)
		writer_turn(a->writer, TAKE(c->target));
	if (turns && to->audit_enable && from)
		note_changes(a, from, to, who);
	if (!from && to->audit_enable)
		note_start(a);
}

void auditing_free(struct auditing *a, const struct conf *conf)
{
	struct trail_event e = {.kind = TRAIL_STOP};

	if (!a)
		return;
	if (conf->audit_enable)
		note(a, &e);
	writer_free(a->writer);
	free(a);
}
