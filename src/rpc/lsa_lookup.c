/* lsa_lookup.c - LsarLookupNames and LsarLookupSids in their generations.  Spec: [MS-LSAT] 3.1.4.5 - 3.1.4.11 */
#include "rpc/lsa.h"

enum {
	LOOKUP_WKSTA = 1, /* the only level that is not for domain controllers */
	NAMES_MAX = 1000, /* [MS-LSAT] 3.1.4.5 */
	SIDS_MAX = 20480, /* [MS-LSAT] 2.2.18 */
	DOMAIN_INDEX_NONE = -1,
};

/* What an answer consists of. All in the call's arena. */
struct lookup {
	struct lsa_name *names;
	int32_t *domain_of; /* index into domains, or DOMAIN_INDEX_NONE */
	size_t count;
	size_t mapped;
	struct lsa_name *domains; /* their domain and domain_sid */
	size_t domain_count;
};

/* Parts in which the generations of a call differ. */
struct lookup_form {
	bool whole_sid; /* of LsarLookupNames3: a SID in place of a relative id */
	bool flags; /* each entry has Flags, the request LookupOptions and ClientRevision */
};

static bool lookup_init(struct rpc_call *c, struct lookup *l, size_t count)
{
	*l = (struct lookup){.count = count};
	if (count == 0)
		return true;
	l->names = arena_array(c->arena, count, sizeof(*l->names));
	l->domains = arena_array(c->arena, count, sizeof(*l->domains));
	l->domain_of = arena_array(c->arena, count, sizeof(*l->domain_of));
	return l->names && l->domains && l->domain_of;
}

static int32_t lookup_domain(struct lookup *l, const struct lsa_name *n)
{
	if (!n->domain)
		return DOMAIN_INDEX_NONE;
	for (size_t i = 0; i < l->domain_count; i++) {
		if (sid_eq(&l->domains[i].domain_sid, &n->domain_sid))
			return (int32_t)i;
	}
	l->domains[l->domain_count] = *n;
	return (int32_t)l->domain_count++;
}

static void lookup_set(struct lookup *l, size_t i, struct lsa_name n)
{
	l->names[i] = n;
	l->domain_of[i] = lookup_domain(l, &n);
	if (n.use != SID_USE_UNKNOWN)
		l->mapped++;
}

static nt_status lookup_status(const struct lookup *l)
{
	if (l->mapped == l->count)
		return STATUS_SUCCESS;
	return l->mapped ? STATUS_SOME_NOT_MAPPED : STATUS_NONE_MAPPED;
}

/* LSAPR_REFERENCED_DOMAIN_LIST **. Spec: [MS-LSAT] 2.2.12 */
static void lookup_put_domains(struct wr *w, const struct lookup *l)
{
	uint32_t count = (uint32_t)l->domain_count;

	ndr_put_ptr(w, true);
	ndr_put_u32(w, count);
	ndr_put_ptr(w, count > 0);
	ndr_put_u32(w, count); /* MaxEntries: ignored */
	if (count == 0)
		return;
	ndr_put_u32(w, count);
	for (size_t i = 0; i < count; i++) {
		ndr_put_ustr(w, l->domains[i].domain);
		ndr_put_ptr(w, true);
	}
	for (size_t i = 0; i < count; i++) {
		ndr_put_ustr_body(w, l->domains[i].domain);
		ndr_put_sid(w, &l->domains[i].domain_sid);
	}
}

/* Entries, and the array's pointer and count. True if there are elements to come. */
static bool lookup_put_count(struct wr *w, const struct lookup *l)
{
	uint32_t count = (uint32_t)l->count;

	ndr_put_u32(w, count);
	ndr_put_ptr(w, count > 0);
	if (count > 0)
		ndr_put_u32(w, count);
	return count > 0;
}

/* LSAPR_TRANSLATED_NAMES, _EX. Spec: [MS-LSAT] 2.2.19 - 2.2.22 */
static void lookup_put_names(struct wr *w, const struct lookup *l,
			     struct lookup_form form)
{
	if (!lookup_put_count(w, l))
		return;
	for (size_t i = 0; i < l->count; i++) {
		wr_align(w, 4);
		ndr_put_u16(w, (uint16_t)l->names[i].use);
		ndr_put_ustr(w, l->names[i].name);
		ndr_put_u32(w, (uint32_t)l->domain_of[i]);
		if (form.flags)
			ndr_put_u32(w, 0);
	}
	for (size_t i = 0; i < l->count; i++)
		ndr_put_ustr_body(w, l->names[i].name);
}

