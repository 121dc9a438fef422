/* SMB2 NEGOTIATE, and SMB1's multi-protocol one.  Spec: [MS-SMB2] 2.2.3, 2.2.4, 3.3.5.3, 3.3.5.4 */
#include "cmd/cmd.h"

#include "auth/auth.h"
#include "base/log.h"
#include "cmd/negotiate_contexts.h"
#include "secure/negotiate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALL_IO_MAX =
		64 *
		1024, /* MaxTransactSize and the like without multi-credit requests */
	DIALECTS_MAX = 64,
};

struct negotiate {
	size_t dialect_count;
	uint16_t dialects[DIALECTS_MAX];
	uint16_t security_mode;
	uint32_t capabilities;
	uint8_t client_guid[16];
	size_t contexts_off;
	uint16_t context_count;

	struct negotiate_contexts contexts;
	struct negotiate_choice choice;
};

static nt_status negotiate_decode(struct rd *r, struct negotiate *n)
{
	rd_struct_size(r, 36);
	n->dialect_count = rd_u16(r);
	n->security_mode = rd_u16(r);
	rd_skip(r, 2); /* Reserved */
	n->capabilities = rd_u32(r);
	rd_copy(r, n->client_guid, sizeof(n->client_guid));
	n->contexts_off = rd_u32(r); /* these two are ClientStartTime below 3.1.1 */
	n->context_count = rd_u16(r);
	rd_skip(r, 2);
	n->dialect_count = rd_fit(r, n->dialect_count, 2);
	if (!rd_ok(r) || n->dialect_count == 0 || n->dialect_count > DIALECTS_MAX)
		return STATUS_INVALID_PARAMETER;
	for (size_t i = 0; i < n->dialect_count; i++)
		n->dialects[i] = rd_u16(r);
	return STATUS_SUCCESS;
}

