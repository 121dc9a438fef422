#include "box.h"
#include "fs/node.h"
#include "fs/state.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>

/* A back end that can do nothing but close: it counts. */
struct fake_vfs {
	struct vfs vfs;
	atomic_int handles;
};

struct fake_file {
	struct vfile file;
	struct fake_vfs *vfs;
};

static void fake_close(struct vfile *f)
{
	struct fake_file *ff = container_of(f, struct fake_file, file);

	atomic_fetch_sub(&ff->vfs->handles, 1);
	free(ff);
}

static const struct vfs_ops fake_ops = {.close = fake_close};

static struct vfile *fake_file(struct fake_vfs *v)
{
	struct fake_file *ff = calloc(1, sizeof(*ff));

	CHECK(ff);
	ff->file.refs = 1;
	ff->file.ops = &fake_ops;
	ff->vfs = v;
	atomic_fetch_add(&v->handles, 1);
	return &ff->file;
}

struct rig {
	struct fake_vfs vfs;
	struct state *state;
	struct node_table *table;
	struct box box;
};

static void rig_init(struct rig *r)
{
	static const uint8_t key[16] = {1, 2, 3};

	*r = (struct rig){.vfs.vfs.ops = &fake_ops};
	r->state = state_new(0, key);
	CHECK(r->state);
	r->table = node_table_new(r->state, key);
	CHECK(r->table);
	box_init(&r->box);
}

/* Nothing may be left. */
static void rig_fini(struct rig *r)
{
	CHECK_EQ(node_table_count(r->table), 0);
	CHECK_EQ(r->vfs.handles, 0);
	node_table_free(r->table);
	state_free(r->state);
}

static struct node *find_or_new(struct rig *r, uint64_t inode, struct node *parent,
				const char *name)
{
	struct vfs_stat stat = {.key = {.volume = 1, .inode = inode}, .type = VFS_DIR};
	struct vfile *f = fake_file(&r->vfs);
	struct node *n = node_find_or_new(r->table, &stat, f, parent, name);

	CHECK(n);
	vfile_put(f); /* the node has its own */
	return n;
}

TEST(one_node_for_one_file)
{
	struct node_key other = {.volume = 1, .inode = 7, .generation = 1};
	struct node_key same = {.volume = 1, .inode = 7};
	struct node *a, *b;
	struct rig r;

	rig_init(&r);
	a = find_or_new(&r, 7, NULL, "");
	b = find_or_new(&r, 7, NULL, "another name");
	CHECK(a == b);
	CHECK_STR(a->name, ""); /* what it was first known as */
	CHECK_EQ(r.vfs.handles, 1);
	CHECK_EQ(node_table_count(r.table), 1);
	CHECK(a->directory);
	b = node_find(r.table, &same);
	CHECK(a == b);
	CHECK(!node_find(r.table, &other));
	node_put(a);
	node_put(a);
	CHECK_EQ(node_table_count(r.table), 1);
	node_put(a);
	CHECK(!node_find(r.table, &same));
	node_put(NULL);
	rig_fini(&r);
}

TEST(a_node_keeps_its_parent)
{
	struct node *dir, *file;
	struct rig r;

	rig_init(&r);
	dir = find_or_new(&r, 1, NULL, "");
	file = find_or_new(&r, 2, dir, "file");
	node_put(dir);
	CHECK_EQ(node_table_count(r.table), 2);
	CHECK_EQ(file->parent->key.inode, 1);
	node_put(file);
	rig_fini(&r);
}

static struct node *stream_of(struct rig *r, struct node *base, uint64_t stream,
			      const char *name)
{
	struct vfs_stat stat = {.key = base->key, .type = VFS_FILE};
	struct vfile *f = fake_file(&r->vfs);
	struct node *n;

	stat.key.stream = stream;
	n = node_find_or_new_stream(r->table, &stat, f, base, name);
	CHECK(n);
	vfile_put(f);
	return n;
}

TEST(a_stream_keeps_its_file_and_is_another_node)
{
	struct node *file, *one, *two, *again;
	struct rig r;

	rig_init(&r);
	file = find_or_new(&r, 2, NULL, "file");
	one = stream_of(&r, file, 11, "one");
	two = stream_of(&r, file, 12, "two");
	again = stream_of(&r, file, 11, "one");
	CHECK(one == again && one != two && one != file);
	CHECK(node_base(one) == file && node_base(file) == file);
	CHECK_EQ(file->streams, 2);
	CHECK(one->state != two->state && one->state != file->state);
	CHECK(!one->directory);
	node_put(file);
	CHECK_EQ(node_table_count(r.table), 3);
	node_put(two);
	CHECK_EQ(file->streams, 1);
	node_put(again);
	node_put(one);
	rig_fini(&r);
}

