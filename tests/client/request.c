/* request.c - the body of each request, in the order of its structure. Spec: [MS-SMB2] 2.2.3 - 2.2.39 */
#include "client/client_impl.h"
#include "wire/utf16.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	RENAME_MIN = 24, /* bytes of FILE_RENAME_INFORMATION with the shortest name */
	RENAME_MAX = 2048,
};

/* Offset of what comes next, as its own message counts. */
static uint32_t here(const struct client *c)
{
	return (uint32_t)(wr_pos(&c->w) - c->element);
}

static void align_message(struct client *c, size_t n)
{
	wr_zero(&c->w, -(size_t)here(c) & (n - 1));
}

static void wr_file(struct client *c, struct client_file id)
{
	wr_u64(&c->w, id.persistent_id);
	wr_u64(&c->w, id.volatile_id);
}

struct client_file client_related_id(void)
{
	return (struct client_file){SMB2_RELATED_ID64, SMB2_RELATED_ID64};
}

/* ---- the way to a session ----------------------------------------------------------------------------- */

static void wr_context(struct client *c, uint16_t type, size_t len)
{
	align_message(c, 8);
	wr_u16(&c->w, type);
	wr_u16(&c->w, (uint16_t)len);
	wr_u32(&c->w, 0); /* Reserved */
}

