/* stage: 07; libc: musl; run: host+guest
 * What becomes of children whose parent ends: whom they are told to, as what, and what they hear themselves. */
#include "t.h"
#include <sys/prctl.h>

static volatile int *word; /* shared by all: [0] go on, [1] ready, [2] what the orphan heard, [3] its new parent */

static void heard(int sig)
{
	word[2] = sig;
}

static void wait_until(volatile int *w)
{
	while (!*w)
		usleep(1000);
}

/* A child that ends with another signal than SIGCHLD, as threads' libraries of old made them. */
static pid_t clone_with(int signo)
{
	return (pid_t)SYS(clone, signo, 0, NULL, NULL, 0);
}

static void take(const char *what, int options)
{
	int status = 0;
	pid_t pid = waitpid(-1, &status, options);

	if (pid > 0)
		say("%s: exit %d\n", what, WEXITSTATUS(status));
	else
		say("%s: %s\n", what, pid ? strerror(errno) : "nobody yet");
}

int main(void)
{
	pid_t pid;
	siginfo_t info;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	R(prctl(PR_SET_CHILD_SUBREAPER, 1));

	/* One that lives on: its new parent waits for it as for any other. */
	pid = fork();
	if (pid == 0) {
		if (clone_with(SIGUSR1) == 0) {
			catch(SIGUSR2, heard, 0);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			word[1] = 1;
			wait_until(&word[2]);
			word[3] = getppid();
			wait_until(&word[0]);
			_exit(21);
		}
		wait_until(&word[1]);
		_exit(20);
	}
	take("parent", 0);
	take("orphan", WNOHANG);
	word[0] = 1;
	take("orphan", 0);
	V(word[2] == SIGUSR2);
	V(word[3] == getpid());
	take("nobody", 0);

	/* One that has ended already, and that nobody has waited for. */
	pid = fork();
	if (pid == 0) {
		pid_t child = clone_with(SIGWINCH);

		if (child == 0)
			_exit(31);
		T(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | __WALL) == 0);
		_exit(30);
	}
	T(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
	V(info.si_status);
	take("its zombie", 0);
	take("nobody", 0);

	/* As long as the parent lives, such a child is waited for by those alone who say so. */
	pid = clone_with(SIGWINCH);
	if (pid == 0)
		_exit(40);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL) == 0);
	take("without asking", 0);
	take("asking for clones", (int)__WCLONE);
	pid = fork();
	if (pid == 0)
		_exit(41);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	take("asking for clones alone", (int)__WCLONE);
	take("asking for all", __WALL);
	return 0;
}
