/* ps: the processes that /proc shows. */
#include "common/util.h"

#include <dirent.h>

static void show(const char *pid)
{
	char path[300], text[1024], *name, *rest;
	int fd, got, parent = 0;
	char state = '?';

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;			/* it has gone meanwhile */
	got = (int)read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return;
	text[got] = '\0';
	/* The name stands in parentheses and may hold anything, so its end is the last one. */
	name = strchr(text, '(');
	rest = strrchr(text, ')');
	if (!name || !rest)
		return;
	*rest = '\0';
	sscanf(rest + 1, " %c %d", &state, &parent);
	printf("%5s %5d %c %s\n", pid, parent, state, name + 1);
}

int main(void)
{
	struct dirent *e;
	DIR *dir = opendir("/proc");

	if (!dir)
		return fail("ps", "/proc");
	printf("  PID  PPID S NAME\n");
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			show(e->d_name);
	closedir(dir);
	return 0;
}
