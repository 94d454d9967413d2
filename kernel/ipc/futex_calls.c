/*
 * futex(2): decoding, and the operations beyond plain WAIT and WAKE: requeue, wake-op. Also what happens to futexes when a thread ends: the robust list,
 * and the wake-up for clear_child_tid.
 */
#include "futex_pi_priv.h"

#include "abi/errno.h"
#include "core/atomic.h"
#include "ipc_priv.h"
#include "mm/frame.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

enum {
	FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET,
	FUTEX_WAKE_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI2,
};
#define FUTEX_PRIVATE 128
#define FUTEX_REALTIME 256

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	struct futex_bucket *first = a < b ? a : b, *second = a < b ? b : a;

	spin_lock(&first->lock);
	if (first != second)
		while (!spin_trylock(&second->lock)) /* equal ranks: in the order of addresses */
			cpu_relax();
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* --- requeue ------------------------------------------------------------------------------------------------------- */

static long requeue(u32 __user *from, u32 __user *to, bool shared, s32 wake, s32 move, const u32 *expected)
{
	struct futex_key key1, key2;
	struct futex_waiter *w, *next;
	struct futex_bucket *b1, *b2;
	long handled = 0;
	u32 value;
	int err;

	if (wake < 0 || move < 0)
		return -EINVAL;
	err = futex_key_get(from, shared, &key1);
	if (err)
		return err;
	err = futex_key_get(to, shared, &key2);
	if (err)
		goto put1;
	b1 = futex_bucket(&key1);
	b2 = futex_bucket(&key2);
again:
	lock_two(b1, b2);
	if (expected) {
		if (futex_read(&value, from)) {
			unlock_two(b1, b2);
			err = fault_in_readable(from, sizeof(*from));
			if (!err)
				goto again;
			goto put2;
		}
		if (value != *expected) {
			unlock_two(b1, b2);
			err = -EAGAIN;
			goto put2;
		}
	}
	list_for_each_safe(w, next, &b1->waiters, link) {
		if (handled - wake >= move)
			break;
		if (!futex_key_equal(&w->key, &key1))
			continue;
		if (handled < wake) {
			list_del(&w->link);
			w->queued = false;
			thread_wake(w->thread);
		} else if (!futex_key_equal(&key1, &key2)) {
			list_del(&w->link);
			if (key2.frame)
				frame_get(key2.frame);
			struct frame *held = w->key.frame;
			w->key = key2;
			WRITE_ONCE(w->bucket, b2);
			list_add_tail(&b2->waiters, &w->link);
			if (held)
				frame_put(held);
		}
		handled++;
	}
	unlock_two(b1, b2);
put2:
	futex_key_put(&key2);
put1:
	futex_key_put(&key1);
	return err ? err : handled;
}

/* --- wake-op ------------------------------------------------------------------------------------------------------- */

/* Does the operation that `code` encodes on *word, faults off: 0 and the old value, or -EFAULT, -ENOSYS. */
static int user_op(u32 code, u32 __user *word, u32 *old)
{
	u32 op = code >> 28 & 7, arg = (u32)((s32)(code << 8) >> 20), new, seen;
	int err;

	if (op > 4)
		return -ENOSYS;
	if (code >> 31)
		arg = 1u << (arg & 31);
	pagefault_disable();
	err = get_user_u32(old, word);
	while (!err) {
		switch (op) {
		case 0: new = arg; break;
		case 1: new = *old + arg; break;
		case 2: new = *old | arg; break;
		case 3: new = *old & ~arg; break;
		default: new = *old ^ arg; break;
		}
		err = cmpxchg_user_u32(word, *old, new, &seen);
		if (!err && seen == *old)
			break;
		*old = seen;
	}
	pagefault_enable();
	return err;
}

static int compare(u32 code, s32 old)
{
	s32 arg = (s32)(code << 20) >> 20;

	switch (code >> 24 & 15) {
	case 0: return old == arg;
	case 1: return old != arg;
	case 2: return old < arg;
	case 3: return old <= arg;
	case 4: return old > arg;
	case 5: return old >= arg;
	}
	return -ENOSYS;
}

/* Bucket locked. */
static long wake_locked(struct futex_bucket *b, const struct futex_key *key, s32 n)
{
	struct futex_waiter *w, *next;
	long woken = 0;

	list_for_each_safe(w, next, &b->waiters, link) {
		if (!futex_key_equal(&w->key, key))
			continue;
		list_del(&w->link);
		w->queued = false;
		thread_wake(w->thread);
		if (++woken >= n)
			break;
	}
	return woken;
}

