/* server.c - what src/server.c and src/snapshot.c put together from the system, put together from the simulation. */
#include "sim/sim_impl.h"

#include "auth/ntlmkey.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "secure/policy.h"
#include "smb/conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACCOUNT = 1000 }; /* uid and gid of everybody */

/* ---- users ---------------------------------------------------------------------------------------------- */

/* A line of the user database: userdb.h */
static void user_write(int fd, int number)
{
	char password[16], line[80];
	struct ntlm_key hash;
	int len;

	snprintf(password, sizeof(password), "password%d", number);
	if (ntlm_hash_password(password, &hash) != 0)
		abort();
	len = snprintf(line, sizeof(line), "user%d::", number);
	for (size_t i = 0; i < sizeof(hash.b); i++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%02X",
				hash.b[i]);
	len += snprintf(line + len, sizeof(line) - (size_t)len, ":\n");
	if (write(fd, line, (size_t)len) != len)
		abort();
}

void sim_users_new(struct sim_users *ret)
{
	int fd = memfd_create("users", MFD_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0600) != 0)
		abort();
	for (int i = 0; i < SIM_USERS; i++)
		user_write(fd, i);
	snprintf(ret->path, sizeof(ret->path), "/proc/self/fd/%d", fd);
}

/* ---- configuration -------------------------------------------------------------------------------------- */

static struct conf *conf_make(struct sim *s)
{
	static const struct conf_machine machine = {
		.host_name = "sim", .memory = 1 << 30, .cpu_count = SIM_LANES};
	struct conf_errors errs;
	struct conf *conf;
	char text[4096];

	conf_errors_init(&errs);
	snprintf(text, sizeof(text),
		 "[global]\n"
		 "server_name = SIM\n"
		 "userdb_file = %s\n"
		 "runstate_dir = /nowhere\n"
		 "audit_enable = true\n"
		 "audit_params = path=/nowhere\n"
		 "%s\n"
		 "[/global]\n"
		 "[share]\n"
		 "netname = files\n"
		 "path = /nowhere\n"
		 "permissions = everyone:full\n"
		 "audit_level = 4\n"
		 "[/share]\n",
		 s->settings.users->path, s->settings.global ? s->settings.global : "");
	if (conf_parse(span_of_str(text), "sim", &machine, &conf, &errs) != 0) {
		conf_errors_print(&errs, stderr);
		sim_fail(s, "the configuration is faulty");
	}
	conf_errors_fini(&errs);
	return conf;
}

static struct share *share_make(struct sim *s, struct conf *conf, bool disk)
{
	struct share *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->refs = 1;
	h->kind = disk ? SHARE_DISK : SHARE_PIPE;
	h->owner = conf_get(conf);
	h->name = disk ? "files" : "IPC$";
	h->encrypt_data = disk ? conf->shares[0].encrypt_data : conf->encrypt_data;
	if (!disk)
		return h;
	h->conf = &conf->shares[0];
	h->permission_gids = calloc(1, sizeof(*h->permission_gids));
	if (!h->permission_gids)
		abort();
	h->vfs = vfs_get(s->volume);
	h->root = h->vfs->ops->root(h->vfs);
	return h;
}

static void auth_make(struct sim *s, struct auth_server *auth, const struct conf *conf)
{
	*auth = (struct auth_server){
		.env = &s->env,
		.server_name = conf->server_name,
		.domain = conf->domain,
		.dns_name = "sim",
		.userdb_file = conf->userdb_file,
		.allow_guest = conf->allow_guest,
		.allow_anonymous = conf->null_session_access,
		.ntlm = conf->ntlm,
		.self = cred_new(ACCOUNT, ACCOUNT, NULL, 0),
	};
	if (!auth->self)
		abort();
}

struct snapshot *sim_snapshot_new(struct sim *s)
{
	struct snapshot *snap = calloc(1, sizeof(*snap));

	if (!snap)
		abort();
	snap->refs = 1;
	snap->conf = conf_make(s);
	auth_make(s, &snap->auth, snap->conf);
	snap->shares = calloc(2, sizeof(struct share *));
	if (!snap->shares)
		abort();
	snapshot_add(snap, share_make(s, snap->conf, true));
	snapshot_add(snap, share_make(s, snap->conf, false));
	snap->security_mode = policy_security_mode(snap->conf->require_message_signing,
						   snap->conf->reject_unencrypted_access);
	return snap;
}

struct reload {
	struct msg msg;
	struct smb_lane *lane;
	struct snapshot *snapshot; /* counted */
};

static void reload_run(struct msg *m)
{
	struct reload *r = container_of(m, struct reload, msg);

	smb_lane_swap(r->lane, r->snapshot);
	snapshot_put(r->snapshot);
	free(r);
}

void sim_reload(struct sim *s)
{
	struct snapshot *fresh = sim_snapshot_new(s);

	for (size_t i = 0; i < SIM_LANES; i++) {
		struct reload *r = calloc(1, sizeof(*r));

		if (!r)
			abort();
		r->msg.run = reload_run;
		r->lane = s->lanes[i].lane.core;
		r->snapshot = snapshot_get(fresh);
		mailbox_post(&s->lanes[i].mailbox, &r->msg);
	}
	snapshot_put(s->snapshot);
	s->snapshot = fresh;
}

/* ---- the volume's world --------------------------------------------------------------------------------- */

static bool world_defer(void *arg, enum vfs_op op)
{
	struct sim *s = arg;

	return rng_chance(&s->rng, s->defer_per_mille);
}

