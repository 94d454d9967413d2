/* POSIX message queues: between mqueue.c (sending, receiving, telling) and mqueuefs.c (names, files). */
#ifndef IPC_MQUEUE_PRIV_H
#define IPC_MQUEUE_PRIV_H

#include "abi/ipc.h"
#include "lib/rbtree.h"
#include "message_priv.h"
#include "proc/proc.h"
#include "vfs/vfs.h"

struct mqueue {
	struct spinlock lock;
	u32 max_messages;
	u32 max_size;              /* of a message */
	u32 count;                 /* lock, all below too */
	u64 bytes;
	struct rbtree messages;    /* struct message.node: the first is of the highest priority, and of those the oldest */
	struct list receivers;     /* struct mq_waiter, the most urgent thread first */
	struct list senders;
	/* Who wants to be told when a message comes into the empty queue. */
	struct process *notify;    /* counted; NULL: nobody */
	int notify_how, notify_signo;
	u64 notify_value;
	struct mq_cookie *notify_cookie; /* SIGEV_THREAD: ours; else NULL */
	struct wait_queue wait;    /* poll */
	struct user_account *user; /* whom it is counted for; counted. Constant */
	u64 charged;
};
extern const struct file_ops mqueue_file_ops;
static inline struct mqueue *mqueue_of(const struct file *f) { return f->inode->private; }
void mqueue_free(struct mqueue *q);
/* A process lets its wish to be told go, if it has one. */
void mqueue_forget_notify(struct mqueue *q, const struct process *p);

#endif
