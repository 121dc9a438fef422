/*
 * tsmb-server: the command line, signals, and the ready line.
 */
#include "base/fault.h"
#include "base/log.h"
#include "conf/file.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CONF_FILE "/etc/tsmb/tsmb.conf"

enum { EXIT_USAGE = 2, LISTENERS_TEXT_MAX = 4096 };

static const char usage[] =
	"Usage: tsmb-server [-c FILE] [--check | --keylog FILE]\n"
	"Serve SMB2/3 shares as FILE says, in the foreground.\n"
	"\n"
	"  -c, --config FILE  the configuration (default " CONF_FILE ")\n"
	"      --check        check FILE, say what is wrong with it, and exit: 0 it is "
	"fine, 1 it is not\n"
	"      --keylog FILE  write the keys of all sessions to FILE, for Wireshark: "
	"tests "
	"only\n"
	"  -v, --version      print the version and exit\n"
	"  -h, --help         print this and exit\n"
	"\n"
	"SIGHUP reads FILE again; SIGTERM and SIGINT stop. One line \"ready ADDRESS:PORT "
	"...\" is printed when clients\n"
	"can connect; a service manager that asked for it is told, too.\n"
	"Exit status: 0 done, 1 refused, or something was left at the end (standard "
	"error says what), 2 usage.\n";

enum { OPT_CHECK = 256, OPT_KEYLOG };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPT_CHECK},
	{"keylog", required_argument, NULL, OPT_KEYLOG},
	{"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* NULL after saying everything that is wrong with the file. */
static struct conf *load(const char *path)
{
	struct conf_errors errors;
	struct conf *conf = NULL;
	int err;

	conf_errors_init(&errors);
	err = conf_load(path, &conf, &errors);
	conf_errors_print(&errors, stderr);
	if (err == -ENOMEM)
		fprintf(stderr, "tsmb-server: out of memory\n");
	conf_errors_fini(&errors);
	return err ? NULL : conf;
}

static int check(const char *path)
{
	CLEANUP(conf_putp) struct conf *conf = load(path);

	return conf ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void reload(struct server *s, const char *path)
{
	static const struct changer signal = {.by = "SIGHUP"};
	CLEANUP(conf_putp) struct conf *conf = load(path);
	struct config_applied a = {.why = "it has errors"};

	sd_notify(0, "RELOADING=1");
	if (!conf || server_reload(s, conf, &signal, &a) != 0)
		log_error("%s not taken over, the configuration in force stays: %s", path,
			  a.why);
	sd_notify(0, "READY=1");
}

/* Signals are taken one after another, here only: all threads inherit the mask. */
static void block_signals(sigset_t *set)
{
	sigset_t errors;

	sigemptyset(&errors);
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	/* never taken: writing to a closed socket, or beyond a limit, is an errno */
	sigaddset(&errors, SIGPIPE);
	sigaddset(&errors, SIGXFSZ);
	sigprocmask(SIG_BLOCK, set, NULL);
	sigprocmask(SIG_BLOCK, &errors, NULL);
}

/*
 * Keys stay out of core files and debuggers. A change of user makes the kernel put fs.suid_dumpable in place of what prctl()
 * said, which on many systems means core files for a handler; a limit of one byte exactly is what keeps those away, where 0
 * would not. See do_coredump() in the kernel.
 */
static void forbid_core_files(void)
{
	const struct rlimit one_byte = {.rlim_cur = 1, .rlim_max = 1};

	prctl(PR_SET_DUMPABLE, 0);
	if (setrlimit(RLIMIT_CORE, &one_byte) != 0)
		log_verbose("limit of core files: %s", strerror(errno));
}

/* The next signal, or 0 if there is none. */
static uint32_t signal_take(int signals)
{
	struct signalfd_siginfo info;

	return read(signals, &info, sizeof(info)) == sizeof(info) ? info.ssi_signo : 0;
}

/* Until SIGTERM or SIGINT. */
static void serve_until_told(struct server *s, const char *path, int signals)
{
	struct pollfd p[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = server_control_fd(s), .events = POLLIN},
		{.fd = server_errands_fd(s), .events = POLLIN},
	};

	for (;;) {
		uint32_t sig;

		if (poll(p, ARRAY_LEN(p), -1) < 0)
			continue;
		if (p[1].revents)
			server_control(s);
		if (p[2].revents)
			server_errands(s);
		sig = p[0].revents ? signal_take(signals) : 0;
		if (sig == SIGTERM || sig == SIGINT)
			return;
		if (sig == SIGHUP)
			reload(s, path);
	}
}

static int serve(const char *path, const char *keylog)
{
	CLEANUP(conf_putp) struct conf *conf = NULL;
	CLEANUP(conf_file_close) struct conf_file lock;
	char listeners[LISTENERS_TEXT_MAX];
	struct server *s;
	sigset_t set;
	int signals;

	/* No tsmb-cfg shall change the file between our reading it and our answering tsmb-cfg. Where the file's folder is not
	 * ours to write to we go without. */
	(void)!conf_file_open(&lock, path);
	conf = load(path);
	if (!conf)
		return EXIT_FAILURE;
	block_signals(&set);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0) {
		perror("tsmb-server: signalfd");
		return EXIT_FAILURE;
	}
	umask(0); /* every file is made with the mode it shall have */
	forbid_core_files();
	if (fault_catch() != 0)
		log_warn("SIGBUS cannot be handled: files are read by a copy only");
	if (server_start(conf, path, keylog, &s) != 0)
		return EXIT_FAILURE;
	conf_file_close(&lock);
	server_listeners(s, listeners, sizeof(listeners));
	printf("ready %s\n", listeners);
	fflush(stdout);
	sd_notify(0, "READY=1");
	serve_until_told(s, path, signals);
	sd_notify(0, "STOPPING=1");
	close(signals);
	return server_stop(s) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const char *path = CONF_FILE, *keylog = NULL;
	bool check_only = false;

	for (int opt; (opt = getopt_long(argc, argv, "c:vh", options, NULL)) != -1;) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case OPT_CHECK:
			check_only = true;
			break;
		case OPT_KEYLOG:
			keylog = optarg;
			break;
		case 'v':
			printf("tsmb-server %s\n", TSMB_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "tsmb-server: unexpected argument \"%s\"\n%s",
			argv[optind], usage);
		return EXIT_USAGE;
	}
	return check_only ? check(path) : serve(path, keylog);
}
