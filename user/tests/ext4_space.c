/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Space: fallocate in all its modes, and what is then allocated, zero or gone; a disk that is full; trimming. */
#include "ext4.h"

static char page[65536] __attribute__((aligned(4096)));

/* Of its contents: how many more an index of its extents takes is a matter of where there was room. */
static long data_blocks(int fd)
{
	static struct {
		struct map_request head;
		struct map_extent e[500];
	} map;
	unsigned long bytes = 0;

	memset(&map, 0, sizeof(map));
	map.head.length = ~0ul;
	map.head.flags = MAP_SYNC_FIRST;
	map.head.count = COUNT(map.e);
	NEED(ioctl(fd, IOC_FIEMAP, &map) == 0 && map.head.mapped < COUNT(map.e));
	for (unsigned k = 0; k < map.head.mapped; k++)
		bytes += map.e[k].length;
	return (long)(bytes / DISK_BLOCK);
}

static void show(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	ssize_t n;

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	n = read(fd, page, sizeof(page));
	say("%s: size %ld, %ld blocks,", path, (long)st.st_size, data_blocks(fd));
	for (ssize_t i = 0; i < n;) {
		ssize_t from = i;

		while (i < n && page[i] == page[from])
			i++;
		say(" %ldx%02x", (long)(i - from), (unsigned char)page[from]);
	}
	say("\n");
	close(fd);
}

static int whole(const char *path, size_t n)
{
	memset(page, 'f', sizeof(page));
	put_file(path, page, n);
	return open(path, O_RDWR);
}

#define FA(mode, off, len) do { say("fallocate(%s, %s, %ld, %ld)", path, #mode, (long)(off), (long)(len)); \
	say(" = %s\n", fallocate(fd, mode, off, len) < 0 ? errname(errno) : "0"); fsync(fd); show(path); } while (0)

static void modes(void)
{
	const char *path = "new";
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	FA(0, 0, 10000);
	FA(FA_KEEP_SIZE, 10000, 10000);
	FA(FA_KEEP_SIZE, 40960, 1);
	FA(0, 0, 50000);
	NEED(pwrite(fd, "data", 4, 5000) == 4);
	close(fd);
	path = "punched";
	fd = whole(path, 40000);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 4096, 8192);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 20000, 100);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 20000, 10000);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 38000, 100000);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 100000, 100000);
	FA(FA_PUNCH_HOLE, 0, 4096);
	FA(0, 0, 40000);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 0, 1 << 20);
	close(fd);
	/* Space past the end, and a hole there. */
	path = "kept";
	fd = whole(path, 5000);
	FA(FA_KEEP_SIZE, 0, 65536);
	FA(FA_PUNCH_HOLE | FA_KEEP_SIZE, 32768, 16384);
	NEED(ftruncate(fd, 5000) == 0);
	show(path);
	NEED(ftruncate(fd, 4000) == 0);
	show(path);
	FA(FA_KEEP_SIZE, 8192, 8192);
	NEED(ftruncate(fd, 12288) == 0);
	show(path);
	close(fd);
	path = "zeroed";
	fd = whole(path, 40000);
	FA(FA_ZERO_RANGE, 4096, 8192);
	FA(FA_ZERO_RANGE, 20000, 100);
	FA(FA_ZERO_RANGE, 20000, 10000);
	FA(FA_ZERO_RANGE | FA_KEEP_SIZE, 38000, 20000);
	FA(FA_ZERO_RANGE, 39000, 5000);
	FA(FA_ZERO_RANGE | FA_PUNCH_HOLE, 0, 4096);
	FA(FA_ZERO_RANGE, 60000, 4096);
	close(fd);
	path = "zeroed_hole";
	fd = open(path, O_RDWR | O_CREAT, 0644);
	NEED(ftruncate(fd, 30000) == 0);
	FA(FA_ZERO_RANGE, 5000, 10000);
	close(fd);
	path = "collapsed";
	fd = whole(path, 40960);
	for (int i = 0; i < 10; i++)
		NEED(pwrite(fd, &(char){ (char)('0' + i) }, 1, i * 4096) == 1);
	FA(FA_COLLAPSE_RANGE, 4096, 8192);
	FA(FA_COLLAPSE_RANGE, 100, 4096);
	FA(FA_COLLAPSE_RANGE, 4096, 100);
	FA(FA_COLLAPSE_RANGE, 4096, 1 << 20);
	FA(FA_COLLAPSE_RANGE | FA_KEEP_SIZE, 4096, 4096);
	FA(FA_INSERT_RANGE, 8192, 4096);
	FA(FA_INSERT_RANGE, 8192, 100);
	FA(FA_INSERT_RANGE, 1 << 20, 4096);
	FA(FA_INSERT_RANGE, 0, 8192);
	FA(FA_COLLAPSE_RANGE, 0, 4096);
	close(fd);
	disk_again();
	show("punched");
	show("kept");
	show("zeroed");
	show("zeroed_hole");
	show("collapsed");
}

