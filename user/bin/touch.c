/* touch FILE ...: make what is missing. */
#include "common/util.h"

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_WRONLY | O_CREAT, 0666);

		if (fd < 0)
			status = fail("touch", argv[i]);
		else
			close(fd);
	}
	return status;
}
