/* Faults made on purpose: traps, sleeping locks, context, progress. */
#include "core/cpu.h"
#include "core/ktest.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "sched/smp.h"
#include "sched/thread.h"
#include "time/time.h"

#define HIDE(p) ({ __typeof__(p) p_ = (p); __asm__ volatile("" : "+r"(p_)); p_; })

PROVOKE(null_call)
{
	void (*fn)(void) = HIDE((void (*)(void))0);
	fn();
}

PROVOKE(jump_to_data)
{
	static u8 code[] = { 0xc3 };
	void (*fn)(void) = HIDE((void (*)(void))code);
	fn();
}

PROVOKE(write_to_text)
{
	extern char kernel_start[];
	char *p = HIDE((char *)kernel_start);
	*p = 0;
}

static u64 __noinline dig(u64 depth)
{
	volatile u64 room[32];
	room[depth % 32] = depth;
	return depth > 1000000 ? 0 : dig(depth + 1) + room[depth % 32];
}
PROVOKE(stack_overflow) { dig(0); }

PROVOKE(sleep_under_spinlock)
{
	static struct spinlock l = SPINLOCK_INIT("provoked", RANK_TTY);
	static MUTEX(m, RANK_SUBSYS_MUTEX);
	spin_lock(&l);
	mutex_lock(&m);
}

PROVOKE(sleep_with_interrupts_off)
{
	static MUTEX(m, RANK_SUBSYS_MUTEX);
	irq_disable();
	mutex_lock(&m);
}

PROVOKE(preempt_enable_lost)
{
	preempt_disable();
	thread_sleep_ns(1000);
}

PROVOKE(mutex_inversion)
{
	static MUTEX(low, RANK_INODE);
	static MUTEX(high, RANK_SUBSYS_MUTEX);
	mutex_lock(&high);
	mutex_lock(&low);
}

PROVOKE(mutex_taken_twice)
{
	static MUTEX(m, RANK_SUBSYS_MUTEX);
	mutex_lock(&m);
	mutex_lock(&m);
}

PROVOKE(mutex_of_another)
{
	static MUTEX(m, RANK_SUBSYS_MUTEX);
	mutex_unlock(&m);
}

static struct spinlock shared = SPINLOCK_INIT("shared with an interrupt", RANK_TTY);
static void in_interrupt(struct timer *t __unused)
{
	spin_lock(&shared);
	spin_unlock(&shared);
}
PROVOKE(lock_with_interrupts_on)
{
	static struct timer t;
	timer_init(&t, in_interrupt, NULL);
	timer_start(&t, time_ns() + 1000000);
	time_delay_us(5000);
	spin_lock(&shared);
	spin_unlock(&shared);
}

/* The timer's handler never comes while `outer` is held: that it might is enough. */
PROVOKE(interrupt_inversion)
{
	static struct spinlock outer = SPINLOCK_INIT("held with interrupts on", RANK_TTY_DEVICE);
	static struct timer t;
	spin_lock(&outer);
	spin_unlock(&outer);
	timer_init(&t, in_interrupt, NULL);
	timer_start(&t, time_ns() + 1000000);
	time_delay_us(5000);
}

PROVOKE(loop_with_interrupts_off)
{
	irq_disable();
	for (;;)
		cpu_relax();
}

PROVOKE(loop_without_preemption)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

PROVOKE(unaligned_fpu_frame)
{
	char *p = HIDE((char *)kzalloc(1024, 0));
	__asm__ volatile("fxsave (%0)" ::"r"(p + 8) : "memory");
}

PROVOKE(stack_canary)
{
	u64 *bottom = HIDE((u64 *)current->stack);
	*bottom = 0;
	thread_sleep_ns(1000);
}

PROVOKE(free_page_written_from_outside)
{
	struct frame *f = frame_alloc(0, 0);
	char *alias = kmap_pages(&f, 1, PTE_WRITE);
	frame_free(f, 0);
	/* As a device would, or a user program through a stale TLB entry. */
	alias[100] = 1;
	for (int i = 0; i < 100; i++)
		frame_alloc(0, 0);
}

static struct spinlock foreign = SPINLOCK_INIT("provoked", RANK_TTY);
static volatile bool foreign_taken;
static void take_foreign(void *unused __unused)
{
	spin_lock(&foreign);
	foreign_taken = true;
	for (;;)
		cpu_relax();
}
PROVOKE(unlock_by_another_cpu)
{
	struct thread *t = thread_create("taker", take_foreign, NULL);
	thread_set_affinity(t, smp_online_mask() & ~1ul);
	thread_set_affinity(current, 1);
	thread_start(t);
	while (!foreign_taken)
		cpu_relax();
	spin_unlock(&foreign);
}

static volatile bool slept;
static void sleep_in_interrupt(struct timer *t __unused)
{
	thread_sleep_ns(1000);
	slept = true;
}
PROVOKE(sleep_in_interrupt)
{
	static struct timer t;
	timer_init(&t, sleep_in_interrupt, NULL);
	timer_start(&t, time_ns() + 1000000);
	while (!slept)
		cpu_relax();
}

PROVOKE(loop_with_interrupts_on)
{
	for (;;)
		cpu_relax();
}

PROVOKE(execution_of_heap)
{
	u8 *code = HIDE((u8 *)kmalloc(64, 0));
	*code = 0xc3;
	((void (*)(void))code)();
}

static void armed(struct timer *t __unused) {}
PROVOKE(timer_freed_while_armed)
{
	struct timer *t = kzalloc(sizeof(*t), 0);
	timer_init(t, armed, NULL);
	timer_start(t, time_ns() + 1000000);
	kfree(t);
	time_delay_us(5000);
}

PROVOKE(undefined_instruction) { __asm__ volatile("ud2"); }

/* A race that only a switch between the two halves shows: found by the chaos scheduler, with the seed in the report. */
static struct {
	struct mutex lock;
	int counter; /* lock; but read and written back in two turns */
	u32 left;
} race;

static void racer(void *arg __unused)
{
	for (int i = 0; i < 20; i++) {
		mutex_lock(&race.lock);
		int value = race.counter;
		mutex_unlock(&race.lock);
		mutex_lock(&race.lock);
		race.counter = value + 1;
		mutex_unlock(&race.lock);
	}
	atomic_fetch_sub(&race.left, 1u);
}

PROVOKE(race)
{
	mutex_init(&race.lock, "race", RANK_SUBSYS_MUTEX);
	race.left = 2;
	kthread_run("racer", racer, NULL);
	kthread_run("racer", racer, NULL);
	while (atomic_load(&race.left))
		thread_sleep_ns(1000000);
#if DEBUG
	chaos_report();
#endif
	if (race.counter != 40)
		panic("race: %d of 40 counted", race.counter);
}

/* The watchdog's beats go on while a report is printed, and must not cut it short. */
static void slow_detail(const void *arg __unused)
{
	u64 end = time_ns() + 120 * NSEC_PER_MSEC; /* two beats at least; without cpu_relax, at which an emulator that counts instructions is slow */

	while (time_ns() < end)
		;
	panic_note("this took a while\n");
}

PROVOKE(panic_beside_the_watchdog) { panic_with(slow_detail, NULL, "a slow report"); }
