/*
 * The tree of mounts.
 *
 *   mount ──root──► dentry of its file system            found by (parent mount, mountpoint dentry) in a hash table, so that the
 *     │                                                  path walk crosses it in one step; dentry->mounted says whether to ask
 *     └─parent, mountpoint─► where it hangs
 *
 * References: the tree holds one to each mount in it, and a mount holds one to its parent and to its mountpoint; open files and
 * paths hold the others. A mount that was taken off the tree lives until the last of those goes (MNT_DETACH).
 *
 * Every open and close counts a mount, mostly the same few ones, so each CPU counts for itself, and only the sum means something. While a mount is
 * kept by its tree nobody needs the sum. Afterwards (once those are done who saw it kept) references are dropped under mount_lock, and whoever
 * drops one looks whether the sum is 0. A reference that is taken meanwhile may be missed, but whoever takes it holds another, which was counted, and which
 * cannot be dropped before we let go of the lock. So each put on a mount that is off the tree stops the walks that cross mounts for a moment.
 *
 * Locks: mount_mutex serialises all changes; mount_lock (readers spin) guards hash, parent and mountpoint.
 */
#include "vfs_priv.h"
#include "core/panic.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/slab.h"

#define MOUNT_BUCKETS 256
u64 mounts_max = 100000; /* a recursive bind of the root onto itself doubles them each time. Each takes two cache lines for every CPU */

struct mutex mount_mutex;
struct rwspin mount_lock = RWSPIN_INIT("mounts", RANK_DENTRY - 6);
struct mount *root_mount;
static struct hlist_head table[MOUNT_BUCKETS]; /* mount_lock */
static struct list all = LIST_INIT(all);       /* mount_lock: in order of mounting */
static u32 mounted;                            /* mount_lock: how many are in it */
static u32 next_id = 1;
static u64 changes = 1;                        /* atomic */
WAIT_QUEUE(mount_wait);

static struct hlist_head *bucket(const struct mount *m, const struct dentry *d)
{
	return &table[hash_u64((u64)m ^ (u64)d << 1) % MOUNT_BUCKETS];
}

u64 mount_changes(void)
{
	return atomic_load_acquire(&changes);
}

void mount_changed(void)
{
	atomic_fetch_add(&changes, 1ul);
	wait_wake(&mount_wait, ~0u, (void *)(u64)(POLLERR | POLLPRI));
}

/* --- references ------------------------------------------------------------------------------------------------------- */

void mount_get(struct mount *m)
{
	atomic_fetch_add(&m->counts[cpu_id()].n, 1ul);
}

u64 mount_references(const struct mount *m)
{
	u64 sum = 0;

	for (u32 i = 0; i < cpu_count; i++)
		sum += atomic_load(&m->counts[i].n);
	return sum;
}

/* Whether it was the last. */
static bool drop(struct mount *m)
{
	bool kept;
	u64 left;

	grace_enter();
	kept = READ_ONCE(m->kept);
	if (likely(kept))
		atomic_fetch_sub(&m->counts[cpu_id()].n, 1ul);
	grace_exit();
	if (likely(kept))
		return false;
	write_lock(&mount_lock);
	atomic_fetch_sub(&m->counts[cpu_id()].n, 1ul);
	left = mount_references(m);
	write_unlock(&mount_lock);
	if ((s64)left < 0)
		panic("put of a mount that has no references");
	return !left;
}

void mount_put(struct mount *m)
{
	while (m && drop(m)) {
		struct superblock *sb = m->sb;
		struct mount *parent = m->parent;
		struct dentry *at = m->mountpoint;

		dentry_put(m->root);
		if (atomic_sub_return(&sb->mount_count, 1u) == 0)
			superblock_put(sb);
		kfree(m->source);
		kfree(m->counts);
		write_gate_destroy(&m->gate);
		kfree(m);
		if (at)
			dentry_put(at);
		m = parent;
	}
}

void path_get(const struct path *p)
{
	mount_get(p->mount);
	dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
	if (p->dentry)
		dentry_put(p->dentry);
	if (p->mount)
		mount_put(p->mount);
}

/* A mount of sb that shows the tree below root; in no tree yet. root is counted by it. NULL: memory is short. */
struct mount *mount_alloc(struct superblock *sb, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m), 0);

	if (!m)
		return NULL;
	m->source = kstrdup(source, 0);
	m->counts = kzalloc(cpu_count * sizeof(*m->counts), 0);
	if (write_gate_init(&m->gate) || !m->source || !m->counts) {
		write_gate_destroy(&m->gate);
		kfree(m->counts);
		kfree(m->source);
		kfree(m);
		return NULL;
	}
	m->counts[0].n = 1;
	m->id = atomic_fetch_add(&next_id, 1u);
	m->sb = sb;
	atomic_fetch_add(&sb->mount_count, 1u);
	dentry_get(root);
	m->root = root;
	m->flags = flags;
	m->detached = true;
	list_init(&m->children);
	list_init(&m->sibling);
	list_init(&m->all_link);
	return m;
}

