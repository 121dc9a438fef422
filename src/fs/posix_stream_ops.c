/*
 * posix_stream_ops.c - VFS_STREAM_*: making, finding, renaming, removing and listing named streams, in the pool.
 *
 * Within the server the turns of stream names keep changes of one name apart; the kernel does it for others, as a record
 * is only made where there is none.
 */
#include "fs/posix_stream.h"

#include "wire/utf16.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The record of which stream, of which file. */
struct place {
	struct posix_volume *v;
	struct posix_file *f; /* the file, or a stream of it */
	struct posix_base base;
	struct stream_xattr xattr;
};

static bool can_have_streams(const struct posix_file *f)
{
	return f->type == VFS_FILE || f->type == VFS_DIR;
}

static int place_of(struct posix_volume *v, struct posix_file *f, const char *name,
		    struct arena *a, struct place *ret_place)
{
	struct place p = {.v = v, .f = f};
	int err;

	if (!can_have_streams(f))
		return -EOPNOTSUPP;
	err = stream_check_name(span_of_str(name));
	if (!err)
		err = stream_xattr_of(a, name, &p.xattr);
	if (!err)
		err = posix_base_of(f->fd, &p.base);
	if (!err)
		*ret_place = p;
	return err;
}

/* Asks as the call's user, whatever the thread was before; where fs/access.c has said yes nobody is asked. */
static int check_may(struct posix_file *f, const struct vfs_call *c, unsigned needed)
{
	struct statx stx;
	int err;

	if (c->raised)
		return 0;
	err = posix_statx(f->fd, "", &stx);
	if (err)
		return err;
	posix_act_as(f->vol, c->cred);
	return (posix_may(f->vol, c->cred, f->fd, &stx) & needed) == needed ? 0 : -EACCES;
}

/* ---- finding ------------------------------------------------------------------------------------ */

static int copy_name(struct posix_stream *s, struct arena *a, const char **ret_name)
{
	char *name = arena_alloc(a, sizeof(s->name));

	if (!name)
		return -ENOMEM;
	LOCK_SCOPE(&s->lock);
	memcpy(name, s->name, sizeof(s->name));
	*ret_name = name;
	return 0;
}

/* Another handle on the file, which stands for the stream; takes s over, also on failure. */
static struct posix_file *handle_new(struct posix_file *f, struct posix_stream *s)
{
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	struct posix_file *h = NULL;

	if (fd >= 0)
		h = posix_file_new(f->vol, fd, f->type, f->fs);
	if (!h) {
		posix_stream_put(f->vol->streams, s);
		return NULL;
	}
	h->dot_name = f->dot_name;
	h->stream = s;
	return h;
}

