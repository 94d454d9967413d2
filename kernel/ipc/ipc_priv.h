/* Between the files of ipc/. */
#ifndef IPC_PRIV_H
#define IPC_PRIV_H

#include "abi/errno.h"
#include "abi/time.h"
#include "core/node.h"
#include "file/file.h"
#include "ipc/ipc.h"
#include "time/time.h"
#include "usermode/uaccess.h"

/* 0, or -EINVAL for a time that is negative or has too many nanoseconds. Saturates at INT64_MAX. */
static inline int timespec_ns(const struct abi_timespec *ts, u64 *ns)
{
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	*ns = (u64)ts->sec >= INT64_MAX / NSEC_PER_SEC ? INT64_MAX : (u64)ts->sec * NSEC_PER_SEC + ts->nsec;
	return 0;
}
/* now + ns, saturating at INT64_MAX. */
static inline u64 deadline_after(u64 ns)
{
	u64 now = time_ns();
	return ns >= INT64_MAX - now ? INT64_MAX : now + ns;
}

/* --- the core of poll and select (poll.c) --- */
struct poll_item {
	struct fdref ref;   /* file NULL: ignored */
	u32 events;         /* wanted */
	u32 revents;        /* what came true */
};
/* Waits until an item's events come true: how many items have revents (0: the deadline passed), or -EINTR, -ENOMEM. deadline 0: does not wait. */
long poll_wait_items(struct poll_item *items, u32 n, u64 deadline);

/* --- limits in /proc/sys (limits.c) --- */
struct ipc_limit {
	u64 value; /* read with READ_ONCE */
	u64 least, most;
};
int ipc_limit_show(struct seq *s);
ssize_t ipc_limit_store(void *limit, const char *text, size_t len);
/* IPC_LIMIT(limit_x, "kernel/x", start, least, most) defines it and its file. */
#define IPC_LIMIT(ident, where, start, low, high) \
	struct ipc_limit ident = { (start), (low), (high) }; \
	NODE(ident, .path = "sys/" where, .mode = 0644, .show = ipc_limit_show, .arg = &(ident), .store_arg = ipc_limit_store)

/* --- a thread that waits for a queue (wait_turn.c): its waker takes it off the list and says why, under the lock that guards the list --- */
struct ipc_waiter {
	struct list link;
	struct thread *thread;
	bool waiting; /* until the waker clears it */
	long result;
};
static inline void ipc_waiter_init(struct ipc_waiter *w) { *w = (struct ipc_waiter){ .thread = current, .waiting = true }; }
/*
 * Sleeps until it is woken; `lock` is held on entry and on return, not in between. The waker's result, or -ETIMEDOUT or -ERESTARTSYS (then it was still
 * on its list, and is taken off). w may lie on the stack: a waker is done with it before it gives the lock back.
 */
long ipc_wait(struct spinlock *lock, struct ipc_waiter *w, u64 deadline);
/* Lock held. */
void ipc_wake(struct ipc_waiter *w, long result);

/* lseek of files that have a position, but nothing at it (Linux lets it pass). */
s64 ipc_no_lseek(struct file *f, s64 off, int whence);
/* A new descriptor for an anonymous file of this class; takes care of all errors. */
long ipc_new_fd(const char *class_name, const struct file_ops *ops, u32 flags, bool cloexec, void *private);

#endif
