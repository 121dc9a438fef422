/*
 *     logon_first: NEGOTIATE out --> logon_next: CHALLENGE in, AUTHENTICATE out --> logon_last: mechListMIC in
 */
#include "client/logon.h"

#include "auth/ntlmkey.h"
#include "auth/spnego.h"
#include "base/ct.h"
#include "base/secret.h"
#include "wire/utf16.h"
#include "wire/wr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	NEGOTIATE_LEN = 40,
	CHALLENGE_MAX = 2048,
	AUTHENTICATE_FIXED_LEN = 88,
	AUTHENTICATE_MIC_OFF = 72,
	CHALLENGE_OFF = 24,   /* ServerChallenge */
	TARGET_INFO_OFF = 40, /* TargetInfoFields */
	NT_RESPONSE_MAX = 2048,
	NAME_MAX_LEN = 512,
	ARENA_MAX = 64 * 1024,
	NTLM_VERSION_REVISION = 15,
};

/* Those Windows sends; the server's tests have others. [MS-NLMP] 2.2.2.5 */
#define LOGON_FLAGS (0x62088297u | NTLMSSP_NEGOTIATE_56)

struct logon {
	const struct logon_settings *settings;
	struct env *env;
	struct arena arena;
	uint8_t negotiate[NEGOTIATE_LEN];
	uint8_t challenge[CHALLENGE_MAX];
	size_t challenge_len;
	bool mic_sent; /* so the server sends one, too */
	struct ntlm_key exported;
};

struct logon *logon_new(const struct logon_settings *s, struct env *env)
{
	struct logon *l = secret_alloc(sizeof(*l));

	if (!l)
		abort();
	l->settings = s;
	l->env = env;
	arena_init(&l->arena, ARENA_MAX);
	return l;
}

void logon_free(struct logon *l)
{
	if (!l)
		return;
	arena_fini(&l->arena);
	secret_free(l);
}

const uint8_t *logon_key(const struct logon *l)
{
	return l->exported.b;
}

static bool is_anonymous(const struct logon *l)
{
	return l->settings->user[0] == '\0';
}

/* ---- DER, from the innermost value outwards: each step puts something in front ---------------------- */

struct der {
	uint8_t bytes[LOGON_TOKEN_MAX];
	size_t len; /* used, at the end of bytes */
};

static const uint8_t oid_spnego[] = {0x06, 6, 0x2b, 6, 1, 5, 5, 2};
static const uint8_t mech_list[] = {0x30, 12, 0x06, 10,   0x2b, 6, 1,
				    4,    1,  0x82, 0x37, 2,    2, 0x0a};

static void der_bytes(struct der *d, struct span s)
{
	assert(d->len + s.len <= sizeof(d->bytes));
	d->len += s.len;
	memcpy(d->bytes + sizeof(d->bytes) - d->len, s.p, s.len);
}

/* Tag and length around the last `len` bytes. */
static void der_wrap(struct der *d, uint8_t tag, size_t len)
{
	uint8_t head[4] = {tag};
	size_t n = 2;

	if (len < 0x80) {
		head[1] = (uint8_t)len;
	} else {
		head[1] = 0x82;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	}
	der_bytes(d, span_of(head, n));
}

/* [tag] OCTET STRING in front. */
static void der_octets(struct der *d, uint8_t tag, struct span s)
{
	size_t before = d->len;

	der_bytes(d, s);
	der_wrap(d, 0x04, s.len);
	der_wrap(d, tag, d->len - before);
}

static void der_take(const struct der *d, struct logon_token *ret_token)
{
	ret_token->len = d->len;
	memcpy(ret_token->bytes, d->bytes + sizeof(d->bytes) - d->len, d->len);
}

