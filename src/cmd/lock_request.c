#include "cmd/lock_request.h"

#include "smb/req.h"
#include "wire/smb2_proto.h"

enum { LOCK_ELEM_LEN = 24 };

nt_status lock_request_decode(struct rd *r, struct lock_request *ret_request)
{
	struct lock_request l;

	rd_struct_size(r, 48);
	l.count = rd_u16(r);
	l.sequence = rd_u32(r);
	l.id = rd_file_id(r);
	if (!rd_ok(r))
		return STATUS_INVALID_PARAMETER;
	*ret_request = l;
	return STATUS_SUCCESS;
}

static uint32_t elem_decode(struct rd *r, struct state_range *range)
{
	uint32_t flags;

	range->offset = rd_u64(r);
	range->length = rd_u64(r);
	flags = rd_u32(r);
	rd_skip(r, 4); /* Reserved */
	range->exclusive = flags & SMB2_LOCKFLAG_EXCLUSIVE_LOCK;
	return flags;
}

static bool unlocks(uint32_t flags)
{
	return flags & SMB2_LOCKFLAG_UNLOCK;
}

/* The combinations there are: [MS-SMB2] 2.2.26.1 */
static bool flags_known(uint32_t flags)
{
	switch (flags) {
	case SMB2_LOCKFLAG_UNLOCK:
	case SMB2_LOCKFLAG_SHARED_LOCK:
	case SMB2_LOCKFLAG_EXCLUSIVE_LOCK:
	case SMB2_LOCKFLAG_SHARED_LOCK | SMB2_LOCKFLAG_FAIL_IMMEDIATELY:
	case SMB2_LOCKFLAG_EXCLUSIVE_LOCK | SMB2_LOCKFLAG_FAIL_IMMEDIATELY:
		return true;
	default:
		return false;
	}
}

/*
 * Is a series of locks one of which could wait, though it is not alone? Or does one of them say what no element may?
 * r is a copy: this only looks ahead. [MS-SMB2] 3.3.5.14.2
 */
static bool locks_refused(struct rd r, uint16_t count)
{
	struct state_range range;

	for (uint16_t i = 0; i < count; i++) {
		uint32_t flags = elem_decode(&r, &range);

		if (count > 1 && !(flags & SMB2_LOCKFLAG_FAIL_IMMEDIATELY))
			return true;
		if (!unlocks(flags) && !flags_known(flags))
			return true;
	}
	return false;
}

nt_status lock_ranges_decode(struct rd *r, uint16_t count, struct arena *a,
			     struct lock_ranges *ret_ranges)
{
	struct lock_ranges l = {.rest = STATUS_SUCCESS};
	struct state_range first;
	struct rd ahead = *r;
	uint32_t first_flags;

	if (count == 0 || count > STATE_RANGES_MAX ||
	    rd_fit(r, count, LOCK_ELEM_LEN) != count)
		return STATUS_INVALID_PARAMETER;
	first_flags = elem_decode(&ahead, &first);
	if (!flags_known(first_flags) ||
	    (!unlocks(first_flags) && locks_refused(*r, count)))
		return STATUS_INVALID_PARAMETER;
	l.op = arena_alloc(a, state_op_len(count));
	if (!l.op)
		return STATUS_INSUFFICIENT_RESOURCES;
	l.op->code = unlocks(first_flags) ? STATE_UNLOCK : STATE_LOCK;
	l.op->wait_if_held = l.op->code == STATE_LOCK &&
			     !(first_flags & SMB2_LOCKFLAG_FAIL_IMMEDIATELY);
	for (uint16_t i = 0; i < count; i++) {
		uint32_t flags = elem_decode(r, &l.op->ranges[i]);

		if (!flags_known(flags) || unlocks(flags) != unlocks(first_flags)) {
			l.rest = STATUS_INVALID_PARAMETER;
			break;
		}
		l.op->range_count++;
	}
	*ret_ranges = l;
	return STATUS_SUCCESS;
}
