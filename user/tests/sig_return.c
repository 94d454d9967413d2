/* stage: 07; libc: musl; run: host+guest
 * A handler's program goes on with the rax that the handler left in the frame: a number that looks like the kernel's word for "make the call again" too, with
 * another signal waiting right behind. */
#include "t.h"

#include <ucontext.h>

static volatile int hits, times;
static volatile long value;

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	uc->uc_mcontext.gregs[REG_RAX] = value;
	if (++hits < times)
		raise(sig); /* blocked now: it comes when this frame is gone */
}

static long kill_oneself(long pid, long sig)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_kill), "D"(pid), "S"(sig) : "rcx", "r11", "memory");
	return result;
}

int main(void)
{
	static const int flags[] = { 0, SA_RESTART };
	static const long values[] = { 5, -512, -513, -514, -516 };

	for (size_t f = 0; f < COUNT(flags); f++)
		for (size_t i = 0; i < COUNT(values); i++) {
			struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags[f] };

			NEED(sigaction(SIGUSR1, &act, NULL) == 0);
			hits = 0;
			times = 3;
			value = values[i];
			say("%s: %ld", f ? "restart" : "plain", kill_oneself(getpid(), SIGUSR1));
			say(", %d times\n", hits);
		}
	return 0;
}
