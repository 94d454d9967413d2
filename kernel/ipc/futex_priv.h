/*
 * Futexes: waiting for a word in user memory to change.
 *
 * All waiters stand in a hash of queues by the identity of their word: for private memory (address space, address), for memory that several processes map
 * (frame, offset), since they see it at different addresses. The frame is held while somebody waits, so that it stays the same one.
 */
#ifndef IPC_FUTEX_PRIV_H
#define IPC_FUTEX_PRIV_H

#include "core/spinlock.h"
#include "ipc/ipc.h"
#include "lib/list.h"
#include "usermode/uaccess.h"

struct futex_key {
	u64 object; /* struct aspace * or struct frame * */
	u64 offset;
	struct frame *frame; /* held; NULL for private words */
};
struct futex_bucket {
	struct spinlock lock;
	struct list waiters; /* lock */
} __aligned(64);
struct futex_waiter {
	struct list link;            /* bucket->lock */
	struct futex_key key;        /* bucket->lock: a requeue changes it */
	struct futex_bucket *bucket; /* changes under the locks of both buckets */
	struct thread *thread;
	u32 bitset;                  /* which wake-ups it listens to */
	bool queued;                 /* bucket->lock; false: somebody woke it. So before it is woken: it may look without the lock */
};
#define FUTEX_BITSET_ALL 0xffffffffu

/* Given (ipc/futex_key.c). 0, -EINVAL (not aligned), -EFAULT. `shared` false: the caller promises that only this process uses the word. */
int futex_key_get(u32 __user *word, bool shared, struct futex_key *key);
void futex_key_put(struct futex_key *key);
static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b) { return a->object == b->object && a->offset == b->offset; }
struct futex_bucket *futex_bucket(const struct futex_key *key);
/* Reads the word without faulting it in (under a spinlock): 0 or -EFAULT. */
int futex_read(u32 *value, const u32 __user *word);
void futex_init(void);
/* Locks the bucket that w is in, or was in last. */
struct futex_bucket *futex_lock_waiter(struct futex_waiter *w);

/* Given (ipc/futex_calls.c). The user's time as a point of time: 0, -EFAULT, -EINVAL. */
int futex_deadline(const void __user *timeout, bool relative, bool realtime, u64 *deadline);

/*
 * Student's (ipc/futex.c).
 * Sleeps while *word is `expected`, until woken: 0; -EAGAIN if it is not; -EFAULT; -ETIMEDOUT at the deadline (a point of time, TIME_NEVER: none);
 * -ERESTARTSYS when a signal came.
 */
long futex_wait(u32 __user *word, bool shared, u32 expected, u32 bitset, u64 deadline);
/* Wakes up to n waiters of the word whose bitset has a bit in common: how many; -EFAULT, -EINVAL. */
long futex_wake(u32 __user *word, bool shared, u32 n, u32 bitset);

#endif
