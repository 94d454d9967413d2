/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Where data and holes are: SEEK_DATA and SEEK_HOLE on a disk and in memory, FIEMAP on the disk. */
#include "ext4.h"
#include <sys/xattr.h>
#include <stdbool.h>

static char page[65536];

static void seek_all(const char *path, int fd)
{
	static const long places[] = { 0, 1, 4095, 4096, 5000, 8192, 20000, 20480, 40960, 65535, 65536, 81919, 81920, 100000, 1 << 20, -1, LONG_MAX, LONG_MIN };

	for (size_t i = 0; i < COUNT(places); i++) {
		long data = lseek(fd, places[i], SEEK_DATA), hole;
		int e = errno;

		say("%s from %ld: data ", path, places[i]);
		data < 0 ? say("%s", errname(e)) : say("%ld", data);
		hole = lseek(fd, places[i], SEEK_HOLE);
		e = errno;
		hole < 0 ? say(", hole %s", errname(e)) : say(", hole %ld", hole);
		say(", at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
	}
}

static void files(const char *where, bool reserve)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/empty", where);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	seek_all("empty", fd);
	NEED(ftruncate(fd, 65536) == 0);
	seek_all("all hole", fd);
	close(fd);
	snprintf(path, sizeof(path), "%s/data", where);
	put_file(path, page, 10000);
	fd = open(path, O_RDWR);
	seek_all("all data, not written back", fd);
	fsync(fd);
	seek_all("all data", fd);
	close(fd);
	snprintf(path, sizeof(path), "%s/mixed", where);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	NEED(pwrite(fd, page, 100, 8192) == 100 && pwrite(fd, page, 4096, 40960) == 4096 && pwrite(fd, page, 1, 81918) == 1);
	seek_all("mixed, not written back", fd);
	fsync(fd);
	seek_all("mixed", fd);
	/* A hole at the end. */
	NEED(ftruncate(fd, 200000) == 0);
	seek_all("mixed with a hole at the end", fd);
	NEED(fallocate(fd, FA_PUNCH_HOLE | FA_KEEP_SIZE, 40960, 4096) == 0);
	seek_all("punched", fd);
	close(fd);
	if (!reserve)
		return;
	snprintf(path, sizeof(path), "%s/reserved", where);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	NEED(fallocate(fd, 0, 0, 65536) == 0);
	seek_all("allocated", fd);
	NEED(pwrite(fd, page, 10, 20480) == 10);
	seek_all("allocated, and written in the middle", fd);
	fsync(fd);
	seek_all("allocated, and written back", fd);
	close(fd);
	fd = open(where, O_RDONLY);
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	close(fd);
}

/* The extents, without where they lie; which of them follow each other on the disk. */
static void map_of(const char *path, unsigned long start, unsigned long length, unsigned flags, unsigned room)
{
	static struct { struct map_request f; struct map_extent e[64]; } m;
	unsigned long last = 0;
	int fd = open(path, O_RDONLY);

	memset(&m, 0, sizeof(m));
	m.f.start = start;
	m.f.length = length;
	m.f.flags = flags;
	m.f.count = room;
	say("%s, %lu+%lu, flags %x, room %u:", path, start, length, flags, room);
	if (ioctl(fd, IOC_FIEMAP, &m) < 0) {
		say(" %s, flags %x\n", errname(errno), m.f.flags);
		close(fd);
		return;
	}
	say(" %u", m.f.mapped);
	for (unsigned i = 0; i < m.f.mapped && i < room; i++) {
		struct map_extent *e = &m.e[i];

		say(" [%lu+%lu%s%s%s%s%s%s]", e->logical, e->length, e->flags & EXTENT_LAST ? " last" : "", e->flags & EXTENT_UNWRITTEN ? " unwritten" : "",
		    e->flags & EXTENT_DELAYED ? " delayed" : "", e->flags & EXTENT_INLINE ? " inline" : e->flags & EXTENT_UNKNOWN ? " unknown" : "", !(e->flags & EXTENT_DELAYED) && e->physical % 4096 ? " unaligned" : "",
		    i && last && e->physical == last ? " behind" : "");
		last = e->physical + e->length;
	}
	say("\n");
	close(fd);
}

/* Attributes are one extent from 0 on, of the inode's rest or of a block; `physical` is inside the inode's record or at a block's start. */
static void attributes(void)
{
	static char value[3000];
	int fd = open("attributes", O_RDWR | O_CREAT, 0644);

	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES, 64);
	R(fsetxattr(fd, "user.large", value, sizeof(value), 0));
	fsync(fd);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES, 64);
	R(fsetxattr(fd, "user.small", value, 4, 0));
	fsync(fd);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES, 64);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES | MAP_SYNC_FIRST, 0);
	map_of("attributes", 1, 1, MAP_ATTRIBUTES, 64);
	map_of("attributes", 5000, -1ul, MAP_ATTRIBUTES, 64);
	map_of("attributes", 0, 0, MAP_ATTRIBUTES, 64);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES | 8, 64);
	R(fremovexattr(fd, "user.small"));
	fsync(fd);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES, 64);
	R(fremovexattr(fd, "user.large"));
	fsync(fd);
	map_of("attributes", 0, -1ul, MAP_ATTRIBUTES, 64);
	map_of(".", 0, -1ul, MAP_ATTRIBUTES, 64);
	close(fd);
	unlink("attributes");
}

static void fiemap(void)
{
	int fd;

	map_of("empty", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of("data", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of("data", 0, -1ul, 0, 64);
	map_of("data", 0, -1ul, MAP_SYNC_FIRST, 0);
	map_of("mixed", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of("mixed", 0, -1ul, MAP_SYNC_FIRST, 1);
	map_of("mixed", 0, -1ul, MAP_SYNC_FIRST, 2);
	map_of("mixed", 0, -1ul, MAP_SYNC_FIRST, 0);
	map_of("mixed", 9000, 10, MAP_SYNC_FIRST, 64);
	map_of("mixed", 12288, 100, MAP_SYNC_FIRST, 64);
	map_of("mixed", 12288, 80000, MAP_SYNC_FIRST, 64);
	map_of("mixed", 1 << 20, 80000, MAP_SYNC_FIRST, 64);
	map_of("mixed", 0, 0, MAP_SYNC_FIRST, 64);
	map_of("mixed", -1ul, 1, MAP_SYNC_FIRST, 64);
	map_of("mixed", 1ul << 50, 1, MAP_SYNC_FIRST, 64);
	map_of("mixed", 0, -1ul, 0x80000000u, 64);
	map_of("reserved", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of(".", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of("/tmp/t", 0, -1ul, MAP_SYNC_FIRST, 64);
	map_of("data", 0, -1ul, 0, -1u);
	fd = open("data", O_RDONLY);
	R(ioctl(fd, IOC_FIEMAP, NULL));
	close(fd);
	attributes();
}

int main(void)
{
	char memory[160];

	memset(page, 'd', sizeof(page));
	disk_enter();
	files(".", true);
	fiemap();
	snprintf(memory, sizeof(memory), "/tmp/memory");
	NEED(mkdir(memory, 0755) == 0);
	files(memory, false);
	put_text("/tmp/t", "x");
	map_of("/tmp/t", 0, -1ul, 0, 64);
	return 0;
}
