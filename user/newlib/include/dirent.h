/* Folders: newlib's own <dirent.h> is for systems that it knows. */
#ifndef SWITCHBACK_DIRENT_H
#define SWITCHBACK_DIRENT_H

#include <stdint.h>

enum { DT_UNKNOWN = 0, DT_FIFO = 1, DT_CHR = 2, DT_DIR = 4, DT_BLK = 6, DT_REG = 8, DT_LNK = 10, DT_SOCK = 12 };

struct dirent {
	uint64_t d_ino;
	unsigned char d_type;		/* DT_* */
	char d_name[256];
};

typedef struct DIR DIR;

DIR *opendir(const char *path);
struct dirent *readdir(DIR *dir);
void rewinddir(DIR *dir);
int dirfd(DIR *dir);
int closedir(DIR *dir);

#endif
