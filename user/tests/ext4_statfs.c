/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * What df shows of a disk: its size without what the file system needs for itself, what is free, and how much of that somebody else than root may have. */
#include "ext4.h"
#include <sys/wait.h>

static struct statfs look(void)
{
	struct statfs fs;

	NEED(statfs(".", &fs) == 0);
	return fs;
}

int main(void)
{
	static char block[1 << 16];
	struct statfs fs;
	unsigned long kept;
	int status, fd;
	pid_t pid;

	disk_enter();
	fs = look();
	say("block %ld, fragment %ld, name %ld, type %lx\n", (long)fs.f_bsize, (long)fs.f_frsize, (long)fs.f_namelen, (long)fs.f_type);
	say("blocks %ld, kept from others %ld, inodes %ld\n", (long)fs.f_blocks, (long)(fs.f_bfree - fs.f_bavail), (long)fs.f_files);
	kept = fs.f_bfree - fs.f_bavail;
	fd = open("f", O_RDWR | O_CREAT, 0666);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		int r;
		NEED(setgid(1000) == 0 && setuid(1000) == 0);
		while ((r = (int)write(fd, block, sizeof(block))) > 0)
			;
		say("full: %s\n", errname(errno));
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0 && fsync(fd) == 0);
	fs = look();
	say("left for others: %ld; for root there is what was kept: %d\n", (long)fs.f_bavail, fs.f_bfree + 16 > kept);
	T(pwrite(fd, block, sizeof(block), lseek(fd, 0, SEEK_END)) == sizeof(block));
	close(fd);
	R(unlink("f"));
	disk_leave();
	return 0;
}
