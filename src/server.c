#include "server.h"

#include "accounts.h"
#include "auditing.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "crypto/crypto.h"
#include "ctl/ctl.h"
#include "errand.h"
#include "fs/cred.h"
#include "fs/local_watch.h"
#include "fs/notify.h"
#include "fs/posix.h"
#include "fs/quota.h"
#include "gather.h"
#include "interfaces.h"
#include "keylog.h"
#include "logging.h"
#include "net/descriptors.h"
#include "net/net.h"
#include "runstate.h"
#include "share_changes.h"
#include "show.h"
#include "smb/conn.h"
#include "smb/durable.h"
#include "smb/server.h"
#include "snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AUTH_THREADS = 2 };

struct server {
	struct conf *conf;
	struct logging *logging;
	struct auditing *auditing;
	struct smb_server smb;
	struct snapshot *snapshot;
	atomic_int windows; /* A  that volumes may still map: POSIX_WINDOWS_ALL */
	struct net *net;
	bool net_started;
	size_t descriptors;             /* as many as there may be */
	struct descriptors_plan limits; /* in force */
	struct ctl *ctl;
	struct config config; /* what its calls work on */
	const char *user; /* whose client changes the configuration; NULL: one of ctl's */
	struct errands errands;
	struct share_changes share_changes;
	struct gather gather;
	struct status status; /* likewise */
	struct show show;
};

static void *connection_opened(struct lane *lane, struct xport *x, void *arg)
{
	return conn_new(smb_lane_of(lane), x);
}

static void lane_turn_end(struct lane *lane)
{
	smb_lane_turn_end(smb_lane_of(lane));
}

/* What net/ is asked to listen on. */
struct listen_specs {
	struct listen_spec list[CONF_LISTEN_MAX];
	char address[CONF_LISTEN_MAX][INET6_ADDRSTRLEN];
	size_t count;
};

static void specs_make(const struct conf *conf, struct listen_specs *ret)
{
	for (size_t i = 0; i < conf->listen.count; i++) {
		const struct conf_listen *l = &conf->listen.list[i];

		ret->list[i] = (struct listen_spec){
			.interface = l->interface[0] ? l->interface : NULL,
			.address = inet_ntop(l->family, l->address, ret->address[i],
					     sizeof(ret->address[i])),
			.family = l->family,
			.port = l->port,
		};
	}
	ret->count = conf->listen.count;
}

static int server_listen(struct server *s, const struct conf *conf)
{
	struct listen_specs specs;

	specs_make(conf, &specs);
	return net_listen(s->net, specs.list, specs.count, NULL);
}

static bool conf_names(const struct conf *conf, const struct conf_listen *l)
{
	for (size_t i = 0; i < conf->listen.count; i++) {
		const struct conf_listen *o = &conf->listen.list[i];

		if (o->family == l->family && o->port == l->port &&
		    memcmp(o->address, l->address, sizeof(o->address)) == 0 &&
		    strcmp(o->interface, l->interface) == 0)
			return true;
	}
	return false;
}

/*
 * Listen on what conf names. If something is new there and does not work, listen on what was before: -EADDRNOTAVAIL. What
 * did not work before need not work now.
 */
static int relisten(struct server *s, const struct conf *conf, struct config_applied *ret)
{
	int errs[CONF_LISTEN_MAX] = {0}, err;
	struct listen_specs specs;

	specs_make(conf, &specs);
	err = net_listen(s->net, specs.list, specs.count, errs);
	if (!err)
		return 0;
	for (size_t i = 0; i < specs.count; i++) {
		const struct listen_spec *l = &specs.list[i];

		if (net_listens(s->net, l) || conf_names(s->conf, &conf->listen.list[i]))
			continue;
		snprintf(ret->why, sizeof(ret->why),
			 "listen: cannot listen on %s port %u%s%s: %s", l->address,
			 l->port, l->interface ? " of " : "",
			 l->interface ? l->interface : "",
			 strerror(errs[i] ? -errs[i] : -err));
		(void)server_listen(s, s->conf);
		return -EADDRNOTAVAIL;
	}
	return 0;
}

