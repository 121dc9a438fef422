/*
 * bench_bare: READ and WRITE answered by the system calls and the cryptography they need, and nothing else: what a server
 * costs above this is what being a server costs.
 *
 *     READ     recv, verify or open, pread, sign or seal, one sendmsg for all requests that came together
 *     WRITE    recv, verify or open, pwrite, sign or seal, one sendmsg
 *
 * There is no logon and no open: it serves `tsmb-bench --assume`, whose keys are zeros (client_assume()), on one connection
 * after another, and one file. All frames of a connection are as long as its first one. It ends with its standard input.
 */
#include "client/client.h"
#include "crypto/crypto.h"
#include "wire/smb2_proto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	BATCH = 64,
	BATCH_BYTES = 256 * 1024,
	LENGTH_LEN = 4,           /* of Direct TCP */
	TOGETHER_MAX = 16 * 1024, /* longer frames are received one by one */
	READ_BODY = 16,           /* fixed part of a READ answer */
	PAGE = 4096,
	PAYLOAD_MAX = CLIENT_ASSUMED_MAX,
	FRAME_MAX = PAYLOAD_MAX + PAGE,
};

struct answer {
	uint8_t *room; /* payload of a READ at PAGE, headers in front of it */
	struct mspan message;
};

struct bare {
	enum client_protect protect;
	struct sign_key *sign;
	struct seal_key *open;
	struct seal_tx *seal;
	int file;
	uint8_t *in;
	struct answer answers[BATCH];
	size_t count;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_bare: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void protocol_error(const char *what)
{
	fprintf(stderr, "bench_bare: %s\n", what);
	exit(EXIT_FAILURE);
}

static uint8_t *pages(size_t len)
{
	void *p = aligned_alloc(PAGE, (len + PAGE - 1) / PAGE * PAGE);

	if (!p)
		die("memory");
	return p;
}

/* ---- one request --------------------------------------------------------------------------------------- */

static void wr_answer_header(struct wr *w, const struct smb2_header *request)
{
	struct smb2_header h = *request;

	h.flags = SMB2_FLAGS_SERVER_TO_REDIR;
	h.credits = request->credit_charge;
	h.next_command = 0;
	wr_smb2_header(w, &h);
}

static struct answer *answer_new(struct bare *b)
{
	struct answer *a = &b->answers[b->count++];

	if (!a->room)
		a->room = pages(FRAME_MAX);
	return a;
}

static void answer_read_request(struct bare *b, const struct smb2_header *h, struct rd *r)
{
	struct answer *a = answer_new(b);
	uint8_t *start = a->room + PAGE - READ_BODY - SMB2_HEADER_LEN;
	struct wr w = wr_of(mspan_of(start, SMB2_HEADER_LEN + READ_BODY));
	uint32_t len;
	uint64_t off;

	rd_skip(r, 4); /* StructureSize, Padding, Flags */
	len = rd_u32(r);
	off = rd_u64(r);
	if (!rd_ok(r) || len > PAYLOAD_MAX ||
	    pread(b->file, a->room + PAGE, len, (off_t)off) != (ssize_t)len)
		protocol_error("a READ that cannot be answered");
	wr_answer_header(&w, h);
	wr_u16(&w, 17); /* StructureSize */
	wr_u8(&w, SMB2_HEADER_LEN + READ_BODY);
	wr_u8(&w, 0); /* Reserved */
	wr_u32(&w, len);
	wr_u32(&w, 0); /* DataRemaining */
	wr_u32(&w, 0); /* Flags */
	a->message = mspan_of(start, wr_pos(&w) + len);
}

static void answer_write_request(struct bare *b, const struct smb2_header *h,
				 struct rd *r)
{
	struct answer *a = answer_new(b);
	uint8_t *start = a->room + PAGE - READ_BODY - SMB2_HEADER_LEN;
	struct wr w = wr_of(mspan_of(start, SMB2_HEADER_LEN + READ_BODY));
	uint16_t data_off;
	uint32_t len;
	uint64_t off;
	struct span data;

