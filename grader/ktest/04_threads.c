/* Stage 04: switches keep registers, queues wake who waits, a mutex admits one, nobody hogs a CPU, every CPU works. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "sched/mutex.h"
#include "sched/smp.h"
#include "sched/thread.h"

enum { WORKERS = 8 };

static u32 finished; /* atomic: workers that are through */
static u64 per_worker[WORKERS];

static void done(void)
{
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
}

static bool start_workers(unsigned n, void (*fn)(void *))
{
	__atomic_store_n(&finished, 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < n; i++) {
		struct thread *t = thread_create("ktest", fn, (void *)(u64)i);
		if (!KEXPECT(t != NULL))
			return false;
		per_worker[i] = 0;
		thread_start(t);
	}
	return true;
}

/* Sleeps until n workers are through; false after a time that is far more than they need. */
static bool all_done(unsigned n, u64 ns)
{
	u64 end = time_ns() + ns;

	while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < n) {
		if (time_ns() > end)
			return false;
		thread_sleep_ns(NSEC_PER_MSEC);
	}
	return true;
}

static void keep_registers(void *arg)
{
	u64 tag = ((u64)arg + 1) * 0x0101010101010101;
	bool ok = true;

	for (unsigned i = 0; i < 200 && ok; i++) {
		u64 b, r12, r13, r14, r15, value = tag;
		__asm__ volatile("mov %[tag], %%rbx; lea 1(%[tag]), %%r12; lea 2(%[tag]), %%r13; lea 3(%[tag]), %%r14; lea 4(%[tag]), %%r15\n\t"
				 "call sched_yield_current\n\t"
				 "mov %%rbx, %[b]; mov %%r12, %[c]; mov %%r13, %[d]; mov %%r14, %[e]; mov %%r15, %[f]"
				 : [b] "=m"(b), [c] "=m"(r12), [d] "=m"(r13), [e] "=m"(r14), [f] "=m"(r15), [tag] "+a"(value)
				 :
				 : "rbx", "r12", "r13", "r14", "r15", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
		ok = b == tag && r12 == tag + 1 && r13 == tag + 2 && r14 == tag + 3 && r15 == tag + 4;
	}
	per_worker[(u64)arg] = ok;
	done();
}

KTEST(04, a_switch_keeps_the_registers)
{
	KREQUIRE(start_workers(4, keep_registers));
	KREQUIRE(all_done(4, 5 * NSEC_PER_SEC));
	for (unsigned i = 0; i < 4; i++)
		KEXPECT_EQ(per_worker[i], 1);
}

/* A context of our own making: it notes what it finds in the registers, and switches back. */
static struct thread switch_from __used, switch_to __used;
static u64 switch_seen[7] __used;
static u64 switch_stack[512];
void ktest_switch_landing(void);
__asm__(".pushsection .text\n"
	"ktest_switch_landing:\n\t"
	"mov %r15, switch_seen\n\t"
	"mov %r14, switch_seen + 8\n\t"
	"mov %r13, switch_seen + 16\n\t"
	"mov %r12, switch_seen + 24\n\t"
	"mov %rbx, switch_seen + 32\n\t"
	"mov %rbp, switch_seen + 40\n\t"
	"mov %rax, switch_seen + 48\n\t"
	"mov $switch_to, %rdi\n\t"
	"mov $switch_from, %rsi\n\t"
	"call context_switch\n\t"
	"ud2\n"
	".popsection");

KTEST(04, a_switch_loads_each_register_of_the_next)
{
	u64 *sp = &switch_stack[ARRAY_SIZE(switch_stack) - 2];
	u64 values[6];

	*--sp = (u64)ktest_switch_landing;
	for (int i = 5; i >= 0; i--) /* rbp, rbx, r12, r13, r14, r15 downwards */
		*--sp = values[i] = ktest_random();
	switch_to.kernel_sp = (u64)sp;
	u64 flags = irq_save();
	struct thread *prev = context_switch(&switch_from, &switch_to);
	irq_restore(flags);
	KEXPECT_EQ(prev, &switch_to);
	for (unsigned i = 0; i < 6; i++)
		KEXPECT_EQ(switch_seen[i], values[i]);
	KEXPECT_EQ(switch_seen[6], &switch_from);
}

static struct mutex shared_mutex;
static u64 shared_count;
static u32 inside;

static void add_slowly(void *arg)
{
	for (unsigned i = 0; i < 100; i++) {
		mutex_lock(&shared_mutex);
		if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) != 1)
			per_worker[(u64)arg]++;
		u64 seen = shared_count;
		if (i % 4 == 0)
			sched_yield_current();
		shared_count = seen + 1;
		__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		mutex_unlock(&shared_mutex);
	}
	done();
}

