/*
 * POSIX timers (timer_create(2)).
 *
 *   fires ─► one signal in the queue ─► taken from the queue: overruns are counted, the next period is started
 *
 * A periodic timer is started again only when its signal is taken (as ITIMER_REAL), so that a tiny interval costs nothing while nobody listens, and a
 * timer has at most one signal in a queue: its data are never lost to "already pending". Where the signal is ignored, nobody takes it; then the timer
 * starts itself again, at most once in a tick.
 *
 * Timers of CPU time (of the own process or one of its threads) have no kernel timer: itimer.c's look after each tick asks for those that are due. What a
 * process has used cannot be counted under sighand->lock, so who takes that lock counts before (cpu_seen); since a tick looks, it is never old.
 *
 * Locks: the list and all fields are under the process's sighand->lock. Who deletes takes the timer off the list under it, then waits for fired()
 * without it. A signal is sent without the lock, from a note that holds all that is needed of the timer: it may be gone by then.
 */
#include "proc_priv.h"

#include "abi/time.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

#define OVERRUN_MAX 0x7fffffff
#define CLOCK_OF_A_FILE 3 /* the low bits of ~fd << 3 | 3: a clock that a device has */

struct posix_timer {
	struct list link;       /* process_signal.posix_timers */
	struct process *process;
	struct thread *thread;  /* counted: to whom (SIGEV_THREAD_ID), else NULL */
	struct thread *measured; /* counted: whose CPU time, else NULL */
	bool cpu;               /* of CPU time: that of `measured`, or of the process */
	bool real;              /* set to a point of the real time, which may be set meanwhile */
	struct timer timer;
	int id, clock, signo, notify;
	u64 value;              /* the program's, for siginfo */
	u64 deadline;           /* as now_of() counts; 0: not armed */
	u64 interval;           /* 0: once */
	int overrun;            /* of the signal that was taken last */
	bool known;             /* whole: calls find it. Until then it is its creator's alone */
	bool told;              /* fired for `deadline`, and the next period is not yet started */
};

/* Lock held. */
static u64 now_of(const struct posix_timer *t)
{
	if (!t->cpu)
		return t->real ? time_realtime_ns() : time_ns();
	return t->measured ? thread_runtime(t->measured) : t->process->signal->cpu_seen;
}

/* sighand_lock() of the caller's process, with its CPU time counted. */
static struct sighand *lock_counted(u64 *flags)
{
	u64 used = process_cpu_ns(current->process);
	struct sighand *h = sighand_lock(current->process, flags);

	current->process->signal->cpu_seen = used;
	return h;
}

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
	if (!t->deadline)
		return;
	if (t->cpu)
		WRITE_ONCE(t->process->signal->cpu_timers, true);
	else
		timer_start(&t->timer, t->real ? time_real_point(t->deadline) : MIN(t->deadline, (u64)INT64_MAX));
}

/* Lock held. Also one that is still being made. */
static struct posix_timer *find_any(struct process *p, int id)
{
	struct posix_timer *t;

	list_for_each(t, &p->signal->posix_timers, link)
		if (t->id == id)
			return t;
	return NULL;
}

/* Lock held. */
static struct posix_timer *find(struct process *p, int id)
{
	struct posix_timer *t = find_any(p, id);

	return t && t->known ? t : NULL;
}

/* What is to be sent for a timer. */
struct note {
	struct process *process;
	struct thread *thread; /* counted, or NULL */
	struct abi_siginfo info;
};

/* Lock held. If it is due, marks it and fills the note; false if there is nothing to send. */
static bool is_due(struct posix_timer *t, struct note *n)
{
	if (!t->deadline || t->told || now_of(t) < t->deadline || t->notify == SIGEV_NONE)
		return false;
	t->told = true;
	memset(n, 0, sizeof(*n));
	n->process = t->process;
	n->thread = t->thread;
	if (n->thread)
		thread_get(n->thread);
	n->info.signo = t->signo;
	n->info.code = SI_TIMER;
	n->info.timer.timer_id = t->id;
	n->info.timer.value = t->value;
	return true;
}

/* No locks. Tells the program; an ignored signal, or one without room, is tried again later. */
static void tell(struct note *n)
{
	u64 flags;
	int err = signal_send_from(n->process, n->thread, n->info.signo, &n->info);

	if (n->thread)
		thread_put(n->thread);
	if (!err && !signal_is_ignored(n->process, n->info.signo))
		return;
	struct sighand *h = sighand_lock(n->process, &flags);
	struct posix_timer *t = find(n->process, n->info.timer.timer_id);
	if (t && t->told && t->interval) {
		u64 now = now_of(t);
		forward(t, now);
		t->deadline = MAX(t->deadline, now + time_tick_ns);
		start(t);
	}
	sighand_unlock(h, flags);
}

static void fired(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	struct note n;
	u64 flags;
	struct sighand *h = sighand_lock(t->process, &flags);
	/* It may have been set anew just now. */
	bool due = is_due(t, &n);

	if (t->deadline && !t->told && now_of(t) < t->deadline)
		start(t); /* the clock was set back just now */
	sighand_unlock(h, flags);
	if (due)
		tell(&n);
}

