/* cred.c - file system identity of the calling thread. */
#include "fs/cred.h"

#include "base/log.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 32-bit systems have calls for 16-bit ids under the plain names. */
#ifdef SYS_setgroups32
#define SYS_CRED_SETGROUPS SYS_setgroups32
#define SYS_CRED_SETFSUID  SYS_setfsuid32
#define SYS_CRED_SETFSGID  SYS_setfsgid32
#else
#define SYS_CRED_SETGROUPS SYS_setgroups
#define SYS_CRED_SETFSUID  SYS_setfsuid
#define SYS_CRED_SETFSGID  SYS_setfsgid
#endif

/* Longer group lists are not compared but set anew each time. */
enum { GROUPS_KEPT = 1024 };

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

/* What switching itself takes: always in effect. */
static const uint64_t caps_switch = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);

/* What makes the server itself stand above permissions. */
static const uint64_t caps_files = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) |
				   CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER);

/* For a user to whom fs/access.c has said yes. */
static const uint64_t caps_raised = CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER);

/* What the kernel holds for this thread, as far as we set it. */
struct acting {
	enum { SWITCH_UNKNOWN, SWITCH_NO, SWITCH_YES } ability;
	bool known;  /* the rest is what the kernel has */
	bool raised; /* caps_raised on top of what a user has */
	uint64_t permitted, effective;
	uid_t uid;
	gid_t gid;
	uint32_t group_count;
	gid_t groups[GROUPS_KEPT];
};

static _Thread_local struct acting acting;

static _Noreturn void die(const char *what)
{
	log_error("cannot change the identity of a thread: %s: %s", what,
		  strerror(errno));
	abort();
}

static int caps_read(uint64_t *ret_permitted)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*ret_permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

/* Keeps what is permitted, so that the server itself can come back. */
static void caps_put(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	effective &= permitted;
	data[0].permitted = (uint32_t)permitted;
	data[1].permitted = (uint32_t)(permitted >> 32);
	data[0].effective = (uint32_t)effective;
	data[1].effective = (uint32_t)(effective >> 32);
	if (syscall(SYS_capset, &head, data) < 0)
		die("capset");
}

static void caps_effect(struct acting *a, uint64_t effective)
{
	caps_put(a->permitted, effective);
	a->effective = effective;
}

bool cred_can_switch(void)
{
	struct acting *a = &acting;

	if (a->ability == SWITCH_UNKNOWN) {
		a->ability = SWITCH_NO;
		if (geteuid() == 0 && caps_read(&a->permitted) == 0 &&
		    (a->permitted & caps_switch) == caps_switch)
			a->ability = SWITCH_YES;
	}
	return a->ability == SWITCH_YES;
}

/* setfsuid() and setfsgid() report failure by doing nothing: ask again. */
static void set_ids(uid_t uid, gid_t gid)
{
	syscall(SYS_CRED_SETFSGID, gid);
	if ((gid_t)syscall(SYS_CRED_SETFSGID, -1) != gid)
		die("setfsgid");
	syscall(SYS_CRED_SETFSUID, uid);
	if ((uid_t)syscall(SYS_CRED_SETFSUID, -1) != uid)
		die("setfsuid");
}

static bool acts_as(const struct acting *a, uid_t uid, gid_t gid, const gid_t *groups,
		    uint32_t group_count)
{
	return a->known && a->uid == uid && a->gid == gid &&
	       a->group_count == group_count && group_count <= GROUPS_KEPT &&
	       (group_count == 0 ||
		memcmp(a->groups, groups, group_count * sizeof(gid_t)) == 0);
}

void cred_become(const struct cred *c)
{
	struct acting *a = &acting;
	uid_t uid = c ? c->uid : 0;
	gid_t gid = c ? c->gid : 0;
	const gid_t *groups = c ? c->groups : NULL;
	uint32_t group_count = c ? c->group_count : 0;

	if (!cred_can_switch() || acts_as(a, uid, gid, groups, group_count))
		return;

	cred_lower();
	bool caps_fit = a->known && (a->uid == 0) == (uid == 0);
	a->known = false;
	if (syscall(SYS_CRED_SETGROUPS, (size_t)group_count, groups) < 0)
		die("setgroups");
	set_ids(uid, gid);
	if (!caps_fit) /* the kernel would do as much for user 0, and more */
		caps_effect(a, uid ? caps_switch : caps_switch | caps_files);

	a->uid = uid;
	a->gid = gid;
	a->group_count = group_count;
	if (group_count && group_count <= GROUPS_KEPT)
		memcpy(a->groups, groups, group_count * sizeof(gid_t));
	a->known = true;
}

void cred_raise(bool owner)
{
	struct acting *a = &acting;

	if (!cred_can_switch() || !a->known || a->uid == 0)
		return;
	a->raised = true;
	caps_effect(a, caps_switch | caps_raised | (owner ? CAP_BIT(CAP_CHOWN) : 0));
}

void cred_lower(void)
{
	struct acting *a = &acting;

	if (!a->raised)
		return;
	a->raised = false;
	caps_effect(a, caps_switch);
}

bool cred_security_possible(void)
{
	return cred_can_switch() && (acting.permitted & CAP_BIT(CAP_SYS_ADMIN));
}

/* Whose capabilities were never set here, has what the process was given. */
int cred_security_begin(void)
{
	struct acting *a = &acting;

	if (!cred_security_possible())
		return -EPERM;
	if (a->known)
		caps_put(a->permitted, a->effective | CAP_BIT(CAP_SYS_ADMIN));
	return 0;
}

void cred_security_end(void)
{
	if (acting.known)
		caps_put(acting.permitted, acting.effective);
}

void cred_leave_server(const struct cred *c)
{
	if (!acting.known || acting.uid == 0)
		cred_become(c);
}

void cred_confine_thread(void)
{
	if (!cred_can_switch())
		return;
	caps_effect(&acting, caps_switch);
	acting.known = false;
}
