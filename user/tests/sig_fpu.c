/* stage: 07; libc: musl; run: host+guest
 * Vector and floating-point state: a handler that spoils all of it harms nobody; neither do preemption
 * and fork. SSE, x87, MXCSR, and AVX where the machine has it. */
#include "t.h"

static volatile int runs;
static struct { uint32_t mxcsr; uint16_t fcw; uint64_t xmm15[2]; } found;

/* What a handler starts with. */
static void look(int sig)
{
	(void)sig;
	__asm__ volatile("stmxcsr %0\n fnstcw %1\n movdqu %%xmm15, %2" : "=m"(found.mxcsr), "=m"(found.fcw), "=m"(found.xmm15));
}

static void signal_with_odd_state(void)
{
	uint64_t value[2] = { 0x0123456789abcdef, 77 };
	uint32_t mxcsr = 0x3f80, usual = 0x1f80;
	uint16_t fcw = 0x027f, usual_fcw = 0x037f;
	long number = SYS_kill;

	__asm__ volatile("ldmxcsr %1\n fldcw %2\n movdqu %3, %%xmm15\n syscall\n ldmxcsr %4\n fldcw %5\n"
			 : "+a"(number) : "m"(mxcsr), "m"(fcw), "m"(value), "m"(usual), "m"(usual_fcw), "D"((long)getpid()), "S"((long)SIGUSR1)
			 : "rcx", "r11", "xmm15", "memory");
	say("a handler starts with mxcsr %x, control word %x, xmm15 %s\n", found.mxcsr, found.fcw, found.xmm15[0] | found.xmm15[1] ? "of before" : "0");
}
static int avx;

struct state {
	uint64_t xmm[16][2];
	uint64_t ymm[4][4];
	uint32_t mxcsr;
	uint16_t fcw;
} __attribute__((aligned(32)));

static void load_all(uint64_t seed)
{
	uint64_t value[2] = { seed * 0x9e3779b97f4a7c15, ~seed };

	__asm__ volatile("movdqu %0, %%xmm0\n movdqu %0, %%xmm1\n movdqu %0, %%xmm2\n movdqu %0, %%xmm3\n"
			 "movdqu %0, %%xmm4\n movdqu %0, %%xmm5\n movdqu %0, %%xmm6\n movdqu %0, %%xmm7\n"
			 "movdqu %0, %%xmm8\n movdqu %0, %%xmm9\n movdqu %0, %%xmm10\n movdqu %0, %%xmm11\n"
			 "movdqu %0, %%xmm12\n movdqu %0, %%xmm13\n movdqu %0, %%xmm14\n movdqu %0, %%xmm15\n"
			 : : "m"(value));
}

static void spoil(int sig)
{
	uint32_t mxcsr = 0x9fc0;
	uint16_t fcw = 0x0c7f;

	(void)sig;
	load_all(0xdeadbeef);
	__asm__ volatile("ldmxcsr %0\n fldcw %1\n fldpi\n" : : "m"(mxcsr), "m"(fcw));
	if (avx)
		__asm__ volatile("vxorps %%ymm8, %%ymm8, %%ymm8\n vxorps %%ymm9, %%ymm9, %%ymm9" : : : "memory");
	runs++;
}

/* Fill, wait for what happens (one call), read back; all between is one piece of assembly. */
static int kept(uint64_t seed, long number, long a, long b)
{
	uint64_t in[2] = { seed, seed ^ 0x5555 }, out[4][2], yin[4] = { seed, 1, 2, seed + 3 }, yout[4];
	uint32_t mxcsr = 0x3f80, mxcsr_after;
	uint16_t fcw = 0x027f, fcw_after;
	double seven = 7.25, after = 0;
	int good;

	__asm__ volatile("ldmxcsr %0\n fldcw %1\n" : : "m"(mxcsr), "m"(fcw));
	if (avx) {
		__asm__ volatile("vmovdqu %1, %%ymm8\n vmovdqu %1, %%ymm15\n syscall\n vmovdqu %%ymm8, %0\n"
				 : "=m"(yout), "+m"(yin), "+a"(number) : "D"(a), "S"(b), "d"(0) : "rcx", "r11", "memory");
		good = !memcmp(yin, yout, sizeof(yin));
	} else {
		__asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(0) : "rcx", "r11", "memory");
		good = 1;
	}
	number = SYS_getpid;
	__asm__ volatile("fldl %8\n"
			 "movdqu %6, %%xmm0\n movdqu %6, %%xmm5\n movdqu %6, %%xmm10\n movdqu %6, %%xmm15\n"
			 "movl $20000000, %%ecx\n"
			 "1: decl %%ecx\n jnz 1b\n"
			 "movdqu %%xmm0, %0\n movdqu %%xmm5, %1\n movdqu %%xmm10, %2\n movdqu %%xmm15, %3\n"
			 "fstpl %7\n stmxcsr %4\n fnstcw %5\n"
			 : "=m"(out[0]), "=m"(out[1]), "=m"(out[2]), "=m"(out[3]), "=m"(mxcsr_after), "=m"(fcw_after)
			 : "m"(in), "m"(after), "m"(seven) : "rcx", "memory");
	for (int i = 0; i < 4; i++)
		good &= !memcmp(out[i], in, sizeof(in));
	return good && mxcsr_after == mxcsr && fcw_after == fcw && after == seven;
}

static void context_state(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	/* A handler may change what will be restored. */
	uc->uc_mcontext.fpregs->_xmm[3].element[0] = 0x12345678;
}

int main(void)
{
	struct itimerval fast = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
	uint32_t result;
	pid_t pids[3];

	avx = __builtin_cpu_supports("avx");
	catch(SIGUSR1, spoil, 0);
	catch(SIGALRM, spoil, SA_RESTART);
	T(kept(1, SYS_kill, getpid(), SIGUSR1));
	V(runs);
	setitimer(ITIMER_REAL, &fast, NULL);
	T(kept(2, SYS_getpid, 0, 0));
	T(kept(3, SYS_sched_yield, 0, 0));
	setitimer(ITIMER_REAL, &off, NULL);
	T(runs > 2);
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			int good = 1;

			for (int j = 0; j < 3; j++)
				good &= kept((uint64_t)(i * 100 + j), SYS_sched_yield, 0, 0);
			_exit(good ? 0 : 1);
		}
	}
	for (int i = 0; i < 3; i++)
		reap("one of three", pids[i]);
	catch_info(SIGUSR2, context_state, 0);
	__asm__ volatile("pxor %%xmm3, %%xmm3\n syscall\n movd %%xmm3, %0\n"
			 : "=r"(result) : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR2)
			 : "rcx", "r11", "xmm3", "memory");
	X(result);
	catch(SIGUSR1, look, 0);
	signal_with_odd_state();
	return 0;
}
