/* A client at a socket: frames in pieces, frames together, silence, hanging up. The server's end is in our own hands. */
#include "test.h"

#include "client/sock.h"
#include "net/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
	struct clock clock;
	struct sock *sock;
	int server;
	uint64_t got; /* MessageId of what came last */
};

static void got(void *arg, const struct client_answer *a)
{
	((struct wire *)arg)->got = a->message_id;
}

static int listen_any(struct sockaddr_in *ret_at)
{
	socklen_t len = sizeof(*ret_at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret_at = (struct sockaddr_in){.sin_family = AF_INET};
	ret_at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(fd, (struct sockaddr *)ret_at, sizeof(*ret_at)), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
	return fd;
}

static void wire_open(struct wire *w, client_got fn)
{
	struct sock_settings s = {
		.address = "127.0.0.1",
		.timeout_ms = 50,
		.client = {.logon = {.user = ""}, .host = "server"},
		.got = fn,
		.arg = w,
	};
	struct sockaddr_in at;
	int fd = listen_any(&at);

	w->got = CLIENT_UNSOLICITED;
	clock_init(&w->clock);
	s.client.env = &w->clock.env;
	s.port = ntohs(at.sin_port);
	CHECK_EQ(sock_open(&s, &w->sock), 0);
	w->server = accept(fd, NULL, NULL);
	CHECK(w->server >= 0);
	close(fd);
	w->sock->client->dialect = SMB2_DIALECT_202;
	w->sock->client->credits = 10;
}

static void wire_close(struct wire *w)
{
	if (w->server >= 0)
		close(w->server);
	sock_close(w->sock, false);
}

static void serve(struct wire *w, struct span bytes)
{
	CHECK_EQ(send(w->server, bytes.p, bytes.len, MSG_NOSIGNAL), bytes.len);
}

/* The answer to an ECHO, framed. */
static struct span echo_answer(uint8_t room[72], uint64_t message_id)
{
	struct wr w = wr_of(mspan_of(room, 72));

	wr_be32(&w, 68);
	wr_smb2_header(&w, &(struct smb2_header){.command = SMB2_ECHO,
						 .flags = SMB2_FLAGS_SERVER_TO_REDIR,
						 .credits = 1,
						 .message_id = message_id});
	wr_u16(&w, 4);
	wr_u16(&w, 0);
	CHECK(wr_ok(&w));
	return wr_done(&w);
}

static uint64_t send_echo(struct wire *w)
{
	uint64_t mid;

	client_begin(w->sock->client);
	mid = client_echo(w->sock->client);
	CHECK_EQ(sock_put(w->sock), 0);
	return mid;
}

TEST(sock_sends_exactly_the_bytes)
{
	uint8_t room[72];
	struct wire w;

	wire_open(&w, NULL);
	CHECK_EQ(sock_raw(w.sock, BYTES(0, 0, 0, 3, 1, 2, 3)), 0);
	CHECK_EQ(recv(w.server, room, 7, MSG_WAITALL), 7);
	CHECK_SPAN(span_of(room, 7), BYTES(0, 0, 0, 3, 1, 2, 3));
	wire_close(&w);
}

TEST(sock_puts_a_frame_together)
{
	struct mspan frame;
	struct wire w;

	wire_open(&w, NULL);
	serve(&w, BYTES(0, 0));
	CHECK_EQ(sock_frame(w.sock, &frame), -ETIMEDOUT);
	serve(&w, BYTES(0, 3, 1));
	CHECK_EQ(sock_frame(w.sock, &frame), -ETIMEDOUT);
	serve(&w, BYTES(2, 3, 0, 0, 0, 1, 9));
	CHECK_EQ(sock_frame(w.sock, &frame), 0);
	CHECK_SPAN(span_of_m(frame), BYTES(1, 2, 3));
	CHECK_EQ(sock_frame(w.sock, &frame), 0);
	CHECK_SPAN(span_of_m(frame), BYTES(9));
	wire_close(&w);
}

TEST(sock_gives_answers_in_any_order)
{
	uint8_t room[72];
	struct sock_answer *a;
	struct wire w;
	uint64_t first, second;

	wire_open(&w, NULL);
	first = send_echo(&w);
	second = send_echo(&w);
	CHECK_EQ(sock_wait(w.sock, first, &a), -ETIMEDOUT); /* not the end: */
	serve(&w, echo_answer(room, second));
	serve(&w, echo_answer(room, first));
	CHECK_EQ(sock_wait(w.sock, first, &a), 0);
	CHECK_EQ(a->a.message_id, first);
	CHECK_SPAN(a->a.message, span_from(span_of(room, 72), 4));
	sock_answer_free(a);
	CHECK_EQ(sock_wait(w.sock, second, &a), 0);
	sock_answer_free(a);
	wire_close(&w);
}

TEST(sock_calls_back_but_for_what_is_waited_for)
{
	uint8_t room[72];
	struct wire w;
	uint64_t first, second;
	nt_status st;

	wire_open(&w, got);
	first = send_echo(&w);
	serve(&w, echo_answer(room, first));
	serve(&w, echo_answer(room, first + 1));
	client_begin(w.sock->client);
	second = client_echo(w.sock->client);
	CHECK_EQ(sock_status(w.sock, second, &st), 0);
	CHECK_ST(st, STATUS_SUCCESS);
	CHECK_EQ(w.got, first);
	CHECK_EQ(sock_pump(w.sock, 0), 0); /* nothing is left */
	wire_close(&w);
}

TEST(sock_tells_hanging_up_from_silence)
{
	struct mspan frame;
	struct wire w;

	wire_open(&w, NULL);
	CHECK_EQ(sock_pump(w.sock, 0), 0);
	close(w.server);
	w.server = -1;
	CHECK_EQ(sock_frame(w.sock, &frame), -ECONNRESET);
	CHECK_EQ(sock_pump(w.sock, 0), -ECONNRESET);
	wire_close(&w);
}

TEST(sock_refuses_what_is_not_framed_or_not_asked_for)
{
	uint8_t room[72];
	struct mspan frame;
	struct wire w;

	wire_open(&w, NULL);
	serve(&w, BYTES(0x85, 0, 0, 0));
	CHECK_EQ(sock_frame(w.sock, &frame), -EBADMSG);
	wire_close(&w);
	wire_open(&w, NULL);
	serve(&w, echo_answer(room, 3));
	CHECK_EQ(sock_pump(w.sock, 50), -EBADMSG);
	CHECK(client_fault(w.sock->client)[0]);
	wire_close(&w);
}

TEST_MAIN()
