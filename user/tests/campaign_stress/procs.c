/* /proc: one of the storms of campaign_stress.c. */
#include "storm.h"

/* /proc of processes that come and go, read in odd pieces. */
void storm_procs(int me)
{
	static const char *const files[] = {
		"stat", "status", "statm", "maps", "smaps", "cmdline", "environ", "exe", "cwd", "root", "fd", "fd/0", "fd/3", "task", "comm",
		"limits", "mountinfo", "mounts", "oom_score", "io", "wchan", "syscall", "auxv", "mem", "fdinfo/0", "ns", "attr", "stack", "trace",
		"../meminfo", "../stat", "../mounts", "../loadavg", "../uptime", "../subsystems", "../syscalls", "../vmstat", "../interrupts",
		"../cpuinfo", "../version", "../slabinfo", "../buddyinfo", "../zoneinfo", "../filesystems", "../partitions", "../devices", "..",
	};

	while (going(me)) {
		pid_t pid = fork();

		if (pid == 0) {
			for (uint64_t i = below(50); i > 0; i--)
				mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sched_yield();
			_exit(0);
		}
		for (int i = 0; i < 30 && pid > 0; i++) {
			char path[96], buffer[5000];
			int fd;

			snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[below(COUNT(files))]);
			readlink(path, buffer, sizeof(buffer));
			fd = open(path, (int)below(2) * O_DIRECTORY | O_NONBLOCK);
			if (fd < 0)
				continue;
			for (int k = 0; k < 4; k++) {
				switch (below(5)) {
				case 0: lseek(fd, (off_t)(below(2) ? below(10000) : rnd()), (int)below(4)); break;
				case 1: pread(fd, buffer, 1 + below(sizeof(buffer)), (off_t)below(100000)); break;
				case 2: SYS(getdents64, fd, buffer, below(300)); break;
				case 3: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0); break;
				default: read(fd, buffer, 1 + below(sizeof(buffer)));
				}
			}
			close(fd);
		}
		if (pid > 0)
			if (wait_or_kill(pid, 10000) < 0)
				mistake("a process that only ends did not, in 10 s");
	}
}
