/*
 * nanosleep and clock_nanosleep. A relative sleep that a signal without handler interrupts (a stop and continue) goes on where it was: restart_syscall(2)
 * finds the deadline in the thread's restart data. With a handler it ends with EINTR, and tells what is left.
 */
#include "proc_priv.h"

#include "abi/time.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

enum { RESTART_DEADLINE, RESTART_REMAINING };

static WAIT_QUEUE(sleepers);

static long sleep_until(u64 deadline, void __user *rem);

static long sleep_again(u64 *data)
{
	return sleep_until(data[RESTART_DEADLINE], (void __user *)data[RESTART_REMAINING]);
}

/* Sleeps to a point of time_ns(). 0, or -ERESTART_RESTARTBLOCK after having prepared it. */
static long sleep_until(u64 deadline, void __user *rem)
{
	long err = wait_event_interruptible_until(&sleepers, false, deadline);

	if (err == -ETIMEDOUT)
		return 0;
	u64 now = time_ns();
	if (now >= deadline)
		return 0;
	if (rem && timespec_to_user(rem, deadline - now))
		return -EFAULT;
	current->restart_data[RESTART_DEADLINE] = deadline;
	current->restart_data[RESTART_REMAINING] = (u64)rem;
	current->restart_fn = sleep_again;
	return -ERESTART_RESTARTBLOCK;
}

static u64 deadline_after(u64 ns)
{
	u64 now = time_ns();

	return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

long sys_nanosleep(const void __user *req, void __user *rem)
{
	u64 ns;
	int err = timespec_from_user(&ns, req);

	return err ? err : sleep_until(deadline_after(ns), rem);
}

/* Sleeps until the process has used so much CPU time: nobody tells of that, so it looks again. */
static long sleep_cpu(u64 target)
{
	while (process_cpu_ns(current->process) < target) {
		long err = wait_event_interruptible_until(&sleepers, false, time_ns() + MAX((target - process_cpu_ns(current->process)) / 2, NSEC_PER_MSEC));
		if (err == -ERESTARTSYS)
			return -ERESTARTNOHAND;
	}
	return 0;
}

/* To a point of real time, which may be set meanwhile. */
static long sleep_realtime(u64 target)
{
	long err = wait_event_interruptible_until(&sleepers, false, time_real_point(target));

	return err == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
}

static long sleep_monotonic(u64 target)
{
	long err = wait_event_interruptible_until(&sleepers, false, target);

	return err == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
}

long sys_clock_nanosleep(int clock, int flags, const void __user *req, void __user *rem)
{
	u64 ns;

	switch (clock) {
	case CLOCK_REALTIME: case CLOCK_MONOTONIC: case CLOCK_BOOTTIME: case CLOCK_TAI: case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_REALTIME_ALARM: case CLOCK_BOOTTIME_ALARM:
		break;
	case CLOCK_THREAD_CPUTIME_ID: case CLOCK_MONOTONIC_RAW: case CLOCK_REALTIME_COARSE: case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		/* The clocks of other processes can be named, but not slept by. */
		return clock < 0 && timespec_from_user(&ns, req) == -EFAULT ? -EFAULT : -EINVAL;
	}
	int err = timespec_from_user(&ns, req);
	if (err)
		return err;
	err = clock_may_wait(clock);
	if (err)
		return err;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_cpu(flags & TIMER_ABSTIME ? ns : process_cpu_ns(current->process) + ns);
	if (!(flags & TIMER_ABSTIME))
		return sleep_until(deadline_after(ns), rem);
	if (clock == CLOCK_TAI)
		ns -= MIN(ns, clock_tai_offset() * NSEC_PER_SEC);
	if (clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM)
		return sleep_realtime(ns);
	return sleep_monotonic(ns);
}
