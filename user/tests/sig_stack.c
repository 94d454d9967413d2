/* stage: 07; libc: musl; run: host+guest
 * sigaltstack: errnos, flags, nesting, SS_AUTODISARM; the frame lies below the red zone, aligned. */
#include "t.h"
#include <sys/auxv.h>

static char other[65536] __attribute__((aligned(16)));
static volatile int done;

static int on_other(const void *p)
{
	return (const char *)p >= other && (const char *)p < other + sizeof(other);
}

static void show(const char *what)
{
	stack_t ss;
	char here;

	sigaltstack(NULL, &ss);
	say("%s: on the other stack %d, flags%s%s%s\n", what, on_other(&here), ss.ss_flags & SS_ONSTACK ? " ONSTACK" : "",
	    ss.ss_flags & SS_DISABLE ? " DISABLE" : "", ss.ss_flags & (1 << 31) ? " AUTODISARM" : "");
}

static void handler(int sig)
{
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };

	show("handler");
	if (done < 2)
		R(SYS(sigaltstack, &ss, NULL));
	if (sig == SIGUSR1 && !done++)
		raise(SIGUSR2);
}

static void aligned(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	T((uintptr_t)__builtin_frame_address(0) % 16 == 0);
	T(uc->uc_mcontext.gregs[REG_RIP] != 0);
	T(uc->uc_mcontext.gregs[REG_CSGSFS] != 0);
	T(uc->uc_mcontext.fpregs != NULL && (uintptr_t)uc->uc_mcontext.fpregs % 16 == 0);
}

/* Leaf code keeps data below rsp: 128 bytes that nobody may touch, a signal frame neither. */
static long red_zone(pid_t pid)
{
	long result;

	__asm__ volatile(
		"movq $0x5a5a5a5a, -8(%%rsp)\n"
		"movq $0x5a5a5a5a, -64(%%rsp)\n"
		"movq $0x5a5a5a5a, -128(%%rsp)\n"
		"movl $62, %%eax\n"		/* kill(pid, SIGUSR1) */
		"movl $10, %%esi\n"
		"syscall\n"
		"movq -8(%%rsp), %%rax\n"
		"xorq -64(%%rsp), %%rax\n"
		"xorq -128(%%rsp), %%rax\n"
		: "=a"(result) : "D"((long)pid) : "rsi", "rcx", "r11", "memory");
	return result;
}

static volatile int depth;

/* On a stack that lies in the middle of memory that could be written: each nested handler takes a frame more, until the next one would leave it. */
static void deeper(int sig)
{
	if (++depth == 200)
		_exit(3);
	raise(sig);
}

/* It would not come back, so it must not begin. */
static void entered(int sig)
{
	(void)sig;
	_exit(4);
}

/* What the FPU holds lies above the rest of the frame: most of that cannot be written, all below it can. */
static void state_out_of_reach(void)
{
	enum { BELOW = 8 * 4096, HIDDEN = 4 * 4096 };
	char *at = mmap(NULL, BELOW + HIDDEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = at, .ss_size = BELOW + (getauxval(AT_MINSIGSTKSZ) - 700) };

	NEED(at != MAP_FAILED && !mprotect(at + BELOW, HIDDEN, PROT_NONE));
	sigaltstack(&ss, NULL);
	catch(SIGUSR1, entered, SA_ONSTACK);
	raise(SIGUSR1);
}

/* A handler that no C library has given a way back. */
static void without_restorer(int sig)
{
	struct { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; } action = { .handler = entered };

	SYS(rt_sigaction, sig, &action, NULL, 8);
	raise(sig);
}

int main(void)
{
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) }, old;

	R(SYS(sigaltstack, NULL, &old));
	V(old.ss_flags);
	ss.ss_size = 2047;
	R(SYS(sigaltstack, &ss, NULL));
	ss.ss_size = sizeof(other);
	ss.ss_flags = 0x40;
	R(SYS(sigaltstack, &ss, NULL));
	R(SYS(sigaltstack, (void *)8, NULL));
	R(SYS(sigaltstack, NULL, (void *)8));
	ss.ss_flags = SS_ONSTACK;
	R(SYS(sigaltstack, &ss, NULL));
	ss.ss_flags = 0;
	R(SYS(sigaltstack, &ss, &old));
	show("outside");
	T(old.ss_sp == other || (old.ss_flags & SS_DISABLE));
	catch(SIGUSR1, handler, SA_ONSTACK);
	catch(SIGUSR2, handler, SA_ONSTACK);
	raise(SIGUSR1);
	show("after");
	catch(SIGUSR2, handler, 0);
	raise(SIGUSR2);
	ss.ss_flags = 1 << 31;
	R(SYS(sigaltstack, &ss, NULL));
	done = 2;
	raise(SIGUSR1);
	show("after");
	IN_CHILD("fork keeps it")
		show("child");
	ss.ss_flags = SS_DISABLE;
	R(SYS(sigaltstack, &ss, NULL));
	show("disabled");
	raise(SIGUSR1);
	catch_info(SIGUSR1, aligned, 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	V(red_zone(getpid()) == 0x5a5a5a5a);
	catch_info(SIGUSR1, aligned, 0);
	V(red_zone(getpid()) == 0x5a5a5a5a);
	IN_CHILD("off the end of the stack") {
		/* Room for one frame and a little, however large this CPU's is: the second would leave it. */
		stack_t middle = { .ss_sp = other + 24576, .ss_size = (getauxval(AT_MINSIGSTKSZ) + 1024) & ~15ul };

		sigaltstack(&middle, NULL);
		catch(SIGUSR1, deeper, SA_ONSTACK | SA_NODEFER);
		raise(SIGUSR1);
	}
	IN_CHILD("an FPU state that cannot be written")
		state_out_of_reach();
	IN_CHILD("a handler without a restorer")
		without_restorer(SIGUSR1);
	return 0;
}
