/*
 * tsmb-passwd - keep the text user database.
 *
 * A password comes from the terminal, with echo off, or as one line from standard input; never
 * from the command line, which other users can see. It lies in base/secret.h memory until it is
 * hashed.
 *
 * Exit     0 done, 1 refused (the reason is on standard error), 2 usage.
 */
#include "auth/identity.h"
#include "auth/userdb.h"
#include "base/ct.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "passwd_import.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

#define CONF_DEFAULT "/etc/tsmb/tsmb.conf"

static const char usage_text[] =
	"usage: tsmb-passwd [-c FILE] ACTION [OPTION]...\n"
	"Keep the user database of the tsmb SMB server.\n"
	"\n"
	"  -a, --add USER      add a user, or set the password of one\n"
	"  -d, --disable USER  refuse logons of a user\n"
	"  -e, --enable USER   accept them again\n"
	"  -m, --map USER      change the Unix account, given by --unix\n"
	"  -x, --delete USER   remove a user\n"
	"  -l, --list          list all users\n"
	"  -i, --import FILE   add the users of a Samba smbpasswd file, or of what "
	"pdbedit -Lw\n"
	"                      prints; -: standard input. All of them or none\n"
	"\n"
	"      --unix ACCOUNT  with -a, -m: the Unix account the user acts as: name or "
	"uid\n"
	"                      (at first: the one of the same name)\n"
	"      --stdin         with -a: read the password as one line from standard "
	"input\n"
	"      --replace       with -i: set the passwords of users that are there "
	"already\n"
	"      --json          with -l: print JSON\n"
	"  -c, --config FILE   the configuration that names the database (" CONF_DEFAULT
	")\n"
	"      --file FILE     the database itself\n"
	"  -h, --help          print this\n"
	"  -v, --version       print the version\n"
	"\n"
	"A change counts from the next logon on; sessions that exist are not ended.\n"
	"Exit status: 0 done, 1 refused (standard error says why), 2 usage.\n";

/* ---- command line --------------------------------------------------------------- */

enum { OPT_UNIX = 256, OPT_STDIN, OPT_JSON, OPT_FILE, OPT_REPLACE };

struct args {
	int action;          /* 'a', 'd', 'e', 'm', 'x', 'l', 'i'; 0: none */
	const char *user;    /* 'i': the file */
	const char *account; /* NULL: not given */
	const char *conf_path;
	const char *db_path;
	bool from_stdin;
	bool json;
	bool replace;
};

static int usage_error(const char *text)
{
	fprintf(stderr, "tsmb-passwd: %s; see tsmb-passwd --help\n", text);
	return EXIT_USAGE;
}

static int usage_of(const char *word, const char *text)
{
	fprintf(stderr, "tsmb-passwd: %s: %s; see tsmb-passwd --help\n", word, text);
	return EXIT_USAGE;
}

static int args_check(const struct args *a)
{
	if (!a->action)
		return usage_error("expected one of -a, -d, -e, -m, -x, -l, -i");
	if (a->from_stdin && a->action != 'a')
		return usage_error("--stdin goes with -a");
	if (a->account && a->action != 'a' && a->action != 'm')
		return usage_error("--unix goes with -a or -m");
	if (!a->account && a->action == 'm')
		return usage_error("-m needs --unix");
	if (a->json && a->action != 'l')
		return usage_error("--json goes with -l");
	if (a->replace && a->action != 'i')
		return usage_error("--replace goes with -i");
	if (a->conf_path && a->db_path)
		return usage_error("-c and --file exclude each other");
	return -1;
}