static void wr_id_list(struct client *c, uint16_t type, const uint16_t *ids, size_t count)
{
	wr_context(c, type, 2 + 2 * count);
	wr_u16(&c->w, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		wr_u16(&c->w, ids[i]);
}

static uint16_t wr_contexts(struct client *c)
{
	const struct client_settings *s = &c->settings;
	uint8_t salt[32];

	env_random(s->env, mspan_of(salt, sizeof(salt)));
	wr_context(c, SMB2_PREAUTH_INTEGRITY_CAPABILITIES, 6 + sizeof(salt));
	wr_u16(&c->w, 1);
	wr_u16(&c->w, sizeof(salt));
	wr_u16(&c->w, SMB2_PREAUTH_INTEGRITY_SHA512);
	wr_bytes(&c->w, span_of(salt, sizeof(salt)));
	if (s->cipher_count)
		wr_id_list(c, SMB2_ENCRYPTION_CAPABILITIES, s->ciphers, s->cipher_count);
	if (s->signing_count)
		wr_id_list(c, SMB2_SIGNING_CAPABILITIES, s->signings, s->signing_count);
	return (uint16_t)(1 + !!s->cipher_count + !!s->signing_count);
}

static uint16_t security_mode(const struct client *c)
{
	return c->settings.require_signing
		       ? SMB2_NEGOTIATE_SIGNING_ENABLED | SMB2_NEGOTIATE_SIGNING_REQUIRED
		       : SMB2_NEGOTIATE_SIGNING_ENABLED;
}

static bool offers_311(const struct client *c)
{
	for (size_t i = 0; i < c->settings.dialect_count; i++)
		if (c->settings.dialects[i] == SMB2_DIALECT_311)
			return true;
	return false;
}

uint64_t client_negotiate(struct client *c)
{
	const struct client_settings *s = &c->settings;
	uint64_t mid = client_element(c, SMB2_NEGOTIATE, 0, 0);
	size_t contexts_off, contexts_count;

	wr_u16(&c->w, 36); /* StructureSize */
	wr_u16(&c->w, (uint16_t)s->dialect_count);
	wr_u16(&c->w, security_mode(c));
	wr_u16(&c->w, 0); /* Reserved */
	wr_u32(&c->w, s->cipher_count
			      ? SMB2_GLOBAL_CAP_ENCRYPTION | SMB2_GLOBAL_CAP_LARGE_MTU
			      : SMB2_GLOBAL_CAP_LARGE_MTU);
	wr_bytes(&c->w, span_of(s->guid, sizeof(s->guid)));
	contexts_off = wr_hole_u32(&c->w);
	contexts_count = wr_hole_u16(&c->w);
	wr_u16(&c->w, 0); /* Reserved2 */
	for (size_t i = 0; i < s->dialect_count; i++)
		wr_u16(&c->w, s->dialects[i]);
	if (!offers_311(c))
		return mid;
	align_message(c, 8);
	wr_fill_u32(&c->w, contexts_off, here(c));
	wr_fill_u16(&c->w, contexts_count, wr_contexts(c));
	return mid;
}

uint64_t client_session_setup(struct client *c)
{
	struct client_session *s = c->session;
	uint64_t mid = client_element(c, SMB2_SESSION_SETUP, 0, 0);
	bool binds = s->bound && !s->ready;

	if (!s->logon) {
		s->logon = logon_new(&s->who, c->settings.env);
		logon_first(s->logon, &s->token);
		s->preauth = c->preauth;
	}
	if (binds && !c->frame_exact)
		c->frame_protect = CLIENT_SIGNED;
	wr_u16(&c->w, 25); /* StructureSize */
	wr_u8(&c->w, binds ? SMB2_SESSION_FLAG_BINDING : 0);
	wr_u8(&c->w, (uint8_t)security_mode(c));
	wr_u32(&c->w, 0); /* Capabilities */
	wr_u32(&c->w, 0); /* Channel */
	wr_u16(&c->w, (uint16_t)(here(c) + 12));
	wr_u16(&c->w, (uint16_t)s->token.len);
	wr_u64(&c->w, s->previous_id);
	wr_bytes(&c->w, span_of(s->token.bytes, s->token.len));
	return mid;
}

/* Bodies of four bytes: StructureSize and Reserved. */
static uint64_t empty(struct client *c, uint16_t command, uint32_t tree)
{
	uint64_t mid = client_element(c, command, tree, 0);

	wr_u16(&c->w, 4);
	wr_u16(&c->w, 0);
	return mid;
}

uint64_t client_logoff(struct client *c)
{
	return empty(c, SMB2_LOGOFF, 0);
}

uint64_t client_echo(struct client *c)
{
	return empty(c, SMB2_ECHO, 0);
}

uint64_t client_tree_disconnect(struct client *c, uint32_t tree)
{
	return empty(c, SMB2_TREE_DISCONNECT, tree);
}

uint64_t client_tree_connect(struct client *c, const char *share)
{
	uint64_t mid = client_element(c, SMB2_TREE_CONNECT, 0, 0);
	size_t off, len, start;

	/* 3.1.1 demands it, whatever else is sent plain: [MS-SMB2] 3.2.4.1.1 */
	if (c->dialect == SMB2_DIALECT_311 && c->session->sign &&
	    c->frame_protect == CLIENT_PLAIN && !c->frame_exact)
		c->frame_protect = CLIENT_SIGNED;
	wr_u16(&c->w, 9); /* StructureSize */
	wr_u16(&c->w, 0); /* Flags */
	off = wr_hole_u16(&c->w);
	len = wr_hole_u16(&c->w);
	wr_fill_u16(&c->w, off, (uint16_t)here(c));
	start = wr_pos(&c->w);
	(void)wr_utf16(&c->w, "\\\\");
	(void)wr_utf16(&c->w, c->settings.host);
	(void)wr_utf16(&c->w, "\\");
	(void)wr_utf16(&c->w, share);
	wr_fill_u16(&c->w, len, (uint16_t)(wr_pos(&c->w) - start));
	return mid;
}

/* ---- files -------------------------------------------------------------------------------------------- */

uint64_t client_create(struct client *c, uint32_t tree, const struct client_create *in)
{
	uint64_t mid = client_element(c, SMB2_CREATE, tree, 0);
	size_t name_off, name_len, contexts_off, start;

	wr_u16(&c->w, 57); /* StructureSize */
	wr_u8(&c->w, 0);   /* SecurityFlags */
	wr_u8(&c->w, in->oplock);
	wr_u32(&c->w, SMB2_IMPERSONATION_IMPERSONATION);
	wr_u64(&c->w, 0); /* SmbCreateFlags */
	wr_u64(&c->w, 0); /* Reserved */
	wr_u32(&c->w, in->access);
	wr_u32(&c->w, in->attributes);
	wr_u32(&c->w, in->share);
	wr_u32(&c->w, in->disposition);
	wr_u32(&c->w, in->options);
	name_off = wr_hole_u16(&c->w);
	name_len = wr_hole_u16(&c->w);
	contexts_off = wr_hole_u32(&c->w);
	wr_u32(&c->w, (uint32_t)in->contexts.len);
	wr_fill_u16(&c->w, name_off, (uint16_t)here(c));
	start = wr_pos(&c->w);
	(void)wr_utf16(&c->w, in->path);
	wr_fill_u16(&c->w, name_len, (uint16_t)(wr_pos(&c->w) - start));
	if (wr_pos(&c->w) == start)
		wr_u8(&c->w, 0); /* the buffer is never empty */
	if (in->contexts.len) {
		align_message(c, 8);
		wr_fill_u32(&c->w, contexts_off, here(c));
		wr_bytes(&c->w, in->contexts);
	}
	return mid;
}

uint64_t client_close(struct client *c, uint32_t tree, struct client_file id,
		      uint16_t flags)
{
	uint64_t mid = client_element(c, SMB2_CLOSE, tree, 0);

	wr_u16(&c->w, 24); /* StructureSize */
	wr_u16(&c->w, flags);
	wr_u32(&c->w, 0); /* Reserved */
	wr_file(c, id);
	return mid;
}

uint64_t client_flush(struct client *c, uint32_t tree, struct client_file id)
{
	uint64_t mid = client_element(c, SMB2_FLUSH, tree, 0);

	wr_u16(&c->w, 24); /* StructureSize */
	wr_u16(&c->w, 0);  /* Reserved1 */
	wr_u32(&c->w, 0);  /* Reserved2 */
	wr_file(c, id);
	return mid;
}

uint64_t client_read(struct client *c, uint32_t tree, struct client_file id, uint64_t off,
		     uint32_t len)
{
	uint64_t mid = client_element(c, SMB2_READ, tree, len);

	wr_u16(&c->w, 49);  /* StructureSize */
	wr_u8(&c->w, 0x50); /* Padding */
	wr_u8(&c->w, 0);    /* Flags */
	wr_u32(&c->w, len);
	wr_u64(&c->w, off);
	wr_file(c, id);
	wr_u32(&c->w, 0); /* MinimumCount */
	wr_u32(&c->w, SMB2_CHANNEL_NONE);
	wr_u32(&c->w, 0); /* RemainingBytes */
	wr_u16(&c->w, 0); /* ReadChannelInfoOffset, Length */
	wr_u16(&c->w, 0);
	wr_u8(&c->w, 0); /* Buffer */
	return mid;
}

uint64_t client_write(struct client *c, uint32_t tree, struct client_file id,
		      uint64_t off, struct span data)
{
	uint64_t mid = client_element(c, SMB2_WRITE, tree, data.len);

	wr_u16(&c->w, 49); /* StructureSize */
	wr_u16(&c->w, SMB2_HEADER_LEN + 48);
	wr_u32(&c->w, (uint32_t)data.len);
	wr_u64(&c->w, off);
	wr_file(c, id);
	wr_u32(&c->w, SMB2_CHANNEL_NONE);
	wr_u32(&c->w, 0); /* RemainingBytes */
	wr_u16(&c->w, 0); /* WriteChannelInfoOffset, Length */
	wr_u16(&c->w, 0);
	wr_u32(&c->w, 0); /* Flags */
	wr_bytes(&c->w, data);
	if (data.len == 0)
		wr_u8(&c->w, 0);
	return mid;
}

uint64_t client_lock(struct client *c, uint32_t tree, struct client_file id,
		     const struct client_lock *locks, size_t count)
{
	uint64_t mid = client_element(c, SMB2_LOCK, tree, 0);

	wr_u16(&c->w, 48); /* StructureSize */
	wr_u16(&c->w, (uint16_t)count);
	wr_u32(&c->w, 0); /* LockSequence */
	wr_file(c, id);
	for (size_t i = 0; i < count; i++) {
		wr_u64(&c->w, locks[i].offset);
		wr_u64(&c->w, locks[i].length);
		wr_u32(&c->w, locks[i].flags);
		wr_u32(&c->w, 0); /* Reserved */
	}
	return mid;
}

uint64_t client_oplock_ack(struct client *c, uint32_t tree, struct client_file id,
			   uint8_t level)
{
	uint64_t mid = client_element(c, SMB2_OPLOCK_BREAK, tree, 0);

	wr_u16(&c->w, SMB2_OPLOCK_BREAK_SIZE);
	wr_u8(&c->w, level);
	wr_zero(&c->w, 1 + 4); /* Reserved, Reserved2 */
	wr_file(c, id);
	return mid;
}

uint64_t client_lease_ack(struct client *c, uint32_t tree,
			  const uint8_t key[SMB2_LEASE_KEY_LEN], uint32_t state)
{
	uint64_t mid = client_element(c, SMB2_OPLOCK_BREAK, tree, 0);

	wr_u16(&c->w, SMB2_LEASE_BREAK_SIZE);
	wr_zero(&c->w, 2 + 4); /* Reserved, Flags */
	wr_bytes(&c->w, span_of(key, SMB2_LEASE_KEY_LEN));
	wr_u32(&c->w, state);
	wr_u64(&c->w, 0); /* LeaseDuration */
	return mid;
}

uint64_t client_ioctl(struct client *c, uint32_t tree, struct client_file id,
		      uint32_t code, struct span in, uint32_t output_max)
{
	size_t payload = in.len > output_max ? in.len : output_max;
	uint64_t mid = client_element(c, SMB2_IOCTL, tree, payload);

	wr_u16(&c->w, 57); /* StructureSize */
	wr_u16(&c->w, 0);  /* Reserved */
	wr_u32(&c->w, code);
	wr_file(c, id);
	wr_u32(&c->w, in.len ? SMB2_HEADER_LEN + 56 : 0);
	wr_u32(&c->w, (uint32_t)in.len);
	wr_u32(&c->w, 0); /* MaxInputResponse */
	wr_u32(&c->w, 0); /* OutputOffset, OutputCount */
	wr_u32(&c->w, 0);
	wr_u32(&c->w, output_max);
	wr_u32(&c->w, SMB2_0_IOCTL_IS_FSCTL);
	wr_u32(&c->w, 0); /* Reserved2 */
	wr_bytes(&c->w, in);
	if (in.len == 0)
		wr_u8(&c->w, 0);
	return mid;
}

uint64_t client_query_directory(struct client *c, uint32_t tree, struct client_file id,
				uint8_t class, uint8_t flags, const char *pattern,
				uint32_t output_max)
{
	uint64_t mid = client_element(c, SMB2_QUERY_DIRECTORY, tree, output_max);
	size_t len, start;

	wr_u16(&c->w, 33); /* StructureSize */
	wr_u8(&c->w, class);
	wr_u8(&c->w, flags);
	wr_u32(&c->w, 0); /* FileIndex */
	wr_file(c, id);
	wr_u16(&c->w, SMB2_HEADER_LEN + 32);
	len = wr_hole_u16(&c->w);
	wr_u32(&c->w, output_max);
	start = wr_pos(&c->w);
	(void)wr_utf16(&c->w, pattern);
	wr_fill_u16(&c->w, len, (uint16_t)(wr_pos(&c->w) - start));
	if (wr_pos(&c->w) == start)
		wr_u8(&c->w, 0);
	return mid;
}

uint64_t client_change_notify(struct client *c, uint32_t tree, struct client_file id,
			      uint16_t flags, uint32_t filter, uint32_t output_max)
{
	uint64_t mid = client_element(c, SMB2_CHANGE_NOTIFY, tree, output_max);

	wr_u16(&c->w, 32); /* StructureSize */
	wr_u16(&c->w, flags);
	wr_u32(&c->w, output_max);
	wr_file(c, id);
	wr_u32(&c->w, filter);
	wr_u32(&c->w, 0); /* Reserved */
	return mid;
}

uint64_t client_query_info(struct client *c, uint32_t tree, struct client_file id,
			   struct client_info what, uint32_t output_max)
{
	uint64_t mid = client_element(c, SMB2_QUERY_INFO, tree, output_max);

	wr_u16(&c->w, 41); /* StructureSize */
	wr_u8(&c->w, what.type);
	wr_u8(&c->w, what.class);
	wr_u32(&c->w, output_max);
	wr_u16(&c->w, 0); /* InputBufferOffset, Reserved */
	wr_u16(&c->w, 0);
	wr_u32(&c->w, 0); /* InputBufferLength */
	wr_u32(&c->w, what.additional);
	wr_u32(&c->w, 0); /* Flags */
	wr_file(c, id);
	wr_u8(&c->w, 0); /* Buffer */
	return mid;
}

uint64_t client_set_info(struct client *c, uint32_t tree, struct client_file id,
			 struct client_info what, struct span data)
{
	uint64_t mid = client_element(c, SMB2_SET_INFO, tree, data.len);

	wr_u16(&c->w, 33); /* StructureSize */
	wr_u8(&c->w, what.type);
	wr_u8(&c->w, what.class);
	wr_u32(&c->w, (uint32_t)data.len);
	wr_u16(&c->w, SMB2_HEADER_LEN + 32);
	wr_u16(&c->w, 0); /* Reserved */
	wr_u32(&c->w, what.additional);
	wr_file(c, id);
	wr_bytes(&c->w, data);
	return mid;
}

uint64_t client_set_delete(struct client *c, uint32_t tree, struct client_file id,
			   bool on)
{
	uint8_t delete_pending = on;

	return client_set_info(
		c, tree, id,
		(struct client_info){SMB2_0_INFO_FILE, FileDispositionInformation, 0},
		span_of(&delete_pending, 1));
}

/* [MS-FSCC] 2.4.41.2, the form SMB2 uses. */
uint64_t client_rename(struct client *c, uint32_t tree, struct client_file id,
		       const char *to, bool replace)
{
	uint8_t room[RENAME_MAX];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	size_t len, start;

	wr_u8(&w, replace);
	wr_zero(&w, 7 + 8); /* Reserved, RootDirectory */
	len = wr_hole_u32(&w);
	start = wr_pos(&w);
	(void)wr_utf16(&w, to);
	wr_fill_u32(&w, len, (uint32_t)(wr_pos(&w) - start));
	if (wr_pos(&w) < RENAME_MIN)
		wr_zero(&w, RENAME_MIN - wr_pos(&w));
	if (!wr_ok(&w))
		abort();
	return client_set_info(
		c, tree, id,
		(struct client_info){SMB2_0_INFO_FILE, FileRenameInformation, 0},
		wr_done(&w));
}
