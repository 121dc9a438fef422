/*
 * answer.h - what the server's answers hold.
 *
 * Owns     nothing; results point into the answer.
 * Threads  pure.
 * Errors   false, and the results are untouched: the answer is malformed. answer_check() has been passed by whatever
 *          client_receive() calls back with, so a parser fails only for an answer of another command or status.
 * Spec     [MS-SMB2] 2.2.2 - 2.2.40, [MS-FSCC] 2.4
 */
#pragma once

#include "client/client.h"

/* NULL, or what is wrong with the body: structure sizes, offsets, lengths, contents of lists. */
const char *answer_check(const struct client_answer *a);

/* Does it hold an ERROR structure instead of the command's own? */
bool answer_is_error(const struct client_answer *a);

struct answer_negotiate {
	uint16_t security_mode, dialect;
	uint32_t capabilities, max_transact, max_read, max_write;
	uint8_t guid[16];
	uint64_t time;
	struct span token;
	bool preauth;
	uint16_t cipher, signing; /* of the contexts; 0xFFFF: there was none */
};
MUST_CHECK bool answer_negotiate(const struct client_answer *a,
				 struct answer_negotiate *ret);

struct answer_setup {
	uint16_t flags;
	struct span token;
};
MUST_CHECK bool answer_setup(const struct client_answer *a, struct answer_setup *ret);

struct answer_tree {
	uint8_t type;
	uint32_t flags, capabilities, access;
};
MUST_CHECK bool answer_tree(const struct client_answer *a, struct answer_tree *ret);

struct answer_create {
	uint8_t oplock;
	uint32_t action, attributes;
	uint64_t create_time, access_time, write_time, change_time, allocated, size;
	struct client_file id;
	struct span contexts;
};
MUST_CHECK bool answer_create(const struct client_answer *a, struct answer_create *ret);

/* A break the server told of: the whole message. Sets what its kind has. */
MUST_CHECK bool answer_break(struct span message, struct client_break *ret);
/* What an acknowledgement was answered. */
MUST_CHECK bool answer_oplock_ack(const struct client_answer *a, uint8_t *ret_level);
MUST_CHECK bool answer_lease_ack(const struct client_answer *a,
				 uint8_t ret_key[SMB2_LEASE_KEY_LEN],
				 uint32_t *ret_state);

struct answer_close {
	uint16_t flags;
	uint64_t allocated, size;
	uint32_t attributes;
};
MUST_CHECK bool answer_close(const struct client_answer *a, struct answer_close *ret);

MUST_CHECK bool answer_read(const struct client_answer *a, struct span *ret_data);
MUST_CHECK bool answer_write(const struct client_answer *a, uint32_t *ret_count);

struct answer_ioctl {
	uint32_t code;
	struct client_file id;
	struct span output;
};
MUST_CHECK bool answer_ioctl(const struct client_answer *a, struct answer_ioctl *ret);

/* The output buffer of QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO. */
MUST_CHECK bool answer_output(const struct client_answer *a, struct span *ret_output);

/* One name after another of FileIdBothDirectoryInformation and the like; `list` shrinks, false at its end. */
struct answer_name {
	uint64_t size;
	uint32_t attributes;
	struct span name; /* UTF-16LE */
};
bool answer_next_name(struct span *list, uint8_t class, struct answer_name *ret);

/* One change after another of a CHANGE_NOTIFY. */
struct answer_change {
	uint32_t action;
	struct span name;
};
bool answer_next_change(struct span *list, struct answer_change *ret);
