/*
 * Futexes with priority inheritance: between futex_pi.c and futex_requeue_pi.c.
 *
 * Such a word holds the number of the thread that owns the lock. Who finds it taken asks the kernel to wait; from then on there is
 *
 *   struct pi_state ── owner ──► thread, which has it in its list (thread_ipc.owned)
 *        └── waiters: struct pi_waiter, the most urgent first ── on the stacks of those who sleep (thread_ipc.pi_waiting)
 *
 * for as long as somebody waits. The owner runs with the priority of the most urgent waiter, if that is higher than its own; so does whom the owner waits for,
 * and so on along the chain. A chain that comes back to the asker is a deadlock. The lock is handed over: when it is let go, the kernel writes the
 * next owner's number into the word and wakes it as the owner, so nobody gets in between.
 *
 * Locks: futex_pi_lock guards all of it, and makes test-and-wait one step for the words (user memory is touched under it with faults off).
 */
#ifndef IPC_FUTEX_PI_PRIV_H
#define IPC_FUTEX_PI_PRIV_H

#include "futex_priv.h"
#include "thread_priv.h"

struct pi_state {
	struct list link;      /* in the hash */
	struct futex_key key;  /* a reference of its own to the frame */
	struct list waiters;   /* struct pi_waiter, never empty but while a call works on it */
	struct thread *owner;  /* counted */
	struct list owned;     /* owner's thread_ipc.owned */
	bool unsettled;        /* the owner has still to write its number into the word: the one before it died */
};
struct pi_waiter {
	struct ipc_waiter waiter;       /* result: PI_OWNER …, or -errno */
	struct pi_state *state;         /* NULL: waits for a condition (requeue) */
	u8 urgency;                     /* what it was queued by */
	const struct futex_key *condition, *target; /* WAIT_REQUEUE_PI: where it waits, and the lock that it wants */
};
enum { PI_OWNER = 0, PI_OWNER_AFTER_DEATH = 1 };

#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

extern struct spinlock futex_pi_lock;
extern u32 futex_pi_users; /* states and sleepers on conditions; read without the lock as a hint */

/* An attempt to take a lock: what it needs from outside of futex_pi_lock, and what it found. */
struct pi_attempt {
	u32 __user *word;
	const struct futex_key *key;
	struct pi_state *fresh;  /* allocated; used when there is no state yet */
	struct thread *owner;    /* counted: whom the word named the last time; NULL: not looked up */
	u32 wanted;              /* a thread that must be looked up */
};
#define PI_TAKEN 1       /* `thread` owns it now */
#define PI_MUST_WAIT 0
#define PI_LOOK_UP 2     /* call pi_prepare, and try again */
/*
 * With futex_pi_lock held: takes the lock for `thread`, or finds that it must wait. Then *state is what it may be put on with pi_wait_on. Errors: -EFAULT (fault
 * the word in for writing, try again), -EAGAIN (try again), -EDEADLK, -ESRCH, -EPERM, -EINVAL.
 * waiters: more will come, so that the word must say so and a state is made even if the lock is taken.
 */
int pi_try(struct pi_attempt *a, struct thread *thread, bool waiters, struct pi_state **state);
/* Without the lock: brings what pi_try asked for. 0, -ENOMEM, -EFAULT; `result` is what pi_try answered. */
int pi_prepare(struct pi_attempt *a, int result);
/* Frees what was not used. No locks. */
void pi_attempt_end(struct pi_attempt *a);
/* Queues w (its thread is asleep, or current) and lends its priority. -EDEADLK. Lock held. */
int pi_wait_on(struct pi_state *s, struct pi_waiter *w);
/* w waits no more without having got it. Lock held; afterwards the caller puts what *drop says. */
void pi_give_up(struct pi_waiter *w, struct thread **drop);
/* After a state was made or looked at, and nobody was queued: it goes. Lock held. */
void pi_state_tidy(struct pi_state *s, struct thread **drop);
/* Current was woken as the owner: what the call answers. */
long pi_settle(u32 __user *word, long result, const struct futex_key *key);

/* futex_pi.c, for futex_calls.c. */
long futex_lock_pi(u32 __user *word, bool shared, u64 deadline, bool try);
long futex_unlock_pi(u32 __user *word, bool shared);
/* Does somebody wait for this word as for a lock with priority inheritance? Plain wake-ups are not for him. */
bool futex_pi_waited(u32 __user *word, bool shared);
/* futex_requeue_pi.c */
long futex_wait_requeue_pi(u32 __user *word, bool shared, u32 expected, u64 deadline, u32 __user *lock);
long futex_requeue_pi(u32 __user *word, u32 __user *lock, bool shared, s32 wake, s32 move, u32 expected);
/* Lock held. */
bool futex_requeue_pi_waited(const struct futex_key *key);
/* thread_exiting: the locks that it owns go to those who wait. */
void futex_pi_release(struct thread *t, bool for_good);

#endif
