/*
 * A call takes its turn of the pipe, then of all calls there are, and is made in the pool. A READ that finds nothing parks, and
 * lets go of the turn: clients ask for an answer before they have asked the question. Whatever may have brought one wakes the
 * oldest.
 */
#include "cmd/pipe_io.h"

#include "cmd/ioctl.h"
#include "rpc/pipe.h"

enum pipe_kind { PIPE_READ, PIPE_WRITE, PIPE_TRANSCEIVE };

struct pipe_call {
	struct job job;
	struct turn_ref turn, rpc_turn;
	enum pipe_kind kind;
	uint32_t length;         /* READ: room asked for */
	struct list_node parked; /* open.pipe_readers */
	struct wait *wait;       /* while it is there */
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

	p->status = p->kind == PIPE_WRITE ? pipe_write(p->pipe, &p->info, p->in)
					  : pipe_transceive(p->pipe, &p->info, p->in,
							    p->out, &p->out_len);
	return 0;
}

/* The wait of the oldest READ that nobody has ended yet, claimed. Who ended one takes it off the list before it goes. */
static struct wait *claim_reader(struct open *o)
{
	LOCK_SCOPE(&o->lock);

	for (struct list_node *n; (n = list_pop(&o->pipe_readers)) != NULL;) {
		struct pipe_call *p = container_of(n, struct pipe_call, parked);

		if (wait_claim(p->wait, WAIT_GRANTED))
			return p->wait;
	}
	return NULL;
}

/* It looks again, and wakes the next. */
static void pipe_wake(struct open *o)
{
	struct wait *w = claim_reader(o);

	if (w)
		wait_post(w, 0);
}

static nt_status pipe_done(struct req *q, int err, struct wr *w)
{
	struct pipe_call *p = q->state;

	turn_give(&p->rpc_turn);
	turn_give(&p->turn);
	pipe_wake(q->open);
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

static nt_status pipe_turn_held(struct req *q, int err, struct wr *w);

/* Its turn again; or CANCEL, or the end of the open. */
static nt_status pipe_woken(struct req *q, int err, struct wr *w)
{
	struct pipe_call *p = q->state;

	if (!err) {
		turn_take(&q->open->pipe_turn, &p->turn, req_wait(q, pipe_turn_held));
		return STATUS_PENDING;
	}
	{
		LOCK_SCOPE(&q->open->lock);
		list_del(&p->parked);
	}
	return q->wait.why == WAIT_CANCELLED ? STATUS_CANCELLED : STATUS_PIPE_BROKEN;
}

/* With the turn held: nobody has an answer ready before the READ is on the list. */
static nt_status pipe_park(struct req *q)
{
	struct pipe_call *p = q->state;
	nt_status st = STATUS_PIPE_EMPTY;

	if (!q->next) /* what is behind it may be what it would wait for */
		st = req_wait_peer(q, pipe_woken, &p->wait);
	if (nt_ok(st)) {
		LOCK_SCOPE(&q->open->lock);
		list_add_tail(&q->open->pipe_readers, &p->parked);
	}
	turn_give(&p->turn);
	return nt_ok(st) ? STATUS_PENDING : st;
}

static nt_status pipe_give_up(struct req *q, nt_status st)
{
	struct pipe_call *p = q->state;

	turn_give(&p->rpc_turn);
	turn_give(&p->turn);
	return st;
}

/* Copies what there is, here. */
static nt_status pipe_take_message(struct req *q)
{
	struct pipe_call *p = q->state;

	if (pipe_is_idle(p->pipe))
		return pipe_park(q);
	p->out = read_room(q, p->length);
	if (!p->out.p)
		return pipe_give_up(q, STATUS_INSUFFICIENT_RESOURCES);
	p->status = pipe_read(p->pipe, p->out, &p->out_len);
	return pipe_done(q, 0, NULL);
}

static nt_status rpc_turn_held(struct req *q, int err, struct wr *w);

/* What a client that has gone has asked for is not done any more. */
static nt_status pipe_turn_held(struct req *q, int err, struct wr *w)
{
	struct smb_server *s = q->conn->server;
	struct pipe_call *p = q->state;
	unsigned next;

	if (open_is_closing(q->open))
		return pipe_give_up(q, STATUS_PIPE_BROKEN);
	if (p->kind == PIPE_READ)
		return pipe_take_message(q);
	next = atomic_fetch_add_explicit(&s->next_rpc_turn, 1, memory_order_relaxed);
	turn_take(&s->rpc_turns[next % RPC_AT_ONCE], &p->rpc_turn,
		  req_wait(q, rpc_turn_held));
	return STATUS_PENDING;
}

static nt_status rpc_turn_held(struct req *q, int err, struct wr *w)
{
	struct pipe_call *p = q->state;

	if (open_is_closing(q->open))
		return pipe_give_up(q, STATUS_PIPE_BROKEN);
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
	p->context = (struct pipe_context){.q = q, .who = q->open->who};
	p->info = pipe_info(&p->context);
	q->state = p;
	turn_take(&q->open->pipe_turn, &p->turn, req_wait(q, pipe_turn_held));
	return STATUS_PENDING;
}

nt_status pipe_cmd_read(struct req *q, uint32_t length)
{
	struct pipe_call p = {.kind = PIPE_READ, .length = length};

	return length > q->conn->max_read ? STATUS_INVALID_PARAMETER : pipe_start(q, &p);
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
