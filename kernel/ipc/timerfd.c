/*
 * timerfd: a timer that is read.
 *
 * The timer interrupt only notes that the time came. How many periods have passed is worked out at the next read, which also starts the timer again:
 * however short the period is, an unread timer interrupts once.
 *
 * One that is set to a point of the real time follows that clock when it is set (time/timer.c moves it). Who asked for it (TFD_TIMER_CANCEL_ON_SET) is told
 * by ECANCELED: such timers stand in a list.
 *
 * Locks: cancel_lock, which guards the list -> timerfd.lock.
 */
#include "ipc_priv.h"

#include "core/atomic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

#define TFD_TIMER_ABSTIME 1
#define TFD_TIMER_CANCEL_ON_SET 2

struct timerfd {
	struct spinlock lock;
	int clock;
	bool real;     /* lock: set to a point of the real time */
	u64 deadline;  /* lock: by now_of(); 0: not armed */
	u64 interval;  /* lock: ns; 0: once */
	bool expired;  /* lock: the timer ran, and nobody read */
	u8 flags;      /* lock: as it was set, TFD_TIMER_* */
	struct timer timer;
	struct wait_queue wait;
	struct list cancel_link; /* cancel_lock */
	bool canceled;           /* lock: the clock was set, and nobody was told */
};
static MUTEX(cancel_lock, RANK_SUBSYS_MUTEX);
static struct list cancelable = LIST_INIT(cancelable);

/* lock held */
static u64 now_of(const struct timerfd *t) { return t->real ? time_realtime_ns() : time_ns(); }

/* lock held */
static void start(struct timerfd *t)
{
	timer_start(&t->timer, t->real ? time_real_point(t->deadline) : MIN(t->deadline, (u64)INT64_MAX));
}

static void fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	u64 flags = spin_lock_irqsave(&t->lock);

	/* It may have been set anew just now, or the clock set back. */
	if (t->deadline && now_of(t) >= t->deadline)
		t->expired = true;
	else if (t->deadline)
		start(t);
	spin_unlock_irqrestore(&t->lock, flags);
	wait_wake(&t->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
}

static void cancel_all(void)
{
	struct timerfd *t;

	mutex_lock(&cancel_lock);
	list_for_each(t, &cancelable, cancel_link) {
		u64 flags = spin_lock_irqsave(&t->lock);
		t->canceled = true;
		spin_unlock_irqrestore(&t->lock, flags);
		wait_wake(&t->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	}
	mutex_unlock(&cancel_lock);
}
NOTIFIER(realtime_set, cancel_all);

static void set_cancelable(struct timerfd *t, bool on)
{
	mutex_lock(&cancel_lock);
	list_del(&t->cancel_link);
	if (on)
		list_add_tail(&cancelable, &t->cancel_link);
	u64 flags = spin_lock_irqsave(&t->lock);
	t->canceled &= on;
	spin_unlock_irqrestore(&t->lock, flags);
	mutex_unlock(&cancel_lock);
}

/* lock held. Expirations since the last time they were taken; the timer's next period is set up. */
static u64 take(struct timerfd *t)
{
	u64 ticks = 1, now = now_of(t);

	if (!t->expired)
		return 0;
	t->expired = false;
	if (!t->interval) {
		t->deadline = 0;
		return 1;
	}
	if (now > t->deadline)
		ticks += (now - t->deadline) / t->interval;
	t->deadline += ticks * t->interval;
	start(t);
	return ticks;
}

static ssize_t timerfd_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct timerfd *t = f->private;
	u64 ticks;

	if (to->left < sizeof(ticks))
		return -EINVAL;
	for (;;) {
		u64 flags = spin_lock_irqsave(&t->lock);
		bool canceled = t->canceled;
		t->canceled = false;
		if (canceled && t->expired) /* what it counted goes, too */
			t->deadline = t->expired = 0;
		ticks = canceled ? 0 : take(t);
		spin_unlock_irqrestore(&t->lock, flags);
		if (canceled)
			return -ECANCELED;
		if (ticks)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		long err = wait_event_interruptible(&t->wait, READ_ONCE(t->expired) || READ_ONCE(t->canceled));
		if (err)
			return err;
	}
	return uio_write(to, &ticks, sizeof(ticks)) == sizeof(ticks) ? (ssize_t)sizeof(ticks) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(pt, f, &t->wait);
	smp_mb();
	return READ_ONCE(t->expired) || READ_ONCE(t->canceled) ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	set_cancelable(t, false);
	timer_cancel_sync(&t->timer);
	kfree(t);
}

