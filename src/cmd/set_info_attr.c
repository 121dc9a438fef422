/*
 * SET_INFO: times and attributes, sizes, the security descriptor. Each ends in one VFS_SETATTR.
 *
 * Spec     [MS-FSA] 2.1.5.15.1, .2, .5; 2.1.5.17; [MS-SMB2] 3.3.5.21.1, 3.3.5.21.3
 */
#include "cmd/break_wait.h"
#include "cmd/file_access.h"
#include "cmd/file_info.h"
#include "cmd/held_times.h"
#include "cmd/set_info.h"
#include "fs/access.h"
#include "fs/descriptor.h"
#include "wire/filetime.h"

enum {
	SETTABLE = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
		   FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
		   FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_OFFLINE |
		   FILE_ATTRIBUTE_NOT_CONTENT_INDEXED,
	STORED = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		 DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION,
};

struct set_attr {
	struct vfs_setattr call;
	struct vfs_statcall stat;
	struct file_basic basic;
	struct turn_ref turn;
	struct sd sd;
	uint32_t parts; /* of sd */
};

static void set_attr_cleanup(struct req *q)
{
	struct set_attr *s = q->state;

	turn_give(&s->turn);
}

static struct set_attr *set_attr_new(struct req *q)
{
	struct set_attr *s = arena_alloc(&q->arena, sizeof(*s));

	if (!s)
		return NULL;
	s->call.file = q->open->node->file;
	s->call.data = q->open->data;
	s->stat.file = q->open->node->file;
	q->state = s;
	q->cleanup = set_attr_cleanup;
	return s;
}

/* ---- times and attributes ------------------------------------------------------------------------ */

static void want_time(struct set_attr *s, unsigned what, uint64_t time, uint64_t *attr)
{
	if (!filetime_is_time(time))
		return;
	s->call.what |= what;
	*attr = time;
}

/* Times that are held no longer, VFS_SET_*. */
static unsigned thawed(const struct file_basic *b)
{
	return (b->access_time == FILETIME_THAW ? VFS_SET_ACCESS_TIME : 0) |
	       (b->write_time == FILETIME_THAW ? VFS_SET_WRITE_TIME : 0) |
	       (b->change_time == FILETIME_THAW ? VFS_SET_CHANGE_TIME : 0);
}

static nt_status basic_done(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	if (err)
		return nt_from_errno(err);
	held_times_set(q->open, &s->basic);
	shown_catch_up(open_shown(q->open));
	return cache_entry_of_open(q, set_done);
}

static nt_status basic_apply(struct req *q)
{
	struct set_attr *s = q->state;
	const struct file_basic *b = &s->basic;
	struct vfs_stat *attr = &s->call.attr;

	want_time(s, VFS_SET_CREATE_TIME, b->create_time, &attr->create_time);
	want_time(s, VFS_SET_ACCESS_TIME, b->access_time, &attr->access_time);
	want_time(s, VFS_SET_WRITE_TIME, b->write_time, &attr->write_time);
	want_time(s, VFS_SET_CHANGE_TIME, b->change_time, &attr->change_time);
	if (b->attributes) {
		s->call.what |= VFS_SET_DOS_ATTRIBUTES;
		attr->dos_attributes = b->attributes & SETTABLE;
	}
	if (s->call.what)
		held_times_add(q->open, thawed(b), &s->call);
	return open_call(q, &s->call.call, VFS_SETATTR, basic_done);
}

static void freeze(uint64_t *time, uint64_t now)
{
	if (*time == FILETIME_FREEZE)
		*time = now;
}

static bool freezes(const struct file_basic *b)
{
	return b->access_time == FILETIME_FREEZE || b->write_time == FILETIME_FREEZE ||
	       b->change_time == FILETIME_FREEZE;
}

/* What is to be frozen is known. Setting it to what it is shows whether the client may. */
static nt_status basic_frozen(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	if (err)
		return nt_from_errno(err);
	open_show(q, q->open->node, &s->stat.stat);
	freeze(&s->basic.access_time, s->stat.stat.access_time);
	freeze(&s->basic.write_time, s->stat.stat.write_time);
	freeze(&s->basic.change_time, s->stat.stat.change_time);
	return basic_apply(q);
}

