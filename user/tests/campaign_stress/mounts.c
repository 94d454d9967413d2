/* Mounts: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <sys/mount.h>

/* Mounts come and go while files in them are open. */
void storm_mounts(int me)
{
	char place[64], file[80];

	snprintf(place, sizeof(place), "/tmp/m%d", me);
	snprintf(file, sizeof(file), "%s/file", place);
	mkdir(place, 0755);
	while (going(me)) {
		int fd;

		if (mount("t", place, below(6) ? "tmpfs" : "proc", 0, NULL) < 0)
			mistake("mount");
		fd = open(file, O_RDWR | O_CREAT, 0644);
		if (fd >= 0) {
			write(fd, "contents", 8);
			if (umount(place) == 0)
				mistake("umount of what is in use");
			if (below(2)) {
				umount2(place, MNT_DETACH);
				if (write(fd, "more", 4) != 4)
					mistake("write after a detach");
			}
			close(fd);
		}
		if (below(4) == 0)
			mount("/tmp", place, NULL, MS_BIND | (below(2) ? MS_REC : 0), NULL);
		for (int i = 0; i < 20 && umount2(place, MNT_DETACH) == 0; i++)
			;
	}
}