static int timerfd_show(struct file *f, struct seq *s)
{
	struct timerfd *t = f->private;
	u64 irq = spin_lock_irqsave(&t->lock), now = now_of(t), left = t->deadline > now ? t->deadline - now : 0, interval = t->interval;
	int clock = t->clock, ticks = t->expired, flags = t->flags;

	spin_unlock_irqrestore(&t->lock, irq);
	seq_printf(s, "clockid: %d\nticks: %d\nsettime flags: 0%o\nit_value: (%lu, %lu)\nit_interval: (%lu, %lu)\n", clock, ticks, flags,
		   left / NSEC_PER_SEC, left % NSEC_PER_SEC, interval / NSEC_PER_SEC, interval % NSEC_PER_SEC);
	return 0;
}

static const struct file_ops timerfd_ops = {
	.name = "[timerfd]",
	.no_splice = NO_SPLICE,
	.lseek = ipc_no_lseek,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.show_fdinfo = timerfd_show,
	.release = timerfd_release,
};

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *t;
	long fd;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	if (clock_may_wait(clock))
		return -EPERM;
	t = kzalloc(sizeof(*t), 0);
	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, "timerfd", RANK_TIMERFD);
	t->clock = clock;
	list_init(&t->cancel_link);
	timer_init(&t->timer, fired, NULL);
	wait_queue_init(&t->wait);
	fd = ipc_new_fd("anon_inode:[timerfd]", &timerfd_ops, O_RDWR | (flags & O_NONBLOCK), flags & O_CLOEXEC, t);
	if (fd < 0)
		kfree(t);
	return fd;
}

static struct abi_timespec to_timespec(u64 ns)
{
	return (struct abi_timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

/* lock held */
static void current_setting(struct timerfd *t, struct abi_itimerspec *out)
{
	u64 now = now_of(t), left = 0;

	if (t->deadline) {
		u64 next = t->deadline;
		/* The period that runs now, although the timer itself waits for a read. */
		if (t->expired && t->interval && now > next)
			next += ((now - next) / t->interval + 1) * t->interval;
		left = next > now ? next - now : t->expired && !t->interval ? 0 : 1;
	}
	*out = (struct abi_itimerspec){ to_timespec(t->interval), to_timespec(left) };
}

static struct fdref timerfd_get(int fd, struct timerfd **t, long *err)
{
	struct fdref r = fdref_get(fd, false);

	*err = 0;
	if (!r.file) {
		*err = -EBADF;
	} else if (r.file->ops != &timerfd_ops) {
		fdref_put(r);
		*err = -EINVAL;
	} else {
		*t = r.file->private;
	}
	return r;
}

long sys_timerfd_settime(int fd, int flags, const void __user *new, void __user *old)
{
	struct abi_itimerspec set, before;
	struct timerfd *t;
	u64 value, interval, irq;
	bool real, canceled;
	long err;

	if (copy_from_user(&set, new, sizeof(set)))
		return -EFAULT;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) || timespec_ns(&set.value, &value) || timespec_ns(&set.interval, &interval))
		return -EINVAL;
	struct fdref r = timerfd_get(fd, &t, &err);
	if (err)
		return err;
	if (clock_may_wait(t->clock)) {
		fdref_put(r);
		return -EPERM;
	}
	real = flags & TFD_TIMER_ABSTIME && (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM);
	set_cancelable(t, real && flags & TFD_TIMER_CANCEL_ON_SET);
	timer_cancel_sync(&t->timer);
	irq = spin_lock_irqsave(&t->lock);
	current_setting(t, &before);
	t->real = real;
	t->deadline = !value || flags & TFD_TIMER_ABSTIME ? value : deadline_after(value);
	t->interval = interval;
	t->flags = (u8)flags;
	t->expired = false;
	if (value)
		start(t);
	/* It is set all the same. */
	canceled = value && t->canceled;
	if (canceled)
		t->canceled = false;
	spin_unlock_irqrestore(&t->lock, irq);
	fdref_put(r);
	if (canceled)
		return -ECANCELED;
	if (old && copy_to_user(old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

long sys_timerfd_gettime(int fd, void __user *cur)
{
	struct abi_itimerspec now;
	struct timerfd *t;
	long err;
	struct fdref r = timerfd_get(fd, &t, &err);

	if (err)
		return err;
	u64 irq = spin_lock_irqsave(&t->lock);
	current_setting(t, &now);
	spin_unlock_irqrestore(&t->lock, irq);
	fdref_put(r);
	return copy_to_user(cur, &now, sizeof(now)) ? -EFAULT : 0;
}
