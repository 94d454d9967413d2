/* stage: 10; libc: musl; run: scenario
 * What a device is asked by ioctl and past the page cache, in its own blocks. Zeroes lie from 8 MiB to 9 MiB and a page then. */
#include "disk.h"
#include <sys/ioctl.h>

#define IOC_ZERO 0x127ful
#define IOC_BLOCK 0x1268ul

static char buf[8192] __attribute__((aligned(4096)));

/* How many writes the disk has done. */
static long writes(const char *name)
{
	static char text[8192];
	int fd = open("/proc/diskstats", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long counts[5];
	char *at;

	must(n > 0, "/proc/diskstats");
	close(fd);
	text[n] = '\0';
	at = strstr(text, name);
	must(at != NULL, "the disk's line");
	at += strlen(name);
	for (int i = 0; i < 5; i++)
		counts[i] = strtol(at, &at, 10);
	return counts[4];
}

int main(void)
{
	const char *name = access("/dev/nvme0n1", F_OK) ? "/dev/vda" : "/dev/nvme0n1";
	unsigned long zero[2] = { 8 << 20, (1 << 20) + 4096 }, odd[2] = { 512, 4096 };
	int fd, block = 0;
	long before;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	fd = open(name, O_RDWR | O_DIRECT);
	must(fd >= 0, "open");
	R(ioctl(fd, IOC_BLOCK, &block));
	V(block);
	T(pread(fd, buf, (size_t)block, block) == block);
	if (block > 512) {
		R(pread(fd, buf, 512, 0));
		R(pread(fd, buf, (size_t)block, 512));
		R(pread(fd, buf + 512, (size_t)block, 0));
		R(ioctl(fd, IOC_ZERO, odd));
	}
	before = writes(name + strlen("/dev/"));
	R(ioctl(fd, IOC_ZERO, zero));
	T(writes(name + strlen("/dev/")) - before < 20);
	R(pread(fd, buf, sizeof(buf), 8 << 20));
	for (size_t i = 0; i < sizeof(buf); i++)
		must(!buf[i], "zeroes");
	close(fd);
	umount("/proc");
	say("done\n");
	return 0;
}
