/*
 * share_changes.h - what clients that administer shares ask of the main thread: changes, made as tsmb-cfg makes them by
 *                   ctl/config.h, and who the users are whom permissions name.
 *
 * Owns     nothing.
 * Threads  share_changes.admin: any that may block, but main.
 */
#pragma once

#include "ctl/config.h"
#include "errand.h"
#include "smb/server.h"

struct share_changes {
	struct share_admin admin;
	struct errands *errands;
	struct config *config;
	const char **user; /* set to who asks, while `config` makes the change */
};

void share_changes_init(struct share_changes *s);