/* -1 to go on, or the exit status. */
static int args_parse(int argc, char **argv, struct args *a)
{
	static const struct option options[] = {
		{"add", required_argument, NULL, 'a'},
		{"disable", required_argument, NULL, 'd'},
		{"enable", required_argument, NULL, 'e'},
		{"map", required_argument, NULL, 'm'},
		{"delete", required_argument, NULL, 'x'},
		{"list", no_argument, NULL, 'l'},
		{"import", required_argument, NULL, 'i'},
		{"replace", no_argument, NULL, OPT_REPLACE},
		{"unix", required_argument, NULL, OPT_UNIX},
		{"stdin", no_argument, NULL, OPT_STDIN},
		{"json", no_argument, NULL, OPT_JSON},
		{"config", required_argument, NULL, 'c'},
		{"file", required_argument, NULL, OPT_FILE},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, ":a:d:e:m:x:li:c:hv", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'a':
		case 'd':
		case 'e':
		case 'm':
		case 'x':
		case 'l':
		case 'i':
			if (a->action)
				return usage_error("expected one action");
			a->action = opt;
			a->user = optarg;
			break;
		case OPT_UNIX:
			a->account = optarg;
			break;
		case OPT_STDIN:
			a->from_stdin = true;
			break;
		case OPT_REPLACE:
			a->replace = true;
			break;
		case OPT_JSON:
			a->json = true;
			break;
		case 'c':
			a->conf_path = optarg;
			break;
		case OPT_FILE:
			a->db_path = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_DONE;
		case 'v':
			puts("tsmb-passwd " TSMB_VERSION);
			return EXIT_DONE;
		case ':':
			return usage_of(argv[optind - 1], "expected a value");
		default:
			return usage_of(argv[optind - 1],
					"there is no such option, or it takes no value");
		}
	}
	if (optind == argc)
		return args_check(a);
	if (a->action == 'a') /* it may be the password: it is not repeated */
		return usage_error("unexpected argument: a password is asked for, or "
				   "read with --stdin");
	return usage_of(argv[optind], "unexpected argument");
}

/* ---- passwords ------------------------------------------------------------------ */

/* One line, in UTF-8: NTLM_PASSWORD_MAX code units take three bytes each at most. */
struct password {
	char text[3 * NTLM_PASSWORD_MAX + 2];
};

static void password_freep(struct password **p)
{
	secret_free(*p);
}

static struct password *password_alloc(void)
{
	struct password *p = secret_alloc(sizeof(*p));

	if (!p)
		fputs("tsmb-passwd: out of memory\n", stderr);
	return p;
}

/* while_waiting: the mask of signals then: one that came just before and was held ends it, too. NULL: as it is. */
static ssize_t byte_read(int fd, const sigset_t *while_waiting, char *c)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (while_waiting && ppoll(&p, 1, NULL, while_waiting) < 0)
		return -1;
	return read(fd, c, 1);
}

/* Byte by byte, so that nothing is buffered elsewhere. NULL, or what is wrong. */
static const char *line_read(int fd, const sigset_t *while_waiting, struct password *p)
{
	size_t len = 0;

	for (;;) {
		char c = 0;
		ssize_t n = byte_read(fd, while_waiting, &c);

		if (n < 0)
			return errno == EINTR ? "interrupted" : strerror(errno);
		if (c == '\n' && n > 0 && len && p->text[len - 1] == '\r')
			len--; /* the line of a script that was written on Windows */
		if (n == 0 || c == '\n')
			break;
		if (c == '\0')
			return "the password holds a NUL";
		if (len == sizeof(p->text) - 1)
			return "the password is too long";
		p->text[len++] = c;
	}
	p->text[len] = '\0';
	return len ? NULL : "the password is empty";
}

static void interrupted(int sig)
{
	(void)sig; /* only ends the waiting, so that echo comes back */
}

enum { ENDING_SIGNALS = 5 };
static const int ending_signals[ENDING_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT,
						   SIGTSTP};

/* How signals were before they were held. */
struct held_signals {
	struct sigaction actions[ENDING_SIGNALS];
	sigset_t mask;
};

static void signals_hold(struct held_signals *h)
{
	const struct sigaction quiet = {.sa_handler = interrupted};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaddset(&set, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &set, &h->mask);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &quiet, &h->actions[i]);
}

static void signals_release(const struct held_signals *h)
{
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &h->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &h->mask, NULL);
}

/*
 * Ask on the terminal with echo off. NULL, or what is wrong. Who sees the prompt may type: what comes before is thrown away,
 * what comes behind is neither shown nor lost.
 */