struct mount *mount_of_superblock(struct superblock *sb, const char *source)
{
	struct mount *m = mount_alloc(sb, sb->root, source, MS_NOATIME);

	if (m)
		m->kept = true;
	return m;
}

static struct mount *find(struct mount *m, struct dentry *d)
{
	hlist_for_each(p, bucket(m, d)) {
		struct mount *c = container_of(p, struct mount, hash);
		if (c->parent == m && c->mountpoint == d)
			return c;
	}
	return NULL;
}

struct mount *mount_on(struct mount *m, struct dentry *d)
{
	struct mount *top = NULL;

	if (unlikely(READ_ONCE(d->mounted))) {
		read_lock(&mount_lock);
		top = find(m, d);
		if (top)
			mount_get(top);
		read_unlock(&mount_lock);
	}
	return top;
}

void mount_follow_down(struct path *p)
{
	struct mount *m;

	while ((m = mount_on(p->mount, p->dentry))) {
		dentry_get(m->root);
		path_put(p);
		p->mount = m;
		p->dentry = m->root;
	}
}

/* From the root of a mount to where it hangs: false at the top of the tree. */
static bool mount_follow_up(struct path *p)
{
	struct path up = { NULL, NULL };

	read_lock(&mount_lock);
	if (p->mount->parent) {
		up.mount = p->mount->parent;
		up.dentry = p->mount->mountpoint;
		path_get(&up);
	}
	read_unlock(&mount_lock);
	if (!up.mount)
		return false;
	path_put(p);
	*p = up;
	return true;
}

void path_parent(struct path *p, const struct path *root)
{
	struct dentry *parent;

	while (!path_equal(p, root)) {
		if (p->dentry != p->mount->root) {
			read_lock(&rename_lock);
			parent = p->dentry->parent;
			dentry_get(parent);
			read_unlock(&rename_lock);
			dentry_put(p->dentry);
			p->dentry = parent;
			break;
		}
		if (!mount_follow_up(p))
			break;
	}
	mount_follow_down(p);
}

/* --- changes: mount_mutex held ---------------------------------------------------------------------------------------- */

static void mount_hang(struct mount *m, struct mount *parent, struct dentry *at)
{
	m->parent = parent;
	m->mountpoint = at;
	m->detached = false;
	at->mounted++;
	hlist_add(bucket(parent, at), &m->hash);
	list_add_tail(&parent->children, &m->sibling);
}

static void mount_unhang(struct mount *m)
{
	m->mountpoint->mounted--;
	hlist_del(&m->hash);
	list_del(&m->sibling);
}

/* The next mount of the tree below top, in pre-order; NULL at the end. */
struct mount *mount_tree_next(struct mount *top, struct mount *m)
{
	if (!list_empty(&m->children))
		return list_first(&m->children, struct mount, sibling);
	for (; m != top; m = m->parent)
		if (m->sibling.next != &m->parent->children)
			return list_next(m, sibling);
	return NULL;
}

/* The same, without what is below m. */
static struct mount *mount_tree_skip(struct mount *top, struct mount *m)
{
	for (; m != top; m = m->parent)
		if (m->sibling.next != &m->parent->children)
			return list_next(m, sibling);
	return NULL;
}

struct mount *mount_copy_tree(struct mount *from, struct dentry *root, bool all_below)
{
	struct mount *top = mount_alloc(from->sb, root, from->source, from->flags);
	struct mount *old = from, *new = top; /* old's copy is new */
	struct mount *c, *m;

	if (!top || !all_below)
		return top;
	for (c = mount_tree_next(from, from); c;) {
		if (c->parent == from && !dentry_is_ancestor(root, c->mountpoint)) {
			c = mount_tree_skip(from, c);
			continue;
		}
		for (; old != c->parent; old = old->parent)
			new = new->parent;
		m = mount_alloc(c->sb, c->root, c->source, c->flags);
		if (!m) {
			mount_tree_detach(top);
			return NULL;
		}
		path_get(&(struct path){ new, c->mountpoint });
		write_lock(&mount_lock);
		mount_hang(m, new, c->mountpoint);
		m->detached = true;
		write_unlock(&mount_lock);
		old = c;
		new = m;
		c = mount_tree_next(from, c);
	}
	return top;
}

