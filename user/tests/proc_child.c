/* stage: 07; libc: musl; run: host+guest
 * What a child gets by clone's flags and without them, and what goes back to its parent: numbers, TLS bases, the alternate stack, times, ends. */
#include "t.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ARCH_SET_GS 0x1001
#define HWCAP2_FSGSBASE 2

static char stack[65536] __attribute__((aligned(16)));
static volatile int parent_word, child_word, own_number;

/* In the child. Its status: 1 for its number in its own memory, 2 for an alternate stack. */
static int look(void *arg)
{
	(void)arg;
	stack_t ss = { .ss_flags = 0 };
	int number = (int)SYS(getpid);

	own_number = number;
	SYS(sigaltstack, NULL, &ss);
	return 4 + (child_word == number) + (ss.ss_flags & SS_DISABLE ? 0 : 2);
}

static void words(const char *what, int flags)
{
	int status = 0;
	pid_t pid;

	parent_word = child_word = own_number = -1;
	pid = clone(look, stack + sizeof(stack), flags | SIGCHLD, NULL, &parent_word, NULL, &child_word);
	NEED(pid > 0);
	NEED(waitpid(pid, &status, __WALL) == pid);
	say("%s: status %d, number %s, parent's word %s, child's word %s\n", what, WEXITSTATUS(status), own_number == pid ? "right" : "not seen",
	    parent_word == pid ? "set" : "kept", child_word == pid ? "set" : child_word == 0 ? "cleared" : "kept");
}

/* A thread is waited for like a process, if the flags say so, and its process is then as good as before. */
static int take_a_while(void *arg)
{
	struct timespec t = { 0, 20000000 };

	SYS(nanosleep, &t, NULL);
	*(volatile int *)arg = 1;
	return 0;
}

static void threads(void)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK;
	volatile int done = 0;
	pid_t pid;

	NEED(clone(take_a_while, stack + sizeof(stack), flags, (void *)&done) > 0);
	V(done);
	pid = vfork();
	if (pid == 0) {
		done = 0;
		NEED(clone(take_a_while, stack + sizeof(stack), flags, (void *)&done) > 0);
		_exit(done ? 6 : 5);
	}
	V(done);
	reap("vfork with a thread", pid);
}

static long block[2] = { 11, 22 };

static long gs_word(void)
{
	long word;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(word));
	return word;
}

static void bases(void)
{
	pid_t pid;

	NEED(SYS(arch_prctl, ARCH_SET_GS, &block[0]) == 0);
	pid = fork();
	if (pid == 0)
		_exit((int)gs_word());
	reap("base by a call", pid);
	/* And set by the program itself, which the kernel does not see, where the processor lets it. */
	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
		__asm__ volatile("wrgsbase %0" ::"r"(&block[1]));
	else
		NEED(SYS(arch_prctl, ARCH_SET_GS, &block[1]) == 0);
	pid = fork();
	if (pid == 0)
		_exit((int)gs_word());
	reap("base by an instruction", pid);
}

/* A child's faults are its parent's when that has waited for it, and its parent's parent's in turn. */
static void usage(void)
{
	enum { PAGES = 500 };
	struct rusage before, after, of;
	int status;
	pid_t pid;

	getrusage(RUSAGE_CHILDREN, &before);
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			for (int i = 0; i < PAGES; i++)
				p[i * 4096] = 1;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	NEED(wait4(pid, &status, 0, &of) == pid);
	getrusage(RUSAGE_CHILDREN, &after);
	T(of.ru_minflt >= PAGES);
	T(after.ru_minflt - before.ru_minflt >= PAGES);
}

/* A child that has ended is none that could stop or go on. */
static void ended(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(4);
	NEED(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	R(waitid(P_PID, pid, &info, WSTOPPED | WNOHANG));
	R(waitid(P_ALL, 0, &info, WCONTINUED | WNOHANG));
	R(waitid(P_PGID, 0, &info, WSTOPPED));
	reap("ended", pid);
}

/* A zombie that comes to a parent which wants none is gone. */
static void unwanted(void)
{
	siginfo_t info;
	pid_t pid;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		signal(SIGCHLD, SIG_DFL);
		pid = fork();
		if (pid == 0)
			_exit(1);
		NEED(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
		_exit(2);
	}
	R(wait(NULL));
	signal(SIGCHLD, SIG_DFL);
	NEED(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
}

static volatile int alarms;

static void count(int sig)
{
	(void)sig;
	alarms++;
}

/* A fork that a signal comes to before its child is there is made again: each child is its parent's, whatever comes in between. */
static void interrupted(void)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = count };
	int wrong = 0;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 400 && !wrong; i++) {
		int status = 0;
		pid_t pid = (pid_t)SYS(clone, CLONE_CHILD_SETTID | SIGCHLD, 0, NULL, &child_word, 0), got;

		if (pid == 0)
			_exit(child_word == (int)SYS(getpid) ? 7 : 8);
		do
			got = waitpid(pid, &status, 0);
		while (got < 0 && errno == EINTR);
		wrong = pid <= 0 || got != pid || status != 7 << 8;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	V(wrong);
	T(alarms > 0);
}

int main(void)
{
	static char alternate[8192];
	stack_t ss = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

	NEED(sigaltstack(&ss, NULL) == 0);
	words("vfork", CLONE_VM | CLONE_VFORK);
	words("vfork with words", CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID);
	words("vfork with a word to clear", CLONE_VM | CLONE_VFORK | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID);
	words("shared memory", CLONE_VM | CLONE_CHILD_CLEARTID);
	words("copied memory", CLONE_PARENT_SETTID | CLONE_CHILD_SETTID);
	threads();
	bases();
	usage();
	ended();
	unwanted();
	interrupted();
	return 0;
}