/* The creation time moves by itself never: there is nothing to freeze. */
nt_status set_basic(struct req *q, struct set_info *a)
{
	struct set_attr *s = set_attr_new(q);
	nt_status st;

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = file_basic_decode(&a->data, q->open->directory, &s->basic);
	if (!nt_ok(st))
		return st;
	if (freezes(&s->basic))
		return open_call(q, &s->stat.call, VFS_STAT, basic_frozen);
	return basic_apply(q);
}

/* ---- sizes: after the WRITEs that came before, inside the node's turn ---------------------------- */

static nt_status size_done(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	turn_give(&s->turn);
	if (!err) {
		shown_catch_up(open_shown(q->open));
		shown_reserve(&q->open->node->shown, s->call.what & VFS_SET_ALLOCATION
							     ? s->call.attr.allocated
							     : 0);
	}
	return set_done(q, err, w);
}

static nt_status size_turn(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	held_times_add(q->open, 0, &s->call);
	return open_call(q, &s->call.call, VFS_SETATTR, size_done);
}

/* Nobody else caches what is about to change. */
static nt_status size_uncached(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	atomic_store_explicit(&q->open->wrote, true, memory_order_relaxed);
	turn_take(&q->open->node->turn, &s->turn, req_wait(q, size_turn));
	return STATUS_PENDING;
}

static nt_status size_writes_done(struct req *q, int err, struct wr *w)
{
	return cache_use(q, CACHING_USE_WRITE, size_uncached);
}

static nt_status set_size(struct req *q, struct set_info *a, unsigned what)
{
	struct set_attr *s = set_attr_new(q);
	uint64_t size = rd_u64(&a->data);

	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (q->open->directory || size > INT64_MAX)
		return STATUS_INVALID_PARAMETER;
	s->call.what = what | VFS_SET_ARCHIVE;
	s->call.attr.size = s->call.attr.allocated = size;
	open_after_writes(q->open, q, req_wait(q, size_writes_done));
	return STATUS_PENDING;
}

nt_status set_end_of_file(struct req *q, struct set_info *a)
{
	return set_size(q, a, VFS_SET_SIZE);
}

nt_status set_allocation(struct req *q, struct set_info *a)
{
	return set_size(q, a, VFS_SET_ALLOCATION);
}

/* ---- security ------------------------------------------------------------------------------------ */

/* [MS-SMB2] 3.3.5.21.3 */
static const struct {
	uint32_t parts, access;
} needed[] = {
	{SACL_SECURITY_INFORMATION | SCOPE_SECURITY_INFORMATION |
		 BACKUP_SECURITY_INFORMATION,
	 ACCESS_SYSTEM_SECURITY},
	{DACL_SECURITY_INFORMATION | ATTRIBUTE_SECURITY_INFORMATION |
		 BACKUP_SECURITY_INFORMATION,
	 WRITE_DAC},
	{LABEL_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		 OWNER_SECURITY_INFORMATION | BACKUP_SECURITY_INFORMATION,
	 WRITE_OWNER},
};

static nt_status security_check(struct req *q, uint32_t parts)
{
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if ((parts & needed[i].parts) && !open_may(q->open, needed[i].access))
			return STATUS_ACCESS_DENIED;
	/* labels and resource attributes have no place to be kept; flags without a name are ignored */
	if (parts & (LABEL_SECURITY_INFORMATION | ATTRIBUTE_SECURITY_INFORMATION |
		     SCOPE_SECURITY_INFORMATION | BACKUP_SECURITY_INFORMATION))
		return STATUS_NOT_SUPPORTED;
	if (!q->open->node) /* a pipe has none of its own */
		return STATUS_NOT_SUPPORTED;
	/* an audit list has no place but in a stored descriptor */
	return !(parts & SACL_SECURITY_INFORMATION) || share_has_sds(q->open->tree->share)
		       ? STATUS_SUCCESS
		       : STATUS_NOT_SUPPORTED;
}

