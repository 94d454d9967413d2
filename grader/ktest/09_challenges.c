/* Lab 09's optional challenges: who is woken first (the other one is in 09_semaphore.c). Asked for by name (make grade LAB=09 CHALLENGE=name). */
#include "core/ktest.h"

#include "core/atomic.h"
#include "ipc/futex_priv.h"
#include "sched/thread.h"
#include "vm/aspace.h"

enum { FIFO = 1, SLEEPERS = 7 };
#define AT 0x30000000ul

static struct aspace *space;
static u32 left; /* atomic: sleepers that are not through */
static unsigned order[SLEEPERS], count;
static u32 bitsets[SLEEPERS];

static void sleep_on_the_word(void *arg)
{
	unsigned i = (unsigned)(u64)arg;

	aspace_activate(space);
	KEXPECT_EQ(futex_wait((u32 *)AT, false, 0, bitsets[i], TIME_NEVER), 0);
	order[count++] = i;
	aspace_activate(NULL);
	atomic_fetch_sub(&left, 1u);
}

/* Starts a sleeper and lets it run until it sleeps. */
static bool park(unsigned i, u8 priority, u32 bitset)
{
	struct thread *t = thread_create("ktest", sleep_on_the_word, (void *)(u64)i);
	u64 end = time_ns() + NSEC_PER_SEC;

	if (!KEXPECT(t != NULL))
		return false;
	bitsets[i] = bitset;
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

/* Wakes n and waits until they ran. */
static void wake(u32 n, u32 bitset, u32 wanted)
{
	u32 before = atomic_load(&left);

	KEXPECT_EQ(futex_wake((u32 *)AT, false, n, bitset), wanted);
	for (int tries = 0; tries < 1000 && atomic_load(&left) > before - wanted; tries++)
		thread_sleep_ns(NSEC_PER_MSEC);
}

/* The most urgent waiter is woken first, as on Linux: by the priority of the real-time classes, all others behind them; equals in the order in which they came. */
KTEST(09, challenge_by_urgency)
{
	static const u8 priorities[SLEEPERS] = { 0, 10, 50, 0, 10, 30, 90 };
	static const u8 wanted[SLEEPERS] = { 2, 5, 1, 4, 0, 3, 6 };
	u32 zero = 0;

	space = aspace_create();
	KREQUIRE(space != NULL);
	vm_map(space, AT, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(space, AT, &zero, sizeof(zero), true), sizeof(zero));
	aspace_activate(space);
	count = 0;
	for (unsigned i = 0; i < SLEEPERS; i++)
		if (!park(i, priorities[i], i == 6 ? 2 : 5)) /* the last one listens to other wake-ups */
			break;
	wake(1, 5, 1);
	wake(3, 1, 3);
	wake(1, 4, 1);
	wake(10, 5, 1);
	wake(10, FUTEX_BITSET_ALL, 1);
	wake(10, FUTEX_BITSET_ALL, 0);
	KEXPECT_EQ(atomic_load(&left), 0);
	KEXPECT_EQ(count, SLEEPERS);
	for (unsigned i = 0; i < SLEEPERS; i++)
		KEXPECT_EQ(order[i], wanted[i]);
	aspace_activate(NULL);
	if (!atomic_load(&left))
		aspace_put_user(space);
}
