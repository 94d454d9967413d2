/* mount [TYPE SOURCE PATH]: without words, what is mounted. */
#include "common/util.h"
#include "switchback.h"

int main(int argc, char **argv)
{
	if (argc == 1) {
		int fd = open("/proc/mounts", O_RDONLY);

		return fd < 0 || copy_all(fd, 1) < 0 ? fail("mount", "/proc/mounts") : 0;
	}
	if (argc != 4) {
		fprintf(stderr, "usage: mount TYPE SOURCE PATH\n");
		return 2;
	}
	return mount(argv[2], argv[3], argv[1], 0, NULL) < 0 ? fail("mount", argv[3]) : 0;
}