KTEST(04, a_mutex_admits_one)
{
	mutex_init(&shared_mutex, "ktest", RANK_NONE);
	shared_count = 0;
	KREQUIRE(start_workers(WORKERS, add_slowly));
	KREQUIRE(all_done(WORKERS, 10 * NSEC_PER_SEC));
	KEXPECT_EQ(shared_count, WORKERS * 100);
	for (unsigned i = 0; i < WORKERS; i++)
		KEXPECT_EQ(per_worker[i], 0);
	KEXPECT(mutex_trylock(&shared_mutex));
	KEXPECT(mutex_is_held(&shared_mutex));
	mutex_unlock(&shared_mutex);
}

static struct wait_queue gate;
static bool gate_open;
static u32 arrived;

static void wait_at_gate(void *arg)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	wait_event(&gate, READ_ONCE(gate_open));
	per_worker[(u64)arg] = gate_open;
	done();
}

KTEST(04, a_wake_up_reaches_all_who_wait)
{
	wait_queue_init(&gate);
	gate_open = false;
	arrived = 0;
	KREQUIRE(start_workers(WORKERS, wait_at_gate));
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < WORKERS)
		thread_sleep_ns(NSEC_PER_MSEC);
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	KEXPECT_EQ(finished, 0); /* nobody goes before the gate is open */
	wait_wake_all(&gate);
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	KEXPECT_EQ(finished, 0); /* a wake-up without the condition changes nothing */
	WRITE_ONCE(gate_open, true);
	wait_wake_all(&gate);
	KREQUIRE(all_done(WORKERS, 5 * NSEC_PER_SEC));
	KEXPECT(list_empty(&gate.entries));
}

static void wait_exclusively(void *arg)
{
	struct wait_entry e;

	wait_entry_init(&e);
	e.exclusive = true;
	wait_prepare(&gate, &e, false);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	schedule_until(TIME_NEVER);
	wait_finish(&gate, &e);
	per_worker[(u64)arg] = 1;
	done();
}

KTEST(04, an_exclusive_wake_up_reaches_one)
{
	wait_queue_init(&gate);
	arrived = 0;
	KREQUIRE(start_workers(4, wait_exclusively));
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 4)
		thread_sleep_ns(NSEC_PER_MSEC);
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	for (unsigned n = 1; n <= 4; n++) {
		KEXPECT_EQ(wait_wake(&gate, 1, NULL), 1);
		KREQUIRE(all_done(n, 5 * NSEC_PER_SEC));
		thread_sleep_ns(2 * NSEC_PER_MSEC);
		KEXPECT_EQ(finished, n);
	}
	KEXPECT_EQ(wait_wake(&gate, 1, NULL), 0);
}

KTEST(04, a_wait_ends_at_its_deadline)
{
	u64 start = time_ns();

	wait_queue_init(&gate);
	gate_open = false;
	KEXPECT_EQ(wait_event_until(&gate, READ_ONCE(gate_open), start + 20 * NSEC_PER_MSEC), -ETIMEDOUT);
	KEXPECT(time_ns() - start >= 20 * NSEC_PER_MSEC);
	KEXPECT(list_empty(&gate.entries));
}

KTEST(04, sleep_is_never_too_short)
{
	for (unsigned ms = 1; ms < 40; ms *= 3) {
		u64 start = time_ns();
		thread_sleep_ns(ms * NSEC_PER_MSEC);
		KEXPECT(time_ns() - start >= ms * NSEC_PER_MSEC);
	}
}

