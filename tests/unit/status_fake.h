/*
 * status_fake.h - something that goes on, for the calls that show it.
 */
#pragma once

#include "ctl/status.h"

#include "conf/conf.h"
#include "wire/smb2_proto.h"

#include <errno.h>
#include <stdlib.h>

enum { FAKE_ROWS = 5 };

struct status_fake {
	struct status status; /* what the calls take */
	struct conf conf;
	const char *user; /* of everybody */
	bool no_memory;
	size_t evicted; /* how many times */
	enum status_kind evicted_what;
	uint64_t evicted_id;
};

static inline int fake_stats(void *arg, struct stats *ret)
{
	struct status_fake *f = arg;

	if (f->no_memory)
		return -ENOMEM;
	*ret = (struct stats){.workers = 2, .share_count = 1, .sessions = {3, 9}};
	ret->shares = calloc(1, sizeof(*ret->shares));
	if (!ret->shares)
		return -ENOMEM;
	memcpy(ret->shares[0].name, "One", 4);
	ret->shares[0].requests = 11;
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++)
		ret->commands[i].name = "COMMAND";
	ret->commands[SMB2_READ].name = "READ";
	ret->commands[SMB2_READ].requests = 7;
	ret->refused[POLICY_WRONG_SIGNATURE] = 4;
	return 0;
}

static inline int fake_conns(void *arg, uint64_t after, size_t max,
			     struct conn_row **ret_rows, size_t *ret_count,
			     bool *ret_more)
{
	struct status_fake *f = arg;
	struct conn_row *rows = f->no_memory ? NULL : calloc(FAKE_ROWS, sizeof(*rows));
	size_t n = 0;
	uint64_t id;

	if (!rows)
		return -ENOMEM;
	for (id = 1; id <= FAKE_ROWS && n < max; id++)
		if (id > after)
			rows[n++] = (struct conn_row){
				.id = id, .peer = "192.0.2.1:50123", .dialect = 0x0311};
	*ret_rows = rows;
	*ret_count = n;
	*ret_more = id <= FAKE_ROWS;
	return 0;
}

static inline int fake_sessions(void *arg, struct arena *a, uint64_t after, size_t max,
				struct sess_row **ret_rows, size_t *ret_count,
				bool *ret_more)
{
	struct status_fake *f = arg;
	struct sess_row *row = f->no_memory ? NULL : arena_alloc(a, sizeof(*row));

	if (!row)
		return -ENOMEM;
	*row = (struct sess_row){
		.id = 77,
		.kind = POLICY_USER_NAMED,
		.user = f->user,
		.domain = "D",
		.peer = "",
		.dialect = 0x0311,
		.cipher = SEAL_AES_128_GCM,
		.sign_alg = SIGN_AES_GMAC,
		.client_signs = true,
		.encrypting_count = 1,
		.encrypting = {"Safe"},
		.conn_count = 2,
		.conns = {4, 5},
	};
	row->refused[POLICY_UNSIGNED] = 2;
	row->traffic.messages[STATS_IN][STATS_ENCRYPTED] = 6;
	*ret_rows = row;
	*ret_count = after < 77;
	*ret_more = false;
	return 0;
}

static inline int fake_opens(void *arg, struct arena *a, uint64_t after, size_t max,
			     struct open_row **ret_rows, size_t *ret_count,
			     bool *ret_more)
{
	struct status_fake *f = arg;
	struct open_row *row = f->no_memory ? NULL : arena_alloc(a, sizeof(*row));

	if (!row)
		return -ENOMEM;
	*row = (struct open_row){
		.id = 8,
		.user = f->user,
		.share = "One",
		.path = "dir\\file",
		.share_access = FILE_SHARE_READ | FILE_SHARE_DELETE,
		.holds = true,
		.lease_version = 2,
		.caching = CACHING_READ | CACHING_HANDLE,
	};
	*ret_rows = row;
	*ret_count = after < 8;
	*ret_more = false;
	return 0;
}

static inline int fake_locks(void *arg, struct arena *a, uint64_t from, size_t skip,
			     size_t max, struct lock_row **ret_rows, size_t *ret_count,
			     bool *ret_more)
{
	struct status_fake *f = arg;
	struct lock_row *rows = f->no_memory ? NULL
					     : arena_array(a, FAKE_ROWS, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = skip; i < FAKE_ROWS && n < max && from <= 8; i++)
		rows[n++] = (struct lock_row){.open_id = 8,
					      .user = f->user,
					      .share = "One",
					      .path = "",
					      .range = {i, UINT64_MAX, i % 2}};
	*ret_rows = rows;
	*ret_count = n;
	*ret_more = skip < FAKE_ROWS && skip + n < FAKE_ROWS;
	return 0;
}

static inline const struct conf *fake_conf(void *arg)
{
	struct status_fake *f = arg;

	return &f->conf;
}

static inline bool fake_evict(void *arg, enum status_kind what, uint64_t id)
{
	struct status_fake *f = arg;

	f->evicted++;
	f->evicted_what = what;
	f->evicted_id = id;
	return id != 404;
}

static const struct status_ops status_fake_ops = {
	.stats = fake_stats,
	.conns = fake_conns,
	.sessions = fake_sessions,
	.opens = fake_opens,
	.locks = fake_locks,
	.conf = fake_conf,
	.evict = fake_evict,
};

static inline void status_fake_init(struct status_fake *f)
{
	*f = (struct status_fake){.user = "alice"};
	f->status = (struct status){&status_fake_ops, f};
}
