/*
 * ntlmclient.h - a client's side of NTLMv2, to run whole exchanges against src/auth; and the
 * world it runs in.
 */
#pragma once

#include "auth/ntlm.h"
#include "base/env.h"
#include "test.h"
#include "wire/utf16.h"
#include "wire/wr.h"

/* A world with a clock that stands still and random bytes that count upwards. */
struct fake_env {
	struct env env;
	uint8_t next;
};

static uint64_t fake_now_ns(struct env *e)
{
	return 1000000000;
}

static uint64_t fake_filetime(struct env *e)
{
	return 0x01d0aecbadf5a1a1;
}

static void fake_random(struct env *e, struct mspan buf)
{
	struct fake_env *f = container_of(e, struct fake_env, env);

	for (size_t i = 0; i < buf.len; i++)
		buf.p[i] = f->next++;
}

static const struct env_ops fake_ops = {
	.now_ns = fake_now_ns, .filetime = fake_filetime, .random = fake_random};

/* What a Windows client asks for, and a bit we do not know (0x80, LM key). */
enum { CLIENT_FLAGS_LOW = 0x62088297 };

/* Who logs on, and how. Zero values give a well-behaved client. */
struct ntlm_client {
	const char *user;
	const char *domain;
	const char *password;
	uint32_t flags;         /* of both messages; 0: CLIENT_FLAGS_LOW with 56-bit */
	uint32_t dropped_flags; /* of `flags`, not in the AUTHENTICATE_MESSAGE */
	bool no_mic;            /* neither announces nor sends one */
	bool hash_no_domain;    /* computes its key without the domain it sends */
	bool no_response;       /* anonymous: empty name and responses */
	bool no_password;       /* empty responses, but a name */
	size_t nt_len;          /* not 0: NtChallengeResponse of that length, of zeros */
	struct span av_tail;    /* AV pairs in place of MsvAvEOL */

	struct ntlm_key exported;
	uint32_t sent_flags;
	uint8_t negotiate[40];
	uint8_t authenticate[4096];
};

static inline struct span client_negotiate(struct ntlm_client *c)
{
	struct wr w = wr_of(mspan_of(c->negotiate, sizeof(c->negotiate)));

	c->sent_flags = c->flags ? c->flags : CLIENT_FLAGS_LOW | NTLMSSP_NEGOTIATE_56;
	wr_bytes(&w, span_of("NTLMSSP", 8));
	wr_u32(&w, 1);
	wr_u32(&w, c->sent_flags);
	wr_zero(&w, 16);
	wr_u64(&w, 0x0f00000025800306);
	assert_true(wr_ok(&w));
	return wr_done(&w);
}

/* NTLMv2_CLIENT_CHALLENGE: the server's pairs, and what the client adds. */
static inline void client_blob(const struct ntlm_client *c, struct span challenge,
			       struct wr *w)
{
	struct rd r = rd_of(challenge);
	struct rd info;
	size_t len, off;

	rd_seek(&r, 40);
	len = rd_u16(&r);
	rd_skip(&r, 2);
	off = rd_u32(&r);
	info = rd_at(&r, off, len - 4); /* without MsvAvEOL */
	assert_true(rd_ok(&r));

	wr_u8(w, 1);
	wr_u8(w, 1);
	wr_zero(w, 6);
	wr_u64(w, 0x01d0aecbadf5a1a1);
	wr_u64(w, 0xc90f3c225fd04abc);
	wr_zero(w, 4);
	wr_bytes(w, rd_rest(&info));
	if (!c->no_mic) {
		wr_u16(w, MSV_AV_FLAGS);
		wr_u16(w, 4);
		wr_u32(w, MSV_AV_FLAG_MIC);
	}
	if (c->av_tail.len)
		wr_bytes(w, c->av_tail);
	else
		wr_zero(w, 4);
	wr_zero(w, 4);
}

static inline struct span client_utf16(const char *utf8, uint8_t *buf, size_t len)
{
	struct wr w = wr_of(mspan_of(buf, len));

	wr_utf16(&w, utf8);
	assert_true(wr_ok(&w));
	return wr_done(&w);
}

/* Proof in front of the blob; the session base key of it. The name must be upper case already
 * if it is not ASCII. */
