/* load_impl.h - between load.c, prepare.c and work.c. */
#pragma once

#include "load/load.h"
#include "wire/smb2_proto.h"

struct conn;

/* One operation under way, again and again. */
struct slot {
	struct list_node node; /* in conn->ready, or in nothing */
	struct conn *conn;
	size_t index;
	bool busy;           /* inside an operation */
	uint64_t message_id; /* whose answer it waits for */
	uint64_t begun_ns;
	unsigned step; /* of the operation, from 0 */
	uint64_t serial;
	struct client_file file;
	char path[160];
};

struct conn {
	struct load *load;
	size_t index;
	struct sock *sock;
	uint32_t tree;
	struct client_file file; /* what works on one file open all the time */
	uint64_t next_off, random;
	struct slot *slots;
	struct list_node ready; /* slots that want to send */
	uint8_t *outbox;
	size_t outbox_len;
	bool renew; /* the operation ended the session */
};

struct load {
	struct load_settings settings;
	struct clock clock;
	struct conn *conns; /* the busy ones */
	struct sock **idle;
	size_t idle_count;
	struct span payload; /* what is written: LOAD_SIZE_MAX random bytes */
	int epoll;

	uint64_t stop_ns, ops_left;
	bool stopping;
	size_t busy; /* slots inside an operation */
	struct load_result result;
	char fault[LOAD_FAULT_MAX];
	bool failed;
};

/*
 * How an operation goes. step() puts the request of slot->step together and calls slot_sent(); got() looks at its answer
 * and either sets another step, or calls slot_done().
 */
struct work {
	struct work_info info;
	bool (*prepare)(
		struct conn *c); /* blocking; NULL: nothing is needed but a tree */
	size_t (*payload)(const struct load *
				  l); /* what a step carries or asks for; NULL: nothing */
	void (*step)(struct slot *s);
	void (*got)(struct slot *s, const struct client_answer *a);
	bool (*renew)(struct conn *c); /* after an operation that ended the session */
	bool no_session;               /* an operation begins without one */
	bool assumable;                /* it is all the same without a server */
};

bool load_fail(struct load *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* In the callback of an answer: it was not what it must be. */
void slot_fail(struct slot *s, const struct client_answer *a, const char *what);
bool slot_expect(struct slot *s, const struct client_answer *a, nt_status want);

static inline struct client *slot_client(const struct slot *s)
{
	return s->conn->sock->client;
}

static inline const struct load_settings *slot_settings(const struct slot *s)
{
	return &s->conn->load->settings;
}

void slot_sent(struct slot *s, uint64_t message_id);
/* The operation's next request, once nothing is received any more. */
void slot_next(struct slot *s, unsigned step);
void slot_done(struct slot *s, uint64_t bytes);

/* ---- prepare.c: what is there before anything is measured; blocking calls -------------------------- */

/* Connect; up to NEGOTIATE, or up to a tree. */
bool conn_connect(struct conn *c);
bool conn_logon(struct conn *c);
bool prepare_read_file(struct conn *c);
bool prepare_write_file(struct conn *c);
bool prepare_own_file(struct conn *c);
bool prepare_folder(struct conn *c);
bool prepare_list(struct conn *c);
bool prepare_held(struct load *l);
bool prepare_idle(struct load *l);
/* settings.subject, or what the work makes for itself. */
void folder_path(const struct conn *c, const char *own, char *room, size_t size);
void list_path(const struct conn *c, char *room, size_t size);