/* The Unix owner and group follow a stored descriptor as far as they can. */
static void follow_owner(const struct principal *who, const struct sd *now,
			 const struct sd *then, struct vfs_setattr *set)
{
	uint32_t id;

	if (then->owner && !(now->owner && sid_eq(now->owner, then->owner)) &&
	    sid_is_uid(then->owner, &id)) {
		set->what |= VFS_SET_OWNER;
		set->attr.uid = id;
	}
	if (then->group && !(now->group && sid_eq(now->group, then->group)) &&
	    sid_is_gid(then->group, &id) && cred_in_group(who->cred, id)) {
		set->what |= VFS_SET_GROUP;
		set->attr.gid = id;
	}
}

/* What is stored, or what stood for it so far, with the new parts. */
static nt_status store_descriptor(struct req *q, const struct principal *who)
{
	struct set_attr *s = q->state;
	const struct sd *stored;
	struct sd now, then;
	nt_status st;
	int err;

	err = access_stored(s->stat.sd, &s->stat.stat, &q->arena, &stored);
	if (!err && !stored)
		err = access_describe(
			&(struct access_unix){.security = CONF_SECURITY_WINDOWS,
					      .stat = &s->stat.stat},
			STORED, &q->arena, &now);
	if (err)
		return nt_from_errno(err);
	if (stored)
		now = *stored;
	st = descriptor_set(who, file_privileges(q, q->open->who), &now, &s->sd, s->parts,
			    &q->arena, &then);
	if (nt_ok(st))
		st = descriptor_encode(&then, &q->arena, &s->call.sd);
	if (!nt_ok(st))
		return st;
	s->call.what |= VFS_SET_SD;
	follow_owner(who, &now, &then, &s->call);
	return STATUS_SUCCESS;
}

static nt_status security_set(struct req *q, int err, struct wr *w)
{
	const struct set_attr *s = q->state;
	struct trail_event e = {.kind = TRAIL_SECURITY, .parts = s->parts};

	if (!err && trail_wants(q, CONF_AUDIT_CHANGES)) {
		e.path = open_path(q->open, &q->arena);
		e.directory = q->open->directory;
		trail_note(q, &e);
	}
	return set_done(q, err, w);
}

static nt_status security_stat_done(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;
	const struct share *share = q->open->tree->share;
	const struct principal *who = tree_who(q->open->tree, q->open->who);
	struct access_unix f = file_unix(share, &s->stat.stat, &s->stat.acls);
	nt_status st;

	if (err)
		return nt_from_errno(err);
	st = share_has_sds(share)
		     ? store_descriptor(q, who)
		     : access_apply(&f, who, &s->sd, s->parts, &q->arena, &s->call);
	if (!nt_ok(st))
		return st;
	if (!s->call.what)
		return set_succeed(q);
	held_times_add(q->open, 0, &s->call);
	return open_call(q, &s->call.call, VFS_SETATTR, security_set);
}

/* Two who set different parts do not undo each other's. */
static nt_status security_turn(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	return open_call(q, &s->stat.call, VFS_STAT, security_stat_done);
}

/* Nobody keeps it open who might not be let in again. */
static nt_status security_uncached(struct req *q, int err, struct wr *w)
{
	struct set_attr *s = q->state;

	turn_take(&q->open->node->turn, &s->turn, req_wait(q, security_turn));
	return STATUS_PENDING;
}

nt_status set_security(struct req *q, struct set_info *a)
{
	nt_status st = security_check(q, a->additional);
	struct set_attr *s;

	if (!nt_ok(st))
		return st;
	s = set_attr_new(q);
	if (!s)
		return STATUS_INSUFFICIENT_RESOURCES;
	st = sd_decode(&q->arena, rd_rest(&a->data), &s->sd);
	if (!nt_ok(st))
		return st;
	s->parts = a->additional & STORED;
	if ((s->parts & OWNER_SECURITY_INFORMATION) && !s->sd.owner)
		return STATUS_INVALID_OWNER;
	if ((s->parts & GROUP_SECURITY_INFORMATION) && !s->sd.group)
		return STATUS_INVALID_SECURITY_DESCR;
	s->stat.with_sd = share_has_sds(q->open->tree->share);
	s->stat.with_acls = share_has_acls(q->open->tree->share);
	return cache_use(q, CACHING_USE_NAME, security_uncached);
}
