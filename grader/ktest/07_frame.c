/*
 * Stage 07: signal frames at random, beside a model of what Linux writes (arch/x86/kernel/signal.c is what the layout is from): each word of the frame, each
 * byte around it, each register before and after, on every stack there is.
 */
#include "07_process.h"
#include "core/ktest.h"

#include "core/cpu.h"
#include "lib/string.h"
#include "proc/proc_priv.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

enum { ROUNDS = 250, AREA = PROCESS_PAGES * PAGE_SIZE };
/* Places in the frame, in words from the return address. */
enum { RETURN, UC_FLAGS, UC_LINK, STACK_SP, STACK_FLAGS, STACK_SIZE, REGISTERS, RFLAGS = REGISTERS + 17, SELECTORS, ERROR, TRAP, OLD_MASK, CR2, FPSTATE, RESERVED, MASK = RESERVED + 8, INFO,
       WORDS = INFO + 16 };
_Static_assert(WORDS * 8 == 440 && MASK == 38, "rt_sigframe");
#define USER_MAY_SET (0x8d5ul | 1 << 8 | 1 << 10 | 1 << 16 | 1 << 18) /* the arithmetic flags, TF, DF, RF, AC */

static u8 before[AREA], after[AREA];
static bool wrong;

#define CHECK(cond) do { if (!KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u64 dice(u64 n) { return ktest_random() % n; }

/* In the order of struct sigcontext. */
static u64 *register_of(struct trapframe *f, unsigned i)
{
	u64 *in_order[] = { &f->r8, &f->r9, &f->r10, &f->r11, &f->r12, &f->r13, &f->r14, &f->r15, &f->rdi, &f->rsi, &f->rbp, &f->rbx, &f->rdx, &f->rax, &f->rcx, &f->rsp, &f->rip };
	return in_order[i];
}

static void set_xmm(u64 v) { __asm__ volatile("movq %0, %%xmm5" ::"r"(v)); }
static u64 get_xmm(void)
{
	u64 v;
	__asm__ volatile("movq %%xmm5, %0" : "=r"(v));
	return v;
}

static void random_frame(struct trapframe *f)
{
	for (unsigned i = 0; i < 17; i++)
		*register_of(f, i) = ktest_random();
	f->rip &= 0x7ffffffffffful;
	f->rflags = (ktest_random() & USER_MAY_SET) | 1 << 9 | 2;
	f->cs = USER_CS;
	f->ss = USER_DS;
	f->vector = 14;
	f->error = dice(64);
}

/* Where the program is: anywhere in its memory with room for a frame below, or on its alternate stack, or nowhere. */
static void random_stacks(struct trapframe *f, struct abi_sigaltstack *a)
{
	*a = (struct abi_sigaltstack){ .flags = SS_DISABLE };
	f->rsp = PROCESS_MEMORY + 8 * PAGE_SIZE + dice(AREA - 8 * PAGE_SIZE);
	if (dice(4)) {
		a->sp = PROCESS_MEMORY + 2 * PAGE_SIZE + dice(100) * 8;
		a->size = 600 + dice(dice(2) ? 2000 : 4 * PAGE_SIZE); /* the smallest have no room for a frame */
		a->flags = dice(3) ? 0 : (s32)SS_AUTODISARM;
		if (!dice(3))
			f->rsp = a->sp + a->size - (dice(3) ? dice(64) : dice(a->size - 256));
		else if (!dice(6))
			f->rsp = a->sp; /* just below it */
	}
	if (!dice(20))
		f->rsp = PROCESS_MEMORY - 64; /* there is no memory */
}

struct expectation {
	u64 at, fpstate;
	bool fits;
};

static bool lies_on(const struct abi_sigaltstack *a, u64 sp) { return sp > a->sp && sp - a->sp <= a->size; }

static struct expectation where(const struct trapframe *f, const struct abi_sigaltstack *a, u64 flags)
{
	struct expectation e;
	bool nested = !(a->flags & (SS_DISABLE | (s32)SS_AUTODISARM)) && lies_on(a, f->rsp);
	bool entered = (flags & SA_ONSTACK) && a->size && !nested;
	u64 sp = entered ? a->sp + a->size : f->rsp - 128;

	e.fpstate = (sp - fpu_frame_size()) & ~63ul;
	e.at = ((e.fpstate - WORDS * 8) & ~15ul) - 8;
	e.fits = e.at >= PROCESS_MEMORY && sp <= PROCESS_MEMORY + AREA && (!(nested || entered) || lies_on(a, e.at));
	return e;
}

