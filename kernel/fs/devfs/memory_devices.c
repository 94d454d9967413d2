/*
 * The devices that are nothing but code: null, zero, full, random, urandom, kmsg; and /dev/console and its like while there are no
 * terminals, as the raw console.
 */
#include "vfs/vfs.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/registry.h"
#include "devfs_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

#define MEM_MAJOR 1
#define CHUNK 256
#define KMSG_RECORD 1024

/* --- null, zero, full -------------------------------------------------------------------------------------------------------------- */

static ssize_t null_read(struct file *f __unused, struct uio *to __unused, s64 *pos __unused)
{
	return 0;
}

static ssize_t null_write(struct file *f __unused, struct uio *from, s64 *pos __unused)
{
	size_t n = from->left;

	uio_skip(from, n);
	return n;
}

/* Seeking a memory device says 0, wherever to. */
static s64 null_lseek(struct file *f, s64 off __unused, int whence __unused)
{
	return f->pos = 0;
}

static ssize_t zero_read(struct file *f __unused, struct uio *to, s64 *pos __unused)
{
	size_t done = 0;

	while (to->left) {
		size_t want = MIN(to->left, 64 * PAGE_SIZE), n = uio_zero(to, want);
		done += n;
		if (n < want)
			return done ? (ssize_t)done : -EFAULT;
		if (thread_interrupted())
			break;
	}
	return done;
}

static ssize_t full_write(struct file *f __unused, struct uio *from __unused, s64 *pos __unused)
{
	return -ENOSPC;
}

/* Private: ordinary anonymous memory. Shared: memory of its own that children share, page by page in a table that hangs on the area. */
static int zero_mmap(struct file *f __unused, struct area *a)
{
	return a->flags & AREA_SHARED ? shared_memory_attach(a) : 0;
}

/* --- random ------------------------------------------------------------------------------------------------------------------------ */

static ssize_t random_read(struct file *f __unused, struct uio *to, s64 *pos __unused)
{
	u8 buf[CHUNK];
	size_t done = 0;

	while (to->left) {
		size_t n = MIN(to->left, sizeof(buf)), copied;
		random_bytes(buf, n);
		copied = uio_write(to, buf, n);
		done += copied;
		if (copied < n && !done)
			return -EFAULT;
		if (copied < n || thread_interrupted())
			break;
	}
	memset(buf, 0, sizeof(buf));
	return done;
}

static ssize_t random_write(struct file *f __unused, struct uio *from, s64 *pos __unused)
{
	u64 sample;
	size_t done = 0, n;

	while ((n = uio_read(from, &sample, MIN(from->left, sizeof(sample))))) {
		random_stir(sample);
		done += n;
	}
	return done || !from->left ? (ssize_t)done : -EFAULT;
}

/* It has been full since boot: nobody is asked for more. */
static u32 random_poll(struct file *f __unused, struct poll_table *pt __unused) { return POLLIN | POLLRDNORM; }

static long random_ioctl(struct file *f __unused, u32 cmd, u64 arg)
{
	/* RNDGETENTCNT; the others change counts that do not exist. */
	if (cmd == 0x80045200)
		return put_user_u32(256, (u32 __user *)arg);
	if (cmd == 0x40045201 || cmd == 0x40085203 || cmd == 0x5204 || cmd == 0x5206 || cmd == 0x5207)
		return file_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	return -EINVAL;
}

/* --- kmsg: one record a read, as Linux's Documentation/ABI/testing/dev-kmsg has it ----------------------------------------------------- */

/* f->private is the number of the next record. klog's form is "<level>[seconds.micros] text"; kmsg's "level,seq,micros,-;text". */
static ssize_t kmsg_record(u64 *seq, char *out, size_t size)
{
	char *line = kmalloc(KMSG_RECORD, 0);
	const char *at;
	u64 level, sec = 0, usec = 0, first = klog_first_seq(), number;
	ssize_t len;

	if (!line)
		return -ENOMEM;
	if (*seq < first) {
		*seq = first;
		kfree(line);
		return -EPIPE;
	}
	number = *seq;
	len = klog_read(seq, line, KMSG_RECORD - 1);
	if (len <= 0)
		goto out;
	line[len] = 0;
	level = parse_u64(line + 1, &at, 10);
	if (*at == '>')
		at++;
	if (*at == '[') {
		at++;
		while (*at == ' ')
			at++;
		sec = parse_u64(at, &at, 10);
		if (*at == '.')
			usec = parse_u64(at + 1, &at, 10);
		while (*at && *at != ']')
			at++;
		if (*at == ']')
			at++;
		if (*at == ' ')
			at++;
	}
	len = ksnprintf(out, size, "%lu,%lu,%lu,-;%s", level, number, sec * 1000000 + usec, at);
	if (len >= (ssize_t)size)
		len = size - 1;
	if (len && out[len - 1] != '\n' && len < (ssize_t)size - 1)
		out[len++] = '\n';
out:
	kfree(line);
	return len;
}

static ssize_t kmsg_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	char *record = kmalloc(KMSG_RECORD + 64, 0);
	u64 seq = (u64)f->private;
	ssize_t n;

	if (!record)
		return -ENOMEM;
	for (;;) {
		n = kmsg_record(&seq, record, KMSG_RECORD + 64);
		if (n)
			break;
		if (f->flags & O_NONBLOCK) {
			n = -EAGAIN;
			break;
		}
		/* Nobody wakes for a new record: look again ten times a second. */
		WAIT_QUEUE(nobody);
		n = wait_event_interruptible_until(&nobody, klog_next_seq() > seq, time_ns() + 100 * NSEC_PER_MSEC);
		if (n && n != -ETIMEDOUT)
			break;
	}
	if (n > 0 && (size_t)n > to->left)
		n = -EINVAL;
	else if (n > 0 && uio_write(to, record, n) < (size_t)n)
		n = -EFAULT;
	if (n > 0 || n == -EPIPE)
		f->private = (void *)seq;
	kfree(record);
	return n;
}