static size_t memory_max(const struct conf *conf)
{
	return conf->memory_max < NET_MEMORY_MIN ? NET_MEMORY_MIN : conf->memory_max;
}

/* What of the configured limits there are descriptors for: told once, as it changes. */
static struct descriptors_plan limits_plan(struct server *s, const struct conf *conf)
{
	struct descriptors_plan p = descriptors_plan(s->descriptors, conf->share_count,
						     conf->connections_max,
						     conf->open_files_max);

	bool short_of = p.opens < conf->open_files_max ||
			p.connections < (conf->connections_max ?: UINT_MAX);

	if (short_of &&
	    (p.opens != s->limits.opens || p.connections != s->limits.connections))
		log_info("with %zu descriptors there may be %zu open files, of "
			 "open_files_max %u, and %u connections, of connections_max %u",
			 s->descriptors, p.opens, conf->open_files_max, p.connections,
			 conf->connections_max);
	s->limits = p;
	return p;
}

static int net_make(struct server *s)
{
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	struct net_settings settings = {
		.workers = conf_workers(s->conf, cpus),
		.pool = {.io_threads = conf_pool_threads(s->conf, cpus),
			 .auth_threads = AUTH_THREADS},
		.memory_max = memory_max(s->conf),
		.connections_max = limits_plan(s, s->conf).connections,
		.factory = {.opened = connection_opened, .user = &conn_xport_user},
	};

	return net_new(&settings, &s->net);
}

static int lanes_make(struct server *s)
{
	for (unsigned i = 0; i < net_lane_count(s->net); i++) {
		struct lane *lane = net_lane(s->net, i);

		lane->core = smb_lane_new(lane, &s->smb, s->snapshot);
		if (!lane->core)
			return -ENOMEM;
		lane->turn_end = lane_turn_end;
	}
	return 0;
}

static void lanes_free(struct server *s)
{
	for (unsigned i = 0; s->net && i < net_lane_count(s->net); i++) {
		smb_lane_free(net_lane(s->net, i)->core);
		net_lane(s->net, i)->core = NULL;
	}
}

/* On this thread, which has not given up any rights. */
static void local_watch_make(struct server *s)
{
	struct fanotify_settings settings = {
		.sink = &s->smb.local_sink,
		.hash_key = s->smb.hash_key,
		.marks_max = LOCAL_MARKS_MAX,
	};
	int err = fanotify_watch_new(&settings, &s->smb.local_watch);

	if (err)
		log_verbose("no fanotify: what local processes do to files that clients "
			    "cache is not noticed: %s",
			    strerror(-err));
	else
		node_table_watch(s->smb.nodes, s->smb.local_watch);
}

static int crypto_make(void)
{
	int err = crypto_init(CRYPTO_FASTEST);

	if (err)
		log_error("OpenSSL lacks an algorithm, or TSMB_CRYPTO in the environment "
			  "names what is not there");
	else
		log_info("cryptography by %s", crypto_description());
	return err;
}

static int core_make(struct server *s)
{
	struct runstate rs;
	int err = crypto_make();

	if (!err)
		err = runstate_load(s->conf->runstate_dir, net_env(s->net), &rs);
	if (!err)
		err = smb_server_init(&s->smb, net_env(s->net), rs.guid.bytes);
	if (err)
		return err;
	atomic_store(&s->smb.open_max, s->limits.opens);
	s->smb.machine_sid = rs.machine_sid;
	s->smb.commands = cmd_table;
	s->smb.command_count = SMB2_COMMAND_COUNT;
	s->smb.accounts = &unix_accounts;
	s->smb.share_admin = &s->share_changes.admin;
	s->smb.net_addresses = interfaces_list;
	err = auditing_new(net_env(s->net), &s->auditing);
	if (err)
		return err;
	s->smb.trail = auditing_trail(s->auditing);
	if (kernel_notify_new(NOTIFY_BEST, &s->smb.notify) != 0)
		log_warn("the kernel has no inotify: clients are not told of changes");
	local_watch_make(s);
	return 0;
}

