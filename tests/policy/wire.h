/*
 * wire.h - a connection to a running server whose every message is chosen: its protection, its bytes; and what it
 *          meets, in the words of tests/vectors/policy-matrix.txt.
 *
 *     OK ACC DROP DISC	a status (others by name), silence, the end of the connection
 *     /plain /signed /enc	how an answer is protected; a signature or tag that does not hold is a word of its own
 *
 * Logons go through the client, which learns the keys. Everything after goes past it: wire_send(), wire_meets().
 *
 * Owns     a wire owns its connection.
 * Threads  one.
 * Errors   words; a server that cannot be reached at all ends the program.
 * Spec     [MS-SMB2] 2.2.1, 2.2.41, 3.1.4
 */
#pragma once

#include "client/sock.h"
#include "net/clock.h"

enum { CELL_MAX = 48, FRAME_ROOM = 4096, SILENCE_MS = 10 };

enum who { NAMED, GUEST, ANONYMOUS };

struct kind {
	uint16_t dialect;
	bool cipher; /* offer one */
	enum who who;
	enum sign_alg signing; /* 3.1.1 */
	bool all_dialects;     /* below `dialect`, too */
};

struct share {
	const char *name, *folder; /* folder NULL: the server has no such share */
};

struct world {
	struct clock clock;
	uint16_t port;
	const char *password;       /* alice's */
	const char *other_password; /* bob's */
	bool r, g,
		u; /* require_message_signing, encrypt_data, reject_unencrypted_access */
	struct share shares[2]; /* by their encrypt_data */
	unsigned played, wrong;
};

struct wire {
	struct world *world;
	struct sock *s;
	struct wire *elsewhere; /* whose session it named, if so; closed with it */
	const struct share *share;
	uint32_t tree;
	bool keyless;  /* its keys are zeros */
	unsigned legs; /* SESSION_SETUPs of the last logon */
	struct client_file file;
	struct mspan
		answer; /* what wire_meets() took last: one message in the clear, or a compound's first */
	struct smb2_header head;
	uint8_t frame[FRAME_ROOM]; /* what wire_take() built */
	size_t len;
};

/* One line a fault. */
void wire_wrong(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* With a cipher if it can have one. */
struct kind wire_kind(uint16_t dialect);
/* One that the server has. */
const struct share *wire_share(const struct world *w);

void wire_open(struct wire *x, struct world *w, const struct kind *k);
void wire_close(struct wire *x);
void wire_negotiate(struct wire *x);
/* The last word on SESSION_SETUP: OK, OK+ENC, ACC, ... */
void wire_logon(struct wire *x, char cell[CELL_MAX]);
/* Logged on, in the share, with a file "file" that holds UNTOUCHED open. False: said and counted. */
bool wire_ready(struct wire *x, struct world *w, const struct kind *k,
		const struct share *share);
/* The same from a connection that is logged on. */
bool wire_enter(struct wire *x, const struct share *share);
/* Keys of zeros where there are none, to be able to send what cannot be right. */
void wire_fake_keys(struct wire *x);

/* What the server must accept from this session. */
enum client_protect wire_proper(const struct wire *x);

/* Take the frame that was built out of the client, length and all, into x->frame; the client forgets it. */
void wire_take(struct wire *x);
/* Send x->frame. */
void wire_put(struct wire *x);
/* Both. */
void wire_send(struct wire *x);
/* The message in x->frame behind its length; of an encrypted one the transform. */
uint8_t *wire_message(struct wire *x);

/* One frame that came. */
void wire_judge(struct wire *x, struct mspan frame, char cell[CELL_MAX]);
/* The next one that comes, or does not. */
void wire_meets(struct wire *x, int timeout_ms, char cell[CELL_MAX]);
/* The second element of the compound that came, or of the next frame if they came apart. */
void wire_second_meets(struct wire *x, char cell[CELL_MAX]);
/* A proper ECHO under this MessageId (as the next one if it is) is answered. */
bool wire_alive(struct wire *x, uint64_t message_id);

#define UNTOUCHED "untouched"
#define FORGED    "forged"
/* What is on disk. */
bool share_file_is(const struct share *s, const char *name, const char *content);
bool share_has(const struct share *s, const char *name);
void share_remove(const struct share *s, const char *name);

/* A create that makes what is not there. */
struct client_create wire_create_in(const char *name, uint32_t disposition);
/* A CREATE of a new file. */
void wire_create(struct wire *x, const char *name);
/* One WRITE of `text` at the start of x->file. */
uint64_t wire_write(struct wire *x, const char *text);

/* The parts of the program: each plays against the one server that the world describes. */
void matrix_play(struct world *w, const char *path);
void events_play(struct world *w);
void scenes_play(struct world *w, uint16_t dialect); /* events_play() does */
void tamper_play(struct world *w, unsigned step);
