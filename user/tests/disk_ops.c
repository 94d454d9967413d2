/* stage: 10; libc: musl; run: scenario
 * One file, and a copy of it in memory: random writes (through the cache, past it, through a mapping), cuts, holes, zeroes, pieces put in and taken out, caches dropped, a new
 * mount now and then; what is read is what the copy says. SEED= draws. What a file system does not do (EOPNOTSUPP, EINVAL) is passed over. */
#include "disk.h"
#include <sys/mman.h>

enum { FA_KEEP_SIZE = 1, FA_PUNCH_HOLE = 2, FA_COLLAPSE_RANGE = 8, FA_ZERO_RANGE = 16, FA_INSERT_RANGE = 32 };
enum { MOST = 600064, TURNS = 300 };

static unsigned char copy[2 * MOST], buf[2 * MOST] __attribute__((aligned(4096)));
static long size;
static unsigned long state;
static int fd, direct;

static long draw(long n)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (long)((state >> 33) % (unsigned long)n);
}

static void open_it(void)
{
	fd = open("/m/f", O_RDWR | O_CREAT, 0644);
	direct = open("/m/f", O_RDWR | O_DIRECT);
	must(fd >= 0 && direct >= 0, "open");
}

static void grow(long end)
{
	if (end > size) {
		memset(copy + size, 0, (size_t)(end - size));
		size = end;
	}
}

static void random_bytes(unsigned char *p, long n)
{
	unsigned char x = (unsigned char)draw(256);

	for (long k = 0; k < n; k++)
		p[k] = (unsigned char)(x + k * 31 + (k >> 8));
}

static void compare(int turn, int op, int from, long off, long n)
{
	ssize_t got = pread(from, buf, (size_t)n, off);
	long want = off >= size ? 0 : size - off < n ? size - off : n;

	if (got != want) {
		say("turn %d, after %d: read(%ld, %ld) = %ld and not %ld\n", turn, op, off, n, (long)got, want);
		_exit(1);
	}
	for (long k = 0; k < want; k++)
		if (buf[k] != copy[off + k]) {
			say("turn %d, after %d: byte %ld (size %ld) is %02x and not %02x\n", turn, op, off + k, size, buf[k], copy[off + k]);
			_exit(1);
		}
}

static void map_write(long off, long n)
{
	long start = off & ~4095l;
	unsigned char *p;

	if (off + n > size)
		return;
	p = mmap(NULL, (size_t)(off + n - start), PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);
	must(p != MAP_FAILED, "mmap");
	random_bytes(copy + off, n);
	memcpy(p + (off - start), copy + off, (size_t)n);
	/* What is written behind the end is gone once the file is longer. */
	if (draw(3) == 0)
		must(msync(p, (size_t)(off + n - start), MS_SYNC) == 0, "msync");
	munmap(p, (size_t)(off + n - start));
}

static int change(int op, long off, long n, long unit)
{
	int mode = 0;
	char c = '3';
	int d;

	switch (op) {
	case 0:
	case 1:
		random_bytes(buf, n);
		must(pwrite(fd, buf, (size_t)n, off) == n, "pwrite");
		grow(off + n);
		memcpy(copy + off, buf, (size_t)n);
		return 0;
	case 2:
		off &= ~511l;
		n = (n | 511) + 1;
		random_bytes(buf, n);
		must(pwrite(direct, buf, (size_t)n, off) == n, "pwrite, direct");
		grow(off + n);
		memcpy(copy + off, buf, (size_t)n);
		return 0;
	case 3:
		map_write(off, n);
		return 0;
	case 4:
		must(ftruncate(fd, off) == 0, "ftruncate");
		grow(off);
		size = off;
		return 0;
	case 5:
		must(draw(2) ? fsync(fd) == 0 : fdatasync(fd) == 0, "fsync");
		return 0;
	case 6:
		d = open("/proc/sys/vm/drop_caches", O_WRONLY);
		if (d >= 0 && write(d, &c, 1) != 1)
			say("drop_caches\n");
		close(d);
		return 0;
	case 7:
		mode = FA_PUNCH_HOLE | FA_KEEP_SIZE;
		break;
	case 8:
		mode = FA_ZERO_RANGE | (draw(2) ? FA_KEEP_SIZE : 0);
		break;
	case 9:
	case 10:
		mode = op == 9 ? FA_COLLAPSE_RANGE : FA_INSERT_RANGE;
		off = off / unit * unit;
		n = (n / unit + 1) * unit;
		if (op == 10 && size + n > MOST)
			return 0;
		break;
	case 11:
		mode = draw(2) ? FA_KEEP_SIZE : 0;
		break;
	case 12:
		if (draw(10))
			return 0;
		close(fd);
		close(direct);
		must(umount("/m") == 0, "umount");
		mount_it();
		open_it();
		return 0;
	}
	if (fallocate(fd, mode, off, n) < 0) {
		must(errno == EOPNOTSUPP || (errno == EINVAL && (op == 9 || op == 10)), "fallocate");
		return 0;
	}
	if (op == 9) {
		memmove(copy + off, copy + off + n, (size_t)(size - off - n));
		size -= n;
	} else if (op == 10) {
		memmove(copy + off + n, copy + off, (size_t)(size - off));
		memset(copy + off, 0, (size_t)n);
		size += n;
	} else {
		if (!(mode & FA_KEEP_SIZE))
			grow(off + n);
		if (op != 11 && off < size)
			memset(copy + off, 0, (size_t)(off + n < size ? n : size - off));
	}
	return 0;
}

int main(void)
{
	long unit;
	struct stat st;

	state = seed();
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount_it();
	open_it();
	must(fstat(fd, &st) == 0, "fstat");
	unit = st.st_blksize;
	for (int turn = 0; turn < TURNS; turn++) {
		long off = draw(4) ? draw(MOST / 2) : draw(20000), n = draw(3) ? 1 + draw(9000) : 1 + draw(70000);
		int op = (int)draw(13);

		change(op, off, n, unit);
		must(fstat(fd, &st) == 0 && st.st_size == size, "the size");
		compare(turn, op, fd, draw(MOST / 2), 1 + draw(40000));
		if (turn % 10 == 0)
			compare(turn, op, draw(2) ? fd : direct, 0, MOST);
	}
	close(fd);
	close(direct);
	umount("/proc");
	must(umount("/m") == 0, "umount");
	say("as it should be\n");
	return 0;
}
