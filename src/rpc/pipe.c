#include "rpc/pipe.h"

#include <stdlib.h>

#include "rpc/dcerpc.h"

struct pipe {
	struct dcerpc rpc;
	size_t out_pos;      /* read so far of rpc.out		*/
	size_t message_left; /* of the message at out_pos; 0 if none */
	bool broken;
	size_t in_len;
	uint8_t in[PDU_FRAG_MAX]; /* the PDU that is arriving	*/
};

static const struct rpc_iface *const ifaces[] = {
	&srvsvc_iface,
	&wkssvc_iface,
	&lsarpc_iface,
};

/* ASCII only: no folding that could make another name equal to one of ours. */
static bool name_has_prefix(const char *name, const char *lower_prefix)
{
	for (; *lower_prefix; name++, lower_prefix++) {
		char c = *name;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != *lower_prefix)
			return false;
	}
	return true;
}

static const struct rpc_iface *iface_named(const char *name)
{
	static const char pipe_dir[] = "pipe\\";

	if (*name == '\\')
		name++;
	if (name_has_prefix(name, pipe_dir))
		name += strlen(pipe_dir);
	for (size_t i = 0; i < ARRAY_LEN(ifaces); i++) {
		const char *known = ifaces[i]->pipe;

		if (name_has_prefix(name, known) && name[strlen(known)] == '\0')
			return ifaces[i];
	}
	return NULL;
}

nt_status pipe_open(const char *name, struct pipe **ret_pipe)
{
	const struct rpc_iface *iface = iface_named(name);
	struct pipe *p;

	if (!iface)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	p = calloc(1, sizeof(*p));
	if (!p)
		return STATUS_INSUFFICIENT_RESOURCES;
	dcerpc_init(&p->rpc, iface);
	*ret_pipe = p;
	return STATUS_SUCCESS;
}

void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	dcerpc_fini(&p->rpc);
	free(p);
}

const char *pipe_name(const struct pipe *p)
{
	return p->rpc.iface->pipe;
}

size_t pipe_waiting(const struct pipe *p)
{
	return p->rpc.out.len - p->out_pos;
}

size_t pipe_message_left(const struct pipe *p)
{
	return p->message_left;
}

static struct span pipe_unread(const struct pipe *p)
{
	if (pipe_waiting(p) == 0)
		return span_of(NULL, 0);
	return span_of(p->rpc.out.p + p->out_pos, pipe_waiting(p));
}

/* Find the length of the message at out_pos; give the memory back once all is read. */
static void pipe_next_message(struct pipe *p)
{
	struct pdu_header h;

	if (p->message_left > 0)
		return;
	if (pdu_header_decode(pipe_unread(p), &h)) {
		p->message_left = h.frag_length;
	} else {
		bytes_free(&p->rpc.out);
		p->out_pos = 0;
	}
}

/* Length of the arriving PDU: the header's own until that is here; 0 if the header says something impossible. */
static size_t pipe_pdu_len(const struct pipe *p)
{
	struct pdu_header h;

	if (!pdu_header_decode(span_of(p->in, p->in_len), &h))
		return PDU_HEADER_LEN;
	if (h.frag_length < PDU_HEADER_LEN || h.frag_length > PDU_FRAG_MAX)
		return 0;
	return h.frag_length;
}

/* Move what belongs to the arriving PDU from *in, and process it once it is whole; false if the pipe broke. */
static bool pipe_take(struct pipe *p, const struct rpc_info *info, struct span *in)
{
	struct span part = span_head(*in, pipe_pdu_len(p) - p->in_len);
	size_t len;

	memcpy(p->in + p->in_len, part.p, part.len);
	p->in_len += part.len;
	*in = span_from(*in, part.len);

	len = pipe_pdu_len(p); /* the header may just have become whole */
	if (len == 0)
		return false;
	if (p->in_len < len)
		return true;
	p->in_len = 0;
	if (pipe_waiting(p) > DCERPC_BACKLOG_MAX)
		return false;
	return dcerpc_feed(&p->rpc, info, span_of(p->in, len)) == 0;
}

nt_status pipe_write(struct pipe *p, const struct rpc_info *info, struct span in)
{
	while (in.len > 0 && !p->broken)
		p->broken = !pipe_take(p, info, &in);
	pipe_next_message(p);
	return p->broken ? STATUS_PIPE_BROKEN : STATUS_SUCCESS;
}

nt_status pipe_read(struct pipe *p, struct mspan out, size_t *ret_len)
{
	size_t len = p->message_left < out.len ? p->message_left : out.len;

	*ret_len = len;
	if (p->message_left == 0)
		return p->broken ? STATUS_PIPE_BROKEN : STATUS_PIPE_EMPTY;
	if (len > 0)
		memcpy(out.p, pipe_unread(p).p, len);
	p->out_pos += len;
	p->message_left -= len;
	if (p->message_left > 0)
		return STATUS_BUFFER_OVERFLOW;
	pipe_next_message(p);
	return STATUS_SUCCESS;
}

bool pipe_is_idle(const struct pipe *p)
{
	return p->message_left == 0 && !p->broken;
}

/* Messages not read to their end. */
static uint32_t pipe_message_count(const struct pipe *p)
{
	struct span rest = pipe_unread(p);
	size_t len = p->message_left;
	struct pdu_header h;
	uint32_t count = 0;

	while (len > 0) {
		count++;
		rest = span_from(rest, len);
		len = pdu_header_decode(rest, &h) ? h.frag_length : 0;
	}
	return count;
}

nt_status pipe_peek(const struct pipe *p, struct mspan out, size_t *ret_len)
{
	enum { FILE_PIPE_CONNECTED_STATE = 3, FILE_PIPE_CLOSING_STATE = 4 };
	struct wr w = wr_of(out);
	struct span part;

	*ret_len = 0;
	if (p->broken && p->message_left == 0)
		return STATUS_PIPE_BROKEN;
	wr_u32(&w, p->broken ? FILE_PIPE_CLOSING_STATE : FILE_PIPE_CONNECTED_STATE);
	wr_u32(&w, (uint32_t)pipe_waiting(p));
	wr_u32(&w, pipe_message_count(p));
	wr_u32(&w, (uint32_t)p->message_left);
	if (!wr_ok(&w))
		return STATUS_BUFFER_TOO_SMALL;
	part = span_head(span_head(pipe_unread(p), p->message_left), wr_left(&w));
	wr_bytes(&w, part);
	*ret_len = wr_pos(&w);
	return part.len < p->message_left ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

nt_status pipe_transceive(struct pipe *p, const struct rpc_info *info, struct span in,
			  struct mspan out, size_t *ret_len)
{
	nt_status st;

	*ret_len = 0;
	if (p->message_left > 0)
		return STATUS_PIPE_BUSY;
	st = pipe_write(p, info, in);
	if (!nt_ok(st) && p->message_left == 0)
		return st;
	return pipe_read(p, out, ret_len);
}
