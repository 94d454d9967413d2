/*
 * fork and clone: one thread becomes two.
 *
 *   parent                                  child
 *   ──────                                  ─────
 *   user registers (trap frame) ─── copy ──►  the same, but rax = 0, and its own stack and TLS if asked for
 *   address space ── shared (CLONE_VM) or copied, pages copy-on-write ──►
 *   files, signals, credentials ── shared or copied, by flag ──►
 *   FPU state ─── copy ──►
 *
 * The child's first step is ret_from_fork (lab 05): it returns to user mode through the copied frame, as if it had made the call itself.
 * Order: everything that can fail comes first; then the child becomes visible, all at once (fork_publish); then it runs.
 */
#include "proc_priv.h"

#include "core/todo.h"
#include "lib/string.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

long fork_thread(const struct clone_request *r)
{
	TODO("07-processes");
}
