#include "client/answer.h"
#include "client/contexts.h"

#include <string.h>

enum {
	ERROR_SIZE = 9,
	PADDING_MAX = 8, /* bytes behind the last that a structure names */
	NO_CONTEXT = 0xFFFF,
	OFF_OUTPUT = 2, /* OutputBufferOffset, behind StructureSize */
};

/* StructureSize of each command's answer: [MS-SMB2] 2.2.4 - 2.2.40 */
static const uint16_t sizes[SMB2_COMMAND_COUNT] = {
	[SMB2_NEGOTIATE] = 65,
	[SMB2_SESSION_SETUP] = 9,
	[SMB2_LOGOFF] = 4,
	[SMB2_TREE_CONNECT] = 16,
	[SMB2_TREE_DISCONNECT] = 4,
	[SMB2_CREATE] = 89,
	[SMB2_CLOSE] = 60,
	[SMB2_FLUSH] = 4,
	[SMB2_READ] = 17,
	[SMB2_WRITE] = 17,
	[SMB2_LOCK] = 4,
	[SMB2_IOCTL] = 49,
	[SMB2_ECHO] = 4,
	[SMB2_QUERY_DIRECTORY] = 9,
	[SMB2_CHANGE_NOTIFY] = 9,
	[SMB2_QUERY_INFO] = 9,
	[SMB2_SET_INFO] = 2,
	[SMB2_OPLOCK_BREAK] = SMB2_OPLOCK_BREAK_SIZE,
};

/* Statuses other than success that come with the command's own structure. [MS-SMB2] 3.3.4.4 */
static bool status_has_body(uint16_t command, nt_status st)
{
	switch (command) {
	case SMB2_SESSION_SETUP:
		return nt_is(st, STATUS_MORE_PROCESSING_REQUIRED);
	case SMB2_QUERY_INFO:
	case SMB2_READ:
	case SMB2_IOCTL:
	case SMB2_QUERY_DIRECTORY:
		return nt_is(st, STATUS_BUFFER_OVERFLOW);
	case SMB2_CHANGE_NOTIFY:
		return nt_is(st, STATUS_NOTIFY_ENUM_DIR);
	default:
		return false;
	}
}

static struct rd body_of(const struct client_answer *a)
{
	struct rd r = rd_of(a->message);

	rd_seek(&r, SMB2_HEADER_LEN);
	return r;
}

/* A copy that failed says how far it came, or how much may be asked for. [MS-SMB2] 3.3.5.15.6.1, 3.3.5.15.6.2 */
static bool tells_of_copy(const struct client_answer *a)
{
	struct rd r = body_of(a);
	uint16_t size = rd_u16(&r);
	uint32_t code;

	rd_skip(&r, 2); /* Reserved */
	code = rd_u32(&r);
	return a->command == SMB2_IOCTL && size == sizes[SMB2_IOCTL] &&
	       (code == FSCTL_SRV_COPYCHUNK || code == FSCTL_SRV_COPYCHUNK_WRITE);
}

bool answer_is_error(const struct client_answer *a)
{
	return !nt_ok(a->status) && !status_has_body(a->command, a->status) &&
	       !tells_of_copy(a);
}

/* At the body of an answer that has the command's own. */
static struct rd own_body(const struct client_answer *a, uint16_t command)
{
	struct rd r = body_of(a);

	rd_struct_size(&r, sizes[command]);
	if (a->command != command || answer_is_error(a))
		rd_fail(&r);
	return r;
}

/* A buffer that an offset and a length name; it must lie behind the fixed part. */
static struct span buffer_at(struct rd *r, size_t fixed, size_t off, size_t len)
{
	struct rd part = rd_at(r, off, len);

	if (len && off < SMB2_HEADER_LEN + fixed)
		rd_fail(r);
	return rd_rest(&part);
}

static struct client_file rd_file(struct rd *r)
{
	struct client_file id;

	id.persistent_id = rd_u64(r);
	id.volatile_id = rd_u64(r);
	return id;
}

/* ---- NEGOTIATE, SESSION_SETUP, TREE_CONNECT ---------------------------------------------------------- */

