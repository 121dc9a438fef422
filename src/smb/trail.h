/*
 * trail.h - the trail that users leave: the seam through which the audit log hears who did what. Nobody is behind it unless the
 *           program put somebody there, and nothing passes unless audit_enable is true.
 *
 * What a share's audit_level asks for (conf.h) is decided here; what becomes of an event, behind the seam. Not to be confused
 * with smb/audit.h, which finds out whom a stricter setting would shut out.
 *
 * Owns     nothing: an event is borrowed for the call.
 * Threads  note() is called from any worker, from several at once, and from main; it must neither wait nor log.
 * Errors   none: what cannot be kept is counted in `lost`.
 */
#pragma once

#include "base/status.h"
#include "conf/conf.h"

#include <stdatomic.h>

struct lane;
struct open;
struct principal;
struct req;
struct sess;
struct smb_server;
struct tree;

enum trail_kind {
	TRAIL_START,
	TRAIL_STOP,
	TRAIL_CONFIG, /* reason: what changed; name, from, to; by */
	TRAIL_LOGON,  /* a session is made, renewed or bound to a further connection	*/
	TRAIL_LOGON_REFUSED,
	TRAIL_LOGOFF, /* a session ended, for whatever reason				*/
	TRAIL_CONNECT,
	TRAIL_CONNECT_REFUSED,
	TRAIL_DISCONNECT,
	TRAIL_REFUSED, /* any other message, by policy					*/
	TRAIL_CREATE,
	TRAIL_OVERWRITE,
	TRAIL_DELETE,
	TRAIL_RENAME,
	TRAIL_LINK,
	TRAIL_SECURITY,
	TRAIL_REPARSE, /* set: reason NULL; or removed */
	TRAIL_OPEN,
	TRAIL_OPEN_REFUSED,
	TRAIL_QUOTA, /* of: whose, a SID in text */
	TRAIL_ENDED, /* an administrator ended something: name, id; of, of_client, path; by */
	TRAIL_KIND_COUNT,
};

/* Texts are UTF-8, or what passes for it in a file system; NULL and 0: it has none. */
struct trail_event {
	enum trail_kind kind;
	uint64_t time;      /* FILETIME */
	nt_status status;   /* of a refusal that nobody is told of: STATUS_SUCCESS	*/
	const char *client; /* "192.0.2.1:50123"				*/
	const char *user;   /* by whom, or who he said he was		*/
	const char *user_kind;
	uint64_t session_id;
	uint16_t dialect;
	const char *share;
	const char *path; /* below the share, with backslashes		*/
	const char *to;   /* RENAME, LINK: likewise; CONFIG: the new value	*/
	const char *from; /* CONFIG */
	const char *
		name; /* CONFIG: the parameter; REFUSED: the command; ENDED: "session" ... */
	const char *reason;
	const char *parameter; /* that is responsible for a refusal		*/
	const char *by;        /* CONFIG, ENDED: "uid 0", "SIGHUP", "srvsvc"	*/
	const char *of;        /* whose it is, if not the user's own		*/
	const char *of_client; /* ENDED: as client				*/
	uint64_t id;           /* ENDED: of session_id, or as inventory.h has it	*/
	uint64_t soft, hard;   /* QUOTA: bytes; UINT64_MAX: none			*/
	uint32_t tag;          /* REPARSE */
	uint32_t access;       /* CREATE, OPEN: granted or asked for		*/
	uint32_t parts;        /* SECURITY: OWNER_SECURITY_INFORMATION ...	*/
	bool directory;
};

struct trail {
	void (*note)(struct trail *t, const struct trail_event *e);
	atomic_ullong noted; /* A  events that were kept			*/
	atomic_ullong lost;  /* A  events that were not				*/
};

/* Does an event of that level on the request's tree go anywhere? CONF_AUDIT_NONE: whatever the tree. */
bool trail_wants(const struct req *q, enum conf_audit_level level);
/* Fill in who, from where, on which share and when; and note it. trail_wants() has been asked. */
void trail_note(struct req *q, struct trail_event *e);
/* A request was refused: called for each refusal, whatever the log says of it. who: claims to be. */
void trail_refused(const struct req *q, nt_status st, const char *who, const char *reason,
		   const char *parameter);

/* The same two for what an open does as it closes, on lane's worker. */
bool trail_wants_of_open(const struct open *o, const struct lane *lane,
			 enum conf_audit_level level);
void trail_note_of_open(const struct open *o, struct trail_event *e);
/* Likewise, of a deletion that `who` asked for: if he is another, it is not known from where. */
void trail_note_removal(const struct open *o, const struct principal *who,
			struct trail_event *e);

/* "folder\\file:stream", in the arena; NULL without memory. stream: NULL for none. */
const char *trail_path(struct arena *a, const char *path, const char *stream);

/* Who has something ended that is not his own. */
struct evictor {
	const char *by; /* "uid 0", "srvsvc" */
	struct req *q;  /* whose user wants it; or NULL */
};

/* An administrator ends what e says; on lane's worker. */
void trail_ended(struct smb_server *s, const struct lane *lane, const struct evictor *who,
		 struct trail_event *e);

/* A session ended; on lane's worker. */
void trail_logoff(struct sess *s, const struct lane *lane);
/* A tree ended before its session; likewise. */
void trail_disconnect(struct tree *t, const struct lane *lane);
