/* Clocks of programs: clock_gettime and its kin, gettimeofday, time, times; CPU-time clocks of processes and threads. */
#include "proc_priv.h"

#include "abi/time.h"
#include "lib/string.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

int timespec_from_user(u64 *ns, const void __user *from)
{
	struct abi_timespec ts;

	if (copy_from_user(&ts, from, sizeof(ts)))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	*ns = (u64)ts.sec >= INT64_MAX / NSEC_PER_SEC ? INT64_MAX : (u64)ts.sec * NSEC_PER_SEC + ts.nsec;
	return 0;
}

int timespec_to_user(void __user *to, u64 ns)
{
	struct abi_timespec ts = { .sec = ns / NSEC_PER_SEC, .nsec = ns % NSEC_PER_SEC };

	return copy_to_user(to, &ts, sizeof(ts)) ? -EFAULT : 0;
}

void process_times(struct process *p, u64 *user_ns, u64 *system_ns)
{
	struct usage u;

	usage_of_process(p, &u);
	*user_ns = u.user_ns;
	*system_ns = u.system_ns;
}

u64 process_cpu_ns(struct process *p)
{
	struct usage u;

	usage_of_process(p, &u);
	return u.user_ns + u.system_ns;
}

static int cpu_clock(int clock, u64 *ns)
{
	int id = ~(clock >> 3), kind = clock & 3;
	int err = -EINVAL;

	if (kind == 3)
		return -EINVAL;
	struct thread *t = id ? thread_find(id) : current;
	if (!t)
		return -EINVAL;
	if (!t->process)
		goto put;
	err = 0;
	if (clock & CPU_CLOCK_THREAD) {
		if (t->process == current->process)
			*ns = thread_runtime(t);
		else
			err = -EINVAL;
	} else {
		*ns = process_cpu_ns(t->process);
	}
put:
	if (id)
		thread_put(t);
	return err;
}

int clock_may_wait(int clock)
{
	bool wakes = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;

	return wakes && !capable(CAP_WAKE_ALARM) ? -EPERM : 0;
}

static int read_clock(int clock, u64 *ns)
{
	if (clock < 0)
		return cpu_clock(clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		*ns = time_realtime_ns();
		return 0;
	case CLOCK_REALTIME_COARSE:
		*ns = time_realtime_coarse_ns();
		return 0;
	case CLOCK_TAI:
		*ns = time_realtime_ns() + clock_tai_offset() * NSEC_PER_SEC;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = time_ns();
		return 0;
	case CLOCK_MONOTONIC_COARSE:
		*ns = time_coarse_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_cpu_ns(current->process);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = thread_runtime(current);
		return 0;
	}
	return -EINVAL;
}

long sys_clock_gettime(int clock, void __user *ts)
{
	u64 ns;
	int err = read_clock(clock, &ns);

	return err ? err : timespec_to_user(ts, ns);
}

long sys_clock_getres(int clock, void __user *ts)
{
	u64 ns;
	int err = read_clock(clock, &ns);

	if (err)
		return err;
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	return ts ? timespec_to_user(ts, coarse ? TIME_COARSE_NS : 1) : 0;
}

long sys_clock_settime(int clock, const void __user *ts)
{
	u64 ns;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	int err = timespec_from_user(&ns, ts);
	if (err)
		return err;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (ns < time_ns())
		return -EINVAL;
	time_set_realtime(ns);
	clock_was_set();
	return 0;
}

struct abi_timezone {
	s32 minutes_west, dst;
};
static struct abi_timezone timezone; /* nobody uses it; told as it was set */

long sys_gettimeofday(void __user *tv, void __user *tz)
{
	u64 ns = time_realtime_ns();
	struct abi_timeval now = { .sec = ns / NSEC_PER_SEC, .usec = ns % NSEC_PER_SEC / NSEC_PER_USEC };

	if (tv && copy_to_user(tv, &now, sizeof(now)))
		return -EFAULT;
	return tz && copy_to_user(tz, &timezone, sizeof(timezone)) ? -EFAULT : 0;
}

long sys_settimeofday(const void __user *tv, const void __user *tz)
{
	struct abi_timeval t;
	struct abi_timezone z;

	if (tv && copy_from_user(&t, tv, sizeof(t)))
		return -EFAULT;
	if (tv && (t.usec < 0 || t.usec > 1000000))
		return -EINVAL;
	if (tz && copy_from_user(&z, tz, sizeof(z)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (tv && (t.sec < 0 || (u64)t.sec > INT64_MAX / NSEC_PER_SEC || (u64)t.sec * NSEC_PER_SEC < time_ns()))
		return -EINVAL;
	if (tz && (z.minutes_west > 15 * 60 || z.minutes_west < -15 * 60))
		return -EINVAL;
	if (tz)
		timezone = z;
	if (tv) {
		time_set_realtime((u64)t.sec * NSEC_PER_SEC + (u64)t.usec * NSEC_PER_USEC);
		clock_was_set();
	}
	return 0;
}

long sys_time(void __user *t)
{
	u64 seconds = time_realtime_ns() / NSEC_PER_SEC;

	if (t && put_user_u64(seconds, t))
		return -EFAULT;
	return seconds;
}

long sys_times(void __user *tms)
{
	struct usage u, children;
	const u64 tick = NSEC_PER_SEC / USER_HZ;

	if (tms) {
		usage_of_process(current->process, &u);
		spin_lock(&process_tree_lock);
		usage_of_children(current->process, &children);
		spin_unlock(&process_tree_lock);
		u64 out[4] = { u.user_ns / tick, u.system_ns / tick, children.user_ns / tick, children.system_ns / tick };
		if (copy_to_user(tms, out, sizeof(out)))
			return -EFAULT;
	}
	return time_ns() / tick;
}