/* [MS-LSAT] 3.1.4.7 */
static uint32_t lookup_rid(const struct lsa_name *n)
{
	if (n->use == SID_USE_UNKNOWN)
		return 0;
	if (n->use == SID_USE_DOMAIN || n->sid.sub_count == 0)
		return 0xFFFFFFFF;
	return n->sid.sub[n->sid.sub_count - 1];
}

/* LSAPR_TRANSLATED_SIDS, _EX, _EX2. Spec: [MS-LSAT] 2.2.14, 2.2.15, 2.2.23 - 2.2.26 */
static void lookup_put_sids(struct wr *w, const struct lookup *l, struct lookup_form form)
{
	if (!lookup_put_count(w, l))
		return;
	for (size_t i = 0; i < l->count; i++) {
		const struct lsa_name *n = &l->names[i];

		wr_align(w, 4);
		ndr_put_u16(w, (uint16_t)n->use);
		if (form.whole_sid)
			ndr_put_ptr(w, n->use != SID_USE_UNKNOWN);
		else
			ndr_put_u32(w, lookup_rid(n));
		ndr_put_u32(w, (uint32_t)l->domain_of[i]);
		if (form.flags)
			ndr_put_u32(w, 0);
	}
	for (size_t i = 0; i < l->count && form.whole_sid; i++) {
		if (l->names[i].use != SID_USE_UNKNOWN)
			ndr_put_sid(w, &l->names[i].sid);
	}
}

static enum rpc_fault lookup_finish(struct rpc_call *c, const struct lookup *l,
				    nt_status st)
{
	ndr_put_u32(&c->out, (uint32_t)l->mapped);
	return rpc_return(c, st.v);
}

/* An error: no domains, no translations. */
static enum rpc_fault lookup_refuse(struct rpc_call *c, nt_status st)
{
	struct lookup none = {0};

	ndr_put_ptr(&c->out, false);
	lookup_put_count(&c->out, &none);
	return lookup_finish(c, &none, st);
}

/*
 * What ends a request: the [in, out] translations, without entries, LookupLevel, MappedCount, and LookupOptions
 * and ClientRevision, without effect here. Returns LookupLevel.
 */
static uint16_t lookup_decode_tail(struct rd *r, struct lookup_form form)
{
	uint16_t level;

	ndr_u32(r); /* Entries: ignored on input, and their array is never sent */
	if (ndr_ptr(r))
		rd_fail(r);
	level = ndr_u16(r);
	ndr_u32(r); /* MappedCount: ignored on input */
	if (form.flags) {
		ndr_u32(r);
		ndr_u32(r);
	}
	return level;
}

/* Names of the request, in the arena. */
static const char **lookup_decode_names(struct rpc_call *c, size_t *ret_count)
{
	struct rd *r = &c->in;
	uint32_t count = ndr_u32(r);
	struct ndr_ustr *fixed;
	const char **names;

	if (ndr_u32(r) != count || count > NAMES_MAX)
		rd_fail(r);
	count = (uint32_t)rd_fit(r, count, 8);
	fixed = arena_array(c->arena, (size_t)count + 1, sizeof(*fixed));
	names = arena_array(c->arena, (size_t)count + 1, sizeof(*names));
	if (!fixed || !names) {
		rd_fail(r);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		fixed[i] = ndr_ustr(r);
	for (size_t i = 0; i < count; i++)
		names[i] = ndr_ustr_body(r, c->arena, fixed[i]);
	*ret_count = count;
	return names;
}

static enum rpc_fault lookup_names(struct rpc_call *c, struct lookup_form form)
{
	nt_status access = STATUS_SUCCESS;
	enum rpc_fault fault = lsa_policy(c, POLICY_LOOKUP_NAMES, &access);
	const char **names;
	size_t count = 0;
	struct lookup l;
	uint16_t level;

	if (fault)
		return fault;
	names = lookup_decode_names(c, &count);
	level = lookup_decode_tail(&c->in, form);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!nt_ok(access))
		return lookup_refuse(c, access);
	if (level != LOOKUP_WKSTA)
		return lookup_refuse(c, STATUS_INVALID_PARAMETER);
	if (!lookup_init(c, &l, count))
		return lookup_refuse(c, STATUS_INSUFFICIENT_RESOURCES);

	for (size_t i = 0; i < count; i++)
		lookup_set(&l, i, lsa_name_of_text(c, names[i]));
	lookup_put_domains(&c->out, &l);
	lookup_put_sids(&c->out, &l, form);
	return lookup_finish(c, &l, lookup_status(&l));
}

