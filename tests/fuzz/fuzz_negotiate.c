/*
 * fuzz_negotiate.c - any bytes as a NEGOTIATE request of 3.1.1: its contexts, what we choose, and the answer.
 *
 * Besides surviving: what is accepted lies inside the message, the choice is one of ours or none, and the answer has
 * room and is itself well-formed.
 *
 * Target functions: negotiate_contexts_decode, negotiate_choose, negotiate_contexts_encode
 */
#include "cmd/negotiate_contexts.h"
#include "wire/rd.h"
#include "wire/smb2_proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OFF_CONTEXTS = SMB2_HEADER_LEN + 28 }; /* NegotiateContextOffset, ...Count */

static void no_random(struct env *e, struct mspan buf)
{
	memset(buf.p, 0, buf.len);
}

static const struct env_ops env_ops = {.random = no_random};

static bool is_inside(struct span ids, struct span message)
{
	return ids.len && ids.len % 2 == 0 && ids.p >= message.p &&
	       ids.p + ids.len <= message.p + message.len;
}

static struct negotiate_choice choose(const struct negotiate_contexts *n)
{
	static const uint16_t dialects[] = {SMB2_DIALECT_311};
	static const enum seal_cipher ciphers[] = {SEAL_AES_128_GCM, SEAL_AES_256_GCM};
	static const enum sign_alg signings[] = {SIGN_AES_GMAC, SIGN_AES_CMAC};
	const struct negotiate_server server = {dialects, 1, ciphers, 2, signings, 2};
	const struct negotiate_client client = {.dialects = dialects,
						.dialect_count = 1,
						.ciphers = n->ciphers,
						.signings = n->signings};
	struct negotiate_choice c = negotiate_choose(&server, &client);

	if (c.dialect != SMB2_DIALECT_311 ||
	    (c.cipher != SEAL_NONE && c.cipher != SEAL_AES_128_GCM &&
	     c.cipher != SEAL_AES_256_GCM) ||
	    (c.sign_alg != SIGN_AES_GMAC && c.sign_alg != SIGN_AES_CMAC))
		abort();
	return c;
}

static void check_answer(const struct negotiate_contexts *n)
{
	uint8_t answer[SMB2_HEADER_LEN + NEGOTIATE_CONTEXTS_LEN_MAX] = {0};
	struct wr w = wr_of(mspan_of(answer, sizeof(answer)));
	struct env env = {.ops = &env_ops};
	struct negotiate_choice c = choose(n);
	struct negotiate_contexts again;

	wr_zero(&w, SMB2_HEADER_LEN);
	negotiate_contexts_encode(&w, n, &c, &env);
	if (!wr_ok(&w) ||
	    !nt_ok(negotiate_contexts_decode(wr_done(&w), SMB2_HEADER_LEN,
					     negotiate_contexts_count(n), &again)) ||
	    again.has_encryption != n->has_encryption ||
	    again.has_signing != n->has_signing)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_of(data, size);
	struct negotiate_contexts n;
	struct rd r = rd_of(message);
	uint32_t off;
	uint16_t count;

	rd_seek(&r, OFF_CONTEXTS);
	off = rd_u32(&r);
	count = rd_u16(&r);
	if (!rd_ok(&r) || !nt_ok(negotiate_contexts_decode(message, off, count, &n)))
		return 0;
	if (!n.has_preauth || n.has_encryption != is_inside(n.ciphers, message) ||
	    n.has_signing != is_inside(n.signings, message))
		abort();
	check_answer(&n);
	return 0;
}
