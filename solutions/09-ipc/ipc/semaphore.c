/*
 * System V semaphores: the mechanism.
 *
 * A call brings a list of operations, and all of them happen or none. So it is tried on the real values, one operation after the other; if one cannot go, what
 * the ones before it did is taken back, and nobody has seen it, since the set is locked.
 *
 * A request that must wait stands in the set's queue with everything that is needed to do it. It is not the sleeper that tries again: whoever changes the set
 * tries for those who wait, does the first that can go, and tells its thread the result. So there is no race for what was given, no thread wakes
 * for nothing, and the queue's order holds.
 *
 * The waker is done with a request before it gives the lock back, and the sleeper takes the lock before it leaves: the request lies on its stack.
 */
#include "semaphore_priv.h"

#include "core/todo.h"
#include "sched/thread.h"

#ifdef SOLUTION
/* Takes back the first n operations of r. */
static void take_back(struct sem_set *set, struct sem_request *r, u32 n)
{
	while (n--) {
		const struct abi_sembuf *op = &r->ops[n];
		set->sems[op->num].value -= op->op;
		if (op->flags & SEM_UNDO)
			r->undo->adjust[op->num] += op->op;
	}
}

/* One operation: 0, SEM_WAITING or -ERANGE. */
static int try_one(struct sem_set *set, struct sem_request *r, const struct abi_sembuf *op)
{
	struct sem *s = &set->sems[op->num];

	if (op->op == 0)
		return s->value ? SEM_WAITING : 0;
	if (s->value + op->op < 0)
		return SEM_WAITING;
	if (s->value + op->op > SEM_VALUE_MAX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		int adjust = r->undo->adjust[op->num] - op->op;
		if (adjust < -SEM_UNDO_MAX - 1 || adjust > SEM_UNDO_MAX)
			return -ERANGE;
		r->undo->adjust[op->num] = adjust;
	}
	s->value += op->op;
	return 0;
}
#endif

int sem_try(struct sem_set *set, struct sem_request *r)
{
#ifdef SOLUTION
	for (u32 i = 0; i < r->count; i++) {
		int result = try_one(set, r, &r->ops[i]);
		if (!result)
			continue;
		take_back(set, r, i);
		r->blocked = &r->ops[i];
		return result == SEM_WAITING && r->ops[i].flags & IPC_NOWAIT ? -EAGAIN : result;
	}
	for (u32 i = 0; i < r->count; i++)
		set->sems[r->ops[i].num].last_pid = r->pid;
	return 0;
#else
	TODO("09-ipc");
#endif
}

#ifdef SOLUTION
/* Before the first that changes something, if r does not; else at the end. */
static void enqueue(struct sem_set *set, struct sem_request *r)
{
	struct sem_request *at;

	list_for_each(at, &set->waiting, link)
		if (!r->changes && at->changes)
			break;
	list_add_tail(&at->link, &r->link);
}

/* True if one went and changed the set. */
static bool wake_one(struct sem_set *set)
{
	struct sem_request *r, *next;

	list_for_each_safe(r, next, &set->waiting, link) {
		int result = sem_try(set, r);
		if (result == SEM_WAITING)
			continue;
		list_del(&r->link);
		r->result = result;
		thread_wake(r->thread);
		if (!result && r->changes)
			return true;
	}
	return false;
}
#endif

void sem_wake(struct sem_set *set)
{
#ifdef SOLUTION
	while (wake_one(set))
		;
#else
	TODO("09-ipc");
#endif
}

long sem_operate(struct sem_set *set, struct sem_request *r, u64 deadline)
{
#ifdef SOLUTION
	bool in_time = true, interrupted = false;

	r->result = sem_try(set, r);
	if (!r->result && r->changes)
		sem_wake(set);
	if (r->result != SEM_WAITING)
		return r->result;
	r->thread = current;
	enqueue(set, r);
	while (r->result == SEM_WAITING && in_time && !interrupted) {
		/* The state first: what comes from here on, a wake-up or a signal, finds a sleeper. */
		atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
		spin_unlock(&set->object.lock);
		interrupted = thread_interrupted();
		if (!interrupted)
			in_time = schedule_until(deadline);
		current->state = THREAD_RUNNABLE;
		spin_lock(&set->object.lock);
	}
	if (r->result != SEM_WAITING)
		return r->result;
	list_del(&r->link);
	return in_time ? -EINTR : -EAGAIN;
#else
	TODO("09-ipc");
#endif
}

void sem_give_back(struct sem_set *set, struct sem_undo *undo, int pid)
{
#ifdef SOLUTION
	for (u32 i = 0; i < set->count; i++) {
		struct sem *s = &set->sems[i];
		if (!undo->adjust[i])
			continue;
		s->value = MAX(0, MIN(SEM_VALUE_MAX, s->value + undo->adjust[i]));
		s->last_pid = pid;
		undo->adjust[i] = 0;
	}
	sem_wake(set);
#else
	TODO("09-ipc");
#endif
}
