/*
 * breaks.h - telling clients that an oplock or a lease is being broken.
 *
 * A break begins in fs/state, on whatever thread applied the operation, and ends on the worker of a connection that leads to
 * its holder. Which one is chosen when it is sent: the first whose session shares in it; if that turns out to be dead, the
 * next. If none is left its opens are being closed anyway, and the break with them; durable ones, which are waiting for their
 * client to come back, are closed on account of it.
 *
 * A client never hears that something is broken before it has heard that it was granted: a break waits for the answers of the
 * compound in which its CREATE came.
 *
 * Owns     a note for each break under way.
 * Threads  breaks_init's sink: any. The rest: the worker of the frame's connection.
 * Spec     [MS-SMB2] 2.2.23, 3.3.4.6, 3.3.4.7
 */
#pragma once

#include "fs/state.h"

struct frame;
struct open;
struct smb_server;

/* The server's state tells its breaks to the server's clients from now on. */
void breaks_init(struct smb_server *s);

/* The CREATE that made o, which may cache, is answered with f: breaks wait for that. */
void breaks_hold(struct frame *f, struct open *o);
/* f's answers are queued, or never will be. */
void breaks_release(struct frame *f);