static void refusals(void)
{
	int fd = whole("f", 10000), p[2], other;
	struct stat before, after;

	R(fallocate(fd, 0, 0, 0));
	R(fallocate(fd, 0, -1, 100));
	R(fallocate(fd, 0, 0, -1));
	R(fallocate(fd, 0, LONG_MAX, 1));
	R(fallocate(fd, 0, 1l << 44, 4096));
	R(fallocate(fd, 1 << 20, 0, 4096));
	R(fallocate(fd, FA_UNSHARE_RANGE, 0, 4096));
	R(fallocate(fd, FA_NO_HIDE_STALE, 0, 4096));
	R(posix_fallocate(fd, 0, 20000));
	R(fallocate(fd, 0, 0, 1l << 40));
	NEED(ftruncate(fd, 20000) == 0);
	fstat(fd, &before);
	nap(20);
	R(fallocate(fd, FA_PUNCH_HOLE | FA_KEEP_SIZE, 0, 4096));
	fstat(fd, &after);
	T(before.st_mtim.tv_nsec != after.st_mtim.tv_nsec || before.st_mtim.tv_sec != after.st_mtim.tv_sec);
	other = open("f", O_RDONLY);
	R(fallocate(other, 0, 0, 4096));
	close(other);
	other = open(".", O_RDONLY);
	R(fallocate(other, 0, 0, 4096));
	close(other);
	NEED(pipe(p) == 0);
	R(fallocate(p[1], 0, 0, 4096));
	R(fallocate(99, 0, 0, 4096));
	other = open(DISK, O_RDONLY);
	R(fallocate(other, 0, 0, 4096));
	close(other);
	NEED(chmod("f", 06777) == 0);
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		R(fallocate(fd, 0, 0, 30000));
	}
	stat("f", &after);
	say("mode %o\n", after.st_mode);
	struct { unsigned long cur, max; } limit = { 8192, 8192 };
	IN_CHILD("limited") {
		signal(SIGXFSZ, SIG_IGN);
		NEED(syscall(SYS_prlimit64, 0, 1, &limit, NULL) == 0);
		R(fallocate(fd, 0, 0, 60000));
		R(fallocate(fd, FA_KEEP_SIZE, 0, 60000));
	}
	/* A mapping sees the hole at once. */
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[5000] = 'm';
	R(fallocate(fd, FA_PUNCH_HOLE | FA_KEEP_SIZE, 4096, 4096));
	V(map[5000]);
	map[5000] = 'n';
	R(fallocate(fd, FA_ZERO_RANGE, 4096, 4096));
	V(map[5000]);
	munmap(map, 8192);
	close(fd);
}

