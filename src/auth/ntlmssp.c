/* ntlmssp.c - see ntlmssp.h */
#include "auth/ntlmssp.h"

#include "wire/utf16.h"

#include <errno.h>

enum {
	NTLM_NEGOTIATE = 1,
	NTLM_CHALLENGE = 2,
	NTLM_AUTHENTICATE = 3,

	AUTHENTICATE_FIXED_LEN = 64, /* up to NegotiateFlags: old clients end here */
	AUTHENTICATE_MIC_OFF = 72,
	CHALLENGE_FIXED_LEN = 56,
	AV_HEADER_LEN = 4,
};

static const uint8_t signature[8] = "NTLMSSP";

bool ntlmssp_is(struct span token)
{
	return span_eq(span_head(token, sizeof(signature)),
		       span_of(signature, sizeof(signature)));
}

/* Signature and MessageType. */
static void header_read(struct rd *r, uint32_t want_type)
{
	struct span sig = rd_bytes(r, sizeof(signature));

	if (!ntlmssp_is(sig))
		rd_fail(r);
	if (rd_u32(r) != want_type)
		rd_fail(r);
}

/* A payload field: Len, MaxLen (ignored on receipt), BufferOffset. Without bytes the offset
 * means nothing. */
static struct span field_read(struct rd *r, size_t payload_min)
{
	size_t len = rd_u16(r);
	size_t off;
	struct rd field;

	rd_skip(r, 2);
	off = rd_u32(r);
	if (len == 0)
		return span_of(NULL, 0);
	if (off < payload_min)
		rd_fail(r);
	field = rd_at(r, off, len);
	return rd_rest(&field);
}

int ntlm_negotiate_decode(struct span msg, uint32_t *ret_flags)
{
	struct rd r = rd_of(msg);
	uint32_t flags;

	header_read(&r, NTLM_NEGOTIATE);
	flags = rd_u32(&r); /* at 12; the names behind it may be left out */
	if (!rd_ok(&r))
		return -EBADMSG;
	*ret_flags = flags;
	return 0;
}

static void av_name(struct wr *w, uint16_t id, const char *name)
{
	size_t hole;

	if (!name[0])
		return;
	wr_u16(w, id);
	hole = wr_hole_u16(w);
	wr_fill_u16(w, hole, (uint16_t)wr_utf16(w, name));
}

static void target_info_write(struct wr *w, const struct ntlm_challenge_msg *m)
{
	av_name(w, MSV_AV_NB_DOMAIN_NAME, m->names.nb_domain);
	av_name(w, MSV_AV_NB_COMPUTER_NAME, m->names.nb_computer);
	av_name(w, MSV_AV_DNS_DOMAIN_NAME, m->names.dns_domain);
	av_name(w, MSV_AV_DNS_COMPUTER_NAME, m->names.dns_computer);
	wr_u16(w, MSV_AV_TIMESTAMP);
	wr_u16(w, 8);
	wr_u64(w, m->time);
	wr_u16(w, MSV_AV_EOL);
	wr_u16(w, 0);
}

static void version_write(struct wr *w, uint32_t flags)
{
	if (!(flags & NTLMSSP_NEGOTIATE_VERSION)) {
		wr_zero(w, 8);
		return;
	}
	wr_u8(w, 6); /* of Windows; informative, and 6.1 is what other servers say */
	wr_u8(w, 1);
	wr_u16(w, 0);
	wr_zero(w, 3);
	wr_u8(w, 0x0f); /* NTLMSSP_REVISION_W2K3 */
}

static void challenge_write(struct wr *w, const struct ntlm_challenge_msg *m,
			    int64_t target_len)
{
	size_t info_len_at[2], info_start;

	wr_bytes(w, span_of(signature, sizeof(signature)));
	wr_u32(w, NTLM_CHALLENGE);
	wr_u16(w, (uint16_t)target_len);
	wr_u16(w, (uint16_t)target_len);
	wr_u32(w, CHALLENGE_FIXED_LEN);
	wr_u32(w, m->flags);
	wr_bytes(w, span_of(m->challenge, sizeof(m->challenge)));
	wr_zero(w, 8);
	info_len_at[0] = wr_hole_u16(w);
	info_len_at[1] = wr_hole_u16(w);
	wr_u32(w, CHALLENGE_FIXED_LEN + (uint32_t)target_len);
	version_write(w, m->flags);

	wr_utf16(w, m->names.nb_computer);
	info_start = wr_pos(w);
	target_info_write(w, m);
	for (size_t i = 0; i < 2; i++)
		wr_fill_u16(w, info_len_at[i], (uint16_t)(wr_pos(w) - info_start));
}

int ntlm_challenge_encode(const struct ntlm_challenge_msg *m, struct arena *a,
			  struct span *ret_msg)
{
	const struct ntlm_names *n = &m->names;
	int64_t target_len = utf16_len(n->nb_computer);
	size_t cap;
	uint8_t *buf;
	struct wr w;

