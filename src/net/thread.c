/* thread.c - see thread.h */
#include "net/thread.h"

#include <signal.h>
#include <stdio.h>

int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg)
{
	char cut[16]; /* TASK_COMM_LEN */
	sigset_t all, old;
	int err;

	sigfillset(&all); /* inherited by the new thread from its first instruction */
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(ret_thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	snprintf(cut, sizeof(cut), "%s", name);
	pthread_setname_np(*ret_thread, cut);
	return 0;
}
