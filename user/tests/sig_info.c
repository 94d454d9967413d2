/* stage: 07; libc: musl; run: host+guest
 * siginfo: who sent a signal and how; values of sigqueue, order and number of queued ones. */
#include "t.h"

static volatile int shown;

static void show(int sig, siginfo_t *info, void *context)
{
	(void)context;
	say("%s: signo %s code %d", signame(sig), signame(info->si_signo), info->si_code);
	if (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE)
		say(" from %s uid %d", info->si_pid == getpid() ? "myself" : info->si_pid == getppid() ? "parent" : "other", (int)info->si_uid);
	if (info->si_code == SI_QUEUE)
		say(" value %d", info->si_value.sival_int);
	if (sig == SIGCHLD && info->si_code > 0)
		say(" status %d", info->si_status);
	say("\n");
	shown++;
}

static pid_t self;

int main(void)
{
	union sigval value;
	siginfo_t info;
	sigset_t all, none, set;
	pid_t pid;

	self = getpid();
	sigfillset(&all);
	sigemptyset(&none);
	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig > 34)) {
			struct sigaction act;

			memset(&act, 0, sizeof(act));
			act.sa_sigaction = show;
			act.sa_flags = SA_SIGINFO;
			sigfillset(&act.sa_mask);
			sigaction(sig, &act, NULL);
		}
	kill(self, SIGUSR1);
	raise(SIGUSR2);
	value.sival_int = 77;
	R(sigqueue(self, SIGTERM, value));
	R(sigqueue(self, 40, value));
	R(sigqueue(self, 0, value));
	R(sigqueue(self, 65, value));
	R(sigqueue(1 << 30, SIGTERM, value));

	/* Queued: real-time signals by number, then in order; standard ones merge. */
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 3; i++) {
		value.sival_int = 100 + i;
		sigqueue(self, 45, value);
		value.sival_int = 200 + i;
		sigqueue(self, 42, value);
		value.sival_int = 300 + i;
		sigqueue(self, SIGUSR1, value);
	}
	raise(SIGHUP);
	kill(self, 50);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* sigtimedwait takes them one by one. */
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 3; i++) {
		value.sival_int = i;
		sigqueue(self, 44, value);
	}
	raise(SIGUSR2);
	sigemptyset(&set);
	sigaddset(&set, 44);
	sigaddset(&set, SIGUSR2);
	for (int i = 0; i < 5; i++) {
		struct timespec zero = { 0, 0 };
		int sig = sigtimedwait(&set, &info, &zero);

		if (sig < 0)
			say("sigtimedwait: %s\n", errname(errno));
		else
			say("sigtimedwait: %s code %d value %d\n", signame(sig), info.si_code,
			    info.si_code == SI_QUEUE ? info.si_value.sival_int : -1);
	}
	{
		struct timespec wait = { 0, 30000000 }, bad = { 0, 2000000000 };
		long start = now_ms();

		R(sigtimedwait(&set, NULL, &wait));
		T(now_ms() - start >= 29);
		R(sigtimedwait(&set, NULL, &bad));
		R(SYS(rt_sigtimedwait, &set, NULL, NULL, 4));
	}
	/* One that arrives while waiting; and one that is not waited for. */
	pid = fork();
	if (pid == 0) {
		nap(30);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	R(sigwaitinfo(&set, &info));
	say("%s code %d from child %d\n", signame(info.si_signo), info.si_code, info.si_pid == pid);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	R(sigwaitinfo(&set, &info));
	say("%s code %d status %d child %d\n", signame(info.si_signo), info.si_code, info.si_status, info.si_pid == pid);
	reap("sender", pid);

	sigprocmask(SIG_SETMASK, &none, NULL);
	/* SIGCHLD for each way to end, stop and go on. */
	pid = fork();
	if (pid == 0)
		_exit(7);
	reap("exits", pid);
	shown = 0;
	signal(SIGCONT, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	while (shown < 1)
		sched_yield();
	kill(pid, SIGCONT);
	while (shown < 2)
		sched_yield();
	kill(pid, SIGKILL);
	reap("killed", pid);

	/* From a child to its parent, and forged: a negative code to another process is refused. */
	pid = fork();
	if (pid == 0) {
		value.sival_int = 9;
		sigqueue(getppid(), 60, value);
		nap(60);
		kill(getppid(), SIGUSR1);
		nap(60);
		_exit(0);
	}
	reap("sender", pid);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGUSR1;
	info.si_code = SI_USER;
	R(SYS(rt_sigqueueinfo, getppid(), SIGUSR1, &info));
	info.si_code = SI_TKILL;
	R(SYS(rt_sigqueueinfo, getppid(), SIGUSR1, &info));
	info.si_code = -60;
	info.si_pid = self;
	R(SYS(rt_sigqueueinfo, self, SIGUSR1, &info));
	R(SYS(tgkill, self, gettid(), SIGUSR1));
	R(SYS(tgkill, 1 << 30, gettid(), SIGUSR1));
	R(SYS(tgkill, self, 0, SIGUSR1));
	R(SYS(tkill, -1, SIGUSR1));
	R(SYS(tkill, 1 << 30, SIGUSR1));

	/* What lies behind an unknown code must be zero; that is looked at before who may send it. Number 0 is asked only. */
	{
		static const struct { int sig, code; } asked[] = {
			{ 0, 0 }, { 0, 6 }, { 0, 7 }, { 0, SI_KERNEL }, { 0, -1 }, { 0, -7 }, { 0, -8 }, { 0, -60 }, { 0, -61 },
			{ SIGCHLD, 6 }, { SIGCHLD, 7 }, { SIGSEGV, 9 }, { SIGSEGV, 100 }, { SIGFPE, 15 }, { SIGFPE, 16 }, { SIGILL, 11 }, { SIGILL, 12 },
			{ SIGBUS, 5 }, { SIGBUS, 6 }, { SIGTRAP, 6 }, { SIGTRAP, 7 }, { SIGSYS, 2 }, { SIGSYS, 3 }, { SIGIO, 6 }, { SIGIO, 7 }, { SIGUSR2, 6 }, { SIGUSR2, 7 },
		};

		signal(SIGCHLD, SIG_IGN);
		for (size_t i = 0; i < COUNT(asked); i++) {
			say("signal %d code %d:", asked[i].sig, asked[i].code);
			for (int last = 0; last < 2; last++) {
				memset(&info, 0, sizeof(info));
				info.si_code = asked[i].code;
				((char *)&info)[127] = (char)last;
				say(" %s", SYS(rt_sigqueueinfo, getppid(), asked[i].sig, &info) == 0 ? "0" : errname(errno));
				say(" %s", SYS(rt_sigqueueinfo, self, asked[i].sig ? SIGCHLD : 0, &info) == 0 ? "0" : errname(errno));
			}
			say("\n");
		}
	}
	return 0;
}
