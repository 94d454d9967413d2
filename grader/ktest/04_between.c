/* Stage 04, between two instructions: another thread comes in wherever it can, and nothing is lost or had twice. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "core/percpu.h"
#include "lib/string.h"
#include "sched/mutex.h"
#include "sched/rq_priv.h"
#include "sched/thread.h"
#include "steps.h"

#if DEBUG
/* The checker of locks stands before it. */
bool __real_mutex_trylock(struct mutex *m);
#define mutex_trylock __real_mutex_trylock
#endif

static struct mutex door;
static struct thread other_thread; /* never runs */
static u32 step_wanted;
static bool came, tried;

static void try_stepped(void *arg __unused)
{
	tried = mutex_trylock(&door);
}

static void other_takes_it(u32 n)
{
	if (n == step_wanted && !door.owner) {
		door.owner = &other_thread;
		came = true;
	}
}

KTEST(04, nobody_takes_a_mutex_between)
{
	u32 steps;

	step_wanted = 0;
	do {
		mutex_init(&door, "door", RANK_NONE);
		came = false;
		steps = ktest_step(try_stepped, NULL, other_takes_it);
		if (!KEXPECT(tried != came) || !KEXPECT_EQ(door.owner, came ? &other_thread : current))
			break;
	} while (++step_wanted < steps);
	door.owner = &other_thread;
	KEXPECT(!mutex_is_held(&door)); /* by this thread, not by any */
	door.owner = current;
	KEXPECT(mutex_is_held(&door));
	door.owner = NULL;
	KEXPECT(!mutex_is_held(&door));
}

#if !DEBUG /* the checker's own notes would be written while it writes them */
static struct thread waiting_thread; /* nor does this one */
static struct wait_entry other_entry;
static bool other_woken;
static int err;

static bool other_wakes(struct wait_entry *e __unused, void *key __unused)
{
	return other_woken = true;
}

static void nobody_came_yet(void)
{
	wait_entry_init(&other_entry);
	other_entry.thread = &waiting_thread;
	other_entry.fn = other_wakes;
	other_entry.exclusive = true;
	came = other_woken = false;
}

static void lock_stepped(void *arg __unused)
{
	err = mutex_lock_interruptible(&door);
}

/* Somebody comes to wait, and the holder lets go, as soon as no spinlock is held. */
static void other_releases_it(u32 n)
{
	struct thread *me = current;

	if (n < step_wanted || came || preempt_count())
		return;
	came = true;
	wait_add(&door.wait, &other_entry);
	cpu_set_current(this_cpu(), &other_thread);
	mutex_unlock(&door);
	cpu_set_current(this_cpu(), me);
}
#endif

KTEST(04, who_gives_up_passes_the_wake_up_on)
{
#if !DEBUG
	u32 steps;

	step_wanted = 0;
	do {
		mutex_init(&door, "door", RANK_NONE);
		door.owner = &other_thread;
		nobody_came_yet();
		atomic_fetch_or(&current->work, (u32)WORK_SIGNAL);
		steps = ktest_step(lock_stepped, NULL, other_releases_it);
		atomic_fetch_and(&current->work, ~(u32)WORK_SIGNAL);
		/* It has the mutex, or it leaves it to the other, who knows, or has it already (where it is handed over). */
		bool right = err ? KEXPECT_EQ(err, -ERESTARTSYS) && KEXPECT(other_woken || door.owner == &waiting_thread || !came)
				 : KEXPECT(mutex_is_held(&door));
		wait_remove(&door.wait, &other_entry);
		KEXPECT(list_empty(&door.wait.entries));
		KEXPECT_EQ(current->state, THREAD_RUNNABLE);
		if (!right)
			break;
	} while (++step_wanted < steps);
#endif
}

#if !DEBUG
static void unlock_stepped(void *arg __unused)
{
	mutex_unlock(&door);
}

/* Somebody comes to wait while the mutex is held: so he will not get it by trying. */
static void other_waits(u32 n)
{
	if (n != step_wanted || came || preempt_count() || door.owner != current)
		return;
	came = true;
	wait_add(&door.wait, &other_entry);
}
#endif

KTEST(04, who_releases_sees_all_who_wait)
{
#if !DEBUG
	u32 steps;

	step_wanted = 0;
	do {
		mutex_init(&door, "door", RANK_NONE);
		KREQUIRE(mutex_trylock(&door));
		nobody_came_yet();
		steps = ktest_step(unlock_stepped, NULL, other_waits);
		bool right = KEXPECT(!came || other_woken || door.owner == &waiting_thread);
		wait_remove(&door.wait, &other_entry);
		if (!right)
			break;
	} while (++step_wanted < steps);
#endif
}

/* A thread that was preempted when it had set its state, but not yet gone to sleep: it is in the queue already. */
KTEST(04, who_is_queued_is_not_queued_again)
{
	u64 flags = irq_save();
	struct runqueue *rq = this_rq();

	memset(&other_thread, 0, sizeof(other_thread));
	other_thread.cpu = cpu_id();
	other_thread.affinity = 1ul << cpu_id();
	other_thread.tid = TID_MAX;
	other_thread.state = THREAD_INTERRUPTIBLE;
	spin_lock(&rq->lock);
	rq_enqueue(rq, &other_thread, ENQUEUE_PREEMPTED);
	u32 queued = rq->queued;
	spin_unlock(&rq->lock);
	KEXPECT(thread_wake(&other_thread));
	KEXPECT_EQ(other_thread.state, THREAD_RUNNABLE);
	KEXPECT(!other_thread.migrating);
	spin_lock(&rq->lock);
	KEXPECT_EQ(rq->queued, queued);
	if (KEXPECT(other_thread.on_rq))
		rq_dequeue(rq, &other_thread); /* it has no stack to run on */
	spin_unlock(&rq->lock);
	irq_restore(flags);
}

