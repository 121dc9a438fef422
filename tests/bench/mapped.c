/*
 * mapped.c - is a READ that is to be encrypted cheaper straight from mapped page cache than by way of a buffer?
 *
 * Usage: bench_mapped FILE [ROUNDS, default 9]
 *
 * FILE, of 64 MiB and more, is read in pieces of 1 MiB from front to end, each encrypted by AES-128-GCM of ipsec-mb: by
 * pread() into one of a few buffers that are used in turn and in place there, as the server does it, or out of place into
 * such a buffer from a mapping of one of several kinds. Then it is sent over the loopback to a process that throws it away.
 * Seconds of processor time a GiB without and with the sending; the ways take turns within each round. What a server would
 * need besides, to survive a file that is cut meanwhile, is not in it.
 */
#include "base/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <intel-ipsec-mb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECE = 1 << 20,
	WINDOW = 2 << 20, /* as large as a huge page */
	BUFFERS = 8,      /* READs under way */
	CHUNK = 16 << 10, /* encrypted behind a prefetch of the next one */
	ROUNDS_MAX = 99,
	LINE = 64,
};

struct bench {
	int fd, sock;
	bool sends;
	size_t len; /* of the file, in whole windows */
	uint8_t *map;
	uint8_t *buffers[BUFFERS];
	IMB_MGR *mb;
	_Alignas(64) struct gcm_key_data key;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench_mapped: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void *mapping(const struct bench *b, size_t off, size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED | flags, b->fd, (off_t)off);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void seal(struct bench *b, uint8_t *to, const uint8_t *from)
{
	static const uint8_t nonce[12], aad[32];
	struct gcm_context_data c;
	uint8_t tag[16];

	b->mb->gcm128_enc(&b->key, &c, to, from, PIECE, nonce, aad, sizeof(aad), tag,
			  sizeof(tag));
}

static void send_piece(const struct bench *b, const uint8_t *p)
{
	for (size_t done = 0; b->sends && done < PIECE;) {
		ssize_t n = send(b->sock, p + done, PIECE - done, MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		done += (size_t)n;
	}
}

/* ---- the ways: one piece each --------------------------------------------------------------------------- */

static void by_pread(struct bench *b, size_t off, uint8_t *p)
{
	if (pread(b->fd, p, PIECE, (off_t)off) != PIECE)
		die("pread");
	seal(b, p, p);
}

static void from_lasting(struct bench *b, size_t off, uint8_t *p)
{
	seal(b, p, b->map + off);
}

/* The processor's own prefetching ends with each page of 4 KiB. */
static void from_lasting_prefetched(struct bench *b, size_t off, uint8_t *p)
{
	static const uint8_t nonce[12], aad[32];
	const uint8_t *from = b->map + off;
	uint8_t tag[16];
	struct gcm_context_data c;

	b->mb->gcm128_init(&b->key, &c, nonce, aad, sizeof(aad));
	for (size_t at = 0; at < PIECE; at += CHUNK) {
		for (size_t i = 0; i < CHUNK; i += LINE)
			__builtin_prefetch(from + at + CHUNK + i);
		b->mb->gcm128_enc_update(&b->key, &c, p + at, from + at, CHUNK);
	}
	b->mb->gcm128_enc_finalize(&b->key, &c, tag, sizeof(tag));
}

static void from_one_each(struct bench *b, size_t off, uint8_t *p)
{
	uint8_t *map = mapping(b, off, PIECE, MAP_POPULATE);

	seal(b, p, map);
	munmap(map, PIECE);
}

/* Windows of 2 MiB, of which an open would keep some: here each is used for two pieces. */
static void from_window(struct bench *b, size_t off, uint8_t *p)
{
	static uint8_t *window;

	if (off % WINDOW == 0) {
		if (window)
			munmap(window, WINDOW);
		window = mapping(b, off, WINDOW, MAP_POPULATE);
	}
	seal(b, p, window + off % WINDOW);
}

static const struct way {
	const char *name;
	void (*piece)(struct bench *b, size_t off, uint8_t *p);
} ways[] = {
	{"pread, in place", by_pread},
	{"mapping that lasts", from_lasting},
	{"mapping that lasts, prefetched", from_lasting_prefetched},
	{"mapping for each request, populated", from_one_each},
	{"windows of 2 MiB, populated", from_window},
};

/* ---- measuring ------------------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds a GiB. */
static double measure(struct bench *b, const struct way *w)
{
	double start = cpu_seconds();

	for (size_t off = 0; off < b->len; off += PIECE) {
		uint8_t *p = b->buffers[off / PIECE % BUFFERS];

		w->piece(b, off, p);
		send_piece(b, p);
	}
	return (cpu_seconds() - start) / (double)b->len * (1 << 30);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double *sorted(double *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), ascending);
	return samples;
}

static void report(const char *name, double *alone, double *sent, size_t count)
{
	const double *a = sorted(alone, count), *s = sorted(sent, count);

	printf("%-36s least %.3f median %.3f   sent: least %.3f median %.3f\n", name,
	       a[0], a[count / 2], s[0], s[count / 2]);
}

/* Throws away what arrives, until the other end is gone. */
static void sink(int fd)
{
	static uint8_t bytes[PIECE];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	_exit(0);
}

/* Connected to a process of its own; not paced (see net/tcp.c). */
static int sink_start(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	if (l < 0 || fd < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno")) < 0 ||
	    bind(l, (struct sockaddr *)&a, len) < 0 || listen(l, 1) < 0 ||
	    getsockname(l, (struct sockaddr *)&a, &len) < 0 ||
	    connect(fd, (struct sockaddr *)&a, len) < 0)
		die("loopback");
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(fd);
		sink(accept(l, NULL, NULL));
	}
	close(l);
	return fd;
}

static void prepare(struct bench *b, const char *path)
{
	static const _Alignas(16) uint8_t key[16];
	struct stat st;

	b->sock = sink_start();
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		die(path);
	b->len = (size_t)st.st_size / WINDOW * WINDOW;
	if (b->len == 0) {
		fprintf(stderr, "bench_mapped: %s is shorter than 2 MiB\n", path);
		exit(EXIT_FAILURE);
	}
	b->map = mapping(b, 0, b->len, MAP_POPULATE);
	for (size_t i = 0; i < BUFFERS; i++) {
		b->buffers[i] = aligned_alloc(4096, PIECE);
		if (!b->buffers[i])
			die("memory");
		memset(b->buffers[i], 1, PIECE);
	}
	b->mb = alloc_mb_mgr(0);
	if (!b->mb)
		die("ipsec-mb");
	init_mb_mgr_auto(b->mb, NULL);
	b->mb->gcm128_pre(key, &b->key);
}

int main(int argc, char **argv)
{
	static double samples[2][ARRAY_LEN(ways)][ROUNDS_MAX];
	size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 9;
	struct bench b = {0};

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_mapped FILE [ROUNDS]\n");
		return 2;
	}
	prepare(&b, argv[1]);
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
			size_t w = r % 2 ? ARRAY_LEN(ways) - 1 - i : i;

			for (size_t n = 0; n < 2; n++) {
				b.sends = n == 1;
				samples[n][w][r] = measure(&b, &ways[w]);
			}
		}
	printf("s/GiB\n");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		report(ways[i].name, samples[0][i], samples[1][i], rounds);
	return 0;
}
