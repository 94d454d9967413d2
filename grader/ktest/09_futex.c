/* Stage 09: whom a futex wakes, and what is left when a wait is over. Programs test the rest (user:ipc_futex). */
#include "09_futex.h"
#include "core/ktest.h"
#include "watch.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "ipc/futex_priv.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "time/time.h"
#include "vm/aspace.h"

#define AT 0x30000000ul
#define WORDS (PAGE_SIZE / sizeof(u32))
#define SPACES 64

static struct aspace *spaces[SPACES]; /* two, or as many as it takes */
static u32 *word;
static struct sleeper {
	u64 deadline;
	long result;
	u32 done; /* atomic */
} sleepers[2];

static bool begin(u32 kind)
{
	memset(spaces, 0, sizeof(spaces));
	word = (u32 *)AT;
	spaces[0] = aspace_create();
	return KEXPECT(spaces[0] != NULL) && KEXPECT_EQ(vm_map(spaces[0], AT, PAGE_SIZE, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), AT);
}

static void end(void)
{
	aspace_activate(NULL);
	for (int i = 0; i < SPACES && spaces[i]; i++)
		aspace_put_user(spaces[i]);
}

/* In the first space. */
static void sleep_on_the_word(void *arg)
{
	struct sleeper *s = arg;

	aspace_activate(spaces[0]);
	s->result = futex_wait(word, false, 0, FUTEX_BITSET_ALL, s->deadline);
	aspace_activate(NULL);
	atomic_store(&s->done, 1u);
}

/* The queue of a private word. */
static struct futex_bucket *bucket_of(struct aspace *as, u32 *w)
{
	struct futex_key key = { .object = (u64)as, .offset = (u64)w };

	return futex_bucket(&key);
}

/* A space in which a word's queue is that of the same address in the first space; the word is `word`. */
static struct aspace *space_that_meets(void)
{
	for (int i = 1; i < SPACES && (spaces[i] = aspace_create()); i++)
		for (word = (u32 *)AT; word < (u32 *)AT + WORDS - 1; word++)
			if (bucket_of(spaces[0], word) == bucket_of(spaces[i], word))
				return spaces[i];
	return NULL;
}

/* Sleeper i waits, behind those before it: true once it does. */
static bool park(u32 i, u64 deadline)
{
	struct futex_bucket *b;
	bool there = false;

	aspace_activate(spaces[0]);
	b = bucket_of(spaces[0], word);
	sleepers[i] = (struct sleeper){ .deadline = deadline, .result = 99 };
	if (!KEXPECT(kthread_run("ktest", sleep_on_the_word, &sleepers[i]) != NULL))
		return false;
	for (int tries = 0; tries < 1000 && !there; tries++) {
		there = futex_waiters(b) == i + 1;
		if (!there)
			thread_sleep_ns(10000);
	}
	return KEXPECT(there);
}

static long result(u32 i)
{
	for (int tries = 0; tries < 1000 && !atomic_load(&sleepers[i].done); tries++)
		thread_sleep_ns(NSEC_PER_MSEC);
	return sleepers[i].result;
}

/* A thread may be called for many reasons, and none of them but a wake-up ends the wait. Who came first goes first. */
static void wake_in_turn(void)
{
	struct futex_bucket *b;
	struct futex_waiter *w;

	if (!park(0, TIME_NEVER))
		return;
	b = bucket_of(spaces[0], word);
	for (int turn = 0; turn < 3; turn++) {
		spin_lock(&b->lock);
		list_for_each(w, &b->waiters, link)
			thread_wake(w->thread);
		spin_unlock(&b->lock);
		thread_sleep_ns(NSEC_PER_MSEC);
	}
	KEXPECT_EQ(futex_waiters(b), 1);
	if (park(1, TIME_NEVER)) {
		KEXPECT_EQ(futex_wake(word, false, 1, FUTEX_BITSET_ALL), 1);
		KEXPECT_EQ(result(0), 0);
		KEXPECT_EQ(sleepers[1].result, 99);
	}
	futex_wake(word, false, 2, FUTEX_BITSET_ALL);
	KEXPECT_EQ(result(0), 0);
	KEXPECT_EQ(result(1), 0);
}

/* --- the lock of the queue ---------------------------------------------------------------------------------------------------- */

/* What the debug registers watch: the queue's head as it is written, and the sleeper's entry as it is looked at. */
static struct {
	struct futex_bucket *bucket;
	struct futex_waiter *waiter; /* NULL: only the head */
	u64 deadline;
	u32 looks, act_on;
	bool taken;
	u32 unlocked;
} watch;

static bool in_queue(const struct futex_waiter *waiter)
{
	struct futex_waiter *w;

	list_for_each(w, &watch.bucket->waiters, link)
		if (w == waiter)
			return true;
	return false;
}

