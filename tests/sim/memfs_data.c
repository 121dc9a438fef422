/* memfs_data.c - calls on what a name leads to: contents, attributes, extended attributes, the volume. */
#include "sim/memfs_impl.h"

#include "wire/fscc_proto.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static bool owns(const struct memfs_inode *n, const struct cred *c)
{
	return !c || c->uid == 0 || c->uid == (n->base ? n->base : n)->uid;
}

int memfs_open(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_open *o = container_of(c, struct vfs_open, call);
	struct memfs_inode *n = memfs_inode_of(o->file);
	unsigned need = (o->read ? VFS_MAY_READ : 0) |
			(o->write || o->truncate ? VFS_MAY_WRITE : 0);

	if (n->type != VFS_FILE && n->type != VFS_DIR)
		return -EOPNOTSUPP;
	if (n->type == VFS_DIR && (need & VFS_MAY_WRITE))
		return -EISDIR;
	if ((memfs_may(n, memfs_rights(c)) & need) != need)
		return -EACCES;
	if (o->truncate && n->len) {
		(void)memfs_resize(n, 0); /* shorter always fits */
		n->reserved = 0;
		memfs_base(n)->write_time = memfs_now(fs);
		memfs_touched(n, FILE_NOTIFY_CHANGE_SIZE);
	}
	o->data = memfs_handle_new(n, true, o->read, o->write);
	memfs_stat_of(n, &o->stat);
	return 0;
}

int memfs_stat(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_statcall *s = container_of(c, struct vfs_statcall, call);
	struct memfs_inode *n = memfs_inode_of(s->file);

	memfs_stat_of(n, &s->stat);
	s->has_eas = !list_empty(&memfs_base(n)->eas);
	if (s->with_reparse && memfs_reparse_get(memfs_base(n), c->arena, &s->reparse))
		return -ENOMEM;
	return s->with_sd ? memfs_sd_get(n, c->arena, &s->sd) : 0;
}

/* ---- attributes --------------------------------------------------------------------------------------- */

enum {
	SET_TIMES = VFS_SET_CREATE_TIME | VFS_SET_ACCESS_TIME | VFS_SET_WRITE_TIME |
		    VFS_SET_CHANGE_TIME,
	SET_OWNER = VFS_SET_MODE | VFS_SET_OWNER | VFS_SET_GROUP,
	SET_LENGTH = VFS_SET_SIZE | VFS_SET_ALLOCATION,
};

static int setattr_check(const struct vfs_setattr *s, const struct memfs_inode *n)
{
	const struct cred *c = memfs_rights(&s->call);
	bool may_write = memfs_may(n, c) & VFS_MAY_WRITE;

	if (s->what & VFS_SET_COMPRESSED) /* none here */
		return -EOPNOTSUPP;
	if ((s->what & SET_LENGTH) && n->type == VFS_DIR)
		return -EISDIR;
	if ((s->what & SET_LENGTH) && !(s->data && memfs_handle_of(s->data)->write) &&
	    !may_write)
		return -EACCES;
	if ((s->what &
	     (SET_TIMES | VFS_SET_DOS_ATTRIBUTES | VFS_SET_SD | VFS_SET_REPARSE)) &&
	    !owns(n, c) && !may_write)
		return -EPERM;
	if ((s->what & SET_OWNER) && !owns(n, c))
		return -EPERM;
	if ((s->what & VFS_SET_OWNER) && c && c->uid != 0 &&
	    s->attr.uid != (n->base ? n->base : n)->uid)
		return -EPERM;
	return 0;
}