static int snapshot_make(struct server *s, struct conf *conf,
			 struct snapshot **ret_snapshot)
{
	struct snapshot_env e = {
		.env = net_env(s->net),
		.hash_key = s->smb.hash_key,
		.lane_count = net_lane_count(s->net),
		.log_limit = &s->smb.logon_log,
		.windows = &s->windows,
	};

	return snapshot_new(&e, conf, s->snapshot, ret_snapshot);
}

/* Why there is none, for people. */
static void snapshot_why(const struct server *s, const struct conf *conf, int err,
			 char *buf, size_t buf_len)
{
	if (err == -EMFILE)
		snprintf(
			buf, buf_len,
			"no descriptors are left: %zu shares take up to %zu of %zu, what "
			"clients do the rest; LimitNOFILE= of the unit, or ulimit -n, "
			"allows more",
			conf->share_count, DESCRIPTORS_OF_SHARE * conf->share_count,
			s->descriptors);
	else
		snprintf(buf, buf_len, "%s", strerror(-err));
}

static int first_snapshot(struct server *s)
{
	char why[256];
	int err = snapshot_make(s, s->conf, &s->snapshot);

	if (err) {
		snapshot_why(s, s->conf, err, why, sizeof(why));
		log_error("%s", why);
	}
	return err;
}

static void say_who_logs_on(const struct conf *c)
{
	if (!c->ntlm)
		log_warn("ntlm = false, and this version knows no other way to log on: "
			 "nobody gets in");
}

static void say_who_acts(void)
{
	if (geteuid() == 0)
		log_info("each request acts as the Unix account of its user");
	else
		log_info("started as an ordinary user: every request acts as uid %u, "
			 "whoever logs on",
			 (unsigned)geteuid());
}

/* What takes CAP_SYS_ADMIN and is done otherwise, or left. An ordinary user is not surprised. */
static void say_what_is_missing(const struct server *s)
{
	const struct {
		int err;
		const char *instead;
	} rows[] = {
		{s->smb.notify ? s->smb.notify->no_trees : 0,
		 "each directory of a tree that a client watches takes a watch of "
		 "inotify"},
		{quota_kernel_check(), "quotas bind, and clients are not shown them"},
	};
	enum log_level level = cred_can_switch() ? LOG_INFO : LOG_VERBOSE;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].err)
			log_at(level, "%s: %s; see CAPABILITIES in tsmb-server(8)",
			       rows[i].instead, strerror(-rows[i].err));
}

static int config_apply(void *arg, struct conf *conf, struct config_applied *ret)
{
	struct server *s = arg;

	struct changer who = {.by = "srvsvc", .user = s->user};
	struct log_esc esc;
	char uid[32];

	if (!s->user) {
		snprintf(uid, sizeof(uid), "uid %u", ctl_caller(s->ctl));
		who.by = uid;
		log_info("control socket: %s changes the configuration", uid);
	} else {
		log_info("srvsvc: \"%s\" changes the configuration",
			 log_esc(&esc, span_of_str(s->user)));
	}
	return server_reload(s, conf, &who, ret);
}

static struct conf *config_current(void *arg)
{
	struct server *s = arg;

	return s->conf;
}

static const struct config_ops config_ops = {
	.apply = config_apply,
	.current = config_current,
};

/* What the control socket answers: a row a family of calls. */
static int control_make(struct server *s, const char *path)
{
	const struct ctl_family families[] = {
		{config_calls, &s->config},
		{status_calls, &s->status},
	};
	int err = ctl_new(s->conf->runstate_dir, families, ARRAY_LEN(families), &s->ctl);

	s->config = (struct config){.path = path, .ops = &config_ops, .arg = s};
	s->gather = (struct gather){s->net, &s->smb, &s->snapshot, s->ctl};
	s->status = (struct status){.ops = &gather_ops, .arg = &s->gather};
	if (err)
		log_error("runstate_dir %s: control socket: %s", s->conf->runstate_dir,
			  err == -EADDRINUSE ? "another server lives there"
					     : strerror(-err));
	return err;
}

