/*
 * filter.c - run a program with the system calls whose numbers are given, and no others: those fail with EPERM, as with
 * SystemCallFilter= and SystemCallErrorNumber=EPERM of systemd.
 *
 *     filter 0,1,2,... PROGRAM [ARGUMENT ...]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CALLS_MAX = 1024 };

static unsigned short count;
static struct sock_filter code[1 + 2 * CALLS_MAX + 1];

static void put(struct sock_filter f)
{
	code[count++] = f;
}

/* Each number is compared, and what is none of them falls through to the end. */
static int fill(char *numbers)
{
	put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
	for (char *n = strtok(numbers, ","); n; n = strtok(NULL, ",")) {
		if (count > 2 * CALLS_MAX - 2)
			return -1;
		put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						 (unsigned)strtoul(n, NULL, 10), 0, 1));
		put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	return 0;
}

int main(int argc, char **argv)
{
	struct sock_fprog program = {.filter = code};

	if (argc < 3 || fill(argv[1]) != 0) {
		fprintf(stderr, "usage: filter NUMBER,... PROGRAM [ARGUMENT ...]\n");
		return 2;
	}
	program.len = count;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		perror("filter");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
