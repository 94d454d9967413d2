/*
 * Stage 09: futexes at random, beside a model. Whom a wake-up takes off the queue: waiters of several words that stand in one queue, made by the test. And what a wait leaves
 * behind, however it ends: it is answered at once, woken, its time runs out, or it is moved to another word meanwhile.
 */
#include "07_process.h"
#include "09_futex.h"
#include "core/ktest.h"
#include "watch.h"

#include "core/atomic.h"
#include "core/err.h"
#include "ipc/futex_priv.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "time/time.h"
#include "vm/aspace.h"

enum { WAKES = 1500, WAITERS = 8, KEYS = 4, WAITS = 24, MILLISECOND = 1000000 };
#define AT 0x30000000ul
#define GAP (AT + 2 * PAGE_SIZE) /* nothing is there */

static struct aspace *as;
static u32 *const word = (u32 *)AT, *const common = (u32 *)(AT + PAGE_SIZE); /* the second is of a shared mapping */
static struct frame *frame;                                                  /* of the shared word */
static bool wrong;
static struct {
	bool shared;
	u32 bits;
	u64 deadline;
	long result;
	u32 state; /* of its thread, when it came back */
	bool done; /* atomic */
} sleeper = { .done = true };

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }

static bool begin(void)
{
	u32 zero = 0;

	wrong = false;
	as = aspace_create();
	if (!KEXPECT(as != NULL) || !KEXPECT_EQ(vm_map(as, AT, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), AT) ||
	    !KEXPECT_EQ(vm_map(as, AT + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), AT + PAGE_SIZE))
		return false;
	vm_access(as, (vaddr_t)word, &zero, sizeof(zero), true);
	vm_access(as, (vaddr_t)common, &zero, sizeof(zero), true);
	aspace_activate(as);
	frame = vm_get_page(as, (vaddr_t)common, true);
	return KEXPECT(frame && !IS_ERR(frame));
}

static void end(void)
{
	aspace_activate(NULL);
	frame_put(frame);
	if (atomic_load(&sleeper.done)) /* else somebody is in it still */
		aspace_put_user(as);
}

static struct futex_key key_of(bool shared)
{
	if (shared)
		return (struct futex_key){ .object = (u64)frame, .offset = (u64)common & (PAGE_SIZE - 1) };
	return (struct futex_key){ .object = (u64)as, .offset = (u64)word };
}

/* --- whom a wake-up takes ---------------------------------------------------------------------------------------------- */

static u32 random_bits(void) { return dice(8) ? 1u << dice(4) | 1u << dice(4) : dice(2) ? FUTEX_BITSET_ALL : 1u << 31; }

/* The waiters are this thread itself, which does not sleep: waking it does nothing. */
static void one_wake(void)
{
	bool shared = dice(2), goes[WAITERS] = { false };
	struct futex_key key = key_of(shared), keys[KEYS] = { key, key, key, key };
	struct futex_bucket *b = futex_bucket(&key);
	struct futex_waiter waiters[WAITERS], *w;
	u32 there = dice(WAITERS + 1), n = dice(4) ? dice(5) : dice(2) ? 0x7fffffff : 0xffffffff, bits = dice(10) ? random_bits() : 0, wanted = 0;

	keys[1].offset += 4; /* another word of the same memory; the same place in other memory */
	keys[2].object += 64;
	spin_lock(&b->lock);
	for (u32 i = 0; i < there; i++) {
		waiters[i] = (struct futex_waiter){ .key = keys[dice(KEYS)], .bucket = b, .thread = current, .bitset = random_bits(), .queued = true };
		list_add_tail(&b->waiters, &waiters[i].link);
		goes[i] = wanted < n && futex_key_equal(&waiters[i].key, &key) && waiters[i].bitset & bits;
		wanted += goes[i];
	}
	spin_unlock(&b->lock);
	CHECK_EQ(futex_wake(shared ? common : word, shared, n, bits), bits ? (long)wanted : -EINVAL);
	spin_lock(&b->lock);
	w = list_first(&b->waiters, struct futex_waiter, link);
	for (u32 i = 0; i < there; i++) {
		CHECK_EQ(waiters[i].queued, !goes[i]);
		if (goes[i])
			continue;
		CHECK(w == &waiters[i]); /* who stays stays in order */
		w = list_next(w, link);
	}
	CHECK(&w->link == &b->waiters);
	list_init(&b->waiters);
	spin_unlock(&b->lock);
	if (wrong) {
		ktest_note("waiters", there);
		ktest_note("asked for", n);
		ktest_note("that should go", wanted);
	}
}

