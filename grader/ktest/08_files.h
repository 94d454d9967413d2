/* Stage 08's tests work in a file system of their own, a tmpfs mounted on /ktest. */
#ifndef KTEST_08_FILES_H
#define KTEST_08_FILES_H

#include "vfs/vfs.h"

#define TOP "/ktest"

bool files_begin(const char *options); /* mounts it */
void files_end(void);                  /* takes it away; a check fails if it is still in use */
int walk_from(int dirfd, const char *name, u32 flags); /* of path_lookup, whose place is let go */
struct kstat stat_of(const char *name);               /* zeroes if it is not there; a link itself */
int make_file(const char *name, const char *text); /* 0 or -errno */

#endif
