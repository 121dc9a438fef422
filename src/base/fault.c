/* fault.c - see fault.h */
#include "base/fault.h"

#include "base/ct.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

/*
 * With SA_NODEFER the mask is as it was when the handler is left by a jump, and needs no call to be put back. But the thread
 * sanitizer puts a handler of its own around ours, which blocks all signals.
 */
#if defined(__SANITIZE_THREAD__)
enum { SAVE_MASK = 1 };
#else
enum { SAVE_MASK = 0 };
#endif

/*
 * What the signal's frame (with AMX, 11 KiB of registers, keys among them) and the calls above it may have left on the
 * stack, generously.
 */
enum { STACK_LEFT = 32 << 10 };

struct guard {
	uintptr_t from, end;
	sigjmp_buf back;
};

/* A handler has nobody to be told by: these are the module's own. */
static _Thread_local struct guard *volatile guard;
static struct sigaction before; /* written before `caught` */
static atomic_bool caught;

/* Whoever handled it before does it: what failed fails again when this returns; what was sent is sent again. */
static void pass_on(int sig, const siginfo_t *info)
{
	sigaction(sig, &before, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	struct guard *g = guard;

	if (g && info->si_code > 0 && at >= g->from && at < g->end)
		siglongjmp(g->back, 1);
	pass_on(sig, info);
}

int fault_catch(void)
{
	struct sigaction a = {.sa_sigaction = on_fault,
			      .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) < 0)
		return -errno;
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
		return 0;
	before = now;
	sigemptyset(&a.sa_mask);
	if (sigaction(SIGBUS, &a, NULL) < 0)
		return -errno;
	atomic_store_explicit(&caught, true, memory_order_release);
	return 0;
}

bool fault_is_caught(void)
{
	return atomic_load_explicit(&caught, memory_order_acquire);
}

static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t left[STACK_LEFT];

	wipe(left, sizeof(left));
}

int fault_guard(struct span shaky, void (*run)(void *arg), void *arg)
{
	struct guard g = {.from = (uintptr_t)shaky.p,
			  .end = (uintptr_t)shaky.p + shaky.len};

	if (!fault_is_caught())
		return -ENOTSUP;
	assert(!guard);
	if (sigsetjmp(g.back, SAVE_MASK)) {
		guard = NULL;
		wipe_stack();
		return -EFAULT;
	}
	guard = &g;
	run(arg);
	guard = NULL;
	return 0;
}
