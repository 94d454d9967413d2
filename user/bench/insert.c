/* stage: 12; libc: musl; run: guest
 * insert FILE...: loads modules of a kernel that has some, one after the other. Debian's image has no program for that. */
#include "bench.h"
#include <fcntl.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);

		NEED(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0);
		close(fd);
	}
	return 0;
}