/* NegTokenInit with the one mechanism there is and its first token. */
static void wrap_init(struct span token, struct logon_token *ret_token)
{
	struct der d = {.len = 0};

	der_octets(&d, 0xa2, token);
	der_bytes(&d, span_of(mech_list, sizeof(mech_list)));
	der_wrap(&d, 0xa0, sizeof(mech_list));
	der_wrap(&d, 0x30, d.len);
	der_wrap(&d, 0xa0, d.len);
	der_bytes(&d, span_of(oid_spnego, sizeof(oid_spnego)));
	der_wrap(&d, 0x60, d.len);
	der_take(&d, ret_token);
}

/* NegTokenResp with a token, and a mechListMIC if there is one. */
static void wrap_resp(struct span token, struct span mic, struct logon_token *ret_token)
{
	struct der d = {.len = 0};

	if (mic.len)
		der_octets(&d, 0xa3, mic);
	der_octets(&d, 0xa2, token);
	der_wrap(&d, 0x30, d.len);
	der_wrap(&d, 0xa1, d.len);
	der_take(&d, ret_token);
}

/* ---- NTLMSSP ---------------------------------------------------------------------------------------- */

static void bare_token(struct span message, struct logon_token *ret_token)
{
	assert(message.len <= sizeof(ret_token->bytes));
	memcpy(ret_token->bytes, message.p, message.len);
	ret_token->len = message.len;
}

static void wr_version(struct wr *w)
{
	wr_u32(w, 0x00000a0a); /* 10.10, build 0 */
	wr_u32(w, (uint32_t)NTLM_VERSION_REVISION << 24);
}

void logon_first(struct logon *l, struct logon_token *ret_token)
{
	struct wr w = wr_of(mspan_of(l->negotiate, sizeof(l->negotiate)));

	wr_bytes(&w, span_of("NTLMSSP", 8));
	wr_u32(&w, 1);
	wr_u32(&w, LOGON_FLAGS);
	wr_zero(&w, 8 + 8); /* neither domain nor workstation */
	wr_version(&w);
	assert(wr_ok(&w));
	if (l->settings->bare)
		bare_token(wr_done(&w), ret_token);
	else
		wrap_init(wr_done(&w), ret_token);
}

/* The AV pairs of the CHALLENGE_MESSAGE, without their end; the server's time, if it is among them. */
static int target_info(struct span challenge, struct span *ret_pairs, uint64_t *ret_time)
{
	struct rd r = rd_of(challenge);
	size_t len, off;
	struct rd info;

	rd_seek(&r, TARGET_INFO_OFF);
	len = rd_u16(&r);
	rd_skip(&r, 2);
	off = rd_u32(&r);
	info = rd_at(&r, off, len);
	for (;;) {
		size_t start = rd_pos(&info);
		uint16_t id = rd_u16(&info);
		struct rd value = rd_of(rd_bytes(&info, rd_u16(&info)));

		if (!rd_ok(&info))
			return -EBADMSG;
		if (id == MSV_AV_TIMESTAMP)
			*ret_time = rd_u64(&value);
		if (id != MSV_AV_EOL)
			continue;
		*ret_pairs = span_of(info.p, start);
		return 0;
	}
}

/* NTLMv2_CLIENT_CHALLENGE, [MS-NLMP] 2.2.2.7 */
static void wr_blob(struct logon *l, struct wr *w, struct span pairs, uint64_t time)
{
	uint64_t nonce = env_random_u64(l->env);

	wr_u8(w, 1);
	wr_u8(w, 1);
	wr_zero(w, 6);
	wr_u64(w, time);
	wr_u64(w, nonce);
	wr_zero(w, 4);
	wr_bytes(w, pairs);
	wr_u16(w, MSV_AV_FLAGS);
	wr_u16(w, 4);
	wr_u32(w, MSV_AV_FLAG_MIC);
	wr_u16(w, MSV_AV_EOL);
	wr_u16(w, 0);
	wr_zero(w, 4);
}

static struct span utf16(const char *utf8, struct mspan room)
{
	struct wr w = wr_of(room);

