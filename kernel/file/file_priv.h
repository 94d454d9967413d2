/* What the descriptor table offers to the calls in this folder. */
#ifndef FILE_FILE_PRIV_H
#define FILE_FILE_PRIV_H

#include "file/file.h"

int fd_set_cloexec(int fd, bool on);
int fd_replace(int to, struct file *f, bool cloexec);
void fd_close_range(u32 first, u32 last, bool mark_only);

#endif
