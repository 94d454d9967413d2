/* stage: 12; libc: musl; run: campaign
 * Random machine code in ring 3. A child jumps into a page of it with random registers:
 *
 *   noise      bytes
 *   sequence   instructions from a list that is made of what concerns the kernel: every way in and out, odd selectors and
 *              flags, privileged ones, FPU and XSAVE state, debug and model registers, segment bases
 *   mutants    pieces of this program with a few bits changed
 *
 * Every second child catches the signals that it gets and goes on a little behind the fault, on a stack that may itself be
 * anywhere; so the ways through signal delivery and return are tried as well. All are nobody in particular. */
#include "campaign_pen.h"
#include <sys/syscall.h>
#include <ucontext.h>

enum { CODE = 0x20000000, CODE_SIZE = 16384, DATA = 0x20010000, DATA_SIZE = 65536 };

static unsigned char *at, *code_end;

static void bytes(const char *text, size_t n)
{
	for (size_t i = 0; i < n && at < code_end; i++)
		*at++ = (unsigned char)text[i];
}

static void word(uint64_t value, size_t n)
{
	bytes((const char *)&value, n);
}

static uint64_t edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0x8000000000000000,
		0xffff800000000000, 0xffff888000000000, 0xffffffff80000000, 0xffffffff81000000, 0xffffffffffffffff, 0xfffffffffffff000,
	};

	return edges[below(COUNT(edges))] - below(2) * below(16);
}

static uint64_t value(void)
{
	switch (below(6)) {
	case 0: return edge();
	case 1: return rnd();
	case 2: return DATA + below(DATA_SIZE);
	case 3: return CODE + below(CODE_SIZE);
	default: return below(512);
	}
}

/* mov $value, %reg */
static void load(unsigned int reg, uint64_t v)
{
	bytes(reg & 8 ? "\x49" : "\x48", 1);
	word(0xb8 | (reg & 7), 1);
	word(v, 8);
}

static void push(uint64_t v)
{
	load(0, v);
	bytes("\x50", 1);
}

static uint64_t selector(void)
{
	static const unsigned short good[] = { 0, 3, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x3b, 0x43, 0x4b, 7, 0xf, 0x17, 0xffff };

	return below(4) ? good[below(COUNT(good))] : below(0x10000);
}

/* Calls that only make a child wait, or leave the pen. */
static uint64_t call_number(void)
{
	for (;;) {
		uint64_t n = below(450);

		if (n != SYS_pause && n != SYS_exit && n != SYS_exit_group && n != SYS_rt_sigsuspend && n != SYS_wait4)
			return n;
	}
}

#define I(text) bytes(text, sizeof(text) - 1)

