/* Stage 03: exceptions reach their handlers, time goes on, timers fire in order. */
#include "core/ktest.h"

#include "core/cpu.h"
#include "irq/irq.h"
#include "time/time.h"

static volatile unsigned hits;
static struct trapframe seen;

static bool on_trap(struct trapframe *f)
{
	hits++;
	seen = *f;
	return true;
}

KTEST(03, a_breakpoint_comes_back)
{
	u64 rbx = 0x1122334455667788, r12 = ktest_random(), after_rbx, after_r12;

	trap_register(TRAP_BREAKPOINT, on_trap);
	hits = 0;
	__asm__ volatile("mov %[b], %%rbx; mov %[c], %%r12; int3; mov %%rbx, %[b2]; mov %%r12, %[c2]"
			 : [b2] "=&r"(after_rbx), [c2] "=&r"(after_r12)
			 : [b] "r"(rbx), [c] "r"(r12)
			 : "rbx", "r12", "memory");
	trap_register(TRAP_BREAKPOINT, NULL);
	KEXPECT_EQ(hits, 1);
	KEXPECT_EQ(seen.vector, TRAP_BREAKPOINT);
	KEXPECT_EQ(seen.error, 0);
	KEXPECT_EQ(seen.rbx, rbx);
	KEXPECT_EQ(seen.r12, r12);
	KEXPECT_EQ(after_rbx, rbx);
	KEXPECT_EQ(after_r12, r12);
	KEXPECT(!trapframe_from_user(&seen));
}

static bool skip_ud2(struct trapframe *f)
{
	f->rip += 2;
	return on_trap(f);
}

KTEST(03, a_handler_may_move_the_instruction_pointer)
{
	trap_register(TRAP_INVALID_OPCODE, skip_ud2);
	hits = 0;
	__asm__ volatile("ud2" ::: "memory");
	trap_register(TRAP_INVALID_OPCODE, NULL);
	KEXPECT_EQ(hits, 1);
	KEXPECT_EQ(seen.vector, TRAP_INVALID_OPCODE);
}

static bool skip_load(struct trapframe *f)
{
	f->rip += 3;
	return on_trap(f);
}

KTEST(03, an_exception_brings_its_error_code)
{
	trap_register(TRAP_GENERAL_PROTECTION, skip_load);
	hits = 0;
	/* A load from a non-canonical address: error code 0. mov (%rax), %rax has three bytes. */
	__asm__ volatile("mov (%%rax), %%rax" ::"a"(0x8000000000000000) : "memory");
	KEXPECT_EQ(hits, 1);
	KEXPECT_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
	KEXPECT_EQ(seen.error, 0);
	/* A selector past the end of the GDT is the error code: mov %eax, %es has two bytes, and a nop. */
	__asm__ volatile("mov %%eax, %%es; nop" ::"a"(0xfff8) : "memory");
	KEXPECT_EQ(hits, 2);
	KEXPECT_EQ(seen.error, 0xfff8);
	trap_register(TRAP_GENERAL_PROTECTION, NULL);
}

KTEST(03, every_vector_has_its_stub)
{
	for (unsigned i = 0; i < 256; i++) {
		KEXPECT(vector_stubs[i] != 0);
		for (unsigned j = 0; j < i; j++)
			if (vector_stubs[i] == vector_stubs[j]) {
				KEXPECT(vector_stubs[i] != vector_stubs[j]);
				return;
			}
	}
}

KTEST(03, time_goes_forward)
{
	u64 last = time_ns();

	for (unsigned i = 0; i < 10000; i++) {
		u64 now = time_ns();
		if (now < last) {
			KEXPECT(now >= last);
			return;
		}
		last = now;
	}
	u64 start = time_ns();
	time_delay_us(2000);
	u64 took = time_ns() - start;
	KEXPECT(took >= 2000 * NSEC_PER_USEC);
	KEXPECT(took < 200 * NSEC_PER_MSEC);
}

enum { TIMERS = 8 };
static struct timer timers[TIMERS];
static volatile unsigned fired_count;
static unsigned fired[TIMERS];
static u64 fired_at[TIMERS];

static void on_timer(struct timer *t)
{
	unsigned i = (unsigned)(u64)t->arg;

	fired_at[i] = time_ns();
	fired[fired_count++] = i;
}

static bool wait_for(unsigned count, u64 ns)
{
	u64 end = time_ns() + ns;

	while (fired_count < count && time_ns() < end)
		__asm__ volatile("pause");
	return fired_count >= count;
}

KTEST(03, timers_fire_in_the_order_of_their_deadlines)
{
	static const u8 order[TIMERS] = { 5, 2, 7, 0, 3, 6, 1, 4 };
	u64 start = time_ns() + 10 * NSEC_PER_MSEC;
	u64 flags = read_rflags();

	irq_enable();
	fired_count = 0;
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], on_timer, (void *)(u64)i);
		timer_start(&timers[i], start + order[i] * 2 * NSEC_PER_MSEC);
	}
	KEXPECT(wait_for(TIMERS, 2 * NSEC_PER_SEC));
	if (!(flags & RFLAGS_IF))
		irq_disable();
	for (unsigned n = 0; n < fired_count; n++) {
		KEXPECT_EQ(order[fired[n]], n);
		KEXPECT(fired_at[fired[n]] >= start + n * 2 * NSEC_PER_MSEC); /* never early */
	}
}

KTEST(03, a_timer_of_the_past_fires_at_once)
{
	u64 flags = read_rflags();

	irq_enable();
	fired_count = 0;
	timer_init(&timers[0], on_timer, (void *)0);
	timer_start(&timers[0], time_ns() > 1000 ? time_ns() - 1000 : 0);
	KEXPECT(wait_for(1, NSEC_PER_SEC));
	if (!(flags & RFLAGS_IF))
		irq_disable();
}

KTEST(03, a_cancelled_timer_stays_silent)
{
	u64 flags = read_rflags();

	irq_enable();
	fired_count = 0;
	timer_init(&timers[0], on_timer, (void *)0);
	timer_init(&timers[1], on_timer, (void *)1);
	timer_start(&timers[0], time_ns() + 20 * NSEC_PER_MSEC);
	timer_start(&timers[1], time_ns() + 30 * NSEC_PER_MSEC);
	KEXPECT(timer_cancel(&timers[0]));
	KEXPECT(!timer_cancel(&timers[0]));
	KEXPECT(wait_for(1, NSEC_PER_SEC));
	KEXPECT_EQ(fired_count, 1);
	KEXPECT_EQ(fired[0], 1);
	if (!(flags & RFLAGS_IF))
		irq_disable();
}

/* Named on purpose only: the grader wants the back-trace of this one. */
void __noinline ktest_crash_here(volatile u64 *where);
void __noinline ktest_crash_here(volatile u64 *where)
{
	*where = 1;
	__asm__ volatile("");
}

KTEST(03, crash_write_to_null)
{
	ktest_crash_here((volatile u64 *)8);
	__asm__ volatile("");
}
