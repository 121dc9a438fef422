/* spnego.c - see spnego.h */
#include "auth/spnego.h"

#include <errno.h>
#include <limits.h>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>

/* Contents of an OBJECT IDENTIFIER. Compared as bytes: the text form of a peer's OID can cost
 * quadratic time. */
struct oid {
	uint8_t len;
	uint8_t der[15];
};

static const struct oid mech_oids[] = {
	[SPNEGO_MECH_NTLMSSP] = {10, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a}},
};

static const struct oid spnego_oid = {6, {0x2b, 6, 1, 5, 5, 2}}; /* 1.3.6.1.5.5.2 */

/* The structures, as OpenSSL wants them described. */

struct der_init {
	ASN1_STRING *mech_list; /* kept as it was encoded */
	ASN1_BIT_STRING *req_flags;
	ASN1_OCTET_STRING *token;
	ASN1_TYPE *hints_or_mic; /* [3]: mechListMIC in RFC 4178, negHints in [MS-SPNG] */
	ASN1_TYPE *mic;
};

struct der_gss_init {
	ASN1_OBJECT *oid;
	struct der_init *init;
};

struct der_hints {
	ASN1_GENERALSTRING *name;
};

struct der_init2 {
	struct stack_st_ASN1_OBJECT *mechs; /* STACK_OF(ASN1_OBJECT) */
	struct der_hints *hints;
};

struct der_gss_init2 {
	ASN1_OBJECT *oid;
	struct der_init2 *init;
};

struct der_resp {
	ASN1_ENUMERATED *state;
	ASN1_OBJECT *mech;
	ASN1_OCTET_STRING *token;
	ASN1_OCTET_STRING *mic;
};

/* clang-format off */
ASN1_SEQUENCE(der_init) = {
	ASN1_EXP(struct der_init, mech_list, ASN1_SEQUENCE, 0),
	ASN1_EXP_OPT(struct der_init, req_flags, ASN1_BIT_STRING, 1),
	ASN1_EXP_OPT(struct der_init, token, ASN1_OCTET_STRING, 2),
	ASN1_EXP_OPT(struct der_init, hints_or_mic, ASN1_ANY, 3),
	ASN1_EXP_OPT(struct der_init, mic, ASN1_ANY, 4),
} static_ASN1_SEQUENCE_END_name(struct der_init, der_init);

ASN1_SEQUENCE(der_gss_init) = {
	ASN1_SIMPLE(struct der_gss_init, oid, ASN1_OBJECT),
	ASN1_EXP(struct der_gss_init, init, der_init, 0),
} static_ASN1_SEQUENCE_END_name(struct der_gss_init, der_gss_init);

ASN1_ITEM_TEMPLATE(der_init_token) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_IMPTAG | ASN1_TFLG_APPLICATION, 0, token, der_gss_init)
static_ASN1_ITEM_TEMPLATE_END(der_init_token);

ASN1_ITEM_TEMPLATE(der_mechs) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, mechs, ASN1_OBJECT)
static_ASN1_ITEM_TEMPLATE_END(der_mechs);

ASN1_SEQUENCE(der_hints) = {
	ASN1_EXP(struct der_hints, name, ASN1_GENERALSTRING, 0),
} static_ASN1_SEQUENCE_END_name(struct der_hints, der_hints);

ASN1_SEQUENCE(der_init2) = {
	ASN1_EXP_SEQUENCE_OF(struct der_init2, mechs, ASN1_OBJECT, 0),
	ASN1_EXP(struct der_init2, hints, der_hints, 3),
} static_ASN1_SEQUENCE_END_name(struct der_init2, der_init2);

ASN1_SEQUENCE(der_gss_init2) = {
	ASN1_SIMPLE(struct der_gss_init2, oid, ASN1_OBJECT),
	ASN1_EXP(struct der_gss_init2, init, der_init2, 0),
} static_ASN1_SEQUENCE_END_name(struct der_gss_init2, der_gss_init2);

ASN1_ITEM_TEMPLATE(der_init2_token) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_IMPTAG | ASN1_TFLG_APPLICATION, 0, token, der_gss_init2)
static_ASN1_ITEM_TEMPLATE_END(der_init2_token);

