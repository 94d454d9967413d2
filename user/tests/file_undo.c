/* stage: 12; libc: musl; run: guest+golden
 * fallocate that finds no room takes back what it had; what was there stays. Timer slack: inherited, set by prctl and by its file. */
#include "t.h"
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statfs.h>

static long free_blocks(void)
{
	struct statfs s;

	NEED(statfs(".", &s) == 0);
	return (long)s.f_bfree;
}

static void slack(const char *what)
{
	char text[32] = "";
	int fd = open("/proc/self/timerslack_ns", O_RDONLY);

	read(fd, text, sizeof(text) - 1);
	close(fd);
	say("%s: %d, file %s", what, prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), text);
}

static void set_slack(const char *text)
{
	int fd = open("/proc/self/timerslack_ns", O_WRONLY);

	say("write %s = %s\n", text, write(fd, text, strlen(text)) < 0 ? errname(errno) : "ok");
	close(fd);
}

int main(void)
{
	char block[4096];
	int fd, status, pid;

	mkdir("/tmp", 0755);
	NEED(mkdir("/tmp/small", 0755) == 0 && mount("none", "/tmp/small", "tmpfs", 0, "size=1m") == 0 && chdir("/tmp/small") == 0);
	memset(block, 'a', sizeof(block));
	fd = open("f", O_RDWR | O_CREAT, 0600);
	R(pwrite(fd, block, 4096, 8 * 4096));
	R(pwrite(fd, block, 4096, 100 * 4096));
	V(free_blocks());
	R(fallocate(fd, 0, 0, 2 << 20));
	V(free_blocks());
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 4096, (1 << 20) + 8192));
	V(free_blocks());
	R(pread(fd, block, 1, 100 * 4096));
	V(block[0]);
	R(pread(fd, block, 1, 8 * 4096));
	V(block[0]);
	R(fallocate(fd, 0, 0, 200 * 4096));
	V(free_blocks());
	R(lseek(fd, 0, SEEK_END));

	slack("at first");
	R(prctl(PR_SET_TIMERSLACK, 1234, 0, 0, 0));
	slack("set");
	pid = fork();
	if (!pid) {
		slack("child");
		set_slack("77\n");
		slack("file");
		R(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
		slack("the parent's again");
		set_slack("88");
		set_slack("0\n");
		slack("by the file");
		set_slack("x\n");
		set_slack("");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	R(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
	slack("default");
	return 0;
}