	(void)wr_utf16(&w, utf8);
	assert(wr_ok(&w));
	return wr_done(&w);
}

/* Fill in the proof in front of the blob; the key that follows from it. [MS-NLMP] 3.3.2 */
static int prove(struct logon *l, struct mspan nt, struct ntlm_key *ret_base)
{
	uint8_t user_room[NAME_MAX_LEN], domain_room[NAME_MAX_LEN];
	CLEANUP(ntlm_key_wipe) struct ntlm_key nt_hash = {0};
	CLEANUP(ntlm_key_wipe) struct ntlm_key response_key = {0};
	char *upper;
	int err = utf8_upper(&l->arena, l->settings->user, &upper);

	if (!err)
		err = ntlm_hash_password(l->settings->password, &nt_hash);
	if (!err)
		err = ntlm_response_key(
			&nt_hash, utf16(upper, mspan_of(user_room, NAME_MAX_LEN)),
			utf16(l->settings->domain, mspan_of(domain_room, NAME_MAX_LEN)),
			&response_key);
	if (!err)
		err = ntlm_prove(&response_key, l->challenge + CHALLENGE_OFF,
				 span_from(span_of_m(nt), NTLM_PROOF_LEN), nt.p);
	if (!err)
		err = ntlm_base_key(&response_key, nt.p, ret_base);
	return err;
}

static void wr_field(struct wr *w, size_t len, size_t *off)
{
	wr_u16(w, (uint16_t)len);
	wr_u16(w, (uint16_t)len);
	wr_u32(w, (uint32_t)*off);
	*off += len;
}

/* [MS-NLMP] 2.2.1.3; the MIC is zero. */
static void wr_authenticate(const struct logon *l, struct wr *w, struct span lm,
			    struct span nt, struct span key)
{
	uint8_t user_room[NAME_MAX_LEN], domain_room[NAME_MAX_LEN];
	struct span user = utf16(l->settings->user, mspan_of(user_room, NAME_MAX_LEN));
	struct span domain = utf16(l->settings->domain,
				   mspan_of(domain_room, NAME_MAX_LEN));
	/* the anonymous have no key to exchange */
	uint32_t flags = key.len ? LOGON_FLAGS
				 : LOGON_FLAGS & ~NTLMSSP_NEGOTIATE_KEY_EXCH;
	size_t off = AUTHENTICATE_FIXED_LEN;

	wr_bytes(w, span_of("NTLMSSP", 8));
	wr_u32(w, 3);
	wr_field(w, lm.len, &off);
	wr_field(w, nt.len, &off);
	wr_field(w, domain.len, &off);
	wr_field(w, user.len, &off);
	wr_field(w, 0, &off); /* Workstation */
	wr_field(w, key.len, &off);
	wr_u32(w, flags);
	wr_version(w);
	wr_zero(w, NTLM_MIC_LEN);
	wr_bytes(w, lm);
	wr_bytes(w, nt);
	wr_bytes(w, domain);
	wr_bytes(w, user);
	wr_bytes(w, key);
	assert(wr_ok(w));
}

/* The anonymous prove nothing. [MS-NLMP] 3.2.5.1.2: empty name, empty NtChallengeResponse, one zero byte of LM. */
static struct span authenticate_anonymous(const struct logon *l, struct mspan room)
{
	static const uint8_t zero[1];
	struct wr w = wr_of(room);

	wr_authenticate(l, &w, span_of(zero, 1), span_of(NULL, 0), span_of(NULL, 0));
	return wr_done(&w);
}