	rd_skip(r, 2); /* StructureSize */
	data_off = rd_u16(r);
	len = rd_u32(r);
	off = rd_u64(r);
	rd_seek(r, data_off);
	data = rd_bytes(r, len);
	if (!rd_ok(r) || pwrite(b->file, data.p, data.len, (off_t)off) != (ssize_t)len)
		protocol_error("a WRITE that cannot be done");
	wr_answer_header(&w, h);
	wr_u16(&w, 17); /* StructureSize */
	wr_u16(&w, 0);  /* Reserved */
	wr_u32(&w, len);
	wr_u32(&w, 0); /* Remaining */
	wr_u32(&w, 0); /* WriteChannelInfo */
	a->message = mspan_of(start, wr_pos(&w));
}

/* Several together, as a server would. */
static void verify(const struct bare *b, const struct mspan *messages, size_t count)
{
	struct sign_check checks[BATCH];

	for (size_t i = 0; i < count; i++)
		checks[i] = (struct sign_check){.key = b->sign,
						.msg = span_of_m(messages[i])};
	sign_verify_batch(checks, count);
	for (size_t i = 0; i < count; i++)
		if (!nt_ok(checks[i].st))
			protocol_error("wrong signature");
}

static void request(struct bare *b, struct mspan frame)
{
	struct rd r;
	struct smb2_header h;

	if (b->protect == CLIENT_SEALED && seal_open(b->open, frame, &frame) != 0)
		protocol_error("not authentic");
	r = rd_of(span_of_m(frame));
	h = rd_smb2_header(&r);
	if (rd_ok(&r) && h.command == SMB2_READ)
		answer_read_request(b, &h, &r);
	else if (rd_ok(&r) && h.command == SMB2_WRITE)
		answer_write_request(b, &h, &r);
	else
		protocol_error("neither READ nor WRITE");
}

/* What is long leaves while it is in the cache, unless the signature is one of those that are cheaper side by side. */
static bool batch_is_full(const struct bare *b)
{
	size_t bytes = 0;

	if (b->protect == CLIENT_SIGNED && sign_key_alg(b->sign) != SIGN_AES_GMAC)
		return b->count == BATCH;
	for (size_t i = 0; i < b->count; i++)
		bytes += b->answers[i].message.len;
	return b->count == BATCH || bytes >= BATCH_BYTES;
}

/* ---- answers --------------------------------------------------------------------------------------------- */

static void protect(struct bare *b)
{
	struct sign_item items[BATCH];

	for (size_t i = 0; i < b->count; i++) {
		struct mspan *m = &b->answers[i].message;

		items[i] = (struct sign_item){.key = b->sign, .msg = *m};
		if (b->protect != CLIENT_SEALED)
			continue;
		*m = mspan_of(m->p - SEAL_HEADER_LEN, m->len + SEAL_HEADER_LEN);
		if (seal_message(b->seal, CLIENT_ASSUMED_SESSION, *m) != 0)
			protocol_error("cannot seal");
	}
	if (b->protect == CLIENT_SIGNED)
		sign_batch(items, b->count);
	for (size_t i = 0; b->protect == CLIENT_SIGNED && i < b->count; i++)
		if (items[i].err)
			protocol_error("cannot sign");
}

static bool send_all(struct bare *b, int fd)
{
	struct iovec v[BATCH], *next = v;
	struct msghdr m = {.msg_iovlen = b->count};

	for (size_t i = 0; i < b->count; i++) {
		struct mspan *message = &b->answers[i].message;
		struct wr w;

		w = wr_of(mspan_of(message->p - LENGTH_LEN, LENGTH_LEN));
		wr_be32(&w, (uint32_t)message->len);
		v[i] = (struct iovec){message->p - LENGTH_LEN, message->len + LENGTH_LEN};
	}
	while (m.msg_iovlen) {
		ssize_t n;

		m.msg_iov = next;
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n < 0)
			return false;
		while (m.msg_iovlen && (size_t)n >= next->iov_len) {
			n -= (ssize_t)next->iov_len;
			next++;
			m.msg_iovlen--;
		}
		if (m.msg_iovlen) {
			next->iov_base = (uint8_t *)next->iov_base + n;
			next->iov_len -= (size_t)n;
		}
	}
	return true;
}

/* ---- a connection ------------------------------------------------------------------------------------------ */

/* Length of a frame with its four bytes: known from the first on. */
static size_t frame_len(const uint8_t *in, size_t have)
{
	struct rd r = rd_of(span_of(in, have));
	uint32_t len = rd_be32(&r);

	if (!rd_ok(&r))
		return 0;
	if (len > FRAME_MAX - LENGTH_LEN)
		protocol_error("a frame too long");
	return LENGTH_LEN + len;
}

