/* The table of the short way through a system call (linux/fast_entry.S), and its switch. */
#include "linux_priv.h"

#include "core/cpu.h"
#include "core/debug.h"
#include "sched/smp.h"
#include "sched/thread.h"
#include "syscalls_gen.h"

void fast_entry(void); /* fast_entry.S */

/* By number: NULL goes the plain way. Below fast_call_limit; 0 while nothing is to go the short way. */
void *fast_calls[SYSCALL_COUNT];
u32 fast_call_limit;

/* These look at or change registers that the short way does not store. */
static const u16 whole_frame[] = {
	NR_fork, NR_vfork, NR_clone, NR_clone3, NR_execve, NR_execveat, NR_rt_sigreturn,
};

_Static_assert(offsetof(struct thread, work) == 16 && WORK_TRACE == 4, "fast_entry.S");

/* A checking kernel looks at every call in its dispatcher, so there the plain way stays. */
static void take_over(struct cpu *c __unused)
{
	if (!DEBUG)
		wrmsr(MSR_LSTAR, (u64)fast_entry);
}
NOTIFIER(cpu_start, take_over);

void fast_call_init(void)
{
	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++)
		fast_calls[nr] = (void *)syscall_table[nr];
	for (size_t i = 0; i < ARRAY_SIZE(whole_frame); i++)
		fast_calls[whole_frame[i]] = NULL;
	take_over(this_cpu());
}

void fast_call_switch(bool on)
{
	WRITE_ONCE(fast_call_limit, on ? SYSCALL_COUNT : 0);
}
