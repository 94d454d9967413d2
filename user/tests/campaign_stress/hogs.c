/* Memory that runs out: one of the storms of campaign_stress.c. */
#include "storm.h"

/* Memory runs out again and again. */
void storm_hogs(int me)
{
	while (going(me)) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			int adj = open("/proc/self/oom_score_adj", O_WRONLY);

			write(adj, "1000", 4);
			for (size_t n = 0;; n += 1 << 20) {
				char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

				if (p == MAP_FAILED)
					_exit(0);
				memset(p, 1, 1 << 20);
			}
		}
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
}
