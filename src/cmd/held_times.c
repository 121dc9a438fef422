#include "cmd/held_times.h"

#include "wire/filetime.h"

static void hold(_Atomic uint64_t *held, uint64_t time)
{
	if (filetime_is_time(time))
		atomic_store(held, time);
	else if (time == FILETIME_THAW)
		atomic_store(held, 0);
}

void held_times_set(struct open *o, uint64_t write_time, uint64_t change_time)
{
	hold(&o->held_write_time, write_time);
	hold(&o->held_change_time, change_time);
}

void held_times_add(const struct open *o, struct vfs_setattr *s)
{
	uint64_t held = atomic_load(&o->held_write_time);

	if (!held || (s->what & VFS_SET_WRITE_TIME))
		return;
	s->what |= VFS_SET_WRITE_TIME;
	s->attr.write_time = held;
}

void held_times_made(const struct open *o, const struct vfs_setattr *s)
{
	uint64_t held = atomic_load(&o->held_change_time);

	if (held)
		node_set_change_time(o->node, held, s->stat.change_time);
}