KTEST(09, wakes_at_random)
{
	KREQUIRE(begin());
	u32 held = refcount_read(&frame->ref);
	for (u32 i = 0; i < WAKES && !wrong; i++)
		one_wake();
	KEXPECT_EQ(refcount_read(&frame->ref), held);
	end();
}

/* --- what a wait leaves behind ----------------------------------------------------------------------------------------- */

static void sleep_on_a_word(void *arg __unused)
{
	aspace_activate(as);
	sleeper.result = futex_wait(sleeper.shared ? common : word, sleeper.shared, 0, sleeper.bits, sleeper.deadline);
	sleeper.state = current->state;
	current->state = THREAD_RUNNABLE;
	aspace_activate(NULL);
	atomic_store(&sleeper.done, true);
}

/* The waiter stands in another queue, as requeueing leaves it: its new queue, which nobody else may touch. */
static struct futex_bucket *moved_to;
static u32 unlocked;

static bool head_was_written(struct trapframe *f __unused)
{
	watch_touched();
	if (spin_trylock(&moved_to->lock)) {
		unlocked++;
		spin_unlock(&moved_to->lock);
	}
	return true;
}

static struct futex_waiter *move(struct futex_bucket *from, struct futex_key *key)
{
	struct futex_waiter *w = list_first(&from->waiters, struct futex_waiter, link);

	do
		key->offset += 4;
	while (futex_bucket(key) == from);
	moved_to = futex_bucket(key);
	spin_lock(&from->lock);
	list_del(&w->link);
	w->key.object = key->object;
	w->key.offset = key->offset;
	w->bucket = moved_to;
	spin_unlock(&from->lock);
	spin_lock(&moved_to->lock);
	list_add_tail(&moved_to->waiters, &w->link);
	spin_unlock(&moved_to->lock);
	return w;
}

static bool is_done(u32 milliseconds)
{
	for (u32 tries = 0; tries < 10 * milliseconds && !atomic_load(&sleeper.done); tries++)
		thread_sleep_ns(MILLISECOND / 10);
	return atomic_load(&sleeper.done);
}