/* The place's inode locked: it keeps its name meanwhile (names.c, rename.c). */
static int attach_locked(struct mount *m, const struct path *at)
{
	u32 more = 0;

	if (at->dentry->inode->flags & INODE_DEAD || (at->dentry->parent != at->dentry && !(at->dentry->flags & DENTRY_HASHED)))
		return -ENOENT;
	write_lock(&mount_lock);
	for (struct mount *c = m; c; c = mount_tree_next(m, c))
		more += list_empty(&c->all_link);
	if (more && mounted + more > READ_ONCE(mounts_max)) {
		write_unlock(&mount_lock);
		return -ENOSPC;
	}
	path_get(at);
	mount_hang(m, at->mount, at->dentry);
	for (struct mount *c = m; c; c = mount_tree_next(m, c)) {
		c->detached = false;
		c->kept = true;
		if (list_empty(&c->all_link))
			list_add_tail(&all, &c->all_link);
	}
	mounted += more;
	write_unlock(&mount_lock);
	return 0;
}

int mount_attach(struct mount *m, const struct path *at)
{
	struct inode *place = at->dentry->inode;

	rwlock_write(&place->lock);
	int err = attach_locked(m, at);
	rwlock_write_done(&place->lock);
	if (!err)
		mount_changed();
	return err;
}

void mount_tree_set_root(struct mount *m)
{
	write_lock(&mount_lock);
	root_mount = m;
	m->detached = false;
	m->kept = true;
	if (list_empty(&m->all_link)) {
		list_add(&all, &m->all_link);
		mounted++;
	}
	write_unlock(&mount_lock);
	mount_changed();
}

/* Takes m alone off its place, keeping what hangs below it: for a move. The references that it held to the place are the caller's. */
void mount_lift(struct mount *m, struct path *from)
{
	write_lock(&mount_lock);
	*from = (struct path){ m->parent, m->mountpoint };
	if (m->parent)
		mount_unhang(m);
	m->parent = NULL;
	m->mountpoint = NULL;
	write_unlock(&mount_lock);
}

/* From now on references to m are dropped under mount_lock. */
static void stop_keeping(struct mount *m)
{
	write_lock(&mount_lock);
	m->kept = false;
	write_unlock(&mount_lock);
	grace_wait();
}

/* Nothing hangs below it, and mount_lock is held for writing: *at is the place that it gives up. */
static void detach_locked(struct mount *m, struct path *at)
{
	mounted -= !list_empty(&m->all_link);
	list_del(&m->all_link);
	m->detached = true;
	*at = (struct path){ m->parent, m->mountpoint };
	if (m->parent)
		mount_unhang(m);
	m->parent = NULL;
	m->mountpoint = NULL;
}

/* Takes the whole tree below m off: each mount lives on by itself as long as somebody uses it. */
void mount_tree_detach(struct mount *top)
{
	bool seen = !list_empty(&top->all_link);

	for (;;) {
		struct mount *m = top;
		struct path at;

		read_lock(&mount_lock);
		while (!list_empty(&m->children))
			m = list_first(&m->children, struct mount, sibling);
		read_unlock(&mount_lock);
		stop_keeping(m);
		write_lock(&mount_lock);
		detach_locked(m, &at);
		write_unlock(&mount_lock);
		mount_put(m);
		path_put(&at);
		if (m == top)
			break;
	}
	if (seen)
		mount_changed();
}

int mount_detach_unused(struct mount *m, bool only_ask)
{
	struct path at;
	u64 count;
	bool unused;

	stop_keeping(m);
	write_lock(&mount_lock);
	count = mount_references(m);
	unused = list_empty(&m->children) && count <= 2;
	if (unused && !only_ask)
		detach_locked(m, &at);
	else
		m->kept = true;
	write_unlock(&mount_lock);
	WARN_ON(count < 2);
	if (unused && !only_ask) {
		mount_put(m);
		path_put(&at);
		mount_changed();
	}
	return unused ? 0 : -EBUSY;
}

/* --- looking at it ---------------------------------------------------------------------------------------------------- */

void mount_for_each(bool (*fn)(struct mount *m, void *arg), void *arg)
{
	struct mount *m;

	mutex_lock(&mount_mutex);
	list_for_each(m, &all, all_link)
		if (!fn(m, arg))
			break;
	mutex_unlock(&mount_mutex);
}

void mount_show_options(struct mount *m, struct seq *s, bool super_too)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {
		{ MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" }, { MS_NOATIME, ",noatime" },
		{ MS_NODIRATIME, ",nodiratime" }, { MS_RELATIME, ",relatime" }, { MS_NOSYMFOLLOW, ",nosymfollow" },
	}, super_names[] = { { MS_SYNCHRONOUS, ",sync" }, { MS_DIRSYNC, ",dirsync" }, { MS_LAZYTIME, ",lazytime" } };

	seq_puts(s, (m->flags | (super_too ? m->sb->flags : 0)) & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; super_too && i < ARRAY_SIZE(super_names); i++)
		if (m->sb->flags & super_names[i].flag)
			seq_puts(s, super_names[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (m->flags & names[i].flag)
			seq_puts(s, names[i].text);
	if (super_too && m->sb->ops && m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, s);
}

int mount_init(void)
{
	mutex_init(&mount_mutex, "mounts", RANK_MOUNT_MUTEX);
	return 0;
}
