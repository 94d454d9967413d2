/*
 * Interval timers (setitimer(2), alarm(2)) and limits of CPU time.
 *
 * ITIMER_REAL is a kernel timer that sends SIGALRM. A repeating one is started again when its signal is taken from the queue, so that a tiny interval
 * cannot keep the machine busy. VIRTUAL, PROF and RLIMIT_CPU are looked at on the way back to user mode after a tick that found one of them set.
 */
#include "proc_priv.h"

#include "abi/time.h"
#include "lib/string.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

static void real_timer_fired(struct timer *t)
{
	struct process_signal *s = container_of(t, struct process_signal, real_timer);

	signal_send_process(s->process, SIGALRM, NULL);
}

void itimer_init(struct process *p)
{
	timer_init(&p->signal->real_timer, real_timer_fired, p);
}

void itimer_exit(struct process *p)
{
	u64 flags;
	struct sighand *h = sighand_lock(p, &flags);
	p->signal->real_interval_ns = 0;
	sighand_unlock(h, flags);
	timer_cancel_sync(&p->signal->real_timer);
}

void itimer_real_rearm(struct process_signal *s)
{
	u64 now = time_ns(), next = s->real_timer.deadline;

	if (!s->real_interval_ns || s->real_timer.cpu >= 0)
		return;
	if (next <= now)
		next += ((now - next) / s->real_interval_ns + 1) * s->real_interval_ns;
	timer_start(&s->real_timer, next);
}

/* --- CPU time ------------------------------------------------------------------------------------------------------ */

static void tick(struct thread *t, bool user __unused)
{
	struct process *p = t->process;

	if (!p || !p->signal || !t->signal || t->signal->exiting)
		return;
	if (READ_ONCE(p->signal->cpu_timers) || p->rlimits[RLIM_CPU].cur != RLIM_INFINITY_ || p->rlimits[RLIM_RTTIME].cur != RLIM_INFINITY_)
		atomic_fetch_or(&t->work, WORK_TIMER);
}
NOTIFIER(thread_tick, tick);

/* One timer against the time that it measures; true if it fired. */
static bool check_one(struct process_signal *s, int which, u64 used)
{
	if (!s->itimer_value[which] || used < s->itimer_value[which])
		return false;
	s->itimer_value[which] = s->itimer_interval[which] ? used + s->itimer_interval[which] : 0;
	return true;
}

/*
 * RLIMIT_RTTIME: how many microseconds a real-time thread may run without sleeping. Past the soft limit SIGXCPU, and again each second; past the hard one the end.
 * Called on the way back to user mode, as above.
 */
static void check_real_time(struct process *p)
{
	struct thread *t = current;
	struct rlimit *limit = &p->rlimits[RLIM_RTTIME];
	u64 soft = READ_ONCE(limit->cur), us = (t->runtime_ns - t->burst_start) / NSEC_PER_USEC;

	if (!t->rt_priority || soft == RLIM_INFINITY_ || us < soft)
		return;
	if (us >= limit->max) {
		signal_send_process(p, SIGKILL, NULL);
		return;
	}
	WRITE_ONCE(limit->cur, soft + 1000000);
	signal_send_thread(t, SIGXCPU, NULL);
}

