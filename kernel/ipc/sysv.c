/* The registry of System V IPC: identifiers, keys, rights (sysv_priv.h tells how it hangs together). */
#include "sysv_priv.h"

#include "lib/hash.h"
#include "proc/cred.h"

#define INDEX_CYCLE 64                                 /* indices go at least this far before they begin anew */
#define SEQ_MAX (INT32_MAX >> IPC_INDEX_BITS)

static struct hlist_head *key_chain(struct ipc_kind *k, s32 key)
{
	return &k->keys[hash_u64((u32)key) % IPC_KEY_BUCKETS];
}

/* --- the tables ---------------------------------------------------------------------------------------------------- */

/* kind->lock held. A free index, or -ENOSPC. */
static int choose_index(struct ipc_kind *k)
{
	int end = MAX((int)(k->in_use * 3 / 2), INDEX_CYCLE);

	end = MIN(end, IPC_INDEX_MAX);
	for (int tried = 0, i = k->last_index + 1; tried <= end; tried++, i++) {
		if (i >= end)
			i = 0;
		if (!radix_lookup(&k->objects, i))
			return i;
	}
	return -ENOSPC;
}

/* Gives o an identifier and puts it into the tables: the identifier, -ENOSPC, -ENOMEM. kind->create held. */
static int enlist(struct ipc_kind *k, struct ipc_object *o, s32 key)
{
	spin_lock(&k->lock);
	int index = k->in_use >= READ_ONCE(k->most->value) ? -ENOSPC : choose_index(k);
	int err = index < 0 ? index : radix_insert(&k->objects, index, o);
	if (!err) {
		if (index <= k->last_index)
			k->seq = k->seq >= SEQ_MAX ? 0 : k->seq + 1;
		k->last_index = index;
		o->id = k->seq << IPC_INDEX_BITS | index;
		o->key = key;
		if (key != IPC_PRIVATE)
			hlist_add(key_chain(k, key), &o->by_key);
		k->in_use++;
	}
	spin_unlock(&k->lock);
	return err ? err : o->id;
}

bool ipc_unlist(struct ipc_object *o)
{
	struct ipc_kind *k = o->kind;
	u64 index = o->id & (IPC_INDEX_MAX - 1);

	spin_lock(&k->lock);
	bool there = radix_lookup(&k->objects, index) == o;
	if (there) {
		radix_remove(&k->objects, index);
		hlist_del(&o->by_key);
		k->in_use--;
	}
	spin_unlock(&k->lock);
	if (there)
		ipc_put(o); /* the table's; the caller has one of its own */
	return there;
}

void ipc_forget_key(struct ipc_object *o)
{
	spin_lock(&o->kind->lock);
	hlist_del(&o->by_key);
	spin_lock(&o->lock);
	o->key = IPC_PRIVATE;
	spin_unlock(&o->lock);
	spin_unlock(&o->kind->lock);
}

void ipc_put(struct ipc_object *o)
{
	if (refcount_put(&o->ref))
		o->kind->free(o);
}

static struct ipc_object *find_key(struct ipc_kind *k, s32 key)
{
	struct ipc_object *found = NULL;

	spin_lock(&k->lock);
	hlist_for_each(n, key_chain(k, key)) {
		struct ipc_object *o = container_of(n, struct ipc_object, by_key);
		if (o->key == key) {
			found = o;
			refcount_get(&o->ref);
			break;
		}
	}
	spin_unlock(&k->lock);
	return found;
}

static struct ipc_object *find_index(struct ipc_kind *k, int index)
{
	if (index < 0 || index >= IPC_INDEX_MAX)
		return NULL;
	spin_lock(&k->lock);
	struct ipc_object *o = radix_lookup(&k->objects, index);
	if (o)
		refcount_get(&o->ref);
	spin_unlock(&k->lock);
	return o;
}

struct ipc_object *ipc_find(struct ipc_kind *k, int id)
{
	struct ipc_object *o = id < 0 ? NULL : find_index(k, id & (IPC_INDEX_MAX - 1));

	if (o && o->id != id) {
		ipc_put(o);
		o = NULL;
	}
	return o;
}

static struct ipc_object *lock_found(struct ipc_object *o)
{
	if (!o)
		return ERR_PTR(-EINVAL);
	spin_lock(&o->lock);
	if (!o->removed)
		return o;
	ipc_unlock_put(o);
	return ERR_PTR(-EINVAL);
}

struct ipc_object *ipc_find_locked(struct ipc_kind *k, int id) { return lock_found(ipc_find(k, id)); }