/* ENCRYPTION and SIGNING answer with exactly one id. */
static uint16_t chosen_id(struct rd *r, struct rd *data)
{
	uint16_t count = rd_u16(data);
	uint16_t id = rd_u16(data);

	if (count != 1 || !rd_ok(data))
		rd_fail(r);
	return id;
}

static void preauth_context(struct rd *r, struct rd *data)
{
	uint16_t count = rd_u16(data);

	rd_skip(data, 2); /* SaltLength */
	if (count != 1 || rd_u16(data) != SMB2_PREAUTH_INTEGRITY_SHA512 || !rd_ok(data))
		rd_fail(r);
}

static void negotiate_contexts(struct rd *r, size_t off, size_t count,
			       struct answer_negotiate *n)
{
	rd_seek(r, off);
	if (off % 8)
		rd_fail(r);
	for (size_t i = 0; i < count && rd_ok(r); i++) {
		uint16_t type, len;
		struct rd data;

		rd_align(r, 8);
		type = rd_u16(r);
		len = rd_u16(r);
		rd_skip(r, 4); /* Reserved */
		data = rd_of(rd_bytes(r, len));
		if (type == SMB2_PREAUTH_INTEGRITY_CAPABILITIES) {
			preauth_context(r, &data);
			n->preauth = true;
		}
		if (type == SMB2_ENCRYPTION_CAPABILITIES)
			n->cipher = chosen_id(r, &data);
		if (type == SMB2_SIGNING_CAPABILITIES)
			n->signing = chosen_id(r, &data);
	}
}

bool answer_negotiate(const struct client_answer *a, struct answer_negotiate *ret)
{
	struct answer_negotiate n = {.cipher = NO_CONTEXT, .signing = NO_CONTEXT};
	struct rd r = own_body(a, SMB2_NEGOTIATE);
	uint16_t count, off, len;
	uint32_t contexts_off;

	n.security_mode = rd_u16(&r);
	n.dialect = rd_u16(&r);
	count = rd_u16(&r);
	rd_copy(&r, n.guid, sizeof(n.guid));
	n.capabilities = rd_u32(&r);
	n.max_transact = rd_u32(&r);
	n.max_read = rd_u32(&r);
	n.max_write = rd_u32(&r);
	n.time = rd_u64(&r);
	rd_skip(&r, 8); /* ServerStartTime */
	off = rd_u16(&r);
	len = rd_u16(&r);
	contexts_off = rd_u32(&r);
	n.token = buffer_at(&r, 64, off, len);
	if (n.dialect == SMB2_DIALECT_311)
		negotiate_contexts(&r, contexts_off, count, &n);
	if (!rd_ok(&r))
		return false;
	*ret = n;
	return true;
}

bool answer_setup(const struct client_answer *a, struct answer_setup *ret)
{
	struct rd r = own_body(a, SMB2_SESSION_SETUP);
	struct answer_setup s;
	uint16_t off, len;

	s.flags = rd_u16(&r);
	off = rd_u16(&r);
	len = rd_u16(&r);
	s.token = buffer_at(&r, 8, off, len);
	if (!rd_ok(&r))
		return false;
	*ret = s;
	return true;
}

bool answer_tree(const struct client_answer *a, struct answer_tree *ret)
{
	struct rd r = own_body(a, SMB2_TREE_CONNECT);
	struct answer_tree t;

	t.type = rd_u8(&r);
	rd_skip(&r, 1); /* Reserved */
	t.flags = rd_u32(&r);
	t.capabilities = rd_u32(&r);
	t.access = rd_u32(&r);
	if (!rd_ok(&r))
		return false;
	*ret = t;
	return true;
}

/* ---- files -------------------------------------------------------------------------------------------- */

