/* Stage 09: whom a futex wakes, and what is left when a wait is over. Programs test the rest (user:ipc_futex). */
#include "core/ktest.h"

#include "core/atomic.h"
#include "core/err.h"
#include "ipc/futex_priv.h"
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
} sleeper;

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
static void sleep_on_the_word(void *arg __unused)
{
	aspace_activate(spaces[0]);
	sleeper.result = futex_wait(word, false, 0, FUTEX_BITSET_ALL, sleeper.deadline);
	aspace_activate(NULL);
	atomic_store(&sleeper.done, 1u);
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

static bool park(u64 deadline)
{
	struct futex_bucket *b;
	bool there = false;

	aspace_activate(spaces[0]);
	b = bucket_of(spaces[0], word);
	sleeper = (struct sleeper){ .deadline = deadline, .result = 99 };
	if (!KEXPECT(kthread_run("ktest", sleep_on_the_word, NULL) != NULL))
		return false;
	for (int tries = 0; tries < 1000 && !there; tries++) {
		spin_lock(&b->lock);
		there = !list_empty(&b->waiters);
		spin_unlock(&b->lock);
		if (!there)
			thread_sleep_ns(10000);
	}
	return KEXPECT(there);
}

static long result(void)
{
	for (int tries = 0; tries < 1000 && !atomic_load(&sleeper.done); tries++)
		thread_sleep_ns(NSEC_PER_MSEC);
	return sleeper.result;
}

KTEST(09, a_futex_wakes_its_own_waiters)
{
	struct aspace *other;
	u64 deadline;
	long woken;

	KREQUIRE(begin(MAP_PRIVATE));
	other = space_that_meets();
	KEXPECT(other != NULL);
	if (other && park(TIME_NEVER)) {
		aspace_activate(other);
		KEXPECT_EQ(futex_wake(word, false, 10, FUTEX_BITSET_ALL), 0); /* the same address, but another program's */
		aspace_activate(spaces[0]);
		KEXPECT_EQ(futex_wake(word + 1, false, 10, FUTEX_BITSET_ALL), 0);
		KEXPECT_EQ(futex_wake(word, false, 0, FUTEX_BITSET_ALL), 0);
		KEXPECT_EQ(futex_wake(word, false, 10, FUTEX_BITSET_ALL), 1);
		KEXPECT_EQ(result(), 0);
	}
	/* Its time runs out, and before it gets the CPU it is woken: the waker has counted it, so it was woken. */
	deadline = time_ns() + 5 * NSEC_PER_MSEC;
	if (park(deadline)) {
		preempt_disable();
		while (time_ns() < deadline + 5 * NSEC_PER_MSEC)
			cpu_relax();
		woken = futex_wake(word, false, 1, FUTEX_BITSET_ALL);
		preempt_enable();
		KEXPECT_EQ(result(), woken ? 0 : -ETIMEDOUT);
	}
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
