/* Processes: one of the storms of campaign_stress.c. */
#include "storm.h"

/* fork, exec, exit and wait, generations deep. */
void storm_forks(int me)
{
	char *argv[] = { "campaign_stress", "exit", NULL };

	while (going(me)) {
		int status = 0, want = (int)below(100);
		pid_t pid = fork();

		if (pid == 0) {
			pid_t inner = below(2) ? vfork() : fork();

			if (inner == 0) {
				if (want & 1)
					execv("/proc/self/exe", argv);
				_exit(want);
			}
			if (below(3))
				while (waitpid(inner, &status, 0) < 0 && errno == EINTR)
					;
			_exit(want);
		}
		if (pid < 0)
			continue;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
			mistake("exit status");
	}
}
