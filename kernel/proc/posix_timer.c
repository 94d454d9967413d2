/*
 * POSIX timers (timer_create(2)).
 *
 *   fires ─► one signal in the queue ─► taken from the queue: overruns are counted, the next period is started
 *
 * A periodic timer is started again only when its signal is taken (as ITIMER_REAL), so that a tiny interval costs nothing while nobody listens, and a
 * timer has at most one signal in a queue: its data are never lost to "already pending". Where the signal is ignored, nobody takes it; then the timer
 * starts itself again, at most once in a tick.
 *
 * Clocks of CPU time have no timers here; timer_create says so (ENOTSUP). setitimer has them.
 *
 * Locks: the list and all fields are under the process's sighand->lock. Who deletes takes the timer off the list under it, then waits for fired()
 * without it.
 */
#include "proc_priv.h"

#include "abi/time.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

#define OVERRUN_MAX 0x7fffffff

struct posix_timer {
	struct list link;       /* process_signal.posix_timers */
	struct process *process;
	struct thread *thread;  /* counted: to whom (SIGEV_THREAD_ID), else NULL */
	struct timer timer;
	int id, clock, signo, notify;
	u64 value;              /* the program's, for siginfo */
	u64 deadline;           /* time_ns(); 0: not armed */
	u64 interval;           /* 0: once */
	int overrun;            /* of the signal that was taken last */
	bool told;              /* fired for `deadline`, and the next period is not yet started */
};

/* Lock held. Goes on to the first period that is still to come; how many were passed over. */
static u64 forward(struct posix_timer *t, u64 now)
{
	u64 missed = 0;

	if (!t->interval) {
		t->deadline = 0;
		return 0;
	}
	if (now >= t->deadline)
		missed = (now - t->deadline) / t->interval;
	t->deadline += (missed + 1) * t->interval;
	return missed;
}

static void start(struct posix_timer *t)
{
	t->told = false;
	if (t->deadline)
		timer_start(&t->timer, t->deadline);
}

/* No locks. Tells the program; an ignored signal, or one without room, is tried again later. */
static void tell(struct posix_timer *t)
{
	struct abi_siginfo info;
	u64 flags;
	int err;

	if (t->notify == SIGEV_NONE)
		return;
	memset(&info, 0, sizeof(info));
	info.signo = t->signo;
	info.code = SI_TIMER;
	info.timer.timer_id = t->id;
	info.timer.value = t->value;
	err = signal_send_from(t->process, t->thread, t->signo, &info);
	if (!err && !signal_is_ignored(t->process, t->signo))
		return;
	struct sighand *h = sighand_lock(t->process, &flags);
	if (t->told && !list_empty(&t->link) && t->interval) {
		u64 now = time_ns();
		forward(t, now);
		t->deadline = MAX(t->deadline, now + time_tick_ns);
		start(t);
	}
	sighand_unlock(h, flags);
}

static void fired(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	u64 flags;
	struct sighand *h = sighand_lock(t->process, &flags);
	/* It may have been set anew just now. */
	bool due = t->deadline && !t->told && time_ns() >= t->deadline;

	if (due)
		t->told = true;
	sighand_unlock(h, flags);
	if (due)
		tell(t);
}