static void expected_words(u64 *w, const struct trapframe *f, const struct abi_sigaltstack *a, const struct sigframe_request *r, u64 fpstate)
{
	const struct thread_signal *ts = current->signal;

	memset(w, 0, WORDS * 8);
	w[RETURN] = r->action.restorer;
	w[UC_FLAGS] = 6 | (cpu_has(CPU_XSAVE) ? 1 : 0); /* FP_XSTATE, SIGCONTEXT_SS, STRICT_RESTORE_SS */
	w[STACK_SP] = a->sp;
	w[STACK_FLAGS] = (u32)a->flags;
	w[STACK_SIZE] = a->size;
	for (unsigned i = 0; i < 17; i++)
		w[REGISTERS + i] = *register_of((struct trapframe *)f, i);
	w[RFLAGS] = f->rflags;
	w[SELECTORS] = USER_CS | (u64)USER_DS << 48;
	w[ERROR] = ts->trap_error;
	w[TRAP] = ts->trap_nr;
	w[OLD_MASK] = w[MASK] = r->mask;
	w[CR2] = ts->trap_addr;
	w[FPSTATE] = fpstate;
	memcpy(w + INFO, &r->info, 128);
}

/* What lies in memory: the frame, the FPU's image, and nothing else was touched. */
static void check_memory(const u64 *words, const struct expectation *e, u64 xmm)
{
	u64 at = e->at - PROCESS_MEMORY, fp = e->fpstate - PROCESS_MEMORY, found[WORDS], saved;
	u32 magic[2];

	KEXPECT_EQ(copy_from_user(after, (void *)PROCESS_MEMORY, AREA), 0);
	memcpy(found, after + at, sizeof(found));
	for (unsigned i = 0; i < WORDS; i++)
		if (found[i] != words[i] && (i < RESERVED || i >= MASK)) { /* the reserved words before the mask are the kernel's own, for a seal */
			CHECK_EQ(found[i], words[i]);
			ktest_note("word of the frame", i);
		}
	memcpy(&saved, after + fp + 160 + 5 * 16, 8);
	CHECK_EQ(saved, xmm);
	if (cpu_has(CPU_XSAVE)) {
		memcpy(&magic[0], after + fp + 464, 4);
		memcpy(&magic[1], after + fp + fpu_state_size, 4);
		CHECK_EQ(magic[0], 0x46505853);
		CHECK_EQ(magic[1], 0x46505845);
	}
	memcpy(before + at, after + at, WORDS * 8);
	memcpy(before + fp, after + fp, fpu_frame_size());
	CHECK(!memcmp(before, after, AREA)); /* the red zone too */
}

/* One frame: could it be made? */
static bool push(struct expectation *made)
{
	struct thread_signal *ts = current->signal;
	struct trapframe *f = current_user_frame(), was;
	struct sigframe_request r = { .signo = 1 + dice(NSIG), .mask = ktest_random(), .action = { .handler = dice(1ul << 47), .restorer = dice(1ul << 47), .mask = ktest_random() } };
	static const u32 flags[] = { SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO, SA_RESTORER, SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND };
	u64 words[WORDS], xmm = ktest_random();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (dice(2))
			r.action.flags |= flags[i];
	if (dice(10))
		r.action.flags |= SA_RESTORER;
	for (size_t i = 0; i < sizeof(r.info); i++)
		((u8 *)&r.info)[i] = ktest_random();
	random_frame(f);
	random_stacks(f, &ts->altstack);
	ts->trap_nr = dice(32);
	ts->trap_error = dice(32);
	ts->trap_addr = ktest_random();
	ts->blocked = ktest_random() & ~SIG_UNMASKABLE;
	memset(before, (u8)ktest_random(), AREA);
	KEXPECT_EQ(copy_to_user((void *)PROCESS_MEMORY, before, AREA), 0);

	struct abi_sigaltstack a = ts->altstack;
	struct expectation e = where(f, &a, r.action.flags);
	bool fits = e.fits && (r.action.flags & SA_RESTORER);
	u64 blocked = ts->blocked;
	was = *f;
	expected_words(words, f, &a, &r, e.fpstate);
	set_xmm(xmm);
	int err = sigframe_push(f, &r);
	u64 xmm_now = get_xmm();
	CHECK_EQ(err, fits ? 0 : -EFAULT);
	CHECK_EQ(ts->blocked, blocked); /* the mask is delivery's work */
	if (err || !fits) {
		CHECK(!memcmp(f, &was, sizeof(was)));
		return false;
	}
	CHECK_EQ(xmm_now, 0);
	check_memory(words, &e, xmm);
	bool disarmed = a.flags & (s32)SS_AUTODISARM;
	CHECK_EQ(ts->altstack.flags, disarmed ? SS_DISABLE : a.flags);
	CHECK_EQ(ts->altstack.sp, disarmed ? 0 : a.sp);
	CHECK_EQ(ts->altstack.size, disarmed ? 0 : a.size);
	was.rdi = r.signo;
	was.rsi = e.at + INFO * 8;
	was.rdx = e.at + UC_FLAGS * 8;
	was.rax = 0;
	was.rip = r.action.handler;
	was.rsp = e.at;
	was.rflags &= ~(1ul << 8 | 1ul << 10 | 1ul << 16); /* TF, DF, RF */
	CHECK_EQ(f->rsp, was.rsp);
	CHECK_EQ(f->rflags, was.rflags);
	CHECK(!memcmp(f, &was, sizeof(was)));
	*made = e;
	return true;
}

