/*
 * System V IPC: what its three kinds share.
 *
 *   struct ipc_kind   "message queues", "semaphores", "shared memory": the table of identifiers and of keys
 *   struct ipc_object the head of each queue, set or segment: who owns it, what it is called, its lock
 *
 * An identifier is  sequence number << 15 | index. Indices go round, and the sequence number moves on each time they begin anew, so an identifier that
 * was kept after its object went does not name the next one.
 *
 * Locks: kind->create (sleeping) makes find-or-make one step. kind->lock (spin) guards the tables. object->lock (spin) guards the object, and is never held
 * while kind->lock is taken. An object that is in the table has a reference from there; one that left it is `removed`, and who still holds it gives up.
 */
#ifndef IPC_SYSV_PRIV_H
#define IPC_SYSV_PRIV_H

#include "abi/ipc.h"
#include "core/node.h"
#include "ipc_priv.h"
#include "lib/radix.h"

#define IPC_INDEX_BITS 15
#define IPC_INDEX_MAX (1 << IPC_INDEX_BITS)
#define IPC_KEY_BUCKETS 128

struct ipc_object;
struct ipc_kind {
	struct mutex create;
	struct spinlock lock;
	struct radix objects;                        /* lock: by index */
	struct hlist_head keys[IPC_KEY_BUCKETS];     /* lock: those that have a key */
	u32 in_use;                                  /* lock */
	int last_index;                              /* lock: where the search for a free one goes on */
	u32 seq;                                     /* lock */
	struct ipc_limit *most;                      /* how many there may be */
	void (*free)(struct ipc_object *o);          /* the last reference went. May sleep */
};
#define IPC_KIND(ident, limit, free_fn) \
	static struct ipc_kind ident = { .create = { .wait = { .lock = SPINLOCK_INIT("ipc create", RANK_WAITQUEUE), .entries = LIST_INIT(ident.create.wait.entries) }, \
		.rank = RANK_SUBSYS_MUTEX, .name = "ipc create" }, .lock = SPINLOCK_INIT("ipc table", RANK_IPC_TABLE), .objects = RADIX_INIT, .last_index = -1, \
		.most = &(limit), .free = (free_fn) }

struct ipc_object {
	struct refcount ref;
	struct spinlock lock;
	struct ipc_kind *kind;
	struct hlist by_key;       /* kind->lock */
	int id;
	s32 key;                   /* changes to IPC_PRIVATE under kind->lock and lock */
	u32 uid, gid, cuid, cgid;  /* lock, all below too */
	u32 mode;
	bool removed;
};

struct ipc_get {
	int flags;
	/* An object of its own for the caller, or ERR_PTR; create is held. */
	struct ipc_object *(*make)(const struct ipc_get *g, s32 key);
	/* What else must hold for an object that is there (size): 0 or -errno. lock is held. NULL: nothing. */
	int (*check)(const struct ipc_object *o, const struct ipc_get *g);
	u64 size;
};
/* The identifier of the object that has this key, or of a new one: as msgget, semget and shmget answer. */
long ipc_get(struct ipc_kind *k, s32 key, const struct ipc_get *g);
/* Fills the head of a new object: current is the owner. */
void ipc_object_init(struct ipc_object *o, struct ipc_kind *k, int flags);
/* Counted; NULL: no such identifier. */
struct ipc_object *ipc_find(struct ipc_kind *k, int id);
/* Counted and locked: ERR_PTR(-EINVAL) for a wrong identifier. */
struct ipc_object *ipc_find_locked(struct ipc_kind *k, int id);
/* The same by index, for MSG_STAT and its kin. */
struct ipc_object *ipc_at_locked(struct ipc_kind *k, int index);
/* The first at or after *index, which moves there; counted, NULL at the end. */
struct ipc_object *ipc_next(struct ipc_kind *k, int *index);
void ipc_put(struct ipc_object *o);
static inline void ipc_unlock_put(struct ipc_object *o)
{
	spin_unlock(&o->lock);
	ipc_put(o);
}
/* Takes it out of the table, once: false if somebody did before. The caller then sets `removed` under its lock, and tells who waits. */
bool ipc_unlist(struct ipc_object *o);
/* Its key names it no more. */
void ipc_forget_key(struct ipc_object *o);
u32 ipc_in_use(struct ipc_kind *k);
int ipc_max_index(struct ipc_kind *k); /* the highest in use; 0 if there is none */

/* May current do this? mode: S_IRUGO-like bits of the request. Lock held. 0 or -EACCES. */
int ipc_permission(const struct ipc_object *o, u32 mode);
enum { IPC_READ = 0444, IPC_WRITE = 0222, IPC_EXEC = 0111 };
/* May current change or remove it? 0 or -EPERM. Lock held. */
int ipc_may_control(const struct ipc_object *o);
void ipc_fill_perm(const struct ipc_object *o, struct abi_ipc_perm *p);
int ipc_set_perm(struct ipc_object *o, const struct abi_ipc_perm *p); /* IPC_SET: 0 or -EINVAL */
/* For /proc/sysvipc: prints `heading`, then calls row for each object, locked. */
int ipc_show(struct seq *s, struct ipc_kind *k, const char *heading, void (*row)(struct seq *s, struct ipc_object *o));

static inline s64 ipc_seconds(void) { return time_realtime_ns() / NSEC_PER_SEC; }

/* --- limits (limits.c) --- */
extern struct ipc_limit limit_msgmax, limit_msgmnb, limit_msgmni, limit_shmmax, limit_shmall, limit_shmmni;
extern struct sem_limits {
	int msl, mns, opm, mni; /* in the order of /proc/sys/kernel/sem */
} sem_limits;
extern struct ipc_limit limit_semmni; /* follows sem_limits.mni */

#endif