static int setattr_length(const struct vfs_setattr *s, struct memfs_inode *n)
{
	int err = 0;

	if (s->what & VFS_SET_SIZE)
		err = memfs_resize(n, s->attr.size);
	if (!err && (s->what & VFS_SET_ALLOCATION)) {
		if (s->attr.allocated > MEMFS_FILE_MAX)
			return -EFBIG;
		if (s->attr.allocated < n->len)
			err = memfs_resize(n, s->attr.allocated);
		n->reserved = (s->attr.allocated + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (!err && (s->what & SET_LENGTH))
		memfs_base(n)->write_time = memfs_now(n->fs);
	return err;
}

static void setattr_rest(const struct vfs_setattr *s, struct memfs_inode *n)
{
	n = memfs_base(n);
	if (s->what & VFS_SET_CREATE_TIME)
		n->create_time = s->attr.create_time;
	if (s->what & VFS_SET_ACCESS_TIME)
		n->access_time = s->attr.access_time;
	if (s->what & VFS_SET_WRITE_TIME)
		n->write_time = s->attr.write_time;
	if (s->what & VFS_SET_CHANGE_TIME)
		n->change_time = s->attr.change_time;
	if (s->what & VFS_SET_DOS_ATTRIBUTES)
		n->dos_attributes = (n->dos_attributes & FILE_ATTRIBUTE_SPARSE_FILE) |
				    (s->attr.dos_attributes &
				     (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
				      FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE));
	if (s->what & VFS_SET_SPARSE)
		n->dos_attributes = (n->dos_attributes & ~FILE_ATTRIBUTE_SPARSE_FILE) |
				    (s->attr.dos_attributes & FILE_ATTRIBUTE_SPARSE_FILE);
	if (s->what & VFS_SET_SD)
		memfs_sd_set(n, s->sd);
	if (s->what & VFS_SET_REPARSE)
		memfs_reparse_set(n, s->reparse);
	if ((s->what & VFS_SET_ARCHIVE) && n->type == VFS_FILE)
		n->dos_attributes |= FILE_ATTRIBUTE_ARCHIVE;
	if (s->what & VFS_SET_MODE)
		n->mode = s->attr.mode;
	if (s->what & VFS_SET_OWNER)
		n->uid = s->attr.uid;
	if (s->what & VFS_SET_GROUP)
		n->gid = s->attr.gid;
}

int memfs_setattr(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_setattr *s = container_of(c, struct vfs_setattr, call);
	struct memfs_inode *n = memfs_inode_of(s->file ? s->file : s->data);
	int err = setattr_check(s, n);

	if (!err)
		err = setattr_length(s, n);
	if (err)
		return err;
	memfs_touched(n, s->what & SET_LENGTH ? FILE_NOTIFY_CHANGE_SIZE
					      : FILE_NOTIFY_CHANGE_ATTRIBUTES);
	setattr_rest(s, n);
	memfs_stat_of(n, &s->stat);
	return 0;
}

/* ---- contents ----------------------------------------------------------------------------------------- */

/* A copy in memory that can be missing from some page on, as that of a mapped file. */
struct memfs_loan {
	uint8_t *p;
	size_t len;
};

static void lend(struct vfs_io *io, const uint8_t *bytes, enum memfs_lend how)
{
	struct memfs_loan *l = memfs_alloc(sizeof(*l));
	size_t there = how == MEMFS_LEND_ALL ? io->done : io->done / 2 & ~(size_t)4095;
	int fd = memfd_create("lent", MFD_CLOEXEC);

	if (fd < 0 || (there && pwrite(fd, bytes, there, 0) != (ssize_t)there))
		abort();
	l->len = io->done;
	l->p = mmap(NULL, l->len, PROT_READ, MAP_SHARED, fd, 0);
	if (l->p == MAP_FAILED)
		abort();
	close(fd);
	io->lender = l;
	io->lent = span_of(l->p, l->len);
}

bool memfs_settle(struct vfs *v, struct vfs_io *io)
{
	struct memfs_loan *l = TAKE(io->lender);

	munmap(l->p, l->len);
	free(l);
	return memfs_handle_of(io->data)->inode->len >= io->off + io->done;
}

int memfs_read(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_io *io = container_of(c, struct vfs_io, call);
	struct memfs_handle *h = memfs_handle_of(io->data);
	enum memfs_lend how;
	size_t left;

	io->done = 0;
	io->lent = (struct span){0};
	if (!h->data || !h->read)
		return -EBADF;
	if (h->inode->type == VFS_DIR)
		return -EISDIR;
	if (io->off >= h->inode->len)
		return 0;
	left = h->inode->len - (size_t)io->off;
	io->done = io->bytes.len < left ? io->bytes.len : left;
	how = io->lend && io->done ? fs->world->lend(fs->world->arg) : MEMFS_LEND_NOT;
	if (how == MEMFS_LEND_NOT)
		memcpy(io->bytes.p, h->inode->data + io->off, io->done);
	else
		lend(io, h->inode->data + io->off, how);
	return 0;
}

/* Bytes on their way to a client. */
struct memfs_piece {
	struct seg_file seg;
	struct vfile *file; /* keeps the inode */
	uint64_t off;       /* of the next byte */
	size_t left;
};

static ssize_t piece_send(struct seg_file *seg, int sock, size_t len, bool more)
{
	return -EBADF; /* there are no sockets here: memfs_piece_take() */
}

static void piece_free(struct seg_file *seg)
{
	struct memfs_piece *p = container_of(seg, struct memfs_piece, seg);

	vfile_put(p->file);
	free(p);
}

void memfs_piece_take(struct seg_file *seg, struct mspan bytes)
{
	struct memfs_piece *p = container_of(seg, struct memfs_piece, seg);
	const struct memfs_inode *n = memfs_inode_of(p->file);
	size_t there = 0;

	if (bytes.len > p->left)
		abort();
	if (p->off < n->len)
		there = n->len - (size_t)p->off;
	if (there > bytes.len)
		there = bytes.len;
	if (there)
		memcpy(bytes.p, n->data + p->off, there);
	memset(bytes.p + there, 0, bytes.len - there);
	p->off += bytes.len;
	p->left -= bytes.len;
}

int memfs_piece(struct memfs *fs, struct vfs_call *c)
{
	static const struct seg_file_ops ops = {.send = piece_send, .free = piece_free};
	struct vfs_piece *in = container_of(c, struct vfs_piece, call);
	struct memfs_handle *h = memfs_handle_of(in->data);
	struct memfs_piece *p;

	in->piece = NULL;
	in->done = 0;
	if (!h->data || !h->read)
		return -EBADF;
	if (h->inode->type == VFS_DIR || !fs->world->piece(fs->world->arg))
		return -EOPNOTSUPP;
	if (in->off >= h->inode->len)
		return 0;
	in->done = h->inode->len - (size_t)in->off;
	if (in->done > in->len)
		in->done = in->len;
	p = memfs_alloc(sizeof(*p));
	*p = (struct memfs_piece){
		.seg = {.ops = &ops, .refs = 1},
		.file = memfs_handle_new(h->inode, false, false, false),
		.off = in->off,
		.left = in->done,
	};
	in->piece = &p->seg;
	return 0;
}

int memfs_write(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_io *io = container_of(c, struct vfs_io, call);
	struct memfs_handle *h = memfs_handle_of(io->data);
	struct memfs_inode *n = h->inode;
	uint64_t end;
	int err = 0;

	io->done = 0;
	if (!h->data || !h->write)
		return -EBADF;
	if (__builtin_add_overflow(io->off, io->bytes.len, &end))
		return -EFBIG;
	if (end > n->len)
		err = memfs_resize(n, end);
	if (err)
		return err;
	memcpy(n->data + io->off, io->bytes.p, io->bytes.len);
	io->done = io->bytes.len;
	memfs_base(n)->write_time = memfs_now(fs);
	memfs_touched(n, FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE);
	return 0;
}

int memfs_copy(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_copy *k = container_of(c, struct vfs_copy, call);
	struct memfs_handle *src = memfs_handle_of(k->src);
	struct memfs_handle *dst = memfs_handle_of(k->data);
	struct memfs_inode *n = dst->inode;
	uint64_t end;
	int err = 0;

	k->done = 0;
	if (!src->data || !src->read || !dst->data || !dst->write)
		return -EBADF;
	if (k->src_off > src->inode->len || k->len > src->inode->len - k->src_off)
		return -ENODATA;
	if (__builtin_add_overflow(k->off, k->len, &end))
		return -EFBIG;
	if (end > n->len)
		err = memfs_resize(n, end);
	if (err)
		return err;
	memmove(n->data + k->off, src->inode->data + k->src_off, k->len);
	k->done = k->len;
	memfs_base(n)->write_time = memfs_now(fs);
	memfs_touched(n, FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE);
	return 0;
}

int memfs_zero(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_zero *z = container_of(c, struct vfs_zero, call);
	struct memfs_handle *h = memfs_handle_of(z->data);
	struct memfs_inode *n = h->inode;
	uint64_t end = z->end < n->len ? z->end : n->len;

	z->done = 0;
	if (!h->data || !h->write)
		return -EBADF;
	if (z->off >= end)
		return 0;
	z->done = end - z->off;
	memset(n->data + z->off, 0, (size_t)z->done);
	memfs_base(n)->write_time = memfs_now(fs);
	memfs_touched(n, FILE_NOTIFY_CHANGE_LAST_WRITE);
	return 0;
}

/* No holes here. */
int memfs_ranges(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_ranges *r = container_of(c, struct vfs_ranges, call);
	struct memfs_handle *h = memfs_handle_of(r->data);

	if (!h->data || !h->read)
		return -EBADF;
	r->list = arena_array(c->arena, 1, sizeof(*r->list));
	if (!r->list)
		return -ENOMEM;
	r->list[0] = r->asked;
	r->count = r->asked.off < r->asked.end;
	r->more = false;
	return 0;
}

int memfs_sync(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_sync *s = container_of(c, struct vfs_sync, call);

	if (fs->world->strict_sync && memfs_handle_of(s->data)->writing)
		return -EBUSY;
	return memfs_handle_of(s->data)->data ? 0 : -EBADF;
}

int memfs_no_clones(struct memfs *fs, struct vfs_call *c)
{
	return -EOPNOTSUPP;
}

int memfs_no_quotas(struct memfs *fs, struct vfs_call *c)
{
	return -EOPNOTSUPP;
}

int memfs_statfs(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_statfs *s = container_of(c, struct vfs_statfs, call);

	s->block_size = BLOCK;
	s->blocks = MEMFS_VOLUME_MAX / BLOCK;
	s->blocks_free = s->blocks_available = (MEMFS_VOLUME_MAX - fs->used) / BLOCK;
	s->volume_id = fs->vfs.volume;
	s->create_time = fs->root->create_time;
	s->name_max = 255;
	s->read_only = false;
	s->fs_name = "memfs";
	return 0;
}

/* ---- extended attributes ------------------------------------------------------------------------------ */

static void ea_free(struct memfs_ea *e)
{
	list_del(&e->node);
	free(e->name);
	free(e->value);
	free(e);
}

void memfs_eas_free(struct memfs_inode *n)
{
	while (!list_empty(&n->eas))
		ea_free(container_of(n->eas.next, struct memfs_ea, node));
}

int memfs_ea_list(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_ea_list *l = container_of(c, struct vfs_ea_list, call);
	struct memfs_inode *n = memfs_base(memfs_inode_of(l->file));
	size_t count = 0;

	if (!(memfs_may(n, memfs_rights(c)) & VFS_MAY_READ))
		return -EACCES;
	list_for_each (it, &n->eas)
		count++;
	l->count = 0;
	l->eas = arena_array(c->arena, count, sizeof(*l->eas));
	if (!l->eas)
		return -ENOMEM;
	list_for_each (it, &n->eas) {
		const struct memfs_ea *e = container_of(it, struct memfs_ea, node);
		struct vfs_ea *out = &l->eas[l->count++];

		out->name = arena_strdup(c->arena, e->name);
		out->value = span_of(arena_dup(c->arena, span_of(e->value, e->len)),
				     e->len);
		if (!out->name || !out->value.p)
			return -ENOMEM;
	}
	return 0;
}

static void ea_set(struct memfs_inode *n, const struct vfs_ea *in)
{
	struct memfs_ea *fresh;

	list_for_each (it, &n->eas) {
		struct memfs_ea *e = container_of(it, struct memfs_ea, node);

		if (utf8_eq_nocase(e->name, in->name))
			ea_free(e);
	}
	if (in->value.len == 0)
		return;
	fresh = memfs_alloc(sizeof(*fresh));
	fresh->name = strdup(in->name);
	fresh->value = memfs_alloc(in->value.len);
	if (!fresh->name)
		abort();
	memcpy(fresh->value, in->value.p, in->value.len);
	fresh->len = in->value.len;
	list_add_tail(&n->eas, &fresh->node);
}

int memfs_ea_set(struct memfs *fs, struct vfs_call *c)
{
	struct vfs_ea_set *s = container_of(c, struct vfs_ea_set, call);
	struct memfs_inode *n = memfs_base(memfs_inode_of(s->file));

	if (!(memfs_may(n, memfs_rights(c)) & VFS_MAY_WRITE))
		return -EACCES;
	for (size_t i = 0; i < s->count; i++)
		ea_set(n, &s->eas[i]);
	memfs_touched(n, FILE_NOTIFY_CHANGE_EA);
	return 0;
}

/* Below and with n, named streams included. */
static struct memfs_inode *inode_of_number(struct memfs_inode *n, uint64_t number)
{
	if (n->number == number)
		return n;
	list_for_each (it, &n->streams) {
		struct memfs_inode *s = container_of(it, struct memfs_inode, in_base);

		if (s->number == number)
			return s;
	}
	list_for_each (it, &n->names) {
		struct memfs_inode *found = inode_of_number(
			container_of(it, struct memfs_name, node)->inode, number);

		if (found)
			return found;
	}
	return NULL;
}

struct memfs_inode *memfs_inode_of_number(struct vfs *v, uint64_t number)
{
	return inode_of_number(memfs_of(v)->root, number);
}

bool memfs_peek(struct vfs *v, uint64_t number, struct span *ret_data)
{
	struct memfs_inode *n = memfs_inode_of_number(v, number);

	if (n)
		*ret_data = span_of(n->data, n->len);
	return n != NULL;
}
