/*
 * Start of the scheduler, the idle threads, and lab 04's destination.
 *
 * What boots becomes a thread: the code that runs on the boot stack is given a struct thread and goes on, now preemptible. CPU 0 gets an idle thread of
 * its own; on the other CPUs the context that they come up in is their idle thread.
 */
#include "rq_priv.h"

#include "boot/boot.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/todo.h"
#include "core/verdict.h"
#include "sched/events.h"
#include "sched/mutex.h"
#include "sched/smp.h"

static struct thread boot_thread;

void sched_cpu_init(u32 cpu, struct thread *idle, struct thread *running)
{
	struct runqueue *rq = rq_of(cpu);
	spin_init(&rq->lock, "run queue", RANK_RUNQUEUE);
	rq->cpu = cpu;
	for (int i = 0; i < RT_PRIORITIES; i++)
		list_init(&rq->rt[i]);
	rq->idle = idle;
	rq->running = running;
	running->on_cpu = true;
	running->exec_start = time_ns();
}

void __noreturn sched_idle_loop(void)
{
	for (;;) {
		irq_disable();
		struct runqueue *rq = this_rq();
		u64 bit = 1ul << rq->cpu;

		atomic_fetch_or(&sched_idle_mask, bit);
		/* Whoever queues something after this test also sets need_resched, and interrupts. STI takes effect after HLT has begun: no wake-up is lost. */
		if (!READ_ONCE(this_cpu()->need_resched) && !READ_ONCE(rq->queued) && !sched_pull())
			__asm__ volatile("sti; hlt; cli" ::: "memory");
		if (READ_ONCE(this_cpu()->need_resched) || READ_ONCE(rq->queued)) {
			atomic_fetch_and(&sched_idle_mask, ~bit);
			irq_enable();
			schedule();
		}
		irq_enable();
	}
}

static void idle_main(void *arg __unused)
{
	sched_idle_loop();
}

/* In a thread with a full-sized stack; the boot thread ends. */
static void run_destination(void *arg)
{
	((void (*)(void))arg)();
}

static void destination_runner(void (*fn)(void))
{
	if (!kthread_run("destination", run_destination, (void *)fn))
		panic("no memory for the thread that runs the destination");
	thread_exit();
}

static int sched_init(void)
{
	thread_setup_boot(&boot_thread, "boot");
	boot_thread.tid = tid_alloc();
	struct thread *idle = thread_alloc_tid("idle", -1);
	if (!idle)
		return -ENOMEM;
	idle->tid = 0;
	idle->affinity = 1;
	thread_set_entry(idle, thread_entry, 0, (u64)idle_main, 0);
	sched_cpu_init(0, idle, &boot_thread);
	list_add_tail(&thread_list, &boot_thread.all_link);
	cpu_set_current(this_cpu(), &boot_thread);
	smp_ipi_init();
	preempt_hook = sched_preempt;
	lock_check_thread_init();
	boot_destination_runner = destination_runner;
	workqueue_cpu_init(0);
	sched_load_start();
	int err = smp_init();
	events_init();
	boot_thread.affinity = ~0ul;
	return err;
}
SUBSYSTEM(sched, .needs = "mm time acpi irq", .init = sched_init, .stage = "04-threads");

/* What the skeleton of switch.S calls. */
void sched_switch_missing(void)
{
	TODO("04-threads");
}

/* --- destination: threads on every CPU ------------------------------------------------------------------------------ */

#define SHOW_THREADS_PER_CPU 2
#define SHOW_ROUNDS 2000

static struct {
	struct mutex lock;
	u64 shared;            /* lock */
	u64 per_cpu[MAX_CPUS]; /* lock: rounds done on that CPU */
	u32 left;              /* atomic: threads that still run */
	struct wait_queue done;
} show;

static void show_worker(void *arg __unused)
{
	for (int i = 0; i < SHOW_ROUNDS; i++) {
		mutex_lock(&show.lock);
		show.shared++;
		show.per_cpu[cpu_id()]++;
		mutex_unlock(&show.lock);
		time_delay_us(2);
		if (i % 64 == 0)
			sched_yield_current();
	}
	thread_sleep_ns(NSEC_PER_MSEC);
	if (atomic_sub_return(&show.left, 1u) == 0)
		wait_wake_all(&show.done);
}

static void show_threads(void)
{
	u32 threads = cpu_count * SHOW_THREADS_PER_CPU, started = 0;
	u64 begin = time_ns();

	mutex_init(&show.lock, "show", RANK_SUBSYS_MUTEX);
	wait_queue_init(&show.done);
	show.left = threads;
	for (u32 i = 0; i < threads; i++) {
		if (kthread_run("show", show_worker, NULL))
			started++;
		else
			atomic_fetch_sub(&show.left, 1u);
	}
	wait_event(&show.done, !atomic_load(&show.left));
	u64 micros = (time_ns() - begin) / NSEC_PER_USEC;
	printk("threads: %u threads on %u CPUs counted to %lu of %lu in %lu us\n", started, cpu_count, show.shared, (u64)started * SHOW_ROUNDS, micros);
	for (u32 i = 0; i < cpu_count; i++) {
		struct sched_stats s;
		sched_cpu_stats(i, &s);
		printk("threads: CPU %u: %lu rounds, %lu switches, idle %lu us\n", i, show.per_cpu[i], s.switches, s.idle_ns / NSEC_PER_USEC);
	}
	verdict("threads %d cpus %d count %lu want %lu\n", (int)started, (int)cpu_count, show.shared, (u64)started * SHOW_ROUNDS);
}
DESTINATION(4, show_threads);
