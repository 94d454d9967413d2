/*
 * Stage 05: a program of a few instructions in ring 3, and what it and the kernel see of each other across both entries.
 *
 * All are asked for by name (the scenarios of lab 05 do): they use the machine as stage 05 finds it, before there are address spaces and processes with a
 * life. The program loads its registers from a block in its data page, makes one call, stores them behind the block and ends.
 */
#include "core/ktest.h"

#include "core/cpu.h"
#include "core/err.h"
#include "irq/irq.h"
#include "irq/irq_priv.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

#define CODE_VA 0x400000ul
#define DATA_VA 0x7ffff000ul
#define IN(n) "0x7ffff000 + 8 * " #n
#define OUT(n) "0x7ffff100 + 8 * " #n
enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, RFLAGS, RSP, COUNT };
_Static_assert(8 * COUNT <= 0x100, "the blocks would overlap");

#define LOAD \
	"mov $0x7ffffff0, %rsp; pushq " IN(15) "; popf; mov " IN(0) ", %rax; mov " IN(1) ", %rbx; mov " IN(2) ", %rcx; mov " IN(3) ", %rdx\n\t" \
	"mov " IN(4) ", %rsi; mov " IN(5) ", %rdi; mov " IN(6) ", %rbp; mov " IN(7) ", %r8; mov " IN(8) ", %r9; mov " IN(9) ", %r10\n\t" \
	"mov " IN(10) ", %r11; mov " IN(11) ", %r12; mov " IN(12) ", %r13; mov " IN(13) ", %r14; mov " IN(14) ", %r15\n\t"
#define STORE_AND_END(status) \
	"mov %rax, " OUT(0) "; mov %rbx, " OUT(1) "; mov %rcx, " OUT(2) "; mov %rdx, " OUT(3) "; mov %rsi, " OUT(4) "; mov %rdi, " OUT(5) "\n\t" \
	"mov %rbp, " OUT(6) "; mov %r8, " OUT(7) "; mov %r9, " OUT(8) "; mov %r10, " OUT(9) "; mov %r11, " OUT(10) "; mov %r12, " OUT(11) "\n\t" \
	"mov %r13, " OUT(12) "; mov %r14, " OUT(13) "; mov %r15, " OUT(14) "; mov %rsp, " OUT(16) "; pushf; popq " OUT(15) "; cld\n\t" \
	"pushq $0x202; popf; mov $60, %eax; mov $" #status ", %edi; syscall; ud2\n\t"

extern const char ring3_start[], ring3_int80[], ring3_other[], ring3_spin[], ring3_end[], ring3_called[], ring3_stepped[], ring3_called80[];
__asm__(".pushsection .rodata\n"
	"ring3_start:\n\t" LOAD "syscall\n"
	"ring3_called:\n\tnop\n"
	"ring3_stepped:\n\t" STORE_AND_END(7)
	"ring3_int80:\n\t" LOAD "int $0x80\n"
	"ring3_called80:\n\t" STORE_AND_END(8)
	"ring3_other:\n\t" STORE_AND_END(9)
	"ring3_spin:\n\tinc %rbx; jmp ring3_spin\n"
	"ring3_end:\n"
	".popsection");

static struct {
	pte_t *pt;
	u64 *data;
	struct process *process;
	struct wait_queue done;
	bool ended;
	u64 call, args[6], seen_flags, rip, rflags, rcx, r11, rsp, cs, ss, vector, error, trace_end;
	bool irqs, frame_in_place;
	void (*change)(struct trapframe *f);
} p;

static void enter(void *arg __unused)
{
	write_cr3(virt_to_phys(p.pt));
	user_enter(current_user_frame());
}

static void __noreturn on_exit(int status, bool whole __unused)
{
	write_cr3(virt_to_phys(kernel_pt));
	p.process->exit_status = status;
	atomic_store(&p.ended, true);
	wait_wake_all(&p.done);
	thread_exit();
}

/* Where a back-trace that begins here ends: the last saved rbp that is no frame below the program's. */
static u64 end_of_trace(const struct trapframe *f)
{
	u64 at = (u64)__builtin_frame_address(0), last = 0;

	while (at > last && at < (u64)f && at % 8 == 0)
		last = at, at = *(const u64 *)at;
	return at;
}

