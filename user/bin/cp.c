/* cp FROM TO: one file; TO may be a folder. */
#include "common/util.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
	char target[1024];
	const char *slash;
	struct stat st;
	int from, to;

	if (argc != 3) {
		fprintf(stderr, "usage: cp FROM TO\n");
		return 2;
	}
	from = open(argv[1], O_RDONLY);
	if (from < 0 || fstat(from, &st) < 0)
		return fail("cp", argv[1]);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail("cp", argv[1]);
	}
	snprintf(target, sizeof(target), "%s", argv[2]);
	{
		struct stat other;

		if (stat(argv[2], &other) == 0 && S_ISDIR(other.st_mode)) {
			slash = strrchr(argv[1], '/');
			snprintf(target, sizeof(target), "%s/%s", argv[2], slash ? slash + 1 : argv[1]);
		}
	}
	to = open(target, O_WRONLY | O_CREAT | O_TRUNC, st.st_mode & 0777);
	if (to < 0 || copy_all(from, to) < 0 || close(to) < 0)
		return fail("cp", target);
	return 0;
}
