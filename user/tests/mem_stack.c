/* stage: 07; libc: musl; run: host+guest
 * The stack grows by itself to 8 MiB, not beyond; a handler for the overflow needs a stack of its own. */
#include "t.h"
#include <setjmp.h>
#include <sys/resource.h>

static sigjmp_buf back;

static void on_overflow(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	say("caught %s code %s, on the other stack: %s\n", signame(sig), info->si_code > 0 ? "of a fault" : "?",
	    (uintptr_t)info->si_addr - (uintptr_t)&here > 1 << 20 ? "yes" : "no");
	siglongjmp(back, 1);
}

static int __attribute__((noinline)) deep(int left)
{
	volatile char frame[1024];

	frame[0] = (char)left;
	if (left)
		return deep(left - 1) + frame[0] * 0;
	return 0;
}

static int __attribute__((noinline)) endless(int n)
{
	volatile char frame[1024];

	frame[0] = (char)n;
	return endless(n + 1) + frame[0];
}

int main(void)
{
	static char other[65536];
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };
	struct rlimit limit;
	volatile char *far;

	R(getrlimit(RLIMIT_STACK, &limit));
	V(limit.rlim_cur);
	R(deep(1000));
	R(deep(7000));
	far = (volatile char *)__builtin_frame_address(0) - (6 << 20);
	*far = 1;
	V(*far);
	IN_CHILD("one step below the limit")
		*((volatile char *)__builtin_frame_address(0) - (9 << 20)) = 1;
	IN_CHILD("no handler's stack") {
		catch_info(SIGSEGV, on_overflow, 0);
		endless(0);
	}
	NEED(sigaltstack(&ss, NULL) == 0);
	catch_info(SIGSEGV, on_overflow, SA_ONSTACK);
	if (sigsetjmp(back, 1) == 0)
		endless(0);
	say("back from the first overflow\n");
	if (sigsetjmp(back, 1) == 0)
		endless(0);
	say("back from the second\n");
	return 0;
}
