#include "wire/sd.h"

enum { SD_HEADER_LEN = 20, ACL_HEADER_LEN = 8, ACE_HEADER_LEN = 4 };

bool ace_is_plain(const struct ace *ace)
{
	return ace->type == ACCESS_ALLOWED_ACE_TYPE ||
	       ace->type == ACCESS_DENIED_ACE_TYPE;
}

/* False without memory; malformed bytes fail r. */
static bool rd_ace(struct rd *r, struct arena *a, struct ace *ace)
{
	size_t start = rd_pos(r), size;
	struct rd body;

	ace->type = rd_u8(r);
	ace->flags = rd_u8(r);
	size = rd_u16(r);
	if (size < ACE_HEADER_LEN || size % 4)
		rd_fail(r);
	body = rd_at(r, start + ACE_HEADER_LEN, size - ACE_HEADER_LEN);
	if (ace_is_plain(ace)) {
		ace->mask = rd_u32(&body);
		ace->sid = rd_sid(
			&body); /* what may follow the SID is to be ignored: 2.4.4.1 */
	} else {
		size_t len = rd_left(&body);
		void *copy = arena_dup(a, rd_rest(&body));

		if (!copy)
			return false;
		ace->raw = span_of(copy, len);
	}
	if (!rd_ok(&body))
		rd_fail(r);
	rd_seek(r, start + size);
	return true;
}

/* NULL without memory; malformed bytes fail r. */
static struct acl *rd_acl(struct rd *r, struct arena *a)
{
	struct acl *acl = arena_alloc(a, sizeof(*acl));
	size_t start = rd_pos(r), size;
	struct rd body;

	if (!acl)
		return NULL;
	acl->revision = rd_u8(r);
	rd_skip(r, 1); /* Sbz1 */
	size = rd_u16(r);
	if (acl->revision < ACL_REVISION || acl->revision > ACL_REVISION_DS ||
	    size < ACL_HEADER_LEN)
		rd_fail(r);
	body = rd_at(r, start, size);
	rd_skip(&body, 4);
	acl->count = rd_u16(&body);
	rd_skip(&body, 2); /* Sbz2 */
	acl->count = rd_fit(&body, acl->count, ACE_HEADER_LEN);
	acl->aces = arena_array(a, acl->count, sizeof(struct ace));
	if (!acl->aces)
		return NULL;
	for (size_t i = 0; i < acl->count && rd_ok(&body); i++) {
		if (!rd_ace(&body, a, &acl->aces[i]))
			return NULL;
	}
	if (!rd_ok(&body))
		rd_fail(r);
	return acl;
}

/* A cursor where a part begins; failed if that is inside the header or behind the end. */
static struct rd part_at(struct rd r, uint32_t off)
{
	if (off < SD_HEADER_LEN)
		rd_fail(&r);
	rd_seek(&r, off);
	return r;
}

static nt_status sid_part(struct rd r, uint32_t off, struct arena *a,
			  const struct sid **ret)
{
	struct sid *sid;

	if (off == 0)
		return STATUS_SUCCESS;
	r = part_at(r, off);
	sid = arena_alloc(a, sizeof(*sid));
	if (!sid)
		return STATUS_INSUFFICIENT_RESOURCES;
	*sid = rd_sid(&r);
	*ret = sid;
	return rd_ok(&r) ? STATUS_SUCCESS : STATUS_INVALID_SECURITY_DESCR;
}

static nt_status acl_part(struct rd r, bool present, uint32_t off, struct arena *a,
			  const struct acl **ret)
{
	const struct acl *acl;

	if (!present || off == 0)
		return STATUS_SUCCESS;
	r = part_at(r, off);
	acl = rd_acl(&r, a);
	if (!acl)
		return STATUS_INSUFFICIENT_RESOURCES;
	*ret = acl;
	return rd_ok(&r) ? STATUS_SUCCESS : STATUS_INVALID_SECURITY_DESCR;
}

