/* stage: 07; libc: musl; run: host+guest
 * What a child has from its parent and what not, and what a handler must leave alone below the stack pointer. */
#include "t.h"

static volatile int hits;

static void count(int sig)
{
	(void)sig;
	hits++;
}

/*
 * A leaf function's data may lie in the 128 bytes below rsp: fills them, sends itself a signal by a system call, and looks
 * whether all of them are still there. 1 if so.
 */
static int red_zone_survives(long pid, long sig)
{
	long ok;

	__asm__ volatile(
		"mov $16, %%r10\n\t"
		"1: mov %%r10, %%r9; neg %%r9\n\t"
		"mov %%r10, (%%rsp,%%r9,8)\n\t"
		"dec %%r10; jnz 1b\n\t"
		"mov $62, %%eax; syscall\n\t"
		"mov $1, %%eax; mov $16, %%r10\n\t"
		"2: mov %%r10, %%r9; neg %%r9\n\t"
		"cmp %%r10, (%%rsp,%%r9,8); je 3f; xor %%eax, %%eax\n\t"
		"3: dec %%r10; jnz 2b"
		: "=a"(ok), "+D"(pid), "+S"(sig)
		:
		: "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return ok;
}

/* fork by the bare system call, with a value in a vector register: libc's own fork blocks signals around it. The child's pid
 * in the parent; in the child 0, or -1 if the register has not kept its value. */
static long bare_fork(void)
{
	long ret;

	__asm__ volatile(
		"mov $0x5ca1ab1e, %%r9d; movq %%r9, %%xmm11\n\t"
		"mov $57, %%eax; syscall\n\t"
		"test %%rax, %%rax; jnz 1f\n\t"
		"movq %%xmm11, %%r10; cmp %%r9, %%r10; je 1f\n\t"
		"mov $-1, %%rax\n\t"
		"1:"
		: "=a"(ret)
		:
		: "rcx", "r9", "r10", "r11", "xmm11", "memory", "cc");
	return ret;
}

int main(void)
{
	struct sigaction action = { .sa_handler = count };
	sigset_t set, old, pending;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	R(sigprocmask(SIG_SETMASK, &set, NULL));
	R(sigaction(SIGUSR2, &action, NULL));
	R(kill(getpid(), SIGUSR1));
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, NULL, &old);
		T(sigismember(&old, SIGUSR1));
		T(sigismember(&old, SIGRTMIN + 3));
		T(sigismember(&old, SIGUSR2));
		sigpending(&pending);
		T(sigismember(&pending, SIGUSR1)); /* a signal of the parent's */
		R(kill(getpid(), SIGUSR2));
		V(hits); /* the handler is inherited */
		_exit(3);
	}
	reap("child", pid);
	sigpending(&pending);
	T(sigismember(&pending, SIGUSR1));
	V(hits); /* the child's are not the parent's */

	pid = (pid_t)bare_fork();
	if (pid <= 0) {
		sigprocmask(SIG_SETMASK, NULL, &old);
		say("bare fork: registers %s, SIGUSR1 %s\n", pid == 0 ? "kept" : "lost", sigismember(&old, SIGUSR1) ? "blocked" : "let in");
		_exit(5);
	}
	reap("bare child", pid);

	R(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&set);
	R(sigprocmask(SIG_SETMASK, &set, NULL));
	V(hits);
	T(red_zone_survives(getpid(), SIGUSR2));
	V(hits);

	/* Who waits for one child gets that one, though another was there first. */
	int status;
	pid_t first = fork();
	if (first == 0)
		_exit(6);
	siginfo_t info;
	waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		_exit(7);
	}
	T(waitpid(pid, &status, 0) == pid);
	V(WEXITSTATUS(status));
	reap("first", first);

	/* The parent of a vfork goes on when the child has let go of the memory. */
	hits = 0;
	pid = vfork();
	if (pid == 0) {
		usleep(30000);
		hits = 8;
		_exit(9);
	}
	V(hits);
	reap("vfork", pid);

	/* Whose parent ends gets another one. */
	volatile int *found = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			for (int i = 0; i < 200 && getppid() == parent; i++)
				usleep(10000);
			*found = getppid() != parent ? 1 : 2;
			_exit(0);
		}
		_exit(4);
	}
	reap("middle", pid);
	for (int i = 0; i < 300 && !*found; i++)
		usleep(10000);
	T(*found == 1);
	return 0;
}
