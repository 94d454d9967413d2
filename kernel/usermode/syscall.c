/*
 * Dispatch of system calls, by the table that is generated from abi/syscalls.tbl.
 *
 * Both entries come here with interrupts on. The common path is a bounds check, a load and an indirect call: whatever is optional (trace, modes,
 * statistics) stands behind one test.
 */
#include "usermode_priv.h"

#include "abi/errno.h"
#include "core/atomic.h"
#include "core/printk.h"
#include "sched/events.h"
#include "syscalls_gen.h"

long (*syscall_router)(u32 nr, const u64 args[6], struct trapframe *f);
bool syscall_route_all;

/* Calls that went straight to the table, of each CPU; linux/fast_entry.S counts here too. Counted without a lock: a thread that is moved in between may lose one. */
PERCPU(u64[SYSCALL_COUNT], syscall_direct_counts);

static u32 missing[SYSCALL_COUNT]; /* atomic: calls of each number that nobody implements */
static u32 missing_beyond;         /* numbers past the table */

static __noinline long route(u32 nr, struct trapframe *f)
{
	u64 args[6] = { f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9 };
	return syscall_router(nr, args, f);
}

static __always_inline void dispatch(struct trapframe *f)
{
	u32 nr = (u32)f->error;
	long result;

	if (unlikely((READ_ONCE(current->work) & WORK_TRACE) || syscall_route_all) && syscall_router) {
		result = route(nr, f);
	} else if (likely(nr < SYSCALL_COUNT && syscall_table[nr])) {
		(*percpu_ptr(syscall_direct_counts))[nr]++;
		result = syscall_table[nr](f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9);
	} else {
		result = syscall_missing(nr);
	}
	f->rax = result;
}

static __noinline void dispatch_recorded(struct trapframe *f)
{
	u32 nr = (u32)f->error;

	event(EVENT_CALL, current->tid, nr, f->rdi, f->rsi);
	dispatch(f);
	event(EVENT_CALL_END, current->tid, nr, f->rax, 0);
}

void syscall_dispatch(struct trapframe *f)
{
	if (unlikely(READ_ONCE(events_on)))
		dispatch_recorded(f);
	else
		dispatch(f);
}

long syscall_missing(u32 nr)
{
	u32 *count = nr < SYSCALL_COUNT ? &missing[nr] : &missing_beyond;
	if (atomic_fetch_add(count, 1u) == 0) {
		const char *name = nr < SYSCALL_COUNT ? syscall_infos[nr].name : NULL;
		pr_debug("system call %d (%s) is not there: asked for by %s (%d)\n", (int)nr, name ? name : "?", current->name, current->tid);
	}
	return -ENOSYS;
}

u64 syscall_direct_count(u32 nr)
{
	u64 sum = 0;
	for (u32 id = 0; id < cpu_count; id++)
		sum += READ_ONCE((*percpu_ptr_of(syscall_direct_counts, cpus[id]))[nr]);
	return sum;
}

u64 syscall_missing_count(u32 nr)
{
	return atomic_load_relaxed(nr < SYSCALL_COUNT ? &missing[nr] : &missing_beyond);
}

long sys_getpid(void) { return current->process->pid; }
long sys_gettid(void) { return current->tid; }

long sys_exit(int status)
{
	user_exit_hook((status & 0xff) << 8, false);
}
