/* The kernel's log as a stream that is read once: syslog(2) type 2 and /proc/kmsg. */
#ifndef LINUX_SYSLOG_H
#define LINUX_SYSLOG_H

#include "file/file.h"

/* Whole or partial records, oldest first: bytes; -EAGAIN without `wait` when there are none, -ERESTARTSYS, -EFAULT. May sleep. */
ssize_t syslog_read(struct uio *to, bool wait);
bool syslog_has_more(void);

#endif
