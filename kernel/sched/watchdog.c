/*
 * The watchdog of a checking kernel: a CPU that makes no progress is reported, with the back-traces of all.
 *
 *   interval timer (PIT), 18 times a second --- NMI ---> CPU 0: counts for each CPU the beats since its last sign of life; too many: panic
 *   each CPU's own timer, once a second: "interrupts work here", and queues a work item: "threads run here"
 *   each tick: does the thread that it finds ever come out of the kernel?
 *
 * The NMI comes through whatever the CPU has done to its interrupt flag, so a loop with interrupts off is seen even with one CPU. Counting beats, not time, spares
 * a guest that its host had forgotten for a while. `watchdog=N` sets the limit in seconds, 0 turns it off.
 */
#include "sched/thread.h"

#if DEBUG
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/registry.h"
#include "irq/irq.h"
#include "rq_priv.h"
#include "sched/smp.h"

#define BEATS_PER_SEC 18
#define PIT_COMMAND 0x43
#define PIT_CHANNEL0 0x40

struct watch {
	struct timer timer;
	struct work work;
	u32 beats_interrupts, beats_threads; /* since the last sign; written by this CPU and by CPU 0's NMI: a lost count does no harm */
	bool started;
};
static PERCPU(struct watch, watches);
static u64 limit_beats;

CMDLINE_PARAM(watchdog, "watchdog");

static void threads_run(struct work *w)
{
	struct watch *watch = container_of(w, struct watch, work);

	WRITE_ONCE(watch->beats_threads, 0);
}

static void interrupts_run(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, timer);

	WRITE_ONCE(w->beats_interrupts, 0);
	work_queue(&w->work);
	timer_start(t, time_ns() + NSEC_PER_SEC);
}

static void beat(struct trapframe *f)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct watch *w = percpu_ptr_of(watches, cpus[i]);
		if (!READ_ONCE(w->started))
			continue;
		u32 interrupts = ++w->beats_interrupts, threads = ++w->beats_threads;
		/* A real-time thread may keep all others off its CPU. */
		if (interrupts <= limit_beats && (threads <= 3 * limit_beats || thread_is_rt(READ_ONCE(rq_of(i)->running))))
			continue;
		panic_frame(f, "watchdog: CPU %u makes no progress: %s for %lu s", i, interrupts > limit_beats ? "no timer interrupt" : "no other thread ran",
			    (interrupts > limit_beats ? interrupts : threads) / (u64)BEATS_PER_SEC);
	}
}

/*
 * A loop with interrupts on and preemption possible stops nobody else, so only its thread tells: it burns time in the kernel, and neither sleeps nor goes back
 * to user mode.
 */
static void look_at_thread(struct thread *t, bool user)
{
	if (user || policy_is_rt(t->policy) || t->runtime_ns < t->kernel_since) {
		t->kernel_since = t->runtime_ns;
		return;
	}
	if (limit_beats && t->runtime_ns - t->kernel_since > 4 * limit_beats * (NSEC_PER_SEC / BEATS_PER_SEC) && this_cpu()->irq_frame)
		panic_frame(this_cpu()->irq_frame, "watchdog: the thread %s makes no progress: in the kernel for %lu s, without sleeping or going back", t->name,
			    (t->runtime_ns - t->kernel_since) / NSEC_PER_SEC);
}
NOTIFIER(thread_tick, look_at_thread);

static void watch_this_cpu(struct cpu *c)
{
	struct watch *w = percpu_ptr_of(watches, c);

	timer_init(&w->timer, interrupts_run, NULL);
	work_init(&w->work, threads_run);
	timer_start(&w->timer, time_ns() + NSEC_PER_SEC);
	WRITE_ONCE(w->started, true);
}

static void start_on_cpu(void *arg __unused)
{
	watch_this_cpu(this_cpu());
}

static int watchdog_init(void)
{
	u64 seconds = cmdline_u64("watchdog", 30);

	if (!seconds)
		return 0;
	limit_beats = seconds * BEATS_PER_SEC;
	smp_call(smp_online_mask(), start_on_cpu, NULL);
	int err = irq_nmi_from_isa(0, beat);
	if (err)
		return err;
	/* Channel 0, rate generator, the slowest: 1193182 / 65536 Hz. */
	outb(PIT_COMMAND, 0x34);
	outb(PIT_CHANNEL0, 0);
	outb(PIT_CHANNEL0, 0);
	return 0;
}
SUBSYSTEM(watchdog, .needs = "sched", .init = watchdog_init, .stage = "04-threads");
#endif
