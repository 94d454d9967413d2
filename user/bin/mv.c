/* mv FROM TO */
#include "common/util.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
	char target[1024];
	struct stat st;

	if (argc != 3) {
		fprintf(stderr, "usage: mv FROM TO\n");
		return 2;
	}
	snprintf(target, sizeof(target), "%s", argv[2]);
	if (stat(argv[2], &st) == 0 && S_ISDIR(st.st_mode)) {
		const char *slash = strrchr(argv[1], '/');

		snprintf(target, sizeof(target), "%s/%s", argv[2], slash ? slash + 1 : argv[1]);
	}
	return rename(argv[1], target) < 0 ? fail("mv", argv[1]) : 0;
}
