/* cat [FILE ...]: files, or standard input, to standard output. */
#include "common/util.h"

int main(int argc, char **argv)
{
	int status = 0;

	if (argc == 1 && copy_all(0, 1) < 0)
		return fail("cat", "standard input");
	for (int i = 1; i < argc; i++) {
		int fd = strcmp(argv[i], "-") ? open(argv[i], O_RDONLY) : 0;

		if (fd < 0 || copy_all(fd, 1) < 0)
			status = fail("cat", argv[i]);
		if (fd > 0)
			close(fd);
	}
	return status;
}