/* LSAPR_SID_ENUM_BUFFER of the request, in the arena. */
static struct sid *lookup_decode_sids(struct rpc_call *c, size_t *ret_count)
{
	struct rd *r = &c->in;
	uint32_t count = ndr_u32(r);
	bool present = ndr_ptr(r);
	struct sid *sids;

	if (count > SIDS_MAX || (count > 0 && !present))
		rd_fail(r);
	if (present && ndr_u32(r) != count)
		rd_fail(r);
	count = (uint32_t)rd_fit(r, count, 4);
	sids = arena_array(c->arena, (size_t)count + 1, sizeof(*sids));
	if (!sids) {
		rd_fail(r);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!ndr_ptr(r)) /* [MS-LSAT] 2.2.17: MUST be non-NULL */
			rd_fail(r);
	}
	for (size_t i = 0; i < count; i++)
		sids[i] = ndr_sid(r);
	*ret_count = count;
	return sids;
}

/* Spec: [MS-LSAT] 3.1.4.9: a SID that is not found is named by its text, or its last 32 bits if the domain is known. */
static void lookup_name_unknown(struct rpc_call *c, struct lsa_name *n,
				const struct sid *sid)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[SID_TEXT_MAX];
	struct wr w;

	if (n->use != SID_USE_UNKNOWN)
		return;
	if (!n->domain) {
		n->name = arena_strdup(c->arena, sid_text(sid, text));
		return;
	}
	w = wr_of(mspan_of((uint8_t *)text, sizeof(text)));
	for (int shift = 28; shift >= 0; shift -= 4)
		wr_u8(&w, (uint8_t)digits[sid->sub[sid->sub_count - 1] >> shift & 15]);
	wr_u8(&w, 0);
	n->name = arena_strdup(c->arena, text);
}

static enum rpc_fault lookup_sids(struct rpc_call *c, struct lookup_form form)
{
	nt_status access = STATUS_SUCCESS;
	enum rpc_fault fault = lsa_policy(c, POLICY_LOOKUP_NAMES, &access);
	struct lsa_name n;
	struct sid *sids;
	size_t count = 0;
	struct lookup l;
	uint16_t level;

	if (fault)
		return fault;
	sids = lookup_decode_sids(c, &count);
	level = lookup_decode_tail(&c->in, form);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!nt_ok(access))
		return lookup_refuse(c, access);
	if (level != LOOKUP_WKSTA)
		return lookup_refuse(c, STATUS_INVALID_PARAMETER);
	if (!lookup_init(c, &l, count))
		return lookup_refuse(c, STATUS_INSUFFICIENT_RESOURCES);

	for (size_t i = 0; i < count; i++) {
		n = lsa_name_of_sid(c, &sids[i]);
		lookup_name_unknown(c, &n, &sids[i]);
		lookup_set(&l, i, n);
	}
	lookup_put_domains(&c->out, &l);
	lookup_put_names(&c->out, &l, form);
	return lookup_finish(c, &l, lookup_status(&l));
}

enum rpc_fault lsa_lookup_names(struct rpc_call *c)
{
	return lookup_names(c, (struct lookup_form){0});
}

enum rpc_fault lsa_lookup_names2(struct rpc_call *c)
{
	return lookup_names(c, (struct lookup_form){.flags = true});
}

enum rpc_fault lsa_lookup_names3(struct rpc_call *c)
{
	return lookup_names(c, (struct lookup_form){.flags = true, .whole_sid = true});
}

enum rpc_fault lsa_lookup_sids(struct rpc_call *c)
{
	return lookup_sids(c, (struct lookup_form){0});
}

enum rpc_fault lsa_lookup_sids2(struct rpc_call *c)
{
	return lookup_sids(c, (struct lookup_form){.flags = true});
}