	if (target_len < 0)
		return (int)target_len;
	/* A UTF-8 string never has fewer bytes than UTF-16 code units. */
	cap = CHALLENGE_FIXED_LEN + 6 * AV_HEADER_LEN + 8 +
	      2 * (2 * strlen(n->nb_computer) + strlen(n->nb_domain) +
		   strlen(n->dns_computer) + strlen(n->dns_domain));
	buf = arena_alloc(a, cap);
	if (!buf)
		return -ENOMEM;
	w = wr_of(mspan_of(buf, cap));
	challenge_write(&w, m, target_len);
	if (!wr_ok(&w))
		return -EILSEQ;
	*ret_msg = wr_done(&w);
	return 0;
}

int ntlm_authenticate_decode(struct span msg, struct ntlm_authenticate_msg *ret_msg)
{
	struct ntlm_authenticate_msg m = {0};
	struct rd r = rd_of(msg);

	header_read(&r, NTLM_AUTHENTICATE);
	m.lm = field_read(&r, AUTHENTICATE_FIXED_LEN);          /* at 12 */
	m.nt = field_read(&r, AUTHENTICATE_FIXED_LEN);          /* at 20 */
	m.domain = field_read(&r, AUTHENTICATE_FIXED_LEN);      /* at 28 */
	m.user = field_read(&r, AUTHENTICATE_FIXED_LEN);        /* at 36 */
	field_read(&r, AUTHENTICATE_FIXED_LEN);                 /* at 44: Workstation */
	m.session_key = field_read(&r, AUTHENTICATE_FIXED_LEN); /* at 52 */
	m.flags = rd_u32(&r);                                   /* at 60 */
	if (!rd_ok(&r))
		return -EBADMSG;
	if (msg.len >= AUTHENTICATE_MIC_OFF + NTLM_MIC_LEN) {
		m.has_mic = true;
		rd_seek(&r, AUTHENTICATE_MIC_OFF);
		rd_copy(&r, m.mic, sizeof(m.mic));
	}
	*ret_msg = m;
	return 0;
}

/* Is this a length that a pair of this kind can have? */
static bool av_len_ok(uint16_t id, size_t len)
{
	switch (id) {
	case MSV_AV_EOL:
		return len == 0;
	case MSV_AV_NB_COMPUTER_NAME:
	case MSV_AV_NB_DOMAIN_NAME:
	case MSV_AV_DNS_COMPUTER_NAME:
	case MSV_AV_DNS_DOMAIN_NAME:
	case MSV_AV_DNS_TREE_NAME:
	case MSV_AV_TARGET_NAME:
		return len % 2 == 0;
	case MSV_AV_FLAGS:
		return len == 4;
	case MSV_AV_TIMESTAMP:
		return len == 8;
	case MSV_AV_CHANNEL_BINDINGS:
		return len == 16;
	default:
		return true;
	}
}

/* Fails r at the first pair that does not fit, or if the list has no end. */
static uint32_t av_flags_read(struct rd *r)
{
	uint32_t flags = 0;
	uint16_t id;

	do {
		struct rd value;
		size_t len;

		id = rd_u16(r);
		len = rd_u16(r);
		value = rd_of(rd_bytes(r, len));
		if (!rd_ok(r))
			return 0;
		if (!av_len_ok(id, len))
			rd_fail(r);
		else if (id == MSV_AV_FLAGS)
			flags |= rd_u32(
				&value); /* a second pair cannot take the MIC back */
	} while (id != MSV_AV_EOL);
	return flags;
}

int ntlm_response_decode(struct span nt, struct ntlm_response *ret_response)
{
	struct rd r = rd_of(nt);
	struct ntlm_response t = {0};
	uint8_t resp_type, hi_resp_type;

	t.proof = rd_bytes(&r, NTLM_PROOF_LEN);
	t.blob = span_from(nt, NTLM_PROOF_LEN);
	resp_type = rd_u8(&r);
	hi_resp_type = rd_u8(&r);
	rd_skip(&r, 2 + 4); /* Reserved1, Reserved2 */
	rd_skip(&r,
		8); /* TimeStamp: Windows has not judged it since 2012, [MS-NLMP] note 69 */
	rd_skip(&r, 8 + 4); /* ChallengeFromClient, Reserved3 */
	t.av_flags = av_flags_read(&r);
	if (!rd_ok(&r) || resp_type != 1 || hi_resp_type != 1)
		return -EBADMSG;
	*ret_response = t;
	return 0;
}

void ntlm_mic_parts(struct span msg, struct span ret_parts[3])
{
	static const uint8_t zeros[NTLM_MIC_LEN];

	ret_parts[0] = span_head(msg, AUTHENTICATE_MIC_OFF);
	ret_parts[1] = span_of(zeros, sizeof(zeros));
	ret_parts[2] = span_from(msg, AUTHENTICATE_MIC_OFF + NTLM_MIC_LEN);
}
