/*
 * System V semaphores: sets of counters, and lists of operations on a set that happen all together or not at all.
 *
 *   semop(set, {0: -1, 3: +2})     waits until semaphore 0 is at least 1, then takes one from it and gives two to 3, in one step
 *
 *   struct sem_set ── sems[0 … count-1]
 *        │   waiting: requests that cannot go: those that only wait for zero, then the others, each oldest first ── struct sem_request, on the stack of the thread that sleeps
 *        └── undos: what processes will give back at their end ── struct sem_undo
 *
 * Everything of a set is guarded by set->object.lock. ipc/semaphore.c is the mechanism; making, removing and reading sets, rights, and whose undo is whose are
 * given (sem.c, semctl.c, undo.c).
 */
#ifndef IPC_SEMAPHORE_PRIV_H
#define IPC_SEMAPHORE_PRIV_H

#include "sysv_priv.h"

#define SEM_VALUE_MAX 32767
#define SEM_UNDO_MAX 32767 /* an adjustment lies in [-SEM_UNDO_MAX - 1, SEM_UNDO_MAX] */

struct sem {
	int value;    /* 0 … SEM_VALUE_MAX */
	int last_pid; /* who changed or tested it last */
};

struct sem_set {
	struct ipc_object object; /* its lock guards all below */
	u32 count;
	struct sem *sems;
	struct list waiting;      /* struct sem_request.link */
	struct list undos;        /* struct sem_undo.in_set */
	s64 operation_time, change_time;
};

/* What one process (or several that share it) gives back to one set when it ends. */
struct sem_undo {
	struct list in_set;     /* the set's lock */
	struct list in_process; /* undo.c */
	struct sem_set *set;    /* counted */
	s16 adjust[];           /* one a semaphore, to be added; the set's lock */
};

/* The list of operations of one call. */
struct sem_request {
	const struct abi_sembuf *ops;     /* flags: IPC_NOWAIT, SEM_UNDO. num is smaller than the set's count */
	u32 count;
	bool changes;                     /* not all of them only wait for zero */
	struct sem_undo *undo;            /* NULL: no operation has SEM_UNDO */
	int pid;
	/* While it waits: */
	struct list link;
	struct thread *thread;
	int result;                       /* SEM_WAITING, then what the waker found: 0 or -errno */
	const struct abi_sembuf *blocked; /* the first operation that could not go */
};
#define SEM_WAITING 1

/*
 * Student's (ipc/semaphore.c). The set's lock is held by the caller of all four; sem_operate gives it back while it sleeps.
 *
 * sem_try: does all operations of r in their order, each on what the ones before it left, and notes r->pid in each semaphore: 0. If one cannot go, the set
 * and r->undo are as before, and it answers
 *   SEM_WAITING   r must wait: r->blocked is the operation
 *   -EAGAIN       the same, but that operation has IPC_NOWAIT
 *   -ERANGE       a value would pass SEM_VALUE_MAX, or an adjustment its limits
 * Operation n > 0 adds; n < 0 takes, when the value is at least -n; 0 waits until the value is 0. SEM_UNDO subtracts n from the adjustment.
 */
int sem_try(struct sem_set *set, struct sem_request *r);
/*
 * The set has changed: ends the waiting of each request that can go now or has failed, as often as one of them changes the set again. Those that only wait for
 * zero go before those that change something; among equals the oldest first.
 */
void sem_wake(struct sem_set *set);
/*
 * r's operations, as soon as they can go: 0; what sem_try answers; -EIDRM when the set is removed meanwhile; -EINTR when a signal comes; -EAGAIN at the deadline
 * (time_ns(); TIME_NEVER: none).
 */
long sem_operate(struct sem_set *set, struct sem_request *r, u64 deadline);
/* The process ends: adds its adjustments to the set, each value kept in 0 … SEM_VALUE_MAX, notes pid where there is one, and forgets them; all in one step. */
void sem_give_back(struct sem_set *set, struct sem_undo *undo, int pid);

/* Given (undo.c). Those of current for this set, made if there are none; ERR_PTR(-ENOMEM). The set is not locked. */
struct sem_undo *sem_undo_get(struct sem_set *set);

#endif
