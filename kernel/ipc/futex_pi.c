/*
 * Futexes with priority inheritance: LOCK_PI, TRYLOCK_PI, UNLOCK_PI (futex_pi_priv.h tells how it hangs together).
 *
 * User memory and the table of threads cannot be touched freely under the lock, so a call goes round: try under the lock; if something is missing (a page,
 * the thread that the word names, memory for a state), let go, bring it, try again.
 */
#include "futex_pi_priv.h"

#include "abi/errno.h"
#include "core/atomic.h"
#include "lib/hash.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define BUCKETS 64
#define CHAIN_LIMIT 1024 /* locks that wait for each other: longer is taken for a circle, as on Linux */

struct spinlock futex_pi_lock = SPINLOCK_INIT("futex pi", RANK_FUTEX_PI);
static struct list states[BUCKETS]; /* struct pi_state.link; a head that was never used is all zero */
u32 futex_pi_users;

/* --- states -------------------------------------------------------------------------------------------------------- */

static struct list *chain_of(const struct futex_key *key)
{
	struct list *l = &states[hash_u64(key->object ^ hash_u64(key->offset)) % BUCKETS];

	if (!l->next)
		list_init(l);
	return l;
}

static struct pi_state *find(const struct futex_key *key)
{
	struct pi_state *s;

	list_for_each(s, chain_of(key), link)
		if (futex_key_equal(&s->key, key))
			return s;
	return NULL;
}

static void set_owner(struct pi_state *s, struct thread *t)
{
	thread_get(t);
	s->owner = t;
	list_add(&t->ipc->owned, &s->owned);
}

/* Takes a's allocation; the owner has a thread_ipc. */
static struct pi_state *state_make(struct pi_attempt *a, struct thread *owner)
{
	struct pi_state *s = a->fresh;

	a->fresh = NULL;
	s->key = *a->key;
	if (s->key.frame)
		frame_get(s->key.frame);
	list_init(&s->waiters);
	list_init(&s->owned);
	s->unsettled = false;
	set_owner(s, owner);
	list_add(chain_of(a->key), &s->link);
	futex_pi_users++;
	return s;
}

/* --- lending ------------------------------------------------------------------------------------------------------- */

static void insert(struct pi_state *s, struct pi_waiter *w)
{
	struct pi_waiter *at;

	w->urgency = thread_urgency(w->waiter.thread);
	list_for_each(at, &s->waiters, waiter.link)
		if (at->urgency < w->urgency)
			break;
	list_add_tail(&at->waiter.link, &w->waiter.link);
}

/* t runs with another priority: its place where it waits, if it does. The owner of that lock, or NULL: nothing changed for it. */
static struct thread *requeue(struct thread *t)
{
	struct pi_waiter *w = t->ipc->pi_waiting;

	if (!w || w->urgency == thread_urgency(t))
		return NULL;
	list_del(&w->waiter.link);
	insert(w->state, w);
	return w->state->owner;
}

/* t's waiters have changed: so may what it runs with, and with that its own place; and so on along the chain. */
static void relend(struct thread *t)
{
	for (int i = 0; t && i < CHAIN_LIMIT; i++) {
		struct pi_state *s;
		u8 most = 0;

		list_for_each(s, &t->ipc->owned, owned)
			if (!list_empty(&s->waiters))
				most = MAX(most, list_first(&s->waiters, struct pi_waiter, waiter.link)->urgency);
		thread_boost(t, most);
		t = requeue(t);
	}
}

static void policy_changed(struct thread *t)
{
	if (!READ_ONCE(t->ipc))
		return;
	spin_lock(&futex_pi_lock);
	relend(requeue(t));
	spin_unlock(&futex_pi_lock);
}
NOTIFIER(thread_policy_changed, policy_changed);

/* Would t, by waiting for something of `owner`'s, wait for itself? */
static bool circle(struct thread *owner, struct thread *t)
{
	for (int i = 0; owner; i++) {
		if (owner == t || i == CHAIN_LIMIT)
			return true;
		struct pi_waiter *w = owner->ipc ? owner->ipc->pi_waiting : NULL;
		owner = w ? w->state->owner : NULL;
	}
	return false;
}

int pi_wait_on(struct pi_state *s, struct pi_waiter *w)
{
	if (circle(s->owner, w->waiter.thread))
		return -EDEADLK;
	w->state = s;
	w->waiter.thread->ipc->pi_waiting = w;
	insert(s, w);
	relend(s->owner);
	return 0;
}

/* Takes the lock from its owner, whose loan ends; the reference goes to *drop. */
static void disown(struct pi_state *s, struct thread **drop)
{
	struct thread *t = s->owner;

	s->owner = NULL;
	list_del(&s->owned);
	relend(t);
	*drop = t;
}

void pi_state_tidy(struct pi_state *s, struct thread **drop)
{
	if (!list_empty(&s->waiters))
		return;
	if (s->owner)
		disown(s, drop);
	list_del(&s->link);
	futex_pi_users--;
	futex_key_put(&s->key);
	kfree(s);
}

