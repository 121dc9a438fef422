#include "cmd/pipe_io.h"

#include "cmd/ioctl.h"
#include "rpc/pipe.h"

enum pipe_kind { PIPE_READ, PIPE_WRITE, PIPE_TRANSCEIVE };

struct pipe_call {
	struct job job;
	struct turn_ref turn;
	enum pipe_kind kind;
	struct pipe *pipe;
	struct pipe_context context;
	struct rpc_info info;
	struct span in;
	struct mspan out;
	size_t out_len;
	nt_status status;
	const struct ioctl *ioctl;
};

/* In the pool, with the pipe's turn held. */
static int pipe_run(struct job *j)
{
	struct pipe_call *p = container_of(j, struct pipe_call, job);

	switch (p->kind) {
	case PIPE_READ:
		p->status = pipe_read(p->pipe, p->out, &p->out_len);
		break;
	case PIPE_WRITE:
		p->status = pipe_write(p->pipe, &p->info, p->in);
		break;
	case PIPE_TRANSCEIVE:
		p->status = pipe_transceive(p->pipe, &p->info, p->in, p->out,
					    &p->out_len);
		break;
	}
	return 0;
}

static nt_status pipe_done(struct req *q, int err, struct wr *w)
{
	struct pipe_call *p = q->state;

	turn_give(&p->turn);
	pipe_end_all(&p->context);
	if (nt_is_error(p->status))
		return p->status;
	switch (p->kind) {
	case PIPE_READ:
		read_encode(q, p->out_len);
		break;
	case PIPE_WRITE:
		write_encode(w, (uint32_t)p->in.len);
		break;
	case PIPE_TRANSCEIVE:
		ioctl_encode(q, p->ioctl, p->out_len);
		break;
	}
	return p->status; /* STATUS_BUFFER_OVERFLOW: the message goes on in the next READ */
}

static nt_status pipe_turn_held(struct req *q, int err, struct wr *w)
{
	struct pipe_call *p = q->state;

	p->job.run = pipe_run;
	p->job.wait = req_wait(q, pipe_done);
	exec_run(q->lane->lane->exec, EXEC_IO, &p->job);
	return STATUS_PENDING;
}

static nt_status pipe_start(struct req *q, const struct pipe_call *call)
{
	struct pipe_call *p = arena_alloc(&q->arena, sizeof(*p));

	if (!p)
		return STATUS_INSUFFICIENT_RESOURCES;
	*p = *call;
	p->pipe = q->open->pipe;
	p->context = (struct pipe_context){.q = q, .who = req_who(q)};
	p->info = pipe_info(&p->context);
	q->state = p;
	turn_take(&q->open->pipe_turn, &p->turn, req_wait(q, pipe_turn_held));
	return STATUS_PENDING;
}

nt_status pipe_cmd_read(struct req *q, uint32_t length)
{
	struct pipe_call p = {.kind = PIPE_READ};

	if (length > q->conn->max_read)
		return STATUS_INVALID_PARAMETER;
	p.out = read_room(q, length);
	return p.out.p ? pipe_start(q, &p) : STATUS_INSUFFICIENT_RESOURCES;
}

nt_status pipe_cmd_write(struct req *q, struct span data)
{
	struct pipe_call p = {.kind = PIPE_WRITE, .in = data};

	return pipe_start(q, &p);
}

nt_status pipe_cmd_transceive(struct req *q, const struct ioctl *c)
{
	struct pipe_call p = {.kind = PIPE_TRANSCEIVE, .in = c->input, .ioctl = c};

	p.out = ioctl_room(q, c->max_output);
	return p.out.p ? pipe_start(q, &p) : STATUS_INSUFFICIENT_RESOURCES;
}