static const char *terminal_read(int tty, const char *prompt, struct password *p)
{
	struct termios shown, hidden;
	struct held_signals held;
	const char *fault;

	if (tcgetattr(tty, &shown) < 0)
		return strerror(errno);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	/* else the kernel empties the terminal after a signal, and of what we say of it, too */
	hidden.c_lflag |= NOFLSH;
	signals_hold(&held);
	if (tcsetattr(tty, TCSAFLUSH, &hidden) == 0) {
		dprintf(tty, "%s", prompt);
		fault = line_read(tty, &held.mask, p);
		tcsetattr(tty, TCSAFLUSH, &shown);
	} else {
		fault = strerror(errno);
	}
	dprintf(tty, "\n");
	signals_release(&held);
	return fault;
}

static const char *terminal_ask_twice(struct password *p)
{
	CLEANUP(password_freep) struct password *again = password_alloc();
	const char *fault;
	int tty;

	if (!again)
		return "out of memory";
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return "no terminal to ask on: use --stdin";
	fault = terminal_read(tty, "New password: ", p);
	if (!fault)
		fault = terminal_read(tty, "Again: ", again);
	if (!fault && !ct_eq(p, again, sizeof(*p)))
		fault = "the passwords differ";
	close(tty);
	return fault;
}

static const char *hash_fault(int err)
{
	switch (err) {
	case -EILSEQ:
		return "the password is not UTF-8";
	case -E2BIG:
		return "the password is longer than 256 characters";
	case -ENOTSUP:
		return "OpenSSL's legacy provider, which has MD4, is not installed";
	default:
		return strerror(-err);
	}
}

/* NULL, or what is wrong. */
static const char *password_hash(const struct args *a, struct ntlm_key *ret_hash)
{
	CLEANUP(password_freep) struct password *p = password_alloc();
	const char *fault;
	int err;

	if (!p)
		return "out of memory";
	fault = a->from_stdin ? line_read(STDIN_FILENO, NULL, p) : terminal_ask_twice(p);
	if (fault)
		return fault;
	err = ntlm_hash_password(p->text, ret_hash);
	return err ? hash_fault(err) : NULL;
}

/* ---- actions -------------------------------------------------------------------- */

static int refused(const char *text)
{
	fprintf(stderr, "tsmb-passwd: %s\n", text);
	return EXIT_REFUSED;
}

struct change {
	const struct args *args;
	struct ntlm_key hash; /* for -a */
	bool existed;
	struct user after;
};

static void change_wipe(struct change *c)
{
	wipe(c, sizeof(*c));
}

static int change_one(struct user *u, bool exists, void *arg)
{
	struct change *c = arg;
	const struct args *a = c->args;

	if (!exists && a->action != 'a')
		return -ENOENT;
	c->existed = exists;
	if (a->action == 'x')
		return USERDB_DELETE;
	if (a->action == 'a')
		u->nt_hash = c->hash;
	if (a->action == 'd' || a->action == 'e')
		u->disabled = a->action == 'd';
	if (a->account)
		snprintf(u->account, sizeof(u->account), "%s", a->account);
	c->after = *u;
	return USERDB_PUT;
}

static void report(const struct change *c)
{
	const char *user = c->args->user;

	switch (c->args->action) {
	case 'a':
		printf(c->existed ? "password of %s set\n" : "user %s added\n", user);
		if (c->after.disabled)
			fprintf(stderr, "tsmb-passwd: note: %s is still disabled\n",
				user);
		break;
	case 'd':
		printf("user %s disabled\n", user);
		break;
	case 'e':
		printf("user %s enabled\n", user);
		break;
	case 'm':
		printf("user %s acts as %s\n", user, user_account(&c->after));
		break;
	default:
		printf("user %s deleted\n", user);
	}
}

/* A server run by root refuses a user without a Unix account. */
static void account_warn(const struct change *c)
{
	CLEANUP(cred_putp) struct cred *cred = NULL;

	if (c->args->action == 'x' || c->args->action == 'd' ||
	    identity_lookup(user_account(&c->after), &cred) != -ENOENT)
		return;
	fprintf(stderr,
		"tsmb-passwd: warning: there is no Unix account \"%s\": a server run by "
		"root "
		"refuses the user until there is, or until -m %s --unix names another\n",
		user_account(&c->after), c->args->user);
}