static void one_sleep(bool in_time, bool moves)
{
	bool shared = sleeper.shared = dice(2);
	struct futex_key key = key_of(shared);
	struct futex_bucket *b = futex_bucket(&key);
	u32 held = refcount_read(&frame->ref);
	struct futex_waiter *w;

	sleeper.bits = random_bits();
	sleeper.done = false;
	sleeper.deadline = in_time ? TIME_NEVER : time_ns() + 4 * MILLISECOND;
	if (!KEXPECT(kthread_run("ktest", sleep_on_a_word, NULL) != NULL)) {
		wrong = true;
		return;
	}
	for (int tries = 0; tries < 1000 && !futex_waiters(b); tries++)
		thread_sleep_ns(MILLISECOND / 100);
	CHECK_EQ(futex_waiters(b), 1);
	if (wrong)
		return;
	CHECK_EQ(refcount_read(&frame->ref), held + shared); /* the word stays what it is for as long as somebody waits for it */
	w = list_first(&b->waiters, struct futex_waiter, link);
	CHECK(w->queued && futex_key_equal(&w->key, &key) && w->bitset == sleeper.bits && w->bucket == b);
	if (moves) {
		w = move(b, &key);
		b = moved_to;
		trap_register(TRAP_DEBUG, head_was_written);
		watch_memory(0, &b->waiters, 8, WATCH_WRITES);
	}
	if (in_time) {
		thread_wake(w->thread); /* for nothing */
		CHECK(!is_done(1));
		for (int tries = 0; tries < 1000 && atomic_load(&w->thread->state) == THREAD_RUNNABLE; tries++)
			thread_sleep_ns(MILLISECOND / 100);
		CHECK(atomic_load(&w->thread->state) != THREAD_RUNNABLE); /* it sleeps on, and does not look over and over */
		CHECK_EQ(futex_waiters(b), 1);
		spin_lock(&b->lock);
		list_del(&w->link);
		w->queued = false;
		thread_wake(w->thread);
		spin_unlock(&b->lock);
	}
	CHECK(is_done(1000));
	if (moves) {
		watch_end();
		trap_register(TRAP_DEBUG, NULL);
	}
	CHECK_EQ(sleeper.result, in_time ? 0 : -ETIMEDOUT);
	CHECK_EQ(sleeper.state, THREAD_RUNNABLE);
	CHECK_EQ(futex_waiters(b), 0);
	CHECK_EQ(refcount_read(&frame->ref), held);
	CHECK_EQ(unlocked, 0);
	if (wrong) {
		ktest_note("woken", in_time);
		ktest_note("moved meanwhile", moves);
		ktest_note("of shared memory", shared);
	}
}

static struct futex_waiter *marked;
static u32 mark_writes, state_writes, held_thread;
static bool woken_before, woken_unlocked;

/* The first time counts: once the mark is there, whoever has the lock may write it again, the waiter on its way out too. */
static bool mark_was_written(struct trapframe *f __unused)
{
	u64 which = watch_touched();

	if (which & 1 && !mark_writes++)
		woken_before = atomic_load(&marked->thread->state) == THREAD_RUNNABLE;
	/* Who holds neither the lock nor the thread wakes one that may have ended meanwhile. */
	if (which & 2 && !state_writes++)
		woken_unlocked = !spin_is_held(&marked->bucket->lock) && refcount_read(&marked->thread->ref) == held_thread;
	return true;
}

/* Who is woken looks at its mark without the lock: if it still stands then, the wake-up is lost. */
static void one_mark(void)
{
	bool shared = sleeper.shared = dice(2);
	struct futex_key key = key_of(shared);
	struct futex_bucket *b = futex_bucket(&key);

	sleeper.bits = FUTEX_BITSET_ALL;
	sleeper.done = false;
	sleeper.deadline = TIME_NEVER;
	wrong = wrong || !KEXPECT(kthread_run("ktest", sleep_on_a_word, NULL) != NULL);
	for (int tries = 0; tries < 1000 && !wrong && !futex_waiters(b); tries++)
		thread_sleep_ns(MILLISECOND / 100);
	CHECK_EQ(futex_waiters(b), 1);
	if (wrong)
		return;
	marked = list_first(&b->waiters, struct futex_waiter, link);
	for (int tries = 0; tries < 1000 && atomic_load(&marked->thread->state) == THREAD_RUNNABLE; tries++)
		thread_sleep_ns(MILLISECOND / 100);
	mark_writes = state_writes = 0;
	held_thread = refcount_read(&marked->thread->ref);
	woken_before = woken_unlocked = false;
	trap_register(TRAP_DEBUG, mark_was_written);
	watch_memory(0, &marked->queued, 1, WATCH_WRITES);
	watch_memory(1, &marked->thread->state, 4, WATCH_WRITES);
	long n = futex_wake(shared ? common : word, shared, 1, FUTEX_BITSET_ALL);
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	CHECK_EQ(n, 1);
	CHECK(is_done(1000));
	CHECK(!woken_before);
	CHECK(!woken_unlocked);
}

