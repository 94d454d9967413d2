/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Loop devices: getting one, giving it a file, what it says of itself, reading and writing through it, a file system on it, losing the file. */
#include "ext4.h"

struct loop_info {
	unsigned long device, inode, rdevice, offset, sizelimit;
	unsigned number, encrypt_type, encrypt_key_size, flags;
	char file_name[64], crypt_name[64];
	unsigned char encrypt_key[32];
	unsigned long init[2];
};
struct loop_config {
	unsigned fd, block_size;
	struct loop_info info;
	unsigned long reserved[8];
};
enum { SET_FD = 0x4c00, CLR_FD = 0x4c01, SET_STATUS64 = 0x4c04, GET_STATUS64 = 0x4c05, SET_CAPACITY = 0x4c07, SET_BLOCK_SIZE = 0x4c09, CONFIGURE = 0x4c0a, CTL_GET_FREE = 0x4c82 };
enum { FLAG_READ_ONLY = 1, FLAG_AUTOCLEAR = 4 };
#define GETSIZE64 0x80081272ul
#define SIZE (1 << 20)

static char page[8192];
static char name[32];

static int take_free(int flags)
{
	int control = open("/dev/loop-control", O_RDWR), n;

	NEED(control >= 0 && (n = ioctl(control, CTL_GET_FREE)) >= 0);
	close(control);
	snprintf(name, sizeof(name), "/dev/loop%d", n);
	NEED((n = open(name, flags)) >= 0);
	return n;
}

static void show(int loop)
{
	struct loop_info info;
	unsigned long size = 0;

	memset(&info, 0xee, sizeof(info));
	if (ioctl(loop, GET_STATUS64, &info) < 0)
		say("status: %s", errname(errno));
	else
		say("status: offset %lu, limit %lu, flags %u, name %.64s, same number: %d", info.offset, info.sizelimit, info.flags, info.file_name, (int)info.number == atoi(name + 9));
	ioctl(loop, GETSIZE64, &size);
	say(", %lu bytes\n", size);
}

static void on_a_file(void)
{
	struct loop_info info;
	int fd, loop = take_free(O_RDWR), other;

	show(loop);
	R(pread(loop, page, 512, 0));
	R(ioctl(loop, CLR_FD));
	R(ioctl(loop, SET_FD, 99));
	fd = open(".", O_RDONLY);
	R(ioctl(loop, SET_FD, fd));
	close(fd);
	fd = open("/dev/null", O_RDWR);
	R(ioctl(loop, SET_FD, fd));
	close(fd);
	R(ioctl(loop, SET_FD, loop));
	fd = open("image", O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < SIZE / 8192; i++) {
		memset(page, 'a' + i % 26, sizeof(page));
		NEED(write(fd, page, sizeof(page)) == sizeof(page));
	}
	R(ioctl(loop, SET_FD, fd));
	R(ioctl(loop, SET_FD, fd));
	show(loop);
	R(pread(loop, page, 100, 8192 * 3 - 50));
	T(page[0] == 'c' && page[99] == 'd');
	R(pwrite(loop, "through the loop", 16, 10000));
	R(fsync(loop));
	R(pread(fd, page, 16, 10000));
	T(memcmp(page, "through the loop", 16) == 0);
	R(pwrite(loop, page, 512, SIZE - 100));
	R(pwrite(loop, page, 512, SIZE));
	R(pread(loop, page, 512, SIZE));
	memset(&info, 0, sizeof(info));
	strcpy(info.file_name, "its name");
	info.offset = 8192;
	info.sizelimit = 100000;
	R(ioctl(loop, SET_STATUS64, &info));
	show(loop);
	R(pread(loop, page, 16, 10000 - 8192));
	T(memcmp(page, "through the loop", 16) == 0);
	info.encrypt_type = 1;
	R(ioctl(loop, SET_STATUS64, &info));
	info.encrypt_type = 0;
	info.offset = info.sizelimit = 0;
	R(ioctl(loop, SET_STATUS64, &info));
	NEED(ftruncate(fd, SIZE / 2) == 0);
	show(loop);
	R(ioctl(loop, SET_CAPACITY, 0));
	show(loop);
	R(ioctl(loop, SET_BLOCK_SIZE, 1000));
	R(ioctl(loop, GET_STATUS64, NULL));
	R(ioctl(loop, SET_STATUS64, NULL));
	/* One that is open elsewhere goes with its last user. */
	other = open(name, O_RDONLY);
	R(ioctl(loop, CLR_FD));
	show(loop);
	close(other);
	show(loop);
	close(loop);
	loop = open(name, O_RDWR);
	show(loop);
	NEED(ftruncate(fd, SIZE) == 0);
	R(ioctl(loop, SET_FD, fd));
	R(ioctl(loop, CLR_FD));
	show(loop);
	close(loop);
	close(fd);
	fd = open("image", O_RDONLY);
	loop = open(name, O_RDWR);
	R(ioctl(loop, SET_FD, fd));
	show(loop);
	R(pwrite(loop, page, 512, 0));
	R(ioctl(loop, CLR_FD));
	close(loop);
	close(fd);
}

static void with_file_system(void)
{
	struct loop_config c;
	struct stat st;
	int fd, loop;

	disk_leave();
	memset(&c, 0, sizeof(c));
	fd = open(DISK, O_RDWR);
	c.fd = (unsigned)fd;
	c.info.flags = FLAG_AUTOCLEAR;
	strcpy(c.info.file_name, DISK);
	loop = take_free(O_RDWR);
	c.block_size = 1000;
	R(ioctl(loop, CONFIGURE, &c));
	c.block_size = 512;
	R(ioctl(loop, CONFIGURE, NULL));
	R(ioctl(loop, CONFIGURE, &c));
	close(fd);
	show(loop);
	R(mount(name, disk_top, "ext4", 0, ""));
	close(loop);
	R(chdir(disk_place));
	for (int i = 0; i < 50; i++) {
		snprintf(page, sizeof(page), "file%d", i);
		put_file(page, page, sizeof(page));
	}
	T(stat("file49", &st) == 0 && st.st_size == (long)sizeof(page));
	fd = open("file49", O_RDONLY);
	R(fsync(fd));
	close(fd);
	loop = open(name, O_RDONLY);
	show(loop);
	close(loop);
	R(chdir("/"));
	R(umount(disk_top));
	loop = open(name, O_RDONLY);
	show(loop);
	close(loop);
	R(mount(DISK, disk_top, "ext4", 0, ""));
	R(chdir(disk_place));
	fd = open("file49", O_RDONLY);
	R(read(fd, page, sizeof(page)));
	T(strcmp(page, "file49") == 0);
	close(fd);
}

int main(void)
{
	disk_enter();
	on_a_file();
	with_file_system();
	return 0;
}
