/* stage: 08; libc: musl; run: guest+golden
 * One process mounts on a file, another removes it: either is first. What is mounted afterwards can be reached, or the file is gone and nothing is mounted. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 3000 };

static int lost(void)
{
	static char text[65536];
	int fd = open("/proc/self/mounts", O_RDONLY);
	ssize_t n = 0, got;

	while ((got = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += got;
	close(fd);
	text[n] = '\0';
	return strstr(text, "deleted") != NULL;
}

static void touch(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT, 0600));
}

static int removing(void) { return unlink("place"); }
static int replacing(void) { return rename("other", "place"); }

/* Soon, if both have a processor each. A machine that has less than it shows gets it back by sleep: the other may be what it has to run. */
static void await(volatile int *word, int value)
{
	for (int n = 0; *word < value; n++)
		if (n < 1000)
			sched_yield();
		else
			usleep(100);
}

/* `how` takes the name away. */
static void race(const char *what, int (*how)(void))
{
	volatile int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int bad = 0, odd = 0, both = 0;
	pid_t pid;

	touch("source");
	pid = fork();
	if (pid == 0) {
		for (int i = 1; i <= ROUNDS; i++) {
			await(go, i);
			int status = how() ? errno : 0;
			go[1] = status;
			go[2] = i;
		}
		_exit(0);
	}
	for (int i = 1; i <= ROUNDS; i++) {
		touch("place");
		touch("other");
		*go = i;
		int mine = mount("source", "place", NULL, MS_BIND, NULL) ? errno : 0;
		await(go + 2, i);
		int theirs = go[1];
		both += !mine && !theirs;
		odd += (mine && mine != ENOENT) || (theirs && theirs != EBUSY);
		if (!mine && umount("place"))
			bad++;
	}
	waitpid(pid, NULL, 0);
	/* What comes in its place may be mounted on. */
	if (how != removing)
		both = 0;
	printf("%s: both at once %d, odd answers %d, not to be unmounted %d, lost %d\n", what, both, odd, bad, lost());
}

int main(void)
{
	mkdir("/tmp/race", 0700);
	if (chdir("/tmp/race"))
		return 1;
	setvbuf(stdout, NULL, _IONBF, 0);
	race("unlink", removing);
	race("rename", replacing);
	return 0;
}
