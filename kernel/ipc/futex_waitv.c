/*
 * futex_waitv(2): waiting for one of many words.
 *
 * It is futex_wait (futex.c) with a waiter in as many queues as there are words. They are entered one after the other, each with the test of its word under
 * the lock of its bucket; a word that is not as expected ends the wait, but a waiter entered before may have been woken meanwhile, and a wake-up that was
 * taken must be answered for: then its index is the result.
 */
#include "futex_priv.h"

#include "abi/errno.h"
#include "core/atomic.h"
#include "ipc_priv.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "syscalls_gen.h"

#define WAITV_MAX 128u
#define FUTEX_32 2u
#define FUTEX_PRIVATE 128u

struct abi_futex_waitv {
	u64 value, word;
	u32 flags, reserved;
};
_Static_assert(sizeof(struct abi_futex_waitv) == 24, "Linux");

struct wait_one {
	struct futex_waiter waiter;
	u32 __user *word;
	u32 value, flags;
};

/* The words that the user names: 0, -EFAULT or -EINVAL. */
static int import(struct wait_one *all, u32 n, const struct abi_futex_waitv __user *from)
{
	struct abi_futex_waitv w;

	for (u32 i = 0; i < n; i++) {
		if (copy_from_user(&w, &from[i], sizeof(w)))
			return -EFAULT;
		if (w.flags & ~(FUTEX_32 | FUTEX_PRIVATE) || w.reserved || !(w.flags & FUTEX_32))
			return -EINVAL;
		all[i].word = (u32 __user *)w.word;
		all[i].value = (u32)w.value;
		all[i].flags = w.flags;
	}
	return 0;
}

static void put_keys(struct wait_one *all, u32 n)
{
	for (u32 i = 0; i < n; i++)
		futex_key_put(&all[i].waiter.key);
}

static int get_keys(struct wait_one *all, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct futex_waiter *w = &all[i].waiter;
		int err = futex_key_get(all[i].word, !(all[i].flags & FUTEX_PRIVATE), &w->key);
		if (err) {
			put_keys(all, i);
			return err;
		}
		w->thread = current;
		w->bitset = FUTEX_BITSET_ALL;
		w->bucket = futex_bucket(&w->key);
	}
	return 0;
}

/* Takes the first n off their queues: the last one that was woken, or -1. */
static long leave_all(struct wait_one *all, u32 n)
{
	long woken = -1;

	for (u32 i = 0; i < n; i++) {
		struct futex_waiter *w = &all[i].waiter;
		struct futex_bucket *b = futex_lock_waiter(w);
		if (w->queued)
			list_del(&w->link);
		else
			woken = i;
		w->queued = false;
		spin_unlock(&b->lock);
	}
	return woken;
}

/* Tests the word and enters its queue: 0, -EAGAIN if it has another value, -EFAULT if it cannot be read now. */
static int enter(struct wait_one *one)
{
	struct futex_bucket *b = one->waiter.bucket;
	u32 value;
	int err;

	spin_lock(&b->lock);
	err = futex_read(&value, one->word);
	if (!err && value != one->value)
		err = -EAGAIN;
	if (!err) {
		list_add_tail(&b->waiters, &one->waiter.link);
		one->waiter.queued = true;
	}
	spin_unlock(&b->lock);
	return err;
}

/* Into all queues, with the thread's state set to sleeping: -1; or an index that was woken already, or -errno below -1. */
static long enter_all(struct wait_one *all, u32 n)
{
	for (;;) {
		int err = 0;
		u32 i;
		atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
		for (i = 0; i < n && !err; i++)
			err = enter(&all[i]);
		if (!err)
			return -1;
		current->state = THREAD_RUNNABLE;
		u32 failed = i - 1;
		long woken = leave_all(all, failed);
		if (woken >= 0)
			return woken;
		if (err == -EAGAIN || fault_in_readable(all[failed].word, sizeof(u32)))
			return err;
	}
}

static bool all_wait(const struct wait_one *all, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (!READ_ONCE(all[i].waiter.queued))
			return false;
	return true;
}

static long wait_for_one(struct wait_one *all, u32 n, u64 deadline)
{
	bool in_time = true;
	long result = enter_all(all, n);

	if (result != -1)
		return result;
	while (all_wait(all, n) && in_time && !thread_interrupted()) {
		in_time = schedule_until(deadline);
		if (in_time)
			atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
	}
	current->state = THREAD_RUNNABLE;
	result = leave_all(all, n);
	if (result >= 0)
		return result;
	return in_time ? -ERESTARTSYS : -ETIMEDOUT;
}

long sys_futex_waitv(const void __user *waiters, unsigned n, unsigned flags, const void __user *timeout, int clock)
{
	u64 deadline = TIME_NEVER;
	struct wait_one *all;
	long result;

	if (flags || !n || n > WAITV_MAX || !waiters)
		return -EINVAL;
	if (timeout) {
		if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
			return -EINVAL;
		result = futex_deadline(timeout, false, clock == CLOCK_REALTIME, &deadline);
		if (result)
			return result;
	}
	all = kzalloc(n * sizeof(*all), 0);
	if (!all)
		return -ENOMEM;
	result = import(all, n, waiters);
	if (!result)
		result = get_keys(all, n);
	if (!result) {
		result = wait_for_one(all, n, deadline);
		put_keys(all, n);
	}
	kfree(all);
	return result;
}
