/* stage: 13; libc: musl; run: guest+golden; smp: 2
 * A mount is busy for umount as long as somebody's working directory is in it, whatever he opens and closes meanwhile, and on whichever CPU. */
#define _GNU_SOURCE
#include "t.h"
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { TRIES = 4000 };

/* Opens on one CPU and closes on the other. */
static void wander(void)
{
	for (unsigned n = 0;; n++) {
		cpu_set_t here;
		int fd = open("f", O_RDONLY);

		NEED(fd >= 0);
		CPU_ZERO(&here);
		CPU_SET(n % 2, &here);
		sched_setaffinity(0, sizeof(here), &here);
		NEED(close(fd) == 0);
	}
}

int main(void)
{
	int busy = 0, ready[2];
	pid_t pid;
	char c;

	NEED(mkdir("/tmp/busy", 0755) == 0 && mount("none", "/tmp/busy", "tmpfs", 0, NULL) == 0 && pipe(ready) == 0);
	close(open("/tmp/busy/f", O_CREAT | O_WRONLY, 0644));
	pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		NEED(chdir("/tmp/busy") == 0 && write(ready[1], "x", 1) == 1);
		wander();
	}
	NEED(read(ready[0], &c, 1) == 1);
	for (int n = 0; n < TRIES; n++)
		busy += umount("/tmp/busy") == -1 && errno == EBUSY;
	say("busy %d times of %d\n", busy, TRIES);
	/* Asked to go when it is not used any more: not while it is. */
	errno = 0;
	R(umount2("/tmp/busy", MNT_EXPIRE));
	NEED(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	R(umount2("/tmp/busy", MNT_EXPIRE));
	R(umount2("/tmp/busy", MNT_EXPIRE));
	R(umount("/tmp/busy"));
	R(rmdir("/tmp/busy"));
	return 0;
}
