/* Mapped files: one of the storms of campaign_stress.c. */
#include "storm.h"

/* Files that are mapped shrink, vanish and are executed. */
static void on_bus(int sig)
{
	_exit(sig == SIGBUS ? 0 : 1);
}

void storm_files(int me)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/f%d", me);
	while (going(me)) {
		int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755), status;
		char *p;
		pid_t pid;

		if (fd < 0 || ftruncate(fd, 65536) < 0) {
			mistake("file");
			continue;
		}
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		memset(p, 'a', 65536);
		pid = fork();
		if (pid == 0) {
			signal(SIGBUS, on_bus);
			for (;;)
				for (int i = 0; i < 65536; i += 4096)
					p[i]++;
		}
		sched_yield();
		if (below(2))
			unlink(name);
		ftruncate(fd, (off_t)below(8) * 4096);
		if (pid > 0) {
			status = wait_or_kill(pid, 10000);
			if (status != 0)
				mistake("no SIGBUS behind the end of a file");
		}
		munmap(p, 65536);
		close(fd);
	}
}