bool answer_create(const struct client_answer *a, struct answer_create *ret)
{
	struct rd r = own_body(a, SMB2_CREATE);
	struct answer_create c;
	uint32_t off, len;

	c.oplock = rd_u8(&r);
	rd_skip(&r, 1); /* Flags */
	c.action = rd_u32(&r);
	c.create_time = rd_u64(&r);
	c.access_time = rd_u64(&r);
	c.write_time = rd_u64(&r);
	c.change_time = rd_u64(&r);
	c.allocated = rd_u64(&r);
	c.size = rd_u64(&r);
	c.attributes = rd_u32(&r);
	rd_skip(&r, 4); /* Reserved2 */
	c.id = rd_file(&r);
	off = rd_u32(&r);
	len = rd_u32(&r);
	c.contexts = buffer_at(&r, 88, off, len);
	if (!rd_ok(&r) || (len && off % 8))
		return false;
	*ret = c;
	return true;
}

bool answer_close(const struct client_answer *a, struct answer_close *ret)
{
	struct rd r = own_body(a, SMB2_CLOSE);
	struct answer_close c;

	c.flags = rd_u16(&r);
	rd_skip(&r, 4 + 4 * 8); /* Reserved, times */
	c.allocated = rd_u64(&r);
	c.size = rd_u64(&r);
	c.attributes = rd_u32(&r);
	if (!rd_ok(&r))
		return false;
	*ret = c;
	return true;
}

bool answer_read(const struct client_answer *a, struct span *ret_data)
{
	struct rd r = own_body(a, SMB2_READ);
	uint8_t off = rd_u8(&r);
	struct span data;
	uint32_t len;

	rd_skip(&r, 1); /* Reserved */
	len = rd_u32(&r);
	rd_skip(&r, 4 + 4); /* DataRemaining, Flags */
	data = buffer_at(&r, 16, off, len);
	if (!rd_ok(&r))
		return false;
	*ret_data = data;
	return true;
}

bool answer_write(const struct client_answer *a, uint32_t *ret_count)
{
	struct rd r = own_body(a, SMB2_WRITE);
	uint32_t count;

	rd_skip(&r, 2); /* Reserved */
	count = rd_u32(&r);
	rd_skip(&r, 4 + 2 + 2); /* Remaining, WriteChannelInfoOffset, Length */
	if (!rd_ok(&r))
		return false;
	*ret_count = count;
	return true;
}

bool answer_ioctl(const struct client_answer *a, struct answer_ioctl *ret)
{
	struct rd r = own_body(a, SMB2_IOCTL);
	struct answer_ioctl i;
	uint32_t in_off, in_len, off, len;

	rd_skip(&r, 2); /* Reserved */
	i.code = rd_u32(&r);
	i.id = rd_file(&r);
	in_off = rd_u32(&r);
	in_len = rd_u32(&r);
	off = rd_u32(&r);
	len = rd_u32(&r);
	rd_skip(&r, 4 + 4); /* Flags, Reserved2 */
	(void)buffer_at(&r, 48, in_off, in_len);
	i.output = buffer_at(&r, 48, off, len);
	if (!rd_ok(&r))
		return false;
	*ret = i;
	return true;
}

bool answer_output(const struct client_answer *a, struct span *ret_output)
{
	struct rd r = own_body(a, a->command);
	struct span out;
	uint16_t off;
	uint32_t len;

	off = rd_u16(&r);
	len = rd_u32(&r);
	out = buffer_at(&r, 8, off, len);
	if (!rd_ok(&r))
		return false;
	*ret_output = out;
	return true;
}

/* ---- OPLOCK_BREAK ------------------------------------------------------------------------------------ */

/* What an oplock may be broken or lowered to. [MS-SMB2] 2.2.23.1 */
static bool is_lowered_level(uint8_t level)
{
	return level == SMB2_OPLOCK_LEVEL_NONE || level == SMB2_OPLOCK_LEVEL_II ||
	       level == SMB2_OPLOCK_LEVEL_EXCLUSIVE;
}

/* NONE, R, RW, RH: what a lease is broken to. [MS-SMB2] 3.3.4.7 */
static bool is_lowered_state(uint32_t state)
{
	return state == SMB2_LEASE_NONE || state == SMB2_LEASE_READ_CACHING ||
	       state == (SMB2_LEASE_READ_CACHING | SMB2_LEASE_WRITE_CACHING) ||
	       state == (SMB2_LEASE_READ_CACHING | SMB2_LEASE_HANDLE_CACHING);
}