static bool world_piece(void *arg)
{
	struct sim *s = arg;

	return rng_chance(&s->rng, 500);
}

static enum memfs_lend world_lend(void *arg)
{
	struct sim *s = arg;

	if (s->settings.calm)
		return MEMFS_LEND_ALL;
	return (enum memfs_lend)rng_below(&s->rng, MEMFS_LEND_HALF + 1);
}

static int world_fault(void *arg, enum vfs_op op)
{
	struct sim *s = arg;
	size_t count = 0;

	if (!s->fault_per_mille || !rng_chance(&s->rng, s->fault_per_mille))
		return 0;
	while (s->faults[count])
		count++;
	return s->faults[rng_below(&s->rng, count)];
}

static void world_changed(void *arg, const struct memfs_change *c)
{
	sim_notify_changed(((struct sim *)arg)->notify, c);
}

void sim_make(struct sim *s, const char *path, bool directory)
{
	memfs_make(s->volume, path, directory, ACCOUNT, ACCOUNT);
}

/* ---- the core ------------------------------------------------------------------------------------------- */

static void log_line(struct log_sink *sink, enum log_level level, const char *line)
{
	fprintf(stderr, "          log: %s\n", line);
}

static void log_nothing(struct log_sink *sink, enum log_level level, const char *line)
{
}

static void log_make(bool trace)
{
	static struct log_sink aloud = {.write = log_line};
	static struct log_sink silent = {.write = log_nothing};

	log_set(trace ? LOG_DEBUG : LOG_ERROR, trace ? &aloud : &silent);
}

static void lane_turn_end(struct lane *l)
{
	smb_lane_turn_end(smb_lane_of(l));
}

void sim_server_make(struct sim *s)
{
	static const uint8_t guid[16] = "a simulated one";

	log_make(s->settings.trace);
	s->memfs_world = (struct memfs_world){
		.env = &s->env,
		.defer = world_defer,
		.fault = world_fault,
		.piece = world_piece,
		.lend = world_lend,
		.changed = world_changed,
		.arg = s,
		.strict_sync = s->settings.strict_sync,
	};
	s->notify = sim_notify_new(s);
	s->volume = memfs_new(&s->memfs_world, true, ACCOUNT, ACCOUNT);
	if (smb_server_init(&s->server, &s->env, guid) != 0)
		abort();
	s->order = sim_order_new(s, s->server.state, !s->settings.slow_state,
				 s->settings.many);
	s->server.commands = cmd_table;
	s->server.command_count = SMB2_COMMAND_COUNT;
	s->server.notify = s->notify;
	s->trail = sim_trail_new(s);
	s->snapshot = sim_snapshot_new(s);
	for (size_t i = 0; i < SIM_LANES; i++) {
		struct lane *l = &s->lanes[i].lane;

		l->core = smb_lane_new(l, &s->server, s->snapshot);
		l->turn_end = lane_turn_end;
		if (!l->core)
			abort();
	}
}

/* Each request is in one bucket of its command, or waited; and came in a message that was counted. */
static void check_counts(struct sim *s)
{
	struct stats n;
	uint64_t requests = 0, received = 0;

	if (stats_gather(&s->server, s->snapshot, &n) != 0)
		abort();
	for (size_t i = 0; i < STATS_COMMAND_COUNT; i++) {
		const struct stats_command *c = &n.commands[i];
		uint64_t placed = c->waited;

		for (size_t k = 0; k < STATS_BUCKET_COUNT; k++)
			placed += c->latency[k];
		if (placed != c->requests || c->errors > c->requests)
			sim_fail(s, "%s was miscounted", c->name);
		requests += c->requests;
	}
	for (size_t kind = 0; kind < STATS_KIND_COUNT; kind++)
		received += n.traffic.messages[STATS_IN][kind];
	if (requests > received)
		sim_fail(s, "%llu requests in %llu messages",
			 (unsigned long long)requests, (unsigned long long)received);
	stats_fini(&n);
}

void sim_server_free(struct sim *s)
{
	check_counts(s);
	if (smb_server_sessions(&s->server))
		sim_fail(s, "%zu sessions are left", smb_server_sessions(&s->server));
	if (s->server.open_count)
		sim_fail(s, "%zu opens are left", (size_t)s->server.open_count);
	if (node_table_count(s->server.nodes))
		sim_fail(s, "%zu nodes are left", node_table_count(s->server.nodes));
	sim_order_free(s->order);
	if (state_node_count(s->server.state))
		sim_fail(s, "something is known of %zu files that nobody has open",
			 state_node_count(s->server.state));
	for (size_t i = 0; i < SIM_LANES; i++) {
		if (!list_empty(&smb_lane_of(&s->lanes[i].lane)->conns))
			sim_fail(s, "connections are left");
		smb_lane_free(s->lanes[i].lane.core);
	}
	/* a request, open or session that is left keeps its snapshot or tree, and so the share and its handle */
	if (memfs_handles(s->volume) != 1)
		sim_fail(s, "%zu handles of files are left",
			 memfs_handles(s->volume) - 1);
	if (s->volume->refs - memfs_handles(s->volume) != 2)
		sim_fail(s, "%zu shares are left",
			 s->volume->refs - memfs_handles(s->volume) - 2);
	snapshot_put(s->snapshot);
	smb_server_fini(&s->server);
	sim_trail_free(s->trail);
	sim_notify_free(s->notify);
	vfs_put(s->volume);
	log_set(LOG_INFO, NULL);
}
