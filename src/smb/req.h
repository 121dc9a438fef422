/*
 * req.h - one request, from the frame it came in to the response queued for sending.
 *
 *     RUNNING --handler returns STATUS_PENDING--> PARKED(POOL | PEER) --wait ends--> RUNNING --> DONE
 *
 * A POOL wait is short and never cancelled; a PEER wait (lock, break, notify) gets an interim answer and an async id
 * and may be claimed by cancel, close, logoff or disconnect (wait_claim). Only the connection's worker runs,
 * encodes, finishes and frees a request, once.
 *
 * Owns     its arena, its response buffer, counted pointers to session, tree and open.
 * Threads  its connection's worker.
 * Spec     [MS-SMB2] 3.3.1.13 Request
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/wait.h"
#include "secure/policy.h"
#include "smb/conn.h"
#include "smb/open.h"
#include "smb/refuse.h"
#include "smb/sess.h"
#include "smb/tree.h"
#include "wire/rd.h"
#include "wire/smb2_header.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

struct break_wait;
struct cache_use;
struct frame;
struct req;
struct write_note;

/* Continuation of a handler. err: of the call that ended. w: the response body, offsets count from the SMB2 header. May
 * return STATUS_PENDING again after another req_wait(). */
typedef nt_status (*req_done)(struct req *q, int err, struct wr *w);

enum req_parked { REQ_RUNNING, REQ_PARKED_POOL, REQ_PARKED_PEER };

struct req {
	struct conn *conn; /* the frame's, which counts it				*/
	struct smb_lane *lane;
	struct snapshot *snap; /* counted: the configuration it is judged by	*/
	struct frame *frame;   /* the transport message and its siblings		*/
	struct req *next;      /* next element of the compound; free list		*/
	struct smb2_header header;
	struct span message; /* this element: header to last byte, with padding	*/
	struct rd body;      /* over `message`, positioned behind the header	*/
	enum policy_protection protection;
	struct policy_out verdict; /* of policy_admit()				*/
	bool related;
	bool misplaced; /* related to nothing, or to one that is */
	bool smb1;      /* the multi-protocol NEGOTIATE: `message` is SMB1	*/
	bool binding;   /* SESSION_SETUP for one more channel of `sess`		*/

	struct channel
		*channel;  /* counted; NULL: `sess` is not known here, only elsewhere	*/
	struct sess *sess; /* counted						*/
	struct tree *tree; /* counted						*/
	struct open *open; /* counted, entered					*/
	struct file_id file_id; /* for related elements that follow			*/
	bool has_file_id;
	struct principal *who; /* counted; by req_who()				*/

	struct arena arena;
	void *state; /* the handler's own, in the arena			*/
	void (*cleanup)(
		struct req *q); /* the handler's; once, however the request ends */

	struct wait wait;
	req_done done;
	bool pending;             /* the handler has armed `wait`			*/
	bool peer;                /* it waits for another client			*/
	bool cancel_asked;        /* CANCEL came before it waited for another client */
	bool listed;              /* in conn->requests				*/
	struct map_node by_id;    /* conn->requests, by MessageId			*/
	struct map_node by_async; /* conn->async, by AsyncId				*/
	uint64_t async_id;        /* 0: no interim answer sent			*/
	struct list_node on_open; /* open->inflight: open's lock			*/
	uint64_t open_seq;
	bool sequence_counted; /* in open->channel_sequence */
	struct open_drain drain;

	struct buf *out; /* response: BUF_HEADROOM, SMB2 header, body	*/
	struct wr w;     /* over header and body				*/
	bool sealed;     /* what is in `out` is ciphertext already	*/
	bool granted;    /* `credits`: they are granted once		*/
	uint16_t credits;
	struct seg_file *piece; /* counted: bytes of a file that follow it; or NULL */
	size_t piece_len;
	struct span
		error_data; /* of an ERROR response, in the arena; p NULL: none: 2.2.2	*/
	struct break_wait *break_wait; /* cmd/break_wait.c's, the one under way */
	struct cache_use *cache_use;   /* likewise */
	struct write_note *write_note; /* cmd/write_note.c's, likewise */
	struct dir_empty *dir_empty;   /* cmd/dir_empty.c's, likewise */
	/* The handler's: it goes on when its connection is lost, as long as its session has another. Worker only */
	bool outlives;
	bool orphan;      /* it does, and counts in channel->orphans */
	bool with_body;   /* the handler's: its error carries the command's own body */
	bool final_setup; /* SESSION_SETUP that made a session or channel	*/
	/* The handler's: the answer as it is sent; at once signed, if it is. For the preauth hash. */
	void (*encoded)(struct req *q, struct span message);
};

/*
 * Look up the file a request names and make q->open of it, until the request ends. In a related compound ~0 means the
 * file of the element before (whose failure is passed on).
 * STATUS_FILE_CLOSED if there is none.
 */
MUST_CHECK nt_status req_open_get(struct req *q, struct file_id id);

/* Read a FileId at the cursor. */
struct file_id rd_file_id(struct rd *r);
void wr_file_id(struct wr *w, struct file_id id);

/*
 * The response body: at least `body_len` bytes are there from wr_pos() 64 on. Called again it keeps what was written and
 * grows if it must. Never NULL: without memory, or where the answers of a compound get too long for one message, the
 * cursor is failed and the answer becomes STATUS_INSUFFICIENT_RESOURCES.
 */
struct wr *req_reply(struct req *q, size_t body_len);

/*
 * Is nobody going to look at the bytes of the answer? Only then may it end with a piece, if it is not in a compound; should
 * policy think otherwise in the end, the connection ends.
 */
