/* ln [-s] TARGET NAME */
#include "common/util.h"

int main(int argc, char **argv)
{
	int soft = argc > 1 && !strcmp(argv[1], "-s");

	if (argc != 3 + soft) {
		fprintf(stderr, "usage: ln [-s] TARGET NAME\n");
		return 2;
	}
	argv += soft;
	return (soft ? symlink(argv[1], argv[2]) : link(argv[1], argv[2])) < 0 ? fail("ln", argv[2]) : 0;
}
