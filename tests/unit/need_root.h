/* need_root.h - for tests that act as several users. */
#pragma once

#include "test.h"

#include "fs/cred.h"

static inline void need_root(void)
{
	if (cred_can_switch())
		return;
	print_message("[  REASON  ] needs root with CAP_SETUID and CAP_SETGID\n");
	skip();
}
