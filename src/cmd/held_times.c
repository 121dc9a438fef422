#include "cmd/held_times.h"

#include "cmd/file_info.h"
#include "wire/filetime.h"

static void hold(_Atomic uint64_t *held, uint64_t time)
{
	if (filetime_is_time(time))
		atomic_store(held, time);
	else if (time == FILETIME_THAW)
		atomic_store(held, 0);
}

void held_times_set(struct open *o, const struct file_basic *basic)
{
	hold(&o->held_access_time, basic->access_time);
	hold(&o->held_write_time, basic->write_time);
	hold(&o->held_change_time, basic->change_time);
}

static void add(const _Atomic uint64_t *held, unsigned what, struct vfs_setattr *s,
		uint64_t *attr)
{
	uint64_t time = atomic_load(held);

	if (!time || (s->what & what))
		return;
	s->what |= what;
	*attr = time;
}

void held_times_add(const struct open *o, unsigned but, struct vfs_setattr *s)
{
	if (!(but & VFS_SET_ACCESS_TIME))
		add(&o->held_access_time, VFS_SET_ACCESS_TIME, s, &s->attr.access_time);
	if (!(but & VFS_SET_WRITE_TIME))
		add(&o->held_write_time, VFS_SET_WRITE_TIME, s, &s->attr.write_time);
	if (!(but & VFS_SET_CHANGE_TIME))
		add(&o->held_change_time, VFS_SET_CHANGE_TIME, s, &s->attr.change_time);
}