void pi_give_up(struct pi_waiter *w, struct thread **drop)
{
	struct pi_state *s = w->state;

	w->waiter.thread->ipc->pi_waiting = NULL;
	relend(s->owner);
	pi_state_tidy(s, drop);
}

/* The most urgent waiter becomes the owner and wakes. *drop: the old one. */
static void hand_over(struct pi_state *s, long result, struct thread **drop)
{
	struct pi_waiter *w = list_first(&s->waiters, struct pi_waiter, waiter.link);
	struct thread *t = w->waiter.thread;

	t->ipc->pi_waiting = NULL;
	s->unsettled = result == PI_OWNER_AFTER_DEATH;
	ipc_wake(&w->waiter, result); /* w may be gone once the lock is dropped; t has a reference below */
	disown(s, drop);
	if (!list_empty(&s->waiters)) {
		set_owner(s, t);
		relend(t);
	} else {
		pi_state_tidy(s, NULL);
	}
}

/* --- taking -------------------------------------------------------------------------------------------------------- */

/* Under the lock: 0, -EFAULT, -EAGAIN when it is not `old`. */
static int exchange(u32 __user *word, u32 old, u32 new)
{
	u32 seen;

	pagefault_disable();
	int err = cmpxchg_user_u32(word, old, new, &seen);
	pagefault_enable();
	return err ? -EFAULT : seen == old ? 0 : -EAGAIN;
}

/* Does the word agree with what the kernel knows? */
static bool agrees(const struct pi_state *s, u32 value)
{
	u32 tid = value & FUTEX_TID_MASK;

	if (s->unsettled || (!tid && value & FUTEX_OWNER_DIED))
		return true;
	return s->owner && tid == (u32)s->owner->tid;
}

/* The word names a thread that does not hold it in the kernel yet. */
static int try_owner(struct pi_attempt *a, u32 value, struct pi_state **state)
{
	u32 tid = value & FUTEX_TID_MASK;
	int err = value & FUTEX_WAITERS ? 0 : exchange(a->word, value, value | FUTEX_WAITERS);

	if (err)
		return err;
	if (!a->owner || (u32)a->owner->tid != tid || !a->owner->ipc || !a->fresh) {
		a->wanted = tid;
		return PI_LOOK_UP;
	}
	if (!a->owner->process)
		return -EPERM;
	if (a->owner->pi_closed) {
		/* It ended meanwhile; unless its end changed the word, nobody will ever let go of it. */
		u32 now;
		err = futex_read(&now, a->word);
		return err ? err : now == (value | FUTEX_WAITERS) ? -ESRCH : -EAGAIN;
	}
	*state = state_make(a, a->owner);
	return PI_MUST_WAIT;
}

int pi_try(struct pi_attempt *a, struct thread *thread, bool waiters, struct pi_state **state)
{
	u32 value;

	*state = NULL;
	if (futex_read(&value, a->word))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) == (u32)thread->tid)
		return -EDEADLK;
	struct pi_state *s = find(a->key);
	if (s) {
		*state = s;
		return agrees(s, value) ? PI_MUST_WAIT : -EINVAL;
	}
	if (value & FUTEX_TID_MASK)
		return try_owner(a, value, state);
	if (waiters && !a->fresh) {
		a->wanted = 0;
		return PI_LOOK_UP;
	}
	int err = exchange(a->word, value, (value & FUTEX_OWNER_DIED) | (u32)thread->tid | (waiters ? FUTEX_WAITERS : 0));
	if (err)
		return err;
	if (waiters)
		*state = state_make(a, thread);
	return PI_TAKEN;
}

int pi_prepare(struct pi_attempt *a, int result)
{
	if (result == -EFAULT)
		return fault_in_writable(a->word, sizeof(*a->word));
	if (result != PI_LOOK_UP)
		return 0;
	if (!a->fresh)
		a->fresh = kmalloc(sizeof(*a->fresh), 0);
	if (!a->fresh)
		return -ENOMEM;
	if (!a->wanted || (a->owner && (u32)a->owner->tid == a->wanted))
		return 0;
	if (a->owner)
		thread_put(a->owner);
	a->owner = thread_find(a->wanted);
	if (a->owner)
		return thread_ipc_of(a->owner) ? 0 : -ENOMEM;
	/* Nobody of that number: for good, unless the word has changed. */
	u32 value;
	if (get_user_u32(&value, a->word))
		return -EFAULT;
	return (value & FUTEX_TID_MASK) == a->wanted ? -ESRCH : 0;
}

void pi_attempt_end(struct pi_attempt *a)
{
	kfree(a->fresh);
	if (a->owner)
		thread_put(a->owner);
}

/* The owner before us died: the word is ours to write. */
static int write_after_death(u32 __user *word)
{
	u32 value, seen;

	if (get_user_u32(&value, word))
		return -EFAULT;
	for (;;) {
		u32 new = FUTEX_OWNER_DIED | FUTEX_WAITERS | (u32)current->tid;
		if (cmpxchg_user_u32(word, value, new, &seen))
			return -EFAULT;
		if (seen == value)
			return 0;
		value = seen;
	}
}