void itimer_check_cpu(void)
{
	struct process *p = current->process;
	struct process_signal *s = p->signal;
	u64 user, system, flags;

	atomic_fetch_and(&current->work, ~(u32)WORK_TIMER);
	process_times(p, &user, &system);
	struct sighand *h = sighand_lock(p, &flags);
	bool virtual = check_one(s, ITIMER_VIRTUAL, user), prof = check_one(s, ITIMER_PROF, user + system);
	u64 seconds = (user + system) / NSEC_PER_SEC;
	struct rlimit *limit = &p->rlimits[RLIM_CPU];
	bool limited = limit->cur != RLIM_INFINITY_, hard = seconds >= limit->max, soft = limited && seconds >= limit->cur;
	if (soft)
		WRITE_ONCE(limit->cur, limit->cur + 1); /* seen by getrlimit, as on Linux */
	s->cpu_timers = posix_timers_count_cpu(p, user + system) || s->itimer_value[ITIMER_VIRTUAL] || s->itimer_value[ITIMER_PROF];
	sighand_unlock(h, flags);
	posix_timers_fire_cpu(p);
	if (virtual)
		signal_send_process(p, SIGVTALRM, NULL);
	if (prof)
		signal_send_process(p, SIGPROF, NULL);
	if (limited && hard)
		signal_send_process(p, SIGKILL, NULL);
	else if (soft)
		signal_send_process(p, SIGXCPU, NULL);
	check_real_time(p);
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

struct setting {
	u64 value, interval; /* ns; value is what is left, 0: off */
};

static u64 used_by(int which)
{
	u64 user, system;

	process_times(current->process, &user, &system);
	return which == ITIMER_VIRTUAL ? user : user + system;
}

static void get_real(struct process_signal *s, struct setting *old)
{
	u64 now = time_ns();

	old->interval = s->real_interval_ns;
	/* One that is just due still counts as running. */
	old->value = s->real_timer.cpu < 0 ? 0 : s->real_timer.deadline > now ? s->real_timer.deadline - now : NSEC_PER_USEC;
}

static void get_timer(int which, struct setting *old)
{
	struct process_signal *s = current->process->signal;
	u64 flags, used = which == ITIMER_REAL ? 0 : used_by(which);
	struct sighand *h = sighand_lock(current->process, &flags);

	if (which == ITIMER_REAL) {
		get_real(s, old);
	} else {
		u64 at = s->itimer_value[which];
		old->interval = s->itimer_interval[which];
		old->value = !at ? 0 : at > used ? at - used : NSEC_PER_USEC;
	}
	sighand_unlock(h, flags);
}

static void set_timer(int which, const struct setting *new)
{
	struct process *p = current->process;
	struct process_signal *s = p->signal;
	u64 flags, used;

	if (which == ITIMER_REAL)
		timer_cancel_sync(&s->real_timer);
	used = which == ITIMER_REAL ? 0 : used_by(which);
	struct sighand *h = sighand_lock(p, &flags);
	if (which == ITIMER_REAL) {
		s->real_interval_ns = new->interval;
		if (new->value)
			timer_start(&s->real_timer, time_ns() + MIN(new->value, (u64)INT64_MAX / 2));
		else
			timer_cancel(&s->real_timer);
	} else {
		s->itimer_interval[which] = new->interval;
		s->itimer_value[which] = new->value ? used + new->value : 0;
		if (new->value)
			s->cpu_timers = true;
	}
	sighand_unlock(h, flags);
}

static int setting_from_user(struct setting *s, const void __user *from)
{
	struct abi_itimerval v;

	if (copy_from_user(&v, from, sizeof(v)))
		return -EFAULT;
	if (v.value.sec < 0 || v.interval.sec < 0 || (u64)v.value.usec >= 1000000 || (u64)v.interval.usec >= 1000000)
		return -EINVAL;
	s->value = MIN((u64)v.value.sec, INT64_MAX / NSEC_PER_SEC - 1) * NSEC_PER_SEC + v.value.usec * NSEC_PER_USEC;
	s->interval = MIN((u64)v.interval.sec, INT64_MAX / NSEC_PER_SEC - 1) * NSEC_PER_SEC + v.interval.usec * NSEC_PER_USEC;
	return 0;
}

static int setting_to_user(const struct setting *s, void __user *to)
{
	struct abi_itimerval v = {
		.interval = { s->interval / NSEC_PER_SEC, s->interval % NSEC_PER_SEC / NSEC_PER_USEC },
		.value = { s->value / NSEC_PER_SEC, s->value % NSEC_PER_SEC / NSEC_PER_USEC },
	};
	return copy_to_user(to, &v, sizeof(v)) ? -EFAULT : 0;
}

long sys_getitimer(int which, void __user *value)
{
	struct setting old;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	get_timer(which, &old);
	return setting_to_user(&old, value);
}

long sys_setitimer(int which, const void __user *new, void __user *old_out)
{
	struct setting in = { 0, 0 }, old;

	if (new) {
		int err = setting_from_user(&in, new);
		if (err)
			return err;
	}
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	get_timer(which, &old);
	set_timer(which, &in);
	return old_out ? setting_to_user(&old, old_out) : 0;
}

long sys_alarm(unsigned seconds)
{
	struct setting in = { seconds * NSEC_PER_SEC, 0 }, old;

	get_timer(ITIMER_REAL, &old);
	set_timer(ITIMER_REAL, &in);
	u64 left = old.value / NSEC_PER_SEC, rest = old.value % NSEC_PER_SEC;
	/* Rounded, but never to "none" while one was set. */
	return left + (rest >= NSEC_PER_SEC / 2 || (!left && rest));
}
