/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Read-only and back: who is in the way, through whatever mount; how large a file may be, and what is behind its end. */
#include "ext4.h"

#define LARGEST (((1l << 32) - 1) << 12)

int main(void)
{
	char other[160];
	int fd;

	disk_enter();
	snprintf(other, sizeof(other), "%s.other", disk_top);
	NEED(mkdir(other, 0755) == 0 && mount(disk_top, other, NULL, MS_BIND, NULL) == 0);
	fd = open("f", O_RDWR | O_CREAT, 0644);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(mount(NULL, other, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(mount(NULL, other, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R((int)write(fd, "x", 1));
	R(ftruncate(fd, LARGEST + 1));
	R(ftruncate(fd, LARGEST));
	R((int)pwrite(fd, "yz", 2, LARGEST - 1));
	R((int)pwrite(fd, "z", 1, LARGEST));
	R((int)lseek(fd, 4096, SEEK_DATA) == -1);
	/* Space behind the end of a file of holes goes when it is cut to what it is. */
	R(ftruncate(fd, 1 << 20));
	R(fallocate(fd, FA_KEEP_SIZE, 1 << 20, 8192));
	T(disk_blocks("f") >= 2);
	R(ftruncate(fd, 1 << 20));
	R((int)disk_blocks("f"));
	R(ftruncate(fd, 1));
	close(fd);
	fd = open("f", O_RDONLY);
	R(unlink("f"));
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	close(fd);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(mkdir("d", 0755));
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, NULL));
	R(mkdir("d", 0755));
	R(rmdir("d"));
	R(umount(other));
	disk_leave();
	return 0;
}