static int authenticate_named(struct logon *l, struct mspan room, struct span *ret_msg)
{
	uint8_t nt_room[NT_RESPONSE_MAX], sealed_key[LOGON_KEY_LEN];
	struct span challenge = span_of(l->challenge, l->challenge_len);
	CLEANUP(ntlm_key_wipe) struct ntlm_key base = {0};
	struct wr nt = wr_of(mspan_of(nt_room, sizeof(nt_room)));
	struct wr w = wr_of(room);
	struct span pairs, parts[3];
	struct ntlm_key exchanged;
	uint64_t time = env_filetime(l->env);
	int err = target_info(challenge, &pairs, &time);

	if (err)
		return err;
	wr_zero(&nt, NTLM_PROOF_LEN);
	wr_blob(l, &nt, pairs, time);
	if (!wr_ok(&nt))
		return -EBADMSG;
	err = prove(l, mspan_of(nt_room, wr_pos(&nt)), &base);
	env_random(l->env, mspan_of(l->exported.b, sizeof(l->exported.b)));
	if (!err)
		err = ntlm_exchange_key(&base, l->exported.b, &exchanged);
	if (err)
		return err;
	memcpy(sealed_key, exchanged.b, sizeof(sealed_key));
	wr_authenticate(l, &w, span_of(NULL, 0), wr_done(&nt),
			span_of(sealed_key, sizeof(sealed_key)));
	parts[0] = span_of(l->negotiate, sizeof(l->negotiate));
	parts[1] = challenge;
	parts[2] = wr_done(&w);
	err = ntlm_mic(&l->exported, parts, ARRAY_LEN(parts),
		       room.p + AUTHENTICATE_MIC_OFF);
	*ret_msg = wr_done(&w);
	return err;
}

static int challenge_keep(struct logon *l, struct span in)
{
	struct spnego_resp resp = {.token = in};
	int err = 0;

	if (!l->settings->bare)
		err = spnego_resp_decode(in, &l->arena, &resp);
	if (err)
		return err;
	if (resp.token.len < TARGET_INFO_OFF || resp.token.len > sizeof(l->challenge) ||
	    !span_eq(span_head(resp.token, 8), span_of("NTLMSSP", 8)))
		return -EBADMSG;
	memcpy(l->challenge, resp.token.p, resp.token.len);
	l->challenge_len = resp.token.len;
	return 0;
}

int logon_next(struct logon *l, struct span in, struct logon_token *ret_token)
{
	uint8_t room[LOGON_TOKEN_MAX / 2], mic[NTLM_MIC_LEN];
	struct span message, mic_span = span_of(NULL, 0);
	int err = l->challenge_len ? -EBADMSG : challenge_keep(l, in);

	if (err)
		return err;
	if (is_anonymous(l))
		message = authenticate_anonymous(l, mspan_of(room, sizeof(room)));
	else
		err = authenticate_named(l, mspan_of(room, sizeof(room)), &message);
	if (!err && !is_anonymous(l) && !l->settings->bare) {
		err = ntlm_sign(LOGON_FLAGS, &l->exported, NTLM_CLIENT,
				span_of(mech_list, sizeof(mech_list)), mic);
		mic_span = span_of(mic, sizeof(mic));
		l->mic_sent = true;
	}
	if (err)
		return err;
	if (l->settings->bare)
		bare_token(message, ret_token);
	else
		wrap_resp(message, mic_span, ret_token);
	return 0;
}

int logon_last(struct logon *l, struct span in, bool guest)
{
	uint8_t want[NTLM_MIC_LEN];
	struct spnego_resp resp;
	int err;

	if (l->settings->bare)
		return in.len ? -EBADMSG : 0;
	err = spnego_resp_decode(in, &l->arena, &resp);
	if (err)
		return err;
	if (resp.state != SPNEGO_ACCEPT_COMPLETED)
		return -EBADMSG;
	if (!l->mic_sent || guest)
		return 0;
	err = ntlm_sign(LOGON_FLAGS, &l->exported, NTLM_SERVER,
			span_of(mech_list, sizeof(mech_list)), want);
	if (err)
		return err;
	return resp.mic.len == sizeof(want) && ct_eq(resp.mic.p, want, sizeof(want))
		       ? 0
		       : -EBADMSG;
}