void posix_timer_taken(struct process *p, struct abi_siginfo *info)
{
	struct posix_timer *t;

	list_for_each(t, &p->signal->posix_timers, link) {
		if (t->id != info->timer.timer_id)
			continue;
		t->overrun = 0;
		if (t->told) {
			t->overrun = MIN(forward(t, time_ns()), (u64)OVERRUN_MAX);
			start(t);
		}
		info->timer.overrun = t->overrun;
		return;
	}
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

/* Lock held. */
static struct posix_timer *find(int id)
{
	struct posix_timer *t;

	list_for_each(t, &current->process->signal->posix_timers, link)
		if (t->id == id)
			return t;
	return NULL;
}

/* It is in no list any more. */
static void destroy(struct posix_timer *t)
{
	timer_cancel_sync(&t->timer);
	if (t->thread)
		thread_put(t->thread);
	kfree(t);
}

void posix_timers_exit(struct process *p)
{
	for (;;) {
		struct posix_timer *t = NULL;
		u64 flags;
		struct sighand *h = sighand_lock(p, &flags);
		if (!list_empty(&p->signal->posix_timers)) {
			t = list_first(&p->signal->posix_timers, struct posix_timer, link);
			t->deadline = 0;
			list_del(&t->link);
			p->signal->posix_timer_count--;
		}
		sighand_unlock(h, flags);
		if (!t)
			return;
		destroy(t);
	}
}

static int clock_check(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

static int event_check(struct posix_timer *t, const struct abi_sigevent *e)
{
	switch (e->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_THREAD_ID:
		t->thread = thread_find(e->tid);
		if (!t->thread || t->thread->process != current->process)
			return -EINVAL;
		/* fall through */
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		return e->signo >= 1 && e->signo <= NSIG ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* Gives it a number and hangs it in the list. */
static int publish(struct posix_timer *t, bool value_is_id)
{
	struct process *p = current->process;
	u64 flags;
	struct sighand *h = sighand_lock(p, &flags);
	bool room = p->signal->posix_timer_count < p->rlimits[RLIM_SIGPENDING].cur;

	if (room) {
		p->signal->posix_timer_count++;
		do {
			t->id = p->signal->next_posix_timer++ & OVERRUN_MAX;
		} while (find(t->id));
		if (value_is_id)
			t->value = t->id;
		list_add_tail(&p->signal->posix_timers, &t->link);
	}
	sighand_unlock(h, flags);
	return room ? 0 : -EAGAIN;
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

long sys_timer_delete(int id)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct posix_timer *t = find(id);

	if (t) {
		t->deadline = 0;
		list_del(&t->link);
		current->process->signal->posix_timer_count--;
	}
	sighand_unlock(h, flags);
	if (!t)
		return -EINVAL;
	destroy(t);
	return 0;
}

long sys_timer_create(int clock, const void __user *event, void __user *id_out)
{
	struct abi_sigevent e = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	struct posix_timer *t;
	int err = clock_check(clock);

	if (event && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	if (err && clock >= 0)
		return err;
	if (err) { /* a process' clock: looked for last */
		u32 none = 0;
		return copy_to_user(id_out, &none, sizeof(none)) ? -EFAULT : err;
	}
	t = kzalloc(sizeof(*t), 0);
	if (!t)
		return -EAGAIN;
	list_init(&t->link);
	timer_init(&t->timer, fired, NULL);
	t->process = current->process;
	t->clock = clock;
	t->signo = e.signo;
	t->notify = e.notify;
	t->value = e.value;
	err = event_check(t, &e);
	if (!err)
		err = publish(t, !event);
	if (err) {
		destroy(t);
		return err;
	}
	if (copy_to_user(id_out, &t->id, sizeof(t->id))) {
		sys_timer_delete(t->id);
		return -EFAULT;
	}
	return 0;
}

/* Lock held. */
static void get(const struct posix_timer *t, u64 *left, u64 *interval)
{
	u64 now = time_ns(), deadline = t->deadline;

	*interval = t->interval;
	*left = 0;
	if (!deadline)
		return;
	if (now >= deadline && t->interval && (t->told || t->notify == SIGEV_NONE))
		deadline += ((now - deadline) / t->interval + 1) * t->interval;
	if (deadline > now)
		*left = deadline - now;
	else if (!t->told && t->notify != SIGEV_NONE)
		*left = 1; /* just due: it still counts as running */
}

static int setting_to_user(void __user *to, u64 left, u64 interval)
{
	struct abi_itimerspec v = {
		.interval = { interval / NSEC_PER_SEC, interval % NSEC_PER_SEC },
		.value = { left / NSEC_PER_SEC, left % NSEC_PER_SEC },
	};

	return copy_to_user(to, &v, sizeof(v)) ? -EFAULT : 0;
}

long sys_timer_gettime(int id, void __user *setting)
{
	u64 flags, left = 0, interval = 0;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct posix_timer *t = find(id);

	if (t)
		get(t, &left, &interval);
	sighand_unlock(h, flags);
	return t ? setting_to_user(setting, left, interval) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct posix_timer *t = find(id);
	int overrun = t ? t->overrun : -EINVAL;

	sighand_unlock(h, flags);
	return overrun;
}

static u64 deadline_of(int clock, u64 value, bool absolute)
{
	u64 base;

	if (!absolute)
		return time_ns() + MIN(value, (u64)INT64_MAX / 2);
	if (clock != CLOCK_REALTIME && clock != CLOCK_TAI && clock != CLOCK_REALTIME_ALARM)
		return value;
	base = time_boot_realtime_ns() + (clock == CLOCK_TAI ? clock_tai_offset() * NSEC_PER_SEC : 0);
	return value > base ? value - base : 1;
}

long sys_timer_settime(int id, int how, const void __user *new, void __user *old)
{
	const struct abi_itimerspec __user *in = new;
	u64 flags, value, interval, left = 0, old_interval = 0;
	int err;

	if (!new)
		return -EINVAL;
	err = timespec_from_user(&interval, &in->interval);
	if (!err)
		err = timespec_from_user(&value, &in->value);
	if (err)
		return err;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct posix_timer *t = find(id);
	if (t) {
		get(t, &left, &old_interval);
		timer_cancel(&t->timer);
		t->interval = value ? interval : 0;
		t->deadline = value ? deadline_of(t->clock, value, how & TIMER_ABSTIME) : 0;
		t->overrun = 0;
		start(t);
	}
	sighand_unlock(h, flags);
	if (!t)
		return -EINVAL;
	return old ? setting_to_user(old, left, old_interval) : 0;
}
