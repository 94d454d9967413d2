/* What ipc keeps of a thread, made when it is first needed. */
#include "thread_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"

struct thread_ipc *thread_ipc_of(struct thread *t)
{
	struct thread_ipc *ipc = atomic_load_acquire(&t->ipc);

	if (ipc)
		return ipc;
	ipc = kzalloc(sizeof(*ipc), 0);
	if (!ipc)
		return NULL;
	list_init(&ipc->owned);
	if (atomic_cas(&t->ipc, NULL, ipc))
		return ipc;
	/* The thread itself, or another that waits for it, was faster. */
	kfree(ipc);
	return atomic_load_acquire(&t->ipc);
}

struct thread_ipc *thread_ipc_get(void) { return thread_ipc_of(current); }

static void free_thread_ipc(struct thread *t)
{
	if (!t->ipc)
		return;
	sem_undos_drop(t->ipc);
	kfree(t->ipc);
	t->ipc = NULL;
}
NOTIFIER(thread_free, free_thread_ipc);