static struct negotiate_choice negotiate_select(const struct conf *conf,
						const struct negotiate *n)
{
	static const uint16_t known[] = {SMB2_DIALECT_202, SMB2_DIALECT_210,
					 SMB2_DIALECT_300, SMB2_DIALECT_302,
					 SMB2_DIALECT_311};
	uint16_t offered[ARRAY_LEN(known)];
	struct negotiate_server server = {
		.dialects = offered,
		.ciphers = conf->encryption_ciphers.list,
		.cipher_count = conf->encryption_ciphers.count,
		.signings = conf->signing_algorithms.list,
		.signing_count = conf->signing_algorithms.count,
	};
	struct negotiate_client client = {
		.dialects = n->dialects,
		.dialect_count = n->dialect_count,
		.cap_encryption = n->capabilities & SMB2_GLOBAL_CAP_ENCRYPTION,
		.ciphers = n->contexts.ciphers,
		.signings = n->contexts.signings,
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (conf_dialect_offered(conf, known[i]))
			offered[server.dialect_count++] = known[i];
	return negotiate_choose(&server, &client);
}

static uint32_t limit(uint64_t configured, bool multi_credit)
{
	return multi_credit ? (uint32_t)configured : SMALL_IO_MAX;
}

/* Everything the dialect decides. From here on the connection is what was negotiated. */
static void negotiate_commit(struct req *q, const struct negotiate *n)
{
	struct conn *c = q->conn;
	const struct conf *conf = q->snap->conf;

	c->dialect = n->choice.dialect;
	c->multi_credit = n->choice.dialect >= SMB2_DIALECT_210;
	c->client_signs = n->security_mode & SMB2_NEGOTIATE_SIGNING_REQUIRED;
	c->client_security_mode = n->security_mode;
	c->client_capabilities = n->capabilities;
	memcpy(c->client_guid, n->client_guid, sizeof(c->client_guid));
	c->cipher = n->choice.cipher;
	c->sign_alg = n->choice.sign_alg;
	c->server_security_mode = q->snap->security_mode;
	c->server_capabilities = c->multi_credit ? SMB2_GLOBAL_CAP_LARGE_MTU : 0;
	if (c->multi_credit && conf->enable_oplock)
		c->server_capabilities |= SMB2_GLOBAL_CAP_LEASING;
	/* of what both must know, what the client does not say is not offered: 3.3.5.4 */
	if (c->dialect >= SMB2_DIALECT_300 && conf->enable_oplock)
		c->server_capabilities |= n->capabilities &
					  SMB2_GLOBAL_CAP_DIRECTORY_LEASING;
	if (c->dialect >= SMB2_DIALECT_300)
		c->server_capabilities |= n->capabilities & SMB2_GLOBAL_CAP_MULTI_CHANNEL;
	if (n->choice.dialect < SMB2_DIALECT_311 && c->cipher != SEAL_NONE)
		c->server_capabilities |= SMB2_GLOBAL_CAP_ENCRYPTION;
	c->max_transact = limit(conf->smb2_trans_max, c->multi_credit);
	c->max_read = limit(conf->smb2_read_max, c->multi_credit);
	c->max_write = limit(conf->smb2_write_max, c->multi_credit);
	c->state = CONN_READY;
	log_verbose("conn %" PRIu64 " %s: dialect %s, signing algorithm %d, cipher %d",
		    c->id, c->xport->ops->peer(c->xport), conn_dialect_name(c->dialect),
		    c->sign_alg, c->cipher);
}

/* dialect: as on the wire, 0x02FF too. */
static nt_status negotiate_encode(struct req *q, uint16_t dialect,
				  const struct negotiate *n)
{
	struct conn *c = q->conn;
	struct span token = auth_negotiate_token(&q->snap->auth, &q->arena);
	struct wr *w = req_reply(q, 64 + token.len + NEGOTIATE_CONTEXTS_LEN_MAX);
	bool with_contexts = dialect == SMB2_DIALECT_311;
	size_t token_off, contexts_off;

	wr_u16(w, 65); /* StructureSize */
	wr_u16(w, c->server_security_mode);
	wr_u16(w, dialect);
	wr_u16(w, with_contexts ? negotiate_contexts_count(&n->contexts) : 0);
	wr_bytes(w, span_of(c->server->guid, sizeof(c->server->guid)));
	wr_u32(w, c->server_capabilities);
	wr_u32(w, c->max_transact);
	wr_u32(w, c->max_read);
	wr_u32(w, c->max_write);
	wr_u64(w, env_filetime(c->server->env));
	wr_u64(w, 0); /* ServerStartTime: tells no one anything, as Windows since 10 */
	token_off = wr_hole_u16(w);
	wr_u16(w, (uint16_t)token.len);
	contexts_off = wr_hole_u32(w);
	wr_fill_u16(w, token_off, (uint16_t)wr_pos(w));
	wr_bytes(w, token);
	if (with_contexts) {
		wr_align(w, 8);
		wr_fill_u32(w, contexts_off, (uint32_t)wr_pos(w));
		negotiate_contexts_encode(w, &n->contexts, &n->choice, c->server->env);
	} else {
		wr_fill_u32(w, contexts_off, 0);
	}
	return STATUS_SUCCESS;
}

/* [MS-SMB2] 3.3.5.4: the last update of Connection.PreauthIntegrityHashValue. */
static void negotiate_hash_answer(struct req *q, struct span message)
{
	if (q->conn->state == CONN_READY &&
	    preauth_update(&q->conn->preauth, message) != 0)
		conn_disconnect(q->conn, "preauthentication hash failed");
}

static nt_status negotiate_remember_dialects(struct conn *c, const struct negotiate *n)
{
	uint16_t *list = calloc(n->dialect_count, sizeof(*list));

	if (!list)
		return STATUS_INSUFFICIENT_RESOURCES;
	memcpy(list, n->dialects, n->dialect_count * sizeof(*list));
	free(c->client_dialects);
	c->client_dialects = list;
	c->client_dialect_count = n->dialect_count;
	return STATUS_SUCCESS;
}

/* "SMB 2.002" and "SMB 2.???" among the dialect strings of an SMB1 NEGOTIATE. [MS-CIFS] 2.2.4.52.1 */
static nt_status smb1_decode(struct span message, bool *ret_202, bool *ret_wildcard)
{
	enum { OFF_COMMAND = 4, OFF_WORD_COUNT = 32, SMB_COM_NEGOTIATE = 0x72 };
	struct rd r = rd_of(message);
	struct rd strings;
	uint16_t len;

	rd_seek(&r, OFF_COMMAND);
	if (rd_u8(&r) != SMB_COM_NEGOTIATE)
		return STATUS_INVALID_PARAMETER;
	rd_seek(&r, OFF_WORD_COUNT);
	if (rd_u8(&r) != 0)
		return STATUS_INVALID_PARAMETER;
	len = rd_u16(&r);
	strings = rd_at(&r, rd_pos(&r), len);
	*ret_202 = *ret_wildcard = false;
	while (rd_left(&strings) > 1) {
		struct span rest = span_from(rd_rest(&strings),
					     1); /* behind BufferFormat */
		const uint8_t *nul = memchr(rest.p, 0, rest.len);
		struct span name = span_head(rest,
					     nul ? (size_t)(nul - rest.p) : rest.len);

		*ret_202 |= span_eq(name, span_of_str("SMB 2.002"));
		*ret_wildcard |= span_eq(name, span_of_str("SMB 2.???"));
		strings = rd_of(span_from(rest, name.len + 1));
	}
	return rd_ok(&r) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Neither the request nor a 0x02FF answer is part of the preauth hash. [MS-SMB2] 3.3.5.3 */
static nt_status negotiate_smb1(struct req *q)
{
	struct conn *c = q->conn;
	const struct conf *conf = q->snap->conf;
	struct negotiate n = {
		.dialect_count = 1,
		.dialects = {SMB2_DIALECT_202},
		.choice = {.dialect = SMB2_DIALECT_202, .sign_alg = SIGN_HMAC_SHA256},
	};
	bool has_202, has_wildcard;
	nt_status st = smb1_decode(q->message, &has_202, &has_wildcard);

	if (nt_ok(st) && has_wildcard) {
		c->state = CONN_WILDCARD;
		c->server_security_mode = q->snap->security_mode;
		c->max_transact = c->max_read = c->max_write = SMALL_IO_MAX;
		return negotiate_encode(q, SMB2_DIALECT_WILDCARD, &n);
	}
	if (!nt_ok(st) || !has_202 || !conf_dialect_offered(conf, SMB2_DIALECT_202)) {
		refuse_other(q, REFUSED_DIALECT, STATUS_CONNECTION_DISCONNECTED);
		conn_disconnect(c, "the client speaks SMB1 only; tsmb never does");
		return STATUS_CONNECTION_DISCONNECTED;
	}
	st = negotiate_remember_dialects(c, &n);
	if (!nt_ok(st))
		return st;
	negotiate_commit(q, &n);
	return negotiate_encode(q, SMB2_DIALECT_202, &n);
}

nt_status cmd_negotiate(struct req *q)
{
	struct negotiate n = {0};
	nt_status st;

	if (q->smb1)
		return negotiate_smb1(q);
	st = negotiate_decode(&q->body, &n);
	if (!nt_ok(st))
		return st;
	n.choice = negotiate_select(q->snap->conf, &n);
	if (!n.choice.dialect) {
		refuse_other(q, REFUSED_DIALECT, STATUS_NOT_SUPPORTED);
		return STATUS_NOT_SUPPORTED;
	}
	if (n.choice.dialect == SMB2_DIALECT_311) {
		st = negotiate_contexts_decode(q->message, n.contexts_off,
					       n.context_count, &n.contexts);
		n.choice = negotiate_select(q->snap->conf, &n);
	}
	if (nt_ok(st))
		st = negotiate_remember_dialects(q->conn, &n);
	if (!nt_ok(st))
		return st;
	negotiate_commit(q, &n);
	if (n.choice.dialect == SMB2_DIALECT_311) {
		if (preauth_update(&q->conn->preauth, q->message) != 0)
			return STATUS_INSUFFICIENT_RESOURCES;
		q->encoded = negotiate_hash_answer;
	}
	return negotiate_encode(q, n.choice.dialect, &n);
}
