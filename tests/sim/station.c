#include "sim/station.h"

#include "cmd/cmd.h"
#include "smb/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct station_kind station_kinds[] = {
	{"2.0.2", SMB2_DIALECT_202, CLIENT_PLAIN, SEAL_NONE, 0, false, true},
	{"2.0.2 signed", SMB2_DIALECT_202, CLIENT_SIGNED, SEAL_NONE, 0, false, false},
	{"2.1", SMB2_DIALECT_210, CLIENT_PLAIN, SEAL_NONE, 0, false, false},
	{"2.1 signing required", SMB2_DIALECT_210, CLIENT_SIGNED, SEAL_NONE, 0, true,
	 true},
	{"3.0", SMB2_DIALECT_300, CLIENT_PLAIN, SEAL_AES_128_CCM, 0, false, false},
	{"3.0 signed", SMB2_DIALECT_300, CLIENT_SIGNED, SEAL_NONE, 0, true, false},
	{"3.0 encrypted", SMB2_DIALECT_300, CLIENT_SEALED, SEAL_AES_128_CCM, 0, false,
	 false},
	{"3.0.2 signed", SMB2_DIALECT_302, CLIENT_SIGNED, SEAL_AES_128_CCM, 0, false,
	 false},
	{"3.0.2 encrypted", SMB2_DIALECT_302, CLIENT_SEALED, SEAL_AES_128_CCM, 0, true,
	 false},
	{"3.1.1", SMB2_DIALECT_311, CLIENT_PLAIN, SEAL_AES_128_GCM, SIGN_AES_GMAC, false,
	 false},
	{"3.1.1 HMAC", SMB2_DIALECT_311, CLIENT_SIGNED, SEAL_NONE, SIGN_HMAC_SHA256,
	 false, false},
	{"3.1.1 CMAC", SMB2_DIALECT_311, CLIENT_SIGNED, SEAL_AES_128_GCM, SIGN_AES_CMAC,
	 true, false},
	{"3.1.1 GMAC", SMB2_DIALECT_311, CLIENT_SIGNED, SEAL_AES_128_GCM, SIGN_AES_GMAC,
	 true, false},
	{"3.1.1 AES-128-CCM", SMB2_DIALECT_311, CLIENT_SEALED, SEAL_AES_128_CCM,
	 SIGN_AES_CMAC, false, false},
	{"3.1.1 AES-128-GCM", SMB2_DIALECT_311, CLIENT_SEALED, SEAL_AES_128_GCM,
	 SIGN_AES_GMAC, false, false},
	{"3.1.1 AES-256-CCM", SMB2_DIALECT_311, CLIENT_SEALED, SEAL_AES_256_CCM,
	 SIGN_AES_CMAC, true, false},
	{"3.1.1 AES-256-GCM", SMB2_DIALECT_311, CLIENT_SEALED, SEAL_AES_256_GCM,
	 SIGN_HMAC_SHA256, false, false},
};
const size_t station_kind_count = ARRAY_LEN(station_kinds);

const char *station_command(uint16_t command)
{
	return command < SMB2_COMMAND_COUNT ? cmd_table[command].name : "unknown";
}

static void got(void *arg, const struct client_answer *a)
{
	struct station *st = arg;

	sim_trace(st->sim, "%s <- %s %llu: %s", st->name, station_command(a->command),
		  (unsigned long long)a->message_id, nt_status_name(a->status));
	st->got(st, a);
}

static void broke(void *arg, const struct client_break *b)
{
	struct station *st = arg;

	st->broke(st, b);
}

static void peer_frame(struct sim_peer *p, struct mspan frame)
{
	struct station *st = container_of(p, struct station, peer);

	if (st->deaf)
		return;
	if (client_receive(st->client, frame, got, st) != 0)
		sim_fail(st->sim, "%s was told nonsense: %s", st->name,
			 client_fault(st->client));
}

static void station_forget(struct station *st)
{
	client_free(TAKE(st->client));
	st->link = NULL;
}

static void peer_closed(struct sim_peer *p)
{
	struct station *st = container_of(p, struct station, peer);

	station_forget(st);
	st->closed(st);
}

/* Names must outlive the client. */
static const char *const users[SIM_USERS] = {"user0", "User1", "USER2"};
static const char *const passwords[SIM_USERS] = {"password0", "password1", "password2"};

void station_open(struct station *st, const struct station_kind *k, unsigned user,
		  unsigned lane, uint64_t previous)
{
	struct client_settings s = {
		.env = sim_env(st->sim),
		.logon = {.user = users[user],
			  .domain = "WORKGROUP",
			  .password = st->password ?: passwords[user],
			  .bare = k->bare},
		.host = "sim",
		.dialects = {k->dialect},
		.dialect_count = 1,
		.ciphers = {k->cipher},
		.cipher_count = k->cipher != SEAL_NONE,
		.signings = {k->signing},
		.signing_count = k->dialect == SMB2_DIALECT_311,
		.require_signing = k->require_signing,
		.protect = k->protect,
		.previous_session_id = previous,
		.broke = st->broke ? broke : NULL,
	};

	st->deaf = false;
	memset(s.guid, 'a' + (int)st->number, sizeof(s.guid));
	st->peer = (struct sim_peer){.frame = peer_frame, .closed = peer_closed};
	st->client = client_new(&s);
	st->link = sim_connect(st->sim, lane, &st->peer);
}

void station_put(struct station *st)
{
	sim_send(st->link, client_end(st->client));
}

bool station_logs_on(struct station *st, const struct client_answer *a,
		     uint32_t *ret_tree)
{
	if (a->command == SMB2_TREE_CONNECT) {
		*ret_tree = a->tree_id;
		return true;
	}
	client_begin(st->client);
	if (a->command == SMB2_NEGOTIATE ||
	    nt_is(a->status, STATUS_MORE_PROCESSING_REQUIRED))
		(void)client_session_setup(st->client);
	else
		(void)client_tree_connect(st->client, "files");
	station_put(st);
	return false;
}

void station_leave(struct station *st, bool hard)
{
	sim_hang_up(st->link, hard);
	station_forget(st);
}

void station_check_books(struct station *st)
{
	const struct client *c = st->client;
	const struct conn *conn = st->link ? sim_link_conn(st->link) : NULL;

	if (!conn || st->deaf || conn->state == CONN_CLOSED || c->pending_count ||
	    !sim_link_idle(st->link) || conn->arrivals || /* a CANCEL may wait there */
	    !list_empty(&conn->out))                      /* of a break */
		return;
	if (conn->credits.unused != c->credits || conn->credits.low != c->next_id)
		sim_fail(st->sim,
			 "credits: the server knows of %u from id %llu, the client %u "
			 "from "
			 "%llu",
			 conn->credits.unused, (unsigned long long)conn->credits.low,
			 c->credits, (unsigned long long)c->next_id);
	if (conn->requests.count || conn->async.count || conn->async_count ||
	    conn->memory)
		sim_fail(st->sim,
			 "an idle connection has %zu requests, %zu of them async (%u), "
			 "and %zu bytes",
			 conn->requests.count, conn->async.count, conn->async_count,
			 conn->memory);
}
