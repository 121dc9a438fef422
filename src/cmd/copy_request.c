#include "cmd/copy_request.h"

#include "smb/req.h"
#include "wire/smb2_proto.h"

void wr_resume_key(struct wr *w, const struct resume_key *key)
{
	wr_file_id(w, key->id);
	wr_u64(w, key->secret);
}

static struct copy_chunk chunk_decode(struct rd *r)
{
	struct copy_chunk c;

	c.source_offset = rd_u64(r);
	c.target_offset = rd_u64(r);
	c.length = rd_u32(r);
	rd_skip(r, 4); /* Reserved */
	return c;
}

static bool chunk_is_within_limits(const struct copy_chunk *c)
{
	return c->length > 0 && c->length <= COPY_CHUNK_MAX &&
	       (c->target_offset <= INT64_MAX || c->target_offset == COPY_TO_END);
}

nt_status copy_request_decode(struct span input, struct arena *a,
			      struct copy_request *ret_request)
{
	struct rd r = rd_of(input);
	struct copy_request c;
	uint64_t total = 0;
	uint32_t count;

	c.source.id = rd_file_id(&r);
	c.source.secret = rd_u64(&r);
	count = rd_u32(&r);
	rd_skip(&r, 4); /* Reserved */
	c.chunk_count = rd_fit(&r, count, SRV_COPYCHUNK_LEN);
	if (!rd_ok(&r) || c.chunk_count > COPY_CHUNKS_MAX)
		return STATUS_INVALID_PARAMETER;
	c.chunks = arena_array(a, c.chunk_count, sizeof(*c.chunks));
	if (!c.chunks)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (size_t i = 0; i < c.chunk_count; i++) {
		c.chunks[i] = chunk_decode(&r);
		if (!chunk_is_within_limits(&c.chunks[i]))
			return STATUS_INVALID_PARAMETER;
		total += c.chunks[i].length;
	}
	if (total > COPY_TOTAL_MAX)
		return STATUS_INVALID_PARAMETER;
	*ret_request = c;
	return STATUS_SUCCESS;
}
