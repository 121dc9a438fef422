/* lsarpc.c - the Local Security Authority: policy handles and what they show.  Spec: [MS-LSAD] 3.1.4.4, 3.1.4.9.4 */
#include "rpc/lsa.h"

enum {
	/* Of all rights these stand for operations we have. */
	POLICY_GRANTABLE = POLICY_VIEW_LOCAL_INFORMATION | POLICY_LOOKUP_NAMES |
			   READ_CONTROL,
	GENERIC_READ_RIGHTS = 0x00020006,
	GENERIC_EXECUTE_RIGHTS = 0x00020801,
	GENERIC_WRITE_RIGHTS = 0x000207F8,
	GENERIC_ALL_RIGHTS = 0x000F0FFF,
};

/* POLICY_INFORMATION_CLASS. [MS-LSAD] 2.2.4.1 */
enum {
	POLICY_PRIMARY_DOMAIN = 3,
	POLICY_ACCOUNT_DOMAIN = 5,
	POLICY_DNS_DOMAIN = 12,
	POLICY_LOCAL_ACCOUNT_DOMAIN = 14,
};

/* Spec: [MS-LSAD] 2.2.1.1.2 */
static uint32_t policy_map_generic(uint32_t desired)
{
	static const struct {
		uint32_t generic, specific;
	} map[] = {
		{0x80000000, GENERIC_READ_RIGHTS},
		{0x40000000, GENERIC_WRITE_RIGHTS},
		{0x20000000, GENERIC_EXECUTE_RIGHTS},
		{0x10000000, GENERIC_ALL_RIGHTS},
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (desired & map[i].generic)
			desired = (desired & ~map[i].generic) | map[i].specific;
	}
	return desired;
}

static nt_status policy_open(struct rpc_call *c, uint32_t desired,
			     struct handle **ret_handle)
{
	uint32_t granted = policy_map_generic(desired) & ~(uint32_t)MAXIMUM_ALLOWED;
	struct handle *h;

	if (desired == 0)
		return STATUS_INVALID_PARAMETER;
	if (c->info->caller->kind == PRINCIPAL_ANONYMOUS)
		return STATUS_ACCESS_DENIED;
	if (granted & ~(uint32_t)POLICY_GRANTABLE)
		return STATUS_ACCESS_DENIED;
	if (desired & MAXIMUM_ALLOWED)
		granted = POLICY_GRANTABLE;
	h = handle_open(c->handles, c->info->env, granted);
	if (!h)
		return STATUS_INSUFFICIENT_RESOURCES;
	*ret_handle = h;
	return STATUS_SUCCESS;
}

/*
 * LSAPR_OBJECT_ATTRIBUTES; false if RootDirectory is not NULL. Spec: [MS-LSAD] 2.2.2.4, [MS-LSAT] 2.2.8
 * Deviation: ObjectName and SecurityDescriptor, to be ignored, must not be there: nobody sends them.
 */
static bool policy_decode_attributes(struct rd *r)
{
	bool root, qos;

	ndr_u32(r); /* Length: ignored */
	root = ndr_ptr(r);
	if (ndr_ptr(r))
		rd_fail(r);
	ndr_u32(r); /* Attributes: ignored */
	if (ndr_ptr(r))
		rd_fail(r);
	qos = ndr_ptr(r);
	if (root)
		rd_skip(r, 1);
	if (qos) {
		ndr_u32(r); /* Length */
		rd_skip(r,
			2 + 1 + 1); /* ImpersonationLevel, ContextTrackingMode, EffectiveOnly: ignored */
	}
	return !root;
}

static enum rpc_fault policy_open_finish(struct rpc_call *c)
{
	static const uint8_t null_handle[NDR_HANDLE_LEN];
	bool attributes_ok = policy_decode_attributes(&c->in);
	uint32_t desired = ndr_u32(&c->in);
	nt_status st = STATUS_INVALID_PARAMETER;
	struct handle *h = NULL;

	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (attributes_ok)
		st = policy_open(c, desired, &h);
	ndr_put_handle(&c->out, h ? h->id : null_handle);
	return rpc_return(c, st.v);
}