static struct {
	struct futex_bucket *from;
	struct futex_key key; /* of the word that it is moved to */
	struct futex_waiter *w;
	bool moved;
} chase;

/* A requeue, if nobody has either queue. */
static void requeue_now(void)
{
	if (!spin_trylock(&chase.from->lock))
		return;
	if (spin_trylock(&moved_to->lock)) {
		list_del(&chase.w->link);
		chase.w->key.offset = chase.key.offset;
		chase.w->bucket = moved_to;
		list_add_tail(&moved_to->waiters, &chase.w->link);
		chase.moved = true;
		spin_unlock(&moved_to->lock);
	}
	spin_unlock(&chase.from->lock);
}

/* The waiter enters the queue, and from then on: where it is has been asked, or its new queue changes. */
static bool chased(struct trapframe *f)
{
	u64 which = watch_touched();

	if (!chase.w) {
		chase.w = list_first(&chase.from->waiters, struct futex_waiter, link);
		watch_memory(0, &moved_to->waiters, 8, WATCH_WRITES);
		watch_memory(1, &chase.w->bucket, 8, WATCH_ACCESSES);
		return true;
	}
	if (which & 1)
		head_was_written(f);
	if (which & 2 && !chase.moved) {
		u64 control = watch_pause();
		requeue_now();
		watch_resume(control);
	}
	return true;
}

/* Between the question in which queue it is and the lock of that queue it is moved to another one. */
static void one_chase(void)
{
	chase.key = key_of(false);
	chase.from = futex_bucket(&chase.key);
	chase.w = NULL;
	chase.moved = false;
	do
		chase.key.offset += 4;
	while (futex_bucket(&chase.key) == chase.from);
	moved_to = futex_bucket(&chase.key);
	trap_register(TRAP_DEBUG, chased);
	watch_memory(0, &chase.from->waiters, 8, WATCH_WRITES);
	long got = futex_wait(word, false, 0, FUTEX_BITSET_ALL, time_ns() + MILLISECOND);
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	CHECK_EQ(got, -ETIMEDOUT);
	CHECK_EQ(futex_waiters(chase.from) + futex_waiters(moved_to), 0);
	CHECK_EQ(unlocked, 0);
	current->state = THREAD_RUNNABLE;
}

/* Calls that do not sleep, or hardly. */
static void one_answer(void)
{
	u32 bits = dice(5) ? random_bits() : 0, held = refcount_read(&frame->ref);
	bool shared = dice(2), same = dice(2), past = dice(2), odd = !dice(5), hole = bits && !dice(5);
	u64 at = (hole ? GAP : shared ? (u64)common : (u64)word) + (odd ? 1 + dice(3) : 0);
	struct futex_key key = key_of(shared);
	long wanted = !bits || odd ? -EINVAL : hole ? -EFAULT : !same ? -EAGAIN : -ETIMEDOUT;
	long got = futex_wait((u32 *)at, shared, !same, bits, past ? time_ns() - dice(2) * MILLISECOND : time_ns() + MILLISECOND);

	CHECK_EQ(got, wanted);
	CHECK_EQ(current->state, THREAD_RUNNABLE);
	current->state = THREAD_RUNNABLE;
	CHECK_EQ(futex_waiters(futex_bucket(&key)), 0);
	CHECK_EQ(refcount_read(&frame->ref), held);
	if (wrong) {
		ktest_note("of shared memory", shared);
		ktest_note("the value is the expected one", same);
		ktest_note("bitset", bits);
	}
}

KTEST(09, waits_at_random)
{
	KREQUIRE(begin());
	unlocked = 0;
	for (u32 i = 0; i < 200 && !wrong; i++)
		one_answer();
	for (u32 i = 0; i < WAITS && !wrong; i++)
		one_sleep(i & 1, i & 2);
	for (u32 i = 0; i < 8 && !wrong; i++)
		one_mark();
	for (u32 i = 0; i < 4 && !wrong; i++)
		one_chase();
	end();
}