static bool serve_whole(struct bare *b, int fd, size_t len, size_t count)
{
	struct mspan frames[BATCH];

	for (size_t i = 0; i < count; i++)
		frames[i] = mspan_of(b->in + i * len + LENGTH_LEN, len - LENGTH_LEN);
	if (b->protect == CLIENT_SIGNED)
		verify(b, frames, count);
	for (size_t i = 0; i < count; i++) {
		request(b, frames[i]);
		if (i + 1 < count && !batch_is_full(b))
			continue;
		protect(b);
		if (!send_all(b, fd))
			return false;
		b->count = 0;
	}
	return true;
}

static void serve(struct bare *b, int fd)
{
	size_t have = 0, len = 0, cap = LENGTH_LEN;

	for (;;) {
		ssize_t n = recv(fd, b->in + have, cap - have, 0);
		size_t whole;

		if (n <= 0)
			return;
		have += (size_t)n;
		if (!len) {
			len = frame_len(b->in, have);
			if (len)
				cap = len > TOGETHER_MAX ? len : BATCH * len;
			continue;
		}
		whole = have / len;
		if (!whole)
			continue;
		if (!serve_whole(b, fd, len, whole))
			return;
		have -= whole * len;
		memmove(b->in, b->in + whole * len, have);
	}
}

/* ---- the program ----------------------------------------------------------------------------------------------- */

static int listen_on_loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		die("listen");
	printf("ready %u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static void accept_all(struct bare *b)
{
	struct pollfd p[] = {{.fd = listen_on_loopback(), .events = POLLIN},
			     {.fd = STDIN_FILENO, .events = POLLIN}};
	int one = 1, fd;

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		fd = accept(p[0].fd, NULL, NULL);
		if (fd < 0)
			die("accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(b, fd);
		close(fd);
	}
}

static const char usage[] = "usage: bench_bare --file PATH [--protect plain|sign|seal] "
			    "[--signing gmac|cmac|hmac] "
			    "[--cipher NUMBER]\n";

static void keys_make(struct bare *b, enum sign_alg alg, enum seal_cipher cipher)
{
	static const uint8_t key[32], tail[SEAL_NONCE_TAIL_LEN];

	b->sign = sign_key_new(alg, key);
	b->open = seal_key_new(cipher, span_of(key, seal_key_len(cipher)));
	b->seal = seal_tx_new(cipher, span_of(key, seal_key_len(cipher)), tail);
	if (!b->sign || !b->open || !b->seal)
		protocol_error("no keys");
}

static bool option_set(struct bare *b, int opt, enum sign_alg *alg,
		       enum seal_cipher *cipher)
{
	switch (opt) {
	case 'f':
		b->file = open(optarg, O_RDWR | O_CLOEXEC);
		if (b->file < 0)
			die(optarg);
		return true;
	case 'p':
		b->protect = *optarg == 'p'     ? CLIENT_PLAIN
			     : optarg[1] == 'i' ? CLIENT_SIGNED
						: CLIENT_SEALED;
		return true;
	case 's':
		*alg = *optarg == 'g'   ? SIGN_AES_GMAC
		       : *optarg == 'c' ? SIGN_AES_CMAC
					: SIGN_HMAC_SHA256;
		return true;
	case 'c':
		*cipher = (enum seal_cipher)strtoul(optarg, NULL, 10);
		return *cipher >= SEAL_AES_128_CCM && *cipher <= SEAL_AES_256_GCM;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"file", 1, NULL, 'f'},
		{"protect", 1, NULL, 'p'},
		{"signing", 1, NULL, 's'},
		{"cipher", 1, NULL, 'c'},
		{0},
	};
	static struct bare b = {.file = -1};
	enum sign_alg alg = SIGN_AES_GMAC;
	enum seal_cipher cipher = SEAL_AES_128_GCM;

	for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (!option_set(&b, opt, &alg, &cipher)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (b.file < 0 || optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (crypto_init(CRYPTO_FASTEST) != 0)
		protocol_error("no cryptography");
	keys_make(&b, alg, cipher);
	b.in = pages(FRAME_MAX);
	accept_all(&b);
	return EXIT_SUCCESS;
}
