/* Signals: one of the storms of campaign_stress.c. */
#include "storm.h"

static void on_signal(int sig)
{
	(void)sig;
}

/* Signals of all kinds between processes that work, sleep, fork and stop. */
void storm_signals(int me)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	while (going(me)) {
		int status;
		pid_t target;

		sigprocmask(SIG_SETMASK, &all, NULL);
		target = fork();
		if (target)
			sigprocmask(SIG_SETMASK, &none, NULL);
		if (target == 0) {
			for (int s = 1; s < 64; s++)
				if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33 && s != 34) {
					struct sigaction act = { .sa_handler = on_signal, .sa_flags = below(2) ? SA_RESTART : SA_NODEFER };

					sigaction(s, &act, NULL);
				}
			sigprocmask(SIG_SETMASK, &none, NULL);
			for (int i = 0;; i++) {
				if (i % 3 == 0)
					nap(1);
				else if (i % 7 == 0) {
					pid_t pid = fork();

					if (pid == 0)
						_exit(0);
					while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
						;
				} else
					SYS(getppid);
				if (getppid() == 1)
					_exit(0);
			}
		}
		if (target < 0)
			continue;
		for (int i = 0; i < 60; i++) {
			int sig = 1 + (int)below(63);

			if (sig != SIGKILL && (sig < 32 || sig > 34))
				kill(target, sig);
			if (sig == SIGSTOP || sig == SIGTSTP)
				kill(target, SIGCONT);
			if (below(8) == 0)
				sched_yield();
		}
		kill(target, SIGKILL);
		while (waitpid(target, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			mistake("killed, and not dead of it");
	}
}
