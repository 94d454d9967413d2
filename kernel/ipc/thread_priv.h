/* What ipc keeps of a thread. */
#ifndef IPC_THREAD_PRIV_H
#define IPC_THREAD_PRIV_H

#include "ipc_priv.h"
#include "sched/thread.h"

struct pi_waiter;
struct sem_undos;

struct thread_ipc {
	u64 robust_head;         /* user address of struct robust_list_head { next; s64 offset; pending }; the thread's own */
	struct sem_undos *undos; /* counted; the thread's own. NULL: none yet */
	struct list owned;       /* struct pi_state.owned: locks that others wait for; futex_pi_lock */
	struct pi_waiter *pi_waiting; /* for such a lock itself; futex_pi_lock */
};
/* current's, made if there is none: NULL if memory is short. */
struct thread_ipc *thread_ipc_get(void);
struct thread_ipc *thread_ipc_of(struct thread *t); /* the same for any thread */
/* undo.c: the share of a thread that never ran (its clone failed); its parent has one too. */
void sem_undos_drop(struct thread_ipc *ipc);

#endif
