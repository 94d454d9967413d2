/*
 * /dev/rtc0: the battery-backed clock for programs (hwclock): read it, set it. As on Linux one program at a time has it open.
 *
 * There are no alarms and no interrupts, so what asks for them is -ENOTTY, and a read, which would wait for one, waits for a signal.
 */
#include "abi/errno.h"
#include "core/atomic.h"
#include "core/registry.h"
#include "devfs_priv.h"
#include "proc/cred.h"
#include "sched/mutex.h"
#include "sched/wait.h"
#include "time/time.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

#define RTC_MAJOR 252 /* Linux gives it at run time; this is what comes of it there */
#define RTC_RD_TIME 0x80247009u
#define RTC_SET_TIME 0x4024700au
#define YEAR_MIN 1970
#define YEAR_MAX 2155 /* what Linux's driver takes */

struct abi_rtc_time {
	s32 sec, min, hour, mday, mon, year, wday, yday, isdst; /* mon from 0, year from 1900 */
};

static bool is_open; /* atomic */
static MUTEX(ports, RANK_NONE);

static long read_time(void __user *to)
{
	struct rtc_date d;
	struct abi_rtc_time t;
	u64 seconds;

	mutex_lock(&ports);
	seconds = rtc_seconds();
	mutex_unlock(&ports);
	if (!seconds)
		return -EINVAL;
	rtc_seconds_date(seconds, &d);
	/* The days of week and year are not told, as by Linux's driver. */
	t = (struct abi_rtc_time){ .sec = d.second, .min = d.minute, .hour = d.hour, .mday = d.day, .mon = d.month - 1, .year = d.year - 1900 };
	return copy_to_user(to, &t, sizeof(t)) ? -EFAULT : 0;
}

static long set_time(const void __user *from)
{
	struct rtc_date d, same;
	struct abi_rtc_time t;

	if (copy_from_user(&t, from, sizeof(t)))
		return -EFAULT;
	if (t.year < YEAR_MIN - 1900 || t.year > YEAR_MAX - 1900 || (u32)t.mon >= 12 || t.mday < 1 || t.mday > 31)
		return -EINVAL;
	if ((u32)t.hour >= 24 || (u32)t.min >= 60 || (u32)t.sec >= 60)
		return -EINVAL;
	d = (struct rtc_date){ t.sec, t.min, t.hour, t.mday, t.mon + 1, t.year + 1900 };
	/* The 30th of February comes back as another day. */
	rtc_seconds_date(rtc_date_seconds(&d), &same);
	if (same.day != d.day)
		return -EINVAL;
	mutex_lock(&ports);
	rtc_set(&d);
	mutex_unlock(&ports);
	return 0;
}

static long rtc_ioctl(struct file *f __unused, u32 cmd, u64 arg)
{
	switch (cmd) {
	case RTC_RD_TIME:
		return read_time((void __user *)arg);
	case RTC_SET_TIME:
		return capable(CAP_SYS_TIME) ? set_time((const void __user *)arg) : -EACCES;
	}
	return -ENOTTY;
}

static ssize_t rtc_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	static WAIT_QUEUE(interrupts);

	if (to->left < sizeof(u32))
		return -EINVAL;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(&interrupts, false);
}

static u32 rtc_poll(struct file *f __unused, struct poll_table *pt __unused)
{
	return 0;
}

static void rtc_release(struct file *f __unused)
{
	atomic_store_release(&is_open, false);
}

static const struct file_ops rtc_ops = {
	.name = "rtc", .no_splice = NO_SPLICE, .read = rtc_read, .poll = rtc_poll, .ioctl = rtc_ioctl, .release = rtc_release,
};

static int rtc_open(struct inode *inode __unused, struct file *f)
{
	if (__atomic_exchange_n(&is_open, true, __ATOMIC_ACQUIRE))
		return -EBUSY;
	f->ops = &rtc_ops;
	return 0;
}

static struct char_device rtc_device = { .major = RTC_MAJOR, .minor = 0, .count = 1, .name = "rtc0", .mode = 0600, .open = rtc_open };

static int rtc_init(void)
{
	return char_device_register(&rtc_device);
}

SUBSYSTEM(rtc, .needs = "devfs", .init = rtc_init, .stage = "08-vfs");
