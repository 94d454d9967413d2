/* What kcmp asks of an epoll. */
#ifndef IPC_EPOLL_PRIV_H
#define IPC_EPOLL_PRIV_H

#include "file/file.h"

/* The file that epoll `f` watches under the number fd, only to be compared; of several the one after `skip` others. ERR_PTR(-EINVAL): f is no epoll; -ENOENT. */
const void *epoll_watched(struct file *f, int fd, u32 skip);

#endif
