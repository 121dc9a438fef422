#include "fs/shown.h"

static const uint64_t late_ns = (uint64_t)SHOWN_LATE_MS * 1000 * 1000;

void shown_late(struct shown *s, uint64_t write_time, uint64_t now_ns)
{
	uint64_t until = atomic_load(&s->late_until_ns);
	/* the first is noted after a while, later ones when something else is */
	uint64_t next = until ? UINT64_MAX : now_ns + late_ns;

	if (now_ns < until)
		return;
	atomic_store(&s->write_time, write_time);
	atomic_compare_exchange_strong(&s->late_until_ns, &until, next);
}

void shown_catch_up(struct shown *s)
{
	atomic_store(&s->late_until_ns, 0);
}

void shown_reserve(struct shown *s, uint64_t bytes)
{
	uint64_t rest = bytes % SHOWN_CLUSTER;

	/* no file is that large: what cannot be rounded up was refused */
	atomic_store(&s->reserved, rest ? bytes - rest + SHOWN_CLUSTER : bytes);
}

void shown_apply(const struct shown *times, const struct shown *space, uint64_t now_ns,
		 struct vfs_stat *stat)
{
	uint64_t reserved = atomic_load(&space->reserved);

	if (now_ns < atomic_load(&times->late_until_ns))
		stat->write_time = atomic_load(&times->write_time);
	if (stat->type == VFS_FILE && stat->allocated < reserved)
		stat->allocated = reserved;
}
