/*
 * The dentry cache: names in directories, as the path walk last saw them.
 *
 * A dentry stands for one name in one directory: positive (it has an inode) or negative (the name is known not to be there).
 * All are found in one hash table by (parent, name); a directory is never searched. The children of a dentry are also in a
 * list, for taking subtrees down.
 *
 * Life. A dentry is created with one reference. When the last one goes, a hashed dentry stays in the cache with count 0, in
 * the list of unused ones, and a look-up revives it; an unhashed one is freed. Memory-backed file systems pin theirs with a
 * reference of their own, for the tree of dentries is their store (DENTRY_PINNED).
 *
 * The hash table's locks are striped by hash, and so are the lists of unused ones, which are nearly always changed together with it. Each is in the
 * order in which they were let go, and the oldest go from all alike.
 *
 * A look-up takes no lock: it walks the chain, and takes a reference unless the dentry is dead. rename_seq tells it when names
 * moved meanwhile; then it looks again under the lock. The memory of a dentry is freed after a grace period.
 *
 * Invariants
 *  1. A count goes from 0 to 1 only in a look-up. From 0 to REF_DEAD it goes under the lock of the dentry's hash stripe, and
 *     then for ever.
 *  2. Who made a dentry dead owns it alone: takes it out of the hash and frees it.
 *  3. A dentry that got an inode keeps it till it is freed. Negative to positive happens once.
 *  4. A dentry holds a reference to its parent, so a parent outlives its children.
 *  5. A dentry is in the list of unused ones of the stripe of its hash, or in none.
 *
 * Locks: rename_lock (names and parents; spinning readers) > parent->lock (list of children) > stripe lock (chains,
 * HASHED, unused).
 */
#include "vfs_priv.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "core/panic.h"
#include "mm/slab.h"

#define STRIPES 64
#define REF_DEAD 0x80000000u
#define PRUNE_NO_MORE 0x80000000u /* in superblock->pruned: its tree is being taken down */
#define PRUNE 8 /* at a time, when a stripe has too many */
#define UNUSED_MAX(total) (total) /* unused dentries kept, by frames of memory: then the oldest go (when memory is short, earlier) */

struct stripe {
	struct spinlock lock;
	u32 unused_count;
	struct list unused; /* oldest last; those that came to be in use again are there until somebody looks */
} __aligned(64);

struct rwspin rename_lock = RWSPIN_INIT("rename", RANK_DENTRY - 4);
static struct slab_cache dentry_cache;
static struct hlist_head *table;
static u64 table_mask;
static struct stripe stripes[STRIPES];
static u32 unused_max;                   /* of one stripe */
static u32 next_pruned;                  /* atomic: the stripe where reclaim goes on */
static u32 rename_seq;                   /* odd while names change; written under rename_lock */

static inline struct stripe *stripe_of(u32 hash)
{
	return &stripes[hash % STRIPES];
}

static inline u32 name_hash(const struct dentry *parent, const char *name, u32 len)
{
	return hash_bytes(name, len, (u64)parent >> 6);
}

/* --- look-up --------------------------------------------------------------------------------------------------------- */