static long wake_op(u32 __user *word1, u32 __user *word2, bool shared, s32 n1, s32 n2, u32 code)
{
	struct futex_key key1, key2;
	struct futex_bucket *b1, *b2;
	long result;
	u32 old;

	result = futex_key_get(word1, shared, &key1);
	if (result)
		return result;
	result = futex_key_get(word2, shared, &key2);
	if (result)
		goto put1;
	b1 = futex_bucket(&key1);
	b2 = futex_bucket(&key2);
	for (;;) {
		lock_two(b1, b2);
		result = user_op(code, word2, &old);
		if (!result)
			break;
		unlock_two(b1, b2);
		if (result != -EFAULT)
			goto put2;
		result = fault_in_writable(word2, sizeof(*word2));
		if (result)
			goto put2;
	}
	result = compare(code, old);
	if (result >= 0) {
		long both = wake_locked(b1, &key1, n1);
		if (result)
			both += wake_locked(b2, &key2, n2);
		result = both;
	}
	unlock_two(b1, b2);
put2:
	futex_key_put(&key2);
put1:
	futex_key_put(&key1);
	return result;
}

/* --- the call ------------------------------------------------------------------------------------------------------ */

static long wait_again(u64 *d)
{
	long result = futex_wait((u32 __user *)d[0], d[1], d[2], d[3], d[4]);
	if (result == -ERESTARTSYS)
		result = -ERESTART_RESTARTBLOCK;
	return result;
}

static long wait_call(u32 __user *word, bool shared, u32 value, u32 bitset, bool has_deadline, u64 deadline)
{
	long result = futex_wait(word, shared, value, bitset, deadline);

	/* A wait with a limit goes on with what is left of it, not with all of it again. */
	if (result == -ERESTARTSYS && has_deadline) {
		u64 *d = current->restart_data;
		d[0] = (u64)word;
		d[1] = shared;
		d[2] = value;
		d[3] = bitset;
		d[4] = deadline;
		current->restart_fn = wait_again;
		result = -ERESTART_RESTARTBLOCK;
	}
	return result;
}

static bool has_timeout(int command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI;
}

