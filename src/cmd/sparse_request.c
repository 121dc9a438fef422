#include "cmd/sparse_request.h"

#include "wire/rd.h"

bool set_sparse_decode(struct span input)
{
	return input.len == 0 || input.p[0] != 0;
}

nt_status zero_data_decode(struct span input, struct file_range *ret_range)
{
	struct rd r = rd_of(input);
	struct file_range f;

	f.offset = rd_u64(&r);
	f.end = rd_u64(&r); /* BeyondFinalZero */
	if (!rd_ok(&r) || f.end > INT64_MAX || f.offset > f.end)
		return STATUS_INVALID_PARAMETER;
	*ret_range = f;
	return STATUS_SUCCESS;
}

/* An offset and a length. */
static nt_status range_decode(struct rd *r, struct file_range *ret_range)
{
	uint64_t offset = rd_u64(r);
	uint64_t len = rd_u64(r);

	if (!rd_ok(r) || offset > INT64_MAX || len > INT64_MAX - offset)
		return STATUS_INVALID_PARAMETER;
	*ret_range = (struct file_range){offset, offset + len};
	return STATUS_SUCCESS;
}

nt_status allocated_ranges_decode(struct span input, struct file_range *ret_range)
{
	struct rd r = rd_of(input);

	return range_decode(&r, ret_range);
}

nt_status trim_decode(struct span input, struct arena *a, struct file_range **ret_ranges,
		      size_t *ret_count)
{
	struct rd r = rd_of(input);
	struct file_range *ranges;
	uint32_t key;
	size_t count;

	key = rd_u32(
		&r); /* of byte-range locks, for the local system: [MS-SMB2] 3.3.5.15.14 */
	count = rd_u32(&r);
	count = rd_fit(&r, count, RANGE_LEN);
	if (!rd_ok(&r) || key || count == 0 || count > TRIM_RANGES_MAX)
		return STATUS_INVALID_PARAMETER;
	ranges = arena_array(a, count, sizeof(*ranges));
	if (!ranges)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < count; i++) {
		nt_status st = range_decode(&r, &ranges[i]);

		if (!nt_ok(st))
			return st;
	}
	*ret_ranges = ranges;
	*ret_count = count;
	return STATUS_SUCCESS;
}
