/* Stage 04, case by case: who is called in which order, which states a wake-up is for, what a switch hands over. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "lib/string.h"
#include "sched/rq_priv.h"
#include "sched/mutex.h"
#include "sched/smp.h"
#include "sched/thread.h"

/* --- wait queues without threads ------------------------------------------------------------------------------------- */

enum { ENTRIES = 6 };
static struct wait_entry entries[ENTRIES];
static unsigned called[16], calls;
static void *key_seen;

static bool note(struct wait_entry *e, void *key)
{
	if (calls < ARRAY_SIZE(called))
		called[calls++] = (unsigned)(e - entries);
	key_seen = key;
	return e->arg != NULL;
}

static bool go_away(struct wait_entry *e, void *key)
{
	note(e, key);
	list_del(&e->link);
	memset(e, 0, sizeof(*e));
	return true;
}

static bool was_called(unsigned count, const char *who)
{
	bool ok = calls == count;
	for (unsigned i = 0; ok && i < count; i++)
		ok = called[i] == (unsigned)(who[i] - '0');
	calls = 0;
	return ok;
}

KTEST(04, a_wake_up_goes_from_the_front)
{
	static const bool exclusive[ENTRIES] = { true, false, true, true, false, true };
	struct wait_queue q;
	u32 state = current->state;

	wait_queue_init(&q);
	KEXPECT(list_empty(&q.entries));
	KEXPECT_EQ(wait_wake(&q, 5, NULL), 0);
	for (unsigned i = 0; i < ENTRIES; i++) {
		memset(&entries[i], 0x5a, sizeof(entries[i]));
		wait_entry_init(&entries[i]);
		KEXPECT_EQ(entries[i].thread, current);
		KEXPECT(!entries[i].exclusive && entries[i].fn == wait_default_fn && !entries[i].arg && list_empty(&entries[i].link));
		entries[i].fn = note;
		entries[i].arg = &entries[i];
		entries[i].exclusive = exclusive[i];
		wait_add(&q, &entries[i]);
		KEXPECT_EQ(entries[i].queue, &q);
	}
	wait_add(&q, &entries[2]); /* it is there already */
	KEXPECT_EQ(current->state, state);
	calls = 0;
	/* Both that are not exclusive, and as many exclusive ones as are asked for, first come first. */
	KEXPECT_EQ(wait_wake(&q, 1, &calls), 3);
	KEXPECT_EQ(key_seen, &calls);
	KEXPECT(was_called(3, "410") || calls == 0);
	KEXPECT_EQ(wait_wake(&q, 0, NULL), 2);
	KEXPECT(was_called(2, "41"));
	KEXPECT_EQ(wait_wake(&q, 3, NULL), 5);
	KEXPECT(was_called(5, "41023"));
	/* One that did not wake does not count. */
	entries[0].arg = NULL;
	KEXPECT_EQ(wait_wake(&q, 2, NULL), 4);
	KEXPECT(was_called(5, "41023"));
	entries[4].arg = NULL;
	KEXPECT_EQ(wait_wake(&q, ~0u, NULL), 4);
	KEXPECT(was_called(6, "410235"));
	wait_remove(&q, &entries[2]);
	KEXPECT(list_empty(&entries[2].link));
	wait_remove(&q, &entries[1]);
	KEXPECT_EQ(wait_wake(&q, ~0u, NULL), 2);
	KEXPECT(was_called(4, "4035"));
	for (unsigned i = 0; i < ENTRIES; i++)
		wait_remove(&q, &entries[i]);
	KEXPECT(list_empty(&q.entries));
	/* Whoever is woken may be gone when its function returns, and something else be there. */
	for (unsigned i = 0; i < 3; i++) {
		wait_entry_init(&entries[i]);
		entries[i].fn = go_away;
		entries[i].exclusive = true;
		wait_add(&q, &entries[i]);
	}
	calls = 0;
	KEXPECT_EQ(wait_wake(&q, 1, NULL), 1);
	KEXPECT(was_called(1, "0"));
	KEXPECT_EQ(wait_wake(&q, 2, NULL), 2);
	KEXPECT(was_called(2, "12"));
	KEXPECT(list_empty(&q.entries));
}

