#include "smb/trail.h"

#include "smb/req.h"

#include <stdio.h>
#include <string.h>

static bool is_on(const struct smb_server *s, const struct conf *conf)
{
	return s->trail && conf->audit_enable;
}

static bool is_on_lane(const struct smb_server *s, const struct lane *lane)
{
	return is_on(s, ((const struct smb_lane *)lane->core)->snapshot->conf);
}

bool trail_wants(const struct req *q, enum conf_audit_level level)
{
	if (!is_on(q->conn->server, q->snap->conf))
		return false;
	return level == CONF_AUDIT_NONE ||
	       (q->tree && atomic_load(&q->tree->audit_level) >= level);
}

static const char *kind_of(const struct principal *who)
{
	switch (who->kind) {
	case PRINCIPAL_NAMED:
		return "named";
	case PRINCIPAL_GUEST:
		return "guest";
	case PRINCIPAL_ANONYMOUS:
		break;
	}
	return "anonymous";
}

static void note(struct smb_server *s, struct trail_event *e)
{
	e->time = env_filetime(s->env);
	s->trail->note(s->trail, e);
}

static void name_user(struct trail_event *e, const struct principal *who)
{
	e->user = who->user;
	e->user_kind = kind_of(who);
}

static void name_origin(struct trail_event *e, const struct req *q)
{
	e->client = conn_peer(q->conn);
	e->session_id = q->sess ? q->sess->id : 0;
	e->dialect = q->conn->dialect;
}

void trail_note(struct req *q, struct trail_event *e)
{
	if (!e->user && q->sess && req_who(q))
		name_user(e, req_who(q));
	name_origin(e, q);
	if (!e->share && q->tree)
		e->share = q->tree->share->name;
	note(q->conn->server, e);
}

static enum trail_kind refusal_kind(uint16_t command)
{
	switch (command) {
	case SMB2_SESSION_SETUP:
		return TRAIL_LOGON_REFUSED;
	case SMB2_TREE_CONNECT:
		return TRAIL_CONNECT_REFUSED;
	default:
		return TRAIL_REFUSED;
	}
}

void trail_refused(const struct req *q, nt_status st, const char *who, const char *reason,
		   const char *parameter)
{
	struct trail_event e = {
		.kind = refusal_kind(q->header.command),
		.status = st,
		.client = conn_peer(q->conn),
		.user = who[0] ? who : NULL,
		.session_id = q->header.session_id,
		.dialect = q->conn->dialect,
		.share = q->tree ? q->tree->share->name : NULL,
		.name = smb_command_name(q->conn->server, q->header.command),
		.reason = reason,
		.parameter = parameter,
	};

	if (trail_wants(q, CONF_AUDIT_NONE))
		note(q->conn->server, &e);
}

bool trail_wants_of_open(const struct open *o, const struct lane *lane,
			 enum conf_audit_level level)
{
	uint32_t of_share = o->tree          ? atomic_load(&o->tree->audit_level)
			    : o->share->conf ? o->share->conf->audit_level
					     : CONF_AUDIT_NONE;

	return is_on_lane(o->server, lane) && of_share >= level;
}

void trail_note_of_open(const struct open *o, struct trail_event *e)
{
	name_user(e, o->who);
	e->share = o->share->name;
	if (o->sess) {
		e->client = o->sess->client;
		e->session_id = o->sess->id;
		e->dialect = o->sess->dialect;
	}
	note(o->server, e);
}

void trail_note_removal(const struct open *o, const struct principal *who,
			struct trail_event *e)
{
	if (principal_same(who, o->who)) {
		trail_note_of_open(o, e);
		return;
	}
	name_user(e, who);
	e->share = o->share->name;
	note(o->server, e);
}

const char *trail_path(struct arena *a, const char *path, const char *stream)
{
	size_t len = strlen(path) + 1 + (stream ? strlen(stream) : 0) + 1;
	char *text = arena_alloc(a, len);

	if (text)
		snprintf(text, len, "%s%s%s", path, stream ? ":" : "",
			 stream ? stream : "");
	return text;
}

void trail_ended(struct smb_server *s, const struct lane *lane, const struct evictor *who,
		 struct trail_event *e)
{
	if (!is_on_lane(s, lane))
		return;
	e->kind = TRAIL_ENDED;
	e->by = who->by;
	if (who->q) {
		name_user(e, req_who(who->q));
		name_origin(e, who->q);
	}
	note(s, e);
}

static void of_session(struct sess *s, struct trail_event *e)
{
	CLEANUP(principal_putp) struct principal *who = sess_who(s);

	if (!who) /* nobody has logged on to it */
		return;
	name_user(e, who);
	e->client = s->client;
	e->session_id = s->id;
	e->dialect = s->dialect;
	note(s->server, e);
}

void trail_logoff(struct sess *s, const struct lane *lane)
{
	struct trail_event e = {.kind = TRAIL_LOGOFF};

	if (is_on_lane(s->server, lane))
		of_session(s, &e);
}

void trail_disconnect(struct tree *t, const struct lane *lane)
{
	struct trail_event e = {.kind = TRAIL_DISCONNECT, .share = t->share->name};

	if (is_on_lane(t->sess->server, lane) &&
	    atomic_load(&t->audit_level) >= CONF_AUDIT_TREES)
		of_session(t->sess, &e);
}
