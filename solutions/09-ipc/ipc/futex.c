/*
 * futex(2)'s plain mechanism: WAIT and WAKE.
 *
 * The one promise is that no wake-up is lost between the test of the word and the sleep. A user program changes the word first, then calls WAKE. So
 * WAIT tests the word and enters the queue under the lock of the bucket, which WAKE takes too: either WAIT sees the new value, or WAKE sees the waiter.
 *
 * Reading user memory may fault, and a fault may sleep, which is not allowed under a spinlock: the word is read with faults off; if its page is not
 * there, it is brought in without the lock, and everything starts again.
 *
 * A waker calls thread_wake while it holds the lock, and the waiter takes the lock before it goes: so the waiter's thread and its entry, which lies on
 * its stack, are alive for as long as the waker uses them.
 */
#include "futex_priv.h"

#include "abi/errno.h"
#include "core/todo.h"
#include "sched/thread.h"

#ifdef SOLUTION
/* Tests the word and enters the queue. 0 with the thread's state set to sleeping, or -EAGAIN, -EFAULT. */
static int enter(struct futex_waiter *w, u32 __user *word, u32 expected)
{
	struct futex_bucket *b = w->bucket;
	u32 value;

	for (;;) {
		spin_lock(&b->lock);
		if (!futex_read(&value, word))
			break;
		spin_unlock(&b->lock);
		if (fault_in_readable(word, sizeof(*word)))
			return -EFAULT;
	}
	if (value != expected) {
		spin_unlock(&b->lock);
		return -EAGAIN;
	}
	list_add_tail(&b->waiters, &w->link);
	w->queued = true;
	atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
	spin_unlock(&b->lock);
	return 0;
}

/* Takes w off if it is still there: true if somebody woke it before. */
static bool leave(struct futex_waiter *w)
{
	struct futex_bucket *b = futex_lock_waiter(w);
	bool woken = !w->queued;

	if (!woken) {
		list_del(&w->link);
		w->queued = false;
	}
	spin_unlock(&b->lock);
	return woken;
}
#endif

long futex_wait(u32 __user *word, bool shared, u32 expected, u32 bitset, u64 deadline)
{
#ifdef SOLUTION
	struct futex_waiter w = { .thread = current, .bitset = bitset };
	bool in_time = true;
	long result;

	if (!bitset)
		return -EINVAL;
	result = futex_key_get(word, shared, &w.key);
	if (result)
		return result;
	w.bucket = futex_bucket(&w.key);
	result = enter(&w, word, expected);
	if (result)
		goto put;
	while (READ_ONCE(w.queued) && in_time && !thread_interrupted()) {
		in_time = schedule_until(deadline);
		if (in_time)
			atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
	}
	current->state = THREAD_RUNNABLE;
	if (leave(&w))
		result = 0;
	else
		result = in_time ? -ERESTARTSYS : -ETIMEDOUT;
put:
	futex_key_put(&w.key);
	return result;
#else
	TODO("09-ipc");
#endif
}

long futex_wake(u32 __user *word, bool shared, u32 n, u32 bitset)
{
#ifdef SOLUTION
	struct futex_waiter *w, *next;
	struct futex_bucket *b;
	struct futex_key key;
	long woken = 0;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_get(word, shared, &key);
	if (err)
		return err;
	b = futex_bucket(&key);
	spin_lock(&b->lock);
	list_for_each_safe(w, next, &b->waiters, link) {
		if ((u32)woken >= n)
			break;
		if (!futex_key_equal(&w->key, &key) || !(w->bitset & bitset))
			continue;
		list_del(&w->link);
		w->queued = false;
		thread_wake(w->thread);
		woken++;
	}
	spin_unlock(&b->lock);
	futex_key_put(&key);
	return woken;
#else
	TODO("09-ipc");
#endif
}