static const struct { const char *text; unsigned char n; } plain[] = {
#define P(text) { text, sizeof(text) - 1 }
	P("\xf4"), P("\xfa"), P("\xfb"), P("\x0f\x30"), P("\x0f\x32"), P("\x0f\x07"), P("\x48\x0f\x07"), P("\x0f\x01\xf8"), P("\x0f\x09"),
	P("\x0f\x01\xca"), P("\x0f\x01\xcb"), P("\x0f\x06"), P("\xcf"), P("\x48\xcf"), P("\xcb"), P("\x48\xcb"), P("\x0f\x0b"), P("\xcc"),
	P("\xf1"), P("\xcd\x03"), P("\xcd\x04"), P("\xcd\x80"), P("\xcd\x08"), P("\xcd\x0e"), P("\xcd\x20"), P("\xcd\x82"), P("\xcd\xef"),
	P("\xcd\xff"), P("\xcd\x02"), P("\x0f\x05"), P("\x0f\x05"), P("\x0f\x34"), P("\x0f\x35"), P("\x0f\x01\xc1"), P("\x0f\x01\xd9"), P("\x0f\xa2"),
	P("\x0f\x31"), P("\x0f\x01\xf9"), P("\x0f\x01\xd0"), P("\x0f\x01\xd1"), P("\x0f\x01\xee"), P("\x0f\x01\xef"), P("\x9d"), P("\x48\x9d"),
	P("\x9b"), P("\xdb\xe2"), P("\xdb\xe3"), P("\xd9\xe5"), P("\xc8\xff\xff\x1f"), P("\xc9"), P("\x48\xf7\xf0"), P("\xf6\xf0"), P("\xf3\xa4"),
	P("\xf3\xab"), P("\xfd"), P("\xfc"), P("\xf2\xae"), P("\x6c"), P("\x6f"), P("\xe4\x60"), P("\xe6\x80"), P("\xec"), P("\xee"),
	P("\xf3\x48\x0f\xae\xd0"), P("\xf3\x48\x0f\xae\xd8"), P("\xf3\x48\x0f\xae\xc0"), P("\xf3\x48\x0f\xae\xc8"), P("\x0f\x01\x20"),
	P("\x0f\x00\xc0"), P("\x0f\x00\xc8"), P("\x0f\x00\xd0"), P("\x0f\x00\xd8"), P("\x0f\x01\xe0"), P("\x0f\x01\xf0"), P("\x0f\x01\x10"),
	P("\x0f\x01\x18"), P("\x0f\x01\x00"), P("\x0f\x01\x08"), P("\x0f\x01\x38"), P("\x0f\x20\xc0"), P("\x0f\x22\xc0"), P("\x0f\x22\xd8"),
	P("\x0f\x22\xe0"), P("\x0f\x21\xf8"), P("\x0f\x23\xc0"), P("\x0f\x23\xf8"), P("\x0f\xaa"), P("\x0f\x37"), P("\xc7\xf8\0\0\0\0"),
	P("\x0f\xae\x08"), P("\x0f\xae\x00"), P("\x0f\xae\x10"), P("\x0f\xae\x18"), P("\x0f\xae\x20"), P("\x0f\xae\x28"), P("\x48\x0f\xae\x28"),
	P("\x48\x0f\xc7\x20"), P("\x48\x0f\xc7\x28"), P("\x48\x0f\xc7\x18"), P("\x0f\x0d\x08"), P("\x66\x0f\x6f\x00"), P("\xc5\xfc\x28\x00"),
	P("\x8e\xd8"), P("\x8e\xc0"), P("\x8e\xe0"), P("\x8e\xe8"), P("\x8e\xd0"), P("\x0f\xa1"), P("\x0f\xa9"), P("\x8e\xd0\x0f\x05"),
	P("\x8e\xd0\xcd\x80"), P("\x8e\xd0\xcc"), P("\x0f\x02\xc0"), P("\x0f\x03\xc0"), P("\x0f\x00\xe0"), P("\x0f\x00\xe8"), P("\xff\x10"),
	P("\xff\xe0"), P("\xff\xd0"), P("\xff\x28"), P("\xff\x18"), P("\x48\xff\x28"), P("\xc3"), P("\x48\x94"), P("\x48\x8b\x20"), P("\x64\x48\x8b\x00"),
	P("\x65\x48\x8b\x00"), P("\x65\x48\x89\x00"), P("\xf0\x48\x0f\xc7\x08"), P("\xf0\x0f\xc7\xc8"), P("\xd6"), P("\xd7"), P("\xe3\xfe"), P("\xe2\xfe"),
	P("\xeb\xfe"), P("\x67\x66\xf2\xf3\x2e\x65\x90"), P("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90"),
};

/* Flags that change how the next instructions trap: TF, IOPL, NT, RF, VM, AC, VIF, VIP, ID. */
static void odd_flags(void)
{
	push(below(2) ? 0x202 | 1ull << below(22) : rnd() & 0x3fffff);
	I("\x9d");
}