ASN1_SEQUENCE(der_resp) = {
	ASN1_EXP_OPT(struct der_resp, state, ASN1_ENUMERATED, 0),
	ASN1_EXP_OPT(struct der_resp, mech, ASN1_OBJECT, 1),
	ASN1_EXP_OPT(struct der_resp, token, ASN1_OCTET_STRING, 2),
	ASN1_EXP_OPT(struct der_resp, mic, ASN1_OCTET_STRING, 3),
} static_ASN1_SEQUENCE_END_name(struct der_resp, der_resp);

ASN1_ITEM_TEMPLATE(der_resp_token) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_EXPTAG | ASN1_TFLG_CONTEXT, 1, token, der_resp)
static_ASN1_ITEM_TEMPLATE_END(der_resp_token);
/* clang-format on */

static void gss_init_freep(struct der_gss_init **g)
{
	ASN1_item_free((ASN1_VALUE *)*g, ASN1_ITEM_rptr(der_init_token));
}

static void gss_init2_freep(struct der_gss_init2 **g)
{
	ASN1_item_free((ASN1_VALUE *)*g, ASN1_ITEM_rptr(der_init2_token));
}

static void resp_freep(struct der_resp **r)
{
	ASN1_item_free((ASN1_VALUE *)*r, ASN1_ITEM_rptr(der_resp_token));
}

static void mechs_freep(struct stack_st_ASN1_OBJECT **m)
{
	ASN1_item_free((ASN1_VALUE *)*m, ASN1_ITEM_rptr(der_mechs));
}

/* One value that fills `in` to its last byte, else NULL. */
static void *der_decode(struct span in, const ASN1_ITEM *it)
{
	const unsigned char *p = in.p;
	ASN1_VALUE *v = NULL;

	if (in.len > 0 && in.len <= LONG_MAX)
		v = ASN1_item_d2i(NULL, &p, (long)in.len, it);
	if (v && p != in.p + in.len) {
		ASN1_item_free(v, it);
		v = NULL;
	}
	if (!v)
		ERR_clear_error();
	return v;
}

static int der_encode(const void *v, const ASN1_ITEM *it, struct arena *a,
		      struct span *ret_der)
{
	int len = ASN1_item_i2d(v, NULL, it);
	unsigned char *out, *p;

	if (len <= 0)
		return -ENOMEM;
	out = p = arena_alloc(a, (size_t)len);
	if (!out || ASN1_item_i2d(v, &p, it) != len)
		return -ENOMEM;
	*ret_der = span_of(out, (size_t)len);
	return 0;
}

/* A copy in the arena; an absent string is an empty span. */
static int string_copy(const ASN1_STRING *s, struct arena *a, struct span *ret)
{
	struct span bytes = {0};

	if (s)
		bytes = span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	if (bytes.len > 0) {
		bytes.p = arena_dup(a, bytes);
		if (!bytes.p)
			return -ENOMEM;
	}
	*ret = bytes;
	return 0;
}

/* True, and s set, unless memory failed. An empty span stays absent. */
static bool string_set(ASN1_OCTET_STRING **s, struct span bytes)
{
	if (bytes.len == 0)
		return true;
	if (bytes.len > INT_MAX)
		return false;
	*s = ASN1_OCTET_STRING_new();
	return *s && ASN1_OCTET_STRING_set(*s, bytes.p, (int)bytes.len);
}

static bool object_is(const ASN1_OBJECT *o, const struct oid *oid)
{
	return span_eq(span_of(OBJ_get0_data(o), OBJ_length(o)),
		       span_of(oid->der, oid->len));
}

/* NULL without memory. */
static ASN1_OBJECT *object_new(const struct oid *oid)
{
	uint8_t der[sizeof(oid->der)];

	memcpy(der, oid->der, sizeof(der));
	return ASN1_OBJECT_create(NID_undef, der, oid->len, NULL, NULL);
}

static enum spnego_mech mech_of(const ASN1_OBJECT *o)
{
	for (size_t i = 0; o && i < ARRAY_LEN(mech_oids); i++) {
		if (mech_oids[i].len > 0 && object_is(o, &mech_oids[i]))
			return (enum spnego_mech)i;
	}
	return SPNEGO_MECH_OTHER;
}