bool posix_timers_count_cpu(struct process *p, u64 used)
{
	struct posix_timer *t;

	p->signal->cpu_seen = used;
	list_for_each(t, &p->signal->posix_timers, link)
		if (t->cpu && t->deadline && t->notify != SIGEV_NONE) /* told too: its overruns are counted by cpu_seen */
			return true;
	return false;
}

void posix_timers_fire_cpu(struct process *p)
{
	struct posix_timer *t;
	struct note n;
	bool due;

	do {
		u64 flags;
		struct sighand *h = sighand_lock(p, &flags);
		due = false;
		list_for_each(t, &p->signal->posix_timers, link) {
			due = t->cpu && is_due(t, &n);
			if (due)
				break;
		}
		sighand_unlock(h, flags);
		if (due)
			tell(&n);
	} while (due);
}

void posix_timer_taken(struct process *p, struct abi_siginfo *info)
{
	struct posix_timer *t;

	list_for_each(t, &p->signal->posix_timers, link) {
		if (t->id != info->timer.timer_id)
			continue;
		t->overrun = 0;
		if (t->told) {
			t->overrun = MIN(forward(t, now_of(t)), (u64)OVERRUN_MAX);
			start(t);
		}
		info->timer.overrun = t->overrun;
		return;
	}
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

/* Lock held. */
static void take_off(struct posix_timer *t)
{
	t->deadline = 0;
	list_del(&t->link);
	t->process->signal->posix_timer_count--;
}

/* It is in no list any more. */
static void destroy(struct posix_timer *t)
{
	timer_cancel_sync(&t->timer);
	if (t->thread)
		thread_put(t->thread);
	if (t->measured)
		thread_put(t->measured);
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
			take_off(t);
		}
		sighand_unlock(h, flags);
		if (!t)
			return;
		destroy(t);
	}
}

/* May timers be made on the clock at all? Those with a negative number are looked for later (owner_check). */
static int clock_check(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	}
	if (clock >= 0)
		return -EINVAL;
	return (clock & 7) == CLOCK_OF_A_FILE ? -EOPNOTSUPP : 0;
}

/*
 * May the caller have a timer on this clock? 0; -EPERM for one that wakes the machine. A clock of CPU time: whose is it? -EINVAL for what is not the caller's
 * process or in it.
 */
static int owner_check(struct posix_timer *t)
{
	int clock = t->clock;

	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		clock = CPU_CLOCK_OF(0, clock == CLOCK_THREAD_CPUTIME_ID);
	if (clock >= 0)
		return clock_may_wait(clock);
	if ((clock & 3) == 3)
		return -EINVAL;
	int id = ~(clock >> 3);
	struct thread *who = id ? thread_find(id) : current;
	if (!id)
		thread_get(current);
	if (!who || who->process != current->process || (!(clock & CPU_CLOCK_THREAD) && id && id != current->process->pid)) {
		if (who)
			thread_put(who);
		return -EINVAL;
	}
	t->cpu = true;
	if (clock & CPU_CLOCK_THREAD)
		t->measured = who;
	else
		thread_put(who);
	return 0;
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

/* Gives it a number and hangs it in the list; nobody finds it there yet. */
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
		} while (find_any(p, t->id));
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
	struct posix_timer *t = find(current->process, id);

	if (t)
		take_off(t);
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
	u64 flags;

	if (event && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	if (err)
		return err;
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
	err = copy_to_user(id_out, &t->id, sizeof(t->id)) ? -EFAULT : owner_check(t);
	struct sighand *h = sighand_lock(t->process, &flags);
	if (err)
		take_off(t);
	else
		t->known = true;
	sighand_unlock(h, flags);
	if (err)
		destroy(t);
	return err;
}

/* Lock held. */
static void get(const struct posix_timer *t, u64 *left, u64 *interval)
{
	u64 now = now_of(t), deadline = t->deadline;

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
	struct sighand *h = lock_counted(&flags);
	struct posix_timer *t = find(current->process, id);

	if (t)
		get(t, &left, &interval);
	sighand_unlock(h, flags);
	return t ? setting_to_user(setting, left, interval) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct posix_timer *t = find(current->process, id);
	int overrun = t ? t->overrun : -EINVAL;

	sighand_unlock(h, flags);
	return overrun;
}

/* A time that is not 0, relative or absolute, as now_of() will count. */
static u64 set_deadline(struct posix_timer *t, u64 value, bool absolute)
{
	u64 ahead = t->clock == CLOCK_TAI ? clock_tai_offset() * NSEC_PER_SEC : 0;

	t->real = absolute && (t->clock == CLOCK_REALTIME || t->clock == CLOCK_TAI || t->clock == CLOCK_REALTIME_ALARM);
	if (!absolute)
		return now_of(t) + MIN(value, (u64)INT64_MAX / 2);
	return t->real && value <= ahead ? 1 : value - (t->real ? ahead : 0);
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
	struct sighand *h = lock_counted(&flags);
	struct posix_timer *t = find(current->process, id);
	if (t) {
		get(t, &left, &old_interval);
		timer_cancel(&t->timer);
		t->interval = value ? interval : 0;
		t->deadline = value ? set_deadline(t, value, how & TIMER_ABSTIME) : 0;
		t->overrun = 0;
		start(t);
	}
	sighand_unlock(h, flags);
	if (!t)
		return -EINVAL;
	return old ? setting_to_user(old, left, old_interval) : 0;
}