/* A thread that somebody is placing on a CPU just now: a second wake-up must leave it to him. */
KTEST(04, two_wakers_place_it_once)
{
	/* It is woken before it sleeps: it never was load, and never left. */
	u64 flags = irq_save();
	s64 count = this_rq()->uninterruptible;
	atomic_store(&current->state, (u32)THREAD_UNINTERRUPTIBLE);
	KEXPECT(thread_wake(current));
	KEXPECT_EQ(current->state, THREAD_RUNNABLE);
	KEXPECT(!current->on_rq && !current->migrating);
	KEXPECT(cpu_count > 1 || this_rq()->uninterruptible == count);
	irq_restore(flags);

	/* One that has left its CPU, and is between two queues. */
	other_thread.cpu = cpu_id();
	other_thread.affinity = 1ul << cpu_id();
	other_thread.tid = TID_MAX;
	other_thread.migrating = true;
	other_thread.state = THREAD_INTERRUPTIBLE;
	flags = irq_save();
	u32 queued = this_rq()->queued;
	KEXPECT(thread_wake(&other_thread));
	KEXPECT_EQ(other_thread.state, THREAD_RUNNABLE);
	if (!KEXPECT(!other_thread.on_rq) || !KEXPECT_EQ(this_rq()->queued, queued))
		rq_dequeue(this_rq(), &other_thread); /* it has no stack to run on */
	irq_restore(flags);
}

#if !DEBUG
static unsigned unclaimed;

static void wake_stepped(void *arg __unused)
{
	thread_wake(&other_thread);
}

/* Runnable, but in no queue, and nobody says that he is about to place it: who comes now places it too, or leaves it to nobody. */
static void is_claimed(u32 n __unused)
{
	struct spinlock *l = &rq_of(other_thread.cpu)->lock;

	unclaimed += other_thread.state == THREAD_RUNNABLE && !other_thread.on_rq && !other_thread.migrating && l->ticket.next == l->ticket.owner;
}
#endif

KTEST(04, who_is_woken_is_claimed_until_it_is_queued)
{
#if !DEBUG
	u64 flags = irq_save();
	struct runqueue *rq = this_rq();

	memset(&other_thread, 0, sizeof(other_thread));
	other_thread.cpu = cpu_id();
	other_thread.affinity = 1ul << cpu_id();
	other_thread.tid = TID_MAX;
	other_thread.state = THREAD_INTERRUPTIBLE;
	unclaimed = 0;
	ktest_step(wake_stepped, NULL, is_claimed);
	KEXPECT_EQ(other_thread.state, THREAD_RUNNABLE);
	KEXPECT(!other_thread.migrating);
	spin_lock(&rq->lock);
	if (KEXPECT(other_thread.on_rq))
		rq_dequeue(rq, &other_thread); /* it has no stack to run on */
	spin_unlock(&rq->lock);
	KEXPECT_EQ(unclaimed, 0);
	irq_restore(flags);
#endif
}

static u32 switches, strangers; /* atomic */

static void at_switch(struct thread *prev, struct thread *next)
{
	atomic_fetch_add(&switches, 1u);
	if (prev == next || current != next)
		atomic_fetch_add(&strangers, 1u);
}
NOTIFIER(thread_switch, at_switch);

KTEST(04, a_switch_is_told_and_answers_the_request)
{
	u32 before = atomic_load(&switches);

	/* A host that stops this CPU for a while lets the time go by before the thread has gone to sleep: then there is nothing to switch for. */
	for (unsigned i = 0; i < 50 && atomic_load(&switches) == before; i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KEXPECT(atomic_load(&switches) > before);
	KEXPECT_EQ(strangers, 0); /* `current` is who comes */
	if (cpu_count > 1) /* another CPU may ask at any time */
		return;
	u64 flags = irq_save();
	this_cpu()->need_resched = 1;
	schedule();
	KEXPECT_EQ(this_cpu()->need_resched, 0);
	irq_restore(flags);
	/* Nobody waits for the CPU: a tick asks for nothing. */
	bool alone = false;
	for (unsigned i = 0; i < 50 && !alone; i++) {
		thread_sleep_ns(NSEC_PER_MSEC);
		flags = irq_save();
		alone = !this_rq()->queued && !this_cpu()->need_resched;
		if (alone) {
			sched_tick();
			KEXPECT_EQ(this_cpu()->need_resched, 0);
		}
		irq_restore(flags);
	}
	KEXPECT(alone);
}

static void busy_ns(u64 ns)
{
	u64 end = time_ns() + ns;

	while (time_ns() < end)
		cpu_spin(200);
}

/* With interrupts off no tick comes in between: what was not charged on this way out is lost, or is charged later, when nobody looks any more. */
KTEST(04, time_is_charged_on_every_way_out)
{
	const u64 spent = 2 * NSEC_PER_MSEC;
	u64 flags = irq_save(), before = current->runtime_ns;

	busy_ns(spent);
	schedule(); /* it is runnable: it comes back, perhaps at once */
	KEXPECT(current->runtime_ns - before >= spent);
	before = current->runtime_ns;
	busy_ns(spent);
	sched_tick();
	KEXPECT(current->runtime_ns - before >= spent);
	before = current->runtime_ns;
	busy_ns(spent);
	sched_preempt();
	KEXPECT(current->runtime_ns - before >= spent);
	irq_restore(flags);
}
