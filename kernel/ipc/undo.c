/*
 * SEM_UNDO: whose semaphore adjustments are whose.
 *
 *   thread ──► struct sem_undos ──► struct sem_undo, one a set ──► the set, which has it in its list too
 *   thread ──►      (CLONE_SYSVSEM: threads of one process share it; fork does not)
 *
 * When the last thread that shares them ends, each set gets its adjustments. An undo holds a reference to its set, so a set that was removed stays as memory until
 * its undos go: at the end of the process, or when the process comes by here the next time.
 *
 * Locks: undos->lock (sleeping) guards the list. A set's lock is taken inside, for the set's list and for the adjustments.
 */
#include "semaphore_priv.h"
#include "thread_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define CLONE_SYSVSEM 0x40000ul

struct sem_undos {
	struct refcount ref; /* threads */
	struct mutex lock;
	struct list list;    /* struct sem_undo.in_process; lock */
};

static struct sem_undos *undos_of(struct thread_ipc *ipc)
{
	if (!ipc || ipc->undos)
		return ipc ? ipc->undos : NULL;
	struct sem_undos *u = kzalloc(sizeof(*u), 0);
	if (!u)
		return NULL;
	refcount_set(&u->ref, 1);
	mutex_init(&u->lock, "sem undo", RANK_SUBSYS_MUTEX);
	list_init(&u->list);
	ipc->undos = u;
	return u;
}

/* Off both lists, and gone; whoever adjusts the set has done so. */
static void undo_free(struct sem_undo *u)
{
	struct sem_set *set = u->set;

	list_del(&u->in_process);
	spin_lock(&set->object.lock);
	list_del(&u->in_set);
	spin_unlock(&set->object.lock);
	kfree(u);
	ipc_put(&set->object);
}

/* The one for `set`, or NULL. What belongs to sets that are gone is freed on the way. lock held. */
static struct sem_undo *find(struct sem_undos *u, struct sem_set *set)
{
	struct sem_undo *undo, *next, *found = NULL;

	list_for_each_safe(undo, next, &u->list, in_process) {
		if (undo->set == set)
			found = undo;
		else if (READ_ONCE(undo->set->object.removed))
			undo_free(undo);
	}
	return found;
}

struct sem_undo *sem_undo_get(struct sem_set *set)
{
	struct sem_undos *u = undos_of(thread_ipc_get());

	if (!u)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&u->lock);
	struct sem_undo *undo = find(u, set);
	if (undo)
		goto unlock;
	undo = kzalloc(sizeof(*undo) + set->count * sizeof(undo->adjust[0]), 0);
	if (!undo) {
		undo = ERR_PTR(-ENOMEM);
		goto unlock;
	}
	refcount_get(&set->object.ref);
	undo->set = set;
	list_add(&u->list, &undo->in_process);
	spin_lock(&set->object.lock);
	list_add(&set->undos, &undo->in_set);
	spin_unlock(&set->object.lock);
unlock:
	mutex_unlock(&u->lock);
	return undo;
}

/* A thread lets its share go; the last one gives back. */
static void undos_put(struct thread_ipc *ipc)
{
	struct sem_undos *u = ipc ? ipc->undos : NULL;

	if (!u)
		return;
	ipc->undos = NULL;
	if (!refcount_put(&u->ref))
		return;
	while (!list_empty(&u->list)) {
		struct sem_undo *undo = list_first(&u->list, struct sem_undo, in_process);
		struct sem_set *set = undo->set;
		spin_lock(&set->object.lock);
		if (!set->object.removed) {
			sem_give_back(set, undo, current->process->pid);
			set->operation_time = ipc_seconds();
		}
		spin_unlock(&set->object.lock);
		undo_free(undo);
	}
	kfree(u);
}

static void thread_ends(struct thread *t)
{
	undos_put(t->ipc);
}
NOTIFIER(thread_leaving, thread_ends);

static void share(const struct fork_request *r, int *err)
{
	if (*err || !(r->flags & CLONE_SYSVSEM))
		return;
	struct sem_undos *u = undos_of(thread_ipc_get());
	struct thread_ipc *child = u ? thread_ipc_of(r->thread) : NULL;
	if (!child) {
		*err = -ENOMEM;
		return;
	}
	refcount_get(&u->ref);
	child->undos = u;
}
NOTIFIER(process_fork, share);

/* unshare(2): a list of its own; what was shared is given back if nobody else has it. */
static void unshare(u64 flags, int *err __unused)
{
	if (flags & CLONE_SYSVSEM)
		undos_put(current->ipc);
}
NOTIFIER(thread_unshare, unshare);

void sem_undos_drop(struct thread_ipc *ipc)
{
	if (ipc->undos && refcount_put(&ipc->undos->ref))
		refcount_bug(&ipc->undos->ref, "a thread went without its end");
}