static void instruction(void)
{
	switch (below(14)) {
	case 0: odd_flags(); break;
	case 1:
		for (int i = 0; i < 6; i++)
			load((const unsigned char[]){ 7, 6, 2, 10, 8, 9 }[i], value());
		load(0, call_number());
		bytes(below(3) ? "\x0f\x05" : "\xcd\x80", 2);
		break;
	case 2: /* iretq with a frame of odd things */
		push(selector());
		push(value());
		push(below(2) ? 0x202 : rnd() & 0x3fffff);
		push(selector());
		push(value());
		I("\x48\xcf");
		break;
	case 3: /* lretq */
		push(selector());
		push(value());
		I("\x48\xcb");
		break;
	case 4: /* a signal frame that is none: rt_sigreturn */
		load(4, value());
		load(0, SYS_rt_sigreturn);
		I("\x0f\x05");
		break;
	case 5: load(4, value()); break; /* the stack is somewhere */
	case 6: /* a base of a segment, by the instruction or the call */
		load(0, value());
		bytes(below(2) ? "\xf3\x48\x0f\xae\xd0" : "\xf3\x48\x0f\xae\xd8", 5);
		break;
	case 7: /* single step over an entry, a trap behind a load of SS */
		push(0x302);
		I("\x9d");
		load(0, SYS_getpid);
		bytes(below(2) ? "\x0f\x05" : "\xcd\x80", 2);
		break;
	case 8:
		load(0, selector());
		I("\x8e\xd0");
		break;
	case 9: case 10: load((unsigned)below(16), value()); break;
	default: {
		size_t k = below(COUNT(plain));

		if (below(2))
			load(0, value());
		bytes(plain[k].text, plain[k].n);
	}
	}
}

static void fill(void)
{
	at = (unsigned char *)CODE;
	code_end = at + CODE_SIZE;
	switch (below(4)) {
	case 0:
		while (at < code_end)
			word(rnd(), 8);
		break;
	case 1: {
		const unsigned char *from = (const unsigned char *)say + below(8192);

		memcpy(at, from, 2048);
		for (uint64_t n = 1 + below(30); n > 0; n--)
			at[below(2048)] ^= (unsigned char)(1u << below(8));
		break;
	}
	default:
		for (uint64_t n = 20 + below(100); n > 0; n--)
			instruction();
	}
	for (uint64_t *p = (uint64_t *)DATA; p < (uint64_t *)(DATA + DATA_SIZE / 8); p++)
		*p = below(3) ? value() : 0;
}

/* Goes on behind what faulted, now and then somewhere else, for some times. */
static void go_on(int sig, siginfo_t *info, void *context)
{
	static volatile int times;
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (++times > 60)
		_exit(3);
	if (below(8) == 0)
		r[below(NGREG)] = (greg_t)value();
	r[REG_RIP] = below(4) ? r[REG_RIP] + 1 + (greg_t)below(4) : (greg_t)(CODE + below(CODE_SIZE));
	if (below(3) == 0)
		r[REG_RSP] = (greg_t)(DATA + DATA_SIZE / 2);
}

static void child(int worker, uint64_t round, volatile uint64_t *calls)
{
	static char other_stack[32768];
	static const int faults[] = { SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSYS };
	stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };

	(void)calls;
	fill();
	if (round & 1) {
		struct sigaction act = { .sa_sigaction = go_on, .sa_flags = SA_SIGINFO | SA_NODEFER | (below(4) ? SA_ONSTACK : 0) };

		sigaltstack(&stack, NULL);
		for (size_t i = 0; i < COUNT(faults); i++)
			sigaction(faults[i], &act, NULL);
	}
	for (int fd = 3; fd < 10; fd++)
		dup(0);
	pen_limits();
	pen_become_nobody(worker);
	pen_forget();
	__asm__ volatile("mov %0, %%rax\n"
			 "mov (%1), %%rbx\n mov 8(%1), %%rcx\n mov 16(%1), %%rdx\n mov 24(%1), %%rsi\n mov 32(%1), %%rdi\n"
			 "mov 40(%1), %%r8\n mov 48(%1), %%r9\n mov 56(%1), %%r10\n mov 64(%1), %%r11\n mov 72(%1), %%r12\n"
			 "lea 32768(%1), %%rsp\n mov 80(%1), %%rbp\n jmp *%%rax"
			 : : "r"((uint64_t)CODE + (below(4) ? 0 : below(64))), "r"((uint64_t)DATA)
			 : "memory", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12");
	_exit(4);
}

int main(void)
{
	void *code = mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	void *data = mmap((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	NEED(code != MAP_FAILED && data != MAP_FAILED);
	pen_patience = 20;	/* endless loops are many */
	return pen_campaign("random code", NULL, child);
}
