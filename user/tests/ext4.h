/* For tests on the disk that the runner's machine has (`disk: ext4` in the head comment): an ext4, mounted on a folder of the test's own. */
#ifndef SWITCHBACK_TESTS_EXT4_H
#define SWITCHBACK_TESTS_EXT4_H

#include "t.h"
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

/* Of linux/falloc.h, linux/fs.h and linux/fiemap.h, which musl's compiler does not see. */
enum {
	FA_KEEP_SIZE = 1, FA_PUNCH_HOLE = 2, FA_NO_HIDE_STALE = 4, FA_COLLAPSE_RANGE = 8, FA_ZERO_RANGE = 16, FA_INSERT_RANGE = 32, FA_UNSHARE_RANGE = 64,
	MAP_SYNC_FIRST = 1, MAP_ATTRIBUTES = 2, EXTENT_INLINE = 0x200, EXTENT_LAST = 1, EXTENT_UNKNOWN = 2, EXTENT_DELAYED = 4, EXTENT_UNWRITTEN = 0x800,
};
struct trim_range {
	unsigned long start, len, minlen;
};
struct map_extent {
	unsigned long logical, physical, length, reserved64[2];
	unsigned flags, reserved[3];
};
struct map_request {
	unsigned long start, length;
	unsigned flags, mapped, count, reserved;
};
#define IOC_TRIM 0xc0185879ul
#define IOC_FIEMAP 0xc020660bul
#define IOC_DISCARD 0x1277ul
#define IOC_ZERO 0x127ful

#define DISK "/dev/vda"
#define DISK_BLOCK 4096l

UNUSED static char disk_top[128], disk_place[160];

/* The working directory is then a new folder on the disk. */
UNUSED static void disk_enter(void)
{
	snprintf(disk_top, sizeof(disk_top), "%s/disk", t_dir());
	snprintf(disk_place, sizeof(disk_place), "%s/%d", disk_top, getpid());
	NEED(mkdir(disk_top, 0755) == 0 && mount(DISK, disk_top, "ext4", 0, "") == 0);
	NEED(mkdir(disk_place, 0755) == 0 && chdir(disk_place) == 0);
}

/* What is only in memory is forgotten: unmounts and mounts again. */
UNUSED static void disk_again(void)
{
	NEED(chdir("/") == 0 && umount(disk_top) == 0 && mount(DISK, disk_top, "ext4", 0, "") == 0 && chdir(disk_place) == 0);
}

UNUSED static void disk_leave(void)
{
	NEED(chdir("/") == 0 && umount(disk_top) == 0);
}

/* Space that the file has, in blocks of the disk. */
UNUSED static long disk_blocks(const char *path)
{
	struct stat st;

	NEED(stat(path, &st) == 0);
	return (long)st.st_blocks * 512 / DISK_BLOCK;
}

#endif