nt_status sd_decode(struct arena *a, struct span bytes, struct sd *ret_sd)
{
	struct rd r = rd_of(bytes);
	uint32_t owner, group, sacl, dacl;
	struct sd sd = {0};
	nt_status st;

	if (rd_u8(&r) != 1) /* Revision */
		rd_fail(&r);
	sd.rm_control = rd_u8(&r);
	sd.control = rd_u16(&r);
	owner = rd_u32(&r);
	group = rd_u32(&r);
	sacl = rd_u32(&r);
	dacl = rd_u32(&r);
	if (!rd_ok(&r) || !(sd.control & SE_SELF_RELATIVE))
		return STATUS_INVALID_SECURITY_DESCR;

	st = sid_part(r, owner, a, &sd.owner);
	if (nt_ok(st))
		st = sid_part(r, group, a, &sd.group);
	if (nt_ok(st))
		st = acl_part(r, sd.control & SE_SACL_PRESENT, sacl, a, &sd.sacl);
	if (nt_ok(st))
		st = acl_part(r, sd.control & SE_DACL_PRESENT, dacl, a, &sd.dacl);
	if (nt_ok(st))
		*ret_sd = sd;
	return st;
}

static size_t ace_len(const struct ace *ace)
{
	return ACE_HEADER_LEN +
	       (ace_is_plain(ace) ? 4 + sid_len(&ace->sid) : ace->raw.len);
}

static size_t acl_len(const struct acl *acl)
{
	size_t len = ACL_HEADER_LEN;

	for (size_t i = 0; i < acl->count; i++)
		len += ace_len(&acl->aces[i]);
	return len;
}

size_t sd_len(const struct sd *sd)
{
	return SD_HEADER_LEN + (sd->owner ? sid_len(sd->owner) : 0) +
	       (sd->group ? sid_len(sd->group) : 0) + (sd->sacl ? acl_len(sd->sacl) : 0) +
	       (sd->dacl ? acl_len(sd->dacl) : 0);
}

static void wr_acl(struct wr *w, const struct acl *acl)
{
	size_t len = acl_len(acl);

	if (len > UINT16_MAX)
		wr_fail(w);
	wr_u8(w, acl->revision);
	wr_u8(w, 0); /* Sbz1 */
	wr_u16(w, (uint16_t)len);
	wr_u16(w, (uint16_t)acl->count);
	wr_u16(w, 0); /* Sbz2 */
	for (size_t i = 0; i < acl->count; i++) {
		const struct ace *ace = &acl->aces[i];

		wr_u8(w, ace->type);
		wr_u8(w, ace->flags);
		wr_u16(w, (uint16_t)ace_len(ace));
		if (ace_is_plain(ace)) {
			wr_u32(w, ace->mask);
			wr_sid(w, &ace->sid);
		} else {
			wr_bytes(w, ace->raw);
		}
	}
}

/* The parts come in the order Windows writes them; readers must not care: 2.4.6. */
void wr_sd(struct wr *w, const struct sd *sd)
{
	size_t start = wr_pos(w), owner, group, sacl, dacl;
	unsigned control = sd->control | SE_SELF_RELATIVE;

	if (sd->sacl)
		control |= SE_SACL_PRESENT;
	if (sd->dacl)
		control |= SE_DACL_PRESENT;
	wr_u8(w, 1); /* Revision */
	wr_u8(w, sd->rm_control);
	wr_u16(w, (uint16_t)control);
	owner = wr_hole_u32(w);
	group = wr_hole_u32(w);
	sacl = wr_hole_u32(w);
	dacl = wr_hole_u32(w);
	if (sd->sacl) {
		wr_fill_u32(w, sacl, (uint32_t)(wr_pos(w) - start));
		wr_acl(w, sd->sacl);
	}
	if (sd->dacl) {
		wr_fill_u32(w, dacl, (uint32_t)(wr_pos(w) - start));
		wr_acl(w, sd->dacl);
	}
	if (sd->owner) {
		wr_fill_u32(w, owner, (uint32_t)(wr_pos(w) - start));
		wr_sid(w, sd->owner);
	}
	if (sd->group) {
		wr_fill_u32(w, group, (uint32_t)(wr_pos(w) - start));
		wr_sid(w, sd->group);
	}
}
