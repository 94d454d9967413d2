/* What stage 09 offers to later stages: futex wake, files for poll tables. */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "file/file.h"

struct process;

/* Wakes up to n waiters of the futex word at this address of current's memory: how many woke, or -EFAULT. */
long futex_wake_user(u32 __user *word, u32 n, bool private);
/* A pipe's two ends: 0 or -errno. flags: O_CLOEXEC is the caller's to use, O_NONBLOCK, O_DIRECT. */
int pipe_create(struct file *ends[2], u32 flags);

/* The process of an open directory of /proc, not counted; NULL if f is none: procfs sets it, for pidfd_send_signal. */
extern struct process *(*pidfd_of_directory)(struct file *f);

/*
 * How mq_notify tells a thread (SIGEV_THREAD): by a cookie of the user's that is sent into a socket; its last byte says why. socket/netlink.c sets the operations.
 */
#define MQ_COOKIE_SIZE 32
struct mq_cookie;
struct mq_cookie_ops {
	struct mq_cookie *(*make)(struct file *f, const u8 *data); /* for this socket: ERR_PTR(-ENOTSOCK, -EINVAL, -ENOMEM) */
	void (*send)(struct mq_cookie *c, u8 last);                /* it is gone then. May sleep */
	void (*drop)(struct mq_cookie *c);
};
extern const struct mq_cookie_ops *mq_cookie_ops;

#endif
