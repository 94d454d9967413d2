/* stage: 07; libc: musl; run: host+guest
 * waitid and the kinds of waiting: stopped, continued, without reaping, by group; signals meanwhile. */
#include "t.h"

static void show(const char *what, const siginfo_t *info)
{
	static const char *const codes[] = { "0", "EXITED", "KILLED", "DUMPED", "TRAPPED", "STOPPED", "CONTINUED" };

	say("%s: signo %s code %s status %d\n", what, signame(info->si_signo),
	    info->si_code >= 0 && info->si_code < 7 ? codes[info->si_code] : "?", info->si_status);
}

static volatile pid_t asleep;

/* Without SA_RESTART the call is over; with it, it goes on, and this is what it waits for. */
static void ends_the_wait(int sig) { (void)sig; }
static void ends_the_child(int sig) { (void)sig; kill(asleep, SIGKILL); }

int main(void)
{
	siginfo_t info;
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(7);
	memset(&info, 0, sizeof(info));
	R(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	show("without reaping", &info);
	T(info.si_pid == pid);
	V(info.si_uid);
	memset(&info, 0, sizeof(info));
	R(waitid(P_PID, (id_t)pid, &info, WEXITED));
	show("reaping", &info);
	R(waitid(P_PID, (id_t)pid, &info, WEXITED));

	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	memset(&info, 0xff, sizeof(info));
	R(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG));
	V(info.si_signo);
	V(info.si_pid);
	R(waitid(P_PID, (id_t)pid, &info, WNOHANG));
	R(waitid(P_PID, (id_t)pid, &info, 0));
	R(waitid(99, (id_t)pid, &info, WEXITED));
	R(waitid(P_PID, (id_t)pid, &info, WEXITED | 0x10000));

	R(kill(pid, SIGSTOP));
	NEED(waitpid(pid, &status, WUNTRACED) == pid);
	say_status("stopped", status);
	R(waitpid(pid, &status, WUNTRACED | WNOHANG));
	R(kill(pid, SIGCONT));
	NEED(waitpid(pid, &status, WCONTINUED) == pid);
	say_status("continued", status);
	R(waitpid(pid, &status, WCONTINUED | WNOHANG));
	R(kill(pid, SIGSTOP));
	R(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	show("stopped", &info);
	R(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	show("stopped", &info);
	R(kill(pid, SIGCONT));
	R(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
	show("continued", &info);

	/* A stopped process is killed at once by SIGKILL, and keeps other signals until SIGCONT. */
	R(kill(pid, SIGSTOP));
	NEED(waitpid(pid, &status, WUNTRACED) == pid);
	R(kill(pid, SIGTERM));
	nap(20);
	R(waitpid(pid, &status, WNOHANG));
	R(kill(pid, SIGCONT));
	reap("terminated after SIGCONT", pid);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	R(kill(pid, SIGSTOP));
	NEED(waitpid(pid, &status, WUNTRACED) == pid);
	R(kill(pid, SIGKILL));
	R(waitid(P_ALL, 0, &info, WEXITED));
	show("killed while stopped", &info);

	/* By process group. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(3);
	}
	setpgid(pid, pid);
	R(waitpid(-getpgrp(), &status, WNOHANG));
	NEED(waitpid(-pid, &status, 0) == pid);
	say_status("by group", status);
	pid = fork();
	if (pid == 0)
		_exit(4);
	NEED(waitpid(0, &status, 0) == pid);
	say_status("by own group", status);
	pid = fork();
	if (pid == 0)
		_exit(6);
	R(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED));
	show("by group", &info);

	/* A signal comes while it waits. */
	asleep = fork();
	if (asleep == 0) {
		nap(3000);
		_exit(9);
	}
	for (int restart = 0; restart < 2; restart++) {
		struct itimerval soon = { { 0, 50000 }, { 0, 50000 } };

		catch(SIGALRM, restart ? ends_the_child : ends_the_wait, restart ? SA_RESTART : 0);
		setitimer(ITIMER_REAL, &soon, NULL); /* again and again: the first may come too early */
		errno = 0;
		pid = waitpid(asleep, &status, 0);
		say("%s: %s\n", restart ? "with SA_RESTART" : "without", pid == asleep ? "the child" : errname(errno));
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	say_status("the child", status);

	/* SIGCHLD ignored: nothing to wait for. */
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0)
		_exit(0);
	R(waitpid(pid, &status, 0));
	R(waitpid(-1, &status, 0));
	signal(SIGCHLD, SIG_DFL);
	{
		struct sigaction act = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };

		sigaction(SIGCHLD, &act, NULL);
		if (fork() == 0)
			_exit(0);
		R(wait(&status));
	}
	return 0;
}
