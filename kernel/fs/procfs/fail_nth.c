/*
 * /proc/PID/fail-nth of a checking kernel: the Nth operation of the thread that can fail does (core/fault_inject.h), and N counts down until then.
 *
 * Reading and writing it must not count themselves: so no text file with its buffers, and the countdown stands still meanwhile.
 */
#include "procfs_priv.h"

#if DEBUG
#include "abi/fcntl.h"
#include "lib/format.h"
#include "lib/string.h"

static ssize_t fail_nth_read(struct file *f, struct uio *to, s64 *pos)
{
	struct thread *t = proc_thread(proc_of(f->inode));
	u32 left = __atomic_exchange_n(&t->fail_nth, 0u, __ATOMIC_SEQ_CST);
	char text[16];
	size_t n = (size_t)ksnprintf(text, sizeof(text), "%u\n", left);
	ssize_t ret = 0;

	if (*pos >= 0 && (size_t)*pos < n) {
		size_t want = MIN(n - (size_t)*pos, to->left);
		ret = (ssize_t)uio_write(to, text + *pos, want);
		*pos += ret;
		if (!ret && want)
			ret = -EFAULT;
	}
	WRITE_ONCE(t->fail_nth, left);
	return ret;
}

static ssize_t fail_nth_write(struct file *f, struct uio *from, s64 *pos __unused)
{
	struct thread *t = proc_thread(proc_of(f->inode));
	size_t n = from->left;
	char text[16];
	const char *end;

	WRITE_ONCE(t->fail_nth, 0u);
	if (!n || n >= sizeof(text))
		return -EINVAL;
	if (uio_read(from, text, n) < n)
		return -EFAULT;
	text[n] = '\0';
	u64 nth = parse_u64(text, &end, 10);
	if (end == text || nth > UINT32_MAX)
		return -EINVAL;
	WRITE_ONCE(t->fail_nth, (u32)nth);
	return (ssize_t)n;
}

static s64 fail_nth_lseek(struct file *f, s64 off, int whence)
{
	return whence == SEEK_END ? -EINVAL : generic_lseek(f, off, whence, INT64_MAX, 0);
}

const struct file_ops fail_nth_file_ops = { .name = "fail-nth", .read = fail_nth_read, .write = fail_nth_write, .lseek = fail_nth_lseek };
#endif
