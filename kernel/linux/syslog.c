/* syslog(2) and /proc/kmsg: the kernel's log for dmesg and klogd. Records come from klog_read() as "<level>[time] text\n". */
#include "core/printk.h"
#include "lib/string.h"
#include "linux_priv.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "sched/mutex.h"
#include "linux/syslog.h"
#include "time/time.h"
#include "usermode/uaccess.h"

enum { ACTION_CLOSE, ACTION_OPEN, ACTION_READ, ACTION_READ_ALL, ACTION_READ_CLEAR, ACTION_CLEAR, ACTION_CONSOLE_OFF, ACTION_CONSOLE_ON, ACTION_CONSOLE_LEVEL,
       ACTION_SIZE_UNREAD, ACTION_SIZE_BUFFER };
#define RECORD 640
#define BUFFER_SIZE (128 * 1024)
#define LOOK_AGAIN_NS (50 * NSEC_PER_MSEC)

static MUTEX(reader_lock, RANK_NONE); /* guards the two below */
static u64 read_seq;                /* next record for ACTION_READ and /proc/kmsg */
static size_t read_offset;          /* bytes of it that were read */
static u64 clear_seq;               /* ACTION_CLEAR: READ_ALL starts here */
static int saved_loglevel = -1;
static WAIT_QUEUE(nobody_wakes);    /* messages come from any context and wake nobody: readers look again by themselves */

bool syslog_has_more(void)
{
	return READ_ONCE(read_seq) < klog_next_seq() || READ_ONCE(read_offset);
}

ssize_t syslog_read(struct uio *to, bool wait)
{
	char *record = kmalloc(RECORD, 0);
	size_t total = 0;
	ssize_t err = 0;
	if (!record)
		return -ENOMEM;
	while (!syslog_has_more()) {
		err = wait ? wait_event_interruptible_until(&nobody_wakes, syslog_has_more(), time_ns() + LOOK_AGAIN_NS) : -EAGAIN;
		if (err && err != -ETIMEDOUT)
			goto out;
	}
	err = mutex_lock_interruptible(&reader_lock);
	if (err)
		goto out;
	while (to->left) {
		u64 seq = read_seq;
		size_t n = klog_read(&seq, record, RECORD);
		if (n == 0)
			break;
		if (read_offset >= n)
			read_offset = 0; /* the record that was begun is gone */
		size_t take = MIN(n - read_offset, to->left);
		if (uio_write(to, record + read_offset, take) < take) {
			err = -EFAULT;
			break;
		}
		total += take;
		read_offset += take;
		if (read_offset == n) {
			read_seq = seq;
			read_offset = 0;
		}
	}
	mutex_unlock(&reader_lock);
out:
	kfree(record);
	return total ? (ssize_t)total : err;
}

/* The last `len` bytes of whole records since the last clear. */
static long read_all(char __user *buf, size_t len, bool clear)
{
	char *record = kmalloc(RECORD, 0);
	if (!record)
		return -ENOMEM;
	u64 first = MAX(clear_seq, klog_first_seq()), end = klog_next_seq(), seq = first;
	size_t total = 0, n, done = 0;
	while (seq < end && (n = klog_read(&seq, record, RECORD)))
		total += n;
	for (seq = first; total > len && seq < end && (n = klog_read(&seq, record, RECORD)); first = seq)
		total -= n;
	long ret = 0;
	for (seq = first; seq < end && (n = klog_read(&seq, record, RECORD)) && done + n <= len; done += n)
		if (copy_to_user(buf + done, record, n)) {
			ret = -EFAULT;
			break;
		}
	if (!ret && clear)
		clear_seq = end;
	kfree(record);
	return ret ? ret : (long)done;
}

static size_t unread_size(void)
{
	char *record = kmalloc(RECORD, 0);
	size_t total = 0, n;
	if (!record)
		return 0;
	for (u64 seq = read_seq; (n = klog_read(&seq, record, RECORD));)
		total += n;
	kfree(record);
	return total - MIN(total, read_offset);
}

static int show_restrict(struct seq *s)
{
	seq_printf(s, "%d\n", klog_restricted);
	return 0;
}

static ssize_t store_restrict(const char *text, size_t len)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (*text != '0' && *text != '1')
		return -EINVAL;
	klog_restricted = *text == '1';
	return (ssize_t)len;
}
NODE(dmesg_restrict, .path = "sys/kernel/dmesg_restrict", .mode = 0644, .show = show_restrict, .store = store_restrict);

long sys_syslog(int type, void __user *buf, int len)
{
	struct uio to;
	struct uio_vec vec;
	if (type < 0 || type > ACTION_SIZE_BUFFER)
		return -EINVAL;
	if ((klog_restricted || (type != ACTION_READ_ALL && type != ACTION_SIZE_BUFFER)) && !capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (type) {
	case ACTION_READ:
	case ACTION_READ_ALL:
	case ACTION_READ_CLEAR:
		if (!buf || len < 0)
			return -EINVAL;
		if (len == 0)
			return 0;
		if (!user_range_ok(buf, (size_t)len))
			return -EFAULT;
		if (type != ACTION_READ)
			return read_all(buf, (size_t)len, type == ACTION_READ_CLEAR);
		uio_init_user(&to, &vec, buf, (size_t)len);
		return syslog_read(&to, true);
	case ACTION_CLEAR:
		clear_seq = klog_next_seq();
		return 0;
	case ACTION_CONSOLE_OFF:
		if (saved_loglevel < 0)
			saved_loglevel = console_loglevel;
		console_loglevel = 1;
		return 0;
	case ACTION_CONSOLE_ON:
		if (saved_loglevel >= 0)
			console_loglevel = saved_loglevel;
		saved_loglevel = -1;
		return 0;
	case ACTION_CONSOLE_LEVEL:
		if (len < 1 || len > 8)
			return -EINVAL;
		console_loglevel = len;
		saved_loglevel = -1;
		return 0;
	case ACTION_SIZE_UNREAD:
		return (long)unread_size();
	case ACTION_SIZE_BUFFER:
		return BUFFER_SIZE;
	default:
		return 0;
	}
}
