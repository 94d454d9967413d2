/*
 * The checks of sleeping locks in a checking kernel: the linker puts these functions between the locks' own (which a student may have written) and everybody
 * else (--wrap). A thread's locks are recorded in the thread.
 */
#include "sched/thread.h"

#include "core/lock_check.h"

#if DEBUG
#include "core/panic.h"
#include "core/fault_inject.h"
#include "mm/pagetable.h"
#include "rq_priv.h"
#include "sched/mutex.h"

#define CALLER __builtin_return_address(0)

/* The thread may be stopped here, for long. */
static void chaos_point(void)
{
	if (likely(!lock_check_point_hook) || preempt_count())
		return;
	preempt_disable();
	lock_check_point_hook();
	preempt_enable();
}

/* Before it waits: order and context. After: that it is held. The record is made before, so that the check sees who would wait for whom. */
static void before(const void *lock, const char *name, u8 rank, bool try, const void *caller)
{
	u64 flags;

	if (panicking)
		return;
	if (!try)
		might_sleep_at(name ? name : "a lock", caller);
	u16 class = lock_class(lock, name, rank);
	flags = irq_save();
	lock_check_add(&current->held, lock, class, try, true, caller);
	irq_restore(flags);
	chaos_point();
}

static void after(const void *lock, const char *name, const void *caller)
{
	u64 flags;

	if (panicking)
		return;
	flags = irq_save();
	lock_check_remove(&current->held, lock, name, caller);
	irq_restore(flags);
	chaos_point();
}

#define WRAPPED(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

WRAPPED(void, mutex_lock, struct mutex *m)
{
	before(m, m->name, m->rank, false, CALLER);
	__real_mutex_lock(m);
	if (m->owner != current)
		panic("mutex %s: taken, but %s is not its owner", m->name, current->name);
}

WRAPPED(int, mutex_lock_interruptible, struct mutex *m)
{
	before(m, m->name, m->rank, false, CALLER);
	int err = __real_mutex_lock_interruptible(m);
	if (err)
		after(m, m->name, CALLER);
	return err;
}

WRAPPED(bool, mutex_trylock, struct mutex *m)
{
	bool taken = __real_mutex_trylock(m);
	if (taken)
		before(m, m->name, m->rank, true, CALLER);
	return taken;
}

WRAPPED(void, mutex_unlock, struct mutex *m)
{
	after(m, m->name, CALLER);
	__real_mutex_unlock(m);
	chaos_point();
}

WRAPPED(void, rwlock_read, struct rwlock *l)
{
	before(l, l->name, l->rank, false, CALLER);
	__real_rwlock_read(l);
}

WRAPPED(bool, rwlock_try_read, struct rwlock *l)
{
	bool taken = __real_rwlock_try_read(l);
	if (taken)
		before(l, l->name, l->rank, true, CALLER);
	return taken;
}

WRAPPED(void, rwlock_read_done, struct rwlock *l)
{
	after(l, l->name, CALLER);
	__real_rwlock_read_done(l);
}

WRAPPED(void, rwlock_write, struct rwlock *l)
{
	before(l, l->name, l->rank, false, CALLER);
	__real_rwlock_write(l);
}

WRAPPED(int, rwlock_write_killable, struct rwlock *l)
{
	before(l, l->name, l->rank, false, CALLER);
	int err = __real_rwlock_write_killable(l);
	if (err)
		after(l, l->name, CALLER);
	return err;
}

WRAPPED(void, rwlock_write_done, struct rwlock *l)
{
	after(l, l->name, CALLER);
	__real_rwlock_write_done(l);
}

/* What every sleep comes to. */
WRAPPED(void, schedule, void)
{
	const u64 *bottom = current->stack;

	if (preempt_count() && !panicking)
		panic_with(lock_check_print_all, NULL, "lock check: %s sleeps, but a spinlock is held or preemption is off", current->name);
	if (bottom && *bottom != KSTACK_CANARY)
		panic("stack: the canary of %s is gone: %lx", current->name, *bottom);
	if (current->state != THREAD_RUNNABLE)
		current->kernel_since = current->runtime_ns;
	__real_schedule();
}

static struct held_locks *thread_locks(void)
{
	return current ? &current->held : NULL;
}

/* Kernel threads are spared: it is the system calls whose errors are tried. */
static u32 *thread_countdown(void)
{
	return current && current->process ? &current->fail_nth : NULL;
}

void lock_check_thread_init(void)
{
	fault_inject_thread_hook = thread_countdown;
	lock_check_thread_hook = thread_locks;
}
#endif
