/* stage: 07; libc: musl; run: challenge */
/*
 * Lab 07's optional challenge `signed-frames`: rt_sigreturn takes a frame only where the kernel wrote it. Honest handlers may change what they return to, jump out,
 * nest, run on another stack and fork; a frame that was made or moved by hand kills. A program of its own kind: Linux takes what it is given.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define FRAME 440 /* the return address, ucontext with the kernel's short mask, siginfo */

static uint64_t frame[FRAME / 8], forged[1024] __attribute__((aligned(64)));
static uintptr_t frame_at;
static volatile int depth, deepest;
static sigjmp_buf out;

static void catch_frame(int signo, siginfo_t *info, void *uc)
{
	(void)signo, (void)info;
	frame_at = (uintptr_t)uc - 8;
	memcpy(frame, (void *)frame_at, FRAME);
}

static void change_rax(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	(void)signo, (void)info;
	uc->uc_mcontext.gregs[REG_RBX] = 0x5eed;
}

static void nest(int signo, siginfo_t *info, void *uc)
{
	(void)info, (void)uc;
	deepest = ++depth > deepest ? depth : deepest;
	if (depth < 4)
		raise(signo);
	depth--;
}

static void jump_out(int signo, siginfo_t *info, void *uc)
{
	(void)signo, (void)info, (void)uc;
	siglongjmp(out, 1);
}

static volatile pid_t forked;
static void fork_inside(int signo, siginfo_t *info, void *uc)
{
	(void)signo, (void)info, (void)uc;
	forked = fork();
}

static void handle(void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };
	sigaction(SIGUSR1, &a, NULL);
}

static __attribute__((noreturn, used)) void stolen(void) { _exit(7); }

/* Takes the frame at `at` as if a handler there had returned. */
static __attribute__((noreturn)) void return_from(void *at)
{
	__asm__ volatile("mov %0, %%rsp; mov %1, %%eax; syscall; ud2" ::"r"((char *)at + 8), "i"(SYS_rt_sigreturn) : "memory");
	__builtin_unreachable();
}

static ucontext_t *context_of(void *at) { return (ucontext_t *)((char *)at + 8); }

/* How a child ends that returns from `forged`: killed by SIGSEGV is right. */
static int survives(const char *what)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		mcontext_t *m = &context_of(forged)->uc_mcontext;
		m->gregs[REG_RIP] = (long)stolen;
		m->gregs[REG_RSP] = (long)(forged + 1000) | 8;
		return_from(forged);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		return 0;
	printf("%s: status %x, wanted death by SIGSEGV\n", what, status);
	return 1;
}

static int expect(const char *what, long got, long wanted)
{
	if (got != wanted)
		printf("%s: %ld, wanted %ld\n", what, got, wanted);
	return got != wanted;
}

int main(void)
{
	static char other_stack[65536];
	stack_t ss = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
	int bad = 0, status;
	long rbx = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	handle(change_rax, 0);
	__asm__ volatile("xor %%ebx, %%ebx; syscall; mov %%rbx, %0" : "=r"(rbx) : "a"(SYS_tkill), "D"(getpid()), "S"(SIGUSR1) : "rbx", "rcx", "r11", "memory");
	bad += expect("a register that the handler changed", rbx, 0x5eed);
	handle(nest, SA_NODEFER);
	raise(SIGUSR1);
	bad += expect("handlers in handlers", deepest, 4);
	sigaltstack(&ss, NULL);
	handle(nest, SA_NODEFER | SA_ONSTACK);
	deepest = 0;
	raise(SIGUSR1);
	bad += expect("handlers on another stack", deepest, 4);
	handle(jump_out, 0);
	if (!sigsetjmp(out, 1))
		raise(SIGUSR1);
	handle(fork_inside, 0);
	raise(SIGUSR1);
	if (!forked)
		_exit(3);
	waitpid(forked, &status, 0);
	bad += expect("a child of a handler", status, 3 << 8);

	handle(catch_frame, 0);
	raise(SIGUSR1);
	context_of(frame)->uc_mcontext.fpregs = NULL;
	memcpy(forged, frame, FRAME);
	bad += survives("a frame that was moved");
	uint64_t away = (uintptr_t)forged - frame_at;
	for (int word = 0; word < 8; word++) { /* whoever has seen one seal must not know another */
		for (int how = 0; how < 2; how++) {
			memcpy(forged, frame, FRAME);
			unsigned long long *w = &context_of(forged)->uc_mcontext.__reserved1[word];
			*w = how ? *w + away : *w ^ frame_at ^ (uintptr_t)forged;
			bad += survives("a frame that was moved, and its seal with it");
		}
	}
	mcontext_t *m = &context_of(forged)->uc_mcontext;
	long segments = context_of(frame)->uc_mcontext.gregs[REG_CSGSFS];
	memset(forged, 0, FRAME);
	m->gregs[REG_CSGSFS] = segments;
	bad += survives("a frame that was made");
	return bad != 0;
}