bool dentry_get_live(struct dentry *d)
{
	u32 n = atomic_load_relaxed(&d->ref.n);

	do {
		if (n & REF_DEAD)
			return false;
	} while (!__atomic_compare_exchange_n(&d->ref.n, &n, n + 1, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

static inline bool name_is(const struct dentry *d, const struct dentry *parent, u32 hash, const char *name, u32 len)
{
	return READ_ONCE(d->name_hash) == hash && READ_ONCE(d->parent) == parent && d->name_len == len && !memcmp(READ_ONCE(d->name), name, len);
}

/* The dentry, or NULL. Lock held, or in a grace period and checked with rename_seq afterwards. */
static struct dentry *chain_peek(const struct dentry *parent, u32 hash, const char *name, u32 len)
{
	hlist_for_each(p, &table[hash & table_mask]) {
		struct dentry *d = container_of(p, struct dentry, hash);
		if (name_is(d, parent, hash, name, len))
			return d;
	}
	return NULL;
}

/* The same, counted. */
static struct dentry *chain_find(const struct dentry *parent, u32 hash, const char *name, u32 len)
{
	struct dentry *d = chain_peek(parent, hash, name, len);

	return d && dentry_get_live(d) ? d : NULL;
}

struct dentry *dentry_peek(const struct dentry *parent, const char *name, u32 len)
{
	struct dentry *d = chain_peek(parent, name_hash(parent, name, len), name, len);

	return d && !(atomic_load_relaxed(&d->ref.n) & REF_DEAD) ? d : NULL;
}

u32 dentry_moves(void)
{
	return atomic_load_acquire(&rename_seq);
}

static struct dentry *lookup_locked(const struct dentry *parent, u32 hash, const char *name, u32 len)
{
	struct stripe *s = stripe_of(hash);
	struct dentry *d;

	spin_lock(&s->lock);
	d = chain_find(parent, hash, name, len);
	spin_unlock(&s->lock);
	return d;
}

struct dentry *dentry_lookup(struct dentry *parent, const char *name, u32 len)
{
	u32 hash = name_hash(parent, name, len), seq;
	struct dentry *d = NULL;
	bool moved;

	grace_enter();
	seq = atomic_load_acquire(&rename_seq);
	if (likely(!(seq & 1)))
		d = chain_find(parent, hash, name, len);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	moved = seq & 1 || atomic_load_relaxed(&rename_seq) != seq;
	grace_exit();
	if (likely(!moved))
		return d;
	if (d)
		dentry_put(d);
	return lookup_locked(parent, hash, name, len);
}

/* Locks the stripe of a dentry whose hash may change meanwhile. */
static struct stripe *dentry_stripe_lock(struct dentry *d)
{
	for (;;) {
		u32 hash = READ_ONCE(d->name_hash);
		struct stripe *s = stripe_of(hash);
		spin_lock(&s->lock);
		if (READ_ONCE(d->name_hash) == hash)
			return s;
		spin_unlock(&s->lock);
	}
}

/* The stripe is the dentry's, and locked. */
static void unused_remove(struct stripe *s, struct dentry *d)
{
	if (!list_empty(&d->lru)) {
		list_del(&d->lru);
		s->unused_count--;
	}
}

static void hash_insert(struct dentry *d)
{
	hlist_add(&table[d->name_hash & table_mask], &d->hash);
	atomic_fetch_or(&d->flags, DENTRY_HASHED);
}

static void hash_remove(struct dentry *d)
{
	hlist_del(&d->hash);
	atomic_fetch_and(&d->flags, ~DENTRY_HASHED);
}

void dentry_hash(struct dentry *d)
{
	struct stripe *s = dentry_stripe_lock(d);

	if (!(d->flags & DENTRY_HASHED))
		hash_insert(d);
	spin_unlock(&s->lock);
}

void dentry_unhash(struct dentry *d)
{
	struct stripe *s = dentry_stripe_lock(d);

	if (d->flags & DENTRY_HASHED)
		hash_remove(d);
	spin_unlock(&s->lock);
}

/* By its new name and parent; it was taken out before. */
void dentry_rehash(struct dentry *d)
{
	struct stripe *s = dentry_stripe_lock(d);

	unused_remove(s, d);
	WRITE_ONCE(d->name_hash, name_hash(d->parent, d->name, d->name_len));
	spin_unlock(&s->lock);
	dentry_hash(d);
}

void dentry_names_change(void)
{
	write_lock(&rename_lock);
	atomic_fetch_add(&rename_seq, 1u);
}

void dentry_names_changed(void)
{
	atomic_fetch_add(&rename_seq, 1u);
	write_unlock(&rename_lock);
}

/* --- making and freeing ---------------------------------------------------------------------------------------------- */

static struct dentry *dentry_new(const char *name, u32 len)
{
	struct dentry *d = slab_alloc(&dentry_cache, 0);
	char *text;

	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	text = d->name_short;
	if (len >= sizeof(d->name_short)) {
		text = kmalloc(len + 1, 0);
		if (!text) {
			slab_free(&dentry_cache, d);
			return NULL;
		}
	}
	memcpy(text, name, len);
	text[len] = 0;
	d->name = text;
	d->name_len = len;
	refcount_set(&d->ref, 1);
	spin_init(&d->lock, "dentry", RANK_DENTRY);
	list_init(&d->alias);
	list_init(&d->siblings);
	list_init(&d->children);
	list_init(&d->lru);
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, u32 len)
{
	struct dentry *d = dentry_new(name, len);

	if (!d)
		return NULL;
	dentry_get(parent);
	d->parent = parent;
	d->sb = parent->sb;
	d->name_hash = name_hash(parent, name, len);
	spin_lock(&parent->lock);
	list_add(&parent->children, &d->siblings);
	spin_unlock(&parent->lock);
	return d;
}

struct dentry *dentry_make_root(struct inode *inode)
{
	struct dentry *d;

	if (!inode)
		return NULL;
	d = dentry_new("/", 1);
	if (!d) {
		inode_put(inode);
		return NULL;
	}
	d->parent = d;
	d->sb = inode->sb;
	dentry_instantiate(d, inode);
	return d;
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	spin_lock(&inode->spin);
	list_add(&inode->dentries, &d->alias);
	spin_unlock(&inode->spin);
	atomic_store_release(&d->inode, inode);
}

static void free_memory(struct grace *g)
{
	struct dentry *d = container_of((struct list *)g, struct dentry, lru);

	if (d->name != d->name_short)
		kfree(d->name);
	slab_free(&dentry_cache, d);
}

/* Frees a dentry that the caller owns alone (invariant 2). Its parent, whose reference goes back to the caller; NULL for a root. */
static struct dentry *dentry_free(struct dentry *d)
{
	struct dentry *parent = d->parent == d ? NULL : d->parent;
	struct inode *inode = d->inode;

	if (parent) {
		spin_lock(&parent->lock);
		list_del(&d->siblings);
		spin_unlock(&parent->lock);
	}
	if (inode) {
		spin_lock(&inode->spin);
		list_del(&d->alias);
		spin_unlock(&inode->spin);
		if (!inode->nlink)
			fs_notify_gone(inode);
		inode_put(inode);
	}
	/* Nobody links it any more: its place in the list of unused ones serves for the wait. */
	grace_free((struct grace *)&d->lru, free_memory);
	return parent;
}

void dentry_get(struct dentry *d)
{
	refcount_get(&d->ref);
}

/* Makes a dentry of count 0 dead, if it still has that count: it is the caller's alone then, and in no list. Its stripe is locked. */
static bool claim(struct stripe *s, struct dentry *d)
{
	if (!atomic_cas(&d->ref.n, 0u, REF_DEAD))
		return false;
	if (d->flags & DENTRY_HASHED)
		hash_remove(d);
	unused_remove(s, d);
	return true;
}

/* Drops the last reference: true if the dentry is to be freed by the caller; false if it stays, or was not the last. *full: a stripe that has too many now. */
static bool put_last(struct dentry *d, struct stripe **full)
{
	struct stripe *s = dentry_stripe_lock(d);
	bool dead = false;
	u32 before = atomic_fetch_sub(&d->ref.n, 1u);

	if (unlikely((s32)before <= 0)) {
		refcount_bug(&d->ref, "put of a dead dentry");
	} else if (before != 1) {
		/* Somebody found it meanwhile. */
	} else if (!(d->flags & DENTRY_HASHED) || d->flags & DENTRY_NOCACHE) {
		dead = claim(s, d);
	} else {
		unused_remove(s, d);
		list_add(&s->unused, &d->lru);
		if (++s->unused_count > unused_max)
			*full = s;
	}
	spin_unlock(&s->lock);
	return dead;
}

static void put(struct dentry *d, struct stripe **full)
{
	while (d) {
		u32 n = atomic_load_relaxed(&d->ref.n);
		if (likely(n > 1)) {
			if (atomic_cas(&d->ref.n, n, n - 1))
				return;
			continue;
		}
		if (!put_last(d, full))
			return;
		d = dentry_free(d);
	}
}

/*
 * Pruning and the end of a file system: what is claimed from its tree is freed before the tree is taken down, and nothing more is claimed then. Each side
 * says what it does and looks for the other afterwards, so at least one sees the other.
 */
static bool prune_begin(struct superblock *sb)
{
	atomic_fetch_add(&sb->pruned, 1u);
	if (!(atomic_load(&sb->pruned) & PRUNE_NO_MORE))
		return true;
	atomic_fetch_sub(&sb->pruned, 1u);
	return false;
}

static void prune_end(struct superblock *sb)
{
	atomic_fetch_sub(&sb->pruned, 1u);
}

static void prune_no_more(struct superblock *sb)
{
	atomic_fetch_or(&sb->pruned, PRUNE_NO_MORE);
	while (atomic_load(&sb->pruned) != PRUNE_NO_MORE)
		thread_sleep_ns(NSEC_PER_MSEC / 10);
}

/* Frees up to `want` of its oldest unused dentries; how many. Where the lock is taken somebody else is busy: there are other stripes. May sleep. */
static size_t prune(struct stripe *s, size_t want)
{
	struct list doomed = LIST_INIT(doomed);
	struct stripe *full; /* of a parent that came to be unused: whoever puts the next one there sees to it */
	size_t claimed = 0, looked = 0;

	if (!spin_trylock(&s->lock))
		return 0;
	while (claimed < want && looked++ < 4 * want && !list_empty(&s->unused)) {
		struct dentry *d = list_last(&s->unused, struct dentry, lru);
		/* One that is in use comes back with its last put. */
		unused_remove(s, d);
		if (!prune_begin(d->sb))
			continue;
		if (claim(s, d)) {
			list_add(&doomed, &d->lru);
			claimed++;
		} else {
			prune_end(d->sb);
		}
	}
	spin_unlock(&s->lock);
	while (!list_empty(&doomed)) {
		struct dentry *d = list_first(&doomed, struct dentry, lru);
		struct superblock *sb = d->sb;
		list_del(&d->lru);
		put(dentry_free(d), &full);
		prune_end(sb);
	}
	return claimed;
}

void dentry_put(struct dentry *d)
{
	struct stripe *full = NULL;

	put(d, &full);
	if (unlikely(full))
		prune(full, PRUNE);
}

/* --- reclaim --------------------------------------------------------------------------------------------------------- */

static void dcache_reclaim(size_t want, size_t *freed)
{
	/* About 16 dentries make a frame, if they lie together. */
	size_t dentries = want * 16, done = 0, each = DIV_ROUND_UP(dentries, (size_t)STRIPES);

	for (int looked = 0; looked < STRIPES && done < dentries; looked++)
		done += prune(&stripes[atomic_fetch_add(&next_pruned, 1u) % STRIPES], each);
	grace_settle();
	*freed += done / 16;
}

void dentry_shrink_children(struct dentry *d)
{
	struct list doomed = LIST_INIT(doomed);
	struct dentry *c, *next;

	spin_lock(&d->lock);
	list_for_each_safe(c, next, &d->children, siblings) {
		struct stripe *s = dentry_stripe_lock(c);
		if (c->flags & DENTRY_HASHED && claim(s, c))
			list_add(&doomed, &c->lru);
		else
			c->flags |= DENTRY_NOCACHE; /* whoever uses it now is the last: it holds d, and what d stands for */
		spin_unlock(&s->lock);
	}
	spin_unlock(&d->lock);
	while (!list_empty(&doomed)) {
		c = list_first(&doomed, struct dentry, lru);
		list_del(&c->lru);
		dentry_put(dentry_free(c));
	}
}

void dentry_kill_tree(struct dentry *root)
{
	struct dentry *d = root;
	bool entered = true;

	/*
	 * Down to a leaf, unpin it, which frees it, and again from its parent. The unused children go as a folder is entered, and not after each of the
	 * others: that would walk them all for each.
	 */
	prune_no_more(root->sb);
	dentry_get(root);
	for (;;) {
		struct dentry *child = NULL, *parent = d->parent;
		if (entered)
			dentry_shrink_children(d);
		spin_lock(&d->lock);
		if (!list_empty(&d->children)) {
			child = list_first(&d->children, struct dentry, siblings);
			dentry_get(child);
		}
		spin_unlock(&d->lock);
		if (child) {
			dentry_put(d);
			d = child;
			entered = true;
			continue;
		}
		if (d == root)
			break;
		dentry_get(parent);
		dentry_unhash(d);
		if (d->flags & DENTRY_PINNED) {
			atomic_fetch_and(&d->flags, ~DENTRY_PINNED);
			dentry_put(d);
		}
		if (WARN_ON(refcount_read(&d->ref) != 1)) {
			/* Somebody still uses it: leave it to them, and do not look at it again. */
			spin_lock(&parent->lock);
			list_del(&d->siblings);
			spin_unlock(&parent->lock);
		}
		dentry_put(d);
		d = parent;
		entered = false;
	}
	dentry_put(root);
	dentry_put(root);
}

int dcache_init(void)
{
	struct mem_stats mem;
	u64 size = 4096;

	mem_stats(&mem);
	while (size < mem.total / 2 && size < 1ul << 20)
		size *= 2;
	unused_max = (u32)(UNUSED_MAX(mem.total) / STRIPES);
	slab_cache_init(&dentry_cache, "dentry", sizeof(struct dentry), 64);
	table = kmap_alloc(size * sizeof(*table), 0);
	if (!table)
		return -ENOMEM;
	memset(table, 0, size * sizeof(*table));
	table_mask = size - 1;
	for (int i = 0; i < STRIPES; i++) {
		spin_init(&stripes[i].lock, "dentry hash", RANK_DENTRY + 2);
		list_init(&stripes[i].unused);
	}
	return 0;
}

NOTIFIER(reclaim, dcache_reclaim);
