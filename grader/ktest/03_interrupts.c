/* Stage 03: exceptions reach their handlers, time goes on, timers fire in order. */
#include "core/ktest.h"

#include "core/cpu.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "steps.h"
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

/*
 * An exception as the CPU would raise it, without the exception: the frame is pushed by hand, with or without an error code, and then it goes to the stub. It
 * comes back behind the jump with every register as it was.
 */
static u64 raise_in[15] __used, raise_out[15] __used;
void ktest_raise(u64 stub, u64 has_error, u64 error);
__asm__(".pushsection .text\n"
	"ktest_raise:\n\t"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; pushf\n\t"
	"mov %rsp, %rax\n\t"
	"pushq $0x10; push %rax; pushf; pushq $0x08; pushq $1f\n\t"
	"test %rsi, %rsi; jz 2f; push %rdx\n"
	"2:\tpush %rdi\n\t"
	"mov $raise_in, %r15\n\t"
	"mov 0(%r15), %rax; mov 8(%r15), %rbx; mov 16(%r15), %rcx; mov 24(%r15), %rdx; mov 32(%r15), %rsi; mov 40(%r15), %rdi; mov 48(%r15), %rbp\n\t"
	"mov 56(%r15), %r8; mov 64(%r15), %r9; mov 72(%r15), %r10; mov 80(%r15), %r11; mov 88(%r15), %r12; mov 96(%r15), %r13; mov 104(%r15), %r14\n\t"
	"mov 112(%r15), %r15\n\t"
	"ret\n" /* to the stub */
	"1:\tmov %rax, raise_out; mov %rbx, raise_out + 8; mov %rcx, raise_out + 16; mov %rdx, raise_out + 24; mov %rsi, raise_out + 32\n\t"
	"mov %rdi, raise_out + 40; mov %rbp, raise_out + 48; mov %r8, raise_out + 56; mov %r9, raise_out + 64; mov %r10, raise_out + 72\n\t"
	"mov %r11, raise_out + 80; mov %r12, raise_out + 88; mov %r13, raise_out + 96; mov %r14, raise_out + 104; mov %r15, raise_out + 112\n\t"
	"popf; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n\t"
	"ret\n"
	".popsection");

/* From stage 06 on the page fault has a handler that must stay. */
extern const char vm_fault[] __attribute__((weak));

KTEST(03, each_exception_makes_the_same_frame)
{
	for (unsigned v = 0; v < 32; v++) {
		if (v == TRAP_PAGE_FAULT && vm_fault)
			continue;
		bool has_error = 0x60227d00u >> v & 1;
		u64 error = has_error ? ktest_random() & 0xffff : 0;

		for (unsigned i = 0; i < ARRAY_SIZE(raise_in); i++)
			raise_in[i] = ktest_random();
		trap_register(v, on_trap);
		hits = 0;
		memset(&seen, 0, sizeof(seen));
		ktest_raise(vector_stubs[v], has_error, error);
		trap_register(v, NULL);
		KEXPECT_EQ(hits, 1);
		KEXPECT_EQ(seen.vector, v);
		KEXPECT_EQ(seen.error, error);
		KEXPECT_EQ(seen.cs, 0x08);
		KEXPECT_EQ(seen.ss, 0x10);
		KEXPECT_EQ(seen.rax, raise_in[0]);
		KEXPECT_EQ(seen.rdi, raise_in[5]);
		KEXPECT_EQ(seen.rbp, raise_in[6]);
		KEXPECT_EQ(seen.r15, raise_in[14]);
		for (unsigned i = 0; i < ARRAY_SIZE(raise_in); i++)
			if (raise_in[i] != raise_out[i]) {
				KEXPECT_EQ(raise_out[i], raise_in[i]);
				return;
			}
	}
}

static bool refuse(struct trapframe *f)
{
	on_trap(f);
	return false;
}

static unsigned hook_calls, hook_interrupts;
static void on_user_trap(struct trapframe *f __unused)
{
	hook_calls++;
	hook_interrupts += irq_enabled();
}

/* An instruction that is known to fault, and where it goes on. Neither is ever reached. */
extern const char ktest_may_fault[], ktest_landing[];
__asm__(".pushsection .text\n"
	"ktest_may_fault:\tud2\n"
	"ktest_landing:\tud2\n"
	".popsection\n"
	".pushsection .fixup_table, \"a\"\n\t"
	".quad ktest_may_fault, ktest_landing\n"
	".popsection");

