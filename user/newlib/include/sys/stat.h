/* newlib declares lstat() only for systems that it knows. */
#ifndef SWITCHBACK_SYS_STAT_H
#define SWITCHBACK_SYS_STAT_H

#include_next <sys/stat.h>

int lstat(const char *__restrict path, struct stat *__restrict st);

#endif