static ssize_t kmsg_write(struct file *f __unused, struct uio *from, s64 *pos __unused)
{
	size_t len = from->left;
	char *line, *text;
	u64 priority = LOG_WARNING; /* facility * 8 + level */

	if (len > KMSG_RECORD - 32)
		return -EINVAL;
	line = kmalloc(len + 1, 0);
	if (!line)
		return -ENOMEM;
	if (uio_read(from, line, len) < len) {
		kfree(line);
		return -EFAULT;
	}
	line[len] = 0;
	text = line;
	if (*text == '<') {
		const char *end;
		u64 n = parse_u64(text + 1, &end, 10);
		if (*end == '>') {
			priority = n & 0xff;
			text = line + (end + 1 - line);
		}
	}
	/* Nobody but the kernel speaks as the kernel (facility 0): what says so comes from a user (1). */
	if (priority < 8)
		priority += 8;
	printk_level((enum log_level)priority, "%s%s", text, len && line[len - 1] == '\n' ? "" : "\n");
	kfree(line);
	return len;
}

static s64 kmsg_lseek(struct file *f, s64 off, int whence)
{
	if (off)
		return -ESPIPE;
	if (whence == SEEK_SET || whence == SEEK_DATA)
		f->private = (void *)klog_first_seq();
	else if (whence == SEEK_END)
		f->private = (void *)klog_next_seq();
	else
		return -EINVAL;
	return 0;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt __unused)
{
	return (u64)f->private < klog_next_seq() ? POLLIN | POLLRDNORM : 0;
}

/* --- the devices --------------------------------------------------------------------------------------------------------------------- */

static const struct file_ops null_ops = { .name = "null", .no_splice = NO_SPLICE_READ, .read = null_read, .write = null_write, .lseek = null_lseek };
static const struct file_ops zero_ops = { .name = "zero", .no_splice = NO_SPLICE, .read = zero_read, .write = null_write, .lseek = null_lseek, .mmap = zero_mmap };
static const struct file_ops full_ops = { .name = "full", .no_splice = NO_SPLICE, .read = zero_read, .write = full_write, .lseek = null_lseek };
static const struct file_ops random_ops = {
	.name = "random", .read = random_read, .write = random_write, .poll = random_poll, .ioctl = random_ioctl, .lseek = null_lseek,
};
/* Unlike random, it says that it takes what is written. */
static const struct file_ops urandom_ops = {
	.name = "urandom", .read = random_read, .write = random_write, .ioctl = random_ioctl, .lseek = null_lseek,
};
static const struct file_ops kmsg_ops = {
	.name = "kmsg",
	.no_splice = NO_SPLICE, .read = kmsg_read, .write = kmsg_write, .lseek = kmsg_lseek, .poll = kmsg_poll,
};

static int memory_open(struct inode *inode, struct file *f)
{
	static const struct {
		u32 minor;
		const struct file_ops *ops;
	} by_minor[] = { { 3, &null_ops }, { 5, &zero_ops }, { 7, &full_ops }, { 8, &random_ops }, { 9, &urandom_ops }, { 11, &kmsg_ops } };
	u32 minor = abi_minor(inode->rdev);

	for (size_t i = 0; i < ARRAY_SIZE(by_minor); i++)
		if (by_minor[i].minor == minor) {
			/* As syslog(2): reading the log may be root's alone. */
			if (by_minor[i].ops == &kmsg_ops && f->mode & FILE_READ && klog_restricted && !file_capable(CAP_SYSLOG) && !file_capable(CAP_SYS_ADMIN))
				return -EPERM;
			f->ops = by_minor[i].ops;
			f->private = f->ops == &kmsg_ops ? (void *)klog_first_seq() : NULL;
			return 0;
		}
	return -ENXIO;
}

static int raw_console_open(struct inode *inode __unused, struct file *f)
{
	console_file_attach(f);
	return 0;
}

static struct char_device memory_devices[] = {
	{ .major = MEM_MAJOR, .minor = 3, .count = 1, .name = "null", .mode = 0666, .open = memory_open },
	{ .major = MEM_MAJOR, .minor = 5, .count = 1, .name = "zero", .mode = 0666, .open = memory_open },
	{ .major = MEM_MAJOR, .minor = 7, .count = 1, .name = "full", .mode = 0666, .open = memory_open },
	{ .major = MEM_MAJOR, .minor = 8, .count = 1, .name = "random", .mode = 0666, .open = memory_open },
	{ .major = MEM_MAJOR, .minor = 9, .count = 1, .name = "urandom", .mode = 0666, .open = memory_open },
	{ .major = MEM_MAJOR, .minor = 11, .count = 1, .name = "kmsg", .mode = 0644, .open = memory_open },
};
/* A terminal that registers the same number takes its place. */
static struct char_device raw_consoles[] = {
	{ .major = 5, .minor = 1, .count = 1, .name = "console", .mode = 0600, .open = raw_console_open, .provisional = true },
};

int memory_devices_init(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(memory_devices) && !err; i++)
		err = char_device_register(&memory_devices[i]);
	for (size_t i = 0; i < ARRAY_SIZE(raw_consoles) && !err; i++)
		err = char_device_register(&raw_consoles[i]);
	return err;
}
