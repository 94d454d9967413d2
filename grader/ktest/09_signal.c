/* Stage 09: a signal comes at each moment of a sleep in a semaphore, a futex or a pipe; it ends that, and nothing else is changed by it. */
#include "07_process.h"
#include "09_futex.h"
#include "09_sets.h"
#include "watch.h"

#include "core/atomic.h"
#include "ipc/futex_priv.h"
#include "ipc/pipe_priv.h"
#include "irq/irq.h"
#include "mm/slab.h"
#include "proc/proc_priv.h"
#include "time/time.h"

static struct sem_request taker(const struct abi_sembuf *take)
{
	return (struct sem_request){ .ops = take, .count = 1, .changes = true, .pid = OWN_PID };
}

static struct file *ends[2];

static void call_away(void)
{
	struct abi_siginfo info;

	signal_info_user(&info, SIGUSR1, SI_USER);
	signal_send_thread(current, SIGUSR1, &info);
	CHECK(thread_interrupted());
}

static void check_back(long got, long wanted)
{
	CHECK_EQ(got, wanted);
	CHECK_EQ(current->state, THREAD_RUNNABLE);
	current->state = THREAD_RUNNABLE;
}

/* Comes right behind a write of the thread's state. A signal that came just before has woken nobody: the thread was not asleep. */
static bool state_was_set(struct trapframe *f __unused)
{
	u32 state = atomic_load(&current->state);

	watch_touched();
	if (state == THREAD_RUNNABLE)
		return true;
	watch_end(); /* only this once */
	current->state = THREAD_RUNNABLE;
	call_away();
	current->state = state;
	return true;
}

static void call_away_when_it_sleeps(void)
{
	forget_signals();
	CHECK(!thread_interrupted());
	watch_memory(0, &current->state, 4, WATCH_WRITES);
}

static struct thread *caller; /* who waits */

/* As a waker does, the semaphores' or the futexes'; and before the waiter has come to itself there is a signal too. */
static void serve_and_call(void *semaphore)
{
	struct futex_key key = { .object = (u64)caller->aspace, .offset = PROCESS_MEMORY };
	struct futex_bucket *b = futex_bucket(&key);

	for (int tries = 0; tries < 2000 && !(semaphore ? waiting() : futex_waiters(b)); tries++)
		thread_sleep_ns(MILLISECOND / 100);
	if (semaphore) {
		lock();
		struct sem_request *r = list_first(&set.waiting, struct sem_request, link);
		list_del(&r->link);
		r->result = 0;
		unlock();
	} else {
		spin_lock(&b->lock);
		struct futex_waiter *w = list_first(&b->waiters, struct futex_waiter, link);
		list_del(&w->link);
		w->queued = false;
		spin_unlock(&b->lock);
	}
	signal_send_thread(caller, SIGUSR1, NULL);
}

/* Who was served was served, whatever else has happened: the waker counts on it. */
static void served_and_called(void)
{
	struct abi_sembuf take = { 0, -1, 0 };
	struct sem_request r = taker(&take);

	caller = current;
	forget_signals();
	CHECK(kthread_run("ktest", serve_and_call, NULL) != NULL);
	check_back(futex_wait((u32 *)PROCESS_MEMORY, false, 0, FUTEX_BITSET_ALL, TIME_NEVER), 0);
	CHECK(thread_interrupted());
	forget_signals();
	CHECK(kthread_run("ktest", serve_and_call, (void *)1ul) != NULL);
	lock();
	check_back(sem_operate(&set, &r, TIME_NEVER), 0);
	unlock();
	CHECK(thread_interrupted());
	forget_signals();
}

static bool served;

/* Comes right behind the set's lock having been given back, by who has a signal and is about to sleep: it is served before it takes the lock again. */
static bool serve_on_the_way(struct trapframe *f __unused)
{
	watch_touched();
	watch_end(); /* only this once */
	if (!list_empty(&set.waiting)) {
		struct sem_request *r = list_first(&set.waiting, struct sem_request, link);
		list_del(&r->link);
		r->result = 0;
		served = true;
	}
	return true;
}