long pi_settle(u32 __user *word, long result, const struct futex_key *key)
{
	if (result != PI_OWNER_AFTER_DEATH)
		return result;
	int err = write_after_death(word);
	spin_lock(&futex_pi_lock);
	struct pi_state *s = find(key);
	if (s && s->owner == current)
		s->unsettled = false;
	spin_unlock(&futex_pi_lock);
	return err;
}

/* Threads that wait for the word as for a plain futex: the two kinds do not mix. */
static bool waited_plainly(const struct futex_key *key)
{
	struct futex_bucket *b = futex_bucket(key);
	struct futex_waiter *w;
	bool found = false;

	spin_lock(&b->lock);
	list_for_each(w, &b->waiters, link)
		found |= futex_key_equal(&w->key, key);
	spin_unlock(&b->lock);
	return found;
}

/* pi_try until it says something final; the lock is held on return. */
static int try_until_final(struct pi_attempt *a, struct pi_state **state)
{
	for (;;) {
		spin_lock(&futex_pi_lock);
		int result = pi_try(a, current, false, state);
		if (result != PI_LOOK_UP && result != -EFAULT && result != -EAGAIN)
			return result;
		spin_unlock(&futex_pi_lock);
		int err = pi_prepare(a, result);
		if (!err && thread_killed())
			err = -ERESTARTNOINTR;
		if (err) {
			spin_lock(&futex_pi_lock);
			return err;
		}
	}
}

long futex_lock_pi(u32 __user *word, bool shared, u64 deadline, bool try)
{
	struct thread *drop = NULL;
	struct pi_state *state;
	struct futex_key key;

	if (!thread_ipc_get())
		return -ENOMEM;
	long result = futex_key_get(word, shared, &key);
	if (result)
		return result;
	struct pi_attempt a = { .word = word, .key = &key };
	if (waited_plainly(&key)) {
		result = -EINVAL;
		goto put;
	}
	result = try_until_final(&a, &state);
	if (result == PI_TAKEN) {
		result = 0;
	} else if (result == PI_MUST_WAIT) {
		struct pi_waiter w = { 0 };
		ipc_waiter_init(&w.waiter);
		result = try ? -EAGAIN : pi_wait_on(state, &w);
		if (result) {
			pi_state_tidy(state, &drop);
		} else {
			result = ipc_wait(&futex_pi_lock, &w.waiter, deadline);
			if (result < 0)
				pi_give_up(&w, &drop);
		}
	}
	spin_unlock(&futex_pi_lock);
	if (drop)
		thread_put(drop);
	result = pi_settle(word, result, &key);
put:
	pi_attempt_end(&a);
	futex_key_put(&key);
	return result == -ERESTARTSYS ? -ERESTARTNOINTR : result;
}

/* --- letting go ---------------------------------------------------------------------------------------------------- */

/* Lock held. 0, -EFAULT, -EAGAIN, or final: -EPERM, -EINVAL. */
static int unlock(u32 __user *word, const struct futex_key *key, struct thread **drop)
{
	struct pi_state *s = find(key);
	u32 value;

	if (futex_read(&value, word))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (u32)current->tid)
		return -EPERM;
	if (!s)
		return exchange(word, value, 0);
	if (s->owner != current)
		return -EINVAL;
	u32 next = (u32)list_first(&s->waiters, struct pi_waiter, waiter.link)->waiter.thread->tid;
	int err = exchange(word, value, FUTEX_WAITERS | next);
	if (!err)
		hand_over(s, PI_OWNER, drop);
	return err;
}

long futex_unlock_pi(u32 __user *word, bool shared)
{
	struct thread *drop = NULL;
	struct futex_key key;
	u32 value;
	int err;

	if (get_user_u32(&value, word))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (u32)current->tid)
		return -EPERM;
	err = futex_key_get(word, shared, &key);
	if (err)
		return err;
	do {
		spin_lock(&futex_pi_lock);
		err = unlock(word, &key, &drop);
		spin_unlock(&futex_pi_lock);
		if (err == -EFAULT && !fault_in_writable(word, sizeof(*word)))
			err = -EAGAIN;
	} while (err == -EAGAIN && !thread_killed());
	if (drop)
		thread_put(drop);
	futex_key_put(&key);
	return err;
}

void futex_pi_release(struct thread *t, bool for_good)
{
	spin_lock(&futex_pi_lock);
	while (t->ipc && !list_empty(&t->ipc->owned)) {
		struct thread *drop = NULL;
		hand_over(list_first(&t->ipc->owned, struct pi_state, owned), PI_OWNER_AFTER_DEATH, &drop);
		spin_unlock(&futex_pi_lock);
		thread_put(drop); /* t itself, which holds another */
		spin_lock(&futex_pi_lock);
	}
	if (for_good)
		t->pi_closed = true;
	spin_unlock(&futex_pi_lock);
}

bool futex_pi_waited(u32 __user *word, bool shared)
{
	struct futex_key key;

	if (!READ_ONCE(futex_pi_users) || futex_key_get(word, shared, &key))
		return false;
	spin_lock(&futex_pi_lock);
	bool waited = find(&key) || futex_requeue_pi_waited(&key);
	spin_unlock(&futex_pi_lock);
	futex_key_put(&key);
	return waited;
}
