/* stage: 13; libc: musl; run: guest+golden; smp: 4
 * A file system, or one mount of it, becomes read-only between changes: never in the middle of one, and those who try meanwhile learn of it only if it does. */
#define _GNU_SOURCE
#include "t.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { CHANGERS = 3, FAILED = 300, TURNS = 60 };

static struct shared {
	volatile unsigned read_only, other; /* errors */
	volatile unsigned done[CHANGERS];
} *shared;
static const char *place;

static void count(unsigned who, int result)
{
	if (result == 0)
		shared->done[who]++;
	else if (errno == EROFS)
		__sync_fetch_and_add(&shared->read_only, 1u);
	/* What a refused change left: it was not made, or not taken away. */
	else if (errno != ENOENT && errno != EEXIST && errno != EISDIR && errno != ENOTDIR && errno != EPERM)
		__sync_fetch_and_add(&shared->other, 1u);
}

static void change(unsigned who)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "%s/a%u", place, who);
	snprintf(b, sizeof(b), "%s/b%u", place, who);
	for (;;) {
		count(who, mkdir(a, 0700));
		count(who, chmod(a, 0750));
		count(who, rename(a, b));
		count(who, rmdir(b));
		count(who, mknod(a, S_IFREG | 0600, 0));
		count(who, truncate(a, 4096));
		count(who, link(a, b));
		count(who, unlink(a));
		count(who, unlink(b));
		usleep(50);
	}
}

/* All that a change shows in. */
static unsigned long long state(void)
{
	unsigned long long sum = 0;
	struct stat st;
	char name[64];

	for (unsigned i = 0; i < 1 + 2 * CHANGERS; i++) {
		snprintf(name, sizeof(name), i ? "%s/%c%u" : "%s", place, i % 2 ? 'a' : 'b', (i - 1) / 2);
		sum = sum * 31 + 1;
		if (stat(name, &st) == 0)
			sum += st.st_nlink + st.st_mode * 7ull + st.st_size * 11ull + st.st_ctim.tv_nsec * 13ull + st.st_mtim.tv_nsec * 17ull;
	}
	return sum;
}

static void turns(unsigned long bind, const char *what)
{
	unsigned long how = MS_REMOUNT | bind;
	unsigned changed = 0, busy = 0, strange = 0;
	int fd = open("/tmp/ro/held", O_WRONLY | O_CREAT, 0600), keep = bind ? open("/tmp/ro-again/held", O_WRONLY) : fd;
	pid_t pids[CHANGERS];

	NEED(fd >= 0 && keep >= 0);
	memset(shared, 0, sizeof(*shared));
	for (unsigned i = 0; i < CHANGERS; i++) {
		pids[i] = fork();
		NEED(pids[i] >= 0);
		if (pids[i] == 0) {
			close(fd);
			close(keep);
			change(i);
		}
	}
	for (int n = 0; n < FAILED; n++)
		busy += mount(NULL, place, NULL, how | MS_RDONLY, NULL) == -1 && errno == EBUSY;
	say("%s: busy %u times of %d, %u changes refused\n", what, busy, FAILED, shared->read_only);
	close(fd);
	if (bind)
		close(keep);
	for (int n = 0; n < TURNS; n++) {
		unsigned long long before;

		while (mount(NULL, place, NULL, how | MS_RDONLY, NULL) == -1) {
			strange += errno != EBUSY;
			usleep(20);
		}
		before = state();
		usleep(500);
		changed += state() != before;
		NEED(mount(NULL, place, NULL, how, NULL) == 0);
		usleep(500);
	}
	for (unsigned i = 0; i < CHANGERS; i++)
		NEED(kill(pids[i], SIGKILL) == 0 && waitpid(pids[i], NULL, 0) == pids[i]);
	say("%s: changed while read-only %u times of %d; refused: %s; strange errors: %u\n", what, changed, TURNS, shared->read_only ? "some" : "none", shared->other + strange);
	for (unsigned i = 0; i < CHANGERS; i++)
		NEED(shared->done[i] > 100);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED);
	NEED(mkdir("/tmp/ro", 0755) == 0 && mount("none", "/tmp/ro", "tmpfs", 0, NULL) == 0);
	NEED(mkdir("/tmp/ro-again", 0755) == 0 && mount("/tmp/ro", "/tmp/ro-again", NULL, MS_BIND, NULL) == 0);
	place = "/tmp/ro";
	turns(0, "file system");
	place = "/tmp/ro-again";
	turns(MS_BIND, "one mount");
	R(umount("/tmp/ro-again"));
	R(umount("/tmp/ro"));
	return 0;
}