/* Sees each call of the program but its exit: 60 goes to the table. */
static long on_call(u32 nr, const u64 args[6], struct trapframe *f)
{
	if (nr == 60)
		on_exit((args[0] & 0xff) << 8, true);
	p.seen_flags = read_rflags();
	p.call = nr;
	memcpy(p.args, args, sizeof(p.args));
	p.irqs = irq_enabled();
	p.frame_in_place = f == current_user_frame();
	p.rip = f->rip, p.rflags = f->rflags, p.rcx = f->rcx, p.r11 = f->r11, p.rsp = f->rsp, p.cs = f->cs, p.ss = f->ss;
	p.vector = f->vector, p.error = f->error;
	p.trace_end = end_of_trace(f);
	if (p.change)
		p.change(f);
	return 0x5eed5eed5eed;
}

static bool prepare(const char *entry)
{
	char *code = page_alloc(0);

	memset(&p, 0, sizeof(p));
	wait_queue_init(&p.done);
	p.pt = pt_new_user();
	p.data = page_alloc(0);
	p.process = process_alloc("ring3");
	if (!KEXPECT(code && p.pt && p.data && p.process))
		return false;
	memcpy(code, ring3_start, ring3_end - ring3_start);
	KEXPECT_EQ(pt_map(p.pt, CODE_VA, virt_to_phys(code), PTE_USER), 0);
	KEXPECT_EQ(pt_map(p.pt, DATA_VA, virt_to_phys(p.data), PTE_USER | PTE_WRITE | PTE_NX), 0);
	struct trapframe *f = thread_user_frame(p.process->leader);
	user_frame_init(f, CODE_VA + (entry - ring3_start), DATA_VA + PAGE_SIZE);
	thread_set_entry(p.process->leader, thread_entry, sizeof(*f), (u64)enter, 0);
	thread_set_affinity(p.process->leader, 1ul << cpu_id());
	user_exit_hook = on_exit;
	syscall_router = on_call;
	syscall_route_all = true;
	for (unsigned i = 0; i < RFLAGS; i++)
		p.data[i] = ktest_random();
	p.data[RAX] = 0xabcd00000000 | (100 + ktest_random() % 100); /* the number is 32 bits */
	p.data[RFLAGS] = 0x202;
	return true;
}