static void full(void)
{
	struct statfs fs;
	long done = 0, n;
	int fd = open("full", O_RDWR | O_CREAT, 0644);

	sync();
	NEED(statfs(".", &fs) == 0);
	R(fallocate(fd, 0, 0, (long)fs.f_blocks * fs.f_bsize));
	V(disk_blocks("full") > 0);
	NEED(ftruncate(fd, 0) == 0);
	while ((n = write(fd, page, sizeof(page))) > 0)
		done += n;
	say("the disk is full: %s, at least nine tenths written: %d\n", errname(errno), done > (long)(fs.f_bfree * fs.f_bsize / 10 * 9));
	R(fsync(fd));
	int small = open("small", O_RDWR | O_CREAT, 0644);
	R(small >= 0);
	R(write(small, page, 4096) > 0 ? 0 : -1);
	R(mkdir("no_room", 0755));
	NEED(ftruncate(small, 0) == 0 && ftruncate(fd, 1 << 20) == 0);
	R(write(small, page, 4096));
	R(fsync(small));
	NEED(unlink("full") == 0 && close(fd) == 0);
	fd = open("again", O_RDWR | O_CREAT, 0644);
	for (n = 0; n < 16; n++)
		NEED(write(fd, page, sizeof(page)) == sizeof(page));
	R(fsync(fd));
	close(fd);
	close(small);
}

static void trim(void)
{
	struct trim_range r = { 0, (unsigned long)-1, 0 };
	unsigned long range[2] = { 0, 4096 };
	int dir = open(".", O_RDONLY), dev;

	sync();
	R(ioctl(dir, IOC_TRIM, &r));
	T(r.len > 10 << 20);
	r = (struct trim_range){ 0, 0, 0 };
	R(ioctl(dir, IOC_TRIM, &r));
	r = (struct trim_range){ 1ul << 40, 4096, 0 };
	R(ioctl(dir, IOC_TRIM, &r));
	r = (struct trim_range){ 0, (unsigned long)-1, 1ul << 40 };
	R(ioctl(dir, IOC_TRIM, &r));
	R(ioctl(dir, IOC_TRIM, NULL));
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		R(ioctl(dir, IOC_TRIM, &r));
	}
	show("again");
	dev = open(DISK, O_RDONLY);
	R(ioctl(dev, IOC_DISCARD, range));
	close(dev);
	close(dir);
	disk_leave();
	dev = open(DISK, O_RDWR);
	range[1] = 100;
	R(ioctl(dev, IOC_DISCARD, range));
	range[0] = 1ul << 40;
	range[1] = 4096;
	R(ioctl(dev, IOC_DISCARD, range));
	R(ioctl(dev, IOC_DISCARD, NULL));
	close(dev);
}

/* Zeroes that the device makes, in the middle of what was there; all is put back. */
static void zeroes(void)
{
	static unsigned char before[65536], after[65536];
	unsigned long range[2] = { (1 << 20) + 512, 40000 / 512 * 512 };
	int dev = open(DISK, O_RDONLY), wrong = 0;

	R(ioctl(dev, IOC_ZERO, range));
	close(dev);
	dev = open(DISK, O_RDWR);
	R(ioctl(dev, IOC_ZERO, NULL));
	NEED(pread(dev, before, sizeof(before), 1 << 20) == sizeof(before));
	memset(after, 0x5a, sizeof(after));
	R(pwrite(dev, after, sizeof(after), 1 << 20));
	R(ioctl(dev, IOC_ZERO, range));
	R(pread(dev, after, sizeof(after), 1 << 20));
	for (unsigned i = 0; i < sizeof(after); i++)
		wrong += after[i] != (i >= 512 && i < 512 + range[1] ? 0 : 0x5a);
	V(wrong);
	R(pwrite(dev, before, sizeof(before), 1 << 20));
	range[1] = 100;
	R(ioctl(dev, IOC_ZERO, range));
	range[1] = 512;
	range[0] = 100;
	R(ioctl(dev, IOC_ZERO, range));
	range[0] = 1ul << 40;
	R(ioctl(dev, IOC_ZERO, range));
	range[0] = ~511ul;
	R(ioctl(dev, IOC_ZERO, range));
	R(fsync(dev));
	close(dev);
}

int main(void)
{
	disk_enter();
	modes();
	refusals();
	full();
	trim();
	zeroes();
	return 0;
}