static bool stop_spinning;

static void spin(void *arg)
{
	while (!READ_ONCE(stop_spinning))
		WRITE_ONCE(per_worker[(u64)arg], per_worker[(u64)arg] + 1);
	done();
}

KTEST(04, nobody_hogs_a_cpu)
{
	WRITE_ONCE(stop_spinning, false);
	KREQUIRE(start_workers(2 * (cpu_count < 3 ? cpu_count : 3), spin));
	unsigned n = 2 * (cpu_count < 3 ? cpu_count : 3);
	thread_sleep_ns(200 * NSEC_PER_MSEC); /* and this thread comes back from its sleep though all CPUs are busy */
	WRITE_ONCE(stop_spinning, true);
	KREQUIRE(all_done(n, 5 * NSEC_PER_SEC));
	for (unsigned i = 0; i < n; i++)
		KEXPECT(per_worker[i] > 0);
}

static void where_am_i(void *arg)
{
	thread_set_affinity(current, 1ul << (u64)arg);
	sched_yield_current();
	per_worker[(u64)arg] = 0;
	for (unsigned i = 0; i < 20; i++) {
		if (cpu_id() != (u64)arg)
			per_worker[(u64)arg]++;
		thread_sleep_ns(NSEC_PER_MSEC / 4);
	}
	done();
}

KTEST(04, every_cpu_runs_threads)
{
	unsigned n = cpu_count < WORKERS ? cpu_count : WORKERS;

	ktest_note("cpus", cpu_count);
	KREQUIRE(start_workers(n, where_am_i));
	KREQUIRE(all_done(n, 10 * NSEC_PER_SEC));
	for (unsigned i = 0; i < n; i++)
		KEXPECT_EQ(per_worker[i], 0);
}

static u32 shooters, met[2]; /* atomic */

/* All shoot at the same time. They come in with interrupts on, since the last shot of another may still wait for us; who is past that has all answers. */
static void meet(unsigned place, u32 everybody)
{
	atomic_fetch_add(&met[place], 1u);
	while (atomic_load(&met[place]) < everybody)
		cpu_relax();
}

static void shoot(void *arg)
{
	vaddr_t va = 0x10000000 + (u64)arg * 0x100000;

	thread_set_affinity(current, 1ul << (u64)arg);
	for (unsigned i = 0; i < 50; i++) {
		meet(0, shooters * (i + 1));
		u64 flags = irq_save(); /* so nobody answers but who waits in the same place */
		meet(1, shooters * (i + 1));
		u64 others = smp_online_mask() & ~(1ul << cpu_id());
		tlb_shootdown(others, va, va + (1 + i % 40) * PAGE_SIZE);
		irq_restore(flags);
	}
	done();
}

KTEST(04, cpus_that_shoot_at_each_other_do_not_stall)
{
	shooters = cpu_count < WORKERS ? cpu_count : WORKERS;
	met[0] = met[1] = 0;
	KREQUIRE(start_workers(shooters, shoot));
	KREQUIRE(all_done(shooters, 20 * NSEC_PER_SEC));
}

static u64 called;

static void note_call(void *arg)
{
	__atomic_or_fetch((u64 *)arg, 1ul << cpu_id(), __ATOMIC_SEQ_CST);
}

KTEST(04, a_call_reaches_every_cpu)
{
	called = 0;
	smp_call(smp_online_mask(), note_call, &called);
	KEXPECT_EQ(called, smp_online_mask());
}

static void exit_soon(void *arg)
{
	(void)arg;
	done();
}

KTEST(04, ended_threads_give_their_memory_back)
{
	struct mem_stats before, after;

	for (unsigned round = 0; round < 40; round++) {
		if (round == 10) { /* caches are warm by now */
			thread_sleep_ns(20 * NSEC_PER_MSEC);
			mem_stats(&before);
		}
		KREQUIRE(start_workers(WORKERS, exit_soon));
		KREQUIRE(all_done(WORKERS, 5 * NSEC_PER_SEC));
	}
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	mem_stats(&after);
	KEXPECT(after.free + 64 >= before.free);
}
