/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * The last blocks of a full file system: an ordinary user leaves what is reserved; root, and whom an option names, take that; and what is kept nobody gets for data. */
#include "ext4.h"
#include <grp.h>
#include <sys/wait.h>

static char chunk[1 << 16];

/* Writes until it is refused, as somebody: free blocks afterwards. */
static void fill_as(const char *name, unsigned uid, unsigned gid, int group, int direct)
{
	struct statfs s;
	pid_t child = fork();
	int status;

	NEED(child >= 0);
	if (!child) {
		gid_t more = (gid_t)group;
		int fd = open(name, O_RDWR | O_CREAT | (direct ? O_DIRECT : 0), 0666);
		long n, total = 0;
		void *at = mmap(NULL, sizeof(chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(fd >= 0 && at != MAP_FAILED && setgroups(group >= 0 ? 1 : 0, &more) == 0 && setgid(gid) == 0 && setuid(uid) == 0);
		while ((n = write(fd, at, sizeof(chunk))) == sizeof(chunk))
			total += n;
		while ((n = write(fd, at, DISK_BLOCK)) == DISK_BLOCK)
			total += n;
		say("%s: %s, %s\n", name, n < 0 ? errname(errno) : "a part", total ? "something was written" : "nothing was written");
		fsync(fd);
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child && status == 0);
	sync();
	NEED(statfs(".", &s) == 0);
	/* Where a node of a map lies is nobody's business: a few blocks more or less. */
	say("%s: free %ld, for all %ld\n", name, ((long)s.f_bfree + 8) / 16 * 16, ((long)s.f_bavail + 8) / 16 * 16);
}

int main(void)
{
	struct statfs s;
	int fd;

	disk_enter();
	umask(0);
	NEED(chmod(".", 0777) == 0 && statfs(".", &s) == 0);
	say("reserved and kept: %ld\n", (long)(s.f_bfree - s.f_bavail));
	R((fd = open("big", O_RDWR | O_CREAT, 0666)) >= 0);
	R(fallocate(fd, 0, 0, (long)(s.f_bavail - 1000) * DISK_BLOCK));
	fill_as("user", 1000, 1000, -1, 0);
	fill_as("again", 1000, 1000, -1, 1);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, "resgid=55"));
	fill_as("another", 1001, 1000, 54, 0);
	R(unlink("user"));
	sync();
	fill_as("member", 1001, 1000, 55, 0);
	R(unlink("member"));
	sync();
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, "resgid=0,resuid=1002"));
	fill_as("other", 1001, 0, 0, 0);
	fill_as("named", 1002, 1000, -1, 1);
	R(unlink("named"));
	sync();
	fill_as("root", 0, 0, -1, 0);
	fill_as("rootdirect", 0, 0, -1, 1);
	R(fallocate(fd, 0, (long)s.f_blocks * DISK_BLOCK, DISK_BLOCK));
	R(mkdir("dir", 0755));
	/* What is allocated can be written, and cut in pieces. */
	R((int)pwrite(fd, "x", 1, 50 * DISK_BLOCK));
	R(fallocate(fd, FA_KEEP_SIZE | FA_PUNCH_HOLE, 100 * DISK_BLOCK, DISK_BLOCK));
	close(fd);
	NEED(unlink("big") == 0);
	disk_leave();
	return 0;
}