/* LsarOpenPolicy: its SystemName is one character. Spec: [MS-LSAD] 3.1.4.4.2 */
static enum rpc_fault lsa_open_policy(struct rpc_call *c)
{
	if (ndr_ptr(&c->in))
		ndr_u16(&c->in);
	return policy_open_finish(c);
}

/* Spec: [MS-LSAD] 3.1.4.4.1 */
static enum rpc_fault lsa_open_policy2(struct rpc_call *c)
{
	ndr_string_ptr(&c->in, c->arena);
	return policy_open_finish(c);
}

/* A handle that is not one of ours is caught by the RPC runtime of Windows, too, before the operation runs. */
static enum rpc_fault lsa_handle(struct rpc_call *c, struct handle **ret_handle)
{
	uint8_t id[NDR_HANDLE_LEN];

	ndr_handle(&c->in, id);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	*ret_handle = handle_find(c->handles, id);
	return *ret_handle ? RPC_OK : RPC_FAULT_CONTEXT_MISMATCH;
}

enum rpc_fault lsa_policy(struct rpc_call *c, uint32_t access, nt_status *ret_status)
{
	struct handle *h;
	enum rpc_fault fault = lsa_handle(c, &h);

	if (fault)
		return fault;
	*ret_status = (h->granted & access) == access ? STATUS_SUCCESS
						      : STATUS_ACCESS_DENIED;
	return RPC_OK;
}

static enum rpc_fault lsa_close(struct rpc_call *c)
{
	static const uint8_t null_handle[NDR_HANDLE_LEN];
	struct handle *h;
	enum rpc_fault fault = lsa_handle(c, &h);

	if (fault)
		return fault;
	handle_close(h);
	ndr_put_handle(&c->out, null_handle);
	return rpc_return(c, STATUS_SUCCESS.v);
}

/* Name and SID of a domain, as LSAPR_POLICY_PRIMARY_DOM_INFO and _ACCOUNT_DOM_INFO have them. */
static void policy_put_domain(struct wr *w, const char *name, const struct sid *sid)
{
	ndr_put_ustr(w, name);
	ndr_put_ptr(w, sid != NULL);
	ndr_put_ustr_body(w, name);
	if (sid)
		ndr_put_sid(w, sid);
}

/* LSAPR_POLICY_DNS_DOMAIN_INFO. Spec: [MS-LSAD] 2.2.4.14 */
static void policy_put_dns_domain(struct wr *w, const struct rpc_info *info)
{
	ndr_put_ustr(w, info->domain);
	ndr_put_ustr(w, info->dns_domain);
	ndr_put_ustr(w, info->dns_domain); /* forest: as far as we know, the same */
	wr_zero(w, 16);                    /* DomainGuid: not known */
	ndr_put_ptr(w, info->domain_sid != NULL);
	ndr_put_ustr_body(w, info->domain);
	ndr_put_ustr_body(w, info->dns_domain);
	ndr_put_ustr_body(w, info->dns_domain);
	if (info->domain_sid)
		ndr_put_sid(w, info->domain_sid);
}

static bool policy_class_known(uint16_t class)
{
	return class == POLICY_PRIMARY_DOMAIN || class == POLICY_ACCOUNT_DOMAIN ||
	       class == POLICY_DNS_DOMAIN || class == POLICY_LOCAL_ACCOUNT_DOMAIN;
}

static void policy_put(struct rpc_call *c, uint16_t class)
{
	const struct rpc_info *info = c->info;
	struct wr *w = &c->out;

	ndr_put_u16(w, class);
	wr_align(w, 4);
	switch (class) {
	case POLICY_PRIMARY_DOMAIN:
		policy_put_domain(w, info->domain, info->domain_sid);
		break;
	case POLICY_ACCOUNT_DOMAIN:
	case POLICY_LOCAL_ACCOUNT_DOMAIN:
		policy_put_domain(w, info->server_name, &info->machine_sid);
		break;
	default:
		policy_put_dns_domain(w, info);
		break;
	}
}