int server_control_fd(const struct server *s)
{
	return ctl_fd(s->ctl);
}

void server_control(struct server *s)
{
	ctl_run(s->ctl);
}

/* Serving threads keep no more power than switching users takes. */
static void lane_confine(struct lane *lane, void *arg)
{
	cred_confine_thread();
}

static int auditing_start(struct server *s)
{
	struct auditing_change c;
	char why[AUDITING_WHY_MAX];
	int err = auditing_begin(s->auditing, NULL, s->conf, &c, why);

	if (err)
		log_error("%s", why);
	else
		auditing_finish(s->auditing, &c, NULL, s->conf, NULL);
	return err;
}

static void share_changes_make(struct server *s)
{
	s->share_changes = (struct share_changes){
		.errands = &s->errands, .config = &s->config, .user = &s->user};
	share_changes_init(&s->share_changes);
}

int server_errands_fd(const struct server *s)
{
	return s->errands.fd;
}

void server_errands(struct server *s)
{
	errands_run(&s->errands);
}

int server_start(struct conf *conf, const char *path, const char *keylog,
		 struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->conf = conf_get(conf);
	s->descriptors = descriptors_raise();
	atomic_init(&s->windows, POSIX_WINDOWS_ALL);
	err = errands_init(&s->errands);
	if (err) {
		conf_put(s->conf);
		free(s);
		return err;
	}
	share_changes_make(s);
	err = logging_set(&s->logging, conf);
	if (err)
		log_error("log_params: %s: %s", conf->log_params.path, strerror(-err));
	if (!err)
		err = net_make(s);
	if (!err)
		err = core_make(s);
	if (!err)
		err = auditing_start(s);
	if (!err && keylog)
		err = keylog_open(keylog, &s->smb.keylog);
	if (!err)
		err = first_snapshot(s);
	if (!err)
		err = lanes_make(s);
	if (!err)
		err = net_start(s->net);
	s->net_started = !err;
	if (!err && server_listen(s, conf) != 0 && !net_listener(s->net, 0))
		err = -EADDRNOTAVAIL;
	if (!err)
		err = control_make(s, path);
	if (!err)
		show_init(&s->show, s->net, &s->smb, s->snapshot);
	if (err) {
		log_error("cannot start: %s", strerror(-err));
		(void)server_stop(s);
		return err;
	}
	net_post_all(s->net, lane_confine, NULL);
	say_who_acts();
	say_what_is_missing(s);
	say_who_logs_on(s->conf);
	*ret_server = s;
	return 0;
}

static void lane_swap(struct lane *lane, void *arg)
{
	smb_lane_swap(smb_lane_of(lane), arg);
}

static void lane_follow(struct lane *lane, void *arg)
{
	struct smb_lane *l = smb_lane_of(lane);

	if (lane->index == 0)
		smb_server_follow(l->server, lane, l->snapshot);
}

static void log_changes(const struct conf *from, const struct conf *to)
{
	struct conf_changes changes;

	if (conf_diff(from, to, &changes) != 0)
		return;
	for (size_t i = 0; i < changes.count; i++) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		if (!f)
			break;
		conf_change_print(&changes.list[i], f);
		fclose(f);
		log_info("reload: %s", text);
		free(text);
	}
	if (changes.count == 0)
		log_info("reload: nothing has changed");
	conf_changes_fini(&changes);
}

static void log_tightening(size_t count)
{
	if (count)
		log_info(
			"reload: %zu sessions were set up under looser demands; from now "
			"on they are held to the new ones",
			count);
}

static int reshow(struct server *s, const struct conf *conf, struct config_applied *ret)
{
	char text[CONF_ENDPOINT_TEXT_MAX];
	int err = show_listen(&s->show, &conf->metrics_listen);

	if (err)
		snprintf(ret->why, sizeof(ret->why),
			 "metrics_listen: cannot listen on %s: %s",
			 conf_endpoint_text(&conf->metrics_listen, text), strerror(-err));
	return err;
}