KTEST(04, waiting_sets_the_state)
{
	struct wait_queue q;
	struct wait_entry e;
	u64 flags;

	wait_queue_init(&q);
	wait_entry_init(&e);
	preempt_disable(); /* this thread must not be left out of the queue meanwhile */
	wait_prepare(&q, &e, true);
	KEXPECT_EQ(current->state, THREAD_INTERRUPTIBLE);
	KEXPECT(!list_empty(&q.entries));
	wait_prepare(&q, &e, false);
	KEXPECT_EQ(current->state, THREAD_UNINTERRUPTIBLE);
	KEXPECT_EQ(wait_wake(&q, 1, NULL), 1); /* a sleeper that has not gone yet */
	KEXPECT_EQ(current->state, THREAD_RUNNABLE);
	KEXPECT_EQ(wait_wake(&q, 1, NULL), 0); /* and is awake now */
	wait_prepare(&q, &e, true);
	wait_finish(&q, &e);
	KEXPECT_EQ(current->state, THREAD_RUNNABLE);
	KEXPECT(list_empty(&q.entries) && list_empty(&e.link));
	preempt_enable();
	/* Whatever interrupts were, they stay. */
	flags = irq_save();
	wait_add(&q, &e);
	wait_wake(&q, 1, NULL);
	wait_remove(&q, &e);
	KEXPECT(!irq_enabled());
	irq_restore(flags);
	KEXPECT(irq_enabled());
	wait_add(&q, &e);
	wait_wake(&q, 1, NULL);
	wait_remove(&q, &e);
	KEXPECT(irq_enabled());
}

/* --- threads ----------------------------------------------------------------------------------------------------------- */

static u32 left;     /* atomic: helpers that are not through */
static u32 asleep_as; /* the state that the helper sleeps in */
static u32 woken;    /* atomic */
static int result;

static struct thread *begin(void (*fn)(void *), u64 arg)
{
	struct thread *t = thread_create("ktest", fn, (void *)arg);

	if (!t)
		return NULL;
	thread_get(t);
	atomic_fetch_add(&left, 1u);
	thread_start(t);
	return t;
}