/*
 * LsarQueryInformationPolicy, and the same again as ..Policy2. Spec: [MS-LSAD] 3.1.4.4.3, 3.1.4.4.4
 * Deviation: classes about auditing, quotas and replication, which we have not, are refused like unknown ones.
 */
static enum rpc_fault lsa_query_information_policy(struct rpc_call *c)
{
	nt_status st;
	enum rpc_fault fault = lsa_policy(c, POLICY_VIEW_LOCAL_INFORMATION, &st);
	uint16_t class = ndr_u16(&c->in);

	if (fault)
		return fault;
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;
	if (!policy_class_known(class))
		st = STATUS_INVALID_PARAMETER;
	ndr_put_ptr(&c->out, nt_ok(st));
	if (nt_ok(st))
		policy_put(c, class);
	return rpc_return(c, st.v);
}

struct user_name {
	const char *user, *domain;
};

static struct user_name caller_name(const struct rpc_info *info)
{
	const struct principal *p = info->caller;

	if (p->kind == PRINCIPAL_ANONYMOUS)
		return (struct user_name){"ANONYMOUS LOGON", "NT AUTHORITY"};
	/* Not p->domain: that is what the client claimed, and any will do for a local account. */
	return (struct user_name){p->user, info->server_name};
}

/* An [in, out] RPC_UNICODE_STRING * whose value is ignored. */
static void skip_ustr_ptr(struct rpc_call *c)
{
	if (ndr_ptr(&c->in))
		ndr_ustr_body(&c->in, c->arena, ndr_ustr(&c->in));
}

static void put_ustr_ptr(struct wr *w, const char *text)
{
	ndr_put_ptr(w, true);
	ndr_put_ustr(w, text);
	ndr_put_ustr_body(w, text);
}

/* Spec: [MS-LSAT] 3.1.4.4 */
static enum rpc_fault lsa_get_user_name(struct rpc_call *c)
{
	struct user_name name = caller_name(c->info);
	bool wants_domain;

	ndr_string_ptr(&c->in, c->arena); /* SystemName: ignored */
	skip_ustr_ptr(c);
	wants_domain = ndr_ptr(&c->in);
	if (wants_domain)
		skip_ustr_ptr(c);
	if (!rd_ok(&c->in))
		return RPC_FAULT_BAD_STUB;

	put_ustr_ptr(&c->out, name.user);
	ndr_put_ptr(&c->out, wants_domain);
	if (wants_domain)
		put_ustr_ptr(&c->out, name.domain);
	return rpc_return(c, STATUS_SUCCESS.v);
}

static const struct rpc_op ops[] = {
	{0, "LsarClose", lsa_close},
	{6, "LsarOpenPolicy", lsa_open_policy},
	{7, "LsarQueryInformationPolicy", lsa_query_information_policy},
	{14, "LsarLookupNames", lsa_lookup_names},
	{15, "LsarLookupSids", lsa_lookup_sids},
	{44, "LsarOpenPolicy2", lsa_open_policy2},
	{45, "LsarGetUserName", lsa_get_user_name},
	{46, "LsarQueryInformationPolicy2", lsa_query_information_policy},
	{57, "LsarLookupSids2", lsa_lookup_sids2},
	{58, "LsarLookupNames2", lsa_lookup_names2},
	{68, "LsarLookupNames3", lsa_lookup_names3},
};

/* 12345778-1234-abcd-ef00-0123456789ab, version 0.0. [MS-LSAD] 1.9 */
const struct rpc_iface lsarpc_iface = {
	.pipe = "lsarpc",
	.syntax = {.uuid = {0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00,
			    0x01, 0x23, 0x45, 0x67, 0x89, 0xab}},
	.ops = ops,
	.op_count = ARRAY_LEN(ops),
};
