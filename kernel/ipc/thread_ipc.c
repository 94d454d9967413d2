/* What ipc keeps of a thread, made when it is first needed. */
#include "thread_priv.h"

#include "mm/slab.h"

struct thread_ipc *thread_ipc_of(struct thread *t)
{
	if (!t->ipc)
		t->ipc = kzalloc(sizeof(*t->ipc), 0);
	return t->ipc;
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
