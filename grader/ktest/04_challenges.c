/* Lab 04's optional challenges. Asked for by name (make grade LAB=04 CHALLENGE=name). */
#include "core/ktest.h"

#include "core/atomic.h"
#include "sched/mutex.h"
#include "sched/thread.h"

enum { FIFO = 1, HELPERS = 4 };

static struct mutex outer, inner;
static u32 left; /* atomic: helpers that are not through */
static unsigned order[2 * HELPERS], count;

static void helper_is_through(void)
{
	atomic_fetch_sub(&left, 1u);
}

/* Starts a helper and lets it run until it sleeps; with a priority of the real-time class, or 0. */
static bool park(void (*fn)(void *), unsigned arg, u8 priority)
{
	struct thread *t = thread_create("ktest", fn, (void *)(u64)arg);
	u64 end = time_ns() + NSEC_PER_SEC;

	if (!KEXPECT(t != NULL))
		return false;
	thread_set_affinity(t, 1ul << cpu_id());
	if (priority)
		thread_set_policy(t, FIFO, priority);
	thread_get(t);
	atomic_fetch_add(&left, 1u);
	thread_start(t);
	while (atomic_load(&t->state) == THREAD_RUNNABLE && time_ns() < end)
		sched_yield_current();
	bool sleeps = KEXPECT(atomic_load(&t->state) != THREAD_RUNNABLE);
	thread_put(t);
	return sleeps;
}

static bool all_through(void)
{
	u64 end = time_ns() + 2 * NSEC_PER_SEC;

	while (atomic_load(&left) && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return !atomic_load(&left);
}

static void take_in_turn(void *arg)
{
	mutex_lock(&outer);
	order[count++] = (unsigned)(u64)arg;
	sched_yield_current();
	mutex_unlock(&outer);
	helper_is_through();
}

static struct thread *interrupted;

static void wait_until_interrupted(void *arg __unused)
{
	interrupted = current;
	if (!mutex_lock_interruptible(&outer))
		mutex_unlock(&outer);
	atomic_fetch_and(&current->work, ~(u32)WORK_SIGNAL);
	helper_is_through();
}

/* A mutex goes to those who wait for it, in the order in which they came: whoever comes along meanwhile waits behind them. */
KTEST(04, challenge_handover)
{
	mutex_init(&outer, "ktest", RANK_NONE);
	mutex_lock(&outer);
	count = 0;
	for (unsigned i = 0; i < HELPERS; i++)
		KREQUIRE(park(take_in_turn, i, 0));
	mutex_unlock(&outer);
	if (!KEXPECT(!mutex_trylock(&outer)))
		mutex_unlock(&outer);
	mutex_lock(&outer);
	order[count++] = HELPERS;
	mutex_unlock(&outer);
	KREQUIRE(all_through());
	for (unsigned i = 0; i <= HELPERS; i++)
		KEXPECT_EQ(order[i], i);
	/* Nobody waits: free it is. One that is interrupted as it becomes the owner takes it or hands it on; it does not keep it. */
	KEXPECT(mutex_trylock(&outer));
	KREQUIRE(park(wait_until_interrupted, 0, 0));
	KREQUIRE(park(take_in_turn, 0, 0));
	atomic_fetch_or(&interrupted->work, (u32)WORK_SIGNAL);
	mutex_unlock(&outer);
	KREQUIRE(all_through());
	KEXPECT(mutex_trylock(&outer));
	mutex_unlock(&outer);
}

static void want_outer(void *arg __unused)
{
	mutex_lock(&outer);
	mutex_unlock(&outer);
	helper_is_through();
}

static void want_inner(void *arg __unused)
{
	mutex_lock(&inner);
	mutex_unlock(&inner);
	helper_is_through();
}

static void hold_inner_want_outer(void *arg __unused)
{
	mutex_lock(&inner);
	mutex_lock(&outer);
	mutex_unlock(&outer);
	mutex_unlock(&inner);
	helper_is_through();
}

/* Who holds a mutex runs as urgently as the most urgent thread that waits for it, itself or through others, and no longer than it holds it. */
KTEST(04, challenge_inheritance)
{
	u8 own = thread_urgency(current), low = 10 + ktest_random() % 20, high = 40 + ktest_random() % 20;

	mutex_init(&outer, "ktest outer", RANK_NONE);
	mutex_init(&inner, "ktest inner", RANK_NONE);
	mutex_lock(&outer);
	KREQUIRE(park(want_outer, 0, low));
	KEXPECT_EQ(thread_urgency(current), low);
	KREQUIRE(park(want_outer, 0, high));
	KEXPECT_EQ(thread_urgency(current), high);
	mutex_unlock(&outer);
	KEXPECT_EQ(thread_urgency(current), own);
	KREQUIRE(all_through());
	/* Of two mutexes one is given back: what the other one's waiter lent stays. */
	mutex_lock(&outer);
	mutex_lock(&inner);
	KREQUIRE(park(want_outer, 0, low));
	KREQUIRE(park(want_inner, 0, high));
	KEXPECT_EQ(thread_urgency(current), high);
	mutex_unlock(&inner);
	KEXPECT_EQ(thread_urgency(current), low);
	mutex_unlock(&outer);
	KEXPECT_EQ(thread_urgency(current), own);
	KREQUIRE(all_through());
	/* Along a chain: the one that waits for inner lends to its holder, and that one to us. */
	mutex_lock(&outer);
	KREQUIRE(park(hold_inner_want_outer, 0, 0));
	KEXPECT_EQ(thread_urgency(current), own);
	KREQUIRE(park(want_inner, 0, high));
	KEXPECT_EQ(thread_urgency(current), high);
	mutex_unlock(&outer);
	KEXPECT_EQ(thread_urgency(current), own);
	KREQUIRE(all_through());
}