TEST(a_stream_is_renamed_without_a_parent)
{
	CLEANUP(arena_fini) struct arena a;
	struct node *file, *stream, *parent;
	const char *name;
	struct rig r;

	arena_init(&a, 1 << 16);
	rig_init(&r);
	file = find_or_new(&r, 2, NULL, "file");
	stream = stream_of(&r, file, 11, "one");
	CHECK_EQ(node_moved(stream, NULL, "other"), 0);
	CHECK_EQ(node_name(stream, &a, &parent, &name), 0);
	CHECK_STR(name, "other");
	CHECK(!parent);
	CHECK_STR(node_stream_turn_name(name, &a), ":other");
	node_put(stream);
	node_put(file);
	rig_fini(&r);
}

static void *put_it(void *n)
{
	node_put(n);
	return NULL;
}

TEST(the_end_of_a_deep_tree_does_not_need_a_deep_stack)
{
	enum { DEPTH = 50000, STACK = 256 * 1024 };
	struct node *leaf = NULL;
	pthread_attr_t attr;
	pthread_t t;
	struct rig r;

	rig_init(&r);
	for (uint64_t i = 0; i < DEPTH; i++) {
		struct node *parent = leaf;

		leaf = find_or_new(&r, i, parent, "d");
		node_put(parent);
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	CHECK_EQ(pthread_create(&t, &attr, put_it, leaf), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
	rig_fini(&r);
}

TEST(the_name_follows_a_rename)
{
	struct node *from, *to, *file, *parent;
	const char *name;
	struct arena a;
	char longer[400];
	struct rig r;

	rig_init(&r);
	arena_init(&a, 4096);
	from = find_or_new(&r, 1, NULL, "");
	to = find_or_new(&r, 2, NULL, "");
	file = find_or_new(&r, 3, from, "old");
	CHECK_EQ(node_name(file, &a, &parent, &name), 0);
	CHECK_STR(name, "old");
	CHECK(parent == from);
	node_put(parent);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK_EQ(node_moved(file, to, longer), 0);
	node_put(from);
	CHECK_EQ(node_table_count(r.table), 2); /* the old parent has gone */
	CHECK_EQ(node_name(file, &a, &parent, &name), 0);
	CHECK_STR(name, longer);
	CHECK(parent == to);
	node_put(parent);
	CHECK_EQ(node_name(to, &a, &parent, &name), 0);
	CHECK(!parent); /* a root */
	node_put(file);
	node_put(to);
	arena_fini(&a);
	rig_fini(&r);
}

TEST(a_name_needs_room)
{
	struct node *n, *parent = NULL;
	const char *name = NULL;
	struct arena a;
	struct rig r;

	rig_init(&r);
	arena_init(&a, 0);
	n = find_or_new(&r, 1, NULL, "name");
	CHECK_EQ(node_name(n, &a, &parent, &name), -ENOMEM);
	CHECK(!parent && !name);
	node_put(n);
	arena_fini(&a);
	rig_fini(&r);
}

/* Somebody who wants the turn of a name. */
struct taker {
	struct wait wait;
	struct turn_ref ref;
	struct name_turn *turn;
	bool has;
};

static void taker_has_it(struct wait *w)
{
	CHECK_EQ(w->err, 0);
	container_of(w, struct taker, wait)->has = true;
}

static void take(struct rig *r, struct taker *t, struct node *parent, const char *name)
{
	*t = (struct taker){0};
	wait_init(&t->wait, &r->box.mb);
	t->turn = name_turn_take(parent, name, &t->ref, wait_arm(&t->wait, taker_has_it));
	CHECK(t->turn);
	box_run(&r->box);
}

static void give(struct rig *r, struct taker *t)
{
	name_turn_give(t->turn, &t->ref);
	box_run(&r->box);
}

TEST(names_take_turns)
{
	struct taker first, other_case, other_dir, other_name;
	struct node *d1, *d2;
	struct rig r;

	rig_init(&r);
	d1 = find_or_new(&r, 1, NULL, "");
	d2 = find_or_new(&r, 2, NULL, "");
	take(&r, &first, d1, "Na\xC3\xA4me");
	take(&r, &other_case, d1, "nA\xC3\x84ME");
	take(&r, &other_dir, d2, "Na\xC3\xA4me");
	take(&r, &other_name, d1, "Naame");
	CHECK(first.has && !other_case.has && other_dir.has && other_name.has);
	CHECK(first.turn == other_case.turn);
	give(&r, &first);
	CHECK(other_case.has);
	take(&r, &first, d1, "NA\xC3\xA4ME");
	CHECK(!first.has);
	node_put(d1);
	node_put(d2); /* the turns keep them */
	CHECK_EQ(node_table_count(r.table), 2);
	give(&r, &other_dir);
	give(&r, &other_name);
	give(&r, &other_case);
	CHECK(first.has);
	give(&r, &first);
	rig_fini(&r);
}

TEST(turns_of_a_name_are_given_in_the_order_of_asking)
{
	struct taker t[3];
	struct node *d;
	struct rig r;

	rig_init(&r);
	d = find_or_new(&r, 1, NULL, "");
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		take(&r, &t[i], d, "x");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK(t[i].has);
		CHECK(i == 2 || !t[i + 1].has);
		give(&r, &t[i]);
	}
	node_put(d);
	rig_fini(&r);
}

enum { THREADS = 4, ROUNDS = 3000, FILES = 3 };

struct worker {
	pthread_t thread;
	struct rig *rig;
	struct node *dir;
	unsigned seed;

	struct box box; /* the turns' part */
	struct taker taker;
	int *holders; /* touched by who has the turn: plain on purpose, TSan watches */
	int rounds;
};

static void run_threads(struct rig *r, void *(*run)(void *arg), struct node *dir)
{
	struct worker k[THREADS];
	int holders = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		k[i] = (struct worker){
			.rig = r, .dir = dir, .seed = i, .holders = &holders};
		box_init(&k[i].box);
		CHECK_EQ(pthread_create(&k[i].thread, NULL, run, &k[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(k[i].thread, NULL);
}

static void *find_and_put(void *arg)
{
	struct worker *k = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t inode = 10 + (uint64_t)rand_r(&k->seed) % FILES;
		struct node *n = find_or_new(k->rig, inode, k->dir, "f"), *parent;
		const char *name;
		struct arena a;

		CHECK_EQ(n->key.inode, inode);
		arena_init(&a, 1024);
		CHECK_EQ(node_moved(n, k->dir, i % 2 ? "even" : "odd, and longer"), 0);
		CHECK_EQ(node_name(n, &a, &parent, &name), 0);
		CHECK(parent == k->dir);
		CHECK(name[0] == 'f' || name[0] == 'e' || name[0] == 'o');
		node_put(parent);
		arena_fini(&a);
		node_put(n);
	}
	return NULL;
}

TEST(nodes_among_threads)
{
	struct node *dir;
	struct rig r;

	rig_init(&r);
	dir = find_or_new(&r, 1, NULL, "");
	run_threads(&r, find_and_put, dir);
	node_put(dir);
	rig_fini(&r);
}

static void worker_next(struct worker *k);

static void worker_has_it(struct wait *w)
{
	struct worker *k = container_of(w, struct worker, taker.wait);

	CHECK_EQ(++*k->holders, 1);
	--*k->holders;
	name_turn_give(k->taker.turn, &k->taker.ref);
	if (++k->rounds < ROUNDS)
		worker_next(k);
	else
		box_stop(&k->box);
}

static void worker_next(struct worker *k)
{
	k->taker.turn = name_turn_take(k->dir, k->rounds % 2 ? "name" : "NAME",
				       &k->taker.ref,
				       wait_arm(&k->taker.wait, worker_has_it));
	CHECK(k->taker.turn);
}

static void *take_turns(void *arg)
{
	struct worker *k = arg;

	wait_init(&k->taker.wait, &k->box.mb);
	worker_next(k);
	box_loop(&k->box);
	return NULL;
}

TEST(name_turns_among_threads)
{
	struct node *dir;
	struct rig r;

	rig_init(&r);
	dir = find_or_new(&r, 1, NULL, "");
	run_threads(&r, take_turns, dir);
	node_put(dir);
	rig_fini(&r);
}

TEST_MAIN()