/* The steps that may fail, then nothing that could. */
static int reload_prepare(struct server *s, struct conf *conf,
			  struct snapshot **ret_fresh,
			  struct auditing_change *ret_auditing,
			  struct config_applied *ret)
{
	int err = auditing_begin(s->auditing, s->conf, conf, ret_auditing, ret->why);

	if (err)
		return err;
	err = snapshot_make(s, conf, ret_fresh);
	if (err) {
		snapshot_why(s, conf, err, ret->why, sizeof(ret->why));
		auditing_give_up(ret_auditing);
		return err;
	}
	err = relisten(s, conf, ret);
	if (!err) {
		err = reshow(s, conf, ret);
		if (err)
			(void)server_listen(s, s->conf);
	}
	if (!err) {
		err = logging_set(&s->logging, conf);
		if (err) {
			snprintf(ret->why, sizeof(ret->why), "log_params: %s: %s",
				 conf->log_params.path, strerror(-err));
			(void)server_listen(s, s->conf);
			(void)!show_listen(&s->show, &s->conf->metrics_listen);
		}
	}
	if (err) {
		auditing_give_up(ret_auditing);
		snapshot_put(*ret_fresh);
	}
	return err;
}

int server_reload(struct server *s, struct conf *conf, const struct changer *who,
		  struct config_applied *ret)
{
	struct auditing_change auditing;
	struct snapshot *fresh;
	int err = reload_prepare(s, conf, &fresh, &auditing, ret);

	if (err)
		return err;
	ret->sessions_held = smb_server_count_looser(&s->smb, conf);
	net_post_all(s->net, lane_swap, fresh);
	net_post_all(s->net, lane_follow, NULL);
	net_connections_max(s->net, limits_plan(s, conf).connections);
	atomic_store(&s->smb.open_max, s->limits.opens);
	net_memory_max(s->net, memory_max(conf));
	log_tightening(ret->sessions_held);
	log_changes(s->conf, conf);
	auditing_finish(s->auditing, &auditing, s->conf, conf, who);
	snapshot_put(s->snapshot);
	s->snapshot = fresh;
	show_swap(&s->show, fresh);
	conf_put(s->conf);
	s->conf = conf_get(conf);
	return 0;
}

void server_listeners(struct server *s, char *buf, size_t len)
{
	const char *text;

	buf[0] = '\0';
	for (size_t i = 0; (text = net_listener(s->net, i)) != NULL; i++) {
		size_t at = strlen(buf);

		snprintf(buf + at, len - at, "%s%s", i ? " " : "", text);
	}
}

/* Every connection has ended, and each took along what it had: what is left now would have been left for ever. */
static bool nothing_left(struct server *s)
{
	size_t sessions = smb_server_sessions(&s->smb);
	size_t opens = atomic_load(&s->smb.open_count);
	size_t nodes = node_table_count(s->smb.nodes);

	if (sessions || opens || nodes)
		log_error("stop: %zu sessions, %zu opens, %zu files are left", sessions,
			  opens, nodes);
	return !sessions && !opens && !nodes;
}

bool server_stop(struct server *s)
{
	bool clean = true;

	ctl_free(s->ctl);
	errands_close(&s->errands); /* before what waits for them is waited for */
	show_fini(&s->show);
	if (s->net_started) {
		durable_stop(&s->smb);
		net_stop(s->net);
		refuse_summary(&s->smb);
		clean = nothing_left(s);
	}
	lanes_free(s);
	snapshot_put(s->snapshot);
	if (s->smb.notify)
		kernel_notify_free(s->smb.notify);
	fanotify_watch_free(s->smb.local_watch);
	keylog_close(s->smb.keylog);
	auditing_free(s->auditing, s->conf);
	if (s->smb.nodes)
		smb_server_fini(&s->smb);
	net_free(s->net);
	errands_fini(&s->errands);
	logging_free(s->logging);
	conf_put(s->conf);
	free(s);
	return clean;
}
