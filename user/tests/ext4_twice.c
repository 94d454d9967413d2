/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * The same file system a second time: elsewhere it may be mounted, in the same place it is busy; a bind mount may be there, or another file system, and the same on top of that. */
#include "ext4.h"

int main(void)
{
	t_dir();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount(DISK, "a", "ext4", 0, NULL));
	R(mount(DISK, "a", "ext4", 0, NULL));
	R(mount(DISK, "a", "ext4", MS_RDONLY, NULL));
	R(mkdir("a/sub", 0755));
	R(mount(DISK, "a/sub", "ext4", 0, NULL));
	R(umount("a/sub"));
	R(rmdir("a/sub"));
	R(mount(DISK, "b", "ext4", 0, NULL));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(mount(DISK, "b", "ext4", 0, NULL));
	R(umount("b"));
	R(mount("t", "a", "tmpfs", 0, NULL));
	R(mount("t", "a", "tmpfs", 0, NULL));
	R(mount(DISK, "a", "ext4", 0, NULL));
	for (int n = 0; n < 5; n++)
		R(umount("a"));
	R(umount("b"));
	R(umount("b"));
	return 0;
}