/* Whoever could have the lock now comes at the worst moment: in between a look at the entry and what is done about it. */
static void touched(u64 which)
{
	struct futex_waiter *w = watch.waiter;

	if (!spin_trylock(&watch.bucket->lock))
		return;
	if (which & 1)
		watch.unlocked++;
	else if (w && in_queue(w) && time_ns() >= watch.deadline && ++watch.looks == watch.act_on) {
		list_del(&w->link);
		w->queued = false;
		thread_wake(w->thread);
		watch.taken = true;
	}
	spin_unlock(&watch.bucket->lock);
}

/* Comes right behind the access. */
static bool queue_was_touched(struct trapframe *f __unused)
{
	u64 control = watch_pause();

	touched(watch_touched());
	watch_resume(control);
	return true;
}

/* Its time is over, and before it has left the queue somebody takes it off: so it was woken. turn: at which look. 0: it is woken in time. */
static void woken_while_it_leaves(u32 turn)
{
	u64 deadline = turn ? time_ns() + 5 * NSEC_PER_MSEC : TIME_NEVER;

	memset(&watch, 0, sizeof(watch));
	watch.act_on = turn;
	watch.deadline = deadline;
	watch.bucket = bucket_of(spaces[0], word);
	trap_register(TRAP_DEBUG, queue_was_touched);
	watch_memory(0, &watch.bucket->waiters, 8, WATCH_WRITES);
	if (park(0, deadline)) {
		watch.waiter = list_first(&watch.bucket->waiters, struct futex_waiter, link);
		watch_memory(1, &watch.waiter->queued, 1, WATCH_ACCESSES);
		if (!turn)
			KEXPECT_EQ(futex_wake(word, false, 1, FUTEX_BITSET_ALL), 1);
		long got = result(0);
		KEXPECT_EQ(got, watch.taken || !turn ? 0 : -ETIMEDOUT);
	}
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT_EQ(watch.unlocked, 0);
}

KTEST(09, a_futex_wakes_its_own_waiters)
{
	struct aspace *other;
	u64 deadline;
	long woken;

	KREQUIRE(begin(MAP_PRIVATE));
	other = space_that_meets();
	KEXPECT(other != NULL);
	if (other && park(0, TIME_NEVER)) {
		aspace_activate(other);
		KEXPECT_EQ(futex_wake(word, false, 10, FUTEX_BITSET_ALL), 0); /* the same address, but another program's */
		aspace_activate(spaces[0]);
		KEXPECT_EQ(futex_wake(word + 1, false, 10, FUTEX_BITSET_ALL), 0);
		KEXPECT_EQ(futex_wake(word, false, 0, FUTEX_BITSET_ALL), 0);
		KEXPECT_EQ(futex_wake(word, false, 10, FUTEX_BITSET_ALL), 1);
		KEXPECT_EQ(result(0), 0);
	}
	/* Its time runs out, and before it gets the CPU it is woken: the waker has counted it, so it was woken. */
	deadline = time_ns() + 5 * NSEC_PER_MSEC;
	if (park(0, deadline)) {
		preempt_disable();
		while (time_ns() < deadline + 5 * NSEC_PER_MSEC)
			cpu_spin(200);
		woken = futex_wake(word, false, 1, FUTEX_BITSET_ALL);
		preempt_enable();
		KEXPECT_EQ(result(0), woken ? 0 : -ETIMEDOUT);
	}
	wake_in_turn();
	for (u32 turn = 0; turn < 4; turn++)
		woken_while_it_leaves(turn);
	end();
}

KTEST(09, a_futex_lets_go_what_it_held)
{
	struct frame *f;
	u32 before;

	KREQUIRE(begin(MAP_SHARED));
	aspace_activate(spaces[0]);
	f = vm_get_page(spaces[0], AT, true);
	KREQUIRE(f && !IS_ERR(f));
	before = refcount_read(&f->ref);
	KEXPECT_EQ(futex_wait(word, true, 1, FUTEX_BITSET_ALL, TIME_NEVER), -EAGAIN);
	KEXPECT_EQ(refcount_read(&f->ref), before);
	KEXPECT_EQ(futex_wait(word, true, 0, FUTEX_BITSET_ALL, time_ns() + NSEC_PER_MSEC), -ETIMEDOUT);
	KEXPECT_EQ(refcount_read(&f->ref), before);
	KEXPECT_EQ(futex_wake(word, true, 1, FUTEX_BITSET_ALL), 0);
	KEXPECT_EQ(refcount_read(&f->ref), before);
	KEXPECT_EQ(futex_wait(word, true, 0, 0, TIME_NEVER), -EINVAL);
	KEXPECT_EQ(futex_wake(word, true, 1, 0), -EINVAL);
	KEXPECT_EQ(futex_wait((u32 *)(AT + 2), true, 0, FUTEX_BITSET_ALL, TIME_NEVER), -EINVAL);
	frame_put(f);
	end();
}