static int mechs_decode(struct arena *a, struct spnego_init *t)
{
	CLEANUP(mechs_freep)
	struct stack_st_ASN1_OBJECT *list = der_decode(t->mech_list,
						       ASN1_ITEM_rptr(der_mechs));
	int count = list ? sk_ASN1_OBJECT_num(list) : 0;

	if (count <= 0)
		return -EBADMSG;
	t->mech_count = (size_t)count;
	t->mechs = arena_array(a, t->mech_count, sizeof(*t->mechs));
	if (!t->mechs)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		t->mechs[i] = mech_of(sk_ASN1_OBJECT_value(list, i));
	return 0;
}

int spnego_init_decode(struct span in, struct arena *a, struct spnego_init *ret_init)
{
	CLEANUP(gss_init_freep)
	struct der_gss_init *g = der_decode(in, ASN1_ITEM_rptr(der_init_token));
	struct spnego_init t = {0};
	int err;

	if (!g || !object_is(g->oid, &spnego_oid))
		return -EBADMSG;
	err = string_copy(g->init->mech_list, a, &t.mech_list);
	if (!err)
		err = mechs_decode(a, &t);
	if (!err)
		err = string_copy(g->init->token, a, &t.token);
	if (err)
		return err;
	*ret_init = t;
	return 0;
}

static bool state_decode(const ASN1_ENUMERATED *e, enum spnego_state *ret_state)
{
	int64_t v = SPNEGO_STATE_ABSENT;

	if (e && (!ASN1_ENUMERATED_get_int64(&v, e) || v < SPNEGO_ACCEPT_COMPLETED ||
		  v > SPNEGO_REQUEST_MIC)) {
		ERR_clear_error();
		return false;
	}
	*ret_state = (enum spnego_state)v;
	return true;
}

int spnego_resp_decode(struct span in, struct arena *a, struct spnego_resp *ret_resp)
{
	CLEANUP(resp_freep)
	struct der_resp *d = der_decode(in, ASN1_ITEM_rptr(der_resp_token));
	struct spnego_resp t = {0};
	int err;

	if (!d || !state_decode(d->state, &t.state))
		return -EBADMSG;
	t.mech = mech_of(d->mech);
	err = string_copy(d->token, a, &t.token);
	if (!err)
		err = string_copy(d->mic, a, &t.mic);
	if (err)
		return err;
	*ret_resp = t;
	return 0;
}

int spnego_init2_encode(const enum spnego_mech *mechs, size_t count, struct arena *a,
			struct span *ret_token)
{
	static const char hint[] = "not_defined_in_RFC4178@please_ignore";
	CLEANUP(gss_init2_freep)
	struct der_gss_init2 *g = (void *)ASN1_item_new(ASN1_ITEM_rptr(der_init2_token));

	if (!g)
		return -ENOMEM;
	g->oid = object_new(&spnego_oid);
	if (!g->oid || !ASN1_STRING_set(g->init->hints->name, hint, sizeof(hint) - 1))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		ASN1_OBJECT *o = object_new(&mech_oids[mechs[i]]);

		if (!o || !sk_ASN1_OBJECT_push(g->init->mechs, o)) {
			ASN1_OBJECT_free(o);
			return -ENOMEM;
		}
	}
	return der_encode(g, ASN1_ITEM_rptr(der_init2_token), a, ret_token);
}

int spnego_resp_encode(const struct spnego_resp *resp, struct arena *a,
		       struct span *ret_token)
{
	CLEANUP(resp_freep)
	struct der_resp *d = (void *)ASN1_item_new(ASN1_ITEM_rptr(der_resp_token));

	if (!d)
		return -ENOMEM;
	if (resp->state != SPNEGO_STATE_ABSENT) {
		d->state = ASN1_ENUMERATED_new();
		if (!d->state || !ASN1_ENUMERATED_set(d->state, (long)resp->state))
			return -ENOMEM;
	}
	if (resp->mech != SPNEGO_MECH_OTHER) {
		d->mech = object_new(&mech_oids[resp->mech]);
		if (!d->mech)
			return -ENOMEM;
	}
	if (!string_set(&d->token, resp->token) || !string_set(&d->mic, resp->mic))
		return -ENOMEM;
	return der_encode(d, ASN1_ITEM_rptr(der_resp_token), a, ret_token);
}
