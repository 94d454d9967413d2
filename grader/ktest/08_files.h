/* Stage 08's tests work in a file system of their own, a tmpfs mounted on /ktest. */
#ifndef KTEST_08_FILES_H
#define KTEST_08_FILES_H

#include "core/types.h"

#define TOP "/ktest"

bool files_begin(const char *options); /* mounts it */
void files_end(void);                  /* takes it away; a check fails if it is still in use */
int make_file(const char *name, const char *text); /* 0 or -errno */

#endif