/* What the record at p means, loaded and counted. -ENOENT: nothing. */
static int find(const struct place *p, const char *name, struct posix_stream **ret_stream)
{
	struct posix_streams *t = p->v->streams;
	uint8_t buf[STREAM_RECORD_MAX];
	char stored[STREAM_NAME_MAX + 1];
	struct stream_record r;
	struct posix_stream *s;
	int err;

	err = posix_record_read(p->v, p->f->fd, p->xattr.name, buf, &r);
	if (err)
		return err == -ENODATA || err == -EBADMSG ? -ENOENT : err;
	memcpy(stored, r.name.p, r.name.len);
	stored[r.name.len] = '\0';
	if (!utf8_eq_nocase(stored, name)) /* somebody else's idea of a record */
		return -ENOENT;
	s = posix_stream_get(t, &p->base, r.id, true);
	if (!s)
		return -ENOMEM;
	err = posix_stream_load(p->v, s, p->f->fd, &p->xattr);
	if (err) {
		posix_stream_put(t, s);
		return err == -EBADMSG ? -ENOENT : err;
	}
	*ret_stream = s;
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------- */

static int fresh_id(uint8_t ret_id[STREAM_ID_LEN])
{
	do {
		if (getrandom(ret_id, STREAM_ID_LEN, 0) != STREAM_ID_LEN)
			return -EIO;
	} while (stream_id_key(ret_id) == 0);
	return 0;
}

/* A record that leads nowhere (copied from another file, or damaged) has its name taken. */
static int make(const struct place *p, const struct vfs_stream_open *o)
{
	struct stream_record r = {.name = span_of_str(o->name)};
	int err;

	err = check_may(p->f, &o->call, VFS_MAY_WRITE);
	if (!err)
		err = fresh_id(r.id);
	if (err)
		return err;
	err = posix_record_write(p->v, p->f->fd, p->xattr.name, &r, XATTR_CREATE);
	if (err == -EEXIST)
		err = posix_record_write(p->v, p->f->fd, p->xattr.name, &r,
					 XATTR_REPLACE);
	return err;
}

int posix_stream_open(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_stream_open *o = container_of(c, struct vfs_stream_open, call);
	struct posix_stream *s;
	struct posix_file *h;
	struct place p;
	int err;

	err = place_of(v, posix_file_of(o->file), o->name, c->arena, &p);
	if (err)
		return err;
	err = find(&p, o->name, &s);
	o->created = err == -ENOENT && o->create;
	if (o->created) {
		err = make(&p, o);
		if (!err)
			err = find(&p, o->name, &s);
	}
	if (err)
		return err;
	h = handle_new(p.f, s);
	if (!h)
		return -ENOMEM;
	err = copy_name(s, c->arena, &o->stored_name);
	if (!err)
		err = posix_stat_file(h, c->cred, &o->stat);
	if (err)
		vfile_put(&h->vf);
	else
		o->stream = &h->vf;
	return err;
}

/* A handle for content is one more on the path; what it may do was checked here. */
int posix_stream_open_data(struct vfs_open *o, enum posix_where where)
{
	struct posix_file *f = posix_file_of(o->file), *h;
	unsigned needed = (o->read ? VFS_MAY_READ : 0) |
			  (o->write || o->truncate ? VFS_MAY_WRITE : 0);
	struct posix_stream *s;
	int err;

	if (where == POSIX_INLINE)
		return -EAGAIN;
	err = check_may(f, &o->call, needed);
	if (!err && o->truncate)
		err = posix_stream_resize(f, 0);
	if (err)
		return err;
	s = posix_stream_get(f->vol->streams, &f->stream->base, f->stream->id, false);
	h = s ? handle_new(f, s) : NULL;
	if (!h)
		return -ENOMEM;
	err = posix_stat_file(h, o->call.cred, &o->stat);
	if (err)
		vfile_put(&h->vf);
	else
		o->data = &h->vf;
	return err;
}

/* ---- removing ----------------------------------------------------------------------------------- */

/* Its record and content. Handles there are keep what is in memory, or the content file without its name. */
static int remove_image(struct posix_file *f, struct posix_stream *s)
{
	int err;

	LOCK_SCOPE(&s->lock);
	if (s->removed)
		return -ESTALE;
	err = posix_record_remove(f->vol, f->fd, s->xattr.name);
	if (err)
		return err == -ENODATA ? -ESTALE : err;
	s->removed = true;
	if (posix_stream_fd(s) >= 0)
		posix_content_remove(f->vol, &s->base, s->id);
	return 0;
}

int posix_stream_remove(struct posix_volume *v, struct vfs_call *c,
			enum posix_where where)
{
	struct vfs_stream_remove *r = container_of(c, struct vfs_stream_remove, call);
	struct posix_file *f = posix_file_of(r->file);
	int err;

	if (!f->stream)
		return -EINVAL;
	err = check_may(f, c, VFS_MAY_WRITE);
	return err ? err : remove_image(f, f->stream);
}

/* ---- all records of a file ----------------------------------------------------------------------- */

struct each {
	struct posix_volume *v;
	struct posix_file *f; /* NULL: only fd is known, which is about to go */
	int fd;
	struct posix_base base;
	int (*one)(struct each *e, const char *xattr, const struct stream_record *r);
	void *arg;
};

/* Records that are none are passed over. */
static int each_stream(struct each *e, struct arena *a)
{
	uint8_t buf[STREAM_RECORD_MAX];
	struct stream_record r;
	char *names;
	size_t len;
	int err;

	err = posix_base_of(e->fd, &e->base);
	if (!err)
		err = posix_record_names(e->fd, a, &names, &len);
	for (size_t i = 0; !err && i < len; i += sizeof(struct stream_xattr)) {
		err = posix_record_read(e->v, e->fd, names + i, buf, &r);
		if (!err)
			err = e->one(e, names + i, &r);
		else if (err == -ENODATA || err == -EBADMSG)
			err = 0;
	}
	return err;
}

static int empty_or_remove(struct each *e, const char *xattr,
			   const struct stream_record *r)
{
	struct posix_streams *t = e->v->streams;
	struct posix_stream *s = posix_stream_get(t, &e->base, r->id, false);
	struct posix_file *h;
	int err;

	if (!s) {
		err = posix_record_remove(e->v, e->fd, xattr);
		if (!err && r->in_file)
			posix_content_remove(e->v, &e->base, r->id);
		return err == -ENODATA ? 0 : err;
	}
	h = handle_new(e->f, s);
	if (!h)
		return -ENOMEM;
	err = posix_stream_resize(h, 0);
	vfile_put(&h->vf);
	return err;
}

int posix_stream_clear(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_stream_remove *r = container_of(c, struct vfs_stream_remove, call);
	struct posix_file *f = posix_file_of(r->file);
	struct each e = {.v = v, .f = f, .fd = f->fd, .one = empty_or_remove};
	char *names;
	size_t len;
	int err;

	if (!can_have_streams(f))
		return 0;
	if (where == POSIX_INLINE && !f->fs->local)
		return -EAGAIN;
	err = posix_record_names(f->fd, c->arena, &names, &len);
	if (err || len == 0) /* as a rule */
		return err;
	if (where == POSIX_INLINE)
		return -EAGAIN;
	err = check_may(f, c, VFS_MAY_WRITE);
	return err ? err : each_stream(&e, c->arena);
}

/* ---- listing ------------------------------------------------------------------------------------ */

/* Sizes of one that nobody has open. */
static int stored_size(struct each *e, const struct stream_record *r,
		       struct vfs_stream *out)
{
	out->size = r->content.len;
	out->allocated = (out->size + 7) / 8 * 8;
	if (!r->in_file)
		return 0;
	return posix_content_size(e->v, &e->base, r->id, &out->size, &out->allocated);
}

static int list_one(struct each *e, const char *xattr, const struct stream_record *r)
{
	struct vfs_stream_list *l = e->arg;
	struct vfs_stream *out = &l->streams[l->count];
	struct posix_streams *t = e->v->streams;
	struct posix_stream *s = posix_stream_get(t, &e->base, r->id, false);
	struct vfs_stat st = {0};
	char *name;

	if (s) {
		posix_stream_stat(s, &st);
		posix_stream_put(t, s);
		out->size = st.size;
		out->allocated = st.allocated;
	} else if (stored_size(e, r, out) != 0) {
		return 0; /* leads nowhere */
	}
	name = arena_alloc(l->call.arena, r->name.len + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, r->name.p, r->name.len);
	name[r->name.len] = '\0';
	out->name = name;
	l->count++;
	return 0;
}

int posix_stream_list(struct posix_volume *v, struct vfs_call *c, enum posix_where where)
{
	struct vfs_stream_list *l = container_of(c, struct vfs_stream_list, call);
	struct posix_file *f = posix_file_of(l->file);
	struct each e = {.v = v, .f = f, .fd = f->fd, .one = list_one, .arg = l};

	l->count = 0;
	l->streams = NULL;
	if (!can_have_streams(f))
		return 0;
	l->streams = arena_array(c->arena, XATTR_LIST_MAX / sizeof(struct stream_xattr),
				 sizeof(*l->streams));
	return l->streams ? each_stream(&e, c->arena) : -ENOMEM;
}

/* ---- renaming ----------------------------------------------------------------------------------- */

/* What bears the new name goes, if nobody has it open and it is empty. */
static int replace(const struct place *to, const char *name, bool may)
{
	struct posix_streams *t = to->v->streams;
	struct vfs_stat st = {0};
	struct posix_stream *s;
	int err;

	err = find(to, name, &s);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = -EEXIST;
	posix_stream_stat(s, &st);
	if (may && !posix_stream_is_shared(t, s))
		err = st.size ? -ENOTEMPTY : remove_image(to->f, s);
	posix_stream_put(t, s);
	return err;
}

/* The new record, then the old one goes: both lead to the same content in between. */
static int rename_image(const struct place *to, struct posix_stream *s, const char *name)
{
	struct stream_record r = {
		.name = span_of_str(name),
		.in_file = posix_stream_fd(s) >= 0,
		.content = span_of(s->bytes, atomic_load(&s->len)),
	};
	bool same = strcmp(s->xattr.name, to->xattr.name) == 0;
	int err;

	if (s->removed)
		return -ESTALE;
	memcpy(r.id, s->id, sizeof(r.id));
	err = posix_record_write(to->v, to->f->fd, to->xattr.name, &r,
				 same ? XATTR_REPLACE : 0);
	if (!err && !same)
		err = posix_record_remove(to->v, to->f->fd, s->xattr.name);
	if (err)
		return err;
	s->xattr = to->xattr;
	memcpy(s->name, name, strlen(name) + 1);
	return 0;
}

int posix_stream_rename(struct posix_volume *v, struct vfs_call *c,
			enum posix_where where)
{
	struct vfs_stream_rename *r = container_of(c, struct vfs_stream_rename, call);
	struct posix_file *f = posix_file_of(r->stream);
	struct posix_stream *s = f->stream;
	struct place to;
	bool same;
	int err;

	if (!s)
		return -EINVAL;
	err = place_of(v, f, r->name, c->arena, &to);
	if (!err)
		err = check_may(f, c, VFS_MAY_WRITE);
	if (err)
		return err;
	{
		LOCK_SCOPE(&s->lock);
		same = strcmp(s->xattr.name, to.xattr.name) == 0;
	}
	err = same ? 0 : replace(&to, r->name, r->replace);
	if (err)
		return err;
	LOCK_SCOPE(&s->lock);
	return rename_image(&to, s, r->name);
}

/* ---- the file changes hands ---------------------------------------------------------------------- */

static int own_content(struct each *e, const char *xattr, const struct stream_record *r)
{
	int fd = r->in_file ? posix_content_open(e->v, &e->base, r->id, false) : -ENOENT;

	if (fd < 0)
		return 0;
	(void)!posix_content_own(e->v, &e->base, fd);
	close(fd);
	return 0;
}

void posix_streams_follow(struct posix_file *f, struct arena *a)
{
	struct each e = {.v = f->vol, .f = f, .fd = f->fd, .one = own_content};

	/* whose quota they use is all that depends on it */
	(void)!each_stream(&e, a);
}

/* ---- the file goes ------------------------------------------------------------------------------- */

int posix_doom_begin(struct posix_doomed *d, struct posix_volume *v, struct vfs_call *c,
		     int dirfd, const char *name, enum posix_where where)
{
	char *names;
	size_t len;
	int fd, err;

	*d = (struct posix_doomed){.vol = v, .arena = c->arena, .fd = -1};
	fd = posix_resolve(v, dirfd, name, O_PATH | O_NOFOLLOW, 0, where);
	if (fd < 0)
		return fd;
	err = posix_record_names(fd, c->arena, &names, &len);
	if (err || len == 0) { /* what cannot be asked has none: links, devices */
		close(fd);
		return 0;
	}
	d->fd = fd;
	return where == POSIX_INLINE ? -EAGAIN : 0;
}

static int drop_content(struct each *e, const char *xattr, const struct stream_record *r)
{
	if (r->in_file)
		posix_content_remove(e->v, &e->base, r->id);
	return 0;
}

void posix_doom_carry_out(struct posix_doomed *d)
{
	struct each e = {.v = d->vol, .fd = d->fd, .one = drop_content};
	struct stat st;

	if (d->fd < 0 || fstat(d->fd, &st) < 0 ||
	    (st.st_nlink > 0 && !S_ISDIR(st.st_mode)))
		return;
	/* what cannot be read any more stays as a file that nothing leads to */
	(void)!each_stream(&e, d->arena);
}

void posix_doom_end(struct posix_doomed *d)
{
	posix_closep(&d->fd);
	d->fd = -1;
}
