/*
 * The end of a process, and the parent that waits for it.
 *
 *            exit_notify                         wait_for_child
 *   running ─────────────► zombie ──────────────────────────────► gone (exit_detach)
 *                 │                                   ▲
 *                 └── signal to the parent, wake-up ──┘
 *
 * A zombie is what is left of a process so that its parent can ask how it ended: number, status, times. The parent that ends first leaves its children to
 * init (or a subreaper), which waits for whatever it is given: no zombie is left for ever.
 *
 * Everything here happens under the tree lock, so a child is seen by its parent either before or after it became a zombie, and its zombie is taken by
 * one waiter alone. The sleep loses no wake-up: the queue is joined before the children are looked at.
 */
#include "proc_priv.h"

#include "core/todo.h"
#include "lib/string.h"
#include "sched/wait.h"

void exit_notify(struct process *p)
{
	TODO("07-processes");
}

long wait_for_child(struct wait_request *r)
{
	TODO("07-processes");
}