KTEST(03, each_exception_finds_its_handler)
{
	void (*hook)(struct trapframe *) = user_trap_hook;
	struct trapframe f;
	u64 flags = irq_save();

	/* From ring 3, by the saved cs, whatever the error code says: the registered handler first, then the program's fate. */
	for (unsigned v = 0; v < 32; v += 6) {
		memset(&f, 0, sizeof(f));
		f.vector = v;
		f.cs = 0x33;
		f.rip = 0x400000;
		user_trap_hook = on_user_trap;
		hits = hook_calls = hook_interrupts = 0;
		trap_register(v, on_trap);
		trap_dispatch(&f);
		KEXPECT_EQ(hits, 1);
		KEXPECT_EQ(hook_calls, 0);
		trap_register(v, refuse);
		trap_dispatch(&f);
		KEXPECT_EQ(hits, 2);
		KEXPECT_EQ(hook_calls, 1);
		trap_register(v, NULL);
		trap_dispatch(&f);
		KEXPECT_EQ(hits, 2);
		KEXPECT_EQ(hook_calls, 2);
		KEXPECT_EQ(hook_interrupts, 2); /* it may sleep */
		KEXPECT(!irq_enabled());
	}
	/* A page fault whose error code says that ring 0 did it, as it does when the CPU reads a descriptor for ring 3. */
	if (!vm_fault) {
		f.vector = TRAP_PAGE_FAULT;
		f.error = PF_PRESENT;
		hook_calls = 0;
		trap_dispatch(&f);
		KEXPECT_EQ(hook_calls, 1);
	}
	/* From the kernel: the registered handler first, then the fix-up table, whether there was a handler or not; never a program's fate. */
	static trap_handler *const asked[] = { NULL, refuse, on_trap };
	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
		memset(&f, 0, sizeof(f));
		f.vector = TRAP_GENERAL_PROTECTION;
		f.cs = 0x08;
		f.rip = (u64)ktest_may_fault;
		hits = hook_calls = 0;
		trap_register(f.vector, asked[i]);
		trap_dispatch(&f);
		trap_register(f.vector, NULL);
		KEXPECT_EQ(hits, asked[i] != NULL);
		KEXPECT_EQ(f.rip, (u64)(asked[i] == on_trap ? ktest_may_fault : ktest_landing));
		KEXPECT_EQ(hook_calls, 0);
	}
	/* The first vector that is no exception, while a program runs: no program's fate. */
	f.vector = 32;
	hook_calls = 0;
	trap_dispatch(&f);
	KEXPECT_EQ(hook_calls, 0);
	user_trap_hook = hook;
	irq_restore(flags);
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

	/* Mostly a plain loop: the clock and PAUSE are slow under an emulator, and one who waits in vain must be through before it looks like a hang. */
	while (fired_count < count && time_ns() < end)
		for (unsigned i = 0; i < 1000 && fired_count < count; i++)
			;
	if (fired_count >= count)
		return true;
	for (unsigned i = 0; i < TIMERS; i++) /* none is left in the queue for the next test */
		if (timers[i].fn)
			timer_cancel(&timers[i]);
	return false;
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

/* A measurement that is held up in its middle, as by the host of a virtual machine, lasts longer: by that time it divides. */
static u64 measuring_since;
static bool held_up;

static void measure_stepped(void *arg __unused)
{
	apic_timer_calibrate();
}

static void hold_up(u32 n __unused)
{
	if (held_up || time_ns() - measuring_since < 5 * NSEC_PER_MSEC)
		return;
	held_up = true;
	time_delay_us(30000);
}

static bool measures_though_held_up(u64 hz)
{
	measuring_since = time_ns();
	held_up = false;
	ktest_step(measure_stepped, NULL, hold_up);
	return apic_timer_hz > hz / 10 * 9 && apic_timer_hz < hz / 10 * 11;
}

KTEST(03, the_timer_counts_as_fast_as_was_measured)
{
	u64 flags = irq_save();

	KEXPECT_EQ(apic_timer_calibrate(), 0);
	KEXPECT_EQ(lapic_timer_left(), 0); /* and stopped */
	for (unsigned i = 0; i < 3; i++) {
		lapic_timer_oneshot(0xffffffff);
		u64 start = time_ns();
		u32 left = lapic_timer_left();
		time_delay_us(3000);
		u64 took = time_ns() - start, hz = (u64)(left - lapic_timer_left()) * NSEC_PER_SEC / took;
		KEXPECT(hz > apic_timer_hz / 100 * 97 && hz < apic_timer_hz / 100 * 103);
	}
	u64 hz = apic_timer_hz;
	bool right = false; /* once at least: the host may hold it up elsewhere too */
	for (unsigned i = 0; i < 3 && !right; i++)
		right = measures_though_held_up(hz);
	KEXPECT(right);
	apic_timer_hz = hz;
	lapic_timer_oneshot(0);
	apic_timer_set(time_ns() + 1); /* what was asked for before goes on */
	irq_restore(flags);
}

