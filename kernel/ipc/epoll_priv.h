/* epoll (epoll.c), the graph of epolls that watch epolls (epoll_graph.c), and what kcmp asks of one. */
#ifndef IPC_EPOLL_PRIV_H
#define IPC_EPOLL_PRIV_H

#include "file/file.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "sched/mutex.h"
#include "sched/wait.h"

struct epoll {
	struct mutex mutex;
	struct rbtree items;         /* mutex */
	struct spinlock lock;
	struct list ready;           /* lock */
	struct wait_queue waiters;   /* in epoll_wait */
	struct wait_queue pollers;   /* who polls the epoll's own descriptor */
	struct file *file;           /* epoll_mutex: its own, once it watches another epoll */
	u64 round;                   /* epoll_mutex: the last walk down that came by */
	struct user_account *user;   /* counted; has the items on its account */
	int below;                   /* epoll_mutex: how long the chains below are, as that walk found */
};

struct epoll_item {
	struct rbnode node;       /* ep->items */
	struct epoll *ep;
	struct file *file;        /* not counted */
	int fd;
	u32 events;               /* mutex; 0 but private bits: disarmed by ONESHOT */
	u64 data;
	bool ready;               /* set: ep->lock; cleared: ep->mutex, by the scan that took it off the list */
	struct list ready_link;   /* ep->lock, or the scan whose list it is on */
	struct epoll_item *again; /* ep->mutex: list of a scan */
	struct list file_link;    /* file->epoll_links: file->lock */
	struct item_wait *waits;
};

extern const struct file_ops epoll_ops;
/* Links between epolls change with it held, which also keeps epolls from ending. */
extern struct mutex epoll_mutex;

/* The file that epoll `f` watches under the number fd, only to be compared; of several the one after `skip` others. ERR_PTR(-EINVAL): f is no epoll; -ENOENT. */
const void *epoll_watched(struct file *f, int fd, u32 skip);

/* May ep, whose file is set, watch `below`, as far as the length of chains goes? epoll_mutex held. */
bool epoll_may_watch(struct epoll *ep, struct epoll *below);
/* A link to the epoll f was just made: are there now too many ways up for a wake-up, from there or from below? epoll_mutex held. */
bool epoll_is_crowded(struct file *f);

#endif