struct ipc_object *ipc_at_locked(struct ipc_kind *k, int index)
{
	return lock_found(index < 0 ? NULL : find_index(k, index & (IPC_INDEX_MAX - 1)));
}

struct ipc_object *ipc_next(struct ipc_kind *k, int *index)
{
	u64 at = *index;

	spin_lock(&k->lock);
	struct ipc_object *o = radix_next(&k->objects, &at);
	if (o)
		refcount_get(&o->ref);
	spin_unlock(&k->lock);
	*index = (int)at;
	return o;
}

u32 ipc_in_use(struct ipc_kind *k) { return READ_ONCE(k->in_use); }

int ipc_max_index(struct ipc_kind *k)
{
	int highest = 0;
	u64 at = 0;

	spin_lock(&k->lock);
	for (; radix_next(&k->objects, &at); at++)
		highest = (int)at;
	spin_unlock(&k->lock);
	return highest;
}

/* --- msgget, semget, shmget ---------------------------------------------------------------------------------------- */

void ipc_object_init(struct ipc_object *o, struct ipc_kind *k, int flags)
{
	const struct cred *c = cred_current();

	*o = (struct ipc_object){ .kind = k, .mode = flags & 0777, .uid = c->euid, .cuid = c->euid, .gid = c->egid, .cgid = c->egid };
	refcount_set(&o->ref, 1);
	spin_init(&o->lock, "ipc object", RANK_IPC_OBJECT);
}

static long make(struct ipc_kind *k, s32 key, const struct ipc_get *g)
{
	struct ipc_object *o = g->make(g, key);

	if (IS_ERR(o))
		return PTR_ERR(o);
	long id = enlist(k, o, key);
	if (id < 0) {
		o->removed = true;
		ipc_put(o);
	}
	return id;
}

static long check_found(struct ipc_object *o, const struct ipc_get *g)
{
	long err = 0;

	if ((g->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	spin_lock(&o->lock);
	if (g->check)
		err = g->check(o, g);
	if (!err)
		err = ipc_permission(o, g->flags);
	spin_unlock(&o->lock);
	return err ? err : o->id;
}

long ipc_get(struct ipc_kind *k, s32 key, const struct ipc_get *g)
{
	long id;

	mutex_lock(&k->create);
	struct ipc_object *o = key == IPC_PRIVATE ? NULL : find_key(k, key);
	if (o) {
		id = check_found(o, g);
		ipc_put(o);
	} else {
		id = key == IPC_PRIVATE || g->flags & IPC_CREAT ? make(k, key, g) : -ENOENT;
	}
	mutex_unlock(&k->create);
	return id;
}

/* --- rights -------------------------------------------------------------------------------------------------------- */

static bool in_group(const struct cred *c, u32 gid)
{
	return gid == c->egid || cred_in_group(c, gid);
}

int ipc_permission(const struct ipc_object *o, u32 mode)
{
	const struct cred *c = cred_current();
	u32 wanted = (mode >> 6) | (mode >> 3) | mode, granted = o->mode;

	if (c->euid == o->cuid || c->euid == o->uid)
		granted >>= 6;
	else if (in_group(c, o->cgid) || in_group(c, o->gid))
		granted >>= 3;
	return wanted & ~granted & 7 && !cred_has_cap(c, CAP_IPC_OWNER) ? -EACCES : 0;
}

int ipc_may_control(const struct ipc_object *o)
{
	const struct cred *c = cred_current();
	return c->euid == o->cuid || c->euid == o->uid || cred_has_cap(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

void ipc_fill_perm(const struct ipc_object *o, struct abi_ipc_perm *p)
{
	*p = (struct abi_ipc_perm){ .key = o->key, .uid = o->uid, .gid = o->gid, .cuid = o->cuid, .cgid = o->cgid, .mode = o->mode,
				    .seq = o->id >> IPC_INDEX_BITS };
}

int ipc_set_perm(struct ipc_object *o, const struct abi_ipc_perm *p)
{
	if (p->uid == ~0u || p->gid == ~0u)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777u) | (p->mode & 0777);
	return 0;
}

/* --- /proc/sysvipc ------------------------------------------------------------------------------------------------- */

int ipc_show(struct seq *s, struct ipc_kind *k, const char *heading, void (*row)(struct seq *s, struct ipc_object *o))
{
	struct ipc_object *o;

	seq_puts(s, heading);
	for (int index = 0; (o = ipc_next(k, &index)); index++) {
		spin_lock(&o->lock);
		if (!o->removed)
			row(s, o);
		ipc_unlock_put(o);
	}
	return 0;
}
