/* stage: 13; libc: musl; run: host+guest
 * Walks through names that others move, make and take away, unmount and forbid: what is there all the time is found each time, and what is not, never. */
#include "t.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/syscall.h>

enum { WALKS = 3000, EXCHANGE = 2 };

static bool over;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool stop(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static void *swapper(void *arg)
{
	(void)arg;
	while (!stop())
		NEED(syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", EXCHANGE) == 0);
	return NULL;
}

static void *maker(void *arg)
{
	char name[64];

	(void)arg;
	for (int i = 0; !stop(); i++) {
		snprintf(name, sizeof(name), "one/f%d", i % 50);
		int fd = open(name, O_WRONLY | O_CREAT, 0644);
		close(fd);
		unlink(name);
		mkdir("gone", 0755);
		put("gone/x", "x");
		unlink("gone/x");
		rmdir("gone");
	}
	return NULL;
}

static void *mounter(void *arg)
{
	bool *can = arg;

	while (*can && !stop()) {
		NEED(mount("none", "place", "tmpfs", 0, "") == 0);
		put("place/inside", "in");
		NEED(umount2("place", MNT_DETACH) == 0);
	}
	return NULL;
}

/* Read through a walk: 1 or 2, which of the two folders it was; 0: it was not there. */
static int which(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY);

	if (fd >= 0 && read(fd, &c, 1) != 1)
		c = '9';
	close(fd);
	return c - '0';
}

int main(void)
{
	pthread_t threads[3];
	struct stat st;
	long missed = 0, wrong = 0, seen[3] = { 0 }, odd = 0;
	bool can;

	t_dir();
	/* The host's runner may not mount. */
	can = mkdir("place", 0755) == 0 && mount("none", "place", "tmpfs", 0, "") == 0 && umount("place") == 0;
	put("place/outside", "out");
	NEED(mkdir("one", 0755) == 0 && mkdir("two", 0755) == 0 && mkdir("one/deep", 0755) == 0 && mkdir("two/deep", 0755) == 0);
	put("one/deep/x", "1");
	put("two/deep/x", "2");
	NEED(pthread_create(&threads[0], NULL, swapper, NULL) == 0 && pthread_create(&threads[1], NULL, maker, NULL) == 0 &&
	     pthread_create(&threads[2], NULL, mounter, &can) == 0);
	for (int i = 0; i < WALKS; i++) {
		int n = which(i % 2 ? "one/deep/x" : "two/deep/x");
		missed += n == 0;
		wrong += n < 0 || n > 2;
		seen[n == 2]++;
		missed += stat("one/deep", &st) != 0 || !S_ISDIR(st.st_mode);
		wrong += stat("one/never", &st) == 0;
		wrong += stat("one/deep/x/", &st) == 0;
		/* Either what is below the mount, or what is in it; both at once never. */
		if (stat("place/inside", &st) && errno != ENOENT)
			odd++;
		if (stat("gone/x", &st) && errno != ENOENT)
			odd++;
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	say("missed %ld, wrong %ld, odd %ld\n", missed, wrong, odd);
	T(seen[0] > 0 && seen[1] > 0);
	T(stat("place/outside", &st) == 0 && stat("place/inside", &st) != 0);
	/* A folder that may not be searched any more is not, though all of it is in the cache. */
	NEED(chmod("one", 0644) == 0);
	if (geteuid() == 0)
		NEED(setresuid(1000, 1000, 0) == 0);
	say("forbidden: %d\n", stat("one/deep/x", &st) ? errno : 0);
	if (getuid() == 1000)
		NEED(setresuid(0, 0, 0) == 0);
	NEED(chmod("one", 0755) == 0);
	say("allowed: %d\n", stat("one/deep/x", &st) ? errno : 0);
	return 0;
}
