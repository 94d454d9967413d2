/* rm [-r] PATH ... */
#include "common/util.h"

#include <dirent.h>
#include <sys/stat.h>

static int recursive;

static int remove_one(const char *path)
{
	char inner[1024];
	struct dirent *e;
	struct stat st;
	int status = 0;
	DIR *dir;

	if (lstat(path, &st) < 0)
		return fail("rm", path);
	if (!S_ISDIR(st.st_mode))
		return unlink(path) < 0 ? fail("rm", path) : 0;
	if (!recursive) {
		errno = EISDIR;
		return fail("rm", path);
	}
	dir = opendir(path);
	if (!dir)
		return fail("rm", path);
	while ((e = readdir(dir)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		status |= remove_one(inner);
	}
	closedir(dir);
	return rmdir(path) < 0 ? fail("rm", path) : status;
}

int main(int argc, char **argv)
{
	int status = 0, option;

	while ((option = getopt(argc, argv, "rf")) >= 0 && option != '?')
		recursive |= option == 'r';
	for (; optind < argc; optind++)
		status |= remove_one(argv[optind]);
	return status;
}
