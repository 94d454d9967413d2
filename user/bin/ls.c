/* ls [-a] [-l] [PATH ...]: folders, sorted. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int all, detailed, status;

static void print_mode(mode_t mode)
{
	static const char types[] = "?pc?d?b?-?l?s???";
	char text[11];

	text[0] = types[(mode >> 12) & 15];
	for (int i = 0; i < 9; i++)
		text[1 + i] = (mode >> (8 - i)) & 1 ? "rwxrwxrwx"[i] : '-';
	if (mode & S_ISUID)
		text[3] = mode & 0100 ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & 0010 ? 's' : 'S';
	if (mode & 01000)
		text[9] = mode & 0001 ? 't' : 'T';
	text[10] = '\0';
	printf("%s", text);
}

static void print_entry(const char *path, const char *name)
{
	struct stat st;
	char when[32] = "", target[256];

	if (!detailed) {
		printf("%s\n", name);
		return;
	}
	if (lstat(path, &st) < 0) {
		fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
		status = 1;
		return;
	}
	print_mode(st.st_mode);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", gmtime(&st.st_mtime));
	printf(" %3d %5d %5d", (int)st.st_nlink, (int)st.st_uid, (int)st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf("  %3d,%3d", (st.st_rdev >> 8) & 255, st.st_rdev & 255);
	else
		printf(" %8ld", (long)st.st_size);
	printf(" %s %s", when, name);
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (n >= 0)
			printf(" -> %.*s", (int)n, target);
	}
	printf("\n");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char **names = NULL, full[1024];
	size_t count = 0, room = 0;
	struct dirent *e;
	DIR *dir = opendir(path);

	if (!dir) {
		if (errno == ENOTDIR) {
			print_entry(path, path);
			return;
		}
		fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
		status = 1;
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' && !all)
			continue;
		if (count == room) {
			char **more = realloc(names, (room = room ? room * 2 : 64) * sizeof(*names));

			if (!more)
				break;
			names = more;
		}
		names[count] = strdup(e->d_name);
		if (names[count])
			count++;
	}
	closedir(dir);
	qsort(names, count, sizeof(*names), compare);
	for (size_t i = 0; i < count; i++) {
		snprintf(full, sizeof(full), "%s/%s", path, names[i]);
		print_entry(full, names[i]);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	int option, many;

	while ((option = getopt(argc, argv, "al")) >= 0) {
		if (option == '?')
			return 2;
		all |= option == 'a';
		detailed |= option == 'l';
	}
	many = argc - optind > 1;
	if (optind == argc)
		list(".");
	for (; optind < argc; optind++) {
		if (many)
			printf("%s:\n", argv[optind]);
		list(argv[optind]);
	}
	return status;
}
