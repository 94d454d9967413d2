/* stage: 09; libc: musl; run: guest
 * timed NAME COUNT COMMAND [WORD ...]: runs the command once, prints "row NAME nanoseconds-per-count". */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	double start;
	int status;
	pid_t pid;

	if (argc < 4)
		return 2;
	start = now();
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 1;
	printf("row %s %.1f\n", argv[1], (now() - start) / atof(argv[2]));
	return 0;
}
