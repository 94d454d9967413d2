/* Names: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <dirent.h>

/* All in the same two folders. */
void storm_names(int me)
{
	char a[64], b[64], buffer[64];
	int fd;

	mkdir("/tmp/n", 0777);
	mkdir("/tmp/n/x", 0777);
	mkdir("/tmp/n/y", 0777);
	while (going(me)) {
		snprintf(a, sizeof(a), "/tmp/n/%c/%d", 'x' + (int)below(2), (int)below(8));
		snprintf(b, sizeof(b), "/tmp/n/%c/%d", 'x' + (int)below(2), (int)below(8));
		switch (below(10)) {
		case 0: rename(a, b); break;
		case 1: unlink(a); break;
		case 2: link(a, b); break;
		case 3: symlink(b, a); break;
		case 4: mkdir(a, 0777); break;
		case 5: rmdir(a); break;
		case 6: SYS(renameat2, AT_FDCWD, a, AT_FDCWD, b, 2); break;
		case 7: access(a, F_OK); break;
		case 8: {
			DIR *d = opendir(below(2) ? "/tmp/n/x" : "/tmp/n/y");

			while (d && readdir(d))
				;
			if (d)
				closedir(d);
			break;
		}
		default:
			fd = open(a, O_RDWR | O_CREAT, 0666);
			if (fd >= 0) {
				write(fd, "something", 9);
				pread(fd, buffer, sizeof(buffer), 0);
				ftruncate(fd, (off_t)below(100000));
				close(fd);
			}
		}
	}
}