bool req_is_answered_plain(const struct req *q);
/* End the answer with a piece of a file: takes the reference over, in place of the one before. */
void req_piece_set(struct req *q, struct seg_file *piece, size_t len);

/*
 * May the answer be sealed while its bytes are read, from where the file system has them? If it is going to be encrypted,
 * alone in its frame, by a cipher that reads each byte once.
 */
bool req_may_seal_from(const struct req *q);
/*
 * Seal the answer, as it stands in q->w and with STATUS_SUCCESS, but with `data` in place of its last bytes; see
 * seal_message_from(). Nothing can be written to it any more, after an error neither: it can only be begun anew. An answer
 * with another status is.
 */
MUST_CHECK int req_seal_from(struct req *q, struct span data);
/* What req_seal_from() made does not count: an empty answer, as in the beginning. */
void req_unseal(struct req *q);

/* Arm the request's wait: pass the result to an asynchronous call, then return STATUS_PENDING. */
struct wait *req_wait(struct req *q, req_done done);
/*
 * The same for a wait on another client: sends the interim answer when the handler returns. STATUS_INSUFFICIENT_RESOURCES
 * if the connection has too many of them: then do not start the call, return that.
 */
MUST_CHECK nt_status req_wait_peer(struct req *q, req_done done, struct wait **ret_wait);

/*
 * The same for a wait on the clock: the client hears nothing meanwhile, CANCEL does not end it, a lost connection does. Who
 * ends it claims it first.
 */
struct wait *req_wait_quietly(struct req *q, req_done done);

/* CANCEL, close, disconnect: end a PEER wait if nobody else has. Its done() is called with err -ECANCELED and can
 * read q->wait.why. */
void req_cancel(struct req *q, enum wait_why why);

/* For the log: "conn 12 192.0.2.1:50123 CREATE mid 17". In the arena. */
const char *req_text(struct req *q);

/* Who acts: a reference kept by the request. */
struct principal *req_who(struct req *q);
/* Credentials of its file calls: the user's or the share's forced account; borrowed until the request ends. */
struct cred *req_cred(struct req *q);

/* Below: between recv.c, req.c and dispatch.c. */

/* One transport message and the requests in it. Freed with its last request. */
struct frame {
	struct conn *conn; /* counted */
	struct buf *buf;
	struct mspan bytes; /* in buf, as they came */
	uint64_t began_ns;  /* when the turn began that read it */
	struct list_node on_arrivals;
	struct channel *
		peeked; /* counted: the signature was looked at with its key; NULL: not yet */
	bool peeked_right; /* what was found */
	bool encrypted;
	struct sess *seal_sess; /* counted: whose keys opened it */
	struct req *first, *last;
	struct req *running;         /* next to run, or under way; NULL: all are done */
	uint32_t last_tree_id;       /* of the element that ended last */
	struct file_id last_file_id; /* likewise */
	bool last_has_file_id;
	size_t count;          /* of requests not freed yet */
	nt_status last_status; /* likewise */
	struct out *out;       /* responses gathered so far */
	struct list_node
		made; /* open.on_frame: by its CREATEs, which are not answered yet */
	struct list_node held_breaks; /* that wait for it: smb/breaks.h */
};

/* recv.c: one transport message, of which nothing is known yet. Takes f over. */
void recv_frame(struct frame *f);
/* dispatch.c: run a frame's elements until one waits or all are done. */
void frame_run(struct frame *f);

/* Takes b over. NULL without memory: then it does not. */
struct frame *frame_new(struct conn *c, struct buf *b, struct mspan bytes);
struct req *req_new(struct frame *f, struct span message);
/* Nothing was answered and nothing will be. Frees all requests and the frame. */
void frame_drop(struct frame *f);
/* Encode the answer, grant credits, hand it on. Then req_free(). */
void req_finish(struct req *q, nt_status st);
/* Forget what was written and begin again, with the lane's reserve if need be. */
struct wr *req_reply_anew(struct req *q, size_t body_len);
void req_piece_drop(struct req *q);
/* A cursor over b as a response, behind the header. */
struct wr wr_body(struct buf *b);
/* The handler has parked it on another client: the interim answer ([MS-SMB2] 3.3.4.2), or an end at once if cancel, close or
 * disconnect came before. */
void req_parked(struct req *q);
/* Send the interim answer. */
void req_interim(struct req *q);
void req_free(struct req *q);
/* A connection is being lost: what may outlive it becomes an orphan of its channel. */
void conn_requests_orphan(struct conn *c);
/* A lost connection: claim all that is parked, but orphans. */
void conn_requests_abandon(struct conn *c);
/* The session of a lost channel has ended: claim its orphans, too. */
void channel_orphans_abandon(struct channel *ch);

/* What policy may know of a connection, of a session there and a tree (or NULL); all that a message adds is zero. */
struct policy_in conn_policy(const struct conn *c, const struct sess *s,
			     const struct tree *t);
/*
 * The key that signs the request, and its answer: the channel's; the session's for what leads to a channel, and for a
 * session that is not on this connection. NULL: there is none, or not yet. [MS-SMB2] 3.3.5.2.4, 3.3.5.5.3
 */
struct sign_key *req_sign_key(const struct req *q);
/*
 * signature.c: judge a message that says it is signed and whose key is at hand. One for a session elsewhere that is not
 * proved counts as one whose key is unknown. Ends the connection if the request was answered on another.
 */
enum policy_protection req_prove(struct req *q);
/* What policy may know of this request. */
struct policy_in req_policy(const struct req *q);
