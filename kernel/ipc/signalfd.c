/* signalfd: signals that are read instead of delivered. A read takes them from whoever reads: that one's thread and process. */
#include "ipc_priv.h"

#include "core/atomic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "syscalls_gen.h"

struct abi_signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value_ptr, utime, stime, addr;
	u16 addr_lsb, pad2;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 pad[28];
};
_Static_assert(sizeof(struct abi_signalfd_siginfo) == 128, "Linux");

struct signalfd {
	u64 mask; /* atomic */
};

static void fill(struct abi_signalfd_siginfo *out, int signo, const struct abi_siginfo *info)
{
	memset(out, 0, sizeof(*out));
	out->signo = signo;
	out->err = info->err;
	out->code = info->code;
	if (info->code == SI_TIMER) {
		out->tid = info->timer.timer_id;
		out->overrun = info->timer.overrun;
		out->value_ptr = info->timer.value;
		out->value_int = (s32)info->timer.value;
	} else if (signo == SIGCHLD && info->code > 0 && info->code <= CLD_CONTINUED) {
		out->pid = info->chld.pid;
		out->uid = info->chld.uid;
		out->status = info->chld.status;
		out->utime = info->chld.utime;
		out->stime = info->chld.stime;
	} else if ((signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE || signo == SIGTRAP) && info->code > 0 && info->code < SI_KERNEL) {
		out->addr = info->fault.addr;
		out->addr_lsb = info->fault.addr_lsb;
	} else if (info->code >= POLL_IN && info->code <= POLL_HUP) { /* SIGIO, or the signal in its place */
		out->band = info->poll.band;
		out->fd = info->poll.fd;
	} else {
		out->pid = info->rt.pid;
		out->uid = info->rt.uid;
		out->value_ptr = info->rt.value;
		out->value_int = (s32)info->rt.value;
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct signalfd *s = f->private;
	struct wait_queue *q = &current->process->signal->signalfd_wait;
	ssize_t done = 0;

	if (to->left < sizeof(struct abi_signalfd_siginfo))
		return -EINVAL;
	while (to->left >= sizeof(struct abi_signalfd_siginfo)) {
		struct abi_siginfo info;
		struct abi_signalfd_siginfo out;
		int signo = signal_dequeue(atomic_load(&s->mask), &info);
		if (!signo) {
			if (done)
				break;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			long err = wait_event_interruptible(q, signal_pending_mask(current) & atomic_load(&s->mask));
			if (err)
				return err;
			continue;
		}
		fill(&out, signo, &info);
		if (uio_write(to, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->private;

	poll_wait(pt, f, &current->process->signal->signalfd_wait);
	smp_mb();
	return signal_pending_mask(current) & atomic_load(&s->mask) ? POLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static int signalfd_show(struct file *f, struct seq *s)
{
	const struct signalfd *fd = f->private;

	seq_printf(s, "sigmask:\t%016lx\n", atomic_load(&fd->mask));
	return 0;
}

static const struct file_ops signalfd_ops = {
	.name = "[signalfd]",
	.no_splice = NO_SPLICE,
	.lseek = ipc_no_lseek,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.show_fdinfo = signalfd_show,
	.release = signalfd_release,
};

long sys_signalfd4(int fd, const void __user *mask, size_t sigsetsize, int flags)
{
	u64 set;
	long result;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	result = signal_mask_from_user(&set, mask, sigsetsize);
	if (result)
		return result;
	set &= ~SIG_UNMASKABLE;
	if (fd != -1) {
		struct fdref r = fdref_get(fd, false);
		if (!r.file)
			return -EBADF;
		result = -EINVAL;
		if (r.file->ops == &signalfd_ops) {
			atomic_store(&((struct signalfd *)r.file->private)->mask, set);
			wait_wake_all(&current->process->signal->signalfd_wait);
			result = fd;
		}
		fdref_put(r);
		return result;
	}
	struct signalfd *s = kzalloc(sizeof(*s), 0);
	if (!s)
		return -ENOMEM;
	s->mask = set;
	result = ipc_new_fd("anon_inode:[signalfd]", &signalfd_ops, O_RDWR | (flags & O_NONBLOCK), flags & O_CLOEXEC, s);
	if (result < 0)
		kfree(s);
	return result;
}

long sys_signalfd(int fd, const void __user *mask, size_t sigsetsize)
{
	return sys_signalfd4(fd, mask, sigsetsize, 0);
}
