/* Stage 04, the given parts over the student's files: classes and weights, affinity, reader-writer locks, work queues, storms of wake-ups. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "sched/mutex.h"
#include "sched/smp.h"
#include "sched/thread.h"

static u32 running; /* atomic: helpers that are not through */
static bool stop;   /* atomic */

static void end_helper(void)
{
	atomic_fetch_sub(&running, 1u);
}

static bool helpers_gone(u64 ns)
{
	u64 end = time_ns() + ns;
	while (atomic_load(&running) && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return !atomic_load(&running);
}

static struct thread *helper(void (*fn)(void *), void *arg, u64 affinity)
{
	struct thread *t = thread_create("ktest", fn, arg);
	if (!t)
		return NULL;
	thread_set_affinity(t, affinity);
	thread_get(t);
	atomic_fetch_add(&running, 1u);
	return t;
}

/* --- weights and classes ------------------------------------------------------------------------------------------- */

static void burn(void *arg __unused)
{
	/* Without PAUSE, at which an emulator that counts instructions leaves its fast path. */
	for (volatile u32 i = 0; !atomic_load(&stop); i = 0)
		while (i < 1000)
			i = i + 1;
	end_helper();
}

KTEST(04, nice_shares_the_cpu_by_weight)
{
	u64 here = 1ul << cpu_id(), a, b;
	struct thread *nice = helper(burn, NULL, here), *normal = helper(burn, NULL, here);

	KREQUIRE(nice && normal);
	stop = false;
	thread_set_nice(nice, 5); /* (4/5)^5 = 0.33 */
	thread_start(nice);
	thread_start(normal);
	thread_sleep_ns(400 * NSEC_PER_MSEC);
	a = thread_runtime(nice);
	b = thread_runtime(normal);
	atomic_store(&stop, true);
	KEXPECT(helpers_gone(5 * NSEC_PER_SEC));
	ktest_note("nice_percent_of_normal", b ? a * 100 / b : 0);
	KEXPECT(a * 100 > b * 15 && a * 100 < b * 60);
	thread_put(nice);
	thread_put(normal);
}

KTEST(04, real_time_goes_first)
{
	u64 here = 1ul << cpu_id(), before, after;
	struct thread *fair = helper(burn, NULL, here), *fifo = helper(burn, NULL, here);

	KREQUIRE(fair && fifo);
	stop = false;
	/* The test itself must be able to end it. */
	thread_set_policy(current, 1, 50);
	thread_set_policy(fifo, 1, 10);
	thread_start(fair);
	thread_start(fifo);
	thread_sleep_ns(50 * NSEC_PER_MSEC);
	before = thread_runtime(fair);
	thread_sleep_ns(100 * NSEC_PER_MSEC);
	after = thread_runtime(fair);
	atomic_store(&stop, true);
	thread_set_policy(current, 0, 0);
	KEXPECT_EQ(after - before, 0);
	KEXPECT(thread_runtime(fifo) > 100 * NSEC_PER_MSEC);
	KEXPECT(helpers_gone(5 * NSEC_PER_SEC));
	thread_put(fair);
	thread_put(fifo);
}

/* --- affinity ------------------------------------------------------------------------------------------------------ */

static u32 wrong_cpu; /* atomic */

static void wander(void *arg __unused)
{
	for (int round = 0; round < 50; round++) {
		for (u32 cpu = 0; cpu < cpu_count; cpu++) {
			thread_set_affinity(current, 1ul << cpu);
			if (cpu_id() != cpu)
				atomic_fetch_add(&wrong_cpu, 1u);
		}
	}
	end_helper();
}

KTEST(04, a_thread_runs_where_it_is_told)
{
	struct thread *t[4];

	wrong_cpu = 0;
	for (unsigned i = 0; i < 4; i++) {
		t[i] = helper(wander, NULL, ~0ul);
		KREQUIRE(t[i]);
		thread_start(t[i]);
	}
	KEXPECT(helpers_gone(20 * NSEC_PER_SEC));
	KEXPECT_EQ(wrong_cpu, 0);
	for (unsigned i = 0; i < 4; i++)
		thread_put(t[i]);
	KEXPECT_EQ(thread_set_affinity(current, 1ul << 63), -EINVAL);
}

/* --- reader-writer lock -------------------------------------------------------------------------------------------- */

static struct rwlock rw;
static u32 readers_in, writers_in, clashes; /* atomic */
static u64 guarded;

static void reader(void *arg __unused)
{
	for (int i = 0; i < 300; i++) {
		rwlock_read(&rw);
		atomic_fetch_add(&readers_in, 1u);
		if (atomic_load(&writers_in))
			atomic_fetch_add(&clashes, 1u);
		if (i % 32 == 0)
			sched_yield_current();
		atomic_fetch_sub(&readers_in, 1u);
		rwlock_read_done(&rw);
	}
	end_helper();
}

static void writer(void *arg __unused)
{
	for (int i = 0; i < 300; i++) {
		rwlock_write(&rw);
		if (atomic_add_return(&writers_in, 1u) != 1 || atomic_load(&readers_in))
			atomic_fetch_add(&clashes, 1u);
		guarded++;
		if (i % 32 == 0)
			sched_yield_current();
		atomic_fetch_sub(&writers_in, 1u);
		if (i % 3 == 0) {
			rwlock_downgrade(&rw);
			rwlock_read_done(&rw);
		} else {
			rwlock_write_done(&rw);
		}
	}
	end_helper();
}

KTEST(04, many_readers_or_one_writer)
{
	struct thread *t[6];

	rwlock_init(&rw, "ktest", RANK_NONE);
	guarded = clashes = 0;
	for (unsigned i = 0; i < 6; i++) {
		t[i] = helper(i < 4 ? reader : writer, NULL, ~0ul);
		KREQUIRE(t[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		thread_start(t[i]);
	KEXPECT(helpers_gone(20 * NSEC_PER_SEC));
	KEXPECT_EQ(clashes, 0);
	KEXPECT_EQ(guarded, 600);
	for (unsigned i = 0; i < 6; i++)
		thread_put(t[i]);
}

/* --- work queues --------------------------------------------------------------------------------------------------- */

static u32 worked; /* atomic */

static void slow_work(struct work *w __unused)
{
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	atomic_fetch_add(&worked, 1u);
}

KTEST(04, a_flush_waits_for_the_work)
{
	struct work w;

	worked = 0;
	work_init(&w, slow_work);
	work_queue(&w);
	work_queue(&w); /* queued at most once until it runs */
	work_flush(&w);
	KEXPECT(worked >= 1 && worked <= 2);
	KEXPECT(!w.queued);
}

/* --- ping and pong ------------------------------------------------------------------------------------------------- */

static struct wait_queue ball_queue;
static u32 ball, rallies; /* atomic: whose turn it is */

static void player(void *arg)
{
	u32 me = (u64)arg;

	for (int i = 0; i < 1000; i++) {
		wait_event(&ball_queue, atomic_load(&ball) == me);
		atomic_fetch_add(&rallies, 1u);
		atomic_store(&ball, 1 - me);
		wait_wake_all(&ball_queue);
	}
	end_helper();
}

KTEST(04, no_wake_up_is_lost)
{
	struct thread *t[2];
	u64 begin = time_ns();

	wait_queue_init(&ball_queue);
	ball = rallies = 0;
	for (u64 i = 0; i < 2; i++) {
		t[i] = helper(player, (void *)i, ~0ul);
		KREQUIRE(t[i]);
		thread_start(t[i]);
	}
	KEXPECT(helpers_gone(20 * NSEC_PER_SEC));
	KEXPECT_EQ(rallies, 2000);
	ktest_note("ns_per_wake_up", (time_ns() - begin) / 2000);
	for (unsigned i = 0; i < 2; i++)
		thread_put(t[i]);
}