/* The exit status, or -1. */
static int run(void)
{
	thread_start(p.process->leader);
	u64 end = time_ns() + NSEC_PER_SEC;
	while (!atomic_load(&p.ended) && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return KEXPECT(atomic_load(&p.ended)) ? p.process->exit_status >> 8 : -1;
}

#define FLAGS_OF_USER (RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | RFLAGS_TF | RFLAGS_IOPL)

/* What the kernel saw, and what the program found afterwards. `clobbered`: rcx and r11 are the call's to destroy. */
static void compare(bool clobbered, u64 called, u64 vector)
{
	static const u8 args[] = { RDI, RSI, RDX, R10, R8, R9 };

	KEXPECT_EQ(p.call, (u32)p.data[RAX]);
	for (unsigned i = 0; i < 6; i++)
		KEXPECT_EQ(p.args[i], p.data[args[i]]);
	KEXPECT(p.irqs);
	KEXPECT(p.frame_in_place);
	KEXPECT_EQ(p.seen_flags & FLAGS_OF_USER, 0);
	KEXPECT_EQ(p.rip, called);
	KEXPECT_EQ(p.rsp, 0x7ffffff0);
	KEXPECT_EQ(p.cs, USER_CS);
	KEXPECT_EQ(p.ss, USER_DS);
	KEXPECT_EQ(p.vector, vector);
	KEXPECT_EQ((u32)p.error, (u32)p.data[RAX]);
	KEXPECT_EQ(p.rflags, p.data[RFLAGS]);
	KEXPECT_EQ(p.trace_end, 0); /* not in what the program had in rbp */
	u64 *out = p.data + 32;
	KEXPECT_EQ(out[RAX], 0x5eed5eed5eed);
	for (unsigned i = RBX; i < RFLAGS; i++)
		if (!clobbered || (i != RCX && i != R11))
			KEXPECT_EQ(out[i], p.data[i]);
	KEXPECT_EQ(out[RSP], 0x7ffffff0);
	KEXPECT_EQ(out[RFLAGS], p.data[RFLAGS]);
}

/*
 * The way in, in single steps, which FMASK keeps off otherwise, as far as the first instruction that may be interrupted. From there on another thread may
 * have this CPU, make a call, and park its own stack pointer where this one's was.
 */
static u32 steps_in;
static bool parked_over;

static bool on_step_in(struct trapframe *f)
{
	if (trapframe_from_user(f)) {
		if (parked_over)
			f->rflags &= ~RFLAGS_TF;
		return true;
	}
	if (f->rflags & RFLAGS_IF || ++steps_in > 1000) {
		this_cpu()->user_rsp = 0x5eed;
		parked_over = true;
		f->rflags &= ~RFLAGS_TF;
	}
	return true;
}

static void step_in(void)
{
	u64 cpus = current->affinity, mask = rdmsr(MSR_FMASK);

	thread_set_affinity(current, 1ul << cpu_id());
	KREQUIRE(prepare(ring3_start));
	p.data[RFLAGS] |= RFLAGS_TF;
	steps_in = 0;
	parked_over = false;
	trap_register(TRAP_DEBUG, on_step_in);
	wrmsr(MSR_FMASK, mask & ~RFLAGS_TF);
	KEXPECT_EQ(run(), 7);
	wrmsr(MSR_FMASK, mask);
	trap_register(TRAP_DEBUG, NULL);
	thread_set_affinity(current, cpus);
	KEXPECT(parked_over);
	KEXPECT_EQ(p.rsp, 0x7ffffff0);
	KEXPECT_EQ(p.data[32 + RSP], 0x7ffffff0);
}

KTEST(05, ask_syscall_keeps_the_registers)
{
	KREQUIRE(prepare(ring3_start));
	KREQUIRE(run() == 7);
	compare(true, CODE_VA + (ring3_called - ring3_start), VECTOR_SYSCALL);
	KEXPECT_EQ(p.rcx, p.rip);
	KEXPECT_EQ(p.r11, p.rflags);
	KEXPECT_EQ(p.data[32 + RCX], p.rip); /* as SYSRET leaves them */
	KEXPECT_EQ(p.data[32 + R11], p.rflags);
	step_in();
}

KTEST(05, ask_int80_keeps_the_registers)
{
	KREQUIRE(prepare(ring3_int80));
	KREQUIRE(run() == 8);
	compare(false, CODE_VA + (ring3_called80 - ring3_start), VECTOR_INT80);
}

KTEST(05, ask_syscall_bears_the_flags_of_a_program)
{
	KREQUIRE(prepare(ring3_start));
	p.data[RFLAGS] = 0x202 | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | 0x8d5;
	KREQUIRE(run() == 7);
	compare(true, CODE_VA + (ring3_called - ring3_start), VECTOR_SYSCALL);
}

KTEST(05, ask_int80_bears_the_flags_of_a_program)
{
	KREQUIRE(prepare(ring3_int80));
	p.data[RFLAGS] = 0x202 | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | 0x8d5;
	KREQUIRE(run() == 8);
	compare(false, CODE_VA + (ring3_called80 - ring3_start), VECTOR_INT80);
}

static void move_rip(struct trapframe *f)
{
	f->rip = CODE_VA + (ring3_other - ring3_start);
}
static void change_rcx(struct trapframe *f)
{
	f->rcx = 0x1234;
}
static void change_r11(struct trapframe *f)
{
	f->r11 = 0x4321;
	f->rbx = 0x777;
	f->rsp -= 64;
}
static void change_flags(struct trapframe *f)
{
	f->rflags |= RFLAGS_DF;
}

KTEST(05, ask_a_changed_frame_is_heeded)
{
	KREQUIRE(prepare(ring3_start));
	p.change = move_rip;
	KEXPECT_EQ(run(), 9);
	KEXPECT_EQ(p.data[32 + RBX], p.data[RBX]);
	KREQUIRE(prepare(ring3_start));
	p.change = change_rcx;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(p.data[32 + RCX], 0x1234);
	KREQUIRE(prepare(ring3_start));
	p.change = change_r11;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(p.data[32 + R11], 0x4321);
	KEXPECT_EQ(p.data[32 + RBX], 0x777);
	KEXPECT_EQ(p.data[32 + RSP], 0x7fffffb0);
	KREQUIRE(prepare(ring3_start));
	p.change = change_flags;
	KEXPECT_EQ(run(), 7);
	KEXPECT(p.data[32 + RFLAGS] & RFLAGS_DF);
}

/* What waits for a thread's return is done before ring 3 goes on: a frame that is as it was may still have to go the long way. */
static u32 worked;
static bool expects_work;
static void leave_work(struct trapframe *f __unused)
{
	atomic_fetch_or(&current->work, (u32)WORK_NOTIFY);
}
static void do_work(struct trapframe *f)
{
	if (!expects_work || current->process != p.process)
		return;
	atomic_fetch_and(&current->work, ~(u32)WORK_NOTIFY);
	worked++;
	f->rbx = 0x777;
}
NOTIFIER(user_return, do_work);

/* SYSRET with TF traps before the program has made a step. */
static u64 stepped_to;
static void single_step(struct trapframe *f)
{
	f->rflags |= RFLAGS_TF;
	f->r11 = f->rflags;
}
static void on_trap(struct trapframe *f)
{
	if (f->vector != TRAP_DEBUG)
		on_exit(11, true);
	stepped_to = f->rip;
	f->rflags &= ~RFLAGS_TF;
}

/*
 * The rest of the call in single steps, as far as the SWAPGS that gives the program its gs back. With interrupts on there, work that comes in between waits for
 * the next call, and an interrupt behind it finds the program's gs, or its stack, in ring 0.
 */
enum { SWAPGS = 0xf8010f, STEPS_MAX = 200000 };
static u32 steps, ways_out, open_ways, last_open, work_at; /* numbers of steps; 0: none */
static bool long_way;

static bool on_step(struct trapframe *f)
{
	if (trapframe_from_user(f))
		return false;
	bool out = (*(const u32 *)f->rip & 0xffffff) == SWAPGS;
	if (f->rflags & RFLAGS_IF)
		last_open = steps + 1;
	if (steps + 1 == work_at) /* as an interrupt would */
		atomic_fetch_or(&current->work, (u32)WORK_NOTIFY);
	long_way |= f->rip == (u64)trap_exit_user;
	ways_out += out;
	open_ways += out && f->rflags & RFLAGS_IF;
	if (out || ++steps > STEPS_MAX)
		f->rflags &= ~RFLAGS_TF;
	return true;
}

static void step_out(struct trapframe *f __unused)
{
	steps = ways_out = open_ways = last_open = 0;
	long_way = false;
	trap_register(TRAP_DEBUG, on_step);
	__asm__ volatile("pushfq; orq %0, (%%rsp); popfq" ::"i"(RFLAGS_TF) : "memory", "cc");
}

/* As a debugger leaves it that goes on from a breakpoint: SYSRET would take the flag away. */
static void resume(struct trapframe *f)
{
	f->rflags |= RFLAGS_RF;
	f->r11 = f->rflags;
	step_out(f);
}

/* To the first address that is not canonical, as a debugger or a signal's return may ask for. */
static void go_too_far(struct trapframe *f)
{
	f->rip = f->rcx = 1ul << 47;
	step_out(f);
}

KTEST(05, ask_work_is_done_before_ring_3_goes_on)
{
	KREQUIRE(prepare(ring3_start));
	p.change = leave_work;
	expects_work = true;
	worked = 0;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(worked, 1);
	KEXPECT_EQ(p.data[32 + RBX], 0x777);
	KREQUIRE(prepare(ring3_start));
	p.change = single_step;
	user_trap_hook = on_trap;
	stepped_to = 0;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(stepped_to, CODE_VA + (ring3_stepped - ring3_start));
	KREQUIRE(prepare(ring3_start));
	p.change = step_out;
	work_at = 0;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(ways_out, 1);
	KEXPECT_EQ(open_ways, 0);
	/* Work that comes as late as it can: behind the last instruction with interrupts on. */
	KREQUIRE(prepare(ring3_start));
	p.change = step_out;
	work_at = last_open;
	worked = 0;
	KEXPECT_EQ(run(), 7);
	KEXPECT(work_at > 0);
	KEXPECT_EQ(worked, 1);
	KREQUIRE(prepare(ring3_start));
	p.change = resume;
	work_at = 0;
	KEXPECT_EQ(run(), 7);
	KEXPECT(long_way);
	/* Where SYSRET would fault in ring 0. */
	KREQUIRE(prepare(ring3_start));
	p.change = go_too_far;
	work_at = 0;
	run();
	KEXPECT_EQ(p.process->exit_status, 11); /* by the program's own fault */
	KEXPECT(long_way);
	trap_register(TRAP_DEBUG, NULL);
	expects_work = false;
}

/* What copies find at the edges of what is mapped: the last bytes of a page, and a string that ends in them. */
static u64 copied[12], just_fit, one_too_few;
static void copy_around(struct trapframe *f __unused)
{
	char text[128], *user = (char *)DATA_VA + PAGE_SIZE - 16, *longer = (char *)DATA_VA + 0x800 + 37; /* it goes across multiples of 64 */

	copied[0] = copy_to_user(user, "0123456789abcde", 16);
	copied[1] = copy_from_user(text, user, 16) || memcmp(text, "0123456789abcde", 16);
	copied[2] = copy_from_user(text, user, 20); /* four bytes are not there */
	copied[3] = strncpy_from_user(text, user, sizeof(text)); /* ends with the page */
	copied[4] = strncpy_from_user(text, user + 3, 5);
	copied[5] = clear_user(user + 12, 8);
	memset(text, 'x', sizeof(text));
	copied[6] = strncpy_from_user(text, user, 16);
	copied[7] = text[12] == '\0' && text[11] == 'b' && text[20] == 'x';
	copied[8] = strncpy_from_user(text, user, 13); /* with its NUL it just fits */
	copied[9] = strncpy_from_user(text, user + 12, sizeof(text)); /* an empty one */
	memset(text, 'l', 100);
	text[100] = '\0';
	copied[10] = copy_to_user(longer, text, 101);
	copied[10] += strncpy_from_user(text, longer, sizeof(text));
	copied[11] = strncpy_from_user(text, longer, 100); /* one too few */
	just_fit = one_too_few = 0;
	for (unsigned n = 1; n <= 100; n++) { /* wherever the steps end */
		char again[128];
		copied[10] += copy_to_user(longer, text + 100 - n, n + 1);
		just_fit += strncpy_from_user(again, longer, n + 1) == n;
		one_too_few += strncpy_from_user(again, longer, n) == -ENAMETOOLONG;
	}
}

KTEST(05, ask_copies_end_where_the_page_ends)
{
	KREQUIRE(prepare(ring3_start));
	p.change = copy_around;
	KEXPECT_EQ(run(), 7);
	KEXPECT_EQ(copied[0], 0);
	KEXPECT_EQ(copied[1], 0);
	KEXPECT_EQ(copied[2], 4);
	KEXPECT_EQ(copied[3], 15);
	KEXPECT_EQ(copied[4], -ENAMETOOLONG);
	KEXPECT_EQ(copied[5], 4);
	KEXPECT_EQ(copied[6], 12);
	KEXPECT(copied[7]);
	KEXPECT_EQ(copied[8], 12);
	KEXPECT_EQ(copied[9], 0);
	KEXPECT_EQ(copied[10], 100);
	KEXPECT_EQ(copied[11], -ENAMETOOLONG);
	KEXPECT_EQ(just_fit, 100);
	KEXPECT_EQ(one_too_few, 100);
}

/*
 * The optional challenge `stack-offset`: the kernel's frames of a call do not lie where those of the last call did. Both entries; whatever the offset, the stack
 * is aligned as the ABI wants it, little of it is wasted, and the program notices nothing.
 */
static u64 depth, crooked;
static void note_depth(struct trapframe *f)
{
	u64 here = (u64)__builtin_frame_address(0);

	depth = (u64)f - here;
	crooked += here % 16 != 0;
}

KTEST(05, challenge_stack_offset)
{
	enum { CALLS = 24 };

	for (unsigned entry = 0; entry < 2; entry++) {
		u64 least = ~0ul, most = 0, seen[CALLS];
		unsigned different = 0;

		crooked = 0;
		for (unsigned i = 0; i < CALLS; i++) {
			KREQUIRE(prepare(entry ? ring3_int80 : ring3_start));
			p.change = note_depth;
			KREQUIRE(run() == (entry ? 8 : 7));
			compare(!entry, CODE_VA + ((entry ? ring3_called80 : ring3_called) - ring3_start), entry ? VECTOR_INT80 : VECTOR_SYSCALL);
			unsigned k = 0;
			while (k < i && seen[k] != depth)
				k++;
			different += k == i;
			seen[i] = depth;
			least = MIN(least, depth);
			most = MAX(most, depth);
		}
		KEXPECT(different >= 6);
		KEXPECT(most - least >= 128 && most < 4096);
		KEXPECT_EQ(crooked, 0);
	}
}

/* By the grader's hand alone: it looks at the CPU while the program runs. */
KTEST(05, ask_spin)
{
	KREQUIRE(prepare(ring3_spin));
	p.data[RFLAGS] = 0x202;
	thread_start(p.process->leader);
	for (;;)
		thread_sleep_ns(NSEC_PER_SEC);
}
