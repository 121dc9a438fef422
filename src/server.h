/*
 * server.h - the whole server: assembled, started, reloaded, stopped.
 *
 * Owns     everything.
 * Threads  main.
 * Errors   negative errno, logged where they happen.
 */
#pragma once

#include "auditing.h"
#include "ctl/config.h"

struct server;

/*
 * Assemble and start; takes a reference to conf. Fails if not one listener works.
 *
 * path    the file conf is from, for changes over the control socket; borrowed
 * keylog  file to which the keys of all sessions go (keylog.h); NULL: nowhere
 */
MUST_CHECK int server_start(struct conf *conf, const char *path, const char *keylog,
			    struct server **ret_server);
/* The control socket (ctl/ctl.h): to be polled for reading; then server_control(), which answers what came. */
int server_control_fd(const struct server *s);
void server_control(struct server *s);
/* What other threads want done (errand.h), likewise. */
int server_errands_fd(const struct server *s);
void server_errands(struct server *s);
/*
 * Serve by conf from now on: returns when every worker does, and the listeners are those it names. Logs what has changed, and
 * who changed it.
 * Negative errno, and a reason in *ret: nothing has changed.
 */
MUST_CHECK int server_reload(struct server *s, struct conf *conf,
			     const struct changer *who, struct config_applied *ret);
/* "127.0.0.1:4450 [::1]:4450": the listeners. buf holds len bytes. */
void server_listeners(struct server *s, char *buf, size_t len);
/* Close all connections, end all threads, free. False, and logged: sessions, opens or files were left, which is a bug. */
bool server_stop(struct server *s);
