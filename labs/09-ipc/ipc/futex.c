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


long futex_wait(u32 __user *word, bool shared, u32 expected, u32 bitset, u64 deadline)
{
	TODO("09-ipc");
}

long futex_wake(u32 __user *word, bool shared, u32 n, u32 bitset)
{
	TODO("09-ipc");
}
