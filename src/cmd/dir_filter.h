/*
 * dir_filter.h - what a listing leaves out on a share with access_based_enumeration: what the user may not read.
 *
 * Only listings do so: who opens such a file by its name is told ACCESS_DENIED, as by Windows.
 *
 * Owns     nothing; a value of the request, which keeps the open, its tree and its user.
 * Threads  immutable; asked on whatever thread reads the directory.
 * Spec     [MS-SMB2] 3.3.5.18
 */
#pragma once

#include "fs/access.h"
#include "smb/open.h"

struct dir_filter {
	struct vfs_filter vfs;
	enum conf_security security;
	const struct principal *who;
};

/* For listings through o; NULL where nothing is left out: f is filled only if that is needed. */
const struct vfs_filter *dir_filter_for(const struct open *o, struct dir_filter *f);