static int change_user(const struct args *a, const char *db_path)
{
	CLEANUP(change_wipe) struct change c = {.args = a};
	struct userdb_fault f;
	const char *fault = userdb_name_fault(a->user);
	int err;

	if (!fault && a->account)
		fault = userdb_account_fault(a->account);
	if (!fault && a->action == 'a')
		fault = password_hash(a, &c.hash);
	if (fault)
		return refused(fault);
	err = userdb_edit(db_path, a->user, change_one, &c, &f);
	if (err == -ENOENT && !f.text[0])
		snprintf(f.text, sizeof(f.text), "%s: no user %s", db_path, a->user);
	if (err)
		return refused(f.text);
	report(&c);
	account_warn(&c);
	return EXIT_DONE;
}

static int list_line(const struct user *u, unsigned line, void *arg)
{
	table_text(arg, u->name);
	table_text(arg, user_account(u));
	table_text(arg, u->disabled ? "disabled" : "enabled");
	return 0;
}

static int list_json(const struct user *u, unsigned line, void *arg)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "name", u->name, "unix_account",
			      user_account(u), "disabled", u->disabled);

	return json_array_append_new(arg, o) ? -ENOMEM : 0;
}

static int list_done(int err, const struct userdb_fault *f)
{
	if (err)
		return refused(f->text);
	return fflush(stdout) == 0 && !ferror(stdout)
		       ? EXIT_DONE
		       : refused("standard output cannot be written");
}

static int list_for_programs(const char *db_path)
{
	struct userdb_fault f = {.text = "out of memory"};
	json_t *array = json_array();
	int err = userdb_walk(db_path, list_json, array, &f);

	if (!err) {
		(void)json_dumpf(array, stdout, JSON_INDENT(2));
		puts("");
	}
	json_decref(array);
	return list_done(err, &f);
}

static int list_for_people(const char *db_path)
{
	static const struct table_column columns[] = {
		{"USER", false, 0}, {"UNIX ACCOUNT", false, 0}, {"STATE", false, 0}};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	struct userdb_fault f = {.text = "out of memory"};
	int err = userdb_walk(db_path, list_line, t, &f);

	if (err)
		table_free(t);
	else
		table_end(t, SIZE_MAX, false, stdout);
	return list_done(err, &f);
}

static int import_users(const struct args *a, const char *db_path)
{
	const struct import_args i = {
		.db_path = db_path, .from = a->user, .replace = a->replace};

	return passwd_import(&i) ? EXIT_DONE : EXIT_REFUSED;
}

/* Without -c, a machine without configuration has the database in its usual place. */
static struct conf *conf_find(const struct args *a, struct conf_errors *errs)
{
	static const char empty[] = "[global]\n[/global]\n";
	const char *path = a->conf_path ? a->conf_path : CONF_DEFAULT;
	struct conf_machine machine;
	struct conf *c = NULL;
	int err;

	conf_machine_read(&machine);
	if (!a->conf_path && access(path, F_OK) < 0 && errno == ENOENT)
		err = conf_parse(span_of_str(empty), path, &machine, &c, errs);
	else
		err = conf_load(path, &c, errs);
	if (err)
		conf_errors_print(errs, stderr);
	return c;
}

int main(int argc, char **argv)
{
	struct args args = {0};
	CLEANUP(conf_putp) struct conf *c = NULL;
	const char *db_path;
	int status = args_parse(argc, argv, &args);

	if (status >= 0)
		return status;
	db_path = args.db_path;
	if (!db_path) {
		struct conf_errors errs;

		conf_errors_init(&errs);
		c = conf_find(&args, &errs);
		conf_errors_fini(&errs);
		if (!c)
			return EXIT_REFUSED;
		db_path = c->userdb_file;
	}
	if (args.action == 'l')
		return args.json ? list_for_programs(db_path) : list_for_people(db_path);
	return args.action == 'i' ? import_users(&args, db_path)
				  : change_user(&args, db_path);
}