static bool oplock_body(struct rd *r, uint8_t *ret_level, struct client_file *ret_id)
{
	*ret_level = rd_u8(r);
	rd_skip(r, 1 + 4); /* Reserved, Reserved2 */
	*ret_id = rd_file(r);
	return rd_ok(r) && rd_left(r) < PADDING_MAX && is_lowered_level(*ret_level);
}

static bool lease_break_body(struct rd *r, struct client_break *b)
{
	uint32_t flags;

	b->lease = true;
	b->epoch = rd_u16(r);
	flags = rd_u32(r);
	rd_copy(r, b->key, sizeof(b->key));
	b->from = rd_u32(r);
	b->to = rd_u32(r);
	rd_skip(r, 4 + 4 + 4); /* BreakReason, AccessMaskHint, ShareMaskHint */
	b->must_acknowledge = flags == SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED;
	return rd_ok(r) && rd_left(r) < PADDING_MAX &&
	       !(flags & ~(uint32_t)SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED) &&
	       !(b->from & ~SMB2_LEASE_ALL) && is_lowered_state(b->to) &&
	       !(b->to & ~b->from) && b->to != b->from;
}

bool answer_break(struct span message, struct client_break *ret)
{
	struct client_break b = {.sealed = ret->sealed};
	struct rd r = rd_of(message);
	uint16_t size;
	bool ok;

	rd_seek(&r, SMB2_HEADER_LEN);
	size = rd_u16(&r);
	if (size == SMB2_LEASE_BREAK_NOTIFICATION_SIZE)
		ok = lease_break_body(&r, &b);
	else
		ok = size == SMB2_OPLOCK_BREAK_SIZE && oplock_body(&r, &b.level, &b.id);
	if (!ok)
		return false;
	*ret = b;
	return true;
}

bool answer_oplock_ack(const struct client_answer *a, uint8_t *ret_level)
{
	struct rd r = own_body(a, SMB2_OPLOCK_BREAK);
	struct client_file id;
	uint8_t level;

	if (!oplock_body(&r, &level, &id))
		return false;
	*ret_level = level;
	return true;
}

bool answer_lease_ack(const struct client_answer *a, uint8_t ret_key[SMB2_LEASE_KEY_LEN],
		      uint32_t *ret_state)
{
	uint8_t key[SMB2_LEASE_KEY_LEN];
	struct rd r = body_of(a);
	uint32_t state;

	rd_struct_size(&r, SMB2_LEASE_BREAK_SIZE);
	rd_skip(&r, 2 + 4); /* Reserved, Flags */
	rd_copy(&r, key, sizeof(key));
	state = rd_u32(&r);
	rd_skip(&r, 8); /* LeaseDuration */
	if (!rd_ok(&r) || a->command != SMB2_OPLOCK_BREAK || answer_is_error(a) ||
	    rd_left(&r) >= PADDING_MAX || state & ~SMB2_LEASE_ALL)
		return false;
	memcpy(ret_key, key, sizeof(key));
	*ret_state = state;
	return true;
}

static const char *ack_check(const struct client_answer *a)
{
	uint8_t level, key[SMB2_LEASE_KEY_LEN];
	uint32_t state;

	return answer_oplock_ack(a, &level) || answer_lease_ack(a, key, &state)
		       ? NULL
		       : "malformed answer to an acknowledgement";
}

/* ---- lists -------------------------------------------------------------------------------------------- */

/* Bytes before FileName in each class: [MS-FSCC] 2.4.8 - 2.4.22 */
static size_t name_offset(uint8_t class)
{
	switch (class) {
	case FileDirectoryInformation:
		return 64;
	case FileFullDirectoryInformation:
		return 68;
	case FileIdFullDirectoryInformation:
		return 80;
	case FileBothDirectoryInformation:
		return 94;
	case FileIdBothDirectoryInformation:
		return 104;
	default:
		return 0;
	}
}

/* Cut the entry that `list` begins with off it. Empty: there is none, or it leads astray. */
static struct span entry_take(struct span *list, size_t align)
{
	struct rd r = rd_of(*list);
	uint32_t next = rd_u32(&r);
	struct span entry = *list;