/* The handler changed its frame, and returns. */
static void pop(const struct expectation *e)
{
	static const u64 selectors[] = { USER_CS, USER_CS & ~3, KERNEL_CS, 0, USER_DS, USER_DS & ~3, KERNEL_DS };
	struct thread_signal *ts = current->signal;
	struct trapframe *f = current_user_frame(), wanted;
	u64 w[WORDS], at = e->at, xmm = ktest_random(), mask = ktest_random();
	u16 cs = selectors[dice(8) ? dice(2) : dice(7)], ss = selectors[dice(8) ? 4 + dice(2) : dice(7)];
	bool good = (cs | 3) == USER_CS;

	KEXPECT_EQ(copy_from_user(w, (void *)at, sizeof(w)), 0);
	random_frame(f);
	f->rsp = at + 8;
	for (unsigned i = 0; i < 17; i++)
		w[REGISTERS + i] = ktest_random();
	w[REGISTERS + 16] = dice(1ul << 47);
	if (!dice(8)) {
		w[REGISTERS + 16] |= (dice(0xfffe) + 1) << 48;
		good = false;
	}
	w[RFLAGS] = ktest_random();
	w[SELECTORS] = cs | (u64)ss << 48 | (ktest_random() & 0xffffffff0000ul);
	w[UC_FLAGS] = dice(2) ? 3 : 7;
	good &= (ss | 3) == USER_DS || !(w[UC_FLAGS] & 4);
	w[MASK] = mask;
	w[OLD_MASK] = ktest_random(); /* nobody asks for that one */
	w[FPSTATE] = e->fpstate;
	switch (dice(8)) {
	case 0:
		w[FPSTATE] = 0;
		xmm = 0;
		break;
	case 1:
		w[FPSTATE] = 0x1000;
		good = false;
		break;
	}
	struct abi_sigaltstack a = ts->altstack = (struct abi_sigaltstack){ .flags = SS_DISABLE };
	if (dice(2)) {
		a = (struct abi_sigaltstack){ .sp = dice(1ul << 40), .size = dice(8) ? 2048 + dice(99999) : dice(2048), .flags = dice(2) ? (s32)SS_AUTODISARM : 0 };
		w[STACK_SP] = a.sp;
		w[STACK_FLAGS] = (u32)a.flags;
		w[STACK_SIZE] = a.size;
		if (a.size < 2048)
			a = ts->altstack;
	} else {
		w[STACK_FLAGS] = SS_DISABLE;
	}
	KEXPECT_EQ(copy_to_user((void *)at, w, sizeof(w)), 0);
	KEXPECT_EQ(copy_to_user((void *)(e->fpstate + 160 + 5 * 16), &xmm, 8), 0);
	if (!dice(12)) {
		f->rsp = PROCESS_MEMORY - (dice(2) ? 0 : 4);
		good = false;
	}
	wanted = *f;
	set_xmm(~xmm);
	long rax = sigframe_pop(f);
	u64 xmm_now = get_xmm();
	CHECK_EQ(rax, good ? (s64)w[REGISTERS + 13] : -EFAULT);
	if (good) {
		for (unsigned i = 0; i < 17; i++)
			*register_of(&wanted, i) = w[REGISTERS + i];
		wanted.cs = USER_CS;
		wanted.ss = USER_DS;
		wanted.rflags = (wanted.rflags & ~USER_MAY_SET) | (w[RFLAGS] & USER_MAY_SET);
		wanted.error = -1ul; /* what is in rax is no result of a call */
		CHECK_EQ(xmm_now, xmm);
		CHECK_EQ(ts->blocked, mask & ~SIG_UNMASKABLE);
		CHECK(ts->altstack.sp == a.sp && ts->altstack.size == a.size && ts->altstack.flags == a.flags);
	}
	CHECK_EQ(f->rflags, wanted.rflags);
	CHECK(!memcmp(f, &wanted, sizeof(wanted)));
}

static void frames(void)
{
	wrong = false;
	for (unsigned i = 0; i < ROUNDS && !wrong; i++) {
		struct expectation made;
		if (!push(&made))
			continue;
		for (unsigned n = 0; n < 2 && !wrong; n++)
			pop(&made);
	}
	current->signal->blocked = 0;
}

KTEST(07, frames_at_random)
{
	KREQUIRE(run_as_process(frames));
	KEXPECT(!wrong);
}
