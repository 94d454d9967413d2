/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * A file system that was not unmounted, mounted with noload: its journal is left alone, and nobody writes. */
#include "ext4.h"
#include <sys/klog.h>

enum { SET_FD = 0x4c00, CLR_FD = 0x4c01, CTL_GET_FREE = 0x4c82 };

static char loop_name[32], chunk[65536] __attribute__((aligned(8))), top[128];

/* Does the image say that its journal has to be replayed? */
static int needs_recovery(const char *image)
{
	unsigned char flags;
	int fd = open(image, O_RDONLY);

	NEED(fd >= 0 && pread(fd, &flags, 1, 1024 + 96) == 1);
	close(fd);
	return (flags & 4) != 0;
}

/* The disk as it is while it is mounted. */
static void copy_disk(const char *image)
{
	int from = open(DISK, O_RDONLY), to = open(image, O_RDWR | O_CREAT, 0644);
	long at = 0, n;

	NEED(from >= 0 && to >= 0);
	while ((n = read(from, chunk, sizeof(chunk))) > 0) {
		int zero = 1;

		for (long k = 0; k < n && zero; k += 8)
			zero = !*(const unsigned long *)(chunk + k); /* the disk is whole blocks */
		NEED(zero || pwrite(to, chunk, (size_t)n, at) == n);
		at += n;
	}
	NEED(ftruncate(to, at) == 0);
	close(from);
	close(to);
}

static int attach(const char *image)
{
	int control = open("/dev/loop-control", O_RDWR), fd = open(image, O_RDWR), loop, n;

	NEED(control >= 0 && fd >= 0 && (n = ioctl(control, CTL_GET_FREE)) >= 0);
	snprintf(loop_name, sizeof(loop_name), "/dev/loop%d", n);
	NEED((loop = open(loop_name, O_RDWR)) >= 0 && ioctl(loop, SET_FD, fd) == 0);
	close(control);
	close(fd);
	return loop;
}

static void show_mount(void)
{
	char line[512];
	FILE *f = fopen("/proc/mounts", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, top))
			say("told: %s\n", strstr(line, "norecovery") ? "norecovery" : "nothing");
	if (f)
		fclose(f);
}

static void try_mount(const char *image, unsigned long flags, const char *options)
{
	int err = mount(loop_name, top, "ext4", flags, options) ? errno : 0;

	say("%s, \"%s\": %s\n", flags & MS_RDONLY ? "read-only" : "writable", options, errname(err));
	if (!err) {
		show_mount();
		R(mkdir("/tmp/noload.top/made", 0755) == 0 ? rmdir("/tmp/noload.top/made") : -1);
		R(umount(top));
	}
	say("needs recovery: %d\n", needs_recovery(image));
}

int main(void)
{
	char image[128];
	int loop;

	snprintf(image, sizeof(image), "/tmp/noload.image");
	snprintf(top, sizeof(top), "/tmp/noload.top");
	NEED((mkdir("/tmp", 0777) == 0 || errno == EEXIST) && mkdir(top, 0755) == 0);
	disk_enter();
	put_file("file", "kept", 4);
	sync();
	copy_disk(image);
	disk_leave();
	say("needs recovery: %d\n", needs_recovery(image));
	loop = attach(image);
	klogctl(6, NULL, 0); /* the console is for what this prints */
	try_mount(image, 0, "noload");
	try_mount(image, MS_RDONLY, "noload");
	try_mount(image, MS_RDONLY, "norecovery");
	try_mount(image, MS_RDONLY, "");
	try_mount(image, 0, "noload");
	klogctl(7, NULL, 0);
	NEED(ioctl(loop, CLR_FD) == 0);
	close(loop);
	unlink(image);
	rmdir(top);
	return 0;
}
