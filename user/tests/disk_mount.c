/* stage: 10; libc: musl; run: scenario
 * Mounts the disk and unmounts it: what its journal holds is at its place then. */
#include "disk.h"

int main(void)
{
	mount_it();
	must(umount("/m") == 0, "umount");
	say("done\n");
	return 0;
}