/* Who has looked for a signal with the lock still in his hand may go at once: then nobody has served him. */
static void called_and_served(void)
{
	struct abi_sembuf take = { 0, -1, 0 };
	struct sem_request r = taker(&take);

	served = false;
	call_away();
	trap_register(TRAP_DEBUG, serve_on_the_way);
	lock();
	watch_memory(0, &set.object.lock.ticket.owner, sizeof(set.object.lock.ticket.owner), WATCH_WRITES);
	long got = sem_operate(&set, &r, TIME_NEVER);
	watch_end();
	check_back(got, served ? 0 : -EINTR);
	unlock();
	trap_register(TRAP_DEBUG, NULL);
	CHECK_EQ(waiting(), 0);
	forget_signals();
}

static void calls_in_vain(void)
{
	struct abi_sembuf take = { 0, -1, 0 };
	struct sem_request r = taker(&take);
	struct futex_key key = { .object = (u64)current->aspace, .offset = PROCESS_MEMORY };
	struct pipe *p = pipe_of(ends[0]);
	char *much = kzalloc(PIPE_SLOTS_DEFAULT * PAGE_SIZE + 100, 0);
	struct uio_vec vec;
	struct uio u;
	u32 zero = 0;

	CHECK_EQ(put_user_u32(zero, (u32 *)PROCESS_MEMORY), 0);
	current->process->sighand->action[SIGUSR1 - 1].handler = 0x1000; /* it ends nobody */
	trap_register(TRAP_DEBUG, state_was_set);
	call_away_when_it_sleeps();
	lock();
	check_back(sem_operate(&set, &r, time_ns() + 5 * MILLISECOND), -EINTR);
	unlock();
	call_away_when_it_sleeps();
	check_back(futex_wait((u32 *)PROCESS_MEMORY, false, 0, FUTEX_BITSET_ALL, time_ns() + 5 * MILLISECOND), -ERESTARTSYS);
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	served_and_called();
	called_and_served();
	call_away();
	lock();
	check_back(sem_operate(&set, &r, TIME_NEVER), -EINTR);
	unlock();
	CHECK_EQ(waiting(), 0);
	CHECK_EQ(sems[0].value, 0);
	check_back(futex_wait((u32 *)PROCESS_MEMORY, false, 0, FUTEX_BITSET_ALL, TIME_NEVER), -ERESTARTSYS);
	CHECK(list_empty(&futex_bucket(&key)->waiters));
	/* What needs no sleep is done, signal or not. */
	uio_init_kernel(&u, &vec, much, 1);
	check_back(pipe_read(p, &u, false), -ERESTARTSYS);
	uio_init_kernel(&u, &vec, much, PIPE_SLOTS_DEFAULT * PAGE_SIZE + 100);
	check_back(pipe_write(p, &u, false, false), PIPE_SLOTS_DEFAULT * PAGE_SIZE);
	uio_init_kernel(&u, &vec, much, 1);
	check_back(pipe_write(p, &u, false, false), -ERESTARTSYS);
	uio_init_kernel(&u, &vec, much, PAGE_SIZE + 1);
	check_back(pipe_read(p, &u, false), PAGE_SIZE + 1);
	sems[0].value = 1;
	r = taker(&take);
	lock();
	check_back(sem_operate(&set, &r, TIME_NEVER), 0);
	unlock();
	CHECK_EQ(sems[0].last_pid, OWN_PID); /* the request's, and not that of who has done it, which is often its waker */
	check_back(futex_wait((u32 *)PROCESS_MEMORY, false, 1, FUTEX_BITSET_ALL, TIME_NEVER), -EAGAIN);
	forget_signals();
	kfree(much);
}

KTEST(09, a_signal_ends_a_sleep_and_nothing_else)
{
	set_begin();
	KREQUIRE(pipe_create(ends, 0) == 0);
	KREQUIRE(run_as_process(calls_in_vain));
	KEXPECT(!wrong);
	file_put(ends[0]);
	file_put(ends[1]);
}