static inline void client_prove(const struct ntlm_client *c, struct span challenge,
				struct mspan nt, struct ntlm_key *ret_base)
{
	uint8_t user[512], domain[512];
	struct ntlm_key nt_hash, response_key;
	char upper[256] = {0};

	for (size_t i = 0; c->user[i]; i++)
		upper[i] = c->user[i] >= 'a' && c->user[i] <= 'z'
				   ? (char)(c->user[i] - 32)
				   : c->user[i];
	CHECK_EQ(ntlm_hash_password(c->password, &nt_hash), 0);
	CHECK_EQ(ntlm_response_key(&nt_hash, client_utf16(upper, user, sizeof(user)),
				   client_utf16(c->hash_no_domain ? "" : c->domain,
						domain, sizeof(domain)),
				   &response_key),
		 0);
	CHECK_EQ(ntlm_prove(&response_key, challenge.p + 24,
			    span_from(span_of_m(nt), NTLM_PROOF_LEN), nt.p),
		 0);
	CHECK_EQ(ntlm_base_key(&response_key, nt.p, ret_base), 0);
}

static inline void client_field(struct wr *w, struct span s, size_t *off)
{
	wr_u16(w, (uint16_t)s.len);
	wr_u16(w, (uint16_t)s.len);
	wr_u32(w, (uint32_t)*off);
	*off += s.len;
}

/* The AUTHENTICATE_MESSAGE for this CHALLENGE_MESSAGE. */
static inline struct span client_authenticate(struct ntlm_client *c,
					      struct span challenge)
{
	uint8_t nt_buf[2048] = {0}, user_buf[512], domain_buf[512], key_buf[16];
	struct wr nt_w = wr_of(mspan_of(nt_buf, sizeof(nt_buf)));
	struct wr w = wr_of(mspan_of(c->authenticate, sizeof(c->authenticate)));
	struct span nt, user, domain, key = span_of(key_buf, sizeof(key_buf));
	struct ntlm_key base = {0};
	size_t off = 88;

	c->sent_flags &= ~c->dropped_flags;
	wr_zero(&nt_w, NTLM_PROOF_LEN);
	client_blob(c, challenge, &nt_w);
	assert_true(wr_ok(&nt_w));
	if (!c->no_response)
		client_prove(c, challenge, mspan_of(nt_buf, wr_pos(&nt_w)), &base);
	nt = c->no_response || c->no_password ? span_of(nt_buf, 0) : wr_done(&nt_w);
	if (c->nt_len)
		nt = span_of(memset(nt_buf, 0, c->nt_len), c->nt_len);
	user = client_utf16(c->no_response ? "" : c->user, user_buf, sizeof(user_buf));
	domain = client_utf16(c->domain, domain_buf, sizeof(domain_buf));
	if (c->sent_flags & NTLMSSP_NEGOTIATE_KEY_EXCH) {
		memcpy(c->exported.b, "0123456789abcdef", 16);
		CHECK_EQ(ntlm_exchange_key(&base, c->exported.b, (void *)key_buf), 0);
	} else {
		c->exported = base;
		key.len = 0;
	}

	wr_bytes(&w, span_of("NTLMSSP", 8));
	wr_u32(&w, 3);
	client_field(&w, span_of(nt_buf, 0), &off); /* LM */
	client_field(&w, nt, &off);
	client_field(&w, domain, &off);
	client_field(&w, user, &off);
	client_field(&w, span_of(nt_buf, 0), &off); /* workstation */
	client_field(&w, key, &off);
	wr_u32(&w, c->sent_flags);
	wr_u64(&w, 0x0f00000025800306);
	wr_zero(&w, 16);
	wr_bytes(&w, nt);
	wr_bytes(&w, domain);
	wr_bytes(&w, user);
	wr_bytes(&w, key);
	assert_true(wr_ok(&w));
	if (!c->no_mic && !c->no_response) {
		struct span parts[] = {span_of(c->negotiate, sizeof(c->negotiate)),
				       challenge, wr_done(&w)};

		CHECK_EQ(ntlm_mic(&c->exported, parts, 3, c->authenticate + 72), 0);
	}
	return wr_done(&w);
}
