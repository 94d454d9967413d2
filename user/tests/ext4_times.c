/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Times of files come from the coarse clock, tick by tick: what is written twice within a tick has one time, and that is on the disk after an fsync as much
 * as what is changed beside it. */
#include "ext4.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#define WRITES 400

static int64_t ns_of(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

static int64_t coarse(void)
{
	struct timespec t;

	NEED(clock_gettime(CLOCK_REALTIME_COARSE, &t) == 0);
	return ns_of(t);
}

static struct stat look(int fd)
{
	struct stat st;

	NEED(fstat(fd, &st) == 0);
	return st;
}

/* A file that is written again and again: is each time one of the clock's, and how many different ones were there? */
static void ticks_of(const char *where, int fd)
{
	bool between = true, both = true;
	int64_t last = 0;
	int times = 0;

	for (int i = 0; i < WRITES; i++) {
		int64_t before = coarse(), now;
		NEED(pwrite(fd, "x", 1, i) == 1);
		struct stat st = look(fd);
		now = ns_of(st.st_mtim);
		between &= before <= now && now <= coarse();
		both &= now == ns_of(st.st_ctim);
		times += now != last;
		last = now;
	}
	say("%s: times of the coarse clock %d, of change as well %d, fewer than writes %d\n", where, between, both, times < WRITES);
}

/* A write of somebody else takes the set-uid bit, and the one right before had the same times already. */
static void lost_bit(void)
{
	int status, fd = open("bit", O_RDWR | O_CREAT, 0666);
	pid_t pid;

	NEED(fd >= 0 && fchmod(fd, 0666) == 0);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		struct stat st;
		NEED(setresuid(1000, 1000, -1) == 0);
		do {
			NEED(setresuid(-1, 0, -1) == 0 && pwrite(fd, "x", 1, 0) == 1 && fchmod(fd, 04666) == 0 && fsync(fd) == 0 && setresuid(-1, 1000, -1) == 0);
			st = look(fd);
			NEED(pwrite(fd, "x", 1, 0) == 1);
		} while (ns_of(st.st_mtim) != ns_of(st.st_ctim) || ns_of(look(fd).st_ctim) != ns_of(st.st_ctim));
		NEED(fsync(fd) == 0);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	T(status == 0);
	close(fd);
	disk_again();
	fd = open("bit", O_RDONLY);
	say("mode %o\n", look(fd).st_mode & 07777);
	close(fd);
}

int main(void)
{
	struct stat before, after;
	int fd;

	disk_enter();
	fd = open("f", O_RDWR | O_CREAT, 0644);
	ticks_of("ext4", fd);
	NEED(fsync(fd) == 0);
	before = look(fd);
	close(fd);
	disk_again();
	fd = open("f", O_RDONLY);
	after = look(fd);
	T(ns_of(before.st_mtim) == ns_of(after.st_mtim) && ns_of(before.st_ctim) == ns_of(after.st_ctim));
	close(fd);
	/* A byte that is written over changes nothing of a file but its times: these are what fsync is for. */
	fd = open("f", O_RDWR);
	usleep(20000);
	NEED(pwrite(fd, "y", 1, 0) == 1 && fsync(fd) == 0);
	before = look(fd);
	close(fd);
	T(ns_of(before.st_mtim) > ns_of(after.st_mtim));
	disk_again();
	fd = open("f", O_RDONLY);
	after = look(fd);
	T(ns_of(before.st_mtim) == ns_of(after.st_mtim));
	close(fd);
	lost_bit();
	disk_leave();
	fd = open("/tmp/times", O_RDWR | O_CREAT, 0644);
	ticks_of("memory", fd);
	close(fd);
	unlink("/tmp/times");
	return 0;
}