/* WAIT's time is relative, all others are absolute. */
int futex_deadline(const void __user *timeout, bool relative, bool realtime, u64 *deadline)
{
	struct abi_timespec ts;
	u64 ns;

	if (copy_from_user(&ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (timespec_ns(&ts, &ns))
		return -EINVAL;
	if (relative)
		*deadline = deadline_after(ns);
	else
		*deadline = realtime ? time_real_point(ns) : ns;
	return 0;
}

/* Plain wake-ups and moves are not for those who wait for a lock with priority inheritance. */
static bool mixes(u32 __user *word, bool shared) { return READ_ONCE(futex_pi_users) && futex_pi_waited(word, shared); }

long sys_futex(void __user *uaddr, int op, unsigned val, unsigned long timeout, void __user *uaddr2, unsigned val3)
{
	u32 __user *word = uaddr, *other = uaddr2;
	int command = op & ~(FUTEX_PRIVATE | FUTEX_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE), realtime = op & FUTEX_REALTIME || command == FUTEX_LOCK_PI, limited = has_timeout(command) && timeout;
	u64 deadline = TIME_NEVER;

	if (limited) {
		int err = futex_deadline((const void __user *)timeout, command == FUTEX_WAIT, realtime, &deadline);
		if (err)
			return err;
	}
	if (op & FUTEX_REALTIME && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT_REQUEUE_PI && command != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT:
		return wait_call(word, shared, val, FUTEX_BITSET_ALL, limited, deadline);
	case FUTEX_WAIT_BITSET:
		return wait_call(word, shared, val, val3, limited, deadline);
	case FUTEX_WAKE:
		val3 = FUTEX_BITSET_ALL;
		/* fall through */
	case FUTEX_WAKE_BITSET:
		return mixes(word, shared) ? -EINVAL : futex_wake(word, shared, MAX((s32)val, 1), val3); /* Linux wakes one for 0 and less */
	case FUTEX_REQUEUE:
		return mixes(word, shared) ? -EINVAL : requeue(word, other, shared, val, (s32)timeout, NULL);
	case FUTEX_CMP_REQUEUE:
		return mixes(word, shared) ? -EINVAL : requeue(word, other, shared, val, (s32)timeout, &val3);
	case FUTEX_WAKE_OP:
		return mixes(word, shared) || mixes(other, shared) ? -EINVAL : wake_op(word, other, shared, val, (s32)timeout, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(word, shared, deadline, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(word, shared, TIME_NEVER, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(word, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(word, shared, val, deadline, other);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(word, other, shared, val, (s32)timeout, val3);
	}
	return -ENOSYS;
}

long futex_wake_user(u32 __user *word, u32 n, bool private)
{
	return futex_wake(word, !private, n, FUTEX_BITSET_ALL);
}

/* --- the end of a thread ------------------------------------------------------------------------------------------- */

#define ROBUST_HEAD_SIZE 24
#define ROBUST_LIMIT 2048 /* entries: a list may be a circle */

static void child_tid_cleared(u32 __user *word)
{
	futex_wake(word, true, 1, FUTEX_BITSET_ALL);
}
NOTIFIER(clear_child_tid, child_tid_cleared);

/* A lock word whose owner ends: marks it, so that the next one finds out, and wakes one. False: the memory is gone, stop. */
static bool owner_died(u32 __user *word, bool pi, bool pending)
{
	u32 value, seen;

	if ((u64)word & 3)
		return false;
	if (get_user_u32(&value, word))
		return false;
	/* It ended between letting go and waking: nobody owns the word, and nobody else would wake. */
	if (pending && !pi && !(value & FUTEX_TID_MASK)) {
		futex_wake(word, true, 1, FUTEX_BITSET_ALL);
		return true;
	}
	while ((value & FUTEX_TID_MASK) == (u32)current->tid) {
		if (cmpxchg_user_u32(word, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
			return false;
		if (seen == value) {
			if (!pi && value & FUTEX_WAITERS)
				futex_wake(word, true, 1, FUTEX_BITSET_ALL);
			break;
		}
		value = seen;
	}
	return true;
}

static void walk_robust_list(struct thread *t)
{
	u64 head, entry, offset, pending;

	if (!t->ipc || !t->ipc->robust_head)
		return;
	head = t->ipc->robust_head;
	t->ipc->robust_head = 0;
	if (get_user_u64(&entry, (u64 __user *)head) || get_user_u64(&offset, (u64 __user *)(head + 8)) ||
	    get_user_u64(&pending, (u64 __user *)(head + 16)))
		return;
	for (u32 i = 0; (entry & ~1ul) != head && i < ROBUST_LIMIT; i++) {
		u64 next, at = entry & ~1ul;
		/* Read on first: the entry may be reused as soon as it is let go. Bit 0 marks a lock with priority inheritance. */
		bool more = !get_user_u64(&next, (u64 __user *)at);
		if (at != (pending & ~1ul) && !owner_died((u32 __user *)(at + offset), entry & 1, false))
			return;
		if (!more)
			return;
		entry = next;
	}
	if (pending & ~1ul)
		owner_died((u32 __user *)((pending & ~1ul) + offset), pending & 1, true);
}

static void thread_exits(struct thread *t)
{
	walk_robust_list(t);
	futex_pi_release(t, false);
}
NOTIFIER(thread_exiting, thread_exits);

static void thread_leaves(struct thread *t)
{
	futex_pi_release(t, true);
}
NOTIFIER(thread_leaving, thread_leaves);

static void forget_robust_list(struct process *p __unused)
{
	if (current->ipc)
		current->ipc->robust_head = 0;
}
NOTIFIER(process_exec_done, forget_robust_list);

long sys_set_robust_list(void __user *head, size_t len)
{
	if (len != ROBUST_HEAD_SIZE)
		return -EINVAL;
	struct thread_ipc *ipc = thread_ipc_get();
	if (!ipc)
		return -ENOMEM;
	ipc->robust_head = (u64)head;
	return 0;
}

long sys_get_robust_list(int pid, void __user *head, void __user *len)
{
	struct thread *t = current;
	u64 value = 0;

	if (pid) {
		t = thread_find(pid);
		if (!t)
			return -ESRCH;
		const struct cred *mine = cred_current();
		struct cred *its = cred_get_of(t);
		bool allowed = its && (mine->euid == its->uid || capable(CAP_SYS_PTRACE));
		if (its)
			cred_put(its);
		if (!allowed) {
			thread_put(t);
			return -EPERM;
		}
	}
	if (t->ipc)
		value = t->ipc->robust_head;
	if (pid)
		thread_put(t);
	if (put_user_u64(ROBUST_HEAD_SIZE, len))
		return -EFAULT;
	return put_user_u64(value, head);
}