static bool wait_until(u32 *word, u32 value)
{
	u64 end = time_ns() + 2 * NSEC_PER_SEC;
	while (atomic_load(word) != value && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return atomic_load(word) == value;
}

static void sleep_in_a_state(void *arg __unused)
{
	for (unsigned i = 0; i < 3; i++) {
		atomic_store(&current->state, asleep_as);
		schedule();
		atomic_fetch_add(&woken, 1u);
	}
	atomic_fetch_sub(&left, 1u);
}

KTEST(04, a_wake_up_is_for_certain_states)
{
	static const u32 states[] = { THREAD_INTERRUPTIBLE, THREAD_UNINTERRUPTIBLE, THREAD_STOPPED };

	KEXPECT(!thread_wake(current)); /* it runs */
	KEXPECT(!thread_wake_state(current, ~0u));
	u64 here = 1ul << cpu_id();
	thread_set_affinity(current, here);
	for (unsigned s = 0; s < ARRAY_SIZE(states); s++) {
		left = woken = 0;
		asleep_as = states[s];
		struct thread *t = begin(sleep_in_a_state, 0);
		KREQUIRE(t != NULL);
		KEXPECT(wait_until(&t->state, states[s]));
		thread_set_affinity(t, here);
		thread_sleep_ns(2 * NSEC_PER_MSEC);
		KEXPECT(!thread_wake_state(t, ~(1u << states[s])));
		thread_sleep_ns(2 * NSEC_PER_MSEC);
		KEXPECT_EQ(woken, 0);
		KEXPECT_EQ(t->state, states[s]);
		if (states[s] == THREAD_STOPPED) {
			KEXPECT(!thread_wake(t));
			KEXPECT(thread_wake_state(t, 1u << THREAD_STOPPED));
		} else {
			/* It cannot run, and sleep again, before this CPU lets it. */
			preempt_disable();
			KEXPECT(thread_wake(t));
			KEXPECT(!thread_wake(t)); /* once is enough */
			preempt_enable();
		}
		KEXPECT(wait_until(&woken, 1));
		for (unsigned i = 2; i <= 3; i++) {
			KEXPECT(wait_until(&t->state, states[s]));
			KEXPECT(thread_wake_state(t, 1u << states[s]));
			KEXPECT(wait_until(&woken, i));
		}
		KEXPECT(wait_until(&left, 0));
		KEXPECT(!thread_wake_state(t, ~0u)); /* dead for good */
		thread_put(t);
	}
	thread_set_affinity(current, smp_online_mask());
}

static struct mutex door;

static void go_through(void *arg)
{
	int err = mutex_lock_interruptible(&door);

	WRITE_ONCE(result, err);
	if (!err)
		mutex_unlock(&door);
	if (arg)
		atomic_fetch_and(&current->work, ~(u32)WORK_SIGNAL);
	atomic_fetch_sub(&left, 1u);
}

/* Who locks without a way out has the mutex afterwards, whatever signal waits for it. */
static void go_through_deaf(void *arg __unused)
{
	atomic_fetch_or(&current->work, (u32)WORK_SIGNAL);
	mutex_lock(&door);
	bool held = mutex_is_held(&door);
	WRITE_ONCE(result, held ? 0 : -1);
	if (held)
		mutex_unlock(&door);
	atomic_fetch_and(&current->work, ~(u32)WORK_SIGNAL);
	atomic_fetch_sub(&left, 1u);
}

KTEST(04, a_wait_for_a_mutex_may_be_interrupted)
{
	mutex_init(&door, "door", RANK_NONE);
	KEXPECT(!mutex_is_held(&door));
	KEXPECT(mutex_trylock(&door));
	KEXPECT(!mutex_trylock(&door)); /* not even for its holder */
	mutex_unlock(&door);
	KEXPECT_EQ(mutex_lock_interruptible(&door), 0);
	KEXPECT(mutex_is_held(&door));
	left = 0;
	result = 1;
	struct thread *t = begin(go_through, 1);
	KREQUIRE(t != NULL);
	KEXPECT(wait_until(&t->state, THREAD_INTERRUPTIBLE)); /* its CPU may come late to it */
	thread_sleep_ns(3 * NSEC_PER_MSEC);
	KEXPECT_EQ(result, 1);
	KEXPECT_EQ(t->state, THREAD_INTERRUPTIBLE);
	atomic_fetch_or(&t->work, (u32)WORK_SIGNAL);
	thread_wake(t);
	KEXPECT(wait_until(&left, 0));
	KEXPECT_EQ(result, -ERESTARTSYS);
	KEXPECT(mutex_is_held(&door));
	KEXPECT(list_empty(&door.wait.entries));
	thread_put(t);
	/* Without a signal it waits for its turn. */
	result = 1;
	t = begin(go_through, 0);
	KREQUIRE(t != NULL);
	KEXPECT(wait_until(&t->state, THREAD_INTERRUPTIBLE));
	KEXPECT_EQ(result, 1);
	mutex_unlock(&door);
	KEXPECT(wait_until(&left, 0));
	KEXPECT_EQ(result, 0);
	KEXPECT(!mutex_is_held(&door));
	thread_put(t);
	/* And if it must not be interrupted, with a signal too. */
	mutex_lock(&door);
	result = 1;
	t = begin(go_through_deaf, 0);
	KREQUIRE(t != NULL);
	KEXPECT(wait_until(&t->state, THREAD_UNINTERRUPTIBLE));
	KEXPECT_EQ(result, 1);
	mutex_unlock(&door);
	KEXPECT(wait_until(&left, 0));
	KEXPECT_EQ(result, 0);
	thread_put(t);
}

static bool irqs_at_start;

static void first_step(void *arg)
{
	irqs_at_start = irq_enabled();
	result = arg == &door;
	atomic_fetch_sub(&left, 1u);
}

static struct thread *last_prev, *last_next;
static bool switch_wrong;
static u32 switches;

static void on_switch(struct thread *prev, struct thread *next)
{
	switches++;
	switch_wrong |= prev == next || irq_enabled();
	last_prev = prev;
	last_next = next;
}
NOTIFIER(thread_switch, on_switch);

KTEST(04, a_thread_starts_with_interrupts_on)
{
	left = 0;
	irqs_at_start = switch_wrong = false;
	switches = 0;
	struct thread *t = begin(first_step, (u64)&door);
	KREQUIRE(t != NULL);
	KEXPECT(wait_until(&left, 0));
	KEXPECT(irqs_at_start);
	KEXPECT_EQ(result, 1); /* its argument came */
	KEXPECT(!switch_wrong);
	KEXPECT(switches >= 2); /* to it, and back */
	if (cpu_count == 1)
		KEXPECT_EQ(last_next, current);
	KEXPECT(last_prev != last_next);
	thread_put(t);
	u64 flags = irq_save();
	sched_yield_current();
	KEXPECT(!irq_enabled());
	irq_restore(flags);
	sched_yield_current();
	KEXPECT(irq_enabled());
}

static struct timer due;
static u32 interrupts, too_early;

static void on_due(struct timer *t __unused)
{
	interrupts++;
	too_early += spin_is_held(&this_rq()->lock);
}

static void wake_who_waits(void *waiter)
{
	thread_wake(waiter);
}

/* An interrupt waits while a thread runs for the first time: it comes when the queue's lock is dropped, not before. */
KTEST(04, a_first_switch_is_finished_with_interrupts_off)
{
	u64 cpus = current->affinity;
	struct thread *t = thread_create("ktest", wake_who_waits, current);

	KREQUIRE(t != NULL);
	thread_set_affinity(current, 1ul << cpu_id());
	thread_set_affinity(t, current->affinity);
	interrupts = too_early = 0;
	timer_init(&due, on_due, NULL);
	u64 flags = irq_save(), now = time_ns();
	timer_start(&due, now);
	while (time_ns() < now + 100 * NSEC_PER_USEC)
		cpu_relax();
	atomic_store(&current->state, (u32)THREAD_UNINTERRUPTIBLE);
	thread_start(t);
	schedule();
	irq_restore(flags);
	timer_cancel(&due);
	ktest_note("interrupts", interrupts); /* where time is the host's it may not have come */
	KEXPECT_EQ(too_early, 0);
	thread_set_affinity(current, cpus);
}

static char turns[64];
static u32 turn; /* atomic */

static void take_turns(void *arg)
{
	for (unsigned i = 0; i < 16; i++) {
		u32 at = atomic_fetch_add(&turn, 1u);
		if (at < sizeof(turns))
			turns[at] = 'a' + (char)(u64)arg;
		sched_yield_current();
	}
	atomic_fetch_sub(&left, 1u);
}

KTEST(04, who_yields_lets_others_go_first)
{
	struct thread *t[2];
	unsigned changes = 0;

	left = turn = 0;
	for (u64 i = 0; i < 2; i++) {
		t[i] = thread_create("ktest", take_turns, (void *)i);
		KREQUIRE(t[i] != NULL);
		thread_get(t[i]);
		thread_set_affinity(t[i], 1ul << cpu_id());
		left++;
	}
	thread_start(t[0]);
	thread_start(t[1]);
	KEXPECT(wait_until(&left, 0));
	for (unsigned i = 1; i < 32; i++)
		changes += turns[i] != turns[i - 1];
	KEXPECT(changes >= 12); /* back and forth, not one after the other */
	for (unsigned i = 0; i < 2; i++)
		thread_put(t[i]);
}

static bool stop;

static void hog(void *arg __unused)
{
	while (!READ_ONCE(stop))
		__asm__ volatile("" ::: "memory");
	atomic_fetch_sub(&left, 1u);
}

KTEST(04, switches_are_told_apart)
{
	struct thread *t = thread_create("ktest", hog, NULL);

	KREQUIRE(t != NULL);
	thread_get(t);
	u32 here = cpu_id();
	thread_set_affinity(current, 1ul << here); /* both on one CPU */
	thread_set_affinity(t, 1ul << here);
	left = 1;
	WRITE_ONCE(stop, false);
	u64 begun = time_ns();
	thread_start(t);
	u64 mine = current->involuntary_switches, slept = current->voluntary_switches;
	for (unsigned i = 0; i < 10; i++)
		thread_sleep_ns(5 * NSEC_PER_MSEC);
	KEXPECT(current->voluntary_switches >= slept + 10);
	KEXPECT(current->involuntary_switches <= mine + 5);
	KEXPECT(t->involuntary_switches >= 5); /* it never gave the CPU away by itself */
	KEXPECT_EQ(t->voluntary_switches, 0);
	KEXPECT(READ_ONCE(t->runtime_ns) <= time_ns() - begun); /* its time began with its turn */
	thread_set_affinity(current, smp_online_mask());
	WRITE_ONCE(stop, true);
	KEXPECT(wait_until(&left, 0));
	thread_put(t);
}

/* Between the state and the test of the condition the CPU may be taken away: that is no sleep, for nobody would wake it. */
KTEST(04, a_preempted_sleeper_comes_back)
{
	struct thread *t = thread_create("ktest", hog, NULL);

	KREQUIRE(t != NULL);
	thread_get(t);
	u32 here = cpu_id();
	thread_set_affinity(current, 1ul << here);
	thread_set_affinity(t, 1ul << here);
	left = 1;
	WRITE_ONCE(stop, false);
	thread_start(t);
	for (unsigned i = 0; i < 5; i++) {
		u64 before = current->involuntary_switches, end = time_ns() + 100 * NSEC_PER_MSEC;
		atomic_store(&current->state, i % 2 ? (u32)THREAD_INTERRUPTIBLE : (u32)THREAD_UNINTERRUPTIBLE);
		while (current->involuntary_switches == before && time_ns() < end)
			cpu_spin(1000); /* a look at the clock each time would cost much, and the CPU may be taken away here as well */
		atomic_store(&current->state, (u32)THREAD_RUNNABLE);
		KEXPECT(current->involuntary_switches > before);
	}
	WRITE_ONCE(stop, true);
	thread_set_affinity(current, smp_online_mask());
	KEXPECT(wait_until(&left, 0));
	thread_put(t);
}

/* --- load ------------------------------------------------------------------------------------------------------------------ */

static s64 sleepers_that_count(void)
{
	s64 n = 0;

	for (u64 left = smp_online_mask(); left; left &= left - 1)
		n += READ_ONCE(rq_of(__builtin_ctzl(left))->uninterruptible);
	return n;
}

KTEST(04, who_wakes_is_no_load_any_more)
{
	const s64 rounds = 8;
	s64 before = sleepers_that_count();

	for (s64 i = 0; i < rounds; i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	s64 after = sleepers_that_count();
	KEXPECT(after - before < rounds);
	KEXPECT(before - after < rounds);
}

/* --- by name only: mistakes that must be told ---------------------------------------------------------------------------- */

KTEST(04, crash_mutex_taken_twice)
{
	mutex_init(&door, "door", RANK_NONE);
	mutex_lock(&door);
	mutex_lock(&door);
}

KTEST(04, crash_mutex_not_mine)
{
	mutex_init(&door, "door", RANK_NONE);
	mutex_unlock(&door);
}

KTEST(04, crash_sleep_under_a_spinlock)
{
	preempt_disable();
	schedule();
}
