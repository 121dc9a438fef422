/*
 * load.h - a load on an SMB server: connections, each with so many operations under way, for a time or a number.
 *
 * One thread drives all connections with one epoll. What an operation is, a row of the table of works says. Payload is
 * neither made nor looked at byte by byte; that each answer has the status and the length it must have is checked.
 *
 *     load_open(&settings, &load)      connections, sessions, files
 *     load_run(load, 1, 0, &r)         warms up
 *     load_run(load, 5, 0, &r)         measures: ends with nothing under way, and all connections open
 *     load_close(load)
 *
 * Owns     its connections.
 * Threads  one user at a time.
 * Errors   false: load_fault() says what went wrong; the load can only be closed then.
 */
#pragma once

#include "client/sock.h"
#include "load/latency.h"
#include "net/clock.h"

enum {
	LOAD_CONNECTIONS_MAX = 100000,
	LOAD_DEPTH_MAX = 1024,
	LOAD_SIZE_MAX = 8 << 20,
	LOAD_FAULT_MAX = 512,
};

struct work;

struct load_settings {
	const struct work *work;
	struct sock_settings sock; /* but for what a connection sets itself */
	const char *share;
	size_t connections, depth;
	bool channels;      /* the connections are channels of one session */
	bool assume;        /* no logon, no files: client_assume() */
	size_t size;        /* bytes of one READ, WRITE, listing page, small file */
	uint64_t file;      /* bytes of a file that is read or written */
	size_t entries;     /* of the directory that is listed */
	size_t idle;        /* further connections that are logged on and idle */
	size_t held;        /* further open files */
	uint64_t moved;     /* bytes that each idle connection reads and writes before */
	const char *prefix; /* of the names of files and folders */
	const char *
		subject; /* a file or folder that is used in place of the work's own, or NULL */
	void (*progress)(const char *what, size_t done, size_t of); /* may be NULL */
};

struct load_result {
	double wall_s;
	uint64_t ops, bytes, entries;
	struct latency latency;
};

struct load;

/* What operations there are; the last row has no name. */
struct work_info {
	const char *name, *help;
	size_t size;        /* default of load_settings.size */
	bool one_at_a_time; /* on a connection */
	bool reconnects;    /* connections do not outlive an operation */
};
/* NULL behind the last. */
const struct work_info *load_work_at(size_t index);
const struct work *load_work(const char *name); /* NULL: there is none of that name */
const struct work_info *load_work_info(const struct work *work);

MUST_CHECK bool load_open(const struct load_settings *settings, struct load **ret_load);
/* Until so many seconds have passed, or operations were completed (0: no such limit). */
MUST_CHECK bool load_run(struct load *l, double seconds, uint64_t count,
			 struct load_result *ret);
/* Also after load_open() failed. NULL is fine. */
void load_close(struct load *l);
const char *load_fault(const struct load *l);

/* What was negotiated on the first connection. */
const struct client *load_client(const struct load *l);
