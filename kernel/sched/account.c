/*
 * The tick of a busy CPU, and what is counted: time by kind, switches, load.
 *
 * An idle CPU has no tick. The first switch away from idle starts it, and it stops itself when it finds the CPU idle: a CPU that goes idle and busy a
 * thousand times a second does not program its timer each time.
 *
 * Load averages (1, 5, 15 minutes): every 5 s  load = load * e + n * (1 - e)  with e = exp(-5 s / minutes), all times 65536.
 */
#include "rq_priv.h"

#include "core/trapframe.h"
#include "sched/smp.h"

#define BALANCE_INTERVAL (32 * NSEC_PER_MSEC)
#define LOAD_INTERVAL (5 * NSEC_PER_SEC)

static void tick_fired(struct timer *timer)
{
	struct runqueue *rq = this_rq();
	struct thread *t = current;
	struct trapframe *f = this_cpu()->irq_frame;
	u64 now = time_ns();

	if (t == rq->idle) {
		rq->ticking = false;
		return;
	}
	t->sampled_user = f && trapframe_from_user(f);
	sched_tick();
	NOTIFIER_CALL(thread_tick, t, t->sampled_user);
	if (now >= rq->next_balance) {
		rq->next_balance = now + BALANCE_INTERVAL;
		sched_pull();
	}
	/* Somebody waits here, and another CPU sleeps: it shall wake up and pull. */
	u64 idle = atomic_load_relaxed(&sched_idle_mask);
	if (rq->queued && idle) {
		struct runqueue *helper = rq_of(__builtin_ctzl(idle));
		atomic_store(&helper->asked_to_pull, true);
		rq_request_resched(helper);
	}
	timer_start(timer, now + time_tick_ns);
}

void sched_tick_arm(struct runqueue *rq)
{
	if (likely(rq->ticking) || rq->running == rq->idle)
		return;
	rq->ticking = true;
	if (!rq->tick.fn)
		timer_init(&rq->tick, tick_fired, NULL);
	timer_start(&rq->tick, time_ns() + time_tick_ns);
}

void sched_cpu_stats(u32 cpu, struct sched_stats *s)
{
	struct runqueue *rq = rq_of(cpu);
	u64 flags = spin_lock_irqsave(&rq->lock);
	u64 now = time_ns(), since = now - rq->running->exec_start;
	*s = (struct sched_stats){
		.user_ns = rq->user_ns, .nice_ns = rq->nice_ns, .system_ns = rq->system_ns, .idle_ns = rq->idle_ns,
		.switches = rq->switches, .runnable = rq->queued + (rq->running != rq->idle),
	};
	/* An idle CPU is charged when it ends to be idle: show what has run up. */
	if (rq->running == rq->idle && (s64)since > 0)
		s->idle_ns += since;
	spin_unlock_irqrestore(&rq->lock, flags);
}

u32 sched_running(void)
{
	u32 n = 0;
	for (u64 left = smp_online_mask(); left; left &= left - 1) {
		struct runqueue *rq = rq_of(__builtin_ctzl(left));
		n += READ_ONCE(rq->queued) + (READ_ONCE(rq->running) != rq->idle);
	}
	return n;
}

static u64 forks; /* atomic */
u64 sched_total_forks(void) { return atomic_load_relaxed(&forks); }
void sched_count_fork(void) { atomic_fetch_add(&forks, 1ul); }

static u64 load[3];
static struct timer load_timer;

static void load_fired(struct timer *timer)
{
	static const u64 keep[3] = { 60297, 64453, 65173 }; /* 65536 * exp(-5/60), exp(-5/300), exp(-5/900) */
	s64 n = sched_running();
	for (u64 left = smp_online_mask(); left; left &= left - 1)
		n += READ_ONCE(rq_of(__builtin_ctzl(left))->uninterruptible);
	if (n < 0)
		n = 0;
	for (int i = 0; i < 3; i++) {
		u64 now = load[i] * keep[i] + (u64)n * 65536 * (65536 - keep[i]);
		if ((u64)n * 65536 > load[i])
			now += 65535; /* rounds towards n, so that it is reached */
		WRITE_ONCE(load[i], now / 65536);
	}
	timer_start(timer, timer->deadline + LOAD_INTERVAL);
}

void sched_load(u64 avg[3])
{
	for (int i = 0; i < 3; i++)
		avg[i] = READ_ONCE(load[i]);
}

void sched_load_start(void)
{
	timer_init(&load_timer, load_fired, NULL);
	timer_start(&load_timer, time_ns() + LOAD_INTERVAL);
}
