/* stage: 10; libc: musl; run: scenario
 * Makes and removes directories with files; after each fsync it writes a sector `MARK n` at the end of the disk, past the file system. It does not unmount: whoever records the
 * writes can cut the power anywhere. */
#include "disk.h"

#define TURNS 20
#define KEPT 4

int main(void)
{
	static unsigned char buf[TURNS * 700];
	static char sector[512] __attribute__((aligned(512)));
	int raw = open("/dev/vda", O_RDWR | O_DIRECT);
	off_t end;

	must(raw >= 0, "open");
	end = lseek(raw, 0, SEEK_END);
	mount_it();
	for (unsigned n = 0; n < TURNS; n++) {
		size_t size = n * 700 + 1;
		char from[64], to[64];
		int fd;

		fill(buf, n, size);
		snprintf(to, sizeof(to), "/m/d%u", n);
		must(mkdir(to, 0755) == 0, "mkdir");
		snprintf(from, sizeof(from), "/m/d%u/new", n);
		snprintf(to, sizeof(to), "/m/d%u/file", n);
		fd = open(from, O_RDWR | O_CREAT, 0644);
		must(fd >= 0 && write(fd, buf, size) == (ssize_t)size, "write");
		must(rename(from, to) == 0, "rename");
		if (n >= KEPT) {
			snprintf(from, sizeof(from), "/m/d%u/file", n - KEPT);
			must(unlink(from) == 0, "unlink");
			snprintf(from, sizeof(from), "/m/d%u", n - KEPT);
			must(rmdir(from) == 0, "rmdir");
		}
		must(fsync(fd) == 0, "fsync");
		close(fd);
		snprintf(sector, sizeof(sector), "MARK %u", n);
		must(pwrite(raw, sector, sizeof(sector), end - 512 * (off_t)(n + 1)) == sizeof(sector), "mark");
	}
	say("done\n");
	return 0;
}
