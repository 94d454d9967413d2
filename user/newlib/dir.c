/* Reading folders: opendir and its kin on getdents64, which newlib leaves to its host. */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct DIR {
	int fd;
	int used, filled;		/* bytes of buffer: given out, and got from the kernel */
	struct dirent entry;		/* what readdir() points to */
	char buffer[4096] __attribute__((aligned(8)));
};

DIR *opendir(const char *path)
{
	DIR *dir = malloc(sizeof(*dir));

	if (!dir)
		return NULL;
	dir->used = dir->filled = 0;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0) {
		free(dir);
		return NULL;
	}
	return dir;
}

struct dirent *readdir(DIR *dir)
{
	const struct linux_dirent *from;

	if (dir->used >= dir->filled) {
		long got = LINUX3(getdents64, dir->fd, dir->buffer, sizeof(dir->buffer));

		if (got <= 0)
			return NULL;
		dir->used = 0;
		dir->filled = (int)got;
	}
	from = (const struct linux_dirent *)(dir->buffer + dir->used);
	dir->used += from->reclen;
	dir->entry.d_ino = from->ino;
	dir->entry.d_type = from->type;
	strncpy(dir->entry.d_name, from->name, sizeof(dir->entry.d_name) - 1);
	dir->entry.d_name[sizeof(dir->entry.d_name) - 1] = '\0';
	return &dir->entry;
}

void rewinddir(DIR *dir)
{
	lseek(dir->fd, 0, SEEK_SET);
	dir->used = dir->filled = 0;
}

int dirfd(DIR *dir)
{
	return dir->fd;
}

int closedir(DIR *dir)
{
	int result = close(dir->fd);

	free(dir);
	return result;
}
