/* Faults made on purpose: between user and kernel. */
#include "core/cpu.h"
#include "core/ktest.h"
#include "lib/string.h"
#include "sched/mutex.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

#define HIDE(p) ({ __typeof__(p) p_ = (p); __asm__ volatile("" : "+r"(p_)); p_; })

PROVOKE(user_pointer)
{
	volatile int *p = HIDE((volatile int *)0x400000);
	(void)*p;
}

PROVOKE(user_pointer_by_copy)
{
	char buffer[16];
	memcpy(HIDE(&buffer[0]), HIDE((const char *)0x400000), sizeof(buffer));
}

PROVOKE(user_pointer_written) { *HIDE((volatile int *)0x400000) = 1; }

PROVOKE(interrupts_off_on_return_to_user)
{
	struct trapframe f;
	memset(&f, 0, sizeof(f));
	f.rax = ~0ul; /* no such call */
	irq_disable();
	syscall_dispatch(&f);
}

PROVOKE(lock_held_on_return_to_user)
{
	static MUTEX(m, RANK_SUBSYS_MUTEX);
	struct trapframe f;
	memset(&f, 0, sizeof(f));
	f.rax = ~0ul; /* no such call */
	mutex_lock(&m);
	syscall_dispatch(&f);
}

PROVOKE(user_copy_under_spinlock)
{
	static struct spinlock l = SPINLOCK_INIT("provoked", RANK_TTY);
	int value;
	spin_lock(&l);
	if (copy_from_user(&value, (const void __user *)0x400000, sizeof(value)))
		return;
}