KTEST(03, a_deadline_becomes_ticks)
{
	static const u32 us[] = { 1, 50, 1000, 20000, 1000000, 30000000 };
	u64 flags = irq_save();

	for (unsigned i = 0; i < ARRAY_SIZE(us); i++) {
		u64 deadline = time_ns() + us[i] * NSEC_PER_USEC;
		apic_timer_set(deadline);
		u64 ticks = lapic_timer_left(), now = time_ns();
		u64 most = us[i] * DIV_ROUND_UP(apic_timer_hz, 1000) / 1000 + 2, least = (deadline > now ? (deadline - now) : 0) * (apic_timer_hz / 1000) / 1000000;
		KEXPECT(ticks <= most);
		KEXPECT(ticks >= least && ticks > 0); /* never early */
	}
	/* As far as the counter reaches, or a good part of that: it may come early and be set again, but not at once. */
	static const u64 far[] = { 100 * NSEC_PER_SEC, 86400 * NSEC_PER_SEC, 1ul << 62, TIME_NEVER - 1 };
	for (unsigned i = 0; i < ARRAY_SIZE(far); i++) {
		apic_timer_set(far[i]);
		KEXPECT(lapic_timer_left() > apic_timer_hz * 10);
	}
	/* Just past where nanoseconds times ticks a millisecond no longer fit into 64 bits. */
	apic_timer_set(time_ns() + ~0ul / (apic_timer_hz / 1000) + 2 * NSEC_PER_SEC);
	KEXPECT(lapic_timer_left() > apic_timer_hz * 10);
	apic_timer_set(TIME_NEVER);
	KEXPECT_EQ(lapic_timer_left(), 0);
	apic_timer_set(time_ns() + 1);
	irq_restore(flags);
}

/* Later than the counter can reach at once: the interrupt that comes too early must set it again. */
KTEST(03, a_far_deadline_is_reached_in_steps)
{
	u64 flags = read_rflags();

	irq_enable();
	fired_count = 0;
	timer_init(&timers[0], on_timer, (void *)0);
	timer_start(&timers[0], time_ns() + 40 * NSEC_PER_MSEC);
	apic_timer_set(time_ns() + NSEC_PER_MSEC); /* comes and finds nothing due */
	KEXPECT(wait_for(1, NSEC_PER_SEC));
	if (!(flags & RFLAGS_IF))
		irq_disable();
}

/* The interrupt asks for the next one when the next timer is due, not when it pleases. */
KTEST(03, the_interrupt_asks_for_the_next)
{
	const u64 away = 400 * NSEC_PER_USEC;
	bool seen_it = false;
	u64 flags = irq_save();

	for (unsigned i = 0; i < 50 && !seen_it; i++) {
		fired_count = 0;
		timer_init(&timers[0], on_timer, (void *)0);
		timer_start(&timers[0], time_ns() + away);
		apic_timer_set(time_ns() + NSEC_PER_SEC); /* whatever was asked for, it is the interrupt's turn now */
		timer_interrupt(NULL);
		u64 ticks = lapic_timer_left();
		timer_cancel(&timers[0]);
		if (fired_count) /* too slow: it was due already */
			continue;
		seen_it = true;
		KEXPECT(ticks <= away * (apic_timer_hz / 1000 + 1) / (NSEC_PER_SEC / 1000) + 2);
	}
	KEXPECT(seen_it);
	/* One that is due by now is run by it, not by the one after. */
	fired_count = 0;
	u64 due = time_ns() + 100 * NSEC_PER_USEC;
	timer_start(&timers[0], due);
	while (time_ns() < due)
		;
	timer_interrupt(NULL);
	KEXPECT_EQ(fired_count, 1);
	if (!fired_count)
		timer_cancel(&timers[0]);
	apic_timer_set(time_ns() + 1);
	irq_restore(flags);
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

KTEST(03, crash_read_far)
{
	(void)*(volatile u64 *)0xffffb00000001000;
}

KTEST(03, crash_run_data)
{
	static u8 data[16] = { 0xc3 };
	((void (*)(void))data)();
}

KTEST(03, crash_write_code)
{
	ktest_crash_here((volatile u64 *)ktest_crash_here);
}

KTEST(03, crash_divide)
{
	__asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" ::: "rax", "rcx", "rdx");
}

KTEST(03, crash_vector_9)
{
	__asm__ volatile("int $9");
}

KTEST(03, crash_write_to_null)
{
	ktest_crash_here((volatile u64 *)8);
	__asm__ volatile("");
}
