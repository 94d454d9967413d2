/* stage: 10; libc: musl; run: scenario
 * Writes and syncs files on a disk that begins to fail: when it does, the caller is told, nothing is written any more, and everything else goes on. */
#include "disk.h"

#define TURNS 100

int main(void)
{
	static unsigned char buf[3000], back[3000];
	char name[32];
	int n, fd, err = 0;

	mount_it();
	for (n = 0; n < TURNS && !err; n++) {
		fill(buf, (unsigned)n, sizeof(buf));
		snprintf(name, sizeof(name), "/m/f%d", n);
		fd = open(name, O_RDWR | O_CREAT, 0644);
		if (fd < 0 || write(fd, buf, sizeof(buf)) < 0 || fsync(fd) < 0)
			err = errno;
		close(fd);
	}
	say("some were written: %s\n", n > 2 ? "yes" : "no");
	say("then: %s\n", err == EIO || err == EROFS ? "EIO or EROFS" : err ? strerror(err) : "no error");
	fd = open("/m/another", O_RDWR | O_CREAT, 0644);
	say("a new file: %s\n", fd < 0 && (errno == EROFS || errno == EIO) ? "refused" : "made");
	fd = open("/m/f0", O_RDONLY);
	fill(buf, 0, sizeof(buf));
	say("the first file: %s\n", read(fd, back, sizeof(back)) == sizeof(back) && !memcmp(buf, back, sizeof(buf)) ? "as it was" : "lost");
	fd = open("/tmp/elsewhere", O_RDWR | O_CREAT, 0644);
	say("another file system: %s\n", fd >= 0 && write(fd, buf, 100) == 100 ? "works" : strerror(errno));
	return 0;
}
