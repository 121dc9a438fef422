/* SMB2 TREE_CONNECT.  Spec: [MS-SMB2] 2.2.9, 2.2.10, 3.3.5.7 */
#include "cmd/cmd.h"

#include "base/log.h"
#include "wire/utf16.h"

#include <inttypes.h>
#include <string.h>

struct tree_connect {
	struct share *share; /* counted */
	uint32_t maximal_access;
	struct vfs_lookup lookup; /* of the share's root */
};

/* The share's name out of \\server\share. */
static nt_status connect_decode(struct req *q, const char **ret_share)
{
	struct rd *r = &q->body;
	uint16_t off, len;
	struct rd path;
	char *unc, *name;

	rd_struct_size(r, 9);
	rd_skip(r, 2); /* Flags: nothing of this server's */
	off = rd_u16(r);
	len = rd_u16(r);
	path = rd_at(r, off, len);
	if (!rd_ok(r) || len == 0)
		return STATUS_INVALID_PARAMETER;
	if (utf16_to_utf8(&q->arena, rd_rest(&path), &unc) != 0)
		return STATUS_BAD_NETWORK_NAME;
	if (unc[0] != '\\' || unc[1] != '\\')
		return STATUS_INVALID_PARAMETER;
	name = strchr(unc + 2, '\\');
	if (!name || strchr(name + 1, '\\') || name[1] == '\0')
		return STATUS_BAD_NETWORK_NAME;
	*ret_share = name + 1;
	return STATUS_SUCCESS;
}

static void connect_cleanup(struct req *q)
{
	struct tree_connect *t = q->state;

	share_put(t->share);
	vfile_put(t->lookup.file);
}

static void connect_refused(struct req *q, const char *share, const char *why,
			    nt_status st)
{
	struct trail_event e = {
		.kind = TRAIL_CONNECT_REFUSED,
		.status = st,
		.share = share,
		.reason = why,
	};

	if (trail_wants(q, CONF_AUDIT_NONE))
		trail_note(q, &e);
}

/* May this session use the share at all? Its permissions, and policy with the share known. */
static nt_status connect_check(struct req *q, struct tree_connect *t)
{
	struct policy_in in = req_policy(q);
	struct policy_out out;
	struct log_esc esc;
	nt_status st;

	in.has_tree = true;
	in.share_encrypt_data = t->share->encrypt_data;
	out = policy_access(&in);
	st = refuse_apply(q, &out);
	if (!nt_ok(st))
		return st;
	t->maximal_access = share_access(t->share, req_who(q));
	if (t->maximal_access)
		return STATUS_SUCCESS;
	log_info("conn %" PRIu64 ": user \"%s\" has no permission on share %s",
		 q->conn->id, log_esc(&esc, span_of_str(req_who(q)->user)),
		 t->share->name);
	connect_refused(q, t->share->name, "no permission on the share",
			STATUS_ACCESS_DENIED);
	return STATUS_ACCESS_DENIED;
}

static void connect_encode(struct wr *w, const struct req *q)
{
	const struct tree *t = q->tree;
	const struct policy_in in = req_policy(q);
	bool disk = t->share->kind == SHARE_DISK;
	uint32_t flags = disk ? SMB2_SHAREFLAG_MANUAL_CACHING : SMB2_SHAREFLAG_NO_CACHING;

	if (atomic_load(&t->hides_unreadable))
		flags |= SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM;
	if (policy_announces_encryption(&in))
		flags |= SMB2_SHAREFLAG_ENCRYPT_DATA;
	wr_u16(w, 16); /* StructureSize */
	wr_u8(w, disk ? SMB2_SHARE_TYPE_DISK : SMB2_SHARE_TYPE_PIPE);
	wr_u8(w, 0); /* Reserved */
	wr_u32(w, flags);
	wr_u32(w, 0); /* Capabilities */
	wr_u32(w, t->maximal_access);
}

/* The configuration has changed since the request began, and who follows it to the trees cannot have seen this one. */
static bool connect_is_current(struct req *q)
{
	struct share *now = snapshot_share(q->lane->snapshot, q->tree->share->name);
	bool current = now && share_is_there(q->lane->snapshot, q->tree->share) &&
		       tree_follow(q->tree, now, req_who(q));

	share_put(now);
	return current;
}

static void connect_noted(struct req *q, const struct tree_connect *t)
{
	struct trail_event e = {.kind = TRAIL_CONNECT, .access = t->maximal_access};

	if (trail_wants(q, CONF_AUDIT_TREES))
		trail_note(q, &e);
}

static nt_status connect_done(struct req *q, int err, struct wr *w)
{
	struct tree_connect *t = q->state;
	struct node *root = NULL;
	nt_status st;

	if (err) {
		log_error("share %s: its directory cannot be reached: %s", t->share->name,
			  strerror(-err));
		return STATUS_BAD_NETWORK_NAME;
	}
	if (t->share->kind == SHARE_DISK) {
		root = node_find_or_new(q->conn->server->nodes, &t->lookup.stat,
					t->lookup.file, NULL, "");
		if (!root)
			return STATUS_INSUFFICIENT_RESOURCES;
	}
	st = tree_new(q->sess, t->share, root, t->maximal_access, &q->tree);
	if (!nt_ok(st)) {
		if (root)
			node_put(root);
		return st;
	}
	connect_noted(q, t);
	if (q->lane->snapshot != q->snap && !connect_is_current(q)) {
		tree_close(q->tree, q->lane->lane, NULL);
		return STATUS_BAD_NETWORK_NAME;
	}
	connect_encode(w, q);
	return STATUS_SUCCESS;
}

nt_status cmd_tree_connect(struct req *q)
{
	struct tree_connect *t = arena_alloc(&q->arena, sizeof(*t));
	const char *name;
	nt_status st = connect_decode(q, &name);

	if (!nt_ok(st))
		return st;
	if (!t)
		return STATUS_INSUFFICIENT_RESOURCES;
	t->share = snapshot_share(q->snap, name);
	if (!t->share) {
		connect_refused(q, name, "there is no such share",
				STATUS_BAD_NETWORK_NAME);
		return STATUS_BAD_NETWORK_NAME;
	}
	q->state = t;
	q->cleanup = connect_cleanup;
	st = connect_check(q, t);
	if (!nt_ok(st))
		return st;
	if (t->share->kind == SHARE_PIPE)
		return connect_done(q, 0, req_reply(q, 16));
	t->lookup.dir = t->share->root;
	vfs_run(t->share->vfs, &t->lookup.call, VFS_LOOKUP, q->lane->lane,
		req_who(q)->cred, &q->arena, req_wait(q, connect_done));
	return STATUS_PENDING;
}
