/* stage: 12; libc: musl; run: host
 * A signal that comes in the very moment in which a poll, a select or a wait of another kind goes to sleep ends it all the same. Two processors show it soon. */
#include "t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>

enum { ROUNDS = 6000, ROUNDS_ALONE = 200 };
static int rounds; /* one processor never gets into that moment: there it is only seen that signals end waits */
static volatile struct shared { int round, wrong; } *shared;

static void on_signal(int sig UNUSED)
{
}

static int wait_by(int kind, int epoll, const sigset_t *none)
{
	switch (kind) {
	case 0: return ppoll(NULL, 0, NULL, none);
	case 1: return pselect(0, NULL, NULL, NULL, NULL, none);
	case 2: return epoll_pwait(epoll, &(struct epoll_event){ 0 }, 1, -1, none);
	default: return sigsuspend(none);
	}
}

static void sleeper(int kind)
{
	int epoll = epoll_create1(0);
	sigset_t none;

	sigemptyset(&none);
	for (int i = 1; i <= rounds; i++) {
		shared->round = i;
		if (wait_by(kind, epoll, &none) != -1 || errno != EINTR)
			shared->wrong++;
	}
	_exit(0);
}

/* Signals the sleeper once a round, somewhere in its first moments. True: it went through all of them. */
static int disturb(pid_t pid)
{
	unsigned delay = 1;

	for (int i = 1; i <= rounds; i++) {
		time_t begun = time(NULL);

		for (unsigned n = 0; shared->round != i; n++) {
			if (n < 4096)
				continue;
			usleep(100); /* the other may wait for the processor of the machine that this one spins on */
			if (time(NULL) > begun + 20)
				return 0;
		}
		delay = delay * 1103515245 + 12345;
		for (volatile unsigned n = delay >> 16 & 1023; n; n--)
			;
		kill(pid, SIGUSR1);
	}
	return 1;
}

int main(void)
{
	static const char *const names[] = { "ppoll", "pselect", "epoll_pwait", "sigsuspend" };
	sigset_t usr1;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED);
	rounds = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? ROUNDS : ROUNDS_ALONE;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	signal(SIGUSR1, on_signal);
	for (int kind = 0; kind < 4; kind++) {
		pid_t pid;
		int through, status;

		shared->round = shared->wrong = 0;
		pid = fork();
		if (pid == 0)
			sleeper(kind);
		through = disturb(pid);
		if (!through)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		say("%s: %s, %d wrong\n", names[kind], through ? "each signal ended a wait" : "a signal was slept over", shared->wrong);
	}
	return 0;
}