	if (!rd_ok(&r) || next % align || next >= list->len)
		return span_of(NULL, 0);
	if (next)
		entry.len = next;
	*list = next ? span_from(*list, next) : span_of(NULL, 0);
	return entry;
}

bool answer_next_name(struct span *list, uint8_t class, struct answer_name *ret)
{
	struct span entry = entry_take(list, 8);
	struct rd r = rd_of(entry);
	struct answer_name n;
	uint32_t len;

	rd_skip(&r, 4 + 4 + 4 * 8); /* NextEntryOffset, FileIndex, times */
	n.size = rd_u64(&r);
	rd_skip(&r, 8); /* AllocationSize */
	n.attributes = rd_u32(&r);
	len = rd_u32(&r);
	rd_seek(&r, name_offset(class));
	n.name = rd_bytes(&r, len);
	if (!rd_ok(&r) || len == 0 || len % 2)
		return false;
	*ret = n;
	return true;
}

bool answer_next_change(struct span *list, struct answer_change *ret)
{
	struct span entry = entry_take(list, 4);
	struct rd r = rd_of(entry);
	struct answer_change c;
	uint32_t len;

	rd_skip(&r, 4); /* NextEntryOffset */
	c.action = rd_u32(&r);
	len = rd_u32(&r);
	c.name = rd_bytes(&r, len);
	if (!rd_ok(&r) || len == 0 || len % 2)
		return false;
	*ret = c;
	return true;
}

static const char *changes_check(struct span list)
{
	struct answer_change c;

	while (list.len)
		if (!answer_next_change(&list, &c))
			return "malformed FILE_NOTIFY_INFORMATION";
	return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static const char *error_check(const struct client_answer *a)
{
	struct rd r = body_of(a);
	uint32_t len;

	rd_struct_size(&r, ERROR_SIZE);
	rd_skip(&r, 1 + 1); /* ErrorContextCount, Reserved */
	len = rd_u32(&r);
	rd_skip(&r, len ? len : 1); /* a byte there is always */
	return rd_ok(&r) && rd_left(&r) < PADDING_MAX ? NULL
						      : "malformed ERROR structure";
}

static const char *create_check(const struct client_answer *a)
{
	struct answer_create c;

	return answer_create(a, &c) ? contexts_check(&c) : "malformed body";
}

/* Answers without a variable part: exactly their size, and padding in a compound. */
static const char *fixed_check(const struct client_answer *a)
{
	struct rd r = own_body(a, a->command);

	rd_skip(&r, sizes[a->command] - 2u);
	return rd_ok(&r) && rd_left(&r) < PADDING_MAX ? NULL : "malformed body";
}

const char *answer_check(const struct client_answer *a)
{
	union {
		struct answer_negotiate negotiate;
		struct answer_setup setup;
		struct answer_ioctl ioctl;
		struct span span;
		uint32_t count;
	} u;
	bool ok = true;

	if (answer_is_error(a))
		return error_check(a);
	switch (a->command) {
	case SMB2_NEGOTIATE:
		ok = answer_negotiate(a, &u.negotiate);
		break;
	case SMB2_SESSION_SETUP:
		ok = answer_setup(a, &u.setup);
		break;
	case SMB2_CREATE:
		return create_check(a);
	case SMB2_OPLOCK_BREAK:
		return ack_check(a);
	case SMB2_READ:
		ok = answer_read(a, &u.span);
		break;
	case SMB2_WRITE:
		ok = answer_write(a, &u.count);
		break;
	case SMB2_IOCTL:
		ok = answer_ioctl(a, &u.ioctl);
		break;
	case SMB2_QUERY_DIRECTORY:
	case SMB2_QUERY_INFO:
		ok = answer_output(a, &u.span);
		break;
	case SMB2_CHANGE_NOTIFY:
		ok = answer_output(a, &u.span);
		return ok ? changes_check(u.span) : "malformed body";
	default:
		return fixed_check(a);
	}
	return ok ? NULL : "malformed body";
}
