/*
 * sock.h - a struct client at the end of a TCP connection: Direct TCP framing, blocking calls with a deadline, or a
 *          descriptor for poll().
 *
 *     sock_open(&settings, &s);
 *     sock_logon(s, &st);
 *     client_begin(s->client);
 *     mid = client_echo(s->client);
 *     err = sock_call(s, mid, &answer);	sends the frame, waits for that answer
 *
 * Requests are built with s->client; several may be on their way at once, and answers are taken in any order. Without a
 * callback each answer is kept until it is taken. With one, for programs that poll many connections, it gets them all
 * as they come, but for the one that a call here waits for. Breaks always go to settings.client.broke.
 *
 * To see what no well-behaved client causes: client_begin_as() protects a message in any way, sock_raw() sends exact
 * bytes, sock_frame() returns them.
 *
 * Owns     the client, the connection, answers not taken.
 * Threads  one user at a time; any number of connections.
 * Errors   -ETIMEDOUT: nothing came in time. -ECONNRESET: the server hung up. -EBADMSG: client_fault() knows. Else the
 *          system's. After anything but -ETIMEDOUT the connection is of no more use.
 * Spec     [MS-SMB2] 2.1
 */
#pragma once

#include "client/answer.h"

struct sock_settings {
	const char *address; /* IPv4 */
	uint16_t port;
	int timeout_ms; /* of each wait; 0: ten seconds */
	struct client_settings client;
	client_got got; /* NULL: answers are kept */
	void *arg;      /* of got and client.broke */
};

/* An answer that was kept. */
struct sock_answer {
	struct list_node node;
	struct client_answer a; /* its message is `bytes` */
	uint8_t bytes[];
};

struct sock {
	struct sock_settings settings; /* timeout_ms may be changed */
	struct client *client;
	int fd;
	struct list_node kept; /* sock_answer, oldest first */
	uint64_t awaited;      /* the answer a call waits for; none: CLIENT_UNSOLICITED */
	uint8_t *in;
	size_t in_cap, in_pos, in_len; /* received and not looked at: [in_pos, in_len) */
};

MUST_CHECK int sock_open(const struct sock_settings *settings, struct sock **ret_sock);
/* Hang up; hard: by a reset. NULL is fine. */
void sock_close(struct sock *s, bool hard);

/* Give buffers back until there is something to send or to receive: for one of thousands that are idle. */
void sock_trim(struct sock *s);

/* Send the frame that was built in s->client. */
MUST_CHECK int sock_put(struct sock *s);
/* Receive what comes within timeout_ms, and what has come by then; 0 if nothing did. */
MUST_CHECK int sock_pump(struct sock *s, int timeout_ms);

/* Wait for the last answer to a request; interim ones are passed over. */
MUST_CHECK int sock_wait(struct sock *s, uint64_t message_id, struct sock_answer **ret);
/* Wait until a request has an AsyncId: its interim answer came. -EALREADY: its last one did. */
MUST_CHECK int sock_wait_interim(struct sock *s, uint64_t message_id);
void sock_answer_free(struct sock_answer *a); /* NULL is fine */

static inline void sock_answer_freep(struct sock_answer **a)
{
	sock_answer_free(*a);
}

/* sock_put(), sock_wait(). */
MUST_CHECK int sock_call(struct sock *s, uint64_t message_id, struct sock_answer **ret);
/* The same where the status is all there is to know. */
MUST_CHECK int sock_status(struct sock *s, uint64_t message_id, nt_status *ret_status);

/* NEGOTIATE unless that was done, then log client->session on; the last status. */
MUST_CHECK int sock_logon(struct sock *s, nt_status *ret_status);
/* ret_tree: with STATUS_SUCCESS. */
MUST_CHECK int sock_tree(struct sock *s, const char *share, nt_status *ret_status,
			 uint32_t *ret_tree);

/* Send these bytes, length and all. */
MUST_CHECK int sock_raw(struct sock *s, struct span bytes);
/* The next transport message as it came, without its 4 bytes; valid until more is received. */
MUST_CHECK int sock_frame(struct sock *s, struct mspan *ret_frame);
