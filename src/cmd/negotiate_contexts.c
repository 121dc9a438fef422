#include "cmd/negotiate_contexts.h"

#include "wire/rd.h"
#include "wire/smb2_proto.h"

enum { SALT_LEN = 32 };

/* Does the client's list of 16-bit ids hold `id`? */
static bool offers(struct rd ids, size_t count, unsigned id)
{
	for (size_t i = 0; i < count; i++)
		if (rd_u16(&ids) == id)
			return true;
	return false;
}

/* A count, then as many ids: the shape of ENCRYPTION and SIGNING. Empty lists are invalid. */
static size_t id_list(struct rd *r)
{
	uint16_t count = rd_u16(r);
	size_t n = rd_fit(r, count, 2);

	if (n == 0)
		rd_fail(r);
	return n;
}

static nt_status decode_preauth(struct rd *r, struct negotiate_contexts *n)
{
	uint16_t count, salt_len;

	if (n->has_preauth)
		return STATUS_INVALID_PARAMETER;
	n->has_preauth = true;
	count = rd_u16(r);
	salt_len = rd_u16(r);
	if (count == 0 || rd_fit(r, count, 2) != count ||
	    rd_left(r) - 2 * (size_t)count < salt_len)
		return STATUS_INVALID_PARAMETER;
	return offers(*r, count, SMB2_PREAUTH_INTEGRITY_SHA512)
		       ? STATUS_SUCCESS
		       : STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP;
}

static nt_status decode_encryption(struct rd *r, struct negotiate_contexts *n)
{
	size_t count = id_list(r);

	if (n->has_encryption || !rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	n->has_encryption = true;
	n->ciphers = rd_bytes(r, count * 2);
	return STATUS_SUCCESS;
}

static nt_status decode_signing(struct rd *r, struct negotiate_contexts *n)
{
	size_t count = id_list(r);

	if (n->has_signing || !rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	n->has_signing = true;
	n->signings = rd_bytes(r, count * 2);
	return STATUS_SUCCESS;
}

/* All others are ignored: 3.3.5.4 asks nothing of a server that does not offer what they are for. */
static const struct {
	uint16_t type;
	nt_status (*decode)(struct rd *r, struct negotiate_contexts *n);
} decoders[] = {
	{SMB2_PREAUTH_INTEGRITY_CAPABILITIES, decode_preauth},
	{SMB2_ENCRYPTION_CAPABILITIES, decode_encryption},
	{SMB2_SIGNING_CAPABILITIES, decode_signing},
};

static nt_status decode_one(uint16_t type, struct rd data, struct negotiate_contexts *n)
{
	for (size_t i = 0; i < ARRAY_LEN(decoders); i++)
		if (decoders[i].type == type)
			return decoders[i].decode(&data, n);
	return STATUS_SUCCESS;
}

nt_status negotiate_contexts_decode(struct span message, size_t off, size_t count,
				    struct negotiate_contexts *ret_contexts)
{
	struct negotiate_contexts n = {0};
	struct rd r = rd_of(message);

	if (off < SMB2_HEADER_LEN || off % 8)
		return STATUS_INVALID_PARAMETER;
	rd_seek(&r, off);
	for (size_t i = 0; i < count; i++) {
		uint16_t type, len;
		struct rd data;
		nt_status st;

		rd_align(&r, 8);
		type = rd_u16(&r);
		len = rd_u16(&r);
		rd_skip(&r, 4); /* Reserved */
		data = rd_of(rd_bytes(&r, len));
		if (!rd_ok(&r))
			return STATUS_INVALID_PARAMETER;
		st = decode_one(type, data, &n);
		if (!nt_ok(st))
			return st;
	}
	if (!n.has_preauth)
		return STATUS_INVALID_PARAMETER;
	*ret_contexts = n;
	return STATUS_SUCCESS;
}

uint16_t negotiate_contexts_count(const struct negotiate_contexts *n)
{
	return (uint16_t)(1 + n->has_encryption + n->has_signing);
}

static void wr_context(struct wr *w, uint16_t type, uint16_t len)
{
	wr_align(w, 8);
	wr_u16(w, type);
	wr_u16(w, len);
	wr_u32(w, 0); /* Reserved */
}

void negotiate_contexts_encode(struct wr *w, const struct negotiate_contexts *n,
			       const struct negotiate_choice *choice, struct env *env)
{
	uint8_t salt[SALT_LEN];

	env_random(env, mspan_of(salt, sizeof(salt)));
	wr_context(w, SMB2_PREAUTH_INTEGRITY_CAPABILITIES, 6 + SALT_LEN);
	wr_u16(w, 1); /* HashAlgorithmCount */
	wr_u16(w, SALT_LEN);
	wr_u16(w, SMB2_PREAUTH_INTEGRITY_SHA512);
	wr_bytes(w, span_of(salt, sizeof(salt)));
	if (n->has_encryption) {
		wr_context(w, SMB2_ENCRYPTION_CAPABILITIES, 4);
		wr_u16(w, 1);
		wr_u16(w, (uint16_t)choice
				  ->cipher); /* 0 tells the client: nothing in common */
	}
	if (n->has_signing) {
		wr_context(w, SMB2_SIGNING_CAPABILITIES, 4);
		wr_u16(w, 1);
		wr_u16(w, (uint16_t)choice->sign_alg);
	}
}
