/*
 * WAIT_REQUEUE_PI and CMP_REQUEUE_PI: conditions whose mutex inherits priorities.
 *
 * A waiter sleeps on the condition's word and says which lock it will want. A signaller wakes one only as the lock's owner, and puts the others on the lock's queue:
 * so they do not all wake to fight for it.
 */
#include "futex_pi_priv.h"

#include "abi/errno.h"

static struct list sleepers = LIST_INIT(sleepers); /* struct pi_waiter: those still on their condition. futex_pi_lock */

bool futex_requeue_pi_waited(const struct futex_key *key)
{
	struct pi_waiter *w;

	list_for_each(w, &sleepers, waiter.link)
		if (futex_key_equal(w->condition, key))
			return true;
	return false;
}

/* Both keys, which must differ. */
static int keys_get(u32 __user *word, u32 __user *lock, bool shared, struct futex_key *key, struct futex_key *target)
{
	if (word == lock)
		return -EINVAL;
	int err = futex_key_get(word, shared, key);
	if (err)
		return err;
	err = futex_key_get(lock, shared, target);
	if (!err && futex_key_equal(key, target)) {
		futex_key_put(target);
		err = -EINVAL;
	}
	if (err)
		futex_key_put(key);
	return err;
}

/* Takes the lock and reads the word under it: 0 (locked), or -EFAULT, -EAGAIN if it is not what was expected (not locked). */
static int lock_expecting(u32 __user *word, u32 expected)
{
	u32 value;

	for (;;) {
		spin_lock(&futex_pi_lock);
		if (!futex_read(&value, word))
			break;
		spin_unlock(&futex_pi_lock);
		if (fault_in_readable(word, sizeof(*word)))
			return -EFAULT;
	}
	if (value == expected)
		return 0;
	spin_unlock(&futex_pi_lock);
	return -EAGAIN;
}

long futex_wait_requeue_pi(u32 __user *word, bool shared, u32 expected, u64 deadline, u32 __user *lock)
{
	struct thread *drop = NULL;
	struct futex_key key, target;
	struct pi_waiter w = { .condition = &key, .target = &target };

	if (!thread_ipc_get())
		return -ENOMEM;
	long result = keys_get(lock, word, shared, &target, &key);
	if (result)
		return result;
	result = lock_expecting(word, expected);
	if (result)
		goto put;
	ipc_waiter_init(&w.waiter);
	list_add_tail(&sleepers, &w.waiter.link);
	futex_pi_users++;
	result = ipc_wait(&futex_pi_lock, &w.waiter, deadline);
	futex_pi_users--;
	if (w.state && result < 0)
		pi_give_up(&w, &drop);
	spin_unlock(&futex_pi_lock);
	if (drop)
		thread_put(drop);
	if (result == -ERESTARTSYS) /* on the lock's queue already: the word has changed, so beginning again would answer this */
		result = w.state ? -EAGAIN : -ERESTARTNOINTR;
	result = pi_settle(lock, result, &target);
put:
	futex_key_put(&target);
	futex_key_put(&key);
	return result;
}

/* The most urgent sleeper of the condition, and of those the first. */
static struct pi_waiter *first_sleeper(const struct futex_key *key)
{
	struct pi_waiter *w, *best = NULL;

	list_for_each(w, &sleepers, waiter.link)
		if (futex_key_equal(w->condition, key) && (!best || thread_urgency(w->waiter.thread) > thread_urgency(best->waiter.thread)))
			best = w;
	return best;
}

/* Moves up to n sleepers to the lock's queue: how many, or the error that stopped it. Locked. */
static int move_sleepers(const struct futex_key *key, const struct futex_key *target, struct pi_state *s, s32 n)
{
	struct pi_waiter *w;
	int moved = 0;

	while (moved < n && (w = first_sleeper(key))) {
		if (!futex_key_equal(w->target, target))
			return -EINVAL;
		list_del(&w->waiter.link);
		int err = pi_wait_on(s, w);
		if (err) {
			list_add_tail(&sleepers, &w->waiter.link);
			return err;
		}
		moved++;
	}
	return moved;
}

/* One try with the lock held; as pi_try, or how many were woken and moved in *handled and 0. */
static int requeue(struct pi_attempt *a, const struct futex_key *key, s32 move, long *handled, struct thread **drop)
{
	struct pi_waiter *w = first_sleeper(key);
	struct pi_state *s;
	u32 value;

	*handled = 0;
	if (!w)
		return futex_read(&value, a->word); /* a bad pointer is told of all the same */
	if (!futex_key_equal(w->target, a->key))
		return -EINVAL;
	int result = pi_try(a, w->waiter.thread, move > 0, &s);
	if (result < 0 || result == PI_LOOK_UP)
		return result;
	if (result == PI_TAKEN) {
		ipc_wake(&w->waiter, PI_OWNER);
		*handled = 1;
	}
	int moved = s ? move_sleepers(key, a->key, s, move + 1 - (s32)*handled) : 0;
	if (s)
		pi_state_tidy(s, drop);
	*handled += MAX(moved, 0);
	return MIN(moved, 0);
}

long futex_requeue_pi(u32 __user *word, u32 __user *lock, bool shared, s32 wake, s32 move, u32 expected)
{
	struct futex_key key, target;
	struct thread *drop = NULL;
	long handled = 0;

	if (wake < 0 || move < 0 || wake != 1)
		return -EINVAL;
	int err = keys_get(word, lock, shared, &key, &target);
	if (err)
		return err;
	move = MIN(move, INT32_MAX - 1);
	struct pi_attempt a = { .word = lock, .key = &target };
	for (;;) {
		err = lock_expecting(word, expected);
		if (err)
			break;
		int result = requeue(&a, &key, move, &handled, &drop);
		spin_unlock(&futex_pi_lock);
		if (result != PI_LOOK_UP && result != -EFAULT && result != -EAGAIN) {
			err = result;
			break;
		}
		err = pi_prepare(&a, result);
		if (!err && thread_killed())
			err = -ERESTARTNOINTR;
		if (err)
			break;
	}
	if (drop)
		thread_put(drop);
	pi_attempt_end(&a);
	futex_key_put(&target);
	futex_key_put(&key);
	return err ? err : handled;
}
