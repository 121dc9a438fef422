/* model.c - see model.h */
#include "soak/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	READS = FILE_READ_DATA | FILE_EXECUTE,
	WRITES = FILE_WRITE_DATA | FILE_APPEND_DATA,
	DATA = READS | WRITES,
	SHARED = DATA | DELETE, /* what share modes are about */
};

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	list_init(&m->opens);
	list_init(&m->leases);
}

void model_fini(struct model *m)
{
	for (struct list_node *n; (n = list_pop(&m->opens)) != NULL;)
		free(container_of(n, struct model_open, node));
	for (struct list_node *n; (n = list_pop(&m->leases)) != NULL;)
		free(container_of(n, struct model_lease, node));
}

void model_fault(struct model *m, const char *format, ...)
{
	va_list args;

	m->faults++;
	if (m->quiet)
		return;
	va_start(args, format);
	fputs("FAULT: ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* ---- pairs of opens ------------------------------------------------------------------------------------- */

/* Would b's share mode have kept a out? */
static bool keeps_out(const struct model_open *a, const struct model_open *b)
{
	return ((a->access & READS) && !(b->share & FILE_SHARE_READ)) ||
	       ((a->access & WRITES) && !(b->share & FILE_SHARE_WRITE)) ||
	       ((a->access & DELETE) && !(b->share & FILE_SHARE_DELETE));
}

static void check_sharing(struct model *m, const struct model_open *a,
			  const struct model_open *b)
{
	if (!(a->access & SHARED) || !(b->access & SHARED))
		return;
	if (keeps_out(a, b) || keeps_out(b, a))
		model_fault(m,
			    "share modes: client %u has access %#x share %#x, client %u "
			    "access %#x share %#x, of file %#llx",
			    a->actor, a->access, a->share, b->actor, b->access, b->share,
			    (unsigned long long)a->file);
}

static bool caches_writes(const struct model_open *o)
{
	return o->oplock == SMB2_OPLOCK_LEVEL_EXCLUSIVE ||
	       o->oplock == SMB2_OPLOCK_LEVEL_BATCH ||
	       (o->lease && (o->lease->state & SMB2_LEASE_WRITE_CACHING));
}

static void check_caching(struct model *m, const struct model_open *a,
			  const struct model_open *b)
{
	if (a->lease && a->lease == b->lease)
		return;
	if (caches_writes(a) && (a->access & DATA) && (b->access & DATA))
		model_fault(m,
			    "caching: client %u may cache writes (oplock %#x, lease %#x) "
			    "while client %u has access %#x (oplock %#x, lease %#x), of "
			    "file %#llx",
			    a->actor, a->oplock, a->lease ? a->lease->state : 0, b->actor,
			    b->access, b->oplock, b->lease ? b->lease->state : 0,
			    (unsigned long long)a->file);
}

static bool overlap(uint64_t a_off, uint64_t a_len, uint64_t b_off, uint64_t b_len)
{
	return a_len && b_len && a_off < b_off + b_len && b_off < a_off + a_len;
}

static void check_locks(struct model *m, const struct model_open *a,
			const struct model_open *b)
{
	for (size_t i = 0; i < a->lock_count; i++)
		for (size_t j = 0; j < b->lock_count; j++) {
			const struct model_lock *x = &a->locks[i], *y = &b->locks[j];

			if ((x->exclusive || y->exclusive) &&
			    overlap(x->offset, x->length, y->offset, y->length))
				model_fault(m,
					    "locks: client %u has %llu+%llu%s, client %u "
					    "%llu+%llu%s, of file %#llx",
					    a->actor, (unsigned long long)x->offset,
					    (unsigned long long)x->length,
					    x->exclusive ? " exclusive" : "", b->actor,
					    (unsigned long long)y->offset,
					    (unsigned long long)y->length,
					    y->exclusive ? " exclusive" : "",
					    (unsigned long long)a->file);
		}
}

static void check_open(struct model *m, const struct model_open *o)
{
	list_for_each (n, &m->opens) {
		const struct model_open *b = container_of(n, struct model_open, node);

		if (b == o || !b->live || b->file != o->file || b->volume != o->volume)
			continue;
		check_sharing(m, o, b);
		check_caching(m, o, b);
		check_caching(m, b, o);
		check_locks(m, o, b);
	}
}

/* ---- leases ----------------------------------------------------------------------------------------------- */

static struct model_lease *lease_of(struct model *m, unsigned conn,
				    const uint8_t key[SMB2_LEASE_KEY_LEN])
{
	struct model_lease *l;

	list_for_each (n, &m->leases) {
		l = container_of(n, struct model_lease, node);
		if (l->conn == conn && memcmp(l->key, key, sizeof(l->key)) == 0)
			return l;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->conn = conn;
	memcpy(l->key, key, sizeof(l->key));
	list_add_tail(&m->leases, &l->node);
	return l;
}

/* What a CREATE said of its lease, if that was after whatever makes it uncertain. */
static void lease_granted(struct model *m, struct model_lease *l,
			  const struct client_lease *said, uint64_t sent)
{
	if (said->state)
		m->leases_granted++;
	l->state = said->state;
	if (l->breaking || l->acks || sent < l->unsure_at || sent < m->unsure_at ||
	    (said->flags & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS))
		l->state = 0;
}

struct model_lease *model_lease_broken(struct model *m, unsigned conn,
				       const struct client_break *b)
{
	struct model_lease *l = lease_of(m, conn, b->key);

	m->breaks++;
	l->state = 0;
	l->unsure_at = ++m->tick;
	l->breaking = b->must_acknowledge;
	return l;
}

void model_ack_sent(struct model_open *o, struct model_lease *l)
{
	if (o)
		o->oplock = SMB2_OPLOCK_LEVEL_NONE;
	if (!l)
		return;
	l->state = 0;
	l->acks++;
}

void model_ack_answered(struct model *m, struct model_lease *l, bool accepted,
			uint64_t sent)
{
	if (!l)
		return;
	if (accepted && sent > l->unsure_at)
		l->breaking = false;
	l->acks--;
	l->unsure_at = ++m->tick;
}

void model_oplock_broken(struct model *m, struct model_open *o)
{
	m->breaks++;
	m->tick++;
	o->oplock = SMB2_OPLOCK_LEVEL_NONE;
}

/* ---- opens ------------------------------------------------------------------------------------------------ */

struct model_open *model_opened(struct model *m, const struct model_open *o,
				const struct client_lease *lease, uint64_t sent)
{
	struct model_open *new = malloc(sizeof(*new));

	if (!new)
		abort();
	*new = *o;
	new->refs = 1;
	new->live = true;
	new->lock_count = 0;
	if (lease) {
		new->lease = lease_of(m, o->conn, lease->key);
		new->lease->opens++;
		lease_granted(m, new->lease, lease, sent);
	}
	if (new->oplock != SMB2_OPLOCK_LEVEL_NONE && !lease)
		m->oplocks_granted++;
	if (sent < m->unsure_at)
		new->oplock = SMB2_OPLOCK_LEVEL_NONE;
	list_add_tail(&m->opens, &new->node);
	check_open(m, new);
	return new;
}

void model_ends(struct model *m, struct model_open *o)
{
	if (!o->live)
		return;
	o->live = false;
	o->lock_count = 0;
	if (!o->lease || --o->lease->opens)
		return;
	o->lease->state = 0;
	o->lease->breaking = false;
	o->lease->unsure_at = ++m->tick; /* whatever is under way was before */
}

void model_unsure(struct model *m)
{
	m->unsure_at = ++m->tick;
	list_for_each (n, &m->leases)
		container_of(n, struct model_lease, node)->state = 0;
	list_for_each (n, &m->opens)
		container_of(n, struct model_open, node)->oplock = SMB2_OPLOCK_LEVEL_NONE;
}

struct model_open *model_get(struct model_open *o)
{
	o->refs++;
	return o;
}

void model_put(struct model *m, struct model_open *o)
{
	if (!o || --o->refs)
		return;
	model_ends(m, o);
	list_del(&o->node);
	free(o);
}

struct model_open *model_find(struct model *m, unsigned conn, struct client_file id)
{
	list_for_each (n, &m->opens) {
		struct model_open *o = container_of(n, struct model_open, node);

		if (o->conn == conn && o->id.persistent_id == id.persistent_id &&
		    o->id.volatile_id == id.volatile_id)
			return o;
	}
	return NULL;
}

/* ---- locks ------------------------------------------------------------------------------------------------ */

void model_locked(struct model *m, struct model_open *o, const struct client_lock *locks,
		  size_t count)
{
	m->tick++;
	if (!o->live)
		return;
	for (size_t i = 0; i < count && o->lock_count < MODEL_LOCKS_MAX; i++)
		o->locks[o->lock_count++] = (struct model_lock){
			.offset = locks[i].offset,
			.length = locks[i].length,
			.since = m->tick,
			.exclusive = locks[i].flags & SMB2_LOCKFLAG_EXCLUSIVE_LOCK,
		};
	check_open(m, o);
}

/* All of that range: which of several an unlock takes away is the server's to choose. */
bool model_unlocks(struct model_open *o, const struct client_lock *lock)
{
	size_t kept = 0, before = o->lock_count;

	for (size_t i = 0; i < before; i++)
		if (o->locks[i].offset != lock->offset ||
		    o->locks[i].length != lock->length)
			o->locks[kept++] = o->locks[i];
	o->lock_count = kept;
	return kept < before;
}

void model_transferred(struct model *m, struct model_open *o, bool writes,
		       uint64_t offset, uint64_t length, uint64_t sent)
{
	list_for_each (n, &m->opens) {
		const struct model_open *b = container_of(n, struct model_open, node);

		if (b == o || !b->live || b->file != o->file || b->volume != o->volume)
			continue;
		for (size_t i = 0; i < b->lock_count; i++)
			if (b->locks[i].since < sent &&
			    (writes || b->locks[i].exclusive) &&
			    overlap(b->locks[i].offset, b->locks[i].length, offset,
				    length))
				model_fault(m,
					    "client %u %s %llu+%llu, which client %u has "
					    "locked, of file %#llx",
					    o->actor, writes ? "wrote" : "read",
					    (unsigned long long)offset,
					    (unsigned long long)length, b->actor,
					    (unsigned long long)o->file);
	}
}
